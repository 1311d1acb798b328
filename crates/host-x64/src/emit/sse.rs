//! The encoder's vector and floating-point instructions: a table of codes, and two-operand and
//! three-operand forms in VEX or legacy encoding.

use crate::emit::{Code, Emit, Gpr, Imm, Mem, Size, Xmm};

const fn p66(map: u8, op: u8) -> Code {
    Code::new(0x66, map, op, false)
}
const fn w66(map: u8, op: u8) -> Code {
    Code::new(0x66, map, op, true)
}

/// Codes of vector instructions, by the manual's names. Arrays are indexed by log2 of the lane's
/// bytes; where no such instruction exists the entry repeats a neighbour and is not used.
pub(crate) mod op {
    use super::{Code, p66, w66};

    pub(crate) const PADD: [Code; 4] = [p66(1, 0xfc), p66(1, 0xfd), p66(1, 0xfe), p66(1, 0xd4)];
    pub(crate) const PSUB: [Code; 4] = [p66(1, 0xf8), p66(1, 0xf9), p66(1, 0xfa), p66(1, 0xfb)];
    pub(crate) const PADDS: [Code; 2] = [p66(1, 0xec), p66(1, 0xed)];
    pub(crate) const PADDUS: [Code; 2] = [p66(1, 0xdc), p66(1, 0xdd)];
    pub(crate) const PSUBS: [Code; 2] = [p66(1, 0xe8), p66(1, 0xe9)];
    pub(crate) const PSUBUS: [Code; 2] = [p66(1, 0xd8), p66(1, 0xd9)];
    pub(crate) const PCMPEQ: [Code; 4] = [p66(1, 0x74), p66(1, 0x75), p66(1, 0x76), p66(2, 0x29)];
    pub(crate) const PCMPGT: [Code; 4] = [p66(1, 0x64), p66(1, 0x65), p66(1, 0x66), p66(2, 0x37)];
    pub(crate) const PMAXS: [Code; 3] = [p66(2, 0x3c), p66(1, 0xee), p66(2, 0x3d)];
    pub(crate) const PMAXU: [Code; 3] = [p66(1, 0xde), p66(2, 0x3e), p66(2, 0x3f)];
    pub(crate) const PMINS: [Code; 3] = [p66(2, 0x38), p66(1, 0xea), p66(2, 0x39)];
    pub(crate) const PMINU: [Code; 3] = [p66(1, 0xda), p66(2, 0x3a), p66(2, 0x3b)];
    pub(crate) const PAVG: [Code; 2] = [p66(1, 0xe0), p66(1, 0xe3)];
    /// Shifts of 16, 32 and 64 bits by the low 64 bits of the second operand.
    pub(crate) const PSLL: [Code; 3] = [p66(1, 0xf1), p66(1, 0xf2), p66(1, 0xf3)];
    pub(crate) const PSRL: [Code; 3] = [p66(1, 0xd1), p66(1, 0xd2), p66(1, 0xd3)];
    pub(crate) const PSRA: [Code; 2] = [p66(1, 0xe1), p66(1, 0xe2)];
    pub(crate) const PABS: [Code; 3] = [p66(2, 0x1c), p66(2, 0x1d), p66(2, 0x1e)];
    pub(crate) const PAND: Code = p66(1, 0xdb);
    pub(crate) const PANDN: Code = p66(1, 0xdf);
    pub(crate) const POR: Code = p66(1, 0xeb);
    pub(crate) const PXOR: Code = p66(1, 0xef);
    pub(crate) const PMULLW: Code = p66(1, 0xd5);
    pub(crate) const PMULLD: Code = p66(2, 0x40);
    pub(crate) const PMULUDQ: Code = p66(1, 0xf4);
    pub(crate) const PMULDQ: Code = p66(2, 0x28);
    pub(crate) const PMADDWD: Code = p66(1, 0xf5);
    pub(crate) const PMADDUBSW: Code = p66(2, 0x04);
    pub(crate) const PUNPCKL: [Code; 4] = [p66(1, 0x60), p66(1, 0x61), p66(1, 0x62), p66(1, 0x6c)];
    pub(crate) const PUNPCKH: [Code; 4] = [p66(1, 0x68), p66(1, 0x69), p66(1, 0x6a), p66(1, 0x6d)];
    /// Signed saturation to bytes, to words.
    pub(crate) const PACKSS: [Code; 2] = [p66(1, 0x63), p66(1, 0x6b)];
    /// Unsigned saturation to bytes, to words.
    pub(crate) const PACKUS: [Code; 2] = [p66(1, 0x67), p66(2, 0x2b)];
    pub(crate) const PSHUFB: Code = p66(2, 0x00);
    pub(crate) const PTEST: Code = p66(2, 0x17);
    pub(crate) const PCMPISTRI: Code = p66(3, 0x63);
    /// With lengths of 64 bits.
    pub(crate) const PCMPESTRI: Code = w66(3, 0x61);
    pub(crate) const PALIGNR: Code = p66(3, 0x0f);
    pub(crate) const PSHUFD: Code = p66(1, 0x70);
    pub(crate) const PBLENDW: Code = p66(3, 0x0e);
    pub(crate) const PMULHW: Code = p66(1, 0xe5);
    pub(crate) const PMULHRSW: Code = p66(2, 0x0b);
    pub(crate) const PHADDD: Code = p66(2, 0x02);
    pub(crate) const SHUFPD: Code = p66(1, 0xc6);
    pub(crate) const SHUFPS: Code = Code::new(0, 1, 0xc6, false);
    pub(crate) const INSERTPS: Code = p66(3, 0x21);
    pub(crate) const MOVQ: Code = Code::new(0xf3, 1, 0x7e, false);
    /// Byte to word, word to doubleword, doubleword to quadword.
    pub(crate) const PMOVSX: [Code; 3] = [p66(2, 0x20), p66(2, 0x23), p66(2, 0x25)];
    pub(crate) const PMOVZX: [Code; 3] = [p66(2, 0x30), p66(2, 0x33), p66(2, 0x35)];
    /// Byte to doubleword.
    pub(crate) const PMOVSXBD: Code = p66(2, 0x21);
    pub(crate) const PMOVZXBD: Code = p66(2, 0x31);
    /// VEX only.
    pub(crate) const PBROADCAST: [Code; 4] =
        [p66(2, 0x78), p66(2, 0x79), p66(2, 0x58), p66(2, 0x59)];
    /// VEX only; doublewords, quadwords.
    pub(crate) const PSLLV: [Code; 2] = [p66(2, 0x47), w66(2, 0x47)];
    pub(crate) const PSRLV: [Code; 2] = [p66(2, 0x45), w66(2, 0x45)];
    pub(crate) const PSRAVD: Code = p66(2, 0x46);
    pub(crate) const AESENC: Code = p66(2, 0xdc);
    pub(crate) const AESDEC: Code = p66(2, 0xde);
    pub(crate) const AESENCLAST: Code = p66(2, 0xdd);
    pub(crate) const AESDECLAST: Code = p66(2, 0xdf);
    pub(crate) const AESIMC: Code = p66(2, 0xdb);
    pub(crate) const PCLMULQDQ: Code = p66(3, 0x44);
    pub(crate) const SHA256RNDS2: Code = Code::new(0, 2, 0xcb, false);
    pub(crate) const SHA256MSG1: Code = Code::new(0, 2, 0xcc, false);
    pub(crate) const SHA256MSG2: Code = Code::new(0, 2, 0xcd, false);
    pub(crate) const SHA1RNDS4: Code = Code::new(0, 3, 0xcc, false);

