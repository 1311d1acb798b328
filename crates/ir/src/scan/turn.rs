//! One turn of a loop, evaluated with symbols.

use super::With;
use crate::{Access, Block, Cond, Op, OpCode, Ref, Ty};

const ONES: u64 = 0x0101_0101_0101_0101;
const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const HIGH: u64 = 0x8080_8080_8080_8080;

pub(super) fn may_be_part(code: OpCode) -> bool {
    matches!(
        code,
        OpCode::Insn
            | OpCode::Poll
            | OpCode::Ld
            | OpCode::LdV
            | OpCode::MovV
            | OpCode::Vec
            | OpCode::VecToInt
            | OpCode::BrCond
            | OpCode::BrCmp
            | OpCode::Sel
            | OpCode::SelInv
            | OpCode::CcmpSub
    ) || is_plain(code)
}

/// Pure integer operations: their results matter only if they are tested.
fn is_plain(code: OpCode) -> bool {
    matches!(
        code,
        OpCode::Mov
            | OpCode::Add
            | OpCode::Sub
            | OpCode::And
            | OpCode::Or
            | OpCode::Xor
            | OpCode::AndNot
            | OpCode::OrNot
            | OpCode::XorNot
            | OpCode::AddS
            | OpCode::SubS
            | OpCode::AndS
            | OpCode::AndNotS
            | OpCode::Shl
            | OpCode::Shr
            | OpCode::Not
            | OpCode::Clz
            | OpCode::Rbit
            | OpCode::Rev
            | OpCode::Ubfx
    )
}

/// Something read in a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Load {
    pub(super) base: u16,
    pub(super) index: Option<u16>,
    pub(super) disp: i64,
    pub(super) size: u8,
}

/// A reason to leave the loop. Numbers are of [`Turn::loads`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Atom {
    Equal(usize, With),
    Unequal(usize, With),
    Differ(usize, usize),
    /// A slot has counted down by `by` to `less`.
    Count {
        slot: u16,
        by: u64,
        less: u8,
    },
    End {
        slot: u16,
        plus: i64,
        end: u16,
    },
}

/// Some of [`Turn::atoms`], or of [`Turn::loads`].
pub(super) type Set = u32;

/// A value within a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value {
    Other,
    Constant(u64),
    /// What a slot held before the turn, and so much more.
    Start {
        slot: u16,
        plus: i64,
    },
    /// A load's bytes, zero-extended.
    Load(usize),
    /// The same, less 01 in every byte.
    Less(usize),
    /// The same, with all bits but the highest of every byte set.
    Filled(usize),
    /// Less and not the load.
    Cleared(usize),
    /// Zero exactly if no atom of the set applies. `low`: and so are its low 64 bits alone.
    /// `bytes`: it has ones in the bytes of this load for which one applies, zeros elsewhere.
    Mask {
        set: Set,
        low: bool,
        bytes: Option<usize>,
    },
    /// Has a zero byte exactly if one of these loads has. `low`: even in its low 64 bits.
    Least {
        loads: Set,
        low: bool,
    },
}

/// The flags within a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flags {
    /// Those from before the turn.
    Start,
    Other,
    /// Of the comparison of a byte with a value.
    Byte(usize, With),
    /// Z is `z` exactly if no atom of the set applies; then and if `z`, C is `c` and N and V are 0.
    Zero {
        set: Set,
        z: bool,
        c: bool,
    },
    /// Of the subtraction of a constant from a slot's value, to the slot.
    Count {
        slot: u16,
        by: u64,
    },
    /// Of the comparison of a slot's value plus a constant with the value of another.
    End {
        slot: u16,
        plus: i64,
        end: u16,
    },
}

/// A turn of the loop, as far as it has been evaluated.
pub(super) struct Turn<'a> {
    pub(super) block: &'a Block,
    pub(super) values: Vec<(Ref, Value)>,
    pub(super) flags: Flags,
    pub(super) loads: Vec<Load>,
    pub(super) atoms: Vec<Atom>,
    pub(super) guards: Vec<(u16, u64)>,
    /// Slots whose value from before the turn has been used otherwise than as an address or count.
    pub(super) used: u128,
    /// Slots whose value from before the turn has been copied, or moved on.
    pub(super) copied: u128,
    /// Slots whose value may not change.
    pub(super) fixed: u128,
    /// The atoms that are tested.
    pub(super) tested: Set,
    /// What had been written when the loop could be left for the first time, and whether the flags.
    pub(super) early: Option<(u128, bool)>,
}

pub(super) const fn bit(slot: u16) -> u128 {
    1 << (slot & 127)
}

