//! Memory copy and set (FEAT_MOPS), by the manual's algorithm "option A".
//!
//! The prologue only prepares: a forward operation of n bytes leaves the end addresses in the
//! address registers and -n in the size register, a backward one the start addresses and n. The main
//! part and the epilogue then both do all that remains, 16 bytes or one at a time. The size register
//! is brought up to date after each step, so that a fault or signal in between restarts rightly.

use crate::field::XZr;
use crate::{Flow, Translator};
use ir::{Access, Cond, Op, OpCode, Ref, Ty};

/// Bytes in a step.
const STEP: u64 = 16;
/// Largest size of a copy in either direction; of a forward copy or a set.
const SIZE_MAX: u64 = (1 << 55) - 1;
const SIZE_MAX_FORWARD: u64 = i64::MAX as u64;
/// Addresses are compared without their tags.
const ADDRESS: u64 = (1 << 56) - 1;

/// The registers of an operation.
#[derive(Clone, Copy)]
struct Registers {
    /// Destination address.
    to: Ref,
    /// Source address, or the byte to set.
    from: Ref,
    /// Size.
    size: Ref,
}

impl Translator<'_> {
    fn int(&mut self, code: OpCode, a: Ref, b: Ref) -> Ref {
        let t = self.temp();
        self.ir.bin(code, Ty::I64, t, a, b);
        t
    }
    fn int_const(&mut self, code: OpCode, a: Ref, b: u64) -> Ref {
        let b = self.imm(b);
        self.int(code, a, b)
    }
    fn clear_flags(&mut self) {
        let zero = self.imm(0);
        self.ir.un(OpCode::WriteFlags, Ty::I64, Ref::NONE, zero);
    }
    /// Advances the size register and goes back to the start of this instruction.
    fn step(&mut self, size: Ref, by: u64, start: i32) {
        let by = self.imm(by);
        self.ir.bin(OpCode::Add, Ty::I64, size, size, by);
        self.ir.br(start);
    }
    /// The start of a loop within this instruction: its label.
    fn loop_start(&mut self) -> i32 {
        let start = self.ir.label();
        self.ir.place(start);
        self.ir.push(Op::new(OpCode::Poll, Ty::I64));
        start
    }

    /// The prologue of a copy that may go backward.
    fn prepare_copy(&mut self, r: Registers) {
        let n = self.int_const(OpCode::MinU, r.size, SIZE_MAX);
        let from = self.int_const(OpCode::And, r.from, ADDRESS);
        let to = self.int_const(OpCode::And, r.to, ADDRESS);
        let end = self.int(OpCode::Add, from, n);
        let end = self.int_const(OpCode::And, end, ADDRESS);
        let (below, overlaps) = (self.temp(), self.temp());
        self.ir.bin_aux(OpCode::SetCmp, Ty::I64, below, from, to, Cond::Lo as u16);
        self.ir.bin_aux(OpCode::SetCmp, Ty::I64, overlaps, end, to, Cond::Hi as u16);
        let backward = self.int(OpCode::And, below, overlaps);
        // All ones if forward.
        let forward = self.int_const(OpCode::Sub, backward, 1);
        let advance = self.int(OpCode::And, n, forward);
        let turned = self.int(OpCode::Xor, n, forward);
        self.ir.bin(OpCode::Add, Ty::I64, r.from, r.from, advance);
        self.ir.bin(OpCode::Add, Ty::I64, r.to, r.to, advance);
        self.ir.bin(OpCode::Sub, Ty::I64, r.size, turned, forward);
        self.clear_flags();
    }
    /// The prologue of a forward copy or a set.
    fn prepare_forward(&mut self, r: Registers, copies: bool) {
        let n = self.int_const(OpCode::MinU, r.size, SIZE_MAX_FORWARD);
        let zero = self.imm(0);
        if copies {
            self.ir.bin(OpCode::Add, Ty::I64, r.from, r.from, n);
        }
        self.ir.bin(OpCode::Add, Ty::I64, r.to, r.to, n);
        self.ir.bin(OpCode::Sub, Ty::I64, r.size, zero, n);
        self.clear_flags();
    }
    /// Copies `1 << log2` bytes at `disp` from the running addresses.
    fn copy_some(&mut self, r: Registers, log2: u8, disp: i32) {
        let (t, access) = (self.temp(), Access::new(log2));
        self.ir.ld_v(t, r.from, r.size, disp, access);
        self.ir.st_v(t, r.to, r.size, disp, access);
    }
    fn copy_rest(&mut self, r: Registers, may_go_backward: bool) {
        let start = self.loop_start();
        let (tail, done) = (self.ir.label(), self.ir.label());
        let zero = self.imm(0);
        self.ir.br_cmp(Ty::I64, Cond::Eq, r.size, zero, done);
        let backward = if may_go_backward { Some(self.ir.label()) } else { None };
        if let Some(backward) = backward {
            self.ir.br_cmp(Ty::I64, Cond::Gt, r.size, zero, backward);
        }
        let step = self.imm(STEP.wrapping_neg());
        self.ir.br_cmp(Ty::I64, Cond::Gt, r.size, step, tail);
        self.copy_some(r, 4, 0);
        self.step(r.size, STEP, start);
        self.ir.place(tail);
        self.copy_some(r, 0, 0);
        self.step(r.size, 1, start);
        if let Some(backward) = backward {
            self.ir.place(backward);
            let tail = self.ir.label();
            let step = self.imm(STEP);
            self.ir.br_cmp(Ty::I64, Cond::Lt, r.size, step, tail);
            self.copy_some(r, 4, -(STEP as i32));
            self.step(r.size, STEP.wrapping_neg(), start);
            self.ir.place(tail);
            self.copy_some(r, 0, -1);
            self.step(r.size, u64::MAX, start);
        }
        self.ir.place(done);
    }
    fn set_rest(&mut self, r: Registers) {
        let start = self.loop_start();
        let (tail, done) = (self.ir.label(), self.ir.label());
        let (zero, step) = (self.imm(0), self.imm(STEP.wrapping_neg()));
        self.ir.br_cmp(Ty::I64, Cond::Eq, r.size, zero, done);
        self.ir.br_cmp(Ty::I64, Cond::Gt, r.size, step, tail);
        let byte = self.int_const(OpCode::And, r.from, 0xff);
        let bytes = self.int_const(OpCode::Mul, byte, 0x0101_0101_0101_0101);
        self.ir.st(bytes, r.to, r.size, 0, Access::new(3));
        self.ir.st(bytes, r.to, r.size, 8, Access::new(3));
        self.step(r.size, STEP, start);
        self.ir.place(tail);
        self.ir.st(r.from, r.to, r.size, 0, Access::new(0));
        self.step(r.size, 1, start);
        self.ir.place(done);
    }
    /// The registers, if they are as the manual demands: all different, none 31.
    fn copy_registers(&mut self, rs: XZr, rn: XZr, rd: XZr) -> Option<Registers> {
        let wrong = rs == rn || rs == rd || rn == rd || rn.0 == 31 || rd.0 == 31;
        (!wrong).then(|| Registers { to: self.x(rd), from: self.x(rs), size: self.x(rn) })
    }

    /// CPYFP, CPYFM, CPYFE, and their variants.
    pub(crate) fn mops_cpyf(&mut self, op1: u8, rs: XZr, _op2: u8, rn: XZr, rd: XZr) -> Flow {
        if rs.0 == 31 {
            return Flow::Undefined;
        }
        let Some(r) = self.copy_registers(rs, rn, rd) else { return Flow::Undefined };
        if op1 == 0 {
            self.prepare_forward(r, true);
        } else {
            self.copy_rest(r, false);
        }
        Flow::Next
    }
    /// CPYP, CPYM, CPYE, and their variants.
    pub(crate) fn mops_cpy(&mut self, op1: u8, rs: XZr, _op2: u8, rn: XZr, rd: XZr) -> Flow {
        if rs.0 == 31 {
            return Flow::Undefined;
        }
        let Some(r) = self.copy_registers(rs, rn, rd) else { return Flow::Undefined };
        if op1 == 0 {
            self.prepare_copy(r);
        } else {
            self.copy_rest(r, true);
        }
        Flow::Next
    }
    /// SETP, SETM, SETE, and their variants.
    pub(crate) fn mops_set(&mut self, rs: XZr, op2: u8, rn: XZr, rd: XZr) -> Flow {
        let Some(r) = self.copy_registers(rs, rn, rd) else { return Flow::Undefined };
        if op2 >> 2 == 0 {
            self.prepare_forward(r, false);
        } else {
            self.set_rest(r);
        }
        Flow::Next
    }
}

