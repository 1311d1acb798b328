//! Host code is the same wherever the guest code is, but for the addresses that it says are in it.

use guest::{Guest, Mode, code_at};
use guest_aarch64::Aarch64;
use guest_aarch64::encoding::TABLE;
use host::{Code, Host};
use host_x64::{Features, X64};
use ir::Block;
use isa::{Generator, Rng};

fn lower(host: &X64, pc: u64, first_link: u32, words: &[u32]) -> Code {
    let (mut block, mut code) = (Block::default(), Code::default());
    let mode = Mode::default();
    Aarch64::PLAIN.translate(&mut code_at(pc, words), pc, mode, &mut block);
    host.lower(&block, first_link, &mut code);
    code
}

/// What the engine does to move code.
fn moved(mut code: Code, by: u64, first_link: u32) -> Code {
    for &at in &code.addresses {
        let field = &mut code.bytes[at as usize..at as usize + 8];
        let old = u64::from_le_bytes(field.try_into().expect("8 bytes"));
        field.copy_from_slice(&old.wrapping_add(by).to_le_bytes());
    }
    for (n, link) in code.links.iter_mut().enumerate() {
        link.pc = link.pc.wrapping_add(by);
        if link.number != 0 {
            let at = link.number as usize;
            code.bytes[at..at + 4].copy_from_slice(&(first_link + n as u32).to_le_bytes());
        }
    }
    code
}

/// A block of instructions that are often about addresses, with others in between.
fn block(rng: &mut Rng, generator: &mut Generator) -> Vec<u32> {
    let count = 1 + rng.below(24);
    let mut words = Vec::new();
    for _ in 0..count {
        let rd = rng.below(31) as u32;
        let random = rng.next() as u32;
        let word = match rng.below(12) {
            // ADR, ADRP; an addition to it; a MOVK into it; a literal.
            0 => 0x1000_0000 | random & 0x60ff_ffe0 | rd,
            1 => 0x9000_0000 | random & 0x60ff_ffe0 | rd,
            2 => {
                words.push(0x9000_0000 | random & 0x60ff_ffe0 | rd);
                0x9100_0000 | rng.next() as u32 & 0x7f_fc00 | rd << 5 | rd
            }
            3 => {
                words.push(0x9000_0000 | random & 0x60ff_ffe0 | rd);
                0xf280_0000 | rng.next() as u32 & 0x7f_ffe0 | rd
            }
            4 => 0x5800_0000 | random & 0xff_ffe0 | rd,
            // B.cond, CBZ, TBZ, near and far.
            5 => 0x5400_0000 | random & 0xff_ffef & if rng.one_in(2) { 0x1ff } else { u32::MAX },
            6 => 0xb400_0000 | random & 0xff_ffff & if rng.one_in(2) { 0x1ff } else { u32::MAX },
            7 => 0x3600_0000 | random & 0xff_ffff,
            _ => match generator.instruction() {
                Some((word, _)) => word as u32,
                None => continue,
            },
        };
        words.push(word);
    }
    // BL, BLR, RET, or nothing.
    match rng.below(4) {
        0 => words.push(0x9400_0000 | rng.next() as u32 & 0x3ff_ffff),
        1 => words.push(0xd63f_0000 | (rng.below(31) as u32) << 5),
        2 => words.push(0xd65f_03c0),
        _ => {}
    }
    words
}

#[test]
fn code_can_be_moved() {
    let (mut rng, mut generator) = (Rng::new(7), Generator::new(&TABLE, 7, |_| true));
    let (mut movable, mut all) = (0, 0);
    for features in
        [Features::default(), Features { avx2: true, bmi2: true, fma: true, ..Features::default() }]
    {
        let host =
            X64::new(features, Aarch64::PLAIN.spec().int_pins, Aarch64::PLAIN.spec().vec_pins);
        for _ in 0..4000 {
            let words = block(&mut rng, &mut generator);
            let from = 0x7f12_3456_7000 + rng.below(1000) * 4;
            let by = (rng.next() % (1 << 35)) & !0xfff;
            let by = if rng.one_in(2) { by } else { by.wrapping_neg() };
            let here = lower(&host, from, 17, &words);
            let there = lower(&host, from.wrapping_add(by), 70_000, &words);
            all += 1;
            if !here.movable {
                continue;
            }
            movable += 1;
            let here = moved(here, by, 70_000);
            assert_eq!(here.bytes, there.bytes, "{words:x?} from {from:x} by {by:x}");
            assert_eq!(here.links, there.links, "{words:x?}");
            assert_eq!(here.faults, there.faults, "{words:x?}");
            assert_eq!(here.recipes, there.recipes, "{words:x?}");
        }
    }
    assert!(movable * 10 > all * 9, "{movable} of {all}");
}

#[test]
fn constants_that_look_like_addresses_stay() {
    let host = X64::new(
        Features::default(),
        Aarch64::PLAIN.spec().int_pins,
        Aarch64::PLAIN.spec().vec_pins,
    );
    // mov x0, #0x7f12_0000_0000; movk x0, #0x3456, lsl #16: near this pc, far from another.
    let words = [0xd2cf_e240, 0xf2a6_8ac0, 0xd65f_03c0];
    assert!(!lower(&host, 0x7f12_3456_7000, 0, &words).movable);
    assert!(lower(&host, 0x5512_3456_7000, 0, &words).movable);
    // adrp x0, 0; movk x0, #1, lsl #48.
    let words = [0x9000_0000, 0xf2e0_0020, 0xd65f_03c0];
    let here = lower(&host, 0x7f12_3456_7000, 0, &words);
    let there = lower(&host, 0x7f12_3457_7000, 0, &words);
    assert_eq!(moved(here, 0x1_0000, 0).bytes, there.bytes);
}