impl<'a> Turn<'a> {
    pub(super) fn new(block: &'a Block) -> Self {
        Self {
            block,
            values: Vec::with_capacity(16),
            flags: Flags::Start,
            loads: Vec::new(),
            atoms: Vec::new(),
            guards: Vec::new(),
            used: 0,
            copied: 0,
            fixed: 0,
            tested: 0,
            early: None,
        }
    }
    pub(super) fn value(&self, r: Ref) -> Value {
        if let Some(c) = self.block.const64(r) {
            return Value::Constant(c);
        }
        let known = self.values.iter().find(|(known, _)| *known == r);
        match (known, r.as_slot()) {
            (Some((_, v)), _) => *v,
            (None, Some(slot)) => Value::Start { slot, plus: 0 },
            _ => Value::Other,
        }
    }
    /// Notes that operand `r` is used in a way that is not understood.
    fn uses(&mut self, r: Ref) {
        if let Value::Start { slot, .. } = self.value(r) {
            self.used |= bit(slot);
        }
    }
    pub(super) fn set(&mut self, r: Ref, v: Value) {
        if r.is_none() {
            return;
        }
        match self.values.iter_mut().find(|(known, _)| *known == r) {
            Some((_, value)) => *value = v,
            None => self.values.push((r, v)),
        }
    }
    /// The slots written so far.
    pub(super) fn written(&self) -> u128 {
        self.values.iter().filter_map(|(r, _)| r.as_slot()).fold(0, |set, s| set | bit(s))
    }
    pub(super) fn atom(&mut self, atom: Atom) -> Option<Set> {
        let n = self.atoms.iter().position(|&a| a == atom).unwrap_or_else(|| {
            self.atoms.push(atom);
            self.atoms.len() - 1
        });
        (n < Set::BITS as usize).then(|| 1 << n)
    }
    /// A byte of these loads is zero.
    pub(super) fn has_zero(&mut self, loads: Set) -> Option<Set> {
        let mut set = 0;
        for n in (0..self.loads.len()).filter(|n| loads >> n & 1 != 0) {
            set |= self.atom(Atom::Equal(n, With::Byte(0)))?;
        }
        Some(set)
    }
    /// Whether `r` is `constant` in this turn, or a slot that is to have that value.
    pub(super) fn is_constant(&mut self, r: Ref, constant: u64) -> bool {
        match self.value(r) {
            Value::Constant(c) => c == constant,
            Value::Start { slot, plus: 0 } if slot < crate::state::FIRST_VEC => {
                self.fixed |= bit(slot);
                if !self.guards.contains(&(slot, constant)) {
                    self.guards.push((slot, constant));
                }
                true
            }
            _ => false,
        }
    }

