//! What a run of the product with a bad program may end in.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Output;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was refused, with a message and code 126 or 127.
    Refused,
    /// The program ran, and ended with a code.
    Exited,
    /// The program ran, and ended by a signal of its own.
    Killed,
    /// It took too long.
    Hung,
    /// The product failed.
    Broken,
}

/// Judges the end of `timeout -s KILL SECONDS anyarch FILE`.
pub fn judge(output: &Output) -> Outcome {
    // SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS.
    const FAULTS: [i32; 6] = [4, 5, 7, 8, 11, 31];
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains("panicked") || text.contains("internal error") {
        return Outcome::Broken;
    }
    // timeout(1) reports a program's signal as its own.
    let signal = output.status.signal().or_else(|| output.status.code().map(|code| code - 128));
    match (output.status.code(), signal) {
        (_, Some(9)) => Outcome::Hung,
        (Some(126 | 127), _) if text.starts_with("error: ") => {
            let lines = text.lines().filter(|line| line.starts_with("error: ")).count();
            if lines == 1 { Outcome::Refused } else { Outcome::Broken }
        }
        // The guest's own loader says so.
        (Some(126 | 127), _) if !text.is_empty() => Outcome::Exited,
        (_, Some(signal)) if FAULTS.contains(&signal) => Outcome::Killed,
        (Some(0..=125), _) => Outcome::Exited,
        _ => Outcome::Broken,
    }
}
