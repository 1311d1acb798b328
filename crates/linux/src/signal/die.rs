//! Default actions of signals that were caught on the host.

use engine::signals as host;
use sys::raw;

/// Takes the default action of `signo`: most end the process, by the same signal on the host.
pub(super) fn default_action(signo: i32) {
    match signo {
        libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH | libc::SIGCONT => {}
        libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => {
            // It was caught before the guest gave its handler up. Now the host stops us.
            let _ = raw::call(libc::SYS_kill, [raw::getpid() as u64, libc::SIGSTOP as u64]);
        }
        _ => die_of(signo),
    }
}

/// Ends the process by `signo`.
pub(crate) fn die_of(signo: i32) -> ! {
    // A core would be the emulator's.
    sys::process::no_core();
    host::die_by_default(signo);
    // The first process of a namespace survives what it sends to itself.
    host::die_by_instruction(signo);
    sys::process::exit_group(128 + signo)
}
