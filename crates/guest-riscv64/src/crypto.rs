//! Scalar cryptography: Zknd, Zkne, Zknh, Zksed, Zksh.

use crate::field::XReg;
use crate::{Flow, Translator};
use ir::{OpCode, Ref, Ty, VecOp};

/// A term of an exclusive-or: the operand rotated or shifted right.
#[derive(Clone, Copy)]
enum Term {
    Itself,
    Ror(u8),
    Shr(u8),
}

macro_rules! xor {
    ($($name:ident $ty:ident [$($term:ident$(($n:literal))?)*];)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rs1: XReg, rd: XReg) -> Flow {
            self.exclusive_or(Ty::$ty, [$(Term::$term$(($n))?),*], rs1, rd)
        }
    )* } };
}
// What the manual rotates left is rotated right by the rest.
xor! {
    sha256sum0 I32 [Ror(2) Ror(13) Ror(22)]; sha256sum1 I32 [Ror(6) Ror(11) Ror(25)];
    sha256sig0 I32 [Ror(7) Ror(18) Shr(3)]; sha256sig1 I32 [Ror(17) Ror(19) Shr(10)];
    sha512sum0 I64 [Ror(28) Ror(34) Ror(39)]; sha512sum1 I64 [Ror(14) Ror(18) Ror(41)];
    sha512sig0 I64 [Ror(1) Ror(8) Shr(7)]; sha512sig1 I64 [Ror(19) Ror(61) Shr(6)];
    sm3p0 I32 [Itself Ror(23) Ror(15)]; sm3p1 I32 [Itself Ror(17) Ror(9)];
}

macro_rules! round {
    ($($name:ident $op:ident $mix:expr;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
            self.aes_round(VecOp::$op, $mix, rs2, rs1, rd)
        }
    )* } };
}
round! {
    aes64es AesE None; aes64esm AesE Some(VecOp::AesMc);
    aes64ds AesD None; aes64dsm AesD Some(VecOp::AesImc);
}

