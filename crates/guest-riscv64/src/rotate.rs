//! Rotations, which code without Zbb makes of two shifts and an OR.

use crate::Translator;
use crate::field::XReg;
use ir::{Op, OpCode, Ref, Ty};

/// A shift by a constant, whose result is in a register.
#[derive(Clone, Copy, Debug)]
struct Half {
    /// Where its operations are: one, or two if the result is extended.
    first: usize,
    last: usize,
    code: OpCode,
    ty: Ty,
    /// What is shifted.
    source: Ref,
    amount: u64,
}

/// Whether `op` may write `slot`; the runtime can write any.
fn may_write(op: &Op, slot: Ref) -> bool {
    op.dst == slot || op.code == OpCode::RuntimeCall
}

impl Translator<'_> {
    /// `rd` = the OR of `rs1` and `rs2`, as a rotation if they are the halves of one. To be called only if
    /// `rd` is not x0.
    pub(crate) fn rotation(&mut self, rs2: XReg, rs1: XReg, rd: XReg) -> bool {
        let (Some(a), Some(b)) = (self.half(rs1), self.half(rs2)) else { return false };
        let (early, late) = if a.first < b.first { (a, b) } else { (b, a) };
        let (right, left) = if a.code == OpCode::Shr { (a, b) } else { (b, a) };
        let halves = (right.code, left.code) == (OpCode::Shr, OpCode::Shl);
        let width = u64::from(a.ty.bits());
        let same = a.ty == b.ty && a.source == b.source && left.amount + right.amount == width;
        let written = |ops: &[Op]| ops.iter().any(|op| may_write(op, a.source));
        let ops = &self.ir.block.ops;
        if !halves || !same || written(&ops[early.first..late.first]) {
            return false;
        }
        // The half that the result overwrites is replaced by it, if nobody can see the half.
        let unseen = self.unseen_write(rd);
        let place = match [early, late].iter().find(|half| unseen == Some(half.last)) {
            Some(half) => half.first..half.last + 1,
            None if written(&ops[late.first..]) => return false,
            None => ops.len()..ops.len(),
        };
        let (t, dst) = (self.temp(), self.x_out(rd));
        let amount = self.imm(right.amount);
        let narrow = a.ty == Ty::I32;
        let result = if narrow { t } else { dst };
        let rotate = Op { dst: result, a: a.source, b: amount, ..Op::new(OpCode::Ror, a.ty) };
        let extend = Op { dst, a: t, ..Op::new(OpCode::SExt32, Ty::I64) };
        let new = if narrow { &[rotate, extend][..] } else { &[rotate] };
        self.ir.block.ops.splice(place, new.iter().copied());
        if narrow {
            self.known.set_narrow(rd);
        }
        true
    }

    /// The shift whose result is in `register`.
    fn half(&self, register: XReg) -> Option<Half> {
        /// Compilers put few instructions between.
        const LOOK_BACK: usize = 20;
        let (slot, ops) = (Ref::slot(u16::from(register.0)), &self.ir.block.ops);
        let from = ops.len().saturating_sub(LOOK_BACK);
        let recent =
            ops[from..].iter().rposition(|op| may_write(op, slot) || op.code == OpCode::Label)?;
        let last = from + recent;
        let (op, before) = (ops[last], ops[last.checked_sub(1)?]);
        let (first, shift) = match op.code {
            OpCode::SExt32 if op.a == before.dst && before.dst.as_temp().is_some() => {
                (last - 1, before)
            }
            // (A shift of 32 bits to the right leaves a sign of zero.)
            OpCode::Shr => (last, op),
            OpCode::Shl if op.ty == Ty::I64 => (last, op),
            _ => return None,
        };
        let amount = self.ir.known(shift.b)?;
        let within = (1..u64::from(shift.ty.bits())).contains(&amount);
        let Op { code, ty, a: source, .. } = shift;
        let plain = matches!(code, OpCode::Shl | OpCode::Shr) && source.as_slot().is_some();
        (plain && within).then_some(Half { first, last, code, ty, source, amount })
    }
}
