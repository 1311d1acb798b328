//! Loads and stores of whole groups, one element after the other.

use super::super::{Op, VLEN};
use super::{Direct, v};
use crate::field::XReg;
use crate::translator::Translator;
use ir::{Access, Ref};

impl Translator<'_> {
    pub(super) fn direct_memory(&mut self, d: Direct) -> bool {
        let width = match d.form() {
            0 => 8,
            n => 8 << (n - 4),
        };
        let fields = d.bits(29, 3) + 1;
        let whole = matches!(d.op, Op::Lr | Op::Sr);
        let regs = match d.op {
            Op::Lr | Op::Sr => u32::from(fields),
            Op::Le | Op::Leff | Op::Se if fields == 1 => {
                let bits = d.elements() * width;
                if !bits.is_multiple_of(VLEN) {
                    return false;
                }
                bits / VLEN
            }
            _ => return false,
        };
        let regs = regs as u16;
        if regs > 8 || !regs.is_power_of_two() || !d.aligned(regs, &[d.vd()]) {
            return false;
        }
        if !whole {
            self.if_full(d);
        }
        let base = self.x(XReg(d.vs1() as u8));
        for r in 0..regs {
            let (register, offset) = (v(d.vd() + r), i32::from(r) * 16);
            if matches!(d.op, Op::Se | Op::Sr) {
                self.ir.st_v(register, base, Ref::NONE, offset, Access::new(4));
                continue;
            }
            if r > 0 {
                self.next_step();
            }
            self.ir.ld_v(register, base, Ref::NONE, offset, Access::new(4));
        }
        true
    }
}
