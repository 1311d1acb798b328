//! SHA-512 in general registers, over `State::args`.

use crate::emit::{Gpr, Mem, Size, Xmm};
use crate::lower::{Lower, arg};
use crate::{Alu, Shift};

const A: Gpr = Gpr::RAX;
const C: Gpr = Gpr::RCX;
const D: Gpr = Gpr::RDX;
const RESULT: Xmm = Xmm(14);

const fn low(n: usize) -> Mem {
    arg(n)
}
const fn high(n: usize) -> Mem {
    arg(n).plus(8)
}
/// Where the result's high half waits.
const HIGH: Mem = arg(3);

impl Lower<'_> {
    /// SHA512H: two rounds' second halves. `a` has the words y, `b` the others, `c` is added.
    pub(crate) fn sha512h(&mut self) -> bool {
        let sigma = [23, 4, 14];
        self.e.load(Size::Q, A, high(1));
        self.rotations(C, A, sigma);
        // (a & b) ^ (!a & c) is ((b ^ c) & a) ^ c.
        self.e.load(Size::Q, D, low(0));
        self.with(Alu::Xor, D, high(0));
        self.e.alu(Alu::And, Size::Q, D, A);
        self.with(Alu::Xor, D, high(0));
        self.e.alu(Alu::Add, Size::Q, D, C);
        self.with(Alu::Add, D, high(2));
        self.e.store(Size::Q, HIGH, D);
        self.with(Alu::Add, D, low(1));
        self.with(Alu::Xor, A, low(0));
        self.e.alu(Alu::And, Size::Q, A, D);
        self.with(Alu::Xor, A, low(0));
        self.rotations(C, D, sigma);
        self.sha512_result()
    }
    /// SHA512H2: their first halves.
    pub(crate) fn sha512h2(&mut self) -> bool {
        let sigma = [5, 6, 28];
        self.e.load(Size::Q, A, low(1));
        self.rotations(C, A, sigma);
        // The majority of three is ((b ^ c) & a) ^ (b & c).
        self.e.load(Size::Q, D, high(1));
        self.e.alu(Alu::Xor, Size::Q, D, A);
        self.with(Alu::And, D, low(0));
        self.with(Alu::And, A, high(1));
        self.e.alu(Alu::Xor, Size::Q, D, A);
        self.e.alu(Alu::Add, Size::Q, D, C);
        self.with(Alu::Add, D, high(2));
        self.e.store(Size::Q, HIGH, D);
        self.e.load(Size::Q, C, high(1));
        self.with(Alu::Xor, C, low(1));
        self.e.alu(Alu::And, Size::Q, C, D);
        self.e.alu(Alu::Xor, Size::Q, A, C);
        self.rotations(C, D, sigma);
        self.sha512_result()
    }
    /// The low half is the sum of `A`, `C` and the word added.
    fn sha512_result(&mut self) -> bool {
        self.e.alu(Alu::Add, Size::Q, A, C);
        self.with(Alu::Add, A, low(2));
        self.e.load(Size::Q, D, HIGH);
        self.e.mov_to_xmm(Size::Q, RESULT, A);
        self.e.pinsr(Size::Q, RESULT, D, 1);
        self.e.movaps_store(arg(0), RESULT);
        true
    }
    fn with(&mut self, op: Alu, d: Gpr, m: Mem) {
        self.e.alu_load(op, Size::Q, d, m);
    }
    /// `d` = the exclusive or of `s` rotated right by n, by n + m, and by n + m + l.
    fn rotations(&mut self, d: Gpr, s: Gpr, [l, m, n]: [u8; 3]) {
        self.e.mov(Size::Q, d, s);
        self.e.shift_imm(Shift::Ror, Size::Q, d, l);
        self.e.alu(Alu::Xor, Size::Q, d, s);
        self.e.shift_imm(Shift::Ror, Size::Q, d, m);
        self.e.alu(Alu::Xor, Size::Q, d, s);
        self.e.shift_imm(Shift::Ror, Size::Q, d, n);
    }
}
