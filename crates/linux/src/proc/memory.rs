//! How much memory the guest has and may have: /proc/PID/{statm,status,limits}. And the signals in
//! `status`: the emulator has handlers of its own.

use super::published::{self, PUBLISHED, Signals};
use crate::elf::PAGE;
use crate::limits;
use crate::mm::Usage;
use crate::process::Process;
use crate::seccomp;
use crate::signal::SYNCHRONOUS;
use std::fmt::Write;

/// What the host tells otherwise of an emulated process.
pub(super) struct Facts {
    usage: Usage,
    /// Executable bytes.
    code: u64,
    /// Those of the program itself.
    text: u64,
    /// The signals of which it is known what the process does with them: those that it catches, and
    /// those that it ignores.
    known: u64,
    signals: Signals,
}

impl Facts {
    /// Of this process.
    pub(super) fn own(process: &Process) -> Self {
        let (start, end) = process.identity.code;
        let (caught, ignored) = process.signals.sets();
        let held = process.signals.held.signals();
        Self {
            usage: process.mm.usage(),
            code: process.mm.exec_ranges().total(),
            text: end.next_multiple_of(PAGE) - start / PAGE * PAGE,
            known: u64::MAX,
            signals: Signals { caught, ignored, held, threads: PUBLISHED.threads() },
        }
    }

    /// Of the emulated process of /proc directory `dir`; None if its memory may not be looked at, or it
    /// runs no guest.
    pub(super) fn of_other(dir: &[u8]) -> Option<Self> {
        let maps = super::maps_of(dir)?;
        let signals = published::signals(dir, &maps)?;
        let (usage, code) = published::layout(dir, &maps)?.usage(&maps);
        // (In `status` the host has no more of it than it has executable memory itself.)
        let statm = super::host_text(dir, b"statm")?;
        let text = statm.split(' ').nth(3)?.parse::<u64>().ok()? * PAGE;
        let facts = Self { usage, code, text, known: SYNCHRONOUS, signals };
        (usage.total > 0).then_some(facts)
    }

    /// The signals that are caught or ignored, of which the host says `host`.
    pub(super) fn caught(&self, host: u64) -> u64 {
        host & !self.known | self.signals.caught
    }
    pub(super) fn ignored(&self, host: u64) -> u64 {
        host & !self.known | self.signals.ignored
    }

    /// The signals that thread `tid` blocks.
    pub(super) fn blocked(&self, tid: u64, host: u64) -> u64 {
        host & !SYNCHRONOUS | self.signals.threads.blocked(tid)
    }

    /// All memory, in bytes.
    pub(super) fn total(&self) -> u64 {
        self.usage.total
    }
}

/// `statm`: what is resident is the host's, since that is what the guest costs.
pub(super) fn statm(facts: &Facts, host: &[u8]) -> Option<Vec<u8>> {
    let host = str::from_utf8(host).ok()?;
    let mut fields = host.split_ascii_whitespace().map(|field| field.parse::<u64>().unwrap_or(0));
    let (_, resident, shared) = (fields.next()?, fields.next()?, fields.next()?);
    let total = facts.usage.total / PAGE;
    let (resident, shared) = (resident.min(total), shared.min(total));
    let text = facts.text / PAGE;
    let data = (facts.usage.data + facts.usage.stack) / PAGE;
    Some(format!("{total} {resident} {shared} {text} 0 {data} 0\n").into_bytes())
}

