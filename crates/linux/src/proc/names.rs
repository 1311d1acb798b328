//! Which file of /proc a descriptor is.

use std::os::fd::RawFd;
use sys::raw;

/// Whose file it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The directory of no process.
    Root,
    /// This process (or one of its threads).
    Own,
    /// Another process: its directory.
    Other(Vec<u8>),
}

/// A file in a procfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Whose it is.
    pub(super) owner: Owner,
    /// Its name in that directory.
    pub(super) name: Vec<u8>,
    /// The number of the thread or process in whose directory it is.
    pub(super) number: u64,
}

/// The number that `dir` is named by.
fn number(dir: &[u8]) -> u64 {
    split(dir).and_then(|(_, number)| str::from_utf8(number).ok()?.parse().ok()).unwrap_or(0)
}

/// The path of a descriptor as the kernel knows it.
pub(super) fn path_of(fd: RawFd) -> Option<Vec<u8>> {
    raw::readlinkat(libc::AT_FDCWD, format!("/proc/self/fd/{fd}").as_bytes()).ok()
}

/// The file of `fd`.
pub(super) fn entry(fd: RawFd) -> Option<Entry> {
    let path = path_of(fd)?;
    let slash = path.iter().rposition(|&b| b == b'/')?;
    let (dir, name) = (&path[..slash], &path[slash + 1..]);
    // All files of that directory are alike.
    Some(match dir.strip_suffix(b"/fdinfo") {
        Some(dir) => Entry { owner: owner_of(dir), name: b"fdinfo".to_vec(), number: number(dir) },
        None => Entry { owner: owner_of(dir), name: name.to_vec(), number: number(dir) },
    })
}

/// Whose directory `fd` is.
pub(super) fn owner(fd: RawFd) -> Option<Owner> {
    Some(owner_of(&path_of(fd)?))
}

/// Whose directory `dir` is: that of a process, or of one of its threads.
pub(super) fn owner_of(dir: &[u8]) -> Owner {
    let (process_dir, pid) = match split(dir) {
        Some((task_dir, _)) if task_dir.ends_with(b"/task") => {
            let process_dir = &task_dir[..task_dir.len() - b"/task".len()];
            match split(process_dir) {
                Some((_, pid)) => (process_dir, pid),
                None => return Owner::Root,
            }
        }
        Some((_, pid)) => (dir, pid),
        None => return Owner::Root,
    };
    let mount = &process_dir[..process_dir.len() - pid.len()];
    // Numbers are those of the mount's pid namespace, which may be another than ours.
    match raw::readlinkat(libc::AT_FDCWD, &[mount, b"self"].concat()) {
        Ok(own) if own == pid => Owner::Own,
        _ => Owner::Other(process_dir.to_vec()),
    }
}

/// Splits `DIR/NUMBER`.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = path.iter().rposition(|&b| b == b'/')?;
    let (dir, number) = (&path[..slash], &path[slash + 1..]);
    (!number.is_empty() && number.iter().all(u8::is_ascii_digit)).then_some((dir, number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    fn entry_of(path: &str) -> Entry {
        entry(std::fs::File::open(path).unwrap().as_raw_fd()).unwrap()
    }

    #[test]
    fn any_spelling_leads_to_the_same_file() {
        let pid = std::process::id();
        for path in [
            "/proc/self/maps".to_owned(),
            "/proc/thread-self/maps".to_owned(),
            format!("/proc/{pid}/task/{pid}/maps"),
            format!("/proc//{pid}/../self/maps"),
        ] {
            let entry = entry_of(&path);
            assert_eq!((entry.owner, entry.name.as_slice()), (Owner::Own, &b"maps"[..]), "{path}");
        }
        let root = Entry { owner: Owner::Root, name: b"cpuinfo".to_vec(), number: 0 };
        assert_eq!(entry_of("/proc/cpuinfo"), root);
        assert_eq!(entry_of("/proc/1/comm").owner, Owner::Other(b"/proc/1".to_vec()));
        let info = Entry { owner: Owner::Own, name: b"fdinfo".to_vec(), number: pid.into() };
        assert_eq!(entry_of("/proc/self/fdinfo/1"), info);
    }
}
