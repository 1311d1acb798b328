//! The self-test's program, assembled on the spot for a guest.
//!
//! It prints one line a check, `ok NAME` or `FAIL NAME`, and exits with 0. Given an argument it
//! exits with [`CHILD_CODE`]: that is how it executes itself.

use asm::{Assembler, Isa, Reach, Width};

/// Where it lies inside the root.
pub(super) const PATH: &str = "/probe";
/// Its exit code as a child of itself.
pub(super) const CHILD_CODE: u8 = 42;
/// The checks it prints, in order, with what they mean to a person.
pub(super) const CHECKS: &[(&str, &str)] = &[
    ("start", "a program starts"),
    ("machine", "uname(2) tells the program's machine"),
    ("read-only", "the root is read-only (creating a file: EROFS)"),
    ("proc-stat", "/proc/self/stat shows the program, not the emulator"),
    ("proc-exe", "/proc/self/exe is the program"),
    ("fork-exec", "it forks, executes itself and sees the exit code"),
];

const AT_FDCWD: u64 = (-100_i64).cast_unsigned();
const BUFFER: u16 = 1024;

/// What is assembled, and the registers by what they are used for.
struct Program {
    a: Assembler,
    machine: &'static str,
    sp: u8,
    /// The first arguments of calls.
    args: [u8; 6],
    /// The result of a call and of a check.
    result: u8,
    temp: u8,
    other: u8,
    /// The program's name, from the start on.
    name: u8,
}

/// The ELF file for a guest, which is `machine` to uname(2).
pub(super) fn build(isa: &'static dyn Isa, machine: &'static str) -> Vec<u8> {
    let regs = isa.regs();
    let mut p = Program {
        a: Assembler::new(isa),
        machine,
        sp: regs.sp,
        args: regs.args,
        result: regs.result,
        temp: regs.temps[0],
        other: regs.temps[1],
        name: regs.saved[1],
    };
    let child = p.a.label();
    // argc, argv[0].
    p.a.load(p.temp, p.sp, 0);
    p.a.add_imm(p.temp, p.temp, -1);
    p.a.reach(Reach::NotZero(p.temp), child);
    p.a.load(p.name, p.sp, 8);
    p.a.add_imm(p.sp, p.sp, -i32::from(BUFFER));
    let checks: [fn(&mut Program); 6] =
        [|p| p.a.value(p.result, 0), machine_is, read_only, proc_stat, proc_exe, fork_exec];
    for ((name, _), emit) in CHECKS.iter().zip(checks) {
        emit(&mut p);
        p.report(name);
    }
    let exit = isa.calls().exit_group;
    p.a.call_with(exit, &[0]);
    p.a.place(child);
    p.a.call_with(exit, &[CHILD_CODE.into()]);
    p.a.executable(0x40_0000)
}

impl Program {
    /// Prints the line for a check, whose result is 0 if it was a success.
    fn report(&mut self, name: &str) {
        let (failed, done) = (self.a.label(), self.a.label());
        self.a.reach(Reach::NotZero(self.result), failed);
        self.print(&format!("ok {name}\n"));
        self.a.reach(Reach::Jump, done);
        self.a.place(failed);
        self.print(&format!("FAIL {name}\n"));
        self.a.place(done);
    }

    fn print(&mut self, text: &str) {
        self.a.value(self.args[0], 1);
        self.a.address_of(self.args[1], text.as_bytes());
        self.a.value(self.args[2], text.len() as u64);
        self.a.call(self.a.isa.calls().write);
    }

    /// The result is 0 if the bytes at `at` are `expected`.
    fn compare(&mut self, at: (u8, u32), expected: &[u8]) {
        let (differ, done) = (self.a.label(), self.a.label());
        for (i, byte) in expected.iter().enumerate() {
            self.a.load_of(Width::Byte, self.temp, at.0, at.1 + i as u32);
            self.a.add_imm(self.temp, self.temp, -i32::from(*byte));
            self.a.reach(Reach::NotZero(self.temp), differ);
        }
        self.a.value(self.result, 0);
        self.a.reach(Reach::Jump, done);
        self.a.place(differ);
        self.a.value(self.result, 1);
        self.a.place(done);
    }

    /// Opens or creates a file.
    fn open(&mut self, path: &[u8], flags: u64) {
        self.a.value(self.args[0], AT_FDCWD);
        self.a.address_of(self.args[1], path);
        self.a.value(self.args[2], flags);
        self.a.value(self.args[3], 0o600);
        self.a.call(self.a.isa.calls().openat);
    }
}

