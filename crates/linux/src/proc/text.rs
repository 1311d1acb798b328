//! /proc/cpuinfo, /proc/PID/{stat,fdinfo,cmdline,environ}.

use super::memory::Facts;
use crate::elf::PAGE;
use crate::process::Process;

/// `cpuinfo` for the processors that the host lists.
pub(super) fn cpuinfo(process: &Process, host: &[u8]) -> Vec<u8> {
    let host = String::from_utf8_lossy(host);
    let mut cpus: Vec<u32> = host
        .lines()
        .filter(|line| line.starts_with("processor"))
        .filter_map(|line| line.split(':').nth(1)?.trim().parse().ok())
        .collect();
    if cpus.is_empty() {
        cpus.push(0);
    }
    (process.abi.cpuinfo)(&cpus, process.engine.guest()).into_bytes()
}

/// `fdinfo` with the guest's values of the flags of `open`.
pub(super) fn fdinfo(process: &Process, host: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(host.len());
    for line in host.split_inclusive(|&b| b == b'\n') {
        let flags = line.strip_prefix(b"flags:\t").and_then(|text| str::from_utf8(text).ok());
        match flags.and_then(|text| u64::from_str_radix(text.trim(), 8).ok()) {
            Some(flags) => {
                let flags = process.abi.open_flags.from_host(flags);
                out.extend(format!("flags:\t0{flags:o}\n").into_bytes());
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

/// `stat` with the addresses of the guest's program (the kernel may know all but the heap's).
pub(super) fn stat(process: &Process, facts: &Facts, host: &[u8]) -> Option<Vec<u8>> {
    let id = &process.identity;
    let (brk_start, _) = process.mm.heap();
    // Numbers of fields as in proc_pid_stat(5).
    let addresses = [
        (26, id.code.0),
        (27, id.code.1),
        (28, id.start_stack),
        (45, id.data.0),
        (46, id.data.1),
        (47, brk_start),
        (48, id.arg_range.0),
        (49, id.arg_range.1),
        (50, id.env_range.0),
        (51, id.env_range.1),
    ];
    replace_fields(host, |number, field| {
        let address = addresses.iter().find(|(address, _)| *address == number && field != 0);
        address.map(|(_, value)| *value).or_else(|| fact(facts, number, field))
    })
}

/// `stat` of another emulated process, whose addresses the kernel knows.
pub(super) fn stat_of_other(facts: &Facts, host: &[u8]) -> Option<Vec<u8>> {
    replace_fields(host, |number, field| fact(facts, number, field))
}

/// What is in the field `number` of `stat` instead of `field`.
fn fact(facts: &Facts, number: usize, field: u64) -> Option<u64> {
    /// What the kernel shows of a set of signals here.
    const SHOWN: u64 = 0x7fff_ffff;
    match number {
        // (Of a zombie there is none.)
        23 => Some(facts.total()).filter(|_| field != 0),
        24 => Some(field.min(facts.total() / PAGE)),
        33 => Some(facts.ignored(field) & SHOWN),
        34 => Some(facts.caught(field) & SHOWN),
        _ => None,
    }
}

/// Replaces fields of a `stat` line by what `new` gives for their number and value. (Addresses are 0 for
/// those who may not know them, and of a zombie.)
fn replace_fields(host: &[u8], new: impl Fn(usize, u64) -> Option<u64>) -> Option<Vec<u8>> {
    // The name, field 2, may contain anything.
    let end = host.iter().rposition(|&b| b == b')')? + 2;
    let (head, tail) = host.split_at_checked(end)?;
    let tail = str::from_utf8(tail).ok()?.trim_end();
    let mut out = head.to_vec();
    for (index, field) in tail.split(' ').enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        match field.parse().ok().and_then(|value| new(index + 3, value)) {
            Some(value) => out.extend(value.to_string().into_bytes()),
            None => out.extend(field.as_bytes()),
        }
    }
    out.push(b'\n');
    Some(out)
}

/// What is in guest memory, as far as it can be read.
fn memory_text((start, end): (u64, u64)) -> Vec<u8> {
    memory::read_vec(start, end.saturating_sub(start) as usize).unwrap_or_default()
}

/// `cmdline`, from the stack, where programs change it (fs/proc/base.c `get_mm_cmdline`).
pub(super) fn cmdline(process: &Process) -> Vec<u8> {
    let id = &process.identity;
    let mut args = memory_text(id.arg_range);
    if args.last().is_some_and(|&last| last != 0) {
        // setproctitle: the title goes on in the environment, up to the first zero.
        args.extend(memory_text(id.env_range));
        if let Some(end) = args.iter().position(|&b| b == 0) {
            args.truncate(end + 1);
        }
    }
    args
}

/// `environ`, from the stack.
pub(super) fn environ(process: &Process) -> Vec<u8> {
    memory_text(process.identity.env_range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_after_an_odd_name_are_replaced() {
        let line = b"12 (a) b) R 1 2 3 0 0\n";
        let new = |number, field| [(4, 1), (8, 0)].contains(&(number, field)).then_some(99);
        assert_eq!(replace_fields(line, new).unwrap(), b"12 (a) b) R 99 2 3 0 99\n");
    }
}
