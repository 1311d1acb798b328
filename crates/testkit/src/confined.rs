//! Executes a program of random instructions on this machine's own processor: a seccomp filter leaves it
//! the system calls that such programs make; all others do not exist.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// The calls of the programs, and those that executing one takes.
const ALLOWED: [i64; 13] = [
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_exit_group,
    libc::SYS_execve,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_memfd_create,
    libc::SYS_ftruncate,
];

/// Executes `program` in place of this one; gives the error if that is impossible.
pub fn run(program: &Path) -> io::Error {
    match give_up_calls() {
        Ok(()) => Command::new(program).exec(),
        Err(error) => error,
    }
}

/// Lets all calls but [`ALLOWED`] fail with ENOSYS.
fn give_up_calls() -> io::Result<()> {
    const LOAD: u16 = 0x20;
    const EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let filter = |code, jump, k| libc::sock_filter { code, jt: jump, jf: 0, k };
    let mut program = vec![filter(LOAD, 0, 0)];
    for (n, call) in ALLOWED.into_iter().enumerate() {
        program.push(filter(EQUAL, (ALLOWED.len() - n) as u8, call as u32));
    }
    program.push(filter(RETURN, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32));
    program.push(filter(RETURN, 0, libc::SECCOMP_RET_ALLOW));
    let whole = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    let prctl = |args: [u64; 6]| {
        sys::raw::call(libc::SYS_prctl, args).map_err(|e| io::Error::from_raw_os_error(e.0))
    };
    prctl([libc::PR_SET_NO_NEW_PRIVS as u64, 1, 0, 0, 0, 0])?;
    prctl([libc::PR_SET_SECCOMP as u64, 2, &raw const whole as u64, 0, 0, 0])?;
    Ok(())
}
