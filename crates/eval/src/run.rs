//! Execution of a block on a state, and the entry for single operations of translated code.

use crate::{Env, flags, integer, pure};
use ir::state::{
    FIRST_VEC, MONITOR_CLEAR, SLOT_EX_ADDR, SLOT_EX_HI, SLOT_EX_LO, SLOT_FPSR, SLOT_TIME,
    TRAP_FLOAT,
};
use ir::{
    Access, Block, ExitKind, FpControl, FpRules, Op, OpCode, Ref, RmwOp, SWAP, State, WRAP32,
};

/// An access that did not succeed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemFault {
    /// The address.
    pub addr: u64,
    /// It was misaligned (else: not mapped or not permitted).
    pub alignment: bool,
    /// It was a write.
    pub write: bool,
}

/// Guest memory as the evaluator sees it. Values are little-endian, sizes 1, 2, 4, 8 or 16.
pub trait Memory {
    /// Loads `size` bytes, zero-extended.
    ///
    /// # Errors
    /// If the memory is not there or not readable.
    fn load(&mut self, addr: u64, size: usize) -> Result<u128, MemFault>;
    /// Stores the low `size` bytes of `value`.
    ///
    /// # Errors
    /// If the memory is not there or not writable.
    fn store(&mut self, addr: u64, size: usize, value: u128) -> Result<(), MemFault>;
    /// Atomically stores `new` if the memory holds `expected`; returns what it held.
    /// All of it is within 16 aligned bytes. As it is here, for memory that nobody else uses.
    ///
    /// # Errors
    /// If the memory is not there or not writable.
    fn compare_exchange(
        &mut self,
        addr: u64,
        size: usize,
        expected: u128,
        new: u128,
    ) -> Result<u128, MemFault> {
        let old = self.load(addr, size)?;
        self.store(addr, size, if old == expected { new } else { old })?;
        Ok(old)
    }
    /// Nanoseconds of the host's clock, for `OpCode::Counter`.
    fn counter(&mut self) -> u64 {
        0
    }
    /// Seconds and nanoseconds of the host's clock `clock`, for `OpCode::HostTime`.
    fn host_time(&mut self, clock: i32) -> [u64; 2] {
        let _ = clock;
        [0; 2]
    }
    /// Processor and node, for `OpCode::HostCpu`.
    fn host_cpu(&mut self) -> [u64; 2] {
        [0; 2]
    }
    /// A full memory fence.
    fn fence(&mut self) {
        std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    }
}

/// Memory of which nothing is there: every access is a fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMemory;

impl Memory for NoMemory {
    fn load(&mut self, addr: u64, _: usize) -> Result<u128, MemFault> {
        Err(MemFault { addr, alignment: false, write: false })
    }
    fn store(&mut self, addr: u64, _: usize, _: u128) -> Result<(), MemFault> {
        Err(MemFault { addr, alignment: false, write: true })
    }
    fn compare_exchange(
        &mut self,
        addr: u64,
        _: usize,
        _: u128,
        _: u128,
    ) -> Result<u128, MemFault> {
        Err(MemFault { addr, alignment: false, write: true })
    }
}

/// How a block was left. The pc slot is set as the contract of [`ir::state::exit`] says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Go on at this address (also in the pc slot).
    Exit(u64),
    /// A call: go on at `pc`.
    Call {
        /// Where to.
        pc: u64,
        /// Guest address after the call.
        return_pc: u64,
    },
    /// A system call with this immediate; the pc slot is the next instruction.
    Syscall(i32),
    /// A trap at the pc slot.
    Trap {
        /// One of `ir::state::TRAP_*`.
        kind: u16,
        /// Its argument.
        arg: i32,
    },
    /// A guest runtime operation; the pc slot is the next instruction.
    Runtime {
        /// Which.
        op: i32,
        /// Its arguments.
        args: [u64; 2],
    },
    /// A memory fault at the pc slot; the state is as at that instruction's start.
    Fault(MemFault),
}

/// Temporaries of a block that need no allocation: those of most.
const FEW_TEMPS: usize = 8;

/// A block that branches inside itself is left at an instruction after this many operations.
const STEP_LIMIT: u32 = 100_000;

