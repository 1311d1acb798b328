//! Loads and stores of one register: every addressing mode, general and vector registers, literals,
//! prefetches, and the ordered accesses.

use crate::cpu::Features;
use crate::field::{VReg, XSp, XZr};
use crate::{Flow, Translator};
use ir::{Access, OpCode, Order, Ref, Ty, VecOp, vec_op};

/// What happens to the base register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Index {
    /// Nothing: `[rn, #imm]`.
    Offset,
    /// `[rn], #imm`.
    Post,
    /// `[rn, #imm]!`.
    Pre,
}

impl Index {
    /// The displacement of the access itself.
    pub(crate) fn disp(self, imm: i32) -> i32 {
        if self == Self::Post { 0 } else { imm }
    }
}

/// An access that sign-extends to `bits`.
fn signed(size: u8, bits: u8) -> Access {
    Access { sext: bits, ..Access::new(size) }
}

/// A register index: its extension and shift in `access`. The constraint of the encoding excludes
/// the reserved options.
fn indexed(access: Access, option: u8, s: bool) -> Access {
    let ext = match option {
        2 => 1,
        6 => 2,
        _ => 0,
    };
    Access { ext, shift: if s { access.size } else { 0 }, ..access }
}

/// log2 of the size of a vector register access.
fn vector_size(size: u8, q: bool) -> u8 {
    size | u8::from(q) << 2
}

