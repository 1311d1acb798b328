//! /proc/PID/maps, smaps, smaps_rollup and numa_maps: the host's, cut down to the guest's ranges.

use crate::intervals::Intervals;
use crate::mm::Usage;
use crate::process::Process;
use std::collections::BTreeMap;
use std::fmt::Write;

/// How a guest process uses its memory.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) owned: Intervals,
    pub(super) exec: Intervals,
    pub(super) heap: (u64, u64),
    pub(super) stack: u64,
    pub(super) vdso: u64,
}

/// A line of the host's file.
struct Line<'a> {
    start: u64,
    end: u64,
    perms: &'a str,
    offset: u64,
    device: &'a str,
    inode: &'a str,
    name: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut rest = line;
        let mut field = || {
            let (field, tail) = rest.split_once(' ').unwrap_or((rest, ""));
            rest = tail;
            (field, tail)
        };
        let (start, end) = field().0.split_once('-')?;
        let perms = field().0;
        let offset = u64::from_str_radix(field().0, 16).ok()?;
        let device = field().0;
        let (inode, name) = field();
        Some(Self {
            start: u64::from_str_radix(start, 16).ok()?,
            end: u64::from_str_radix(end, 16).ok()?,
            perms: (perms.len() == 4).then_some(perms)?,
            offset,
            device,
            inode,
            name: name.trim_start(),
        })
    }
}

/// Where the file with this number is mapped from its start, in the host's `maps`.
pub(super) fn start_of(maps: &str, inode: u64) -> Option<u64> {
    let inode = inode.to_string();
    let mut lines = maps.lines().filter_map(Line::parse);
    lines.find(|line| line.inode == inode && line.offset == 0).map(|line| line.start)
}

/// A counter of smaps: its name and how many kB.
fn counter(line: &str) -> Option<(&str, u64)> {
    let (name, rest) = line.split_once(':')?;
    Some((name, rest.trim().strip_suffix(" kB")?.parse().ok()?))
}

impl Layout {
    /// Of this process.
    pub(super) fn new(process: &Process) -> Self {
        Self {
            owned: process.mm.owned(),
            exec: process.mm.exec_ranges(),
            heap: process.mm.heap(),
            stack: process.identity.start_stack,
            vdso: process.identity.vdso.0,
        }
    }

    /// What the process's mappings, of which `maps` is the host's list, add up to, and how many bytes
    /// of them are executable.
    pub(super) fn usage(&self, maps: &str) -> (Usage, u64) {
        let (mut usage, mut code) = (Usage::default(), 0);
        for line in self.filter(maps).lines().filter_map(Line::parse) {
            let len = line.end - line.start;
            usage.total += len;
            let perms = line.perms.as_bytes();
            if line.name == "[stack]" {
                usage.stack += len;
            } else if perms[1] == b'w' && perms[3] == b'p' {
                usage.data += len;
            }
            if perms[2] == b'x' {
                code += len;
            }
        }
        (usage, code)
    }

