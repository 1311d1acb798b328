//! What other emulated processes run, from what the host shows of them.

use crate::exec::marker;
use sys::raw;

/// `AT_FLAGS` bit: binfmt_misc passed `argv[0]` (flag P).
const PRESERVE_ARGV0: u64 = 1;

/// What another emulated process runs.
struct Emulated {
    /// Path of the program as it was executed, or better.
    program: Vec<u8>,
    /// Its arguments.
    argv: Vec<Vec<u8>>,
}

fn join(dir: &[u8], name: &str) -> Vec<u8> {
    [dir, b"/", name.as_bytes()].concat()
}

/// Whether the process of /proc directory `dir` runs this very emulator.
fn is_emulator(dir: &[u8]) -> bool {
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
        let program = marker::program(&start[2]).unwrap_or_else(|| start[3].clone());
        return Some(Emulated { program, argv: argv.to_vec() });
    }
    let program = args.get(1).filter(|arg| !arg.starts_with(b"-"))?.clone();
    let skip = if flags() & PRESERVE_ARGV0 != 0 { 2 } else { 1 };
    Some(Emulated { program, argv: args.get(skip..)?.to_vec() })
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

/// The path of the guest's program, if `dir` is an emulated process.
pub(super) fn exe(dir: &[u8]) -> Option<Vec<u8>> {
    let program = emulated(dir)?.program;
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
        assert_eq!((by_binfmt.program, by_binfmt.argv), (b"/bin/ls".to_vec(), args(&["ls", "-l"])));
        let without = parse(args(&["/usr/bin/anyarch", "/bin/ls", "-l"]), || 0).unwrap();
        assert_eq!(without.argv, args(&["/bin/ls", "-l"]));
        let list = ["anyarch", "--anyarch-exec", "fd=3\x1fexe=/usr/bin/ls", "./ls", "ls", "-l"];
        let by_us = parse(args(&list), || 0).unwrap();
        assert_eq!((by_us.program, by_us.argv), (b"/usr/bin/ls".to_vec(), args(&["ls", "-l"])));
        assert!(parse(args(&["anyarch", "--help"]), || 0).is_none());
    }

    #[test]
    fn processes_of_the_host_are_not_emulated() {
        assert!(cmdline(b"/proc/1").is_none());
    }
}
