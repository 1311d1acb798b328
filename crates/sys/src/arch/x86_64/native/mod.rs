//! Runs single instructions on this processor with all registers given: what emulated ones are
//! compared with. For tests.
//!
//! A child process does it, so that an instruction that goes astray harms nobody: it has no system
//! calls but those that it needs, and is replaced when it dies or hangs. Jobs are in memory that both
//! processes share.
#![expect(unsafe_code, reason = "memory shared with a child process")]

mod child;
mod stub;

use crate::map::Mapping;
use crate::process::{self, CloneArgs};
use crate::raw;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Where the instruction is: in a page of breakpoints.
pub const AT: u64 = stub::PAGE_AT + 2048;
/// Where its memory is: the end of a page, with nothing mapped behind it and before the page.
pub const MEMORY_AT: u64 = 0x1000_1000 - MEMORY as u64;
/// Bytes of it.
pub const MEMORY: usize = 512;
/// Bytes of the area of XSAVE, in the standard form, with the upper halves of vectors.
pub const AREA: usize = 832;
/// Most jobs at once.
pub const JOBS: usize = 1024;
/// A child that takes longer for them is replaced.
const PATIENCE: Duration = Duration::from_secs(3);

/// Registers before and after.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Registers {
    /// As XSAVE stores them: x87, MXCSR, vectors.
    pub area: [u8; AREA],
    /// The general registers.
    pub int: [u64; 16],
    /// RFLAGS.
    pub flags: u64,
    /// After: the address of the next instruction, or of the one that a signal interrupted.
    pub pc: u64,
    /// The base of FS.
    pub fs: u64,
    /// The base of GS.
    pub gs: u64,
    /// After: the signal, or 0. 9: it did not come back.
    pub signal: i32,
    /// Its `si_code`.
    pub code: i32,
    /// Its `si_addr`.
    pub address: u64,
    /// The stub's.
    host: [u64; 8],
}

impl Registers {
    /// All zero, with the usual control words.
    pub fn new() -> Self {
        let mut area = [0; AREA];
        area[..2].copy_from_slice(&0x37f_u16.to_le_bytes());
        area[24..28].copy_from_slice(&0x1f80_u32.to_le_bytes());
        // All components are there.
        area[512] = 7;
        Self {
            area,
            int: [0; 16],
            flags: 0x202,
            pc: AT,
            fs: 0,
            gs: 0,
            signal: 0,
            code: 0,
            address: 0,
            host: [0; 8],
        }
    }
}

impl Default for Registers {
    fn default() -> Self {
        Self::new()
    }
}

/// An instruction with a state.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Job {
    /// The registers; the child changes them.
    pub registers: Registers,
    /// What is at [`MEMORY_AT`]; the child changes it.
    pub memory: [u8; MEMORY],
    /// The instruction.
    pub insn: [u8; 15],
    /// Its length.
    pub len: u8,
}

/// What the processes share.
#[repr(C)]
struct Shared {
    /// How many jobs there are.
    count: usize,
    /// The one that is being run.
    current: usize,
    jobs: [Job; JOBS],
}

/// A child process.
#[derive(Debug)]
pub struct Machine {
    shared: Mapping,
    child: Option<Child>,
}

#[derive(Debug)]
struct Child {
    pid: i32,
    line: UnixStream,
}

impl Machine {
    /// None if this processor or kernel cannot.
    pub fn new() -> Option<Self> {
        // SAFETY: it has no precondition.
        let fsgsbase = unsafe { libc::getauxval(libc::AT_HWCAP2) } & 2 != 0;
        if !fsgsbase || !super::has_avx() {
            return None;
        }
        let file = raw::memfd_of(c"jobs", size_of::<Shared>() as u64).ok()?;
        let len = size_of::<Shared>().next_multiple_of(crate::map::PAGE);
        let shared = Mapping::shared(file.as_fd(), len, libc::PROT_READ | libc::PROT_WRITE).ok()?;
        Some(Self { shared, child: None })
    }

    /// Runs `jobs` (at most [`JOBS`]) one after the other.
    ///
    /// # Errors
    /// If there can be no child.
    pub fn run(&mut self, jobs: &mut [Job]) -> io::Result<()> {
        assert!(jobs.len() <= JOBS);
        let shared = self.shared.start().cast::<Shared>();
        let mut from = 0;
        while from < jobs.len() {
            let part = &mut jobs[from..];
            // SAFETY: the mapping is large enough, and the child waits.
            unsafe {
                (&mut (*shared).jobs)[..part.len()].copy_from_slice(part);
                (*shared).count = part.len();
                (*shared).current = 0;
            }
            let done = self.wait()?;
            // SAFETY: as above; the child waits, or is dead.
            let current = unsafe {
                part.copy_from_slice(&(&(*shared).jobs)[..part.len()]);
                (*shared).current
            };
            if done {
                return Ok(());
            }
            part[current].registers.signal = libc::SIGKILL;
            from += current + 1;
        }
        Ok(())
    }

