//! Groups that no single encoding makes: calls, traps, loops.

use asm::riscv64 as rv;
use isa::Rng;

use super::choose::Place;
use super::fit::immediate;
use super::li;
use crate::diff::case::{Branch, Group};
use crate::diff::record::COUNTER;

fn plain(code: Vec<u8>, last: usize) -> Group {
    Group { code, last, branch: None }
}

/// A random group.
pub(super) fn group(rng: &mut Rng, place: Place) -> Group {
    let mut code = Vec::new();
    match rng.below(40) {
        // A system call that does not exist.
        0..20 => {
            // Behind VSETVL with a type that is none: else calls forget vectors, under the oracle they do not.
            const VSETVL_A7: u32 = 0x8110_7057;
            li(&mut code, 17, u64::MAX);
            rv::push(&mut code, VSETVL_A7);
            li(&mut code, 17, 0xf000 + rng.below(0x800));
            rv::push(&mut code, rv::ECALL);
        }
        20..38 => return reserved(rng, place),
        38 => rv::push(&mut code, rv::EBREAK),
        // c.ebreak
        _ => code.extend([0x02, 0x90]),
    }
    let last = code.len() - if code.len() < 4 { 2 } else { 4 };
    plain(code, last)
}

/// A whole loop with LR and SC, as compilers make them: an addition, or a compare and swap.
fn reserved(rng: &mut Rng, place: Place) -> Group {
    let wide = rng.one_in(2);
    let (width, size) = if wide { (3, 8) } else { (2, 4) };
    let address = place.register(rng, &[]);
    let loaded = place.register(rng, &[address]);
    let result = place.register(rng, &[address, loaded]);
    let other = rng.below(32) as u32;
    let mut code = Vec::new();
    li(&mut code, address, place.target(rng) & !(size - 1));
    let order = rng.below(4) as u32;
    let lr = 0x1000_002f | (order & 2) << 25 | address << 15 | width << 12 | loaded << 7;
    let sc = |value: u32| {
        0x1800_002f | (order & 1) << 25 | value << 20 | address << 15 | width << 12 | result << 7
    };
    let bne = |a: u32, b: u32, to: i32| {
        let d = to.cast_unsigned();
        let high = (d >> 12 & 1) << 31 | (d >> 5 & 63) << 25;
        let low = (d >> 1 & 15) << 8 | (d >> 11 & 1) << 7;
        high | b << 20 | a << 15 | 1 << 12 | low | 0x63
    };
    let words = if rng.one_in(2) {
        // add result, loaded, other
        let add = 0x33 | other << 20 | loaded << 15 | result << 7;
        vec![lr, add, sc(result), bne(result, 0, -12)]
    } else {
        let again = bne(loaded, other, 12);
        vec![lr, again, sc(other), bne(result, 0, -12)]
    };
    words.into_iter().for_each(|word| rv::push(&mut code, word));
    let last = code.len() - 4;
    plain(code, last)
}

/// Goes back a few groups, at most seven times in a case.
pub(super) fn loop_end(rng: &mut Rng, place: Place) -> Group {
    let a = place.register(rng, &[]);
    let b = place.register(rng, &[a]);
    let mut code = Vec::new();
    li(&mut code, a, place.record + COUNTER as u64);
    // srli b, b, 3; beqz b.
    let words = [
        rv::ld(b, a, 0),
        rv::addi(b, b, 1),
        rv::sd(b, a, 0),
        0x0030_5013 | b << 15 | b << 7,
        0x63 | b << 15,
    ];
    words.into_iter().for_each(|word| rv::push(&mut code, word));
    let last = code.len() - 4;
    let skip = -1 - rng.below(4) as isize;
    Group { code, last, branch: Some(Branch { set: immediate, skip }) }
}
