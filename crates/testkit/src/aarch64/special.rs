//! Instructions whose operands or results need others around them: pointer authentication, whose
//! codes differ between processors, so that they are taken out or used up where they were made;
//! calls, hints and system operations.

use asm::aarch64 as a64;

use crate::diff::case::Group;
use isa::Rng;

/// XPACI; XPACD is 0x400 more.
const XPACI: u32 = 0xdac1_43e0;
const XPACLRI: u32 = 0xd503_20ff;
/// PACIA with SP; AUTIA is 0x80 more, with key B 0x40, zero as the modifier 0x20 less.
const PACIASP: u32 = 0xd503_233f;
/// PSTATE.DIT and PSTATE.SSBS.
const PSTATE: [u32; 2] = [0xd51b_42a0, 0xd51b_42c0];
/// DC CVAC, CVAU, CVAP, CVADP, CIVAC and IC IVAU.
const CACHE: [u32; 6] =
    [0xd50b_7a20, 0xd50b_7b20, 0xd50b_7c20, 0xd50b_7d20, 0xd50b_7e20, 0xd50b_7520];
/// Hints: PACM and CHKFEAT without FEAT_PAuth_LR and FEAT_GCS in use.
const PACM: u32 = 0xd503_24ff;
const CHKFEAT: u32 = 0xd503_251f;
const WFI: u32 = 0xd503_207f;
const ESB: u32 = 0xd503_221f;
const SEV: u32 = 0xd503_209f;
const WFE: u32 = 0xd503_205f;

/// A random group; `target` is an address that may be loaded from.
pub(super) fn group(rng: &mut Rng, target: u64) -> Group {
    let words = match rng.below(40) {
        0..=5 => sign_and_authenticate(rng),
        6..=9 => sign_and_strip(rng),
        10..=12 => by_hints(rng),
        13..=15 => generic(rng),
        16..=20 => branch(rng),
        21..=22 => retaa(rng),
        23..=26 => load(rng, target),
        27..=28 => call(rng),
        29..=32 => pstate(rng),
        33..=35 => cache(rng, target),
        36..=38 => hint(rng),
        _ => undefined(rng),
    };
    Group::of_words(&words, None)
}

/// A register other than SP and those in `not`.
fn register(rng: &mut Rng, not: &[u32]) -> u32 {
    loop {
        let n = rng.below(31) as u32;
        if !not.contains(&n) {
            return n;
        }
    }
}

/// `sbfx d, d, #0, #48`: a pointer as the processor can authenticate it.
fn canonical(d: u32) -> u32 {
    0x9340_bc00 | d << 5 | d
}

/// PAC of `d` with a random modifier, and the difference between its word and that of AUT.
fn sign(rng: &mut Rng, d: u32, key: u32) -> (u32, u32) {
    if rng.one_in(3) {
        return (0xdac1_23e0 | key << 10 | d, 0x1000);
    }
    let modifier = if rng.one_in(6) { 31 } else { register(rng, &[d]) };
    (0xdac1_0000 | key << 10 | modifier << 5 | d, 0x1000)
}

fn sign_and_authenticate(rng: &mut Rng) -> Vec<u32> {
    let d = register(rng, &[]);
    let key = rng.below(4) as u32;
    let (pac, more) = sign(rng, d, key);
    vec![canonical(d), pac, pac + more]
}

fn sign_and_strip(rng: &mut Rng) -> Vec<u32> {
    let d = register(rng, &[]);
    let key = rng.below(4) as u32;
    let (pac, _) = sign(rng, d, key);
    vec![canonical(d), pac, XPACI | (rng.below(2) as u32) << 10 | d]
}

/// PACIASP and the like, and those of x17.
fn by_hints(rng: &mut Rng) -> Vec<u32> {
    let key = (rng.below(2) as u32) << 6;
    if rng.one_in(3) {
        let pac = 0xd503_211f | key;
        let last = if rng.one_in(2) { pac + 0x80 } else { XPACI | 17 };
        return vec![canonical(17), pac, last];
    }
    let pac = PACIASP - (rng.below(2) as u32) * 0x20 | key;
    vec![canonical(30), pac, if rng.one_in(2) { pac + 0x80 } else { XPACLRI }]
}

/// PACGA: the low half is zero, and the same operands have the same result.
fn generic(rng: &mut Rng) -> Vec<u32> {
    let (n, m) = (rng.below(31) as u32, rng.below(32) as u32);
    let d = register(rng, &[n, m]);
    let e = register(rng, &[n, m, d]);
    let pacga = 0x9ac0_3000 | m << 16 | n << 5;
    if rng.one_in(2) {
        // mov wd, wd
        return vec![pacga | d, 0x2a00_03e0 | d << 16 | d];
    }
    // eor xd, xd, xe; mov xe, #0
    vec![pacga | d, pacga | e, 0xca00_0000 | e << 16 | d << 5 | d, 0xd280_0000 | e]
}

