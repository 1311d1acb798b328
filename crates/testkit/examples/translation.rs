//! Times decoding and lowering alone: `translation ELF PCS ROUNDS`, PCS a file of hexadecimal block
//! starts (`anyarch --dump host` prints them).

use guest::{Guest, Mode, code_at};
use guest_aarch64::Aarch64;
use host::{Code, Host as _};
use host_x64::{Features, X64};
use ir::Block;
use std::time::Instant;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let file = std::fs::read(&args[1]).expect("the program");
    let pcs = std::fs::read_to_string(&args[2]).expect("the block starts");
    let rounds: u32 = args[3].parse().expect("a number");
    let words: Vec<u32> =
        file.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect();
    let mut text = code_at(0x40_0000, &words);
    let pcs: Vec<u64> = pcs
        .lines()
        .map(|l| u64::from_str_radix(l.trim_start_matches("0x"), 16).expect("hexadecimal"))
        .collect();
    let guest = Aarch64::PLAIN;
    let host = X64::new(Features::ALL, guest.spec().int_pins, guest.spec().vec_pins);
    let (mut block, mut code) = (Block::default(), Code::default());
    code.private = true;
    for round in 0..rounds {
        let (mut insns, mut decode, mut lower) = (0u64, 0, 0);
        for &pc in &pcs {
            let start = Instant::now();
            block.clear();
            guest.translate(&mut text, pc, Mode::default(), &mut block);
            block.pc = pc;
            let mid = Instant::now();
            code.clear();
            host.lower(&block, 0, &mut code);
            let end = Instant::now();
            insns += u64::from(block.insns);
            decode += (mid - start).as_nanos();
            lower += (end - mid).as_nanos();
        }
        if round < 3 || round + 1 == rounds {
            println!(
                "{} blocks, {insns} instructions: {} ns to decode, {} ns to lower",
                pcs.len(),
                decode as u64 / insns,
                lower as u64 / insns
            );
        }
    }
}
