//! Reading, which of some files of /proc gives the guest something else than the host.

use super::{Args, Result};
use crate::proc::{self, ReadFrom};
use crate::task::Task;
use sys::{Errno, raw};

/// What is read.
type Made = core::result::Result<Vec<u8>, Errno>;

/// `UIO_MAXIOV`.
const VECTORS_MAX: u64 = 1024;
/// `RWF_*` that do not change what is read.
const HARMLESS: u64 = 0xff;

/// Where `pread` and its like read.
fn at(offset: u64) -> core::result::Result<ReadFrom, Errno> {
    if offset > i64::MAX as u64 { Err(Errno::EINVAL) } else { Ok(ReadFrom::At(offset)) }
}

/// What is read of a view; None if `fd` is none.
fn view(task: &Task, fd: u64, from: ReadFrom, len: u64) -> Option<Made> {
    // Every read(2) comes here.
    if !task.process.views.any() {
        return None;
    }
    proc::read_view(task, fd as i32, from, len.min(i32::MAX as u64) as usize)
}

/// `read(2)`.
pub(super) fn read(task: &mut Task, args: Args) -> Result {
    let [fd, out, len, ..] = args;
    match view(task, fd, ReadFrom::Offset, len) {
        Some(made) => one(out, &made?),
        None => task.call(libc::SYS_read, args),
    }
}

/// `pread64(2)`.
pub(super) fn pread64(task: &mut Task, args: Args) -> Result {
    let [fd, out, len, offset, ..] = args;
    match view(task, fd, at(offset)?, len) {
        Some(made) => one(out, &made?),
        None => task.call(libc::SYS_pread64, args),
    }
}

fn one(out: u64, made: &[u8]) -> Result {
    ::memory::write(out, made)?;
    Ok(made.len() as u64)
}

/// `readv(2)`.
pub(super) fn readv(task: &mut Task, args: Args) -> Result {
    vectors(task, libc::SYS_readv, args, ReadFrom::Offset)
}

/// `preadv(2)`.
pub(super) fn preadv(task: &mut Task, args: Args) -> Result {
    let from = at(args[3])?;
    vectors(task, libc::SYS_preadv, args, from)
}

/// `preadv2(2)`.
pub(super) fn preadv2(task: &mut Task, args: Args) -> Result {
    let from = if args[3] == u64::MAX { ReadFrom::Offset } else { at(args[3])? };
    if args[5] & !HARMLESS != 0 {
        return task.call(libc::SYS_preadv2, args);
    }
    vectors(task, libc::SYS_preadv2, args, from)
}

fn vectors(task: &mut Task, nr: i64, args: Args, from: ReadFrom) -> Result {
    let [fd, list, count, ..] = args;
    if count > VECTORS_MAX || !task.process.views.has(fd as i32) {
        return task.call(nr, args);
    }
    let mut vectors = Vec::new();
    for n in 0..count {
        let entry = list + n * 16;
        vectors.push((::memory::read_u64(entry)?, ::memory::read_u64(entry + 8)?));
    }
    let len = vectors.iter().fold(0_u64, |sum, (_, len)| sum.saturating_add(*len));
    let Some(made) = view(task, fd, from, len) else { return task.call(nr, args) };
    let made = made?;
    let mut rest = &made[..];
    for (out, len) in vectors {
        let (part, after) = rest.split_at(rest.len().min(len as usize));
        ::memory::write(out, part)?;
        rest = after;
    }
    Ok(made.len() as u64)
}

/// `sendfile(2)`.
pub(super) fn sendfile(task: &mut Task, args: Args) -> Result {
    let [out, fd, offset, count, ..] = args;
    if !proc::may_splice(task.process, fd as i32) {
        return task.call(libc::SYS_sendfile, args);
    }
    send(task, fd, offset, out, count)
}

/// `splice(2)`.
pub(super) fn splice(task: &mut Task, args: Args) -> Result {
    let [fd, offset, out, out_offset, len, _] = args;
    if out_offset != 0 || !proc::may_splice(task.process, fd as i32) {
        return task.call(libc::SYS_splice, args);
    }
    send(task, fd, offset, out, len)
}

/// Writes what is read of a view, at `*offset` or, if that is 0, at its own offset, to `out`.
fn send(task: &mut Task, fd: u64, offset: u64, out: u64, len: u64) -> Result {
    let start = if offset != 0 {
        ::memory::read_u64(offset)?
    } else {
        raw::call(libc::SYS_lseek, [fd, 0, libc::SEEK_CUR as u64])?
    };
    let made = view(task, fd, at(start)?, len).unwrap_or(Err(Errno::EINVAL))?;
    if made.is_empty() {
        return Ok(0);
    }
    let args = [out, made.as_ptr() as u64, made.len() as u64, 0, 0, 0];
    let sent = task.call(libc::SYS_write, args)?;
    if offset != 0 {
        ::memory::write_u64(offset, start + sent)?;
    } else {
        raw::call(libc::SYS_lseek, [fd, start + sent, libc::SEEK_SET as u64])?;
    }
    Ok(sent)
}
