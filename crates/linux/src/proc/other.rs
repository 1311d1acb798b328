//! What other emulated processes run, from what the host shows of them.

use super::maps::Layout;
use super::published;
use crate::exec::marker;
use std::os::fd::RawFd;
use sys::raw;

/// `AT_FLAGS` bit: binfmt_misc passed `argv[0]` (flag P).
const PRESERVE_ARGV0: u64 = 1;

/// What another emulated process runs, as long as it has not told the kernel (see `kernel.rs`).
struct Emulated {
    /// The program.
    program: Program,
    /// Its arguments.
    argv: Vec<Vec<u8>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Program {
    /// Open in that process.
    Open(i32),
    /// Its path as it was executed.
    Named(Vec<u8>),
}

fn join(dir: &[u8], name: &str) -> Vec<u8> {
    [dir, b"/", name.as_bytes()].concat()
}

/// Whether the process of /proc directory `dir` runs this very emulator.
pub(super) fn is_emulator(dir: &[u8]) -> bool {
    let id = |path: &[u8]| raw::fstatat(libc::AT_FDCWD, path, 0).map(|s| (s.st_dev, s.st_ino));
    match (id(&join(dir, "exe")), id(b"/proc/self/exe")) {
        (Ok(theirs), Ok(ours)) => theirs == ours,
        _ => false,
    }
}

/// `AT_FLAGS` of a process.
fn auxv_flags(dir: &[u8]) -> u64 {
    let auxv = raw::read_file(&join(dir, "auxv")).unwrap_or_default();
    let word = |b: &[u8]| u64::from_ne_bytes(b.try_into().unwrap_or_default());
    auxv.chunks_exact(16)
        .find(|entry| word(&entry[..8]) == libc::AT_FLAGS)
        .map_or(0, |entry| word(&entry[8..]))
}

/// Splits a host command line into what it makes the emulator run.
fn parse(args: Vec<Vec<u8>>, flags: impl FnOnce() -> u64) -> Option<Emulated> {
    if args.get(1).is_some_and(|arg| arg == marker::MARKER) {
        let (start, argv) = args.split_at_checked(marker::ARGUMENTS)?;
        let program = marker::program(&start[2])
            .map_or_else(|| Program::Named(start[3].clone()), Program::Open);
        return Some(Emulated { program, argv: argv.to_vec() });
    }
    let program = Program::Named(args.get(1).filter(|arg| !arg.starts_with(b"-"))?.clone());
    let skip = if flags() & PRESERVE_ARGV0 != 0 { 2 } else { 1 };
    Some(Emulated { program, argv: args.get(skip..)?.to_vec() })
}

/// Whether `fd`, a `cmdline`, has what we tell ourselves: the program is only being loaded.
pub(super) fn tells_itself(fd: RawFd) -> bool {
    let mut head = [0; 64];
    let len = raw::pread(fd, &mut head, 0).unwrap_or(0);
    head[..len].split(|&b| b == 0).nth(1) == Some(marker::MARKER)
}

/// How the emulated process of `dir` uses its memory; `maps` is the host's list of it.
pub(super) fn layout(dir: &[u8], maps: &str) -> Option<Layout> {
    published::layout(dir, maps).or_else(|| {
        let exe = raw::fstatat(libc::AT_FDCWD, &join(dir, "exe"), 0).ok()?;
        Some(Layout::guess(maps, exe.st_ino))
    })
}

/// The auxiliary vector, of a process that the guest traces.
pub(super) fn auxv(dir: &[u8]) -> Option<Vec<u8>> {
    let pid = dir.rsplit(|&b| b == b'/').next()?;
    crate::ptrace::auxv(str::from_utf8(pid).ok()?.parse().ok()?)
}

fn emulated(dir: &[u8]) -> Option<Emulated> {
    if !is_emulator(dir) {
        return None;
    }
    let mut line = raw::read_file(&join(dir, "cmdline")).ok()?;
    // The last argument is terminated too.
    line.pop_if(|b| *b == 0);
    let args = line.split(|&b| b == 0).map(<[u8]>::to_vec).collect();
    parse(args, || auxv_flags(dir))
}

/// The command line of the guest's program, if `dir` is an emulated process.
pub(super) fn cmdline(dir: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for arg in emulated(dir)?.argv {
        out.extend(arg);
        out.push(0);
    }
    Some(out)
}

/// A path that leads to the guest's program, if `dir` is an emulated process that has only begun
/// to load it.
pub(super) fn exe(dir: &[u8]) -> Option<Vec<u8>> {
    let program = match emulated(dir)?.program {
        Program::Open(fd) => return Some(join(dir, &format!("fd/{fd}"))),
        Program::Named(program) => program,
    };
    if program.first() == Some(&b'/') {
        return Some(program);
    }
    // As it was when it started, most often.
    let cwd = raw::readlinkat(libc::AT_FDCWD, &join(dir, "cwd")).ok()?;
    let program = program.strip_prefix(b"./").unwrap_or(&program);
    Some([&cwd, &b"/"[..], program].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(list: &[&str]) -> Vec<Vec<u8>> {
        list.iter().map(|s| s.as_bytes().to_vec()).collect()
    }

    #[test]
    fn each_way_of_starting_is_understood() {
        let by_binfmt = parse(args(&["/usr/bin/anyarch", "/bin/ls", "ls", "-l"]), || 1).unwrap();
        let named = |path: &str| Program::Named(path.as_bytes().to_vec());
        assert_eq!((by_binfmt.program, by_binfmt.argv), (named("/bin/ls"), args(&["ls", "-l"])));
        let without = parse(args(&["/usr/bin/anyarch", "/bin/ls", "-l"]), || 0).unwrap();
        assert_eq!(without.argv, args(&["/bin/ls", "-l"]));
        let list = ["anyarch", "--anyarch-exec", "fd=3\x1fshare=901", "./ls", "ls", "-l"];
        let by_us = parse(args(&list), || 0).unwrap();
        assert_eq!((by_us.program, by_us.argv), (Program::Open(3), args(&["ls", "-l"])));
        assert!(parse(args(&["anyarch", "--help"]), || 0).is_none());
    }

    #[test]
    fn processes_of_the_host_are_not_emulated() {
        assert!(cmdline(b"/proc/1").is_none());
    }
}
