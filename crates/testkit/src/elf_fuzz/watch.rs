//! Running a program for a limited time, and seeing what it is doing when the time is over.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use sys::raw;

/// How a run ended, and whether it was the program's own code that did not.
pub struct Run {
    /// As if a shell had run it; SIGKILL when the time was over.
    pub output: Output,
    /// The time was over, and translated code was being executed.
    pub circling: bool,
}

/// Runs `command` for at most `limit`; what it says goes through the file `said`.
///
/// # Errors
///
/// It cannot be started, or `said` cannot be written.
pub fn run(command: &mut Command, limit: Duration, said: &Path) -> io::Result<Run> {
    let begin = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(said)?)
        .spawn()?;
    let mut pause = Duration::from_micros(200);
    let mut ended = None;
    while ended.is_none() && begin.elapsed() < limit {
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
        ended = child.try_wait()?;
    }
    let mut circling = false;
    let status = match ended {
        Some(status) => status,
        None => {
            circling = (0..100).any(|_| in_translated_code(&mut child));
            child.kill()?;
            child.wait()?
        }
    };
    let output = Output { status, stdout: Vec::new(), stderr: fs::read(said)? };
    Ok(Run { output, circling })
}

/// Whether `child` is executing memory that is writable too: only the code cache is.
fn in_translated_code(child: &mut Child) -> bool {
    let pid = child.id();
    sleep(Duration::from_millis(7));
    let signal = |signal: i32| raw::call(libc::SYS_kill, [u64::from(pid), signal as u64]);
    if signal(libc::SIGSTOP).is_err() {
        return false;
    }
    sleep(Duration::from_millis(3));
    let pc = pc_of(pid);
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let _ = signal(libc::SIGCONT);
    pc.is_some_and(|pc| maps.lines().any(|line| is_code_cache(line, pc)))
}

/// Where a stopped process was, if it was not in a system call.
fn pc_of(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
    let fields: Vec<&str> = text.split_whitespace().collect();
    let ["-1", _stack, pc] = fields[..] else {
        return None;
    };
    u64::from_str_radix(pc.trim_start_matches("0x"), 16).ok()
}

/// Whether a line of /proc/PID/maps is of writable code around `pc`.
fn is_code_cache(line: &str, pc: u64) -> bool {
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let mut fields = line.split_whitespace();
    let range = fields.next().and_then(|range| range.split_once('-'));
    let range = range.and_then(|(start, end)| Some(hex(start)?..hex(end)?));
    range.is_some_and(|range| range.contains(&pc)) && fields.next() == Some("rwxp")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> std::path::PathBuf {
        std::env::temp_dir().join(format!("anyarch-watch-{}", std::process::id()))
    }

    #[test]
    fn what_waits_does_not_circle() {
        let said = said();
        let limit = Duration::from_millis(50);
        let run = run(Command::new("sleep").arg("100"), limit, &said).expect("sleep(1)");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&run.output.status), Some(9));
        assert!(!run.circling);
        let _ = fs::remove_file(said);
    }

    #[test]
    fn writable_code_is_the_code_cache() {
        assert!(is_code_cache("7f00-8000 rwxp 00000000 00:00 0 ", 0x7f10));
        assert!(!is_code_cache("7f00-8000 rwxp 00000000 00:00 0 ", 0x8000));
        assert!(!is_code_cache("7f00-8000 r-xp 00000000 00:00 0 [x]", 0x7f10));
        assert!(!is_code_cache("", 0));
    }
}
