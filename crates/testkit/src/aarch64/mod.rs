//! What is arm64's in the tests.

mod choose;
mod fault_case;
mod fault_frame;
mod frame;
mod idiom;
mod known;
mod special;

use guest_aarch64::encoding;
use guest_aarch64::{Aarch64, Cpu as Model};
use ir::State;
use ir::state::{SLOT_FPCR, SLOT_FPSR};

use crate::diff::record::{Bank, Layout, Place, Record};
use crate::subject::{Cpu, Subject};

/// Everything.
pub(crate) static SUBJECT: Subject = Subject {
    names: &subjects::SUBJECTS[0],
    isa: &asm::aarch64::Aarch64,
    cpu: Cpu {
        // All instructions; landing pads do nothing.
        all: "max,-bti",
        // Pairs are two accesses, as with the default processor.
        other: "max,-bti,-lse2",
        // With its fast algorithm for pointer authentication.
        oracle: "max,pauth-impdef=on",
        frames: "max,pauth=off",
    },
    abi: &linux::abi::aarch64::ABI,
    guest: || Box::new(guest()),
    lines: || encoding::TABLE.lines(),
    find: |code| Some(encoding::TABLE.decode(code)?.0),
    table: Some(&encoding::TABLE),
    layout: &LAYOUT,
    chooser: |seed, filter| Box::new(choose::Chooser::new(seed, filter)),
    settle: |_, _, _| {},
    frame: frame::FRAME,
    operands,
    known: known::LIST,
    fault: fault_frame::GUEST,
};

/// The guest of the evaluator.
fn guest() -> Aarch64 {
    Aarch64::new(Model::parse(SUBJECT.cpu.all).unwrap_or(Model::PLAIN), |_| false)
}

/// Where the stack pointer is in a record.
const SP: usize = 248;
/// Where the vector registers start.
const VECTORS: usize = 256;
/// NZCV.
const NZCV: usize = 768;
/// FPCR.
const FPCR: usize = 776;
/// FPSR.
const FPSR: usize = 784;

const fn one(name: &'static str, offset: usize, place: Place) -> Bank {
    Bank { name, first: 0, count: 1, offset, place }
}

static LAYOUT: Layout = Layout {
    banks: &[
        Bank { name: "x", first: 0, count: 31, offset: 0, place: Place::Int(0) },
        one("sp", SP, Place::Int(31)),
        one("nzcv", NZCV, Place::One(|s| s.nzcv().into(), |s: &mut State, v| s.set_nzcv(v as u32))),
        one("fpcr", FPCR, Place::Int(SLOT_FPCR)),
        one("fpsr", FPSR, Place::Int(SLOT_FPSR)),
        Bank { name: "v", first: 0, count: 32, offset: VECTORS, place: Place::Vec(64) },
    ],
    memory: 832,
};

/// `movz` and `movk`, as words.
fn mov(words: &mut Vec<u32>, rd: u32, value: u64) {
    let mut code = Vec::new();
    asm::aarch64::mov(&mut code, rd, value);
    words.extend(code.as_chunks().0.iter().map(|&word| u32::from_le_bytes(word)));
}

/// What an instruction starts from.
fn operands(code: &[u8], start: &Record) -> String {
    let mut text = String::new();
    if let Some((line, word, _)) = encoding::TABLE.decode(code) {
        let vector =
            ["SIMD", "floating", "crypto"].iter().any(|section| line.section.contains(section));
        for name in ["rn", "rm", "ra", "rs", "rt", "rt2", "rd"] {
            let Some(n) = line.field(word, name) else { continue };
            let n = n as usize;
            if vector {
                text += &format!("  {name}: v{n} = {:#034x}\n", start.wide(VECTORS + n * 16));
            } else {
                text += &format!("  {name}: x{n} = {:#x}\n", start.get(n * 8));
            }
        }
    }
    let [nzcv, fpcr, fpsr] = [NZCV, FPCR, FPSR].map(|at| start.get(at));
    text + &format!("  nzcv {nzcv:#x} fpcr {fpcr:#x} fpsr {fpsr:#x}\n")
}
