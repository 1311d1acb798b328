//! Waiting for a child, which gets the signals that are sent to this process meanwhile.

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait, waitpid};

use crate::{Context as _, Result};

/// What is passed on.
const SIGNALS: [Signal; 6] =
    [Signal::HUP, Signal::INT, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::TERM];

/// Waits for the end of `child`; `reap`: and for that of all others, as the first process of a
/// namespace does.
///
/// # Errors
/// If there is no such child.
pub(crate) fn wait_for(child: Pid, reap: bool) -> Result<WaitStatus> {
    let bit = |signal: Signal| 1_u64 << (signal.as_raw() - 1);
    let set = SIGNALS.into_iter().chain([Signal::CHILD]).fold(0, |set, signal| set | bit(signal));
    // Blocked signals also reach the first process of a namespace.
    sys::signal::set_mask(sys::signal::mask() | set);
    loop {
        if let Some(status) = ended(child, reap)? {
            return Ok(status);
        }
        let Some((signo, code)) = sys::signal::wait_for(set) else { continue };
        // What the terminal sends, the whole foreground group has got.
        let by_kernel = code > 0;
        let signal = SIGNALS.into_iter().find(|signal| signal.as_raw() == signo);
        if let Some(signal) = signal.filter(|_| !by_kernel) {
            let _ = kill_process(child, signal);
        }
    }
}

/// Reaps what has ended; tells if that is `child`.
fn ended(child: Pid, reap: bool) -> Result<Option<WaitStatus>> {
    loop {
        let found = if reap {
            wait(WaitOptions::NOHANG)
        } else {
            waitpid(Some(child), WaitOptions::NOHANG)
        };
        match found {
            Ok(Some((done, status))) if done == child => return Ok(Some(status)),
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return Ok(None),
            Err(e) => return Err(e).context(|| "wait for the command".into()),
        }
    }
}