impl Translator<'_> {
    fn exclusive_or(&mut self, ty: Ty, terms: [Term; 3], rs1: XReg, rd: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let a = self.x(rs1);
        let [first, second, third] = terms.map(|term| {
            let (code, n) = match term {
                Term::Itself => return a,
                Term::Ror(n) => (OpCode::Ror, n),
                Term::Shr(n) => (OpCode::Shr, n),
            };
            let (t, n) = (self.temp(), self.imm(n.into()));
            self.ir.bin(code, ty, t, a, n);
            t
        });
        let both = self.temp();
        self.ir.bin(OpCode::Xor, ty, both, first, second);
        self.computed(ty, rd, |t, ty, dst| t.ir.bin(OpCode::Xor, ty, dst, both, third))
    }
    fn cipher(&mut self, op: VecOp, a: Ref, b: Ref) -> Ref {
        let t = self.temp();
        self.ir.vec(op, Ty::V128, t, a, b, Ref::NONE, 0);
        t
    }
    /// The low half of what a round makes of the state in two registers, without a key.
    fn aes_round(&mut self, op: VecOp, mix: Option<VecOp>, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let (low, high, state) = (self.x(rs1), self.x(rs2), self.temp());
        self.ir.bin(OpCode::VecFromPair, Ty::V128, state, low, high);
        let no_key = self.ir.vconst(0);
        let mut result = self.cipher(op, state, no_key);
        if let Some(mix) = mix {
            result = self.cipher(mix, result, Ref::NONE);
        }
        self.low_half(rd, result)
    }
    fn low_half(&mut self, rd: XReg, value: Ref) -> Flow {
        let dst = self.x_out(rd);
        self.ir.un_aux(OpCode::VecToInt, Ty::V128, dst, value, 3 << 8);
        Flow::Next
    }
    /// AES64IM.
    pub(crate) fn aes64im(&mut self, rs1: XReg, rd: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let (a, state) = (self.x(rs1), self.temp());
        self.ir.bin(OpCode::VecFromPair, Ty::V128, state, a, a);
        let mixed = self.cipher(VecOp::AesImc, state, Ref::NONE);
        self.low_half(rd, mixed)
    }
    /// AES64KS1I: the S-box of the upper word, rotated but in the last round, with the round constant,
    /// twice.
    pub(crate) fn aes64ks1i(&mut self, rnum: u8, rs1: XReg, rd: XReg) -> Flow {
        const CONSTANTS: [u64; 11] =
            [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36, 0];
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let (a, word) = (self.x(rs1), self.temp());
        self.ir.un_aux(OpCode::Ubfx, Ty::I64, word, a, 32 | 32 << 8);
        let word = if rnum == 10 {
            word
        } else {
            let (rotated, n) = (self.temp(), self.imm(8));
            self.ir.bin(OpCode::Ror, Ty::I32, rotated, word, n);
            rotated
        };
        // In a state of equal columns, shifting rows does nothing.
        let state = self.temp();
        self.ir.vec(
            VecOp::DupInt,
            Ty::V128,
            state,
            word,
            Ref::NONE,
            Ref::NONE,
            ir::vec_op::imm(2, 0),
        );
        let no_key = self.ir.vconst(0);
        let substituted = self.cipher(VecOp::AesE, state, no_key);
        let twice = self.temp();
        self.ir.un_aux(OpCode::VecToInt, Ty::V128, twice, substituted, 3 << 8);
        let constant = CONSTANTS[usize::from(rnum)];
        let (constant, dst) = (self.imm(constant | constant << 32), self.x_out(rd));
        self.ir.bin(OpCode::Xor, Ty::I64, dst, twice, constant);
        Flow::Next
    }
    /// AES64KS2.
    pub(crate) fn aes64ks2(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        // Low word: high of rs1 ^ low of rs2; high word: that ^ high of rs2.
        let (a, b) = (self.x(rs1), self.x(rs2));
        let (high, both) = (self.temp(), self.temp());
        self.ir.un_aux(OpCode::Ubfx, Ty::I64, high, a, 32 | 32 << 8);
        self.ir.bin_aux(OpCode::Bfi, Ty::I64, both, high, high, 32 | 32 << 8);
        let (dst, first) = (self.x_out(rd), self.temp());
        self.ir.bin(OpCode::Xor, Ty::I64, first, both, b);
        self.ir.bin_mod(OpCode::Xor, Ty::I64, dst, first, b, ir::Modifier::Lsl(32));
        Flow::Next
    }
    /// One byte of SM4's substitution and linear transformation. `op` makes four rounds, of which the
    /// first gives what is wanted as long as all other words and the key are zero. It works on
    /// big-endian words, here they are little-endian.
    fn sm4(&mut self, op: VecOp, bs: u8, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        if rd == XReg::ZERO {
            return Flow::Next;
        }
        let (b, mask) = (self.x(rs2), self.imm(0xff << (bs * 8)));
        let (byte, swapped) = (self.temp(), self.temp());
        self.ir.bin(OpCode::And, Ty::I64, byte, b, mask);
        self.ir.un(OpCode::Rev, Ty::I32, swapped, byte);
        let (second, zero) = (self.temp(), self.imm(0));
        self.ir.bin_aux(OpCode::Bfi, Ty::I64, second, zero, swapped, 32 | 32 << 8);
        let (state, none) = (self.temp(), self.ir.vconst(0));
        self.ir.bin(OpCode::VecFromPair, Ty::V128, state, second, zero);
        let words = self.temp();
        if op == VecOp::Sm4E {
            self.ir.vec(op, Ty::V128, words, none, Ref::NONE, state, 0);
        } else {
            self.ir.vec(op, Ty::V128, words, state, none, Ref::NONE, 0);
        }
        let (first, others, spread) =
            (self.temp(), self.imm(other_bytes(op, 3 - bs).into()), self.temp());
        self.ir.un_aux(OpCode::VecToInt, Ty::V128, first, words, 2 << 8);
        self.ir.bin(OpCode::Xor, Ty::I64, spread, first, others);
        let (result, a) = (self.temp(), self.x(rs1));
        self.ir.un(OpCode::Rev, Ty::I32, result, spread);
        self.computed(Ty::I32, rd, |t, ty, dst| t.ir.bin(OpCode::Xor, ty, dst, result, a))
    }
    /// SM4ED.
    pub(crate) fn sm4ed(&mut self, bs: u8, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        self.sm4(VecOp::Sm4E, bs, rs2, rs1, rd)
    }
    /// SM4KS.
    pub(crate) fn sm4ks(&mut self, bs: u8, rs2: XReg, rs1: XReg, rd: XReg) -> Flow {
        self.sm4(VecOp::Sm4EKey, bs, rs2, rs1, rd)
    }
}

/// What the zeros in all bytes but `bs` become in a round of SM4.
fn other_bytes(op: VecOp, bs: u8) -> u32 {
    /// The S-box of zero.
    const ZERO: u32 = 0xd6;
    let x = (ZERO * 0x0101_0101) & !(0xff << (bs * 8));
    let rotations: &[u32] = if op == VecOp::Sm4E { &[2, 10, 18, 24] } else { &[13, 23] };
    rotations.iter().fold(x, |result, &n| result ^ x.rotate_left(n))
}
