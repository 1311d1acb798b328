//! The flags of a turn: what they say of the bytes that have been read.

use super::With;
use super::turn::{Atom, Flags, Set, Turn, Value, bit, mask};
use crate::{Cond, Op, OpCode, Ref, Ty};

impl Turn<'_> {
    /// The flags of an operation of `a` and `b` with the result `v`.
    pub(super) fn compare(&mut self, op: Op, a: Value, b: Value, v: Value) -> Option<Flags> {
        let subtracts = matches!(op.code, OpCode::SubS | OpCode::CcmpSub);
        let wide = op.ty == Ty::I64;
        let flags = match (a, b) {
            (Value::Load(n), Value::Constant(c)) if subtracts && self.loads[n].size == 1 => {
                Flags::Byte(n, With::Byte(u8::try_from(c).ok()?))
            }
            (Value::Load(n), Value::Start { slot, plus: 0 })
            | (Value::Start { slot, plus: 0 }, Value::Load(n))
                if subtracts && self.loads[n].size == 1 =>
            {
                self.fixed |= bit(slot);
                Flags::Byte(n, With::Register(slot))
            }
            (Value::Load(m), Value::Load(n)) if subtracts && (wide || self.loads[m].size == 1) => {
                Flags::Zero { set: self.differ(m, n)?, z: true, c: true }
            }
            (Value::Mask { set, .. }, Value::Constant(0)) if subtracts && wide => {
                Flags::Zero { set, z: true, c: true }
            }
            (Value::Start { slot, plus: 0 }, Value::Constant(by))
                if op.code == OpCode::SubS && wide && op.dst == Ref::slot(slot) =>
            {
                Flags::Count { slot, by }
            }
            (Value::Start { slot, plus }, Value::Start { slot: end, plus: 0 })
                if op.code == OpCode::SubS && wide && op.dst.is_none() =>
            {
                self.fixed |= bit(end);
                self.copied |= bit(slot);
                Flags::End { slot, plus, end }
            }
            (Value::Mask { set, .. }, _) if op.code == OpCode::AndS && op.a == op.b && wide => {
                Flags::Zero { set, z: true, c: false }
            }
            _ => match v {
                Value::Mask { set, .. } if wide => Flags::Zero { set, z: true, c: false },
                _ => Flags::Other,
            },
        };
        Some(flags)
    }
    /// The atoms of which none applies exactly if `cond` is `on`.
    pub(super) fn condition(&mut self, cond: Cond, on: bool) -> Option<Set> {
        let (set, quiet) = match (self.flags, cond) {
            (Flags::Zero { set, z, .. }, Cond::Eq) => (set, z),
            (Flags::Zero { set, z, .. }, Cond::Ne) => (set, !z),
            (Flags::Byte(n, with), Cond::Eq | Cond::Ne) => {
                let equal = (cond == Cond::Eq) == on;
                let atom = if equal { Atom::Unequal(n, with) } else { Atom::Equal(n, with) };
                (self.atom(atom)?, on)
            }
            (Flags::Byte(n, With::Byte(1)), Cond::Hs | Cond::Lo) => {
                (self.atom(Atom::Equal(n, With::Byte(0)))?, cond == Cond::Hs)
            }
            (Flags::Count { slot, by }, Cond::Hi | Cond::Ls | Cond::Ne | Cond::Eq) => {
                let set = self.atom(Atom::Count { slot, by, less: 1 })?;
                (set, matches!(cond, Cond::Hi | Cond::Ne))
            }
            (Flags::Count { slot, by }, Cond::Hs | Cond::Lo) => {
                (self.atom(Atom::Count { slot, by, less: 0 })?, cond == Cond::Hs)
            }
            (Flags::End { slot, plus, end }, Cond::Ne | Cond::Eq | Cond::Lo | Cond::Hs) => {
                let set = self.atom(Atom::End { slot, plus, end })?;
                (set, matches!(cond, Cond::Ne | Cond::Lo))
            }
            _ => return None,
        };
        (quiet == on).then_some(set)
    }
    /// A compare if all has been quiet, else flags that say that it has not.
    pub(super) fn conditional_compare(&mut self, op: Op) -> Option<()> {
        let set = self.condition(Cond::from_u8(op.aux as u8), true)?;
        let (a, b) = (self.value(op.a), self.value(op.b));
        let otherwise = op.aux >> 10 & 1 != 0;
        let (more, z) = match self.compare(op, a, b, Value::Other)? {
            Flags::Zero { set, z, .. } => (set, z),
            Flags::Byte(n, with) if otherwise => (self.atom(Atom::Equal(n, with))?, false),
            Flags::Byte(n, with) => (self.atom(Atom::Unequal(n, with))?, true),
            _ => return None,
        };
        if otherwise == z {
            return None;
        }
        // (A subtraction of equal values.)
        self.flags = Flags::Zero { set: set | more, z, c: true };
        Some(())
    }
    /// A value, if all has been quiet, else one that is not zero.
    pub(super) fn select(&mut self, op: Op) -> Option<()> {
        let more = self.condition(Cond::from_u8(op.aux as u8), true)?;
        let zero = if op.code == OpCode::SelInv { u64::MAX } else { 0 };
        match (self.value(op.a), self.value(op.b)) {
            (Value::Mask { set, .. }, Value::Constant(c)) if op.ty == Ty::I64 && c != zero => {
                self.set(op.dst, mask(set | more));
                Some(())
            }
            _ => None,
        }
    }
}
