//! A back end for what the made-up guest needs, as simple as possible: the engine's tests do not
//! depend on the real one's state. One integer and one vector slot are pinned.

use core::mem::offset_of;
use host::{Code, FaultPoint, FlagsAt, Host, Link, Pin, Stubs};
use ir::state::{BIAS, HASH_ENTRIES, POLL_OFFSET, SLOT_PC, exit, slot_offset};
use ir::{Block, Cond, ExitKind, Op, OpCode, Ref, State};

pub(crate) struct SmallHost;

const PINS: [Pin; 2] = [Pin { slot: 0, reg: 3 }, Pin { slot: 64, reg: 0 }];

/// `op` with a 32-bit displacement from the state register.
fn field(out: &mut Vec<u8>, op: &[u8], offset: usize) {
    out.extend(op);
    out.extend((offset as i32 - BIAS).to_le_bytes());
}

macro_rules! at {
    ($name:ident) => {
        offset_of!(State, $name)
    };
}

fn slot(n: u16) -> usize {
    slot_offset(n) as usize
}

/// `mov rax, value`
fn rax(out: &mut Vec<u8>, value: u64) {
    out.extend([0x48, 0xb8]);
    out.extend(value.to_le_bytes());
}

fn store_pins(out: &mut Vec<u8>) {
    field(out, &[0x48, 0x89, 0x9d], slot(0)); // mov [], rbx
    field(out, &[0x0f, 0x11, 0x85], slot(64)); // movups [], xmm0
}

fn load_pins(out: &mut Vec<u8>) {
    field(out, &[0x48, 0x8b, 0x9d], slot(0));
    field(out, &[0x0f, 0x10, 0x85], slot(64));
}

struct Lower<'a> {
    block: &'a Block,
    code: &'a mut Code,
    first_link: u32,
    insn: u32,
    flags: FlagsAt,
}