    /// Lets the child work; false if it did not come back.
    fn wait(&mut self) -> io::Result<bool> {
        if self.child.is_none() {
            self.child = Some(Child::new(&self.shared)?);
        }
        let Some(child) = &mut self.child else { return Ok(false) };
        let mut answer = [0];
        let answered = child.line.write_all(&[1]).and_then(|()| child.line.read_exact(&mut answer));
        if answered.is_err() {
            self.child = None;
        }
        Ok(answered.is_ok())
    }
}

impl Child {
    fn new(shared: &Mapping) -> io::Result<Self> {
        let (line, theirs) = UnixStream::pair()?;
        line.set_read_timeout(Some(PATIENCE))?;
        let plain = CloneArgs { exit_signal: libc::SIGCHLD as u64, ..CloneArgs::default() };
        let pid = process::fork(&plain).map_err(|e| io::Error::from_raw_os_error(e.0))?;
        if pid == 0 {
            child::main(shared.start().cast(), theirs.as_raw_fd());
        }
        Ok(Self { pid, line })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        raw::syscall_ret(
            libc::SYS_kill as u64,
            [self.pid as u64, libc::SIGKILL as u64, 0, 0, 0, 0],
        );
        raw::syscall_ret(libc::SYS_wait4 as u64, [self.pid as u64, 0, 0, 0, 0, 0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(insn: &[u8], set: impl Fn(&mut Registers)) -> Job {
        let mut job = Job {
            registers: Registers::new(),
            memory: [0; MEMORY],
            insn: [0; 15],
            len: insn.len() as u8,
        };
        job.insn[..insn.len()].copy_from_slice(insn);
        set(&mut job.registers);
        job
    }

    #[test]
    fn instructions_run() {
        let Some(mut machine) = Machine::new() else { return };
        let mut jobs = [
            // add rax, rbx
            job(&[0x48, 0x01, 0xd8], |r| (r.int[0], r.int[3]) = (u64::MAX, 1)),
            // mov [rax], rsp
            job(&[0x48, 0x89, 0x20], |r| (r.int[0], r.int[4]) = (MEMORY_AT, 0x1234)),
            // mov rax, [rax] beyond the memory
            job(&[0x48, 0x8b, 0x00], |r| r.int[0] = MEMORY_AT + MEMORY as u64 - 4),
            // jmp $ (forever)
            job(&[0xeb, 0xfe], |_| {}),
            // ud2
            job(&[0x0f, 0x0b], |_| {}),
            // jmp +16
            job(&[0xeb, 0x10], |_| {}),
            // div ecx
            job(&[0xf7, 0xf1], |_| {}),
            // fld1
            job(&[0xd9, 0xe8], |_| {}),
            // mov eax, fs:[0]
            job(&[0x64, 0x8b, 0x04, 0x25, 0, 0, 0, 0], |r| r.fs = MEMORY_AT),
            // vpcmpeqd ymm1, ymm1, ymm1
            job(&[0xc5, 0xf5, 0x76, 0xc9], |_| {}),
        ];
        machine.run(&mut jobs).expect("there is a child");
        let [add, store, fault, stuck, undefined, jump, divide, fld1, fs, ones] = jobs;
        assert_eq!((add.registers.int[0], add.registers.pc), (0, AT + 3));
        assert_eq!(add.registers.flags & 0x8d5, 0x55);
        assert_eq!(store.memory[..8], 0x1234_u64.to_le_bytes());
        let fault = fault.registers;
        assert_eq!((fault.signal, fault.pc, fault.address), (11, AT, 0x1000_1000));
        assert_eq!(stuck.registers.signal, 9);
        assert_eq!((undefined.registers.signal, undefined.registers.pc), (4, AT));
        assert_eq!((jump.registers.signal, jump.registers.pc), (5, AT + 2 + 16 + 1));
        assert_eq!(divide.registers.signal, 8);
        assert_eq!(fld1.registers.area[32..42], [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f]);
        assert_eq!((fs.registers.signal, fs.registers.int[0]), (0, 0));
        assert_eq!(ones.registers.area[576 + 16..576 + 32], [0xff; 16]);
    }
}
