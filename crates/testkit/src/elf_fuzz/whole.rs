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
    /// It took too long, and its own code goes round in circles.
    Looped,
    /// It took too long.
    Hung,
    /// The product failed.
    Broken,
}

/// Judges the end of `anyarch FILE`, killed when its time was over.
pub fn judge(output: &Output) -> Outcome {
    // SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS.
    const FAULTS: [i32; 7] = [4, 5, 6, 7, 8, 11, 31];
    let text = String::from_utf8_lossy(&output.stderr);
    if ["panicked", "internal error", "memory allocation"].iter().any(|t| text.contains(t)) {
        return Outcome::Broken;
    }
    // As the program's parent sees it, or as a shell says it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::ExitStatus;

    #[test]
    fn the_guests_failures_are_not_ours() {
        let outcome = |status: i32, text: &str| {
            judge(&Output {
                status: ExitStatus::from_raw(status),
                stdout: Vec::new(),
                stderr: text.as_bytes().to_vec(),
            })
        };
        assert_eq!(outcome(0, ""), Outcome::Exited);
        assert_eq!(outcome(126 << 8, "error: x: not an ELF file\n"), Outcome::Refused);
        assert_eq!(outcome(126 << 8, "error: x\nerror: y\n"), Outcome::Broken);
        assert_eq!(outcome(126 << 8, ""), Outcome::Broken);
        assert_eq!(outcome(11, ""), Outcome::Killed);
        assert_eq!(outcome(6, "Fatal error: glibc detected something"), Outcome::Killed);
        assert_eq!(outcome(6, "thread 'main' panicked at"), Outcome::Broken);
        assert_eq!(outcome(9, ""), Outcome::Hung);
        assert_eq!(outcome(137 << 8, ""), Outcome::Hung);
    }
}
