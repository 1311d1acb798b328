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

/// Judges the end of `anyarch FILE`, killed when its time was over. A mutated program may end with
/// any code and by any signal; what gives the product away is what it says, or does not say.
pub fn judge(output: &Output) -> Outcome {
    let text = String::from_utf8_lossy(&output.stderr);
    if ["panicked", "internal error", "memory allocation"].iter().any(|t| text.contains(t)) {
        return Outcome::Broken;
    }
    match (output.status.code(), output.status.signal()) {
        (_, Some(9)) => Outcome::Hung,
        (Some(126 | 127), _) if text.starts_with("error: ") => {
            let lines = text.lines().filter(|line| line.starts_with("error: ")).count();
            if lines == 1 { Outcome::Refused } else { Outcome::Broken }
        }
        // A refusal without a reason. Otherwise the guest's own loader gives one.
        (Some(126 | 127), _) if text.is_empty() => Outcome::Broken,
        (Some(_), _) => Outcome::Exited,
        (None, _) => Outcome::Killed,
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
        assert_eq!(outcome(160 << 8, ": Unknown error -763356128\n"), Outcome::Exited);
    }
}