/// BRAA, BLRAA and the like over an instruction.
fn branch(rng: &mut Rng) -> Vec<u32> {
    let call = rng.below(2) as u32;
    // BLRAA writes the link register.
    let n = register(rng, if call != 0 { &[30] } else { &[] });
    let key = rng.below(2) as u32;
    let (pac, _) = sign(rng, n, key);
    let zero = pac & 0x2000 != 0;
    let modifier = if zero { 31 } else { pac >> 5 & 31 };
    let base = if zero { 0xd61f_0800 } else { 0xd71f_0800 };
    let jump = base | call << 21 | key << 10 | n << 5 | modifier;
    vec![a64::adr(n, 4), pac, jump, a64::BRK, XPACI | n]
}

fn retaa(rng: &mut Rng) -> Vec<u32> {
    let key = rng.below(2) as u32;
    vec![a64::adr(30, 4), PACIASP | key << 6, 0xd65f_0bff | key << 10, a64::BRK, XPACLRI]
}

/// LDRAA and LDRAB.
fn load(rng: &mut Rng, target: u64) -> Vec<u32> {
    let n = register(rng, &[]);
    let t = register(rng, &[n]);
    let (key, back) = (rng.below(2) as u32, rng.below(2) as u32);
    // Eights up to 128 bytes before and behind.
    let offset = rng.below(32) as u32;
    let imm = offset.wrapping_sub(16) & 0x3ff;
    let mut words = Vec::new();
    super::mov(&mut words, n, target);
    words.push(0xdac1_2be0 | key << 10 | n);
    let (s, imm9) = (imm >> 9, imm & 0x1ff);
    words.push(0xf820_0400 | key << 23 | s << 22 | imm9 << 12 | back << 11 | n << 5 | t);
    words.push(XPACI | 0x400 | n);
    words
}

/// A system call that does not exist.
fn call(rng: &mut Rng) -> Vec<u32> {
    let mut words = Vec::new();
    super::mov(&mut words, 8, 0xf000 + rng.below(0x800));
    words.push(a64::SVC | (rng.next() as u32 & 0xffff) << 5);
    words
}

/// MSR (immediate or register) and MRS of DIT and SSBS.
fn pstate(rng: &mut Rng) -> Vec<u32> {
    let which = rng.below(2) as u32;
    let (t, u) = (rng.below(31) as u32, rng.below(31) as u32);
    let register = PSTATE[which as usize];
    let write = if rng.one_in(2) {
        // MSR DIT, #imm is op2 = 2, MSR SSBS, #imm 1.
        0xd503_401f | (rng.below(2) as u32) << 8 | (2 - which) << 5
    } else {
        a64::msr(register, t)
    };
    vec![write, a64::mrs(u, register)]
}

fn cache(rng: &mut Rng, target: u64) -> Vec<u32> {
    let t = register(rng, &[]);
    let mut words = Vec::new();
    super::mov(&mut words, t, target);
    words.push(CACHE[rng.below(6) as usize] | t);
    words
}

/// Waiting for what has happened, and hints that do nothing here.
fn hint(rng: &mut Rng) -> Vec<u32> {
    match rng.below(4) {
        0 => vec![*[ESB, WFI, PACM, CHKFEAT].get(rng.below(4) as usize).unwrap_or(&ESB)],
        1 => vec![SEV, WFE],
        _ => {
            // Until a time that is over.
            let t = register(rng, &[]);
            vec![0xd280_0000 | t, 0xd503_1000 | (rng.below(2) as u32) << 5 | t]
        }
    }
}

/// What programs may not execute: HVC, SMC, HLT, SYSL, MSR DAIFSet.
fn undefined(rng: &mut Rng) -> Vec<u32> {
    let imm = (rng.next() as u32 & 0xfff) << 5;
    let sysl = 0xd528_0000 | rng.next() as u32 & 0x7_ffff;
    // GCSPOPM and GCSSS2, which newer oracles execute: FEAT_GCS.
    let guarded_stack = sysl & 0x7_ff00 == 0x3_7700;
    vec![match rng.below(5) {
        0 => 0xd400_0002 | imm,
        1 => 0xd400_0003 | imm,
        2 => 0xd440_0000 | imm,
        3 if !guarded_stack => sysl,
        _ => 0xd503_40df | imm & 0xf00,
    }]
}
