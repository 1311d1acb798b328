//! The files of /proc that must show the guest and not the emulator.
//!
//! Which file was opened is decided by the opened file: its file system, and its path as the
//! kernel knows it. So any spelling, directory descriptor or symbolic link leads here. Much is shown
//! by the host's kernel itself, which was told of the guest's program (`kernel.rs`); of what remains,
//! the guest reads something else than the host has there (`view.rs`). `comm` and `status` are the
//! host's too: names of threads are set there.

mod call;
mod descriptors;
mod exe;
mod kernel;
mod maps;
mod memory;
mod names;
mod other;
mod published;
mod text;
mod view;

use crate::process::Process;
use crate::task::Task;
pub(crate) use descriptors::{hide, is_hidden, listed};
pub use exe::Exe;
pub(crate) use exe::{
    readlink as readlink_exe, redirect as redirect_exe, redirect_links as redirect_exe_links,
};
pub(crate) use kernel::show as show_to_kernel;
use maps::Layout;
use memory::Facts;
use names::{Entry, Owner};
pub(crate) use published::{PUBLISHED, Slot, packed};
use std::os::fd::RawFd;
use sys::errno::Errno;
use sys::raw;
pub use view::Views;
pub(crate) use view::{ReadFrom, read as read_view};

/// File system magic of procfs.
const PROC_MAGIC: i128 = 0x9fa0;

/// To be called after every successful open, with the new descriptor, the host's flags of the open and
/// what it opened: the guest reads its own view of it if the host's would be wrong.
pub(crate) fn after_open(process: &Process, fd: RawFd, flags: i32, stat: &libc::stat) {
    const OTHER: i32 = libc::O_PATH | libc::O_DIRECTORY;
    // Files of procfs are empty regular files on a device without a number.
    let pseudo = stat.st_size == 0 && libc::major(stat.st_dev) == 0;
    let regular = stat.st_mode & libc::S_IFMT == libc::S_IFREG;
    if !(flags & OTHER == 0 && pseudo && regular && is_proc(fd)) {
        return;
    }
    let Some(entry) = names::entry(fd) else { return };
    if flags & libc::O_ACCMODE != libc::O_RDONLY {
        if entry.owner == Owner::Own && entry.name == b"mem" {
            process.mm.may_write_anywhere();
        }
    } else if is_view(process, &entry, fd) {
        process.views.enter(fd);
    }
}

/// Whether the file of `fd` is in a procfs.
fn is_proc(fd: RawFd) -> bool {
    raw::fstatfs(fd).is_ok_and(|fs| has_magic(&fs))
}

fn has_magic(fs: &libc::statfs) -> bool {
    // Signed in one libc, unsigned in the other.
    i128::from(fs.f_type) == PROC_MAGIC
}

/// Whether the guest must read something else than the host has in `entry`, which `fd` is.
fn is_view(process: &Process, entry: &Entry, fd: RawFd) -> bool {
    let shown = process.identity.shown;
    match (&entry.owner, entry.name.as_slice()) {
        (Owner::Root, b"cpuinfo" | b"arch") => true,
        (Owner::Own, b"stat" | b"statm" | b"status" | b"syscall") => true,
        (Owner::Other(dir), b"stat" | b"statm" | b"status" | b"syscall") => other::is_emulator(dir),
        (Owner::Own, b"maps" | b"smaps" | b"smaps_rollup" | b"numa_maps") => true,
        (Owner::Other(dir), b"maps" | b"smaps" | b"smaps_rollup" | b"numa_maps") => {
            other::is_emulator(dir)
        }
        (Owner::Own | Owner::Other(_), b"fdinfo" | b"limits") => true,
        (Owner::Own, b"cmdline" | b"environ" | b"auxv") => !shown,
        (Owner::Other(dir), b"cmdline") => {
            other::tells_itself(fd) || !shown && other::is_emulator(dir)
        }
        (Owner::Other(dir), b"auxv") => !shown && other::is_emulator(dir),
        _ => false,
    }
}

/// Whether the guest reads `fd` otherwise than the host, and the kernel has `sendfile` for such a file.
pub(crate) fn may_splice(process: &Process, fd: RawFd) -> bool {
    process.views.has(fd) && names::entry(fd).is_some_and(|entry| entry.owner == Owner::Root)
}

