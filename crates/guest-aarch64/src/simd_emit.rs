//! How the SIMD and floating-point functions append operations: types, lanes, elements.

use crate::field::VReg;
use crate::{Flow, Translator};
use ir::{OpCode, Ref, Ty, VecOp, vec_op};

/// The type of a vector operation: all of the register or its low half.
pub(crate) fn vty(q: bool) -> Ty {
    if q { Ty::V128 } else { Ty::V64 }
}

/// The type that `ftype` names. 2 is no type; the encodings exclude it.
pub(crate) fn fty(ftype: u8) -> Ty {
    match ftype {
        0 => Ty::F32,
        1 => Ty::F64,
        _ => Ty::F16,
    }
}

/// The scalar type of a floating-point lane (1 half, 2 single, 3 double).
pub(crate) fn lane_fty(lane: u8) -> Ty {
    match lane {
        1 => Ty::F16,
        2 => Ty::F32,
        _ => Ty::F64,
    }
}

/// The lane that `sz` of floating-point encodings means.
pub(crate) fn sz_lane(sz: bool) -> u8 {
    2 + u8::from(sz)
}

/// The register and lane number of a by-element operand, from the bits L, M, Rm and H.
pub(crate) fn element(lane: u8, l: u8, m: u8, rm: u8, h: u8) -> (VReg, u8) {
    match lane {
        1 => (VReg(rm), h << 2 | l << 1 | m),
        2 => (VReg(m << 4 | rm), h << 1 | l),
        _ => (VReg(m << 4 | rm), h),
    }
}

/// The lane and lane number that `imm5` of the copy instructions holds.
pub(crate) fn copy_lane(imm5: u8) -> (u8, u8) {
    let lane = imm5.trailing_zeros() as u8;
    (lane, imm5 >> (lane + 1))
}

impl Translator<'_> {
    /// Appends a vector operation: `param` as its documentation says, up to three operands.
    pub(crate) fn vop(&mut self, op: VecOp, ty: Ty, lane: u8, param: i32, dst: Ref, abc: [Ref; 3]) {
        if !self.composed(op, ty, lane, param, dst, abc) {
            self.ir.vec(op, ty, dst, abc[0], abc[1], abc[2], vec_op::imm(lane, param));
        }
    }
    /// `rd = op(rn)`.
    pub(crate) fn v1(
        &mut self,
        op: VecOp,
        ty: Ty,
        lane: u8,
        param: i32,
        rn: VReg,
        rd: VReg,
    ) -> Flow {
        let (a, dst) = (self.v(rn), self.v(rd));
        self.vop(op, ty, lane, param, dst, [a, Ref::NONE, Ref::NONE]);
        Flow::Next
    }
    /// `rd = op(rn, rm)`.
    pub(crate) fn v2(&mut self, op: VecOp, ty: Ty, lane: u8, param: i32, r: [VReg; 3]) -> Flow {
        let [rn, rm, rd] = r.map(|r| self.v(r));
        self.vop(op, ty, lane, param, rd, [rn, rm, Ref::NONE]);
        Flow::Next
    }
    /// `rd = op(rn, rm, rd)`.
    pub(crate) fn v3(&mut self, op: VecOp, ty: Ty, lane: u8, param: i32, r: [VReg; 3]) -> Flow {
        let [rn, rm, rd] = r.map(|r| self.v(r));
        self.vop(op, ty, lane, param, rd, [rn, rm, rd]);
        Flow::Next
    }
    /// A temporary holding `op(a, b, c)`.
    pub(crate) fn vt(&mut self, op: VecOp, ty: Ty, lane: u8, param: i32, abc: [Ref; 3]) -> Ref {
        let t = self.temp();
        self.vop(op, ty, lane, param, t, abc);
        t
    }
    /// The lowest lane of `a`, zeros above; `a` itself if it is 64 bits, as V64 operations read no
    /// more.
    pub(crate) fn low(&mut self, lane: u8, a: Ref) -> Ref {
        if lane >= 3 {
            return a;
        }
        self.vt(VecOp::Low, Ty::V128, lane, 0, [a, Ref::NONE, Ref::NONE])
    }
    /// Lane `index` of `reg` in all lanes.
    pub(crate) fn dup(&mut self, lane: u8, reg: VReg, index: u8) -> Ref {
        let a = self.v(reg);
        self.vt(VecOp::DupLane, Ty::V128, lane, i32::from(index), [a, Ref::NONE, Ref::NONE])
    }
    /// Lane `index` of `reg` as the scalar in a vector container; what is above is undefined.
    pub(crate) fn scalar_lane(&mut self, lane: u8, reg: VReg, index: u8) -> Ref {
        let a = self.v(reg);
        match (lane, index) {
            (_, 0) => a,
            (3, _) => self.vt(VecOp::High, Ty::V128, 3, 0, [a, Ref::NONE, Ref::NONE]),
            _ => {
                self.vt(VecOp::DupLane, Ty::V64, lane, i32::from(index), [a, Ref::NONE, Ref::NONE])
            }
        }
    }
    /// Narrows the lanes of `a` (and `b`) into half of `rd`: the low one, or with `q` the high one,
    /// which keeps the other.
    pub(crate) fn narrow(
        &mut self,
        op: VecOp,
        q: bool,
        lane: u8,
        shift: i32,
        ab: [Ref; 2],
        rd: VReg,
    ) -> Flow {
        let dst = self.v(rd);
        let (param, c) = if q { (shift | 0x100, dst) } else { (shift, Ref::NONE) };
        self.vop(op, Ty::V128, lane, param, dst, [ab[0], ab[1], c]);
        Flow::Next
    }
    /// `dst = a`, all 128 bits.
    pub(crate) fn vmov(&mut self, dst: Ref, a: Ref) {
        self.ir.un(OpCode::MovV, Ty::V128, dst, a);
    }
    /// Moves temporaries to `rt`, `rt + 1`, ... (register 0 follows 31).
    pub(crate) fn vmov_list(&mut self, rt: VReg, from: &[Ref]) {
        for (i, &t) in from.iter().enumerate() {
            let dst = self.v(vreg_after(rt, i));
            self.vmov(dst, t);
        }
    }
}

/// The `n`th register after `rt`, modulo 32.
pub(crate) fn vreg_after(rt: VReg, n: usize) -> VReg {
    VReg((rt.0 + n as u8) & 31)
}