    /// Of an emulated process whose memory we may not read, as far as the host's `maps` tell: all that
    /// is not of the emulator's file, which has this number, nor of the host.
    pub(super) fn guess(maps: &str, inode: u64) -> Self {
        let inode = inode.to_string();
        let owned = |line: &Line<'_>| {
            line.inode != inode
                && !line.name.starts_with("/memfd:anyarch-")
                && !matches!(line.name, "[vdso]" | "[vvar]" | "[vvar_vclock]" | "[vsyscall]")
        };
        let lines = maps.lines().filter_map(Line::parse).filter(owned);
        Self {
            owned: lines.map(|line| [line.start, line.end]).collect(),
            exec: Intervals::new(),
            heap: (0, 0),
            stack: 0,
            vdso: 0,
        }
    }

    /// The guest's parts of a host line, each with whether it is executable.
    fn parts(&self, line: &Line<'_>) -> Vec<(u64, u64, bool)> {
        let mut parts = Vec::new();
        for (start, end) in self.owned.overlaps(line.start, line.end) {
            let mut at = start;
            for (from, to) in self.exec.overlaps(start, end) {
                if from > at {
                    parts.push((at, from, false));
                }
                parts.push((from, to, true));
                at = to;
            }
            if at < end {
                parts.push((at, end, false));
            }
        }
        parts
    }

    /// Writes a line for one part.
    fn write(&self, out: &mut String, line: &Line<'_>, (start, end, exec): (u64, u64, bool)) {
        let name = match line.inode {
            "0" if start < self.heap.1 && end > self.heap.0 => "[heap]",
            "0" if (start..end).contains(&self.stack) => "[stack]",
            "0" if start == self.vdso => "[vdso]",
            _ => line.name,
        };
        let before = out.len();
        let offset = if line.inode == "0" { line.offset } else { line.offset + start - line.start };
        let _ = write!(
            out,
            "{start:08x}-{end:08x} {}{}{} {offset:08x} {} {} ",
            &line.perms[..2],
            if exec { 'x' } else { '-' },
            &line.perms[3..],
            line.device,
            line.inode,
        );
        if !name.is_empty() {
            // As the kernel: names start in column 74.
            while out.len() - before < 73 {
                out.push(' ');
            }
            out.push_str(name);
        }
        out.push('\n');
    }

    /// Calls `each` with the guest's parts of every mapping of `host`, which is a `maps` or `smaps`, and
    /// with what follows the mapping's line there.
    fn each<'a>(
        &self,
        host: &'a str,
        mut each: impl FnMut(&Line<'a>, &[(u64, u64, bool)], &[&'a str]),
    ) {
        let mut details = Vec::new();
        let mut header = None;
        let mut flush = |header: Option<Line<'a>>, details: &mut Vec<&'a str>| {
            if let Some(line) = header {
                let parts = self.parts(&line);
                if !parts.is_empty() {
                    each(&line, &parts, details);
                }
            }
            details.clear();
        };
        for text in host.lines() {
            // Details of smaps start with a capital letter and a colon after the word.
            match Line::parse(text) {
                Some(line) => flush(header.replace(line), &mut details),
                None => details.push(text),
            }
        }
        flush(header, &mut details);
    }

    /// `maps` and `smaps`.
    pub(super) fn filter(&self, host: &str) -> String {
        let mut out = String::with_capacity(host.len());
        self.each(host, |line, parts, details| {
            let whole = (line.end - line.start) / 1024;
            let mut before = 0;
            for &(start, end, exec) in parts {
                self.write(&mut out, line, (start, end, exec));
                let size = (end - start) / 1024;
                for text in details {
                    write_detail(&mut out, text, exec, (before, size, whole));
                }
                before += size;
            }
        });
        out
    }

    /// `smaps_rollup`: the host's has the names, its `smaps` the numbers.
    pub(super) fn roll_up(&self, host: &str, smaps: &str) -> String {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        let (mut first, mut last) = (None, 0);
        self.each(smaps, |line, parts, details| {
            first.get_or_insert(parts[0].0);
            last = parts[parts.len() - 1].1;
            let shared = line.name.starts_with("/memfd:") || line.name.starts_with("/SYSV");
            for (name, kilobytes) in details.iter().filter_map(|text| counter(text)) {
                *sums.entry(name).or_default() += kilobytes;
                let kind = match line.inode {
                    _ if name != "Pss" => continue,
                    "0" => "Pss_Anon",
                    _ if shared => "Pss_Shmem",
                    _ => "Pss_File",
                };
                *sums.entry(kind).or_default() += kilobytes;
            }
        });
        let mut lines = host.lines();
        let head = lines.next().and_then(|head| head.split_once(' ')).map_or("", |(_, rest)| rest);
        let (Some(first), false) = (first, head.is_empty()) else { return String::new() };
        let mut out = format!("{first:08x}-{last:08x} {head}\n");
        for text in lines {
            match counter(text) {
                Some((name, _)) => {
                    let sum = sums.get(name).copied().unwrap_or(0);
                    let _ = writeln!(out, "{:<16}{sum:>8} kB", format!("{name}:"));
                }
                None => {
                    let _ = writeln!(out, "{text}");
                }
            }
        }
        out
    }

    /// `numa_maps`, of whose lines the host's `maps` say how long they are.
    pub(super) fn numa(&self, host: &str, maps: &str) -> String {
        let policies: BTreeMap<u64, &str> = host
            .lines()
            .filter_map(|text| {
                let (start, rest) = text.split_once(' ')?;
                Some((u64::from_str_radix(start, 16).ok()?, rest))
            })
            .collect();
        let mut out = String::new();
        self.each(maps, |line, parts, _| {
            let Some(rest) = policies.get(&line.start) else { return };
            for (index, (start, ..)) in parts.iter().enumerate() {
                // The pages are counted once: the rest has only policy and file.
                let words = if index == 0 { usize::MAX } else { 2 };
                let text: Vec<&str> = rest.split(' ').take(words).collect();
                let _ = writeln!(out, "{start:08x} {}", text.join(" "));
            }
        });
        out
    }
}

