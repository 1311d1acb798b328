//! The vector operations of a turn: comparisons of bytes, and what tells whether any is true.

use super::With;
use super::turn::{Atom, Set, Turn, Value, bit};
use crate::vec_op::{self, VecOp};
use crate::{Op, Ref, Ty};

impl Turn<'_> {
    pub(super) fn vector(&mut self, op: Op) -> Option<()> {
        let (a, b) =
            (self.value(op.a), if op.b.is_none() { Value::Other } else { self.value(op.b) });
        let same = op.a == op.b;
        let whole = op.ty == Ty::V128;
        let v = match (VecOp::from_u16(op.aux), a, b) {
            (VecOp::CmEq, ..) if op.imm == 0 => self.vector_equal(op, a, b)?,
            // a >= b: all ones are, zeros are if b is zero.
            (VecOp::CmGeU, Value::Mask { set, bytes: Some(n), .. }, Value::Load(m))
                if op.imm == 0 && whole && n == m =>
            {
                let set = set | self.atom(Atom::Equal(n, With::Byte(0)))?;
                Value::Mask { set, low: false, bytes: Some(n) }
            }
            (VecOp::MaxPU | VecOp::Or, Value::Mask { set: x, .. }, Value::Mask { set: y, .. })
                if whole && (op.imm == 0 || op.aux == VecOp::Or as u16) =>
            {
                let low = same && op.aux == VecOp::MaxPU as u16;
                Value::Mask { set: x | y, low, bytes: None }
            }
            (VecOp::Xor, Value::Load(m), Value::Load(n)) if whole => {
                Value::Mask { set: self.differ(m, n)?, low: false, bytes: None }
            }
            (VecOp::MinPU, ..) if op.imm == 0 && whole => {
                let (Some(x), Some(y)) = (least(a), least(b)) else { return None };
                Value::Least { loads: x | y, low: same }
            }
            // A nibble of each byte.
            (VecOp::Narrow, Value::Mask { set, bytes: Some(_), .. }, _)
                if op.imm == vec_op::imm(0, 4) && whole =>
            {
                Value::Mask { set, low: true, bytes: None }
            }
            _ => return None,
        };
        self.copy(op, v);
        Some(())
    }
    fn vector_equal(&mut self, op: Op, a: Value, b: Value) -> Option<Value> {
        let zero = |v: Value, r: Ref| v == Value::Constant(0) && self.block.constant(r) == Some(0);
        let (a, b) = match (a, b) {
            (_, Value::Load(_)) => (b, a),
            _ if zero(a, op.a) => (b, a),
            _ => (a, b),
        };
        let whole = op.ty == Ty::V128;
        match (a, b) {
            (Value::Load(n), Value::Constant(0)) if whole => {
                let set = self.has_zero(1 << n)?;
                Some(Value::Mask { set, low: false, bytes: Some(n) })
            }
            (Value::Load(n), Value::Start { slot, plus: 0 })
                if whole && slot >= crate::state::FIRST_VEC =>
            {
                self.fixed |= bit(slot);
                let set = self.atom(Atom::Equal(n, With::Vector(slot)))?;
                Some(Value::Mask { set, low: false, bytes: Some(n) })
            }
            (Value::Least { loads, low }, Value::Constant(0)) if whole || low => {
                let set = self.has_zero(loads)?;
                Some(Value::Mask { set, low, bytes: None })
            }
            _ => None,
        }
    }
}

/// The loads of which a value is the least, byte by byte.
fn least(v: Value) -> Option<Set> {
    match v {
        Value::Load(n) => Some(1 << n),
        Value::Least { loads, .. } => Some(loads),
        _ => None,
    }
}
