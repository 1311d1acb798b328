//! Descriptors of files of /proc whose content is made when they are read, as the kernel makes it.
//!
//! The guest has the host's descriptor, so that `fstat`, the link in `/proc/PID/fd` and who shares its
//! offset are right; only what is read of it is ours. A table says which descriptors these are. An
//! entry may be of a descriptor that was closed meanwhile: so the file is compared first. Duplicates,
//! what a program inherits, and what comes through a socket are entered as well.

use super::names;
use super::{content, read_all};
use crate::task::Task;
use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use sys::errno::Errno;
use sys::raw;

/// The descriptors of a process.
#[derive(Debug, Default)]
pub struct Views {
    any: AtomicBool,
    table: Mutex<BTreeMap<RawFd, View>>,
}

#[derive(Clone, Debug)]
struct View {
    /// Device and number of the file.
    file: (u64, u64),
    /// What was made when it was last read from the start.
    made: Vec<u8>,
}

/// Where something is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadFrom {
    /// From the descriptor's offset, which moves.
    Offset,
    /// From here.
    At(u64),
}

impl Views {
    /// Those that [`Views::inheritable`] told of.
    pub(crate) fn of_inherited(list: &[RawFd]) -> Self {
        let views = Self::default();
        list.iter().for_each(|&fd| views.enter(fd));
        views
    }

    /// Keeps the table consistent over a fork: hold the guard in the forking thread, drop it in
    /// parent and child.
    pub(crate) fn fork_guard(&self) -> impl Drop + '_ {
        self.table()
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<RawFd, View>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is any: nothing else costs other descriptors more than this.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// `fd` has just been opened, or inherited.
    pub(crate) fn enter(&self, fd: RawFd) {
        let Ok(stat) = raw::fstat(fd) else { return };
        let file = (stat.st_dev, stat.st_ino);
        self.table().insert(fd, View { file, made: Vec::new() });
        self.any.store(true, Ordering::Relaxed);
    }

    /// `new` is a duplicate of `old`.
    pub(crate) fn duplicated(&self, old: RawFd, new: RawFd) {
        if self.any() && self.has(old) {
            self.enter(new);
        }
    }

    /// Whether `fd` is one.
    pub(crate) fn has(&self, fd: RawFd) -> bool {
        self.any() && {
            let mut table = self.table();
            let file = table.get(&fd).map(|view| view.file);
            let same = |file| raw::fstat(fd).is_ok_and(|stat| (stat.st_dev, stat.st_ino) == file);
            let known = file.is_some_and(same);
            if file.is_some() && !known {
                table.remove(&fd);
            }
            known
        }
    }

    /// Those that a program executed now inherits.
    pub(crate) fn inheritable(&self) -> Vec<RawFd> {
        let all: Vec<RawFd> = self.table().keys().copied().collect();
        let stays = |fd: &RawFd| {
            self.has(*fd)
                && raw::fcntl(*fd, libc::F_GETFD, 0).is_ok_and(|f| f & libc::FD_CLOEXEC as u64 == 0)
        };
        all.into_iter().filter(stays).collect()
    }
}

/// What a read of at most `len` bytes of `fd` gives; None if it is no view.
///
/// # Errors
/// The kernel's: of a process that is gone, for example.
pub(crate) fn read(
    task: &Task,
    fd: RawFd,
    from: ReadFrom,
    len: usize,
) -> Option<Result<Vec<u8>, Errno>> {
    task.process.views.has(fd).then(|| read_view(task, fd, from, len))
}

fn read_view(task: &Task, fd: RawFd, from: ReadFrom, len: usize) -> Result<Vec<u8>, Errno> {
    let process = task.process;
    let offset = match from {
        ReadFrom::At(offset) => offset,
        ReadFrom::Offset => raw::call(libc::SYS_lseek, [fd as u64, 0, libc::SEEK_CUR as u64])?,
    };
    let Some(mut view) = process.views.table().get(&fd).cloned() else { return Err(Errno::EBADF) };
    if offset == 0 || view.made.is_empty() {
        let host = read_all(fd)?;
        // (Whose it is may be another answer than at the open: a fork is another process.)
        view.made = match names::entry(fd) {
            Some(entry) => content(task, &entry, host),
            None => host,
        };
    }
    let start = view.made.len().min(offset as usize);
    let out = view.made[start..view.made.len().min(start.saturating_add(len))].to_vec();
    if from == ReadFrom::Offset {
        let end = offset + out.len() as u64;
        raw::call(libc::SYS_lseek, [fd as u64, end, libc::SEEK_SET as u64])?;
    }
    if let Some(known) = process.views.table().get_mut(&fd) {
        known.made = view.made;
    }
    Ok(out)
}
