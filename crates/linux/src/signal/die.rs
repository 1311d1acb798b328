//! Default actions of signals that were caught on the host.

use engine::signals as host;
use sys::raw;

/// The signal by which the host takes the default action of `signo`, if there is anything to be done.
pub(super) fn host_signal(signo: i32) -> Option<i32> {
    match signo {
        libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH | libc::SIGCONT => None,
        libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => Some(libc::SIGSTOP),
        _ => Some(signo),
    }
}

/// Takes the default action of a signal, for which there is `signo` on the host: most end the process.
pub(super) fn default_action(signo: i32) {
    if signo == libc::SIGSTOP {
        // It was caught before the guest gave its handler up. Now the host stops us.
        let _ = raw::call(libc::SYS_kill, [raw::getpid() as u64, signo as u64]);
    } else {
        die_of(signo);
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
