//! Comparisons of strings in vectors (SSE4.2).

use crate::decode::{Insn, Prefixes};
use crate::state::{RAX, RCX, RDX};
use crate::translator::Translator;
use crate::vector::low;
use guest::Flow;
use ir::vec_op::text;
use ir::{Cond, OpCode, Ref, Ty, VecOp};

/// The IR's flags in `OpCode::WriteFlags`: negative, zero, no carry, overflow.
const N: u8 = 31;
const Z: u8 = 30;
const C: u8 = 29;
const V: u8 = 28;

impl Translator<'_> {
    /// The operands, their lengths, and what is to be done.
    fn texts(&mut self, explicit: bool, i: &Insn) -> (Ref, Ref, Ref, i32) {
        let (a, b) = (self.vector(i, i.operands[0]), self.vector(i, i.operands[1]));
        let (mut lengths, mut param) = (Ref::NONE, i.imm as i32 & 0xff);
        if explicit {
            // (Of 32 bits, but with REX.W.)
            let wide = i.prefixes.any(Prefixes::W);
            let [x, y] = [RAX, RDX].map(|r| if wide { r } else { self.sign_extend(r, 4) });
            lengths = self.temp();
            self.ir.bin(OpCode::VecFromPair, Ty::V128, lengths, x, y);
            param |= text::EXPLICIT;
        }
        (a, b, lengths, param)
    }
    /// Which elements match, as a number.
    fn matches(&mut self, explicit: bool, i: &Insn) -> Ref {
        let (a, b, lengths, param) = self.texts(explicit, i);
        let found = self.vec3(VecOp::Text, 0, param, [a, b, lengths]);
        self.make_un(OpCode::VecToInt, Ty::I64, found, 2 << 8)
    }
    fn set_flags(&mut self, found: Ref) {
        let mask = self.make_imm(OpCode::And, Ty::I64, found, 0xffff);
        let zero = self.imm(0);
        let none = self.temp();
        self.ir.bin_aux(OpCode::SetCmp, Ty::I64, none, mask, zero, Cond::Eq as u16);
        let mut flags = self.make_imm(OpCode::Shl, Ty::I64, none, C.into());
        for (from, to) in [(text::FIRST_ENDS, N), (text::SECOND_ENDS, Z), (0, V)] {
            let bit = self.make_un(OpCode::Ubfx, Ty::I64, found, u16::from(from) | 1 << 8);
            let bit = self.make_imm(OpCode::Shl, Ty::I64, bit, to.into());
            flags = self.make(OpCode::Or, Ty::I64, flags, bit);
        }
        self.ir.un_aux(OpCode::WriteFlags, Ty::I64, Ref::NONE, flags, ir::SIX_FLAGS);
    }
    fn index(&mut self, explicit: bool, i: &Insn) -> Flow {
        let (a, b, lengths, param) = self.texts(explicit, i);
        self.ir.emit(OpCode::VecTextIndex, Ty::I64, RCX, a, b, lengths, param as u16, 0);
        Flow::Next
    }
    fn mask(&mut self, explicit: bool, i: &Insn) -> Flow {
        let found = self.matches(explicit, i);
        let none = Ref::NONE;
        let mask = self.make_imm(OpCode::And, Ty::I64, found, 0xffff);
        let result = low(0);
        if i.imm & 0x40 == 0 {
            self.ir.un(OpCode::IntToVec, Ty::F64, result, mask);
        } else {
            let (lane, bits) = if i.imm & 1 == 0 {
                (0, 0x8040_2010_0804_0201_8040_2010_0804_0201)
            } else {
                (1, 0x0080_0040_0020_0010_0008_0004_0002_0001)
            };
            let bits = self.ir.vconst(bits);
            let mut lanes = self.vec3(VecOp::DupInt, 1, 0, [mask, none, none]);
            if lane == 0 {
                let halves = self.ir.vconst(0x0101_0101_0101_0101 << 64);
                lanes = self.vec2(VecOp::Tbl1, 0, lanes, halves);
            }
            let chosen = self.vec2(VecOp::And, 0, lanes, bits);
            self.vec_to(result, VecOp::CmEq, lane, 0, [chosen, bits, none]);
        }
        self.clear_high(i, 0);
        self.set_flags(found);
        Flow::Next
    }
    /// PCMPESTRI.
    pub(crate) fn pcmpestri(&mut self, i: &Insn) -> Flow {
        self.index(true, i)
    }
    /// PCMPISTRI.
    pub(crate) fn pcmpistri(&mut self, i: &Insn) -> Flow {
        self.index(false, i)
    }
    /// PCMPESTRM.
    pub(crate) fn pcmpestrm(&mut self, i: &Insn) -> Flow {
        self.mask(true, i)
    }
    /// PCMPISTRM.
    pub(crate) fn pcmpistrm(&mut self, i: &Insn) -> Flow {
        self.mask(false, i)
    }
}
