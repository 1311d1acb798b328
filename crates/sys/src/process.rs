//! Making processes, and what they inherit.

#![expect(unsafe_code, reason = "clone with a new stack, fork, reading an inherited disposition")]

use crate::errno::Errno;
use crate::raw;
use core::ffi::c_void;

/// `struct clone_args` of `clone3(2)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct CloneArgs {
    /// `CLONE_*` without an exit signal.
    pub flags: u64,
    /// Where the pidfd goes.
    pub pidfd: u64,
    /// Where the child's memory gets its thread id.
    pub child_tid: u64,
    /// Where the parent's memory gets the child's thread id.
    pub parent_tid: u64,
    /// Signal for the parent at the child's end.
    pub exit_signal: u64,
    /// Lowest byte of the stack.
    pub stack: u64,
    /// Its length.
    pub stack_size: u64,
    /// Thread pointer.
    pub tls: u64,
    /// Array of wanted process ids.
    pub set_tid: u64,
    /// Its length.
    pub set_tid_size: u64,
    /// Descriptor of a cgroup.
    pub cgroup: u64,
}

const SIZE: u64 = size_of::<CloneArgs>() as u64;

/// Makes a process with a copy of the memory: 0 in the child. The C library's locks are consistent
/// in the child only for a plain fork; with other flags, only if this process has one thread.
///
/// `args.stack`, `args.tls` and `CLONE_SETTLS` must not be set: they are the guest's affair.
///
/// # Errors
/// The kernel's.
pub fn fork(args: &CloneArgs) -> Result<i32, Errno> {
    let plain = CloneArgs { exit_signal: libc::SIGCHLD as u64, ..CloneArgs::default() };
    if *args == plain {
        // SAFETY: fork itself has no precondition; what the child may do is said above.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            crate::thread::forked();
        }
        return if pid < 0 { Err(std::io::Error::last_os_error().into()) } else { Ok(pid) };
    }
    let at = &raw const *args as u64;
    match raw::call(libc::SYS_clone3, [at, SIZE]) {
        // Seccomp filters of containers answer so.
        Err(Errno::ENOSYS | Errno::EPERM) if old_form(args).is_some() => {
            let [flags, _, parent, child, tls] = old_form(args).unwrap_or_default();
            raw::call(libc::SYS_clone, [flags, 0, parent, child, tls]).map(|pid| pid as i32)
        }
        other => other.map(|pid| pid as i32),
    }
}

/// The arguments of `clone(2)` in the host's order, if it can express them.
fn old_form(args: &CloneArgs) -> Option<[u64; 5]> {
    let pidfd = args.flags & libc::CLONE_PIDFD as u64 != 0;
    let parent = args.flags & libc::CLONE_PARENT_SETTID as u64 != 0;
    if pidfd && parent || args.set_tid_size != 0 || args.flags >> 32 != 0 {
        return None;
    }
    let parent_tid = if pidfd { args.pidfd } else { args.parent_tid };
    Some([args.flags | args.exit_signal, 0, parent_tid, args.child_tid, args.tls])
}

extern "C" fn enter<F: FnMut()>(arg: *mut c_void) -> ! {
    // SAFETY: `vfork` passes its closure, which lives until the child is done with it.
    let body = unsafe { &mut *arg.cast::<F>() };
    body();
    exit_group(127)
}

/// Makes a process that shares the memory, on the stack `[stack, stack + len)`, and waits until it
/// ends or executes another program (`CLONE_VM | CLONE_VFORK` are added). `body` runs in the child
/// and must end it. The child uses the thread-local storage of the calling thread, which is
/// stopped meanwhile.
///
/// # Errors
/// The kernel's.
///
/// # Panics
/// If the stack is not aligned.
pub fn vfork<F: FnMut()>(
    args: &CloneArgs,
    stack: &crate::map::Mapping,
    mut body: F,
) -> Result<i32, Errno> {
    let (start, len) = (stack.start() as u64, stack.len() as u64);
    let sharing = (libc::CLONE_VM | libc::CLONE_VFORK) as u64;
    let new = CloneArgs { flags: args.flags | sharing, stack: start, stack_size: len, ..*args };
    // Until the child is gone its closure is here.
    spawn_on_stack(&new, enter::<F>, (&raw mut body).cast())
}