/// Runs `block` on `state`.
pub fn run(block: &Block, state: &mut State, mem: &mut dyn Memory) -> Outcome {
    let (mut few, mut many) = ([0; FEW_TEMPS], Vec::new());
    let temps = match few.get_mut(..usize::from(block.temps)) {
        Some(temps) => temps,
        None => {
            many.resize(usize::from(block.temps), 0);
            &mut many[..]
        }
    };
    let mut m = Machine { block, state, mem, temps, pc: block.pc };
    let outcome = m.run();
    match outcome {
        Outcome::Exit(pc) | Outcome::Call { pc, .. } => state.set_pc(pc),
        Outcome::Trap { .. } | Outcome::Fault(_) => {
            let pc = m.pc;
            state.set_pc(pc);
        }
        Outcome::Syscall(_) | Outcome::Runtime { .. } => {}
    }
    outcome
}

/// Evaluates `state.helper_op` over `state.args`: gives the result; the flags and the floating-point
/// status go to their homes.
pub fn helper(state: &mut State) -> u128 {
    let op = Op::decode(state.helper_op);
    let [a, b, c, _] = state.args;
    if op.code == OpCode::Vec {
        // (Most of what is left to the helper: it knows no flags.)
        let mut env = Env {
            nzcv: 0,
            fp: FpControl { rules: op.helper_rules(), ..state.fp },
            status: state.int[usize::from(SLOT_FPSR)],
        };
        let result = crate::vector::eval(&op, a, b, c, &mut env);
        state.int[usize::from(SLOT_FPSR)] = env.status;
        return result;
    }
    let mut env = environment(state, op.helper_rules());
    let result = pure(&op, a, b, c, &mut env);
    store_environment(state, &op, &env);
    result
}

fn environment(state: &State, rules: FpRules) -> Env {
    Env {
        nzcv: state.six_flags(),
        fp: FpControl { rules, ..state.fp },
        status: state.int[usize::from(SLOT_FPSR)],
    }
}

fn store_environment(state: &mut State, op: &Op, env: &Env) {
    if op.code.writes_flags() {
        state.set_six_flags(env.nzcv);
    }
    state.int[usize::from(SLOT_FPSR)] = env.status;
}

/// The `si_code` that Linux gives for exceptions, as [`SLOT_FPSR`] has them: FPE_FLTINV and so on.
fn float_code(exceptions: u64) -> i32 {
    const FIRST: i32 = 3;
    // (Denormal operands as underflow.)
    let by_precedence = [(1, 4), (1 << 1, 0), (1 << 2, 1), (1 << 3 | 1 << 7, 2)];
    let found = by_precedence.iter().find(|(bits, _)| exceptions & bits != 0);
    FIRST + found.map_or(3, |(_, code)| *code)
}

struct Machine<'a> {
    block: &'a Block,
    state: &'a mut State,
    mem: &'a mut dyn Memory,
    temps: &'a mut [u128],
    /// Of the current instruction.
    pc: u64,
}

