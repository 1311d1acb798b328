//! Which elements take part: those below vl whose bit of the mask in v0 is set.

use super::super::{Length, VLEN};
use super::{Direct, v};
use crate::state::SLOT_VL;
use crate::translator::Translator;
use ir::vec_op::VecOp;
use ir::{OpCode, Ref, Ty};

const NONE: Ref = Ref::NONE;

/// The elements of one register that take part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Active {
    All,
    None,
    /// Those where the lane is ones, not zero.
    Lanes(Ref),
}

/// What [`Translator::active`] is to be told, for elements of `width` bits.
#[derive(Clone, Copy)]
pub(super) struct Elements {
    width: u32,
    /// Those from this one on do not take part.
    count: u32,
    /// vl in all lanes of [`Elements::compared`] bits, if it is not known.
    length: Option<Ref>,
    masked: bool,
}

impl Elements {
    /// How many there are in a register.
    fn in_one(self) -> u32 {
        VLEN / self.width
    }
    /// The same without the mask.
    pub(super) fn unmasked(self) -> Self {
        Self { masked: false, ..self }
    }
    /// Numbers of elements fit in 32 bits. (Comparisons of 64 are slow.)
    fn compared(self) -> u32 {
        self.width.min(32)
    }
    /// What is subtracted from numbers of up to 128, to be compared as eight bits with a sign.
    fn bias(self) -> u32 {
        if self.width == 8 { 128 } else { 0 }
    }
}

/// A vector made of a number for each byte.
pub(super) fn bytes(f: impl Fn(u32) -> u32) -> u128 {
    (0..16).fold(0, |all, n| all | u128::from(f(n) as u8) << (8 * n))
}

impl Direct {
    /// How many elements take part at most, if that is known.
    pub(super) fn count(self) -> Option<u32> {
        match self.known.length {
            Length::Max | Length::Mostly => Some(self.elements()),
            Length::Count(n) => Some(n),
            Length::Any => None,
        }
    }
}

