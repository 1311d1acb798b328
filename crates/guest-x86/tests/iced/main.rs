//! Compares every line of the table with iced-x86: lengths, operands and their accesses, implied
//! registers, flags, features and mnemonics, of all opcodes with all ModRM bytes and of random bytes, in
//! 64-bit mode and in 32-bit code. What may differ is named in `known`.

mod compare;
mod known;
mod operand;

use compare::Comparison;
use guest_x86::decode::Bits;
use isa::Status;
use isa::opcode::{Mark, Row};

/// Random numbers.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 11) % n
    }
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = (self.next() >> 24) as u8;
        }
    }
}

/// Every opcode with these prefixes and every ModRM.
fn legacy(comparison: &mut Comparison, bits: Bits) {
    let mut rng = Rng(1);
    let rexes: &[u8] = if bits == Bits::B64 { &[0, 0x48] } else { &[0] };
    let maps: [&[u8]; 4] = [&[], &[0x0f], &[0x0f, 0x38], &[0x0f, 0x3a]];
    for map in maps {
        for prefix in [0, 0x66, 0xf3, 0xf2] {
            for rex in rexes {
                for opcode in 0..=255 {
                    for modrm in 0..=255 {
                        let mut code = Vec::with_capacity(16);
                        code.extend([prefix, *rex].iter().filter(|b| **b != 0));
                        code.extend(map);
                        code.extend([opcode, modrm]);
                        let at = code.len();
                        code.resize(20, 0);
                        rng.fill(&mut code[at..]);
                        comparison.compare(&code, bits);
                    }
                }
            }
        }
    }
}

/// The same with VEX.
fn vex(comparison: &mut Comparison, bits: Bits) {
    let mut rng = Rng(2);
    for map in 1..=3 {
        for last in 0..16 {
            for opcode in 0..=255 {
                for modrm in 0..=255 {
                    // W, L and pp; vvvv is mostly 1111, which lines without it demand.
                    let v = if rng.below(4) == 0 { rng.below(16) as u8 } else { 15 };
                    let last = (last & 8) << 4 | v << 3 | last & 7;
                    let mut code = vec![0xc4, 0xe0 | map, last, opcode, modrm];
                    if rng.below(4) == 0 {
                        code[1] = (rng.next() as u8 & 0xe0 | map)
                            | if bits == Bits::B32 { 0xc0 } else { 0 };
                    }
                    code.resize(20, 0);
                    rng.fill(&mut code[5..]);
                    comparison.compare(&code, bits);
                }
            }
        }
    }
}

/// Random bytes behind random prefixes.
fn random(comparison: &mut Comparison, bits: Bits, count: u64) {
    const PREFIXES: [u8; 12] =
        [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x64, 0x65, 0x2e, 0x26, 0x36, 0x48, 0x41];
    let mut rng = Rng(3);
    for _ in 0..count {
        let mut code = [0; 20];
        rng.fill(&mut code);
        let mut at = 0;
        while rng.below(3) == 0 && at < 6 {
            code[at] = PREFIXES[rng.below(12) as usize];
            at += 1;
        }
        if rng.below(3) == 0 {
            code[at] = 0x0f;
            if rng.below(3) == 0 {
                code[at + 1] = if rng.below(2) == 0 { 0x38 } else { 0x3a };
            }
        } else if rng.below(4) == 0 {
            code[at] = 0xc5;
        }
        let len = 20 - rng.below(18).saturating_sub(10) as usize;
        comparison.compare(&code[..len], bits);
    }
}

/// Hints of what processors do not have are none to the other decoder, or others.
fn hint(row: &Row) -> bool {
    row.status == Status::Nop
}

fn check(run: impl Fn(&mut Comparison), wanted: impl Fn(&Row) -> bool) {
    let mut comparison = Comparison::new();
    run(&mut comparison);
    comparison.finish(wanted);
}

#[test]
fn opcodes_of_64_bit_mode_agree() {
    check(|c| legacy(c, Bits::B64), |row| row.vex.is_none() && !row.has(Mark::Not64) && !hint(row));
}

#[test]
fn opcodes_of_32_bit_code_agree() {
    check(
        |c| legacy(c, Bits::B32),
        |row| row.vex.is_none() && !row.has(Mark::Only64) && row.w != Some(true) && !hint(row),
    );
}

#[test]
fn vex_opcodes_of_64_bit_mode_agree() {
    check(|c| vex(c, Bits::B64), |row| row.vex.is_some());
}

#[test]
fn vex_opcodes_of_32_bit_code_agree() {
    check(|c| vex(c, Bits::B32), |row| row.vex.is_some() && !row.has(Mark::Only64));
}

#[test]
fn random_bytes_agree() {
    check(|c| random(c, Bits::B64, 1_000_000), |_| false);
    check(|c| random(c, Bits::B32, 500_000), |_| false);
}
