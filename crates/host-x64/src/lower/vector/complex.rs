//! FCMLA and FCADD: complex numbers, over `State::args`.

use crate::emit::sse::op;
use crate::emit::{Imm, Xmm};
use crate::lower::{Lower, arg};
use ir::{Op, Ty, VecOp, vec_op};

const X: Xmm = Xmm(14);
const Y: Xmm = Xmm(15);

impl Lower<'_> {
    /// Does `o` over `State::args`. False: not done, nothing emitted.
    pub(crate) fn complex(&mut self, o: Op) -> bool {
        let double = match vec_op::lane(o.imm) {
            2 => false,
            3 => true,
            _ => return false,
        };
        if self.is_exact() || !self.avx() {
            return false;
        }
        let rotation = o.imm >> 8;
        match VecOp::from_u16(o.aux) {
            // By 90 or by 270 degrees.
            VecOp::FCAdd if rotation <= 1 => {
                self.e.movaps_load(X, arg(0));
                self.turned(double, true, rotation == 0, rotation == 1);
                self.low(o, X);
                self.fault();
                self.v3(op::fp(op::ADD, false, double), X, X, Y);
            }
            VecOp::FCMla if rotation <= 3 && self.host.features().fma => {
                let odd = rotation & 1 != 0;
                // Each part of b is multiplied by the real part of a, or the imaginary one.
                let same = match (double, odd) {
                    (false, false) => 0xa0,
                    (false, true) => 0xf5,
                    (true, false) => 0x44,
                    (true, true) => 0xee,
                };
                self.turned(double, odd, matches!(rotation, 1 | 2), rotation >= 2);
                self.low(o, Y);
                self.e.movaps_store(arg(3), Y);
                self.v2i(op::PSHUFD, X, arg(0), same);
                self.low(o, X);
                self.e.movaps_load(Y, arg(2));
                self.low(o, Y);
                self.fault();
                let code = op::fma231(false, false, false, double);
                self.e.avx_rm(code, Y, X, arg(3), Imm::None);
                // Any NaN: which one, the evaluator knows.
                self.fault();
                self.v3i(op::fp(op::CMP, false, double), X, Y, Y, 1);
                self.vmov(X, Y);
            }
            _ => return false,
        }
        self.low(o, X);
        self.e.movaps_store(arg(0), X);
        true
    }
    /// `Y` = b, its parts exchanged or not, the signs of its real or imaginary parts turned.
    fn turned(&mut self, double: bool, exchanged: bool, real: bool, imaginary: bool) {
        let order = match (exchanged, double) {
            (false, _) => 0xe4,
            (true, false) => 0xb1,
            (true, true) => 0x4e,
        };
        self.v2i(op::PSHUFD, Y, arg(1), order);
        let sign = |part: u32| -> u128 {
            if double {
                1 << (64 * part + 63)
            } else {
                1 << (32 * part + 31) | 1 << (32 * part + 95)
            }
        };
        let signs = if real { sign(0) } else { 0 } | if imaginary { sign(1) } else { 0 };
        if signs != 0 {
            let signs = self.e.constant(signs);
            self.v3(op::PXOR, Y, Y, signs);
        }
    }
    /// Zeros above what takes part.
    fn low(&mut self, o: Op, x: Xmm) {
        if o.ty == Ty::V64 {
            self.v2(op::MOVQ, x, x);
        }
    }
}