/// The guest's view of `entry`, of which `host` is the host's.
fn content(task: &Task, entry: &Entry, host: Vec<u8>) -> Vec<u8> {
    let process = task.process;
    // Of a process that has ended nothing is left.
    if host.is_empty() {
        return host;
    }
    let made = match (&entry.owner, entry.name.as_slice()) {
        (Owner::Root, b"cpuinfo") => Some(text::cpuinfo(process, &host)),
        (Owner::Root, b"arch") => Some(format!("{}\n", process.abi.machine).into_bytes()),
        (Owner::Own, b"stat") => text::stat(process, &Facts::own(process), &host),
        (Owner::Other(dir), b"stat") => {
            Facts::of_other(dir).and_then(|facts| text::stat_of_other(&facts, &host))
        }
        (owner, b"statm") => facts(process, owner).and_then(|facts| memory::statm(&facts, &host)),
        (owner, b"status") => facts(process, owner).and_then(|facts| {
            memory::status(&facts, &host, |size| descriptors::table_size(process, owner, size))
        }),
        (_, b"syscall") => call::shown(task, entry, &host),
        (_, b"limits") => memory::limits(&host),
        (_, b"fdinfo") => Some(text::fdinfo(process, &host)),
        (_, b"maps" | b"smaps" | b"smaps_rollup" | b"numa_maps") => mapped(process, entry, &host),
        (Owner::Own, b"cmdline") => Some(text::cmdline(process)),
        (Owner::Own, b"environ") => Some(text::environ(process)),
        (Owner::Own, b"auxv") => Some(process.identity.auxv.clone()),
        (Owner::Other(dir), b"cmdline") => other::cmdline(dir),
        (Owner::Other(dir), b"auxv") => other::auxv(dir),
        _ => None,
    };
    made.unwrap_or(host)
}

/// What the host tells otherwise of the owner of a file.
fn facts(process: &Process, owner: &Owner) -> Option<Facts> {
    match owner {
        Owner::Other(dir) => Facts::of_other(dir),
        _ => Some(Facts::own(process)),
    }
}

/// What shows the memory of a process.
fn mapped(process: &Process, entry: &Entry, host: &[u8]) -> Option<Vec<u8>> {
    let host = String::from_utf8_lossy(host);
    let dir: &[u8] = match &entry.owner {
        Owner::Other(dir) => dir,
        _ => b"/proc/self",
    };
    // Those of the others are seen by what is mapped.
    let maps = match entry.name.as_slice() {
        b"maps" | b"smaps" => None,
        b"numa_maps" => Some(maps_of(dir)?),
        _ => Some(host_text(dir, b"smaps")?),
    };
    let layout = match &entry.owner {
        Owner::Other(dir) => other::layout(dir, maps.as_deref().unwrap_or(&host))?,
        _ => Layout::new(process),
    };
    let text = match (entry.name.as_slice(), maps) {
        (b"numa_maps", Some(maps)) => layout.numa(&host, &maps),
        (_, Some(smaps)) => layout.roll_up(&host, &smaps),
        (_, None) => {
            let mut text = layout.filter(&host);
            if entry.name == b"maps" && !matches!(entry.owner, Owner::Other(_)) {
                text.push_str(process.abi.exceptions.jumps_line);
            }
            text
        }
    };
    Some(text.into_bytes())
}

/// The host's `maps` of the process of `dir`.
fn maps_of(dir: &[u8]) -> Option<String> {
    host_text(dir, b"maps")
}

fn host_text(dir: &[u8], name: &[u8]) -> Option<String> {
    let text = raw::read_file(&[dir, b"/", name].concat()).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// All of a file, whose offset stays as it is.
fn read_all(fd: RawFd) -> Result<Vec<u8>, Errno> {
    let mut out = Vec::new();
    let mut chunk = vec![0; 65536];
    loop {
        match raw::pread(fd, &mut chunk, out.len() as u64) {
            Ok(0) => return Ok(out),
            Ok(len) => out.extend_from_slice(&chunk[..len]),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}
