//! /proc/PID/maps and smaps: the host's, cut down to the guest's ranges.

use crate::intervals::Intervals;
use crate::process::Process;
use std::fmt::Write;

/// What is needed to show the guest's view.
struct View {
    owned: Intervals,
    exec: Intervals,
    heap: (u64, u64),
    stack: u64,
    vdso: u64,
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

impl View {
    fn new(process: &Process) -> Self {
        Self {
            owned: process.mm.owned(),
            exec: process.mm.exec_ranges(),
            heap: process.mm.heap(),
            stack: process.identity.start_stack,
            vdso: process.identity.vdso.0,
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

    fn filter(&self, host: &str) -> String {
        let mut out = String::with_capacity(host.len());
        let mut shown = Vec::new();
        let mut details = String::new();
        let mut header = None;
        let mut flush = |header: &mut Option<Line<'_>>, details: &mut String| {
            let Some(line) = header.take() else { return };
            shown.clear();
            shown.extend(self.parts(&line));
            for &part in &shown {
                self.write(&mut out, &line, part);
                out.push_str(details);
            }
        };
        for text in host.lines() {
            // Details of smaps start with a capital letter and a colon after the word.
            if let Some(line) = Line::parse(text) {
                flush(&mut header, &mut details);
                details.clear();
                header = Some(line);
            } else {
                details.push_str(text);
                details.push('\n');
            }
        }
        flush(&mut header, &mut details);
        out
    }
}

/// `maps`.
pub(super) fn maps(process: &Process, host: &[u8]) -> Vec<u8> {
    View::new(process).filter(&String::from_utf8_lossy(host)).into_bytes()
}

/// `smaps`: the counters of a host mapping are shown for each part of it.
pub(super) fn smaps(process: &Process, host: &[u8]) -> Vec<u8> {
    maps(process, host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_guests_parts_are_shown() {
        let mut view = View {
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
        let mut view = View {
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
        assert!(out.starts_with("00002000-00003000 r--p") && out.ends_with("Size: 8 kB\n"));
    }
}
