//! The guests that are tested, and what tests must know of each: everything else here is the same
//! for all.

use std::sync::LazyLock;

use asm::{Assembler, Isa, Label};
use guest::Guest;

use crate::diff::case::Case;
use crate::diff::record::{Layout, Record};
use crate::fault;
use crate::{aarch64, diff, riscv64, x86_64};
use isa::{Line, Table};

/// Which encodings are wanted.
pub type Filter<'a> = &'a dyn Fn(&Line) -> bool;

/// A guest under test.
pub struct Subject {
    /// Its names, and where its tools are.
    pub names: &'static subjects::Subject,
    /// Its assembler.
    pub isa: &'static dyn Isa,
    /// What the fuzzers run: the evaluator, the product, the oracle.
    pub cpu: Cpu,
    /// Linux for it.
    pub abi: &'static linux::abi::Abi,
    /// The guest, on the processor `cpu.all`.
    pub guest: fn() -> Box<dyn Guest>,
    /// Its encodings.
    pub lines: fn() -> &'static [Line],
    /// The one of the instruction at the start of these bytes.
    pub find: fn(&[u8]) -> Option<&'static Line>,
    /// The same as a table of words, if instructions are such.
    pub table: Option<&'static LazyLock<Table>>,
    /// Its registers in records.
    pub layout: &'static Layout,
    /// Makes cases from a seed, of the encodings that pass the filter.
    pub chooser: fn(u64, Filter<'_>) -> Box<dyn Chooser>,
    /// Clears in what a case leaves (after these rounds) the bits that its instructions leave undefined.
    pub settle: fn(&Case, u64, &mut Record),
    /// How the registers are loaded and stored around cases.
    pub frame: Frame,
    /// The operands that an instruction starts from, and control registers, for people.
    pub operands: fn(&[u8], &Record) -> String,
    /// What may differ.
    pub known: diff::known::List,
    /// Faults and signal frames.
    pub fault: fault::Guest,
}

/// Processors, as `-cpu` takes them.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    /// Ours with all that is tested.
    pub all: &'static str,
    /// The same with another choice where there is one, for some ways to run it.
    pub other: &'static str,
    /// The oracle's.
    pub oracle: &'static str,
    /// The oracle's where signal frames are compared.
    pub frames: &'static str,
}

/// Code around cases.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Emits what all cases have in common, so that it is translated once: of each kind of them.
    pub common: fn(&mut Assembler) -> Vec<Common>,
    /// Starts a case with this record; the label is where it ends and [`Frame::finish`] begins.
    pub begin: fn(&mut Assembler, &[Common], u64, Label),
    /// Ends a case.
    pub finish: fn(&mut Assembler, &[Common], u64),
    /// Where the pc is in `ucontext_t`.
    pub context_pc: u32,
}

/// Code that all cases have in common.
#[derive(Clone, Copy, Debug)]
pub struct Common {
    /// Loads the registers.
    pub load: Label,
    /// Stores them.
    pub store: Label,
}

/// Makes cases.
pub trait Chooser {
    /// The number of encodings it chooses from.
    fn lines(&self) -> usize;
    /// Case number `n` of a program, of at most `length` instructions.
    fn case(&mut self, n: usize, length: u64) -> Case;
}

impl Subject {
    /// The encoding of the instruction at the start of `code`.
    pub fn find(&self, code: &[u8]) -> Option<&'static Line> {
        (self.find)(code)
    }

    /// Text of all instructions in `code`, with their bytes; `mark` is called with the offset of
    /// each.
    pub fn listing(&self, code: &[u8], pc: u64, mark: &dyn Fn(usize) -> char) -> String {
        let mut text = String::new();
        let mut at = 0;
        while at < code.len() {
            let (words, len) = self.disassemble(&code[at..], pc + at as u64);
            let bytes = code[at..at + len].iter().rev().map(|b| format!("{b:02x}"));
            text += &format!("  {} {:8}  {words}\n", mark(at), bytes.collect::<String>());
            at += len;
        }
        text
    }

    /// Text of the instruction at the start of `code`, and its length.
    pub fn disassemble(&self, code: &[u8], pc: u64) -> (String, usize) {
        (self.guest)().disassemble(code, pc)
    }
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.names.name)
    }
}

/// All of them.
pub static SUBJECTS: &[&Subject] = &[&aarch64::SUBJECT, &riscv64::SUBJECT, &x86_64::SUBJECT];

/// The subject of this name.
pub fn find(name: &str) -> Option<&'static Subject> {
    let names = subjects::find(name)?;
    SUBJECTS.iter().copied().find(|s| s.names == names)
}
