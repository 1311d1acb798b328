//! Rotations, orders of bits and bytes, counts of bits, and the upper halves of products.

use super::super::Op;
use super::{Direct, v};
use crate::translator::Translator;
use ir::Ref;
use ir::vec_op::VecOp;

const NONE: Ref = Ref::NONE;

impl Translator<'_> {
    pub(super) fn direct_bits(&mut self, d: Direct) -> bool {
        let allowed = match d.op {
            Op::Ror | Op::Rol | Op::Brev8 | Op::Rev8 | Op::Clz => true,
            Op::Cpop | Op::Ctz => true,
            Op::Mulh | Op::Mulhu => d.sew < 64,
            _ => false,
        };
        // (What has no second source has other bits of the operation in its place.)
        let single = !matches!(d.op, Op::Ror | Op::Rol | Op::Mulh | Op::Mulhu);
        let operands = match single {
            true => d.aligned(d.regs, &[d.vd(), d.vs2()]) && d.mask_is_apart(&[d.vd(), d.vs2()]),
            false => d.same_width(),
        };
        if !allowed || !operands {
            return false;
        }
        self.begin(d);
        let fixed = d.form() == 3;
        let second = if single || fixed { None } else { self.second(d) };
        let elements = self.elements(d, d.sew);
        for r in 0..d.regs {
            let active = self.active(elements, r);
            let (dst, a) = (v(d.vd() + r), v(d.vs2() + r));
            let value = match d.op {
                Op::Ror if fixed => {
                    let by = u32::from(d.vs1() | d.bits(26, 1) << 5) % d.sew;
                    self.rotated_by(d, a, by)
                }
                Op::Ror | Op::Rol => {
                    let by = self.second_of(d, second, r);
                    self.rotated(d, a, by)
                }
                Op::Mulh | Op::Mulhu => {
                    let b = self.second_of(d, second, r);
                    self.upper_half(d, a, b)
                }
                Op::Rev8 if d.sew == 8 => a,
                Op::Cpop => self.ones_counted(d, a),
                Op::Ctz => {
                    // The ones below the lowest one.
                    let one = self.splat(1, d.sew);
                    let less = self.lanes_to_temp(VecOp::Sub, d.lane(), 0, [a, one, NONE]);
                    let below = self.lanes_to_temp(VecOp::AndNot, 0, 0, [less, a, NONE]);
                    self.ones_counted(d, below)
                }
                _ => {
                    let (code, lane) = match d.op {
                        Op::Clz => (VecOp::Clz, d.lane()),
                        Op::Brev8 => (VecOp::RBit, 0),
                        _ if d.sew == 16 => (VecOp::Rev16, 0),
                        _ if d.sew == 32 => (VecOp::Rev32, 0),
                        _ => (VecOp::Rev64, 0),
                    };
                    self.lanes_to_temp(code, lane, 0, [a, NONE, NONE])
                }
            };
            self.put(dst, value, active);
        }
        true
    }
    fn ones_counted(&mut self, d: Direct, a: Ref) -> Ref {
        let bytes = self.lanes_to_temp(VecOp::Cnt, 0, 0, [a, NONE, NONE]);
        (0..d.lane()).fold(bytes, |sums, lane| {
            self.lanes_to_temp(VecOp::AddLpU, lane, 0, [sums, NONE, NONE])
        })
    }
    /// Rotated right.
    fn rotated_by(&mut self, d: Direct, a: Ref, by: u32) -> Ref {
        if by == 0 {
            return a;
        }
        let lane = d.lane();
        let (right, left) = (by as i32, (d.sew - by) as i32);
        let low = self.lanes_to_temp(VecOp::ShrU, lane, right, [a, NONE, NONE]);
        let high = self.lanes_to_temp(VecOp::ShlI, lane, left, [a, NONE, NONE]);
        self.lanes_to_temp(VecOp::Or, 0, 0, [low, high, NONE])
    }
    fn rotated(&mut self, d: Direct, a: Ref, by: Ref) -> Ref {
        let lane = d.lane();
        let mask = self.splat(u64::from(d.sew) - 1, d.sew);
        let mut by = by;
        if d.op == Op::Rol {
            by = self.lanes_to_temp(VecOp::Neg, lane, 0, [by, NONE, NONE]);
        }
        let right = self.lanes_to_temp(VecOp::And, 0, 0, [by, mask, NONE]);
        let left = self.lanes_to_temp(VecOp::Neg, lane, 0, [right, NONE, NONE]);
        let left = self.lanes_to_temp(VecOp::And, 0, 0, [left, mask, NONE]);
        let low = self.shifted(Op::Srl, lane, a, right);
        let high = self.shifted(Op::Sll, lane, a, left);
        self.lanes_to_temp(VecOp::Or, 0, 0, [low, high, NONE])
    }
    fn upper_half(&mut self, d: Direct, a: Ref, b: Ref) -> Ref {
        let code = if d.op == Op::Mulh { VecOp::MulLS } else { VecOp::MulLU };
        let low = self.lanes_to_temp(code, d.lane(), 0, [a, b, NONE]);
        let high = self.lanes_to_temp(code, d.lane(), 1, [a, b, NONE]);
        let shift = d.sew as i32;
        let low = self.lanes_to_temp(VecOp::Narrow, d.lane(), shift, [low, NONE, NONE]);
        self.lanes_to_temp(VecOp::Narrow, d.lane(), shift | 0x100, [high, NONE, low])
    }
}