impl Machine<'_> {
    fn run(&mut self) -> Outcome {
        let ops = &self.block.ops;
        let (mut i, mut steps) = (0, 0);
        // (Nothing in a block changes what is masked.)
        let float_may_trap = self.state.fp.unmasked != 0;
        while let Some(op) = ops.get(i) {
            i += 1;
            steps += 1;
            match op.code {
                OpCode::Insn => {
                    self.pc = self.block.pc + op.imm as u64;
                    if steps > STEP_LIMIT {
                        return Outcome::Exit(self.pc);
                    }
                }
                OpCode::Label | OpCode::Poll => {}
                OpCode::Check => {
                    if self.read64(op.a) != self.read64(op.b) {
                        return Outcome::Trap { kind: op.aux, arg: op.imm };
                    }
                }
                OpCode::Br | OpCode::BrCond | OpCode::BrCmp | OpCode::BrBit => {
                    if self.taken(op) {
                        if op.imm < 0 {
                            return self.exit(op.imm);
                        }
                        let is_it = |o: &Op| o.code == OpCode::Label && o.imm == op.imm;
                        i = ops.iter().position(is_it).map_or(ops.len(), |n| n + 1);
                    }
                }
                code if code.ends_block() || code == OpCode::RuntimeCall => {
                    return self.leave(op, i);
                }
                _ if float_may_trap && op.is_float() => {
                    if let Some(code) = self.float_that_traps(op, &ops[i..]) {
                        return Outcome::Trap { kind: TRAP_FLOAT, arg: code };
                    }
                }
                _ => {
                    if let Err(fault) = self.execute(op) {
                        return Outcome::Fault(fault);
                    }
                }
            }
        }
        Outcome::Exit(self.block.pc + u64::from(self.block.len))
    }

    fn taken(&self, op: &Op) -> bool {
        match op.code {
            OpCode::BrCond => flags::cond(op.aux).holds(self.state.six_flags()),
            OpCode::BrCmp => {
                flags::compare(op.aux, self.read64(op.a), self.read64(op.b), op.ty.bits())
            }
            OpCode::BrBit => self.read64(op.a) >> (op.aux & 63) & 1 == u64::from(op.aux >> 8 & 1),
            _ => true,
        }
    }

    fn exit(&self, imm: i32) -> Outcome {
        let exit = self.block.exits[(-1 - imm) as usize];
        match exit.kind {
            ExitKind::Call { return_pc } => Outcome::Call { pc: exit.pc, return_pc },
            ExitKind::Jump | ExitKind::Return => Outcome::Exit(exit.pc),
        }
    }

    /// The operations that end a block; `next` is the index of the one after it.
    fn leave(&mut self, op: &Op, next: usize) -> Outcome {
        match op.code {
            OpCode::ExitDirect => self.exit(op.imm),
            OpCode::ExitIndirect => Outcome::Exit(self.read64(op.a)),
            OpCode::CallIndirect => Outcome::Call {
                pc: self.read64(op.a),
                return_pc: self.block.exits[(-1 - op.imm) as usize].pc,
            },
            OpCode::Trap => Outcome::Trap { kind: op.aux, arg: op.imm },
            code => {
                let rest = self.block.ops[next..].iter().find(|o| o.code == OpCode::Insn);
                let end = rest.map_or(u64::from(self.block.len), |o| o.imm as u64);
                self.state.set_pc(self.block.pc + end);
                if code == OpCode::Syscall {
                    return Outcome::Syscall(op.imm);
                }
                let args = [self.read64(op.a), self.read64(op.b)];
                self.state.args[0] = args[0].into();
                self.state.args[1] = args[1].into();
                Outcome::Runtime { op: op.imm, args }
            }
        }
    }

    fn read(&self, r: Ref) -> u128 {
        if let Some(n) = r.as_slot() {
            if n < FIRST_VEC {
                self.state.int[usize::from(n)].into()
            } else {
                self.state.vec[usize::from(n - FIRST_VEC)]
            }
        } else if let Some(n) = r.as_temp() {
            self.temps[usize::from(n)]
        } else {
            self.block.constant(r).unwrap_or(0)
        }
    }

    fn read64(&self, r: Ref) -> u64 {
        match self.state.int.get(usize::from(r.0)) {
            Some(slot) => *slot,
            None => self.read(r) as u64,
        }
    }

    fn write(&mut self, r: Ref, v: u128) {
        if let Some(n) = r.as_slot() {
            if n < FIRST_VEC {
                self.state.int[usize::from(n)] = v as u64;
            } else {
                self.state.vec[usize::from(n - FIRST_VEC)] = v;
            }
        } else if let Some(n) = r.as_temp() {
            self.temps[usize::from(n)] = v;
        }
    }

    fn execute(&mut self, op: &Op) -> Result<(), MemFault> {
        match op.code {
            OpCode::Ld | OpCode::LdV | OpCode::St | OpCode::StV => self.access(op),
            OpCode::Rmw => self.rmw(op),
            OpCode::Cas => self.cas(op),
            OpCode::LdEx => self.load_exclusive(op),
            OpCode::StEx => self.store_exclusive(op),
            OpCode::ClrEx => {
                self.state.int[usize::from(SLOT_EX_ADDR)] = MONITOR_CLEAR;
                Ok(())
            }
            OpCode::Fence => {
                self.mem.fence();
                Ok(())
            }
            OpCode::Counter => {
                let now = self.mem.counter();
                self.write(op.dst, now.into());
                Ok(())
            }
            // (Only translated code is told; an answer is a matter of speed.)
            OpCode::HasCode => {
                self.write(op.dst, 1);
                Ok(())
            }
            OpCode::HostTime => {
                let time = self.mem.host_time(self.read64(op.a) as i32);
                self.state.int[usize::from(SLOT_TIME)..][..2].copy_from_slice(&time);
                Ok(())
            }
            OpCode::HostCpu => {
                let answer = self.mem.host_cpu();
                self.state.int[usize::from(SLOT_TIME)..][..2].copy_from_slice(&answer);
                Ok(())
            }
            OpCode::ZeroBlock => {
                let base = self.read64(op.a) & !63;
                (0..4).try_for_each(|i| self.mem.store(base.wrapping_add(16 * i), 16, 0))
            }
            code if code.is_integer() && op.ty.is_int() => {
                let reads = code.reads_flags();
                let nzcv = if reads { self.state.six_flags() } else { 0 };
                let mut env = Env { nzcv, ..Env::default() };
                let [a, b, c] = [op.a, op.b, op.c].map(|r| self.read64(r));
                let r = integer::eval(op, a, b, c, &mut env);
                if code.writes_flags() {
                    self.state.set_six_flags(env.nzcv);
                }
                match self.state.int.get_mut(usize::from(op.dst.0)) {
                    Some(slot) => *slot = r,
                    None => self.write(op.dst, r.into()),
                }
                Ok(())
            }
            _ => {
                let mut env = environment(self.state, self.block.fp);
                let (a, b, c) = (self.read(op.a), self.read(op.b), self.read(op.c));
                let r = pure(op, a, b, c, &mut env);
                store_environment(self.state, op, &env);
                self.write(op.dst, r);
                Ok(())
            }
        }
    }

    /// The result of an operation of floating point, and what it raises.
    fn float(&self, op: &Op) -> (u128, Env) {
        let mut env = environment(self.state, self.block.fp);
        env.status = 0;
        let (a, b, c) = (self.read(op.a), self.read(op.b), self.read(op.c));
        (pure(op, a, b, c, &mut env), env)
    }

    /// Executes an operation of floating point, unless it, or the same one on the other half of the vectors (among
    /// those that `follow`), raises an exception that traps: then the `si_code` of that. Operands that are wrong
    /// are found before anything is computed.
    fn float_that_traps(&mut self, op: &Op, follow: &[Op]) -> Option<i32> {
        const OF_OPERANDS: u64 = 1 | 1 << 1 | 1 << 7;
        let before = environment(self.state, self.block.fp).status;
        let (r, mut env) = self.float(op);
        let unmasked = u64::from(env.fp.unmasked);
        let same = |o: &&Op| (o.code, o.aux, o.ty) == (op.code, op.aux, op.ty);
        let here = follow.iter().take_while(|o| o.code != OpCode::Insn);
        for other in here.filter(same).filter(|o| ![o.a, o.b, o.c].contains(&op.dst)) {
            env.status |= self.float(other).1.status;
        }
        if env.status & unmasked & OF_OPERANDS != 0 {
            env.status &= OF_OPERANDS;
        }
        let traps = env.status & unmasked != 0;
        env.status |= before;
        if traps {
            let status = env.status;
            self.state.int[usize::from(SLOT_FPSR)] = status;
            return Some(float_code(status & unmasked));
        }
        store_environment(self.state, op, &env);
        self.write(op.dst, r);
        None
    }

    fn access(&mut self, op: &Op) -> Result<(), MemFault> {
        let access = Access::decode(op.aux);
        let index = self.read64(op.b);
        let index = match access.ext {
            1 => u64::from(index as u32),
            2 => index as i32 as u64,
            _ => index,
        };
        let addr = self.read64(op.a);
        let addr = addr.wrapping_add(index << access.shift).wrapping_add(op.imm as u64);
        let addr = wrapped(addr, op.aux);
        let size = 1 << access.size;
        let write = matches!(op.code, OpCode::St | OpCode::StV);
        if access.aligned && misaligned(addr, size, op.aux) {
            return Err(MemFault { addr, alignment: true, write });
        }
        if access.order != ir::Order::Relaxed {
            self.mem.fence();
        }
        if write {
            if self.block.tso {
                std::sync::atomic::fence(std::sync::atomic::Ordering::Release);
            }
            let v = swapped(self.read(op.c), size, op.aux);
            self.mem.store(addr, size, v)?;
        } else {
            let mut v = swapped(self.mem.load(addr, size)?, size, op.aux);
            if self.block.tso {
                std::sync::atomic::fence(std::sync::atomic::Ordering::Acquire);
            }
            if access.sext != 0 {
                let wide = crate::lanes::sext(v, 8 * size as u32) as u64;
                v = if access.sext == 32 { u128::from(wide as u32) } else { u128::from(wide) };
            }
            self.write(op.dst, v);
        }
        if access.order != ir::Order::Relaxed {
            self.mem.fence();
        }
        Ok(())
    }

    /// The address and size of an atomic access.
    fn atomic(&self, op: &Op, write: bool) -> Result<(u64, usize), MemFault> {
        let (addr, size) = (wrapped(self.read64(op.a), op.aux), 1usize << (op.aux & 7));
        if op.aux & ir::UNALIGNED == 0 && misaligned(addr, size, op.aux) {
            return Err(MemFault { addr, alignment: true, write });
        }
        Ok((addr, size))
    }

    fn rmw(&mut self, op: &Op) -> Result<(), MemFault> {
        let (addr, size) = self.atomic(op, true)?;
        let bits = 8 * size as u32;
        let b = crate::lanes::truncate(self.read(op.b), bits);
        let kind = RmwOp::from_u8((op.aux >> 8) as u8);
        // (It is a write, whatever fails first.)
        let read = self.mem.load(addr, size);
        let mut old = read.map_err(|fault| MemFault { write: true, ..fault })?;
        loop {
            let new = modify(kind, swapped(old, size, op.aux), b, bits);
            let new = swapped(new, size, op.aux);
            let seen = self.mem.compare_exchange(addr, size, old, new)?;
            if seen == old {
                break;
            }
            old = seen;
        }
        self.write(op.dst, swapped(old, size, op.aux));
        Ok(())
    }

    fn cas(&mut self, op: &Op) -> Result<(), MemFault> {
        let (addr, size) = self.atomic(op, true)?;
        let [expected, new] = [op.b, op.c].map(|r| swapped(self.read(r), size, op.aux));
        let old = self.mem.compare_exchange(addr, size, expected, new)?;
        self.write(op.dst, swapped(old, size, op.aux));
        Ok(())
    }

    fn load_exclusive(&mut self, op: &Op) -> Result<(), MemFault> {
        let (addr, size) = self.atomic(op, false)?;
        self.mem.fence();
        let v = self.mem.load(addr, size)?;
        self.mem.fence();
        self.state.int[usize::from(SLOT_EX_ADDR)] = addr;
        self.state.int[usize::from(SLOT_EX_LO)] = v as u64;
        self.state.int[usize::from(SLOT_EX_HI)] = (v >> 64) as u64;
        self.write(op.dst, swapped(v, size, op.aux));
        Ok(())
    }

    fn store_exclusive(&mut self, op: &Op) -> Result<(), MemFault> {
        let (addr, size) = self.atomic(op, true)?;
        let int = &self.state.int;
        let mut failed = 1;
        if int[usize::from(SLOT_EX_ADDR)] == addr {
            let lo = u128::from(int[usize::from(SLOT_EX_LO)]);
            let bits = 8 * size as u32;
            let expected = lo | u128::from(int[usize::from(SLOT_EX_HI)]) << 64;
            let expected = crate::lanes::truncate(expected, bits);
            let new = swapped(self.read(op.b), size, op.aux);
            failed = u128::from(self.mem.compare_exchange(addr, size, expected, new)? != expected);
        }
        self.state.int[usize::from(SLOT_EX_ADDR)] = MONITOR_CLEAR;
        self.write(op.dst, failed);
        Ok(())
    }
}

