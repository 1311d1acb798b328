//! The code around an instruction: loads all registers, and stores them.

use super::{AREA, AT, Registers};
use core::mem::offset_of;

/// The page of code.
pub(super) const PAGE_AT: u64 = 0x2000_0000;
/// Where the registers are, in the page behind it.
pub(super) const REGISTERS_AT: u64 = PAGE_AT + 4096;
/// MXCSR of the child's own code, behind the registers.
const USUAL_AT: u64 = REGISTERS_AT + size_of::<Registers>() as u64;
const _: () = assert!(size_of::<Registers>() < 4000 && AREA.is_multiple_of(64));

/// The page, and where its parts are.
pub(super) struct Stub {
    /// What is not code is a breakpoint.
    pub(super) page: [u8; 4096],
    at: usize,
    /// Where an instruction goes on.
    pub(super) back: u64,
    /// Where a signal's handler goes on: the registers are stored already.
    pub(super) resume: u64,
}

/// The registers that a function keeps, besides RSP.
const KEPT: [u8; 6] = [3, 5, 12, 13, 14, 15];
const HOST_SP: usize = offset_of!(Registers, host);
const HOST_KEPT: usize = HOST_SP + 8;
const HOST_FS: usize = HOST_SP + 56;

/// Where RSP of the child's own code is, for the handler.
pub(super) const HOST_SP_AT: u64 = REGISTERS_AT + HOST_SP as u64;

impl Stub {
    /// Makes it.
    pub(super) fn new() -> Self {
        let mut stub = Self { page: [0xcc; 4096], at: 0, back: 0, resume: 0 };
        stub.enter();
        assert!(stub.at < 1500, "jumps of one byte must find breakpoints");
        stub.at = 3072;
        stub.leave();
        stub
    }

    fn enter(&mut self) {
        self.store(4, HOST_SP);
        for (n, register) in KEPT.into_iter().enumerate() {
            self.store(register, HOST_KEPT + 8 * n);
        }
        // rdfsbase rax
        self.bytes(&[0xf3, 0x48, 0x0f, 0xae, 0xc0]);
        self.store(0, HOST_FS);
        self.load(0, offset_of!(Registers, fs));
        // wrfsbase rax
        self.bytes(&[0xf3, 0x48, 0x0f, 0xae, 0xd0]);
        self.load(0, offset_of!(Registers, gs));
        // wrgsbase rax
        self.bytes(&[0xf3, 0x48, 0x0f, 0xae, 0xd8]);
        self.components();
        // xrstor64 [area]
        self.relative(&[0x48, 0x0f, 0xae, 0x2d], REGISTERS_AT);
        // push [flags]; popfq
        self.relative(&[0xff, 0x35], REGISTERS_AT + offset_of!(Registers, flags) as u64);
        self.bytes(&[0x9d]);
        for n in 0..16 {
            self.load(n, offset_of!(Registers, int) + 8 * usize::from(n));
        }
        self.relative(&[0xe9], AT);
    }

    fn leave(&mut self) {
        self.back = PAGE_AT + self.at as u64;
        for n in 0..16 {
            self.store(n, offset_of!(Registers, int) + 8 * usize::from(n));
        }
        self.load(4, HOST_SP);
        // pushfq; pop [flags]; push 202h; popfq
        self.bytes(&[0x9c]);
        self.relative(&[0x8f, 0x05], REGISTERS_AT + offset_of!(Registers, flags) as u64);
        self.bytes(&[0x68, 2, 2, 0, 0, 0x9d]);
        self.components();
        // xsave64 [area]
        self.relative(&[0x48, 0x0f, 0xae, 0x25], REGISTERS_AT);
        self.read_bases();
        self.resume = PAGE_AT + self.at as u64;
        self.load(0, HOST_FS);
        self.bytes(&[0xf3, 0x48, 0x0f, 0xae, 0xd0]);
        // fninit; ldmxcsr [usual]; vzeroupper
        self.bytes(&[0xdb, 0xe3]);
        self.relative(&[0x0f, 0xae, 0x15], USUAL_AT);
        self.bytes(&[0xc5, 0xf8, 0x77]);
        for (n, register) in KEPT.into_iter().enumerate() {
            self.load(register, HOST_KEPT + 8 * n);
        }
        self.bytes(&[0xc3]);
    }

    /// Stores the bases of segments, which some instructions change.
    fn read_bases(&mut self) {
        self.bytes(&[0xf3, 0x48, 0x0f, 0xae, 0xc0]);
        self.store(0, offset_of!(Registers, fs));
        self.bytes(&[0xf3, 0x48, 0x0f, 0xae, 0xc8]);
        self.store(0, offset_of!(Registers, gs));
    }

    /// mov eax, 7; xor edx, edx
    fn components(&mut self) {
        self.bytes(&[0xb8, 7, 0, 0, 0, 0x31, 0xd2]);
    }

    fn load(&mut self, register: u8, offset: usize) {
        self.moves(0x8b, register, offset);
    }

    fn store(&mut self, register: u8, offset: usize) {
        self.moves(0x89, register, offset);
    }

    fn moves(&mut self, opcode: u8, register: u8, offset: usize) {
        let code = [0x48 | register >> 3 << 2, opcode, 5 | (register & 7) << 3];
        self.relative(&code, REGISTERS_AT + offset as u64);
    }

    /// An instruction that ends with the distance to `to`.
    fn relative(&mut self, code: &[u8], to: u64) {
        self.bytes(code);
        self.distance(to);
    }

    fn distance(&mut self, to: u64) {
        let next = PAGE_AT + self.at as u64 + 4;
        self.bytes(&(to.wrapping_sub(next) as i32).to_le_bytes());
    }

    fn bytes(&mut self, code: &[u8]) {
        self.page[self.at..self.at + code.len()].copy_from_slice(code);
        self.at += code.len();
    }
}

/// What is put where the instruction is: itself and a jump to the code behind it.
pub(super) fn slot(insn: &[u8], back: u64) -> [u8; 20] {
    let mut slot = [0xcc; 20];
    slot[..insn.len()].copy_from_slice(insn);
    let next = AT + insn.len() as u64 + 5;
    slot[insn.len()] = 0xe9;
    slot[insn.len() + 1..insn.len() + 5]
        .copy_from_slice(&(back.wrapping_sub(next) as i32).to_le_bytes());
    slot
}

/// The bytes behind the registers.
pub(super) const USUAL: (u64, u32) = (USUAL_AT, 0x1f80);
