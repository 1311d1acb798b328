//! What is x86_64's in the tests. Its instructions are also compared with the processor one by one, where
//! that is one of x86_64 ([`native`]).

#[cfg(target_arch = "x86_64")]
mod choose;
#[cfg(target_arch = "x86_64")]
pub mod compare;
#[cfg(target_arch = "x86_64")]
pub mod emulate;
#[cfg(target_arch = "x86_64")]
mod fit;
#[cfg(target_arch = "x86_64")]
mod forgive;
#[cfg(target_arch = "x86_64")]
pub mod native;
#[cfg(target_arch = "x86_64")]
mod state;

mod fault_case;
mod fault_frame;
mod frame;
mod known;
mod operands;
mod registers;
mod sequence;
mod special;
mod undefined;
mod values;

use std::sync::LazyLock;

use guest_x86::decode::{Bits, Op, Operand, decode};
use guest_x86::encoding::ROWS;
use guest_x86::state::{FIRST_HIGH, SLOT_GS};
use guest_x86::{Cpu as Model, X86_64};
use ir::state::{FIRST_VEC, SLOT_TP};
use isa::Line;
use isa::opcode::Mark;

use crate::diff::record::{Bank, Layout, Place, Record};
use crate::subject::{Cpu, Subject};

/// Everything.
pub(crate) static SUBJECT: Subject = Subject {
    names: &subjects::SUBJECTS[2],
    isa: &asm::x86_64::X86_64,
    cpu: Cpu { all: "max", other: "max", oracle: "max", frames: "max" },
    abi: &linux::abi::x86_64::ABI,
    guest: || Box::new(X86_64::new(Model::MAX)),
    lines: || &LINES,
    find: |code| Some(line(decode(code, Bits::B64).ok()?.op)),
    table: None,
    layout: &LAYOUT,
    chooser: |seed, filter| Box::new(sequence::Chooser::new(seed, filter)),
    settle: undefined::settle,
    frame: frame::FRAME,
    operands,
    known: known::LIST,
    fault: fault_frame::GUEST,
};

/// The lines of the table, as far as tools for all guests look at them: in the order of [`Op`].
static LINES: LazyLock<Vec<Line>> = LazyLock::new(|| {
    let line = |row: &'static isa::opcode::Row| Line {
        name: row.name,
        section: row.section,
        features: known::features(row).into_iter().map(|feature| vec![feature]).collect(),
        sometimes: None,
        // Not there in 64-bit mode, or not translated.
        status: match row.function {
            None if row.status != isa::Status::Nop => isa::Status::Missing,
            _ if row.has(Mark::Not64) => isa::Status::Missing,
            _ => row.status,
        },
        bits: 0,
        mask: 0,
        value: 0,
        ones: 0,
        fields: Vec::new(),
        constraints: Vec::new(),
        function: None,
        operands: "",
        heading: row.heading,
    };
    ROWS.iter().map(line).collect()
});

/// The line of `op`.
fn line(op: Op) -> &'static Line {
    &LINES[op as usize]
}

/// Where RFLAGS and the bases of segments are in a record; the general registers are first.
const FLAGS: usize = 128;
const FS: usize = 136;
const GS: usize = 144;
/// What FXSAVE stores, and in it the words of the x87, MXCSR, and registers.
const IMAGE: usize = 160;
const MXCSR: usize = IMAGE + 24;
const ST: usize = IMAGE + 32;
const XMM: usize = IMAGE + 160;
/// The upper halves of vectors.
const HIGH: usize = 832;

const fn one(name: &'static str, offset: usize, place: Place) -> Bank {
    Bank { name, first: 0, count: 1, offset, place }
}

static LAYOUT: Layout = Layout {
    banks: &[
        Bank { name: "r", first: 0, count: 16, offset: 0, place: Place::Int(0) },
        one("rflags", FLAGS, Place::One(registers::flags, registers::set_flags)),
        one("fs", FS, Place::Int(SLOT_TP)),
        one("gs", GS, Place::Int(SLOT_GS)),
        one("x87", IMAGE, Place::One(registers::x87, registers::set_x87)),
        one("mxcsr", MXCSR, Place::One(registers::mxcsr, registers::set_mxcsr)),
        Bank {
            name: "st",
            first: 0,
            count: 8,
            offset: ST,
            place: Place::Wide(registers::st, registers::set_st),
        },
        Bank { name: "xmm", first: 0, count: 16, offset: XMM, place: Place::Vec(FIRST_VEC) },
        Bank { name: "high", first: 0, count: 16, offset: HIGH, place: Place::Vec(FIRST_HIGH) },
    ],
    memory: HIGH + 256,
};

/// What an instruction starts from.
fn operands(code: &[u8], start: &Record) -> String {
    let mut text = String::new();
    if let Ok(insn) = decode(code, Bits::B64) {
        let memory = [insn.memory.base, insn.memory.index].into_iter().flatten();
        for n in memory {
            text += &format!("  r{n} = {:#x}\n", start.get(usize::from(n) * 8));
        }
        for operand in insn.operands {
            match operand {
                Operand::Reg { n, .. } | Operand::High { n } => {
                    text += &format!("  r{n} = {:#x}\n", start.get(usize::from(n) * 8));
                }
                Operand::Vec { n, size } => {
                    let at = usize::from(n) * 16;
                    let (low, high) = (start.wide(XMM + at), start.wide(HIGH + at));
                    let high = if size > 16 { format!("{high:#034x} ") } else { String::new() };
                    text += &format!("  v{n} = {high}{low:#034x}\n");
                }
                Operand::Mmx { n, .. } | Operand::St { n } => {
                    text += &format!("  st{n} = {:#022x}\n", start.wide(ST + usize::from(n) * 16));
                }
                _ => {}
            }
        }
    }
    let [flags, x87, mxcsr] = [FLAGS, IMAGE, MXCSR].map(|at| start.get(at));
    text + &format!("  rflags {flags:#x} x87 {x87:#x} mxcsr {mxcsr:#x}\n")
}