/// Whether an access that must be aligned, or only within 16 bytes if `aux` says so, is not.
fn misaligned(addr: u64, size: usize, aux: u16) -> bool {
    if aux & ir::WITHIN_16 != 0 {
        (addr & 15) + size as u64 > 16
    } else {
        addr & (size as u64 - 1) != 0
    }
}

/// An address, of 32 bits if `aux` says so.
const fn wrapped(addr: u64, aux: u16) -> u64 {
    if aux & WRAP32 != 0 { addr as u32 as u64 } else { addr }
}

/// The low `size` bytes of a value, in the reverse order if `aux` says so.
fn swapped(v: u128, size: usize, aux: u16) -> u128 {
    let bits = 8 * size as u32;
    if aux & SWAP != 0 { v.swap_bytes() >> (128 - bits) } else { crate::lanes::truncate(v, bits) }
}

/// The value that a read-modify-write stores.
fn modify(kind: RmwOp, old: u128, b: u128, bits: u32) -> u128 {
    let signed = |v| crate::lanes::sext(v, bits);
    let v = match kind {
        RmwOp::Add => old.wrapping_add(b),
        RmwOp::Clr => old & !b,
        RmwOp::Eor => old ^ b,
        RmwOp::Set => old | b,
        RmwOp::SMax => {
            if signed(old) >= signed(b) {
                old
            } else {
                b
            }
        }
        RmwOp::SMin => {
            if signed(old) <= signed(b) {
                old
            } else {
                b
            }
        }
        RmwOp::UMax => old.max(b),
        RmwOp::UMin => old.min(b),
        RmwOp::Swp => b,
        RmwOp::And => old & b,
    };
    crate::lanes::truncate(v, bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir::{Builder, Cond, Exit, Ty};

    struct Bytes(Vec<u8>);

    impl Memory for Bytes {
        fn load(&mut self, addr: u64, size: usize) -> Result<u128, MemFault> {
            let fault = MemFault { addr, alignment: false, write: false };
            let bytes = self.0.get(addr as usize..addr as usize + size).ok_or(fault)?;
            Ok(bytes.iter().rev().fold(0, |v, &b| v << 8 | u128::from(b)))
        }
        fn store(&mut self, addr: u64, size: usize, value: u128) -> Result<(), MemFault> {
            let fault = MemFault { addr, alignment: false, write: true };
            let bytes = self.0.get_mut(addr as usize..addr as usize + size).ok_or(fault)?;
            bytes.copy_from_slice(&value.to_le_bytes()[..size]);
            Ok(())
        }
    }

    #[test]
    fn loop_and_exit() {
        let mut block = Block { pc: 0x1000, len: 12, ..Block::default() };
        let mut b = Builder::new(&mut block);
        let (x0, x1) = (Ref::slot(0), Ref::slot(1));
        let one = b.iconst(1);
        let top = b.label();
        b.place(top);
        b.insn(0);
        b.bin(OpCode::Add, Ty::I64, x1, x1, x0);
        b.insn(4);
        b.bin(OpCode::SubS, Ty::I64, x0, x0, one);
        b.insn(8);
        b.br_cond(Cond::Ne, top);
        let e = b.exit(Exit { pc: 0x100c, kind: ExitKind::Jump, flags_dead: false });
        b.exit_direct(e);
        let mut state = State::new();
        state.int[0] = 10;
        assert_eq!(run(&block, &mut state, &mut Bytes(vec![])), Outcome::Exit(0x100c));
        assert_eq!((state.int[1], state.pc()), (55, 0x100c));
    }

    #[test]
    fn fault_and_exclusives() {
        let mut block = Block { pc: 0x1000, len: 16, ..Block::default() };
        let mut b = Builder::new(&mut block);
        let (x0, x1, x2) = (Ref::slot(0), Ref::slot(1), Ref::slot(2));
        b.insn(0);
        b.un_aux(OpCode::LdEx, Ty::I64, x1, x0, 2);
        b.insn(4);
        b.bin_aux(OpCode::StEx, Ty::I64, x2, x0, x0, 2);
        b.insn(8);
        b.bin_aux(OpCode::StEx, Ty::I64, Ref::slot(3), x0, x0, 2);
        b.insn(12);
        b.ld(x1, x0, Ref::NONE, 100, Access::new(3));
        let mut state = State::new();
        state.int[0] = 8;
        let mut mem = Bytes(vec![1; 16]);
        let fault = MemFault { addr: 108, alignment: false, write: false };
        assert_eq!(run(&block, &mut state, &mut mem), Outcome::Fault(fault));
        assert_eq!((state.pc(), state.int[1]), (0x100c, 0x0101_0101));
        assert_eq!((state.int[2], state.int[3], mem.0[8]), (0, 1, 8));
    }

    /// One operation at address 8, which holds 1 to 8, in slot 1; slots 2 and 3 are its operands.
    fn access(op: Op, start: [u64; 4]) -> (State, Vec<u8>) {
        let mut block = Block { pc: 0x1000, len: 4, ..Block::default() };
        let mut b = Builder::new(&mut block);
        b.insn(0);
        b.push(op);
        let exit = b.exit(Exit { pc: 0x1004, kind: ExitKind::Jump, flags_dead: false });
        b.exit_direct(exit);
        assert_eq!(ir::verify(&block), Ok(()));
        let mut state = State::new();
        state.int[..4].copy_from_slice(&start);
        let mut mem = Bytes((0..32).map(|n| (n as u8).wrapping_sub(7) & 15).collect());
        assert_eq!(run(&block, &mut state, &mut mem), Outcome::Exit(0x1004));
        (state, mem.0[8..16].to_vec())
    }

    #[test]
    fn bytes_in_the_reverse_order() {
        let x = Ref::slot;
        let high = 5 << 32 | 8;
        let access_of = |size| Access { swap: true, wrap32: true, ..Access::new(size) }.encode();
        let ld = Op { dst: x(0), a: x(1), ..Op::new(OpCode::Ld, Ty::I64) };
        let load = |op: Op| access(op, [0, high, 0, 0]).0.int[0];
        assert_eq!(load(Op { aux: access_of(3), ..ld }), 0x0102_0304_0506_0708);
        assert_eq!(load(Op { aux: access_of(1), ..ld }), 0x0102);
        // The displacement counts before the address is cut.
        assert_eq!(load(Op { aux: access_of(1), imm: -2, ..ld }), 0x0f00);
        let st = Op { a: x(1), c: x(2), aux: access_of(2), ..Op::new(OpCode::St, Ty::I64) };
        assert_eq!(access(st, [0, high, 0xa1b2_c3d4, 0]).1[..5], [0xa1, 0xb2, 0xc3, 0xd4, 5]);
        let bits = SWAP | WRAP32 | 2;
        let rmw = Op { dst: x(0), a: x(1), b: x(2), ..Op::new(OpCode::Rmw, Ty::I64) };
        let (state, bytes) = access(Op { aux: bits, ..rmw }, [0, high, 0xff, 0]);
        assert_eq!((state.int[0], &bytes[..4]), (0x0102_0304, &[1, 2, 4, 3][..]));
        let and = (RmwOp::And as u16) << 8 | 2;
        assert_eq!(access(Op { aux: and, ..rmw }, [0, 8, 0xff00, 0]).1[..4], [0, 2, 0, 0]);
        let cas = Op { c: x(3), ..Op { code: OpCode::Cas, aux: bits, ..rmw } };
        let (state, bytes) = access(cas, [0, high, 0x0102_0304, 0x0a0b_0c0d]);
        assert_eq!((state.int[0], &bytes[..4]), (0x0102_0304, &[10, 11, 12, 13][..]));
    }

    #[test]
    fn exclusives_in_the_reverse_order() {
        let mut block = Block { pc: 0x1000, len: 8, ..Block::default() };
        let mut b = Builder::new(&mut block);
        let (x0, x1, x2) = (Ref::slot(0), Ref::slot(1), Ref::slot(2));
        b.insn(0);
        b.un_aux(OpCode::LdEx, Ty::I64, x1, x0, SWAP | 2);
        b.insn(4);
        b.bin_aux(OpCode::StEx, Ty::I64, x2, x0, x0, SWAP | 2);
        b.insn(8);
        b.un_aux(OpCode::Trap, Ty::I64, Ref::NONE, Ref::NONE, 0);
        let mut state = State::new();
        state.int[0] = 8;
        let mut mem = Bytes((0..16).collect());
        run(&block, &mut state, &mut mem);
        assert_eq!(
            (state.int[1], state.int[2], &mem.0[8..12]),
            (0x0809_0a0b, 0, &[0, 0, 0, 8][..])
        );
    }

    #[test]
    fn helper_decodes() {
        let mut state = State::new();
        let op = Op { aux: 14, ..Op::new(OpCode::SubS, Ty::I32) };
        state.helper_op = Op { aux: 0, ..op }.encode_for_helper(FpRules::default());
        (state.args[0], state.args[1]) = (3, 3);
        assert_eq!((helper(&mut state), state.nzcv()), (0, 0x6000_0000));
        // The rules are told by the operation.
        let rules = FpRules { boxed: true, ..FpRules::default() };
        state.helper_op = Op::new(OpCode::FNMul, Ty::F32).encode_for_helper(rules);
        assert_eq!(helper(&mut state), 0xffff_ffff_ffc0_0000);
    }
}
