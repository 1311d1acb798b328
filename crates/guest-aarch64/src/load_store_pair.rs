//! Loads and stores of two registers.
//!
//! A store may be done when the second one faults, as the manual allows. Of a load, no register is
//! written until both accesses are done.

use crate::cpu::Features;
use crate::field::{VReg, XSp, XZr};
use crate::load_store::Index;
use crate::{Flow, Translator};
use ir::{Access, OpCode, Order, Ref, Ty};

impl Translator<'_> {
    fn store_pair(
        &mut self,
        size: u8,
        imm7: i32,
        rt2: XZr,
        rn: XSp,
        rt: XZr,
        index: Index,
    ) -> Flow {
        let (a, b, base) = (self.x(rt), self.x(rt2), self.xsp(rn));
        let (imm, access) = (imm7 << size, Access::new(size));
        let disp = index.disp(imm);
        if self.lacks(Features::LSE2) {
            self.ir.st(a, base, Ref::NONE, disp, access);
            self.ir.st(b, base, Ref::NONE, disp + (1 << size), access);
        } else {
            self.store_at_once(access, (rt, rt2), base, disp);
        }
        self.write_back(rn, imm, index);
        Flow::Next
    }
    /// A store of two registers that is one access if all of it is within 16 aligned bytes
    /// (FEAT_LSE2, "Changes to single-copy atomicity in Armv8.4"). The host's stores are.
    fn store_at_once(&mut self, access: Access, registers: (XZr, XZr), base: Ref, disp: i32) {
        let x = access.size == 3;
        let twice = Access { order: access.order, ..Access::new(access.size + 1) };
        if registers.0.0 == 31 && registers.1.0 == 31 {
            let zero = self.imm(0);
            if x {
                self.ir.st_v(zero, base, Ref::NONE, disp, twice);
            } else {
                self.ir.st(zero, base, Ref::NONE, disp, twice);
            }
            return;
        }
        let both = self.join(x, registers.0, registers.1);
        if x {
            self.ir.st_v(both, base, Ref::NONE, disp, twice);
        } else {
            self.ir.st(both, base, Ref::NONE, disp, twice);
        }
    }
    /// The same for a load; a base register among them is written.
    fn load_at_once(&mut self, access: Access, registers: (Ref, Ref), base: Ref, disp: i32) {
        let (x, both) = (access.size == 3, self.temp());
        let twice = Access::new(access.size + 1);
        if x {
            self.ir.ld_v(both, base, Ref::NONE, disp, twice);
        } else {
            self.ir.ld(both, base, Ref::NONE, disp, twice);
        }
        for (high, dst) in [(false, registers.0), (true, registers.1)] {
            if dst.is_none() {
                continue;
            }
            if x {
                self.ir.un_aux(OpCode::VecToInt, Ty::V128, dst, both, u16::from(high) | 3 << 8);
            } else if high {
                let amount = self.imm(32);
                let code = if access.sext == 64 { OpCode::Sar } else { OpCode::Shr };
                self.ir.bin(code, Ty::I64, dst, both, amount);
            } else if access.sext == 64 {
                self.ir.un(OpCode::SExt32, Ty::I64, dst, both);
            } else {
                self.ir.mov(Ty::I32, dst, both);
            }
        }
    }
    /// Before an access at once: each half must be aligned as `access` says.
    fn check_pair(&mut self, access: Access, base: Ref, disp: i32) {
        let half = Access { order: Order::AcquireOnly, sext: 0, ..access };
        if access.aligned && access.size == 3 {
            // Both together are as long as what they may be within.
            self.ir.ld(Ref::NONE, base, Ref::NONE, disp, Access { within_16: false, ..half });
        } else if access.aligned {
            self.ir.ld(Ref::NONE, base, Ref::NONE, disp, half);
            self.ir.ld(Ref::NONE, base, Ref::NONE, disp + (1 << access.size), half);
        }
    }
    fn load_pair(
        &mut self,
        access: Access,
        imm7: i32,
        rt2: XZr,
        rn: XSp,
        rt: XZr,
        index: Index,
    ) -> Flow {
        let (first, mut second, base) = (self.temp(), self.x_out(rt2), self.xsp(rn));
        // Constrained unpredictable: the value written back wins, then the second register.
        if second == base && index != Index::Offset {
            second = self.temp();
        }
        let imm = imm7 << access.size;
        let disp = index.disp(imm);
        if !self.lacks(Features::LSE2) {
            self.check_pair(access, base, disp);
            let overwritten = |r: Ref| r == base && index != Index::Offset;
            let mut registers = (self.x_opt(rt), self.x_opt(rt2));
            if registers.0 == registers.1 || overwritten(registers.0) {
                registers.0 = Ref::NONE;
            }
            if overwritten(registers.1) {
                registers.1 = Ref::NONE;
            }
            self.load_at_once(access, registers, base, disp);
            self.write_back(rn, imm, index);
            return Flow::Next;
        }
        self.ir.ld(first, base, Ref::NONE, disp, access);
        self.ir.ld(second, base, Ref::NONE, disp + (1 << access.size), access);
        let dst = self.x_opt(rt);
        let overwritten = dst == second || dst == base && index != Index::Offset;
        if !dst.is_none() && !overwritten {
            self.ir.mov(Ty::I64, dst, first);
        }
        self.write_back(rn, imm, index);
        Flow::Next
    }
    fn store_pair_v(
        &mut self,
        opc: u8,
        imm7: i32,
        rt2: VReg,
        rn: XSp,
        rt: VReg,
        index: Index,
    ) -> Flow {
        let (a, b, base, size) = (self.v(rt), self.v(rt2), self.xsp(rn), 2 + opc);
        let (imm, access) = (imm7 << size, Access::new(size));
        let disp = index.disp(imm);
        self.ir.st_v(a, base, Ref::NONE, disp, access);
        self.ir.st_v(b, base, Ref::NONE, disp + (1 << size), access);
        self.write_back(rn, imm, index);
        Flow::Next
    }
    fn load_pair_v(
        &mut self,
        opc: u8,
        imm7: i32,
        rt2: VReg,
        rn: XSp,
        rt: VReg,
        index: Index,
    ) -> Flow {
        let (first, dst, second, base) = (self.temp(), self.v(rt), self.v(rt2), self.xsp(rn));
        let size = 2 + opc;
        let (imm, access) = (imm7 << size, Access::new(size));
        let disp = index.disp(imm);
        self.ir.ld_v(first, base, Ref::NONE, disp, access);
        self.ir.ld_v(second, base, Ref::NONE, disp + (1 << size), access);
        if dst != second {
            self.ir.un(OpCode::MovV, Ty::V128, dst, first);
        }
        self.write_back(rn, imm, index);
        Flow::Next
    }

    /// STNP.
    pub(crate) fn stnp(&mut self, x: bool, imm7: i32, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.store_pair(2 + u8::from(x), imm7, rt2, rn, rt, Index::Offset)
    }
    /// LDNP.
    pub(crate) fn ldnp(&mut self, x: bool, imm7: i32, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.load_pair(Access::new(2 + u8::from(x)), imm7, rt2, rn, rt, Index::Offset)
    }
    /// STP, signed offset.
    pub(crate) fn stp_off(&mut self, x: bool, imm7: i32, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.store_pair(2 + u8::from(x), imm7, rt2, rn, rt, Index::Offset)
    }
    /// STP, post-indexed.
    pub(crate) fn stp_post(&mut self, x: bool, imm7: i32, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.store_pair(2 + u8::from(x), imm7, rt2, rn, rt, Index::Post)
    }
    /// STP, pre-indexed.
    pub(crate) fn stp_pre(&mut self, x: bool, imm7: i32, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.store_pair(2 + u8::from(x), imm7, rt2, rn, rt, Index::Pre)
    }
    /// LDP, signed offset.
    pub(crate) fn ldp_off(&mut self, x: bool, imm7: i32, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.load_pair(Access::new(2 + u8::from(x)), imm7, rt2, rn, rt, Index::Offset)
    }
    /// LDP, post-indexed.
    pub(crate) fn ldp_post(&mut self, x: bool, imm7: i32, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.load_pair(Access::new(2 + u8::from(x)), imm7, rt2, rn, rt, Index::Post)
    }
    /// LDP, pre-indexed.
    pub(crate) fn ldp_pre(&mut self, x: bool, imm7: i32, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.load_pair(Access::new(2 + u8::from(x)), imm7, rt2, rn, rt, Index::Pre)
    }
    fn ldpsw(&mut self, imm7: i32, rt2: XZr, rn: XSp, rt: XZr, index: Index) -> Flow {
        let access = Access { sext: 64, ..Access::new(2) };
        self.load_pair(access, imm7, rt2, rn, rt, index)
    }
    /// LDPSW, signed offset.
    pub(crate) fn ldpsw_off(&mut self, imm7: i32, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.ldpsw(imm7, rt2, rn, rt, Index::Offset)
    }
    /// LDPSW, post-indexed.
    pub(crate) fn ldpsw_post(&mut self, imm7: i32, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.ldpsw(imm7, rt2, rn, rt, Index::Post)
    }
    /// LDPSW, pre-indexed.
    pub(crate) fn ldpsw_pre(&mut self, imm7: i32, rt2: XZr, rn: XSp, rt: XZr) -> Flow {
        self.ldpsw(imm7, rt2, rn, rt, Index::Pre)
    }
    /// STNP (SIMD&FP).
    pub(crate) fn stnpv(&mut self, opc: u8, imm7: i32, rt2: VReg, rn: XSp, rt: VReg) -> Flow {
        self.store_pair_v(opc, imm7, rt2, rn, rt, Index::Offset)
    }
    /// LDNP (SIMD&FP).
    pub(crate) fn ldnpv(&mut self, opc: u8, imm7: i32, rt2: VReg, rn: XSp, rt: VReg) -> Flow {
        self.load_pair_v(opc, imm7, rt2, rn, rt, Index::Offset)
    }
    /// STP (SIMD&FP), signed offset.
    pub(crate) fn stpv_off(&mut self, opc: u8, imm7: i32, rt2: VReg, rn: XSp, rt: VReg) -> Flow {
        self.store_pair_v(opc, imm7, rt2, rn, rt, Index::Offset)
    }
    /// STP (SIMD&FP), post-indexed.
    pub(crate) fn stpv_post(&mut self, opc: u8, imm7: i32, rt2: VReg, rn: XSp, rt: VReg) -> Flow {
        self.store_pair_v(opc, imm7, rt2, rn, rt, Index::Post)
    }
    /// STP (SIMD&FP), pre-indexed.
    pub(crate) fn stpv_pre(&mut self, opc: u8, imm7: i32, rt2: VReg, rn: XSp, rt: VReg) -> Flow {
        self.store_pair_v(opc, imm7, rt2, rn, rt, Index::Pre)
    }
    /// LDP (SIMD&FP), signed offset.
    pub(crate) fn ldpv_off(&mut self, opc: u8, imm7: i32, rt2: VReg, rn: XSp, rt: VReg) -> Flow {
        self.load_pair_v(opc, imm7, rt2, rn, rt, Index::Offset)
    }
    /// LDP (SIMD&FP), post-indexed.
    pub(crate) fn ldpv_post(&mut self, opc: u8, imm7: i32, rt2: VReg, rn: XSp, rt: VReg) -> Flow {
        self.load_pair_v(opc, imm7, rt2, rn, rt, Index::Post)
    }
    /// LDP (SIMD&FP), pre-indexed.
    pub(crate) fn ldpv_pre(&mut self, opc: u8, imm7: i32, rt2: VReg, rn: XSp, rt: VReg) -> Flow {
        self.load_pair_v(opc, imm7, rt2, rn, rt, Index::Pre)
    }
    /// STILP: the second register's store is ordered after the first's, both release. Without `noff`
    /// pre-indexed by minus the size of both.
    pub(crate) fn stilp(&mut self, x: bool, rt2: XZr, noff: bool, rn: XSp, rt: XZr) -> Flow {
        let (a, b, base, size) = (self.x(rt), self.x(rt2), self.xsp(rn), 2 + u8::from(x));
        let (index, imm) = if noff { (Index::Offset, 0) } else { (Index::Pre, -(2 << size)) };
        let (access, disp) = (self.ordered(size, Order::Release), index.disp(imm));
        if self.lacks(Features::LSE2) {
            self.ir.st(a, base, Ref::NONE, disp, access);
            self.ir.st(b, base, Ref::NONE, disp + (1 << size), access);
        } else {
            self.check_pair(access, base, disp);
            self.store_at_once(access, (rt, rt2), base, disp);
        }
        self.write_back(rn, imm, index);
        Flow::Next
    }
    /// LDIAPP: acquire. Without `noff` post-indexed by the size of both.
    pub(crate) fn ldiapp(&mut self, x: bool, rt2: XZr, noff: bool, rn: XSp, rt: XZr) -> Flow {
        let access = self.ordered(2 + u8::from(x), Order::AcquireOnly);
        let (index, registers) = if noff { (Index::Offset, 0) } else { (Index::Post, 2) };
        self.load_pair(access, registers, rt2, rn, rt, index)
    }
}
