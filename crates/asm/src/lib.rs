//! A small assembler for each guest, and one ELF writer for all: for the self-test's program and
//! for those that the tests make, so that the tree holds no binary.
//!
//! [`Isa`] is the little that such a program needs, in a form that every guest has; [`aarch64`],
//! [`riscv64`] and [`x86_64`] also have the few further instructions that only they need.

pub mod aarch64;
mod assembler;
pub mod elf;
pub mod riscv64;
pub mod x86_64;

#[cfg(test)]
mod tests;

pub use assembler::{Assembler, Label};

/// The guests that the self-test has a program of, by the name that uname(2) tells.
pub const ISAS: [(&str, &dyn Isa); 2] =
    [("aarch64", &aarch64::Aarch64), ("riscv64", &riscv64::Riscv64)];

/// The guest of this name.
pub fn find(uname: &str) -> Option<&'static dyn Isa> {
    ISAS.iter().find(|(name, _)| *name == uname).map(|(_, isa)| *isa)
}

/// The number of a general register.
pub type Reg = u8;

/// What general registers are for.
#[derive(Debug)]
pub struct Regs {
    /// The stack pointer.
    pub sp: Reg,
    /// The number of a system call.
    pub number: Reg,
    /// Its arguments; those of functions and of signal handlers are the same.
    pub args: [Reg; 6],
    /// Its result.
    pub result: Reg,
    /// Registers that system calls keep.
    pub saved: [Reg; 4],
    /// Registers for passing values.
    pub temps: [Reg; 4],
}

/// How many bytes an access has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Width {
    /// One, without sign.
    Byte,
    /// Four, without sign.
    Word,
    /// Eight.
    Long,
}

/// An instruction (or several) that reaches a place in the code or the data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// Goes there. May overwrite the last of [`Regs::temps`].
    Jump,
    /// Calls it.
    Call,
    /// Goes there if the register is zero.
    Zero(Reg),
    /// Goes there if it is not.
    NotZero(Reg),
    /// Puts the address into the register.
    Address(Reg),
}

/// Numbers of system calls.
#[derive(Debug)]
#[expect(missing_docs, reason = "named as the calls")]
pub struct Calls {
    pub ftruncate: u16,
    pub openat: u16,
    pub read: u16,
    pub write: u16,
    pub writev: u16,
    pub readlinkat: u16,
    pub exit_group: u16,
    pub sigaltstack: u16,
    pub rt_sigaction: u16,
    pub rt_sigreturn: u16,
    pub uname: u16,
    pub munmap: u16,
    pub clone: u16,
    pub execve: u16,
    pub mmap: u16,
    pub mprotect: u16,
    pub wait4: u16,
    pub memfd_create: u16,
}

/// The numbers of include/uapi/asm-generic/unistd.h.
pub const GENERIC_CALLS: Calls = Calls {
    ftruncate: 46,
    openat: 56,
    read: 63,
    write: 64,
    writev: 66,
    readlinkat: 78,
    exit_group: 94,
    sigaltstack: 132,
    rt_sigaction: 134,
    rt_sigreturn: 139,
    uname: 160,
    munmap: 215,
    clone: 220,
    execve: 221,
    mmap: 222,
    mprotect: 226,
    wait4: 260,
    memfd_create: 279,
};

/// A guest's instructions, as far as all guests have them. What they assemble is appended to
/// `code`.
pub trait Isa: Sync {
    /// Of its ELF files.
    fn identity(&self) -> elf::Identity;
    /// Its registers.
    fn regs(&self) -> &'static Regs;
    /// Its numbers of system calls.
    fn calls(&self) -> &'static Calls;
    /// Whether a signal's handler returns to code that the program itself must bring (`sa_restorer`).
    fn restorer(&self) -> bool {
        false
    }
    /// `rd = value`.
    fn value(&self, code: &mut Vec<u8>, rd: Reg, value: u64);
    /// `rd = rn + imm`, of 11 bits and a sign; `rd = rn` with 0. Takes the stack pointer.
    fn add_imm(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, imm: i32);
    /// `rd = rn + rm`.
    fn add(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, rm: Reg);
    /// `rd = rn - rm`.
    fn sub(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, rm: Reg);
    /// Loads `rd` from `rn + offset`, of 11 bits and a multiple of the width.
    fn load(&self, code: &mut Vec<u8>, width: Width, rd: Reg, rn: Reg, offset: u32);
    /// Stores 64 bits of `rd` likewise.
    fn store(&self, code: &mut Vec<u8>, rd: Reg, rn: Reg, offset: u32);
    /// Goes to the address in `rn`.
    fn jump(&self, code: &mut Vec<u8>, rn: Reg);
    /// Returns from a function.
    fn ret(&self, code: &mut Vec<u8>);
    /// The system call instruction.
    fn call(&self, code: &mut Vec<u8>);
    /// An instruction that raises SIGTRAP.
    fn breakpoint(&self, code: &mut Vec<u8>);
    /// What reaches a place, which [`resolve`](Self::resolve) fills in. Always as many bytes.
    fn reach(&self, code: &mut Vec<u8>, reach: Reach);
    /// Completes what [`reach`](Self::reach) has put at `at`: it reaches `to`.
    fn resolve(&self, code: &mut [u8], at: usize, reach: Reach, to: usize);
}