#[cfg(test)]
mod tests {
    use crate::Aarch64;
    use eval::{MemFault, Memory, Outcome};
    use guest::{Guest, Mode, code_at};
    use ir::{Block, State};

    /// Memory from address 0x1000 on.
    struct Bytes(Vec<u8>);
    impl Memory for Bytes {
        fn load(&mut self, addr: u64, size: usize) -> Result<u128, MemFault> {
            let from = &self.0[addr as usize - 0x1000..][..size];
            Ok(from.iter().rev().fold(0, |v, &b| v << 8 | u128::from(b)))
        }
        fn store(&mut self, addr: u64, size: usize, value: u128) -> Result<(), MemFault> {
            let to = &mut self.0[addr as usize - 0x1000..][..size];
            to.copy_from_slice(&value.to_le_bytes()[..size]);
            Ok(())
        }
    }

    /// Runs the three instructions with x0 = to, x1 = from, x2 = size; gives memory and state.
    fn run(words: [u32; 3], to: u64, from: u64, size: u64) -> (Vec<u8>, Box<State>) {
        let mut memory = Bytes((0..1024u32).map(|i| (i * 7 + (i >> 8)) as u8).collect());
        let mut state = Box::new(State::new());
        state.int[..3].copy_from_slice(&[to, from, size]);
        let mut block = Block::default();
        Aarch64::PLAIN.translate(&mut code_at(0, &words), 0, Mode::default(), &mut block);
        assert_eq!(eval::run(&block, &mut state, &mut memory), Outcome::Exit(12));
        (memory.0, state)
    }