    // Floating point: opcodes of the 0F map, given a prefix by `fp`.
    pub(crate) const SQRT: u8 = 0x51;
    pub(crate) const ADD: u8 = 0x58;
    pub(crate) const MUL: u8 = 0x59;
    pub(crate) const SUB: u8 = 0x5c;
    pub(crate) const MIN: u8 = 0x5d;
    pub(crate) const DIV: u8 = 0x5e;
    pub(crate) const MAX: u8 = 0x5f;
    pub(crate) const CMP: u8 = 0xc2;
    pub(crate) const CVTDQ2PS: Code = Code::new(0, 1, 0x5b, false);
    pub(crate) const CVTPS2DQ: Code = p66(1, 0x5b);
    pub(crate) const CVTTPS2DQ: Code = Code::new(0xf3, 1, 0x5b, false);
    pub(crate) const CVTPS2PD: Code = Code::new(0, 1, 0x5a, false);
    pub(crate) const CVTPD2PS: Code = p66(1, 0x5a);
    pub(crate) const CVTSS2SD: Code = Code::new(0xf3, 1, 0x5a, false);
    pub(crate) const CVTSD2SS: Code = Code::new(0xf2, 1, 0x5a, false);
    /// VEX only.
    pub(crate) const CVTPH2PS: Code = p66(2, 0x13);
    /// VEX only; the destination is the ModRM operand.
    pub(crate) const CVTPS2PH: Code = p66(3, 0x1d);

    /// A floating-point instruction of the 0F map: packed or scalar, double or single.
    pub(crate) const fn fp(op: u8, scalar: bool, double: bool) -> Code {
        let prefix = match (scalar, double) {
            (false, false) => 0,
            (false, true) => 0x66,
            (true, false) => 0xf3,
            (true, true) => 0xf2,
        };
        Code::new(prefix, 1, op, false)
    }
    /// `roundps`, `roundpd`, `roundss`, `roundsd`.
    pub(crate) const fn round(scalar: bool, double: bool) -> Code {
        p66(3, 8 + scalar as u8 * 2 + double as u8)
    }
    /// `vfmadd231` and its kin, d = ±(a·b) ± d. VEX only.
    pub(crate) const fn fma231(negate: bool, subtract: bool, scalar: bool, double: bool) -> Code {
        let op = 0xb8 + scalar as u8 + subtract as u8 * 2 + negate as u8 * 4;
        Code::new(0x66, 2, op, double)
    }
}