/// Makes a process or thread that starts at `entry` on the stack in `args`.
pub(crate) fn spawn_on_stack(
    args: &CloneArgs,
    entry: extern "C" fn(*mut c_void) -> !,
    arg: *mut c_void,
) -> Result<i32, Errno> {
    let top = args.stack + args.stack_size;
    assert!(top.is_multiple_of(16));
    let call = |nr: i64, words: [u64; 5]| {
        // SAFETY: the stack is a mapping of ours that nothing else uses; the entry never returns.
        let ret = unsafe { crate::arch::clone_on_stack(nr, words.as_ptr(), top, entry, arg) };
        Errno::from_ret(ret as u64).map(|pid| pid as i32)
    };
    match call(libc::SYS_clone3, [&raw const *args as u64, SIZE, 0, 0, 0]) {
        Err(Errno::ENOSYS | Errno::EPERM) if old_form(args).is_some() => {
            let [flags, _, parent, child, tls] = old_form(args).unwrap_or_default();
            call(libc::SYS_clone, [flags, top, parent, child, tls])
        }
        other => other,
    }
}

/// Ends the calling thread without the C library, which must not know of it.
pub fn exit_thread(code: i32) -> ! {
    loop {
        let _ = raw::call(libc::SYS_exit, [code as u64]);
    }
}

/// Ends the process without the C library.
pub fn exit_group(code: i32) -> ! {
    loop {
        let _ = raw::call(libc::SYS_exit_group, [code as u64]);
    }
}

/// Lets no core be dumped when the process dies.
pub fn no_core() {
    const PR_SET_DUMPABLE: u64 = 4;
    let _ = raw::call(libc::SYS_prctl, [PR_SET_DUMPABLE, 0]);
}

/// `struct sigaction` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sigaction {
    handler: u64,
    flags: u64,
    restorer: u64,
    mask: u64,
}

/// Whether signal `signo` is ignored now.
pub fn is_ignored(signo: i32) -> bool {
    let mut old = Sigaction::default();
    let args = [signo as u64, 0, &raw mut old as u64, 8];
    raw::call(libc::SYS_rt_sigaction, args).is_ok() && old.handler == libc::SIG_IGN as u64
}

/// Sets some flags (`SA_RESTART`, `SA_NOCLDSTOP`, `SA_NOCLDWAIT`) of the present action of
/// `signo`, keeping the rest of it.
pub fn set_action_flags(signo: i32, flags: u64, mask: u64) {
    let mut action = Sigaction::default();
    let at = &raw mut action as u64;
    if raw::call(libc::SYS_rt_sigaction, [signo as u64, 0, at, 8]).is_err() {
        return;
    }
    let wanted = action.flags & !mask | flags & mask;
    if wanted != action.flags {
        let new = Sigaction { flags: wanted, ..action };
        let _ = raw::call(libc::SYS_rt_sigaction, [signo as u64, &raw const new as u64, 0, 8]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Mapping;

    fn wait(pid: i32) -> i32 {
        let mut status = 0_i32;
        raw::call(libc::SYS_wait4, [pid as u64, &raw mut status as u64, 0, 0]).unwrap();
        status
    }

    fn stack() -> Mapping {
        Mapping::anonymous(1 << 16, libc::PROT_READ | libc::PROT_WRITE).unwrap()
    }

    #[test]
    fn a_vfork_child_shares_the_memory() {
        let mut seen = 0_u32;
        let args = CloneArgs { exit_signal: libc::SIGCHLD as u64, ..CloneArgs::default() };
        let pid = vfork(&args, &stack(), || {
            seen = 7;
            exit_group(3)
        });
        assert_eq!(wait(pid.unwrap()), 3 << 8);
        assert_eq!(seen, 7);
    }

    #[test]
    fn a_fork_with_flags_gets_its_own_memory() {
        let flags = libc::CLONE_FILES as u64;
        let args = CloneArgs { flags, exit_signal: libc::SIGCHLD as u64, ..Default::default() };
        let pid = fork(&args).unwrap();
        if pid == 0 {
            exit_group(5)
        }
        assert_eq!(wait(pid), 5 << 8);
    }

    #[test]
    fn what_the_old_call_cannot_express_is_seen() {
        let both = (libc::CLONE_PIDFD | libc::CLONE_PARENT_SETTID) as u64;
        assert_eq!(old_form(&CloneArgs { flags: both, ..Default::default() }), None);
        let args = CloneArgs { flags: libc::CLONE_PIDFD as u64, pidfd: 8, ..Default::default() };
        assert_eq!(old_form(&args), Some([libc::CLONE_PIDFD as u64, 0, 8, 0, 0]));
    }
}
