//! What is riscv64's in the tests.

mod choose;
mod fault_case;
mod fault_frame;
mod fit;
mod frame;
mod idiom;
mod known;
mod special;
mod vector;

use guest_riscv64::encoding;
use guest_riscv64::state::{SLOT_VCSR, SLOT_VL, SLOT_VSTART, SLOT_VTYPE};
use guest_riscv64::{Cpu as Model, Riscv64};
use ir::State;
use ir::state::{SLOT_FPCR, SLOT_FPSR};

use crate::diff::record::{Bank, FREE, Layout, Place, Record};
use crate::subject::{Cpu, Subject};

/// Everything.
pub(crate) static SUBJECT: Subject = Subject {
    names: &subjects::SUBJECTS[1],
    isa: &asm::riscv64::Riscv64,
    cpu: Cpu { all: "max", other: "max", oracle: "max", frames: "max" },
    abi: &linux::abi::riscv64::ABI,
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

/// The guest, on the processor with everything.
fn guest() -> Riscv64 {
    Riscv64::new(Model::parse(SUBJECT.cpu.all).unwrap_or(Model::PLAIN))
}

/// Where fcsr is in a record.
const FCSR: usize = 768;
/// Where the vector registers are, and what belongs to them.
const VECTORS: usize = 256;
const VL: usize = 776;
const VTYPE: usize = 784;
const VCSR: usize = FREE;
const VSTART: usize = FREE + 8;
/// Where the floating-point registers start.
const FLOATS: usize = FREE + 24;

const fn one(name: &'static str, offset: usize, place: Place) -> Bank {
    Bank { name, first: 0, count: 1, offset, place }
}

static LAYOUT: Layout = Layout {
    banks: &[
        Bank { name: "x", first: 1, count: 31, offset: 8, place: Place::Int(1) },
        Bank { name: "f", first: 0, count: 32, offset: FLOATS, place: Place::Low(64) },
        one("fcsr", FCSR, Place::One(fcsr, set_fcsr)),
        one("vl", VL, Place::Int(SLOT_VL)),
        one("vtype", VTYPE, Place::Int(SLOT_VTYPE)),
        one(
            "vstart",
            VSTART,
            Place::One(vstart, |state, _| state.int[usize::from(SLOT_VSTART)] = 0),
        ),
        one("vcsr", VCSR, Place::Int(SLOT_VCSR)),
        Bank { name: "v", first: 0, count: 32, offset: VECTORS, place: Place::Vec(96) },
    ],
    memory: FLOATS + 256,
};

/// The exception flags of fcsr stand in the opposite order of the state's.
fn reversed(flags: u64) -> u64 {
    flags.reverse_bits() >> 59
}

/// Cases start with zero, whatever the one before has left.
fn vstart(state: &State) -> u64 {
    state.int[usize::from(SLOT_VSTART)]
}

fn fcsr(state: &State) -> u64 {
    let [mode, flags] = [SLOT_FPCR, SLOT_FPSR].map(|slot| state.int[usize::from(slot)]);
    (mode & 7) << 5 | reversed(flags & 31)
}

fn set_fcsr(state: &mut State, value: u64) {
    state.int[usize::from(SLOT_FPCR)] = value >> 5 & 7;
    state.int[usize::from(SLOT_FPSR)] = reversed(value & 31);
}

/// What an instruction starts from.
fn operands(code: &[u8], start: &Record) -> String {
    let mut text = String::new();
    if let Some((line, word, _)) = encoding::TABLE.decode(code) {
        for field in &line.fields {
            let short = field.width() == 3;
            let n = isa::value(&field.parts, word) as usize + if short { 8 } else { 0 };
            match field.name {
                "rs1" | "rs2" | "rd" => {
                    text += &format!("  {}: x{n} = {:#x}\n", field.name, start.get(n * 8));
                }
                "vs1" | "vs2" | "vs3" | "vd" => {
                    let value = start.wide(VECTORS + n * 16);
                    text += &format!("  {}: v{n} = {value:#034x}\n", field.name);
                }
                "fs1" | "fs2" | "fs3" | "fd" => {
                    let value = start.get(FLOATS + n * 8);
                    text += &format!("  {}: f{n} = {value:#x}\n", field.name);
                }
                _ => {}
            }
        }
    }
    let [fcsr, vl, vtype, vcsr] = [FCSR, VL, VTYPE, VCSR].map(|at| start.get(at));
    text + &format!("  fcsr {fcsr:#x} vl {vl} vtype {vtype:#x} vcsr {vcsr:#x}\n")
}

/// `li`, as a group's code.
fn li(code: &mut Vec<u8>, rd: u32, value: u64) {
    asm::riscv64::li(code, rd, value.cast_signed());
}