/// A packed shift by an immediate, by its ModRM extension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum VShift {
    /// Logical right.
    Srl = 2,
    /// Arithmetic right.
    Sra = 4,
    /// Left.
    Sll = 6,
    /// Bytes of the whole register, right (with quadword opcode).
    SrlBytes = 3,
    /// Bytes of the whole register, left.
    SllBytes = 7,
}

impl Emit {
    /// `op d, s` in legacy encoding.
    pub(crate) fn sse_rr(&mut self, code: Code, d: Xmm, s: Xmm, imm: Imm) {
        self.legacy_rr(code, d.0, s.0, false, imm);
    }
    /// `op d, [m]` in legacy encoding.
    pub(crate) fn sse_rm(&mut self, code: Code, d: Xmm, m: Mem, imm: Imm) {
        self.legacy_rm(code, d.0, m, false, false, imm);
    }
    /// `vop d, a, b`.
    pub(crate) fn avx_rr(&mut self, code: Code, d: Xmm, a: Xmm, b: Xmm, imm: Imm) {
        self.vex_rr(code, false, d.0, a.0, b.0, imm);
    }
    /// `vop d, a, [m]`.
    pub(crate) fn avx_rm(&mut self, code: Code, d: Xmm, a: Xmm, m: Mem, imm: Imm) {
        self.vex_rm(code, false, d.0, a.0, m, imm);
    }
    /// `op d, imm`: a shift in place; lane 1..=3.
    pub(crate) fn sse_shift(&mut self, shift: VShift, lane: u8, d: Xmm, amount: u8) {
        let code = p66(1, 0x70 + lane);
        self.legacy_rr(code, shift as u8, d.0, false, Imm::I8(amount as i8));
    }
    /// `vop d, s, imm`: a shift; lane 1..=3.
    pub(crate) fn avx_shift(&mut self, shift: VShift, lane: u8, d: Xmm, s: Xmm, amount: u8) {
        self.vex_rr(p66(1, 0x70 + lane), false, shift as u8, d.0, s.0, Imm::I8(amount as i8));
    }
    /// `vpblendvb d, a, b, mask`: bytes of b where the mask's top bits are set.
    pub(crate) fn vpblendvb(&mut self, d: Xmm, a: Xmm, b: Xmm, mask: Xmm) {
        self.vex_rr(p66(3, 0x4c), false, d.0, a.0, b.0, Imm::I8((mask.0 << 4) as i8));
    }
    /// `ucomis` or `comis` (`signalling`) of two registers.
    pub(crate) fn fp_compare(&mut self, signalling: bool, double: bool, a: Xmm, b: Xmm) {
        let prefix = if double { 0x66 } else { 0 };
        let code = Code::new(prefix, 1, 0x2e + u8::from(signalling), false);
        self.legacy_rr(code, a.0, b.0, false, Imm::None);
    }
    /// The same with memory.
    pub(crate) fn fp_compare_load(&mut self, signalling: bool, double: bool, a: Xmm, m: Mem) {
        let prefix = if double { 0x66 } else { 0 };
        let code = Code::new(prefix, 1, 0x2e + u8::from(signalling), false);
        self.legacy_rm(code, a.0, m, false, false, Imm::None);
    }
    /// `cvttss2si`, `cvttsd2si` (`truncate`), `cvtss2si`, `cvtsd2si`.
    pub(crate) fn fp_to_int(&mut self, truncate: bool, double: bool, size: Size, d: Gpr, s: Xmm) {
        let prefix = if double { 0xf2 } else { 0xf3 };
        let op = if truncate { 0x2c } else { 0x2d };
        let code = Code::new(prefix, 1, op, size == Size::Q);
        self.legacy_rr(code, d.0, s.0, false, Imm::None);
    }
    /// `cvtsi2ss`, `cvtsi2sd`: the upper part of `d` stays.
    pub(crate) fn int_to_fp(&mut self, double: bool, size: Size, d: Xmm, s: Gpr) {
        let prefix = if double { 0xf2 } else { 0xf3 };
        let code = Code::new(prefix, 1, 0x2a, size == Size::Q);
        self.legacy_rr(code, d.0, s.0, false, Imm::None);
    }
    /// `movmskps` or `movmskpd`.
    pub(crate) fn movmsk(&mut self, double: bool, d: Gpr, s: Xmm) {
        let prefix = if double { 0x66 } else { 0 };
        self.legacy_rr(Code::new(prefix, 1, 0x50, false), d.0, s.0, false, Imm::None);
    }
    /// `pmovmskb d, s`.
    pub(crate) fn pmovmskb(&mut self, d: Gpr, s: Xmm) {
        self.legacy_rr(p66(1, 0xd7), d.0, s.0, false, Imm::None);
    }
}
