//! Code with labels and data.

use crate::elf;
use crate::{Isa, Reach, Reg, Width};

/// A position in the code or the data, known or not yet.
#[derive(Clone, Copy, Debug)]
pub struct Label(usize);

/// Where a label is.
#[derive(Clone, Copy)]
enum Place {
    Unknown,
    Code(usize),
    Data(usize),
}

/// Code being assembled.
pub struct Assembler {
    /// The guest.
    pub isa: &'static dyn Isa,
    /// What is assembled so far; guests append instructions of their own.
    pub code: Vec<u8>,
    data: Vec<u8>,
    labels: Vec<Place>,
    fixups: Vec<(usize, Reach, Label)>,
}

impl Assembler {
    /// An empty one.
    pub fn new(isa: &'static dyn Isa) -> Self {
        Self { isa, code: Vec::new(), data: Vec::new(), labels: Vec::new(), fixups: Vec::new() }
    }

    /// A label to be placed.
    pub fn label(&mut self) -> Label {
        self.labels.push(Place::Unknown);
        Label(self.labels.len() - 1)
    }
    /// Here is `label`.
    pub fn place(&mut self, label: Label) {
        self.labels[label.0] = Place::Code(self.code.len());
    }
    /// A label of this place.
    pub fn here(&mut self) -> Label {
        let label = self.label();
        self.place(label);
        label
    }
    /// Bytes that come after the code.
    pub fn data(&mut self, bytes: &[u8]) -> Label {
        self.labels.push(Place::Data(self.data.len()));
        self.data.extend_from_slice(bytes);
        Label(self.labels.len() - 1)
    }

    /// `rd = value`.
    pub fn value(&mut self, rd: Reg, value: u64) {
        self.isa.value(&mut self.code, rd, value);
    }
    /// `rd = rn`.
    pub fn copy(&mut self, rd: Reg, rn: Reg) {
        self.isa.add_imm(&mut self.code, rd, rn, 0);
    }
    /// `rd = rn + imm`.
    pub fn add_imm(&mut self, rd: Reg, rn: Reg, imm: i32) {
        self.isa.add_imm(&mut self.code, rd, rn, imm);
    }
    /// `rd = rn + rm`.
    pub fn add(&mut self, rd: Reg, rn: Reg, rm: Reg) {
        self.isa.add(&mut self.code, rd, rn, rm);
    }
    /// `rd = rn - rm`.
    pub fn sub(&mut self, rd: Reg, rn: Reg, rm: Reg) {
        self.isa.sub(&mut self.code, rd, rn, rm);
    }
    /// Loads 64 bits.
    pub fn load(&mut self, rd: Reg, rn: Reg, offset: u32) {
        self.load_of(Width::Long, rd, rn, offset);
    }
    /// Loads `width`.
    pub fn load_of(&mut self, width: Width, rd: Reg, rn: Reg, offset: u32) {
        self.isa.load(&mut self.code, width, rd, rn, offset);
    }
    /// Stores 64 bits.
    pub fn store(&mut self, rd: Reg, rn: Reg, offset: u32) {
        self.isa.store(&mut self.code, rd, rn, offset);
    }
    /// Goes to the address in `rn`.
    pub fn jump(&mut self, rn: Reg) {
        self.isa.jump(&mut self.code, rn);
    }
    /// Returns from a function.
    pub fn ret(&mut self) {
        self.isa.ret(&mut self.code);
    }
    /// A system call; its arguments are in place.
    pub fn call(&mut self, number: u16) {
        self.value(self.isa.regs().number, number.into());
        self.isa.call(&mut self.code);
    }
    /// A system call with these arguments.
    pub fn call_with(&mut self, number: u16, args: &[u64]) {
        for (&register, &value) in self.isa.regs().args.iter().zip(args) {
            self.value(register, value);
        }
        self.call(number);
    }
    /// What a signal's handler returns to.
    pub fn restorer(&mut self) {
        self.call(self.isa.calls().rt_sigreturn);
    }
    /// SIGTRAP.
    pub fn breakpoint(&mut self) {
        self.isa.breakpoint(&mut self.code);
    }
    /// Something that reaches `label`.
    pub fn reach(&mut self, reach: Reach, label: Label) {
        self.fixups.push((self.code.len(), reach, label));
        self.isa.reach(&mut self.code, reach);
    }
    /// Puts the address of `bytes` into `rd`.
    pub fn address_of(&mut self, rd: Reg, bytes: &[u8]) {
        let label = self.data(bytes);
        self.reach(Reach::Address(rd), label);
    }
    /// Overwrites the code at `at` with a jump to here.
    pub fn skip(&mut self, at: usize) {
        let mut jump = Vec::new();
        self.isa.reach(&mut jump, Reach::Jump);
        self.code[at..at + jump.len()].copy_from_slice(&jump);
        let here = self.code.len();
        self.isa.resolve(&mut self.code, at, Reach::Jump, here);
    }

    /// The code, and the data behind it.
    ///
    /// # Panics
    /// If a label was never placed.
    pub fn finish(mut self) -> Vec<u8> {
        let data = self.code.len().next_multiple_of(8);
        for (at, reach, label) in std::mem::take(&mut self.fixups) {
            let to = match self.labels[label.0] {
                Place::Code(to) => to,
                Place::Data(offset) => data + offset,
                Place::Unknown => panic!("a label was never placed"),
            };
            self.isa.resolve(&mut self.code, at, reach, to);
        }
        if !self.data.is_empty() {
            self.code.resize(data, 0);
            self.code.extend(&self.data);
        }
        self.code
    }

    /// The program as a static executable loaded at `base`, whose headers are part of it.
    ///
    /// # Panics
    /// If a label was never placed.
    pub fn executable(self, base: u64) -> Vec<u8> {
        let identity = self.isa.identity();
        elf::small(&identity, base, 0x1000, &self.finish())
    }
}

impl std::fmt::Debug for Assembler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assembler").field("code", &self.code.len()).finish_non_exhaustive()
    }
}
