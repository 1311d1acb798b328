//! The self-test's arm64 program, assembled on the spot.
//!
//! It prints one line a check, `ok NAME` or `FAIL NAME`, and exits with 0. Given an argument it
//! exits with [`CHILD_CODE`]: that is how it executes itself.

use super::assembler::Assembler;

/// Where it lies inside the root.
pub(super) const PATH: &str = "/probe";
/// Its exit code as a child of itself.
pub(super) const CHILD_CODE: u16 = 42;
/// The checks it prints, in order, with what they mean to a person.
pub(super) const CHECKS: &[(&str, &str)] = &[
    ("start", "an arm64 program starts"),
    ("machine", "uname(2) says aarch64"),
    ("read-only", "the root is read-only (creating a file: EROFS)"),
    ("proc-stat", "/proc/self/stat shows the program, not the emulator"),
    ("proc-exe", "/proc/self/exe is the program"),
    ("fork-exec", "it forks, executes itself and sees the exit code"),
];

const AT_FDCWD: u16 = 99; // as MOVN's operand: !99 = -100
const SP: u32 = 31;
const BUFFER: u32 = 1024;

mod nr {
    //! System call numbers, include/uapi/asm-generic/unistd.h.
    pub(super) const OPENAT: u16 = 56;
    pub(super) const READ: u16 = 63;
    pub(super) const WRITE: u16 = 64;
    pub(super) const READLINKAT: u16 = 78;
    pub(super) const EXIT_GROUP: u16 = 94;
    pub(super) const UNAME: u16 = 160;
    pub(super) const CLONE: u16 = 220;
    pub(super) const EXECVE: u16 = 221;
    pub(super) const WAIT4: u16 = 260;
}

/// The ELF file.
pub(super) fn build() -> Vec<u8> {
    let mut a = Assembler::default();
    let child = a.label();
    a.ldr(9, SP, 0); // argc
    a.sub(9, 9, 1);
    a.cbnz(9, child);
    a.ldr(20, SP, 8); // argv[0]
    a.sub(SP, SP, BUFFER);
    let checks: [fn(&mut Assembler); 6] =
        [|a| a.movz(0, 0), machine, read_only, proc_stat, proc_exe, fork_exec];
    for ((name, _), emit) in CHECKS.iter().zip(checks) {
        emit(&mut a);
        report(&mut a, name);
    }
    a.movz(0, 0);
    a.syscall(nr::EXIT_GROUP);
    a.place(child);
    a.movz(0, CHILD_CODE);
    a.syscall(nr::EXIT_GROUP);
    a.elf(0x40_0000)
}

/// Prints the line for a check whose result is in x0: 0 is success.
fn report(a: &mut Assembler, name: &str) {
    let (failed, done) = (a.label(), a.label());
    a.cbnz(0, failed);
    print(a, &format!("ok {name}\n"));
    a.b(done);
    a.place(failed);
    print(a, &format!("FAIL {name}\n"));
    a.place(done);
}

fn print(a: &mut Assembler, text: &str) {
    a.movz(0, 1);
    a.adr(1, text.as_bytes());
    a.movz(2, text.len() as u16);
    a.syscall(nr::WRITE);
}

/// x0 = 0 if the bytes at x1 + offset are `expected` (clobbers x9, x10).
fn compare(a: &mut Assembler, offset: u32, expected: &[u8]) {
    let (differ, done) = (a.label(), a.label());
    for (i, byte) in expected.iter().enumerate() {
        a.ldrb(9, 1, offset + i as u32);
        a.sub(9, 9, u32::from(*byte));
        a.cbnz(9, differ);
    }
    a.movz(0, 0);
    a.b(done);
    a.place(differ);
    a.movz(0, 1);
    a.place(done);
}

fn machine(a: &mut Assembler) {
    a.add(0, SP, 0);
    a.syscall(nr::UNAME);
    a.add(1, SP, 0);
    compare(a, 4 * 65, b"aarch64\0");
}

fn read_only(a: &mut Assembler) {
    const EROFS: u32 = 30;
    a.movn(0, AT_FDCWD);
    a.adr(1, b"/created\0");
    a.movz(2, 0o101); // O_WRONLY | O_CREAT
    a.movz(3, 0o600);
    a.syscall(nr::OPENAT);
    a.add(0, 0, EROFS);
}

fn proc_stat(a: &mut Assembler) {
    let (scan, found, bad, done) = (a.label(), a.label(), a.label(), a.label());
    a.movn(0, AT_FDCWD);
    a.adr(1, b"/proc/self/stat\0");
    a.movz(2, 0);
    a.syscall(nr::OPENAT);
    a.add(1, SP, 0);
    a.movz(2, BUFFER as u16 - 1);
    a.syscall(nr::READ);
    a.add(1, SP, 0);
    a.add_reg(2, 1, 0); // end
    a.place(scan);
    a.sub_reg(9, 1, 2);
    a.cbz(9, bad);
    a.ldrb(9, 1, 0);
    a.sub(9, 9, u32::from(b'('));
    a.cbz(9, found);
    a.add(1, 1, 1);
    a.b(scan);
    a.place(found);
    compare(a, 1, b"probe) ");
    a.b(done);
    a.place(bad);
    a.movz(0, 1);
    a.place(done);
}

fn proc_exe(a: &mut Assembler) {
    a.movn(0, AT_FDCWD);
    a.adr(1, b"/proc/self/exe\0");
    a.add(2, SP, 0);
    a.movz(3, 64);
    a.syscall(nr::READLINKAT);
    let (wrong, done) = (a.label(), a.label());
    a.sub(9, 0, PATH.len() as u32);
    a.cbnz(9, wrong);
    a.add(1, SP, 0);
    compare(a, 0, PATH.as_bytes());
    a.b(done);
    a.place(wrong);
    a.movz(0, 1);
    a.place(done);
}

fn fork_exec(a: &mut Assembler) {
    const SIGCHLD: u16 = 17;
    let parent = a.label();
    a.movz(0, SIGCHLD);
    for register in 1..5 {
        a.movz(register, 0);
    }
    a.syscall(nr::CLONE);
    a.cbnz(0, parent);
    a.mov(0, 20);
    a.adr(9, b"child\0");
    a.str(0, SP, 0);
    a.str(9, SP, 8);
    a.str(31, SP, 16);
    a.add(1, SP, 0);
    a.movz(2, 0);
    a.syscall(nr::EXECVE);
    a.movz(0, 1);
    a.syscall(nr::EXIT_GROUP);
    a.place(parent);
    a.add(1, SP, 0);
    a.movz(2, 0);
    a.movz(3, 0);
    a.syscall(nr::WAIT4);
    a.ldr_w(0, SP, 0);
    // exited with CHILD_CODE: status = code << 8 (42 << 8 does not fit an imm12 unshifted).
    a.movz(9, CHILD_CODE << 8);
    a.sub_reg(0, 0, 9);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_small_arm64_executable() {
        let elf = build();
        assert_eq!(binfmt::GuestArch::of_elf(&elf).map(|g| g.name), Some("arm64"));
        assert!(elf.len() < 4096, "{} bytes", elf.len());
        assert_eq!(elf, build());
    }
}