impl Translator<'_> {
    /// For results with elements of `width` bits.
    pub(super) fn elements(&mut self, d: Direct, width: u32) -> Elements {
        let count = d.count();
        let mut all = Elements {
            width,
            count: count.unwrap_or(d.elements()),
            length: None,
            masked: d.masked(),
        };
        if count.is_none() {
            let mut length = Ref::slot(SLOT_VL);
            if all.bias() != 0 {
                let (bias, less) = (self.imm(all.bias().into()), self.temp());
                self.ir.bin(OpCode::Sub, Ty::I64, less, length, bias);
                length = less;
            }
            let lane = all.compared().ilog2() as u8 - 3;
            all.length = Some(self.lanes_to_temp(VecOp::DupInt, lane, 0, [length, NONE, NONE]));
        }
        all
    }
    /// The elements of register `r` of a group that take part.
    pub(super) fn active(&mut self, all: Elements, r: u16) -> Active {
        let first = u32::from(r) * all.in_one();
        if first >= all.count {
            return Active::None;
        }
        let mut lanes = None;
        if let Some(length) = all.length {
            let (compared, bias) = (all.compared(), all.bias());
            let number = |n: u32| first + 8 * n / all.width;
            let each = |n: u32| number(n).wrapping_sub(bias) >> (8 * n % compared);
            let numbers = self.ir.vconst(bytes(each));
            let lane = compared.ilog2() as u8 - 3;
            lanes = Some(self.lanes_to_temp(VecOp::CmGtS, lane, 0, [length, numbers, NONE]));
        } else if first + all.in_one() > all.count {
            let ones = |n: u32| u32::from(first + 8 * n / all.width < all.count) * 0xff;
            lanes = Some(self.ir.vconst(bytes(ones)));
        }
        if all.masked {
            let set = self.mask_lanes(all.width, r);
            lanes = Some(match lanes {
                Some(lanes) => self.lanes_to_temp(VecOp::And, 0, 0, [set, lanes, NONE]),
                None => set,
            });
        }
        lanes.map_or(Active::All, Active::Lanes)
    }
    /// Ones in the lanes of register `r` of a group whose bit in v0 is set.
    pub(super) fn mask_lanes(&mut self, width: u32, r: u16) -> Ref {
        let element = |n: u32| u32::from(r) * (VLEN / width) + 8 * n / width;
        let at = self.ir.vconst(bytes(|n| element(n) / 8));
        let bits = self.ir.vconst(bytes(|n| 1 << (element(n) % 8)));
        let all = self.lanes_to_temp(VecOp::Tbl1, 0, 0, [v(0), at, NONE]);
        let set = self.lanes_to_temp(VecOp::And, 0, 0, [all, bits, NONE]);
        self.lanes_to_temp(VecOp::CmEq, 0, 0, [set, bits, NONE])
    }
    /// Of those that take part, the ones in `lanes`.
    pub(super) fn both(&mut self, active: Active, lanes: Ref) -> Active {
        match active {
            Active::None => Active::None,
            Active::All => Active::Lanes(lanes),
            Active::Lanes(some) => {
                Active::Lanes(self.lanes_to_temp(VecOp::And, 0, 0, [some, lanes, NONE]))
            }
        }
    }
    /// Writes the elements that take part.
    pub(super) fn put(&mut self, dst: Ref, value: Ref, active: Active) {
        match active {
            Active::All => self.ir.mov(Ty::V128, dst, value),
            Active::None => {}
            Active::Lanes(lanes) => self.lanes(VecOp::Select, 0, 0, dst, [value, dst, lanes]),
        }
    }
    /// An operation whose result is written where elements take part.
    pub(super) fn lanes_where(
        &mut self,
        active: Active,
        (op, lane, param): (VecOp, u8, i32),
        dst: Ref,
        operands: [Ref; 3],
    ) {
        match active {
            Active::All => self.lanes(op, lane, param, dst, operands),
            Active::None => {}
            Active::Lanes(_) => {
                let value = self.lanes_to_temp(op, lane, param, operands);
                self.put(dst, value, active);
            }
        }
    }
    /// `value` with zeros in elements that do not take part.
    pub(super) fn zeroed(&mut self, value: Ref, active: Active) -> Ref {
        match active {
            Active::Lanes(lanes) => self.lanes_to_temp(VecOp::And, 0, 0, [value, lanes, NONE]),
            Active::None => self.ir.vconst(0),
            Active::All => value,
        }
    }
    /// A bit in an integer for each of the `count` elements from number `first` on that take part, at most 64.
    pub(super) fn active_bits(&mut self, d: Direct, first: u32, count: u32) -> Ref {
        let below = match d.count() {
            Some(n) => {
                let n = n.saturating_sub(first).min(count);
                self.imm(if n == 0 { 0 } else { u64::MAX >> (64 - n) })
            }
            None => self.length_bits(first, count),
        };
        if !d.masked() {
            return below;
        }
        let bits = self.temp();
        self.ir.un_aux(OpCode::VecToInt, Ty::I64, bits, v(0), (first / 64) as u16 | 3 << 8);
        let field = (first % 64) as u16 | (count.min(64) as u16) << 8;
        let bits = match field {
            f if f == 64 << 8 => bits,
            _ => {
                let t = self.temp();
                self.ir.un_aux(OpCode::Ubfx, Ty::I64, t, bits, field);
                t
            }
        };
        self.int(OpCode::And, 0, [bits, below, NONE])
    }
    /// Ones for the elements below vl of the `count` from number `first` on.
    fn length_bits(&mut self, first: u32, count: u32) -> Ref {
        let mut n = Ref::slot(SLOT_VL);
        let (from, end, ones) =
            (self.imm(first.into()), self.imm((first + count).into()), self.imm(u64::MAX));
        if first > 0 {
            n = self.int(OpCode::MaxU, 0, [n, from, NONE]);
        }
        n = self.int(OpCode::MinU, 0, [n, end, NONE]);
        if first > 0 {
            n = self.int(OpCode::Sub, 0, [n, from, NONE]);
        }
        if count < 64 {
            let above = self.int(OpCode::Shl, 0, [ones, n, NONE]);
            return self.int(OpCode::Not, 0, [above, NONE, NONE]);
        }
        // (Shifts by 64 do nothing.)
        let one = self.imm(1);
        let half = self.int(OpCode::Shr, 0, [n, one, NONE]);
        let rest = self.int(OpCode::Sub, 0, [n, half, NONE]);
        let above = self.int(OpCode::Shl, 0, [ones, half, NONE]);
        let above = self.int(OpCode::Shl, 0, [above, rest, NONE]);
        self.int(OpCode::Not, 0, [above, NONE, NONE])
    }
    /// An integer operation with a temporary as the result.
    pub(super) fn int(&mut self, code: OpCode, aux: u16, [a, b, c]: [Ref; 3]) -> Ref {
        let t = self.temp();
        self.ir.ter(code, Ty::I64, t, a, b, c, aux);
        t
    }
}