impl Lower<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.code.bytes.extend(bytes);
    }
    fn field(&mut self, op: &[u8], offset: usize) {
        field(&mut self.code.bytes, op, offset);
    }
    /// rax = operand.
    fn read(&mut self, r: Ref) {
        if let Some(v) = self.block.const64(r) {
            rax(&mut self.code.bytes, v);
        } else if let Some(n) = r.as_slot() {
            if n == 0 {
                self.put(&[0x48, 0x89, 0xd8]);
            } else {
                self.field(&[0x48, 0x8b, 0x85], slot(n));
            }
        } else {
            self.field(&[0x48, 0x8b, 0x85], at!(spill));
        }
    }
    fn write(&mut self, r: Ref) {
        match r.as_slot() {
            Some(0) => self.put(&[0x48, 0x89, 0xc3]),
            Some(n) => self.field(&[0x48, 0x89, 0x85], slot(n)),
            None => self.field(&[0x48, 0x89, 0x85], at!(spill)),
        }
    }
    fn rcx_from_rax(&mut self) {
        self.put(&[0x48, 0x89, 0xc1]);
    }
    fn fault_point(&mut self) {
        let host = self.code.bytes.len() as u32;
        self.code.faults.push(FaultPoint { host, guest: self.insn, flags: self.flags });
    }
    /// Flags to their home, if they are not.
    fn settle(&mut self) {
        if self.flags == FlagsAt::HostSub {
            // lahf; seto al; xor ah, 1; movzx eax, ax
            self.put(&[0x9f, 0x0f, 0x90, 0xc0, 0x80, 0xf4, 0x01, 0x0f, 0xb7, 0xc0]);
            self.field(&[0x89, 0x85], at!(flags));
            self.flags = FlagsAt::Home;
        }
    }
    fn leave(&mut self, reason: u32, arg: u64, pc: u64) {
        rax(&mut self.code.bytes, arg);
        self.field(&[0x48, 0x89, 0x85], at!(exit_arg));
        rax(&mut self.code.bytes, pc);
        self.leave_rax(reason);
    }
    /// Leaves; pc in rax.
    fn leave_rax(&mut self, reason: u32) {
        self.field(&[0x48, 0x89, 0x85], slot(SLOT_PC));
        self.field(&[0xc7, 0x85], at!(exit_reason));
        self.put(&reason.to_le_bytes());
        self.field(&[0xff, 0xa5], at!(leave));
    }
    /// `opcode rel32`, linkable, to a stub that is put right after the next `stub` call.
    fn link(&mut self, opcode: &[u8], pc: u64) -> usize {
        while !(self.code.bytes.len() + opcode.len()).is_multiple_of(4) {
            self.put(&[0x90]);
        }
        self.put(opcode);
        let at = self.code.bytes.len() as u32;
        self.put(&[0; 4]);
        self.code.links.push(Link { at, stub: 0, pc });
        self.code.links.len() - 1
    }
    fn stub(&mut self, link: usize) {
        let stub = self.code.bytes.len() as u32;
        let Link { at, pc, .. } = self.code.links[link];
        self.code.links[link].stub = stub;
        self.code.bytes[at as usize..at as usize + 4].copy_from_slice(&(stub - at - 4).to_le_bytes());
        self.leave(exit::LINK, u64::from(self.first_link) + link as u64, pc);
    }
    /// The landing of a return.
    fn landing(&mut self, pc: u64) {
        self.put(&[0x48, 0x8d, 0x64, 0x24, 0x08]); // lea rsp, [rsp + 8]
        let link = self.link(&[0xe9], pc);
        self.stub(link);
    }
    fn direct(&mut self, imm: i32) {
        let exit = self.block.exits[(-1 - imm) as usize];
        match exit.kind {
            ExitKind::Call { return_pc } => {
                rax(&mut self.code.bytes, return_pc);
                self.put(&[0x50]);
                let link = self.link(&[0xe8], exit.pc);
                self.landing(return_pc);
                self.stub(link);
            }
            ExitKind::Jump | ExitKind::Return => {
                let link = self.link(&[0xe9], exit.pc);
                self.stub(link);
            }
        }
    }
    /// To the guest address in rax, through the hash; `call` as the last instruction or jump.
    fn indirect(&mut self, last: [u8; 4]) {
        self.put(&[0x89, 0xc1, 0xc1, 0xe9, 0x02]); // mov ecx, eax; shr ecx, 2
        self.put(&[0x81, 0xe1]);
        self.put(&(HASH_ENTRIES as u32 - 1).to_le_bytes());
        self.put(&[0x48, 0xc1, 0xe1, 0x04]); // shl rcx, 4
        self.field(&[0x48, 0x03, 0x8d], at!(hash)); // add rcx, [hash]
        self.put(&[0x48, 0x39, 0x01]); // cmp [rcx], rax
        self.put(&[0x75, 4]); // jne over
        self.put(&last);
    }
    fn op(&mut self, op: &Op) {
        if op.code != OpCode::BrCond && !matches!(op.code, OpCode::Insn | OpCode::Ld) {
            self.settle();
        }
        match op.code {
            OpCode::Insn => self.insn = op.imm as u32,
            OpCode::Poll => {
                self.fault_point();
                self.field(&[0x8b, 0x85], 0); // mov eax, [state]
                let at = self.code.bytes.len() - 4;
                self.code.bytes[at..].copy_from_slice(&(POLL_OFFSET - BIAS).to_le_bytes());
            }
            OpCode::Mov => {
                self.read(op.a);
                self.write(op.dst);
            }
            OpCode::Add => {
                self.read(op.a);
                self.rcx_from_rax();
                self.read(op.b);
                self.put(&[0x48, 0x01, 0xc8]);
                self.write(op.dst);
            }
            OpCode::SubS => {
                self.read(op.b);
                self.rcx_from_rax();
                self.read(op.a);
                self.put(&[0x48, 0x39, 0xc8]);
                self.flags = FlagsAt::HostSub;
            }
            OpCode::Ld | OpCode::St => {
                // The flags survive: moves only.
                self.read(op.a);
                self.rcx_from_rax();
                if op.code == OpCode::St {
                    self.read(op.c);
                }
                self.fault_point();
                self.put(if op.code == OpCode::St { &[0x48, 0x89, 0x81] } else { &[0x48, 0x8b, 0x81] });
                self.put(&op.imm.to_le_bytes());
                if op.code == OpCode::Ld {
                    self.write(op.dst);
                }
            }
            OpCode::Rmw => {
                self.read(op.a);
                self.rcx_from_rax();
                self.read(op.b);
                self.fault_point();
                self.put(&[0xf0, 0x48, 0x0f, 0xc1, 0x01]);
            }
            OpCode::FDiv => self.divide(op),
            OpCode::BrCmp => {
                assert_eq!(op.aux, Cond::Ne as u16);
                self.read(op.a);
                self.put(&[0x48, 0x85, 0xc0, 0x74, 0]);
                let over = self.code.bytes.len();
                self.direct(op.imm);
                self.code.bytes[over - 1] = (self.code.bytes.len() - over) as u8;
            }
            OpCode::BrCond => {
                assert_eq!(op.aux, Cond::Eq as u16);
                self.settle();
                self.field(&[0x8b, 0x85], at!(flags));
                self.put(&[0xa9, 0x00, 0x40, 0, 0, 0x74, 0]); // test eax, Z; je over
                let over = self.code.bytes.len();
                self.direct(op.imm);
                self.code.bytes[over - 1] = (self.code.bytes.len() - over) as u8;
            }
            OpCode::ExitDirect => self.direct(op.imm),
            OpCode::ExitIndirect => {
                self.read(op.a);
                if op.aux == 1 {
                    // cmp rax, [rsp + 8]; jne over; ret; over: mov rsp, [ret_base]
                    self.put(&[0x48, 0x3b, 0x44, 0x24, 0x08, 0x75, 0x01, 0xc3]);
                    self.field(&[0x48, 0x8b, 0xa5], at!(ret_base));
                }
                self.indirect([0xff, 0x61, 0x08, 0x90]); // jmp [rcx + 8]; nop
                self.leave_rax(exit::INDIRECT);
            }
            OpCode::CallIndirect => {
                let return_pc = self.block.exits[(-1 - op.imm) as usize].pc;
                rax(&mut self.code.bytes, return_pc);
                self.put(&[0x50]);
                self.put(&[0xe8, 0, 0, 0, 0]);
                let over = self.code.bytes.len();
                self.landing(return_pc);
                let rel = (self.code.bytes.len() - over) as u32;
                self.code.bytes[over - 4..over].copy_from_slice(&rel.to_le_bytes());
                self.read(op.a);
                self.indirect([0xff, 0x61, 0x08, 0x90]);
                self.leave_rax(exit::INDIRECT);
            }
            OpCode::Syscall => {
                let next = self.block.pc + u64::from(self.insn) + 4;
                self.leave(exit::SYSCALL, op.imm as u64, next);
            }
            OpCode::Trap => {
                let pc = self.block.pc + u64::from(self.insn);
                self.leave(exit::TRAP, u64::from(op.aux) | (op.imm as u64) << 32, pc);
            }
            OpCode::Runtime => {
                self.read(op.a);
                self.field(&[0x48, 0x89, 0x85], at!(args));
                let next = self.block.pc + u64::from(self.insn) + 4;
                self.leave(exit::RUNTIME, op.imm as u64, next);
            }
            code => unimplemented!("{code:?}"),
        }
    }
    fn divide(&mut self, op: &Op) {
        if self.block.fp_exact {
            for (i, n) in [65, 66].into_iter().enumerate() {
                self.field(&[0x0f, 0x10, 0xbd], slot(n)); // movups xmm7, []
                self.field(&[0x0f, 0x11, 0xbd], at!(args) + 16 * i);
            }
            let [low, high] = op.encode();
            rax(&mut self.code.bytes, low);
            self.field(&[0x48, 0x89, 0x85], at!(helper_op));
            rax(&mut self.code.bytes, high);
            self.field(&[0x48, 0x89, 0x85], at!(helper_op) + 8);
            self.field(&[0xff, 0x95], at!(call_helper));
            self.field(&[0x0f, 0x10, 0x85], at!(args));
            return;
        }
        self.field(&[0xf3, 0x0f, 0x7e, 0xbd], slot(65)); // movq xmm7, []
        self.fault_point();
        self.field(&[0xf2, 0x0f, 0x5e, 0xbd], slot(66)); // divsd xmm7, []
        self.put(&[0xf3, 0x0f, 0x7e, 0xc7]); // movq xmm0, xmm7
    }
}