/// `status`; `descriptors` tells how long the table of descriptors is whose length the host says.
pub(super) fn status(
    facts: &Facts,
    host: &[u8],
    descriptors: impl Fn(u64) -> u64,
) -> Option<Vec<u8>> {
    let host = str::from_utf8(host).ok()?;
    let Usage { total, data, stack } = facts.usage;
    let number = |rest: &str| rest.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0);
    let set = |rest: &str| u64::from_str_radix(rest.trim(), 16).unwrap_or(0);
    let of = |name| host.lines().find_map(|line| line.strip_prefix(name)).map_or(0, number);
    let ours = of("VmSize:").saturating_sub(total / 1024);
    let text = facts.text / 1024;
    let thread = host.lines().find_map(|line| line.strip_prefix("Pid:")).map(number);
    // (Its number where it lives.)
    let inner = host.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let inner = inner.and_then(|all| all.split_ascii_whitespace().last()).map(number);
    let (mode, filters) = thread
        .and_then(|tid| seccomp::of_thread(tid as i32))
        .map_or((0, 0), |(mode, filters)| (mode, filters as u64));
    let tid = inner.or(thread).unwrap_or(0);
    let mut out = String::with_capacity(host.len());
    for line in host.lines() {
        let (name, rest) = line.split_once(':').unwrap_or((line, ""));
        let set = match name {
            "SigPnd" => Some(set(rest) | facts.signals.threads.held(tid)),
            "ShdPnd" => Some(set(rest) | facts.signals.held),
            "SigBlk" => Some(facts.blocked(tid, set(rest))),
            "SigIgn" => Some(facts.ignored(set(rest))),
            "SigCgt" => Some(facts.caught(set(rest))),
            _ => None,
        };
        let kib = match name {
            "VmPeak" => Some(number(rest).saturating_sub(ours)),
            "VmSize" => Some(total / 1024),
            "VmHWM" | "VmRSS" => Some(number(rest).min(total / 1024)),
            "VmData" => Some(data / 1024),
            "VmStk" => Some(stack / 1024),
            "VmExe" => Some(text),
            "VmLib" => Some((facts.code / 1024).saturating_sub(text)),
            _ => None,
        };
        let count = match name {
            "FDSize" => Some(descriptors(number(rest))),
            // The host's filters, of a container for example, count as well.
            "Seccomp" => Some(number(rest).max(mode)),
            "Seccomp_filters" => Some(number(rest) + filters),
            _ => None,
        };
        let _ = match (kib, set) {
            _ if let Some(count) = count => writeln!(out, "{name}:\t{count}"),
            (Some(kib), _) => writeln!(out, "{name}:\t{kib:8} kB"),
            (_, Some(set)) => writeln!(out, "{name}:\t{set:016x}"),
            _ => writeln!(out, "{line}"),
        };
    }
    Some(out.into_bytes())
}

/// `limits`, with those of memory and descriptors as the guest set them.
pub(super) fn limits(host: &[u8]) -> Option<Vec<u8>> {
    /// Where the limits start in a line, and how long a column is.
    const COLUMNS: [usize; 2] = [26, 47];
    const WIDTH: usize = 20;
    const DESCRIPTORS: &str = "Max open files";
    const LOCKS: &str = "Max file locks";
    let host = str::from_utf8(host).ok()?;
    let number = |line: &str, at: usize| line.get(at..at + WIDTH)?.trim_end().parse::<u64>().ok();
    let locks = host.lines().find(|line| line.starts_with(LOCKS));
    let descriptors =
        locks.and_then(|line| number(line, COLUMNS[1])).and_then(limits::kept_descriptors);
    let mut out = String::with_capacity(host.len());
    for line in host.lines() {
        let mut line = line.to_owned();
        if let Some(hard) = descriptors {
            if line.starts_with(DESCRIPTORS) {
                line.replace_range(COLUMNS[1]..COLUMNS[1] + WIDTH, &format!("{hard:<WIDTH$}"));
            } else if line.starts_with(LOCKS) {
                for at in COLUMNS {
                    line.replace_range(at..at + WIDTH, &format!("{:<WIDTH$}", "unlimited"));
                }
            }
        }
        for at in COLUMNS {
            let field = number(&line, at);
            let guest = field.map(limits::from_host);
            if let Some(guest) = guest.filter(|&guest| field != Some(guest)) {
                line.replace_range(at..at + WIDTH, &format!("{guest:<WIDTH$}"));
            }
        }
        let _ = writeln!(out, "{line}");
    }
    Some(out.into_bytes())
}

#[cfg(test)]
mod tests {
    #[test]
    fn hard_limits_of_descriptors_are_the_guests() {
        let host = "\
Limit                     Soft Limit           Hard Limit           Units     \n\
Max open files            3                    64                   files     \n\
Max file locks            1152921504606846979  1152921504606846979  locks     \n";
        let expected = host
            .replace("64                ", "3                 ")
            .replace("1152921504606846979", "unlimited          ");
        let guest = super::limits(host.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(guest).unwrap(), expected);
    }

    #[test]
    fn limits_of_memory_are_the_guests() {
        let host = "\
Limit                     Soft Limit           Hard Limit           Units     \n\
Max stack size            8388608              unlimited            bytes     \n\
Max address space         1152921504627818496  unlimited            bytes     \n";
        let guest = super::limits(host.as_bytes()).unwrap();
        let expected = host.replace("1152921504627818496 ", "20971520            ");
        assert_eq!(String::from_utf8(guest).unwrap(), expected);
    }
}
