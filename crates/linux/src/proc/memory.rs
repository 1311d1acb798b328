//! How much memory the guest has and may have: /proc/PID/{statm,status,limits}. And the signals in
//! `status`: the emulator has handlers of its own.

use crate::elf::PAGE;
use crate::limits;
use crate::process::Process;
use crate::seccomp;
use std::fmt::Write;

/// The sizes of a process, in bytes.
struct Sizes {
    total: u64,
    data: u64,
    stack: u64,
    /// Code of the program and of all else.
    text: u64,
    libraries: u64,
}

fn sizes(process: &Process) -> Sizes {
    let usage = process.mm.usage();
    let (start, end) = process.identity.code;
    let text = end.next_multiple_of(PAGE) - start / PAGE * PAGE;
    let code = process.mm.exec_ranges().total();
    Sizes {
        total: usage.total,
        data: usage.data,
        stack: usage.stack,
        text,
        libraries: code.saturating_sub(text),
    }
}

/// `statm`: what is resident is the host's, since that is what the guest costs.
pub(super) fn statm(process: &Process, host: &[u8]) -> Option<Vec<u8>> {
    let host = str::from_utf8(host).ok()?;
    let mut fields = host.split_ascii_whitespace().map(|field| field.parse::<u64>().unwrap_or(0));
    let (_, resident, shared) = (fields.next()?, fields.next()?, fields.next()?);
    let sizes = sizes(process);
    let total = sizes.total / PAGE;
    let (resident, shared) = (resident.min(total), shared.min(total));
    let (text, data) = (sizes.text / PAGE, (sizes.data + sizes.stack) / PAGE);
    Some(format!("{total} {resident} {shared} {text} 0 {data} 0\n").into_bytes())
}

/// `VmSize`, for `stat`.
pub(super) fn total(process: &Process) -> u64 {
    process.mm.usage().total
}

/// `status`.
pub(super) fn status(process: &Process, host: &[u8]) -> Option<Vec<u8>> {
    let host = str::from_utf8(host).ok()?;
    let sizes = sizes(process);
    let number = |rest: &str| rest.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0);
    let host_size = host.lines().find_map(|line| line.strip_prefix("VmSize:")).map_or(0, number);
    let ours = host_size.saturating_sub(sizes.total / 1024);
    let (caught, ignored) = process.signals.sets();
    let thread = host.lines().find_map(|line| line.strip_prefix("Pid:")).map(number);
    let (mode, filters) = thread
        .and_then(|tid| seccomp::of_thread(tid as i32))
        .map_or((0, 0), |(mode, filters)| (mode, filters as u64));
    let mut out = String::with_capacity(host.len());
    for line in host.lines() {
        let (name, rest) = line.split_once(':').unwrap_or((line, ""));
        let set = match name {
            "SigIgn" => Some(ignored),
            "SigCgt" => Some(caught),
            _ => None,
        };
        let kib = match name {
            "VmPeak" => Some(number(rest).saturating_sub(ours)),
            "VmSize" => Some(sizes.total / 1024),
            "VmHWM" | "VmRSS" => Some(number(rest).min(sizes.total / 1024)),
            "VmData" => Some(sizes.data / 1024),
            "VmStk" => Some(sizes.stack / 1024),
            "VmExe" => Some(sizes.text / 1024),
            "VmLib" => Some(sizes.libraries / 1024),
            _ => None,
        };
        let count = match name {
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

/// `limits`, with those of memory as the guest set them.
pub(super) fn limits(host: &[u8]) -> Option<Vec<u8>> {
    /// Where the limits start in a line, and how long a column is.
    const COLUMNS: [usize; 2] = [26, 47];
    const WIDTH: usize = 20;
    let host = str::from_utf8(host).ok()?;
    let mut out = String::with_capacity(host.len());
    for line in host.lines() {
        let mut line = line.to_owned();
        for at in COLUMNS {
            let field = line.get(at..at + WIDTH).and_then(|field| field.trim_end().parse().ok());
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