fn machine_is(p: &mut Program) {
    p.a.copy(p.args[0], p.sp);
    p.a.call(p.a.isa.calls().uname);
    p.a.copy(p.other, p.sp);
    let expected = format!("{}\0", p.machine);
    p.compare((p.other, 4 * 65), expected.as_bytes());
}

fn read_only(p: &mut Program) {
    const EROFS: i32 = 30;
    // O_WRONLY | O_CREAT.
    p.open(b"/created\0", 0o101);
    p.a.add_imm(p.result, p.result, EROFS);
}

fn proc_stat(p: &mut Program) {
    let (bad, done, found) = (p.a.label(), p.a.label(), p.a.label());
    p.open(b"/proc/self/stat\0", 0);
    p.a.copy(p.args[0], p.result);
    p.a.copy(p.args[1], p.sp);
    p.a.value(p.args[2], u64::from(BUFFER) - 1);
    p.a.call(p.a.isa.calls().read);
    let (at, end) = (p.other, p.args[2]);
    p.a.copy(at, p.sp);
    p.a.add(end, at, p.result);
    let scan = p.a.here();
    p.a.sub(p.temp, at, end);
    p.a.reach(Reach::Zero(p.temp), bad);
    p.a.load_of(Width::Byte, p.temp, at, 0);
    p.a.add_imm(p.temp, p.temp, -i32::from(b'('));
    p.a.reach(Reach::Zero(p.temp), found);
    p.a.add_imm(at, at, 1);
    p.a.reach(Reach::Jump, scan);
    p.a.place(found);
    p.compare((at, 1), b"probe) ");
    p.a.reach(Reach::Jump, done);
    p.a.place(bad);
    p.a.value(p.result, 1);
    p.a.place(done);
}

fn proc_exe(p: &mut Program) {
    p.a.value(p.args[0], AT_FDCWD);
    p.a.address_of(p.args[1], b"/proc/self/exe\0");
    p.a.copy(p.args[2], p.sp);
    p.a.value(p.args[3], 64);
    p.a.call(p.a.isa.calls().readlinkat);
    let (wrong, done) = (p.a.label(), p.a.label());
    p.a.add_imm(p.temp, p.result, -(PATH.len() as i32));
    p.a.reach(Reach::NotZero(p.temp), wrong);
    p.a.copy(p.other, p.sp);
    p.compare((p.other, 0), PATH.as_bytes());
    p.a.reach(Reach::Jump, done);
    p.a.place(wrong);
    p.a.value(p.result, 1);
    p.a.place(done);
}

fn fork_exec(p: &mut Program) {
    const SIGCHLD: u64 = 17;
    let parent = p.a.label();
    let calls = p.a.isa.calls();
    p.a.call_with(calls.clone, &[SIGCHLD, 0, 0, 0, 0]);
    p.a.reach(Reach::NotZero(p.result), parent);
    p.a.address_of(p.temp, b"child\0");
    p.a.value(p.other, 0);
    for (n, register) in [p.name, p.temp, p.other].into_iter().enumerate() {
        p.a.store(register, p.sp, 8 * n as u32);
    }
    p.a.copy(p.args[0], p.name);
    p.a.copy(p.args[1], p.sp);
    p.a.value(p.args[2], 0);
    p.a.call(calls.execve);
    p.a.call_with(calls.exit_group, &[1]);
    p.a.place(parent);
    p.a.copy(p.args[0], p.result);
    p.a.copy(p.args[1], p.sp);
    p.a.value(p.args[2], 0);
    p.a.value(p.args[3], 0);
    p.a.call(calls.wait4);
    p.a.load_of(Width::Word, p.result, p.sp, 0);
    // The status of a process that exited with the code.
    p.a.value(p.temp, u64::from(CHILD_CODE) << 8);
    p.a.sub(p.result, p.result, p.temp);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_small_executable_of_each_guest() {
        for (machine, isa) in asm::ISAS {
            let elf = build(isa, machine);
            assert_eq!(binfmt::GuestArch::of_elf(&elf).map(|g| g.uname), Some(machine));
            assert!(elf.len() < 6000, "{} bytes", elf.len());
            assert_eq!(elf, build(isa, machine));
        }
    }
}
