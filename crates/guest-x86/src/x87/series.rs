//! Functions that the processor computes by series.

use super::Op;
use super::registers::{BEFORE, C2, INDEFINITE, Registers};
use core::cell::Cell;
use softfloat::wide::Angle;

const ONE: u128 = 0x3fff << 64 | 1 << 63;

/// F2XM1; and FYL2X, FYL2XP1 and FPATAN, of the top and the register below, which is the result's.
pub(super) fn logarithm(op: Op, r: &mut Registers<'_>) {
    let two = op != Op::F2xm1;
    let to = u8::from(two);
    if r.is_empty(0) || two && r.is_empty(1) {
        if !r.stack_fault(false) {
            return;
        }
        r.set(to, INDEFINITE);
    } else {
        let (x, y) = (r.raw(0), r.raw(1));
        let (result, raised) = r.compute(r.rounding(), |fp| match op {
            Op::F2xm1 => fp.wide_exp2_minus_1(x),
            Op::Patan => fp.wide_atan2(y, x),
            op => fp.wide_log2(y, x, op == Op::Fyl2xp1),
        });
        if !r.raise(raised, BEFORE) {
            return;
        }
        r.set(to, result);
    }
    if two {
        r.pop();
    }
}

/// FSIN, FCOS; FSINCOS and FPTAN, which push a second value.
pub(super) fn angle(op: Op, r: &mut Registers<'_>) {
    let pushes = matches!(op, Op::Ptan | Op::Sincos);
    let overflow = pushes && !r.is_empty(7);
    if r.is_empty(0) || overflow {
        if r.stack_fault(overflow && !r.is_empty(0)) {
            let c1 = overflow && !r.is_empty(0);
            r.set(0, INDEFINITE);
            if pushes {
                r.turn(7);
                r.set(0, INDEFINITE);
                r.set_c1(c1);
            }
            r.set_status(r.status() & !C2);
        }
        return;
    }
    let x = r.raw(0);
    let reduced = Cell::new(true);
    let mut function = |which| {
        r.compute(r.rounding(), |fp| {
            fp.wide_angle(which, x).unwrap_or_else(|| {
                reduced.set(false);
                x
            })
        })
    };
    let first = match op {
        Op::Cos => Angle::Cos,
        Op::Ptan => Angle::Tan,
        _ => Angle::Sin,
    };
    let (result, raised) = function(first);
    let (second, mut more) = if op == Op::Sincos { function(Angle::Cos) } else { (ONE, raised) };
    if !reduced.get() {
        r.set_status(r.status() | C2);
        r.set_c1(false);
        return;
    }
    more.bits |= raised.bits;
    r.set_status(r.status() & !C2);
    if !r.raise(more, BEFORE) {
        return;
    }
    r.set(0, result);
    if pushes {
        let nan = result >> 64 & 0x7fff == 0x7fff;
        let c1 = more.up;
        r.push(if nan { result } else { second });
        r.set_c1(c1);
    }
}