impl Host for SmallHost {
    fn lower(&self, block: &Block, first_link: u32, code: &mut Code) {
        let mut l = Lower { block, code, first_link, insn: 0, flags: FlagsAt::Home };
        for op in &block.ops {
            l.op(op);
        }
    }
    fn stubs(&self) -> Stubs {
        let mut s = Stubs::default();
        let out = &mut s.bytes;
        // enter: push rbp, rbx, r12..r15
        out.extend([0x55, 0x53, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57, 0x48, 0x8d, 0xaf]);
        out.extend(BIAS.to_le_bytes());
        field(out, &[0x48, 0x89, 0xa5], at!(host_sp));
        field(out, &[0x0f, 0xae, 0x95], at!(fp_control));
        load_pins(out);
        field(out, &[0x48, 0x8b, 0xa5], at!(ret_sp));
        out.extend([0xff, 0xe6]);
        s.ret_miss = out.len() as u32;
        field(out, &[0x48, 0x8b, 0xa5], at!(ret_base));
        field(out, &[0x48, 0x89, 0x85], slot(SLOT_PC));
        field(out, &[0xc7, 0x85], at!(exit_reason));
        out.extend(exit::INDIRECT.to_le_bytes());
        s.leave = out.len() as u32;
        store_pins(out);
        field(out, &[0x48, 0x89, 0xa5], at!(ret_sp));
        s.leave_stored = out.len() as u32;
        field(out, &[0x0f, 0xae, 0x9d], at!(fp_control));
        field(out, &[0x0f, 0xae, 0x95], at!(fp_control_host));
        field(out, &[0x48, 0x8b, 0xa5], at!(host_sp));
        out.extend([0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5b, 0x5d, 0xc3]);
        s.call_helper = out.len() as u32;
        store_pins(out);
        field(out, &[0x48, 0x89, 0xa5], at!(ret_sp));
        field(out, &[0x0f, 0xae, 0x9d], at!(fp_control));
        field(out, &[0x0f, 0xae, 0x95], at!(fp_control_host));
        field(out, &[0x48, 0x8b, 0xa5], at!(host_sp));
        out.extend([0x48, 0x83, 0xec, 0x08]); // sub rsp, 8: six registers and the return address
        field(out, &[0x48, 0x8d, 0xbd], 0);
        field(out, &[0xff, 0x95], at!(helper));
        load_pins(out);
        field(out, &[0x0f, 0xae, 0x95], at!(fp_control));
        field(out, &[0x48, 0x8b, 0xa5], at!(ret_sp));
        out.push(0xc3);
        s
    }
    fn pins(&self) -> &[Pin] {
        &PINS
    }
    fn describe(&self, code: &[u8]) -> String {
        format!("{code:02x?}")
    }
}
