//! `struct stat`, which every architecture has its own of.

use super::path::{read, resolve};
use super::{Args, Result};
use crate::abi::{Abi, StatLayout};
use crate::layout::{self, StatGeneric, StatWideNlink};
use crate::proc;
use crate::task::Task;
use ::memory::MemoryFault;
use std::ffi::CString;
use sys::{Errno, raw};

/// The guest's structure.
fn write(abi: &Abi, at: u64, stat: &libc::stat) -> core::result::Result<(), MemoryFault> {
    match abi.stat {
        StatLayout::Generic => layout::write(abi.model, at, generic(stat)),
        StatLayout::WideNlink => layout::write(abi.model, at, wide_nlink(stat)),
    }
}

/// The generic structure (asm-generic/stat.h).
fn generic(stat: &libc::stat) -> StatGeneric {
    StatGeneric {
        dev: stat.st_dev,
        ino: stat.st_ino,
        mode: stat.st_mode,
        nlink: stat.st_nlink as u32,
        uid: stat.st_uid,
        gid: stat.st_gid,
        rdev: stat.st_rdev,
        size: stat.st_size,
        blksize: stat.st_blksize as i32,
        blocks: stat.st_blocks,
        atime: stat.st_atime,
        atime_nsec: stat.st_atime_nsec as u64,
        mtime: stat.st_mtime,
        mtime_nsec: stat.st_mtime_nsec as u64,
        ctime: stat.st_ctime,
        ctime_nsec: stat.st_ctime_nsec as u64,
    }
}

/// The structure whose third field, `st_nlink`, is a word.
fn wide_nlink(stat: &libc::stat) -> StatWideNlink {
    // (The kernel has 32 bits for the number of links and for the size of blocks.)
    let StatGeneric { dev, ino, mode, nlink, uid, gid, rdev, size, blksize, blocks, .. } =
        generic(stat);
    StatWideNlink {
        dev,
        ino,
        nlink: nlink.into(),
        mode,
        uid,
        gid,
        rdev,
        size,
        blksize: blksize.into(),
        blocks,
        atime: stat.st_atime as u64,
        atime_nsec: stat.st_atime_nsec as u64,
        mtime: stat.st_mtime as u64,
        mtime_nsec: stat.st_mtime_nsec as u64,
        ctime: stat.st_ctime as u64,
        ctime_nsec: stat.st_ctime_nsec as u64,
    }
}

/// `newfstatat(2)`.
pub(super) fn newfstatat(task: &mut Task, args: Args) -> Result {
    let [dirfd, path, out, flags, ..] = args;
    let path = resolve(task, dirfd, path, flags & libc::AT_SYMLINK_NOFOLLOW as u64 == 0);
    let mut stat = raw::stat_at(dirfd, path.at(), flags)?;
    if flags & libc::AT_SYMLINK_NOFOLLOW as u64 == 0
        && task.process.is_own_file(&stat)
        && let Some(link) = proc::redirect_exe_links(task.process, dirfd as i32, &read(args[1])?)
    {
        stat = raw::fstatat(dirfd as i32, &link, 0)?;
    }
    write(task.process.abi, out, &stat)?;
    Ok(0)
}

/// `fstat(2)`.
pub(super) fn fstat(task: &mut Task, args: Args) -> Result {
    let stat = raw::fstat(args[0] as i32)?;
    write(task.process.abi, args[1], &stat)?;
    Ok(0)
}

/// `statx(2)`.
pub(super) fn statx(task: &mut Task, args: Args) -> Result {
    let [dirfd, path, flags, mask, out, _] = args;
    let path = resolve(task, dirfd, path, flags & libc::AT_SYMLINK_NOFOLLOW as u64 == 0);
    task.call(libc::SYS_statx, [dirfd, path.at(), flags, mask, out, 0])?;
    if flags & libc::AT_SYMLINK_NOFOLLOW as u64 == 0
        && task.process.is_own_id(statx_id(out)?)
        && let Some(link) = proc::redirect_exe_links(task.process, dirfd as i32, &read(args[1])?)
        && let Ok(link) = CString::new(link)
    {
        task.call(libc::SYS_statx, [dirfd, link.as_ptr() as u64, flags, mask, out, 0])?;
    }
    Ok(0)
}

/// Device and number in the `struct statx` at `out`.
fn statx_id(out: u64) -> core::result::Result<(u64, u64), Errno> {
    const INO: u64 = 32;
    const DEV: u64 = 136;
    let (major, minor) = (::memory::read_u32(out + DEV)?, ::memory::read_u32(out + DEV + 4)?);
    Ok((libc::makedev(major, minor), ::memory::read_u64(out + INO)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Model;

    #[test]
    fn the_layout_with_a_wide_nlink() {
        let stat = raw::fstatat(libc::AT_FDCWD, b"/proc/self/exe", 0).unwrap();
        let mut out = [0; 256];
        assert_eq!(layout::to_bytes(Model::LP64, wide_nlink(&stat), &mut out), 144);
        let word = |at: usize| u64::from_le_bytes(out[at..at + 8].try_into().unwrap());
        assert_eq!(
            (word(8), word(16), word(24) as u32),
            (stat.st_ino, stat.st_nlink, stat.st_mode)
        );
        assert_eq!(
            (word(48), word(56), word(88)),
            (stat.st_size as u64, stat.st_blksize as u64, stat.st_mtime as u64,)
        );
    }

    #[test]
    fn the_layout_is_the_generic_one() {
        let stat = raw::fstatat(libc::AT_FDCWD, b"/proc/self/exe", 0).unwrap();
        let mut out = [0; 256];
        assert_eq!(layout::to_bytes(Model::LP64, generic(&stat), &mut out), 128);
        let word = |at: usize| u32::from_le_bytes(out[at..at + 4].try_into().unwrap());
        assert_eq!((word(16), word(20)), (stat.st_mode, stat.st_nlink as u32));
        assert_eq!((word(24), word(28)), (stat.st_uid, stat.st_gid));
        assert_eq!(word(48), stat.st_size as u32);
        assert_eq!(word(56), stat.st_blksize as u32);
        assert_eq!(word(88), stat.st_mtime as u32);
    }
}