    pub(super) fn op(&mut self, op: Op) -> Option<()> {
        match op.code {
            OpCode::Insn | OpCode::Poll => {}
            OpCode::BrCond | OpCode::BrCmp => self.branch(op, false)?,
            OpCode::Ld | OpCode::LdV => self.load(op)?,
            OpCode::Vec => self.vector(op)?,
            OpCode::MovV => {
                let v = if op.ty == Ty::V128 { self.value(op.a) } else { Value::Other };
                self.copy(op, v);
            }
            OpCode::VecToInt => {
                let v = match self.value(op.a) {
                    Value::Mask { set, low: true, .. } if op.aux == 0x300 => {
                        Value::Mask { set, low: true, bytes: None }
                    }
                    _ => Value::Other,
                };
                self.copy(op, v);
            }
            OpCode::CcmpSub => self.conditional_compare(op)?,
            OpCode::Sel | OpCode::SelInv => self.select(op)?,
            _ => self.integer(op)?,
        }
        Some(())
    }
    /// `op` gives `v`.
    pub(super) fn copy(&mut self, op: Op, v: Value) {
        match v {
            Value::Other => [op.a, op.b, op.c].into_iter().for_each(|r| self.uses(r)),
            Value::Start { slot, .. } => self.copied |= bit(slot),
            _ => {}
        }
        self.set(op.dst, v);
    }
    fn load(&mut self, op: Op) -> Option<()> {
        let access = Access::decode(op.aux);
        if access != (Access { shift: access.shift, ext: access.ext, ..Access::new(access.size) }) {
            return None;
        }
        let fits = if op.code == OpCode::LdV { access.size == 4 } else { access.size & !3 == 0 };
        let Value::Start { slot: base, plus } = self.value(op.a) else { return None };
        if !fits || matches!(access.size, 1 | 2) || self.loads.len() >= Set::BITS as usize {
            return None;
        }
        let mut disp = plus + i64::from(op.imm);
        let index = if op.b.is_none() {
            None
        } else {
            let Value::Start { slot, plus } = self.value(op.b) else { return None };
            if access.shift != 0 || access.ext != 0 {
                return None;
            }
            disp += plus;
            Some(slot)
        };
        self.loads.push(Load { base, index, disp, size: 1 << access.size });
        self.set(op.dst, Value::Load(self.loads.len() - 1));
        Some(())
    }
    fn integer(&mut self, op: Op) -> Option<()> {
        let wide = op.ty == Ty::I64;
        let (a, b) =
            (self.value(op.a), if op.b.is_none() { Value::Other } else { self.value(op.b) });
        // A modified or narrow operand is not understood, except for comparisons of bytes.
        let v = if op.code == OpCode::Mov {
            if wide { a } else { Value::Other }
        } else if op.aux == 0 && wide {
            self.arithmetic(op, a, b)?
        } else {
            Value::Other
        };
        if op.code.writes_flags() {
            self.flags = if op.aux == 0 { self.compare(op, a, b, v)? } else { Flags::Other };
            if self.flags != Flags::Other && v == Value::Other {
                // The operands are accounted for.
                self.set(op.dst, v);
                return Some(());
            }
        }
        self.copy(op, v);
        Some(())
    }
    /// The result of a 64-bit operation.
    fn arithmetic(&mut self, op: Op, a: Value, b: Value) -> Option<Value> {
        let v = match (op.code, a, b) {
            (OpCode::Add, Value::Start { slot, plus }, Value::Constant(c)) => moved(slot, plus, c),
            (OpCode::Sub | OpCode::SubS, Value::Start { slot, plus }, Value::Constant(c)) => {
                moved(slot, plus, c.wrapping_neg())
            }
            (OpCode::Sub, Value::Load(n), _) if self.loads[n].size == 8 => {
                if !self.is_constant(op.b, ONES) {
                    return Some(Value::Other);
                }
                Value::Less(n)
            }
            (OpCode::Add, Value::Load(n), _) if self.loads[n].size == 8 => {
                if !self.is_constant(op.b, ONES.wrapping_neg()) {
                    return Some(Value::Other);
                }
                Value::Less(n)
            }
            (OpCode::Or, Value::Load(n), Value::Constant(LOW)) => Value::Filled(n),
            (OpCode::Or, Value::Mask { set: x, .. }, Value::Mask { set: y, .. }) => mask(x | y),
            (OpCode::Xor, Value::Load(m), Value::Load(n)) => mask(self.differ(m, n)?),
            (OpCode::AndNot | OpCode::AndNotS, Value::Less(m), Value::Filled(n)) if m == n => {
                mask(self.has_zero(1 << n)?)
            }
            (OpCode::AndNot, Value::Less(m), Value::Load(n)) if m == n => Value::Cleared(n),
            (OpCode::And | OpCode::AndS, Value::Cleared(n), Value::Constant(HIGH)) => {
                mask(self.has_zero(1 << n)?)
            }
            _ => Value::Other,
        };
        Some(v)
    }
    /// Two loads of the same size differ.
    pub(super) fn differ(&mut self, m: usize, n: usize) -> Option<Set> {
        if self.loads[m].size != self.loads[n].size {
            return None;
        }
        self.atom(Atom::Differ(m.min(n), m.max(n)))
    }
    /// Whether a set contains more than bounds.
    fn is_about_bytes(&self, set: Set) -> bool {
        let bound = |atom: &Atom| matches!(atom, Atom::Count { .. } | Atom::End { .. });
        (self.atoms.iter().enumerate()).any(|(n, atom)| set >> n & 1 != 0 && !bound(atom))
    }
    /// A branch, `back` to the loop's start or out of it.
    pub(super) fn branch(&mut self, op: Op, back: bool) -> Option<()> {
        let set = if op.code == OpCode::BrCond {
            self.condition(Cond::from_u8(op.aux as u8), back)?
        } else {
            // Whether it goes on if the value is zero.
            let zero = match Cond::from_u8(op.aux as u8) {
                Cond::Eq => back,
                Cond::Ne => !back,
                _ => return None,
            };
            if op.code != OpCode::BrCmp || self.value(op.b) != Value::Constant(0) {
                return None;
            }
            let wide = op.ty == Ty::I64;
            match self.value(op.a) {
                Value::Mask { set, .. } if wide && zero => set,
                Value::Load(n) if zero && (wide || self.loads[n].size == 1) => {
                    self.atom(Atom::Unequal(n, With::Byte(0)))?
                }
                Value::Load(n) if !zero && self.loads[n].size == 1 => self.has_zero(1 << n)?,
                Value::Start { slot, plus } if wide && plus < 0 && !zero => {
                    self.atom(Atom::Count { slot, by: plus.unsigned_abs(), less: 1 })?
                }
                _ => return None,
            }
        };
        self.tested |= set;
        // (Where a bound ends the loop, the turn before is always executed.)
        if self.early.is_none() && self.is_about_bytes(set) {
            self.early = Some((self.written(), self.flags != Flags::Start));
        }
        Some(())
    }
}

/// The value `plus + by` more than that of `slot` before the turn.
fn moved(slot: u16, plus: i64, by: u64) -> Value {
    const FAR: i64 = 1 << 30;
    match plus.checked_add(by as i64) {
        Some(plus) if (-FAR..=FAR).contains(&plus) => Value::Start { slot, plus },
        _ => Value::Other,
    }
}

/// A value that is zero exactly if no atom of `set` applies.
pub(super) const fn mask(set: Set) -> Value {
    Value::Mask { set, low: true, bytes: None }
}