impl Translator<'_> {
    /// An ordered access: naturally aligned, or within 16 bytes with FEAT_LSE2.
    pub(crate) fn ordered(&self, size: u8, order: Order) -> Access {
        let within_16 = size < 4 && !self.lacks(Features::LSE2);
        Access { order, aligned: true, within_16, ..Access::new(size) }
    }
    /// Writes the base register back. All accesses of the instruction must come before.
    pub(crate) fn write_back(&mut self, rn: XSp, imm: i32, index: Index) {
        if index != Index::Offset && imm != 0 {
            let (base, imm) = (self.xsp(rn), self.imm(imm as i64 as u64));
            self.ir.bin(OpCode::Add, Ty::I64, base, base, imm);
        }
    }
    fn load(&mut self, access: Access, imm: i32, rn: XSp, rt: XZr, index: Index) -> Flow {
        let (mut dst, base) = (self.x_out(rt), self.xsp(rn));
        // Constrained unpredictable: the value written back wins.
        if dst == base && index != Index::Offset {
            dst = self.temp();
        }
        self.ir.ld(dst, base, Ref::NONE, index.disp(imm), access);
        self.write_back(rn, imm, index);
        Flow::Next
    }
    fn store(&mut self, access: Access, imm: i32, rn: XSp, rt: XZr, index: Index) -> Flow {
        let (value, base) = (self.x(rt), self.xsp(rn));
        self.ir.st(value, base, Ref::NONE, index.disp(imm), access);
        self.write_back(rn, imm, index);
        Flow::Next
    }
    fn load_v(&mut self, size: u8, imm: i32, rn: XSp, rt: VReg, index: Index) -> Flow {
        let (dst, base) = (self.v(rt), self.xsp(rn));
        self.ir.ld_v(dst, base, Ref::NONE, index.disp(imm), Access::new(size));
        self.write_back(rn, imm, index);
        Flow::Next
    }
    fn store_v(&mut self, size: u8, imm: i32, rn: XSp, rt: VReg, index: Index) -> Flow {
        let (value, base) = (self.v(rt), self.xsp(rn));
        self.ir.st_v(value, base, Ref::NONE, index.disp(imm), Access::new(size));
        self.write_back(rn, imm, index);
        Flow::Next
    }

    // --- unsigned offset

    /// STR, STRB, STRH (immediate), unsigned offset.
    pub(crate) fn str_uimm(&mut self, size: u8, imm12: u32, rn: XSp, rt: XZr) -> Flow {
        self.store(Access::new(size), (imm12 << size) as i32, rn, rt, Index::Offset)
    }
    /// LDR, LDRB, LDRH (immediate), unsigned offset.
    pub(crate) fn ldr_uimm(&mut self, size: u8, imm12: u32, rn: XSp, rt: XZr) -> Flow {
        self.load(Access::new(size), (imm12 << size) as i32, rn, rt, Index::Offset)
    }
    /// LDRSB, LDRSH, LDRSW (immediate) to 64 bits, unsigned offset.
    pub(crate) fn ldrs64_uimm(&mut self, size: u8, imm12: u32, rn: XSp, rt: XZr) -> Flow {
        self.load(signed(size, 64), (imm12 << size) as i32, rn, rt, Index::Offset)
    }
    /// LDRSB, LDRSH (immediate) to 32 bits, unsigned offset.
    pub(crate) fn ldrs32_uimm(&mut self, size: u8, imm12: u32, rn: XSp, rt: XZr) -> Flow {
        self.load(signed(size, 32), (imm12 << size) as i32, rn, rt, Index::Offset)
    }
    /// PRFM (immediate): no effect.
    pub(crate) fn prfm_uimm(&mut self, _imm12: u32, _rn: XSp, _rt: u8) -> Flow {
        Flow::Next
    }
    /// STR (immediate, SIMD&FP), unsigned offset.
    pub(crate) fn strv_uimm(&mut self, size: u8, q: bool, imm12: u32, rn: XSp, rt: VReg) -> Flow {
        let size = vector_size(size, q);
        self.store_v(size, (imm12 << size) as i32, rn, rt, Index::Offset)
    }
    /// LDR (immediate, SIMD&FP), unsigned offset.
    pub(crate) fn ldrv_uimm(&mut self, size: u8, q: bool, imm12: u32, rn: XSp, rt: VReg) -> Flow {
        let size = vector_size(size, q);
        self.load_v(size, (imm12 << size) as i32, rn, rt, Index::Offset)
    }

    // --- unscaled offset

    /// STUR, STURB, STURH.
    pub(crate) fn stur(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.store(Access::new(size), imm9, rn, rt, Index::Offset)
    }
    /// LDUR, LDURB, LDURH.
    pub(crate) fn ldur(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.load(Access::new(size), imm9, rn, rt, Index::Offset)
    }
    /// LDURSB, LDURSH, LDURSW to 64 bits.
    pub(crate) fn ldurs64(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.load(signed(size, 64), imm9, rn, rt, Index::Offset)
    }
    /// LDURSB, LDURSH to 32 bits.
    pub(crate) fn ldurs32(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.load(signed(size, 32), imm9, rn, rt, Index::Offset)
    }
    /// PRFUM: no effect.
    pub(crate) fn prfum(&mut self, _imm9: i32, _rn: XSp, _rt: u8) -> Flow {
        Flow::Next
    }
    /// STUR (SIMD&FP).
    pub(crate) fn sturv(&mut self, size: u8, q: bool, imm9: i32, rn: XSp, rt: VReg) -> Flow {
        self.store_v(vector_size(size, q), imm9, rn, rt, Index::Offset)
    }
    /// LDUR (SIMD&FP).
    pub(crate) fn ldurv(&mut self, size: u8, q: bool, imm9: i32, rn: XSp, rt: VReg) -> Flow {
        self.load_v(vector_size(size, q), imm9, rn, rt, Index::Offset)
    }

    // --- unprivileged: as unscaled

    /// STTR, STTRB, STTRH.
    pub(crate) fn sttr(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.stur(size, imm9, rn, rt)
    }
    /// LDTR, LDTRB, LDTRH.
    pub(crate) fn ldtr(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.ldur(size, imm9, rn, rt)
    }
    /// LDTRSB, LDTRSH, LDTRSW to 64 bits.
    pub(crate) fn ldtrs64(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.ldurs64(size, imm9, rn, rt)
    }
    /// LDTRSB, LDTRSH to 32 bits.
    pub(crate) fn ldtrs32(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.ldurs32(size, imm9, rn, rt)
    }

    // --- post-indexed

    /// STR, STRB, STRH (immediate), post-indexed.
    pub(crate) fn str_post(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.store(Access::new(size), imm9, rn, rt, Index::Post)
    }
    /// LDR, LDRB, LDRH (immediate), post-indexed.
    pub(crate) fn ldr_post(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.load(Access::new(size), imm9, rn, rt, Index::Post)
    }
    /// LDRSB, LDRSH, LDRSW (immediate) to 64 bits, post-indexed.
    pub(crate) fn ldrs64_post(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.load(signed(size, 64), imm9, rn, rt, Index::Post)
    }
    /// LDRSB, LDRSH (immediate) to 32 bits, post-indexed.
    pub(crate) fn ldrs32_post(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.load(signed(size, 32), imm9, rn, rt, Index::Post)
    }
    /// STR (immediate, SIMD&FP), post-indexed.
    pub(crate) fn strv_post(&mut self, size: u8, q: bool, imm9: i32, rn: XSp, rt: VReg) -> Flow {
        self.store_v(vector_size(size, q), imm9, rn, rt, Index::Post)
    }
    /// LDR (immediate, SIMD&FP), post-indexed.
    pub(crate) fn ldrv_post(&mut self, size: u8, q: bool, imm9: i32, rn: XSp, rt: VReg) -> Flow {
        self.load_v(vector_size(size, q), imm9, rn, rt, Index::Post)
    }

    // --- pre-indexed

    /// STR, STRB, STRH (immediate), pre-indexed.
    pub(crate) fn str_pre(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.store(Access::new(size), imm9, rn, rt, Index::Pre)
    }
    /// LDR, LDRB, LDRH (immediate), pre-indexed.
    pub(crate) fn ldr_pre(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.load(Access::new(size), imm9, rn, rt, Index::Pre)
    }
    /// LDRSB, LDRSH, LDRSW (immediate) to 64 bits, pre-indexed.
    pub(crate) fn ldrs64_pre(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.load(signed(size, 64), imm9, rn, rt, Index::Pre)
    }
    /// LDRSB, LDRSH (immediate) to 32 bits, pre-indexed.
    pub(crate) fn ldrs32_pre(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        self.load(signed(size, 32), imm9, rn, rt, Index::Pre)
    }
    /// STR (immediate, SIMD&FP), pre-indexed.
    pub(crate) fn strv_pre(&mut self, size: u8, q: bool, imm9: i32, rn: XSp, rt: VReg) -> Flow {
        self.store_v(vector_size(size, q), imm9, rn, rt, Index::Pre)
    }
    /// LDR (immediate, SIMD&FP), pre-indexed.
    pub(crate) fn ldrv_pre(&mut self, size: u8, q: bool, imm9: i32, rn: XSp, rt: VReg) -> Flow {
        self.load_v(vector_size(size, q), imm9, rn, rt, Index::Pre)
    }

    // --- register offset

    fn index_of(&self, rm: XZr) -> Ref {
        self.x_opt(rm)
    }
    fn load_reg(&mut self, access: Access, rm: XZr, option: u8, s: bool, rn: XSp, rt: XZr) -> Flow {
        let (dst, base, index) = (self.x_out(rt), self.xsp(rn), self.index_of(rm));
        self.ir.ld(dst, base, index, 0, indexed(access, option, s));
        Flow::Next
    }
    /// STR, STRB, STRH (register).
    pub(crate) fn str_reg(
        &mut self,
        size: u8,
        rm: XZr,
        option: u8,
        s: bool,
        rn: XSp,
        rt: XZr,
    ) -> Flow {
        let (value, base, index) = (self.x(rt), self.xsp(rn), self.index_of(rm));
        self.ir.st(value, base, index, 0, indexed(Access::new(size), option, s));
        Flow::Next
    }
    /// LDR, LDRB, LDRH (register).
    pub(crate) fn ldr_reg(
        &mut self,
        size: u8,
        rm: XZr,
        option: u8,
        s: bool,
        rn: XSp,
        rt: XZr,
    ) -> Flow {
        self.load_reg(Access::new(size), rm, option, s, rn, rt)
    }
    /// LDRSB, LDRSH, LDRSW (register) to 64 bits.
    pub(crate) fn ldrs64_reg(
        &mut self,
        size: u8,
        rm: XZr,
        option: u8,
        s: bool,
        rn: XSp,
        rt: XZr,
    ) -> Flow {
        self.load_reg(signed(size, 64), rm, option, s, rn, rt)
    }
    /// LDRSB, LDRSH (register) to 32 bits.
    pub(crate) fn ldrs32_reg(
        &mut self,
        size: u8,
        rm: XZr,
        option: u8,
        s: bool,
        rn: XSp,
        rt: XZr,
    ) -> Flow {
        self.load_reg(signed(size, 32), rm, option, s, rn, rt)
    }
    /// PRFM (register), RPRFM: no effect.
    pub(crate) fn prfm_reg(&mut self, _rm: XZr, _option: u8, _s: bool, _rn: XSp, _rt: u8) -> Flow {
        Flow::Next
    }
    /// STR (register, SIMD&FP).
    #[expect(clippy::too_many_arguments, reason = "the fields of the encoding")]
    pub(crate) fn strv_reg(
        &mut self,
        size: u8,
        q: bool,
        rm: XZr,
        option: u8,
        s: bool,
        rn: XSp,
        rt: VReg,
    ) -> Flow {
        let (value, base, index) = (self.v(rt), self.xsp(rn), self.index_of(rm));
        let access = indexed(Access::new(vector_size(size, q)), option, s);
        self.ir.st_v(value, base, index, 0, access);
        Flow::Next
    }
    /// LDR (register, SIMD&FP).
    #[expect(clippy::too_many_arguments, reason = "the fields of the encoding")]
    pub(crate) fn ldrv_reg(
        &mut self,
        size: u8,
        q: bool,
        rm: XZr,
        option: u8,
        s: bool,
        rn: XSp,
        rt: VReg,
    ) -> Flow {
        let (dst, base, index) = (self.v(rt), self.xsp(rn), self.index_of(rm));
        let access = indexed(Access::new(vector_size(size, q)), option, s);
        self.ir.ld_v(dst, base, index, 0, access);
        Flow::Next
    }

    // --- literals

    fn literal(&mut self, imm19: i32) -> Ref {
        let address = self.pc.wrapping_add_signed(i64::from(imm19) * 4);
        self.ir.address(address)
    }
    /// LDR (literal).
    pub(crate) fn ldr_lit(&mut self, x: bool, imm19: i32, rt: XZr) -> Flow {
        let (dst, base) = (self.x_out(rt), self.literal(imm19));
        self.ir.ld(dst, base, Ref::NONE, 0, Access::new(2 + u8::from(x)));
        Flow::Next
    }
    /// LDRSW (literal).
    pub(crate) fn ldrsw_lit(&mut self, imm19: i32, rt: XZr) -> Flow {
        let (dst, base) = (self.x_out(rt), self.literal(imm19));
        self.ir.ld(dst, base, Ref::NONE, 0, signed(2, 64));
        Flow::Next
    }
    /// PRFM (literal): no effect.
    pub(crate) fn prfm_lit(&mut self, _imm19: i32, _rt: u8) -> Flow {
        Flow::Next
    }
    /// LDR (literal, SIMD&FP).
    pub(crate) fn ldrv_lit(&mut self, opc: u8, imm19: i32, rt: VReg) -> Flow {
        let (dst, base) = (self.v(rt), self.literal(imm19));
        self.ir.ld_v(dst, base, Ref::NONE, 0, Access::new(2 + opc));
        Flow::Next
    }

    // --- ordered

    /// STLR, STLRB, STLRH.
    pub(crate) fn stlr(&mut self, size: u8, rn: XSp, rt: XZr) -> Flow {
        let access = self.ordered(size, Order::Release);
        self.store(access, 0, rn, rt, Index::Offset)
    }
    /// LDAR, LDARB, LDARH.
    pub(crate) fn ldar(&mut self, size: u8, rn: XSp, rt: XZr) -> Flow {
        let access = self.ordered(size, Order::Acquire);
        self.load(access, 0, rn, rt, Index::Offset)
    }
    /// STLLR, STLLRB, STLLRH.
    pub(crate) fn stllr(&mut self, size: u8, rn: XSp, rt: XZr) -> Flow {
        self.stlr(size, rn, rt)
    }
    /// LDLAR, LDLARB, LDLARH.
    pub(crate) fn ldlar(&mut self, size: u8, rn: XSp, rt: XZr) -> Flow {
        self.ldar(size, rn, rt)
    }
    /// LDAPR, LDAPRB, LDAPRH.
    pub(crate) fn ldapr(&mut self, size: u8, rn: XSp, rt: XZr) -> Flow {
        let access = self.ordered(size, Order::AcquireOnly);
        self.load(access, 0, rn, rt, Index::Offset)
    }
    /// STLUR, STLURB, STLURH.
    pub(crate) fn stlur(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        let access = self.ordered(size, Order::Release);
        self.store(access, imm9, rn, rt, Index::Offset)
    }
    /// LDAPUR, LDAPURB, LDAPURH.
    pub(crate) fn ldapur(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        let access = self.ordered(size, Order::AcquireOnly);
        self.load(access, imm9, rn, rt, Index::Offset)
    }
    /// LDAPURSB, LDAPURSH, LDAPURSW to 64 bits.
    pub(crate) fn ldapurs64(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        let access = Access { sext: 64, ..self.ordered(size, Order::AcquireOnly) };
        self.load(access, imm9, rn, rt, Index::Offset)
    }
    /// LDAPURSB, LDAPURSH to 32 bits.
    pub(crate) fn ldapurs32(&mut self, size: u8, imm9: i32, rn: XSp, rt: XZr) -> Flow {
        let access = Access { sext: 32, ..self.ordered(size, Order::AcquireOnly) };
        self.load(access, imm9, rn, rt, Index::Offset)
    }
    /// STLR, pre-indexed by minus its size.
    pub(crate) fn stlr_pre(&mut self, x: bool, rn: XSp, rt: XZr) -> Flow {
        let size = 2 + u8::from(x);
        let access = self.ordered(size, Order::Release);
        self.store(access, -(1 << size), rn, rt, Index::Pre)
    }
    /// LDAPR, post-indexed by its size.
    pub(crate) fn ldapr_post(&mut self, x: bool, rn: XSp, rt: XZr) -> Flow {
        let size = 2 + u8::from(x);
        let access = self.ordered(size, Order::AcquireOnly);
        self.load(access, 1 << size, rn, rt, Index::Post)
    }
    /// STLUR (SIMD&FP).
    pub(crate) fn stlurv(&mut self, size: u8, q: bool, imm9: i32, rn: XSp, rt: VReg) -> Flow {
        let (value, base) = (self.v(rt), self.xsp(rn));
        let access = self.ordered(vector_size(size, q), Order::Release);
        self.ir.st_v(value, base, Ref::NONE, imm9, access);
        Flow::Next
    }
    /// LDAPUR (SIMD&FP).
    pub(crate) fn ldapurv(&mut self, size: u8, q: bool, imm9: i32, rn: XSp, rt: VReg) -> Flow {
        let (dst, base) = (self.v(rt), self.xsp(rn));
        let access = self.ordered(vector_size(size, q), Order::AcquireOnly);
        self.ir.ld_v(dst, base, Ref::NONE, imm9, access);
        Flow::Next
    }
    /// STL1 (SIMD&FP): a doubleword lane.
    pub(crate) fn stl1(&mut self, q: bool, rn: XSp, rt: VReg) -> Flow {
        let (value, base, lane) = (self.v(rt), self.xsp(rn), self.temp());
        self.ir.un_aux(OpCode::VecToInt, Ty::V128, lane, value, u16::from(q) | 3 << 8);
        let access = self.ordered(3, Order::Release);
        self.ir.st(lane, base, Ref::NONE, 0, access);
        Flow::Next
    }
    /// LDAP1 (SIMD&FP): a doubleword lane; the other one stays.
    pub(crate) fn ldap1(&mut self, q: bool, rn: XSp, rt: VReg) -> Flow {
        let (dst, base, lane) = (self.v(rt), self.xsp(rn), self.temp());
        let access = self.ordered(3, Order::AcquireOnly);
        self.ir.ld(lane, base, Ref::NONE, 0, access);
        let place = vec_op::imm(3, i32::from(q));
        self.ir.vec(VecOp::InsInt, Ty::V128, dst, dst, lane, Ref::NONE, place);
        Flow::Next
    }
}
