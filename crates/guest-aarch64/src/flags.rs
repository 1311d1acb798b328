//! Whether the flags are dead at an exit: a look at the code behind it.
//!
//! When that code is modified later, the exit is not looked at again: the new code must not expect
//! flags that the old code did not use. Compilers and debuggers that patch code keep to that.

use guest::{Fetch, peek_word};

/// How far to look.
const DEPTH: u32 = 8;

/// True if the code at `pc` certainly overwrites NZCV before anything can observe them: before any
/// instruction that reads them, may fault, branches conditionally or far, or is not known here.
pub(crate) fn dead_at(fetch: &mut dyn Fetch, mut pc: u64) -> bool {
    for _ in 0..DEPTH {
        let Some(word) = peek_word(fetch, pc) else { return false };
        if overwrites(word) {
            return true;
        }
        if word & 0x7c00_0000 == 0x1400_0000 {
            // B and BL. One that goes backward is a place where signals arrive, and their frames
            // may then show flags that nothing reads any more; synchronous faults never do.
            let distance = i64::from((word << 6) as i32 >> 6);
            pc = pc.wrapping_add_signed(distance * 4);
            continue;
        }
        if !is_neutral(word) {
            return false;
        }
        pc = pc.wrapping_add(4);
    }
    false
}

/// Well-formed ADDS, SUBS, ANDS, BICS (immediate, shifted and extended register), FCMP.
pub(crate) fn overwrites(w: u32) -> bool {
    // Few instructions get further than this.
    const CLASSES: u32 = 1 << 0x0a | 1 << 0x0b | 1 << 0x11 | 1 << 0x12 | 1 << 0x1e;
    if CLASSES >> (w >> 24 & 0x1f) & 1 == 0 {
        return false;
    }
    let sf = w >> 31 != 0;
    let shift_fits = sf || w >> 15 & 1 == 0;
    w & 0x3f80_0000 == 0x3100_0000
        || w & 0x3f20_0000 == 0x2b00_0000 && w >> 22 & 3 != 3 && shift_fits
        || w & 0x3fe0_0000 == 0x2b20_0000 && w >> 10 & 7 <= 4
        || w & 0x7f00_0000 == 0x6a00_0000 && shift_fits
        || w & 0x7f80_0000 == 0x7200_0000 && mask_exists(w)
        || w & 0xffa0_fc07 == 0x1e20_2000
}

/// Whether the fields N, immr and imms of a logical operation are a mask: those with all ones in an
/// element, or without an element, are reserved.
fn mask_exists(w: u32) -> bool {
    const RESERVED: u64 =
        1 << 0x1f | 1 << 0x2f | 1 << 0x37 | 1 << 0x3b | 1 << 0x3d | 1 << 0x3e | 1 << 0x3f;
    let imms = w >> 10 & 0x3f;
    if w >> 22 & 1 != 0 { w >> 31 != 0 && imms != 0x3f } else { RESERVED >> imms & 1 == 0 }
}

/// Well-formed scalar floating-point instructions of single and double precision that neither read
/// nor write the flags. (They may be left to the evaluator, which shows nothing to the guest.)
fn is_neutral_float(w: u32) -> bool {
    if w & 0xff80_0000 == 0x1f00_0000 {
        return true;
    }
    if w & 0xffa0_0000 != 0x1e20_0000 {
        return false;
    }
    let double = w >> 22 & 1 != 0;
    match w >> 10 & 3 {
        2 => w >> 12 & 15 <= 8,
        0 if w >> 10 & 0x1f == 0x10 => match w >> 15 & 0x3f {
            0..=3 | 8..=12 | 14 | 15 => true,
            4 => double,
            5 => !double,
            _ => false,
        },
        0 if w >> 10 & 7 == 4 => w >> 5 & 31 == 0,
        _ => false,
    }
}