/// Writes a line of smaps for a part of a mapping that begins after `before` kB of it and has `size` of
/// its `whole`. Where the pages are is not known: the counters are divided evenly.
fn write_detail(out: &mut String, text: &str, exec: bool, (before, size, whole): (u64, u64, u64)) {
    let _ = match counter(text) {
        Some(("KernelPageSize" | "MMUPageSize", _)) | None => match text.split_once("VmFlags: ") {
            Some((_, flags)) if exec => {
                let at = flags.len().min(if flags.starts_with("rd wr") { 5 } else { 2 });
                writeln!(out, "VmFlags: {} ex{}", &flags[..at], &flags[at..])
            }
            _ => writeln!(out, "{text}"),
        },
        Some(("Size", _)) => writeln!(out, "Size:           {size:>8} kB"),
        Some((name, kilobytes)) => {
            let until = |end: u64| kilobytes * end / whole.max(1) & !3;
            // Unless it is whole, in pages.
            let part = match size == whole {
                true => kilobytes,
                false => until(before + size) - until(before),
            };
            writeln!(out, "{:<16}{part:>8} kB", format!("{name}:"))
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_guests_parts_are_shown() {
        let mut view = Layout {
            owned: Intervals::new(),
            exec: Intervals::new(),
            heap: (0x60_0000, 0x60_3000),
            stack: 0x7000_1000,
            vdso: 0,
        };
        view.owned.insert(0x40_0000, 0x40_4000);
        view.owned.insert(0x60_0000, 0x60_3000);
        view.owned.insert(0x7000_0000, 0x7000_2000);
        view.exec.insert(0x40_0000, 0x40_2000);
        let host = "\
00400000-00404000 r--p 00001000 fe:00 77                                 /bin/my prog\n\
00600000-00603000 rw-p 00000000 00:00 0 \n\
70000000-70002000 rw-p 00000000 00:00 0 \n\
7f0000000000-7f0000001000 rw-p 00000000 00:00 0                          [heap]\n";
        let out = view.filter(host);
        let lines: Vec<_> = out.lines().collect();
        assert_eq!(lines.len(), 4);
        let text = "00400000-00402000 r-xp 00001000 fe:00 77 ";
        assert_eq!(lines[0], format!("{text:73}/bin/my prog"));
        assert!(lines[1].starts_with("00402000-00404000 r--p 00003000 fe:00 77 "));
        assert!(lines[2].ends_with("[heap]") && lines[3].ends_with("[stack]"));
    }

    #[test]
    fn details_follow_their_mapping() {
        let mut view = Layout {
            owned: Intervals::new(),
            exec: Intervals::new(),
            heap: (0, 0),
            stack: 0,
            vdso: 0,
        };
        view.owned.insert(0x2000, 0x3000);
        let host = "1000-2000 r--p 00000000 00:00 0 \nSize: 4 kB\n2000-3000 r--p 00000000 00:00 0 \n\
                    Size: 8 kB\n";
        let out = view.filter(host);
        assert_eq!(out.lines().count(), 2);
        assert!(out.starts_with("00002000-00003000 r--p"), "{out}");
        assert!(out.ends_with("Size:                  4 kB\n"), "{out}");
    }

    /// Two pages, of which the second is executable and the third the emulator's.
    const SMAPS: &str = "1000-4000 r--p 00000000 00:00 7 /x\nSize:                 12 kB\n\
                         KernelPageSize:        4 kB\nRss:                  12 kB\n\
                         Pss:                  12 kB\nVmFlags: rd mr mw me sd \n";

    fn two_pages() -> Layout {
        Layout {
            owned: [[0x1000, 0x3000]].into_iter().collect(),
            exec: [[0x2000, 0x3000]].into_iter().collect(),
            heap: (0, 0),
            stack: 0,
            vdso: 0,
        }
    }

    #[test]
    fn counters_are_divided() {
        let out = two_pages().filter(SMAPS);
        let lines: Vec<_> = out.lines().collect();
        assert_eq!(lines.len(), 12);
        assert_eq!(
            (lines[1], lines[7]),
            ("Size:                  4 kB", "Size:                  4 kB")
        );
        assert_eq!(
            (lines[2], lines[3]),
            ("KernelPageSize:        4 kB", "Rss:                   4 kB")
        );
        assert_eq!(
            (lines[5], lines[11]),
            ("VmFlags: rd mr mw me sd ", "VmFlags: rd ex mr mw me sd ")
        );
    }

    #[test]
    fn sums_and_policies_are_of_the_guests_mappings() {
        let smaps = format!("{SMAPS}5000-6000 rw-p 00000000 00:00 0 \nRss: 4 kB\n");
        let host = "1000-6000 ---p 00000000 00:00 0 [rollup]\nRss: 16 kB\nPss_File: 9 kB\n";
        let out = two_pages().roll_up(host, &smaps);
        let head = "00001000-00003000 ---p 00000000 00:00 0 [rollup]";
        assert_eq!(
            out,
            format!("{head}\nRss:                  12 kB\nPss_File:             12 kB\n")
        );
        let numa = two_pages().numa("1000 default file=/x mapped=3\n5000 default\n", &smaps);
        assert_eq!(numa, "00001000 default file=/x mapped=3\n00002000 default file=/x\n");
        assert_eq!(start_of(&smaps, 7), Some(0x1000));
        let guess = Layout::guess(&smaps, 7);
        assert_eq!(guess.owned.overlaps(0, u64::MAX).collect::<Vec<_>>(), [(0x5000, 0x6000)]);
    }
}
