//! Golden files: guest code, the IR it becomes, and each host's code with its instruction count.
//! The emitted code is a reviewed artefact: `cargo xtask bless` rewrites the files, and the change
//! shows in review. The counts are the only performance gate that a noisy machine can hold.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use guest::{Bytes, Guest, Mode};
use guest_aarch64::Aarch64;
use guest_riscv64::Riscv64;
use guest_x86::X86_64;
use guest_x86::cpu::Cpu;
use host::{Code, Host};
use host_x64::{Features, X64};
use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};
use ir::{Block, Op, OpCode, Ref};

/// Where the guest code of every file lies.
const PC: u64 = 0x40_0000;

const LEVELS: [(&str, Features); 2] = [
    (
        "x86-64-v2",
        Features {
            avx2: false,
            bmi2: false,
            fma: false,
            aes: false,
            pclmul: false,
            sha: false,
            f16c: false,
            movbe: false,
        },
    ),
    ("x86-64-v3", Features { sha: false, ..Features::ALL }),
];

/// The directories, and the guests without what processors may lack.
const GUESTS: [(&str, &dyn Guest); 3] = [
    ("aarch64", &Aarch64::PLAIN),
    ("riscv64", &Riscv64::PLAIN),
    ("x86_64", &X86_64::new(Cpu::DEFAULT)),
];

#[test]
fn golden_files_are_fresh() {
    assert!(GUESTS.iter().all(|(name, _)| subjects::find(name).is_some()));
    let stale: Vec<_> = GUESTS.iter().flat_map(|&(name, guest)| stale_files(name, guest)).collect();
    assert!(stale.is_empty(), "stale (cargo xtask bless):\n{}", stale.join("\n"));
}

/// What the files of a guest should be that are not; they are so afterwards if `ANYARCH_BLESS` is set.
fn stale_files(name: &str, guest: &dyn Guest) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let bless = std::env::var_os("ANYARCH_BLESS").is_some();
    let mut files: Vec<_> = fs::read_dir(root.join(name))
        .expect("the golden files are in the tree")
        .filter_map(|e| e.ok().map(|e| e.path()))
        .collect();
    files.sort();
    assert!(files.len() >= 10, "only {} golden files of {name}", files.len());
    let mut stale = Vec::new();
    for file in files {
        let old = fs::read_to_string(&file).expect("readable");
        let mut input = old.lines();
        let (title, code) = (input.next().unwrap_or_default(), input.next().unwrap_or_default());
        let words =
            code.strip_prefix("code: ").unwrap_or_else(|| panic!("{}: no code", file.display()));
        let bytes: Vec<u8> = words.split(' ').flat_map(bytes_of).collect();
        let new = format!("{title}\n{code}\n{}", render(guest, &bytes));
        if new != old {
            if bless {
                fs::write(&file, &new).expect("writable");
            } else {
                stale.push(format!("{}:\n{new}", file.display()));
            }
        }
    }
    stale
}

/// The bytes of an instruction that is written as a number.
fn bytes_of(word: &str) -> Vec<u8> {
    let number = u32::from_str_radix(word, 16).expect("hexadecimal");
    number.to_le_bytes()[..word.len() / 2].to_vec()
}

fn render(guest: &dyn Guest, bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut block = Block::default();
    let mut code = Bytes { start: PC, code: bytes };
    guest.translate(&mut code, PC, Mode::default(), &mut block);
    text.push_str("\n[ir]\n");
    for op in &block.ops {
        if op.code == OpCode::Insn {
            let at = PC + op.imm as u64;
            let (line, _) = guest.disassemble(&bytes[op.imm as usize..], at);
            let _ = writeln!(text, "{at:x}: {line}");
        } else {
            let _ = writeln!(text, "    {}", show(op, &block));
        }
    }
    for (level, features) in LEVELS {
        let host = X64::new(features, guest.spec().int_pins, guest.spec().vec_pins);
        let mut code = Code::default();
        host.lower(&block, 0, &mut code);
        let _ = writeln!(
            text,
            "\n[{level}] {} instructions, {} bytes",
            code.host_insns,
            code.bytes.len()
        );
        let mut formatter = IntelFormatter::new();
        formatter.options_mut().set_space_after_operand_separator(true);
        for insn in Decoder::with_ip(64, &code.bytes, 0, DecoderOptions::NONE) {
            let mut line = String::new();
            formatter.format(&insn, &mut line);
            let fault = code.faults.iter().find(|f| u64::from(f.host) == insn.ip());
            let note = fault.map_or(String::new(), |f| {
                format!("    ; {:x} {:?}", PC + u64::from(f.guest), f.flags)
            });
            let _ = writeln!(text, "{:4x}: {line}{note}", insn.ip());
        }
    }
    text
}

/// An operation with its constants' values.
fn show(op: &Op, block: &Block) -> String {
    let value = |r: Ref| match block.constant(r) {
        Some(v) => format!("{v:#x}"),
        None => format!("{r:?}"),
    };
    let mut text = format!("{} = {}.{:?}", value(op.dst), op.code.name(), op.ty);
    for r in [op.a, op.b, op.c] {
        if !r.is_none() {
            let _ = write!(text, " {}", value(r));
        }
    }
    if op.aux != 0 {
        let _ = write!(text, " aux={:#x}", op.aux);
    }
    if op.imm != 0 {
        let _ = write!(text, " imm={}", op.imm);
    }
    text
}