    #[test]
    fn copies_are_right_in_both_directions() {
        for (to, from, size) in
            [(0x1100, 0x1000, 100), (0x1003, 0x1000, 77), (0x1000, 0x1005, 64), (0x1010, 0x1000, 0)]
        {
            // cpyp [x0]!, [x1]!, x2!; cpym; cpye
            let (memory, state) = run([0x1d01_0440, 0x1d41_0440, 0x1d81_0440], to, from, size);
            let (mut expected, _) = run([0xd503_201f; 3], 0, 0, 0);
            let start = from as usize - 0x1000;
            expected.copy_within(start..start + size as usize, to as usize - 0x1000);
            assert_eq!(memory, expected, "{to:#x} {from:#x} {size}");
            let backward = from < to && from + size > to;
            let end = if backward { 0 } else { size };
            assert_eq!(state.int[..3], [to + end, from + end, 0]);
        }
        // cpyfp [x0]!, [x1]!, x2!; cpyfm; cpyfe
        let (memory, _) = run([0x1901_0440, 0x1941_0440, 0x1981_0440], 0x1200, 0x1000, 33);
        assert_eq!(memory[0x200..0x221], memory[..33]);
    }

    #[test]
    fn sets_fill_exactly_the_size() {
        // setp [x0]!, x2!, x1; setm; sete
        let (memory, state) = run([0x19c1_0440, 0x19c1_4440, 0x19c1_8440], 0x1010, 0x1ab, 37);
        assert!(memory[0x10..0x35].iter().all(|&b| b == 0xab));
        assert!(memory[0xf] != 0xab && memory[0x35] != 0xab);
        assert_eq!((state.int[0], state.int[2]), (0x1035, 0));
    }
}