/// Instructions that neither touch the flags, nor memory, nor the flow of control.
fn is_neutral(w: u32) -> bool {
    let sf = w >> 31 != 0;
    let shift_fits = sf || w >> 15 & 1 == 0;
    match w >> 24 & 0x1f {
        // ADR, ADRP.
        0x10 => true,
        // ADD, SUB (immediate); flag setters were handled before.
        0x11 => w >> 23 & 1 == 0,
        // AND, ORR, EOR (immediate); move wide.
        0x12 => {
            if w >> 23 & 1 == 0 {
                w & 0x6000_0000 != 0x6000_0000 && mask_exists(w)
            } else {
                w >> 29 & 3 != 1 && (sf || w >> 22 & 1 == 0)
            }
        }
        // SBFM, BFM, UBFM of 64 bits, or of 32 with positions that fit.
        0x13 => {
            w >> 23 & 1 == 0
                && w >> 29 & 3 != 3
                && (w >> 22 & 1 != 0) == sf
                && (sf || w & 0x0020_8000 == 0)
        }
        // AND, ORR, EOR and inverted (shifted register).
        0x0a => w & 0x6000_0000 != 0x6000_0000 && shift_fits,
        // ADD, SUB (shifted register).
        0x0b => w & 0x2020_0000 == 0 && w >> 22 & 3 != 3 && shift_fits,
        // MADD, MSUB.
        0x1b => w & 0x7fe0_0000 == 0x1b00_0000,
        // NOP, BTI, PACIASP and the like; not YIELD, WFE, WFI.
        0x15 => w & 0xffff_f01f == 0xd503_201f && (w >> 5 & 0x7f == 0 || w >> 5 & 0x7f >= 0x10),
        0x1e | 0x1f => is_neutral_float(w),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guest::code_at;

    #[test]
    fn compare_kills_branch_and_load_keep() {
        // mov x0, x1; cmp x0, #1
        assert!(dead_at(&mut code_at(0, &[0xaa01_03e0, 0xf100_041f]), 0));
        // ldr x0, [x1]; cmp x0, #1
        assert!(!dead_at(&mut code_at(0, &[0xf940_0020, 0xf100_041f]), 0));
        // bti c; b +8; ldr x0, [x1]; cmp x0, #1
        let words = &[0xd503_245f, 0x1400_0002, 0xf940_0020, 0xf100_041f];
        assert!(dead_at(&mut code_at(0, words), 0));
        // b .
        assert!(!dead_at(&mut code_at(0, &[0x1400_0000]), 0));
        // bl +8; ldr x0, [x1]; cmp x0, #1; b -4
        let words = &[0x9400_0002, 0xf940_0020, 0xf100_041f, 0x17ff_ffff];
        assert!(dead_at(&mut code_at(0, words), 0) && dead_at(&mut code_at(0, words), 12));
        // b.eq .; cmp x0, #1
        assert!(!dead_at(&mut code_at(0, &[0x5400_0000, 0xf100_041f]), 0));
        // tst w0, #1
        assert!(dead_at(&mut code_at(0, &[0x7200_001f]), 0));
        // fmul d0, d0, d1; fmadd d0, d1, d2, d3; fcmp d0, #0.0
        assert!(dead_at(&mut code_at(0, &[0x1e61_0800, 0x1f42_0c20, 0x1e60_2008]), 0));
        // fcsel d0, d0, d1, eq; fcmp d0, d1
        assert!(!dead_at(&mut code_at(0, &[0x1e61_0c00, 0x1e61_2000]), 0));
        // adc x0, x0, x0
        assert!(!dead_at(&mut code_at(0, &[0x9a00_0000, 0xf100_041f]), 0));
    }

    #[test]
    fn only_defined_instructions_kill_or_pass() {
        let mut rng = isa::Rng::new(1);
        for n in 0..200_000 {
            let random = rng.next() as u32;
            // Every other word is an immediate logical operation, which has the most gaps.
            let word = if n & 1 == 0 { random } else { random & !0x1f80_0000 | 0x1200_0000 };
            if !overwrites(word) && !is_neutral(word) {
                continue;
            }
            let mut block = ir::Block::default();
            let mode = guest::Mode { single: true, ..guest::Mode::default() };
            guest::Guest::translate(
                &crate::Aarch64::PLAIN,
                &mut |_| Some(word),
                0x1000,
                mode,
                &mut block,
            );
            let traps = block.ops.iter().any(|op| op.code == ir::OpCode::Trap);
            assert!(!traps, "{word:08x} is undefined");
        }
    }
}
