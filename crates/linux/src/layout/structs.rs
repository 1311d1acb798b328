//! Generated from isa/linux.structs by `cargo xtask codegen`: structures of system calls.

use super::{Cursor, Struct};

/// `struct timespec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timespec {
    pub(crate) sec: i64,
    pub(crate) nsec: i64,
}

impl Struct for Timespec {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.signed_word(&mut self.sec);
        cursor.signed_word(&mut self.nsec);
    }
}

/// `struct sigset_argument`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SigsetArgument {
    pub(crate) at: u64,
    pub(crate) size: u64,
}

impl Struct for SigsetArgument {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.at);
        cursor.word(&mut self.size);
    }
}

/// `struct sigaction`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sigaction {
    pub(crate) handler: u64,
    pub(crate) flags: u64,
    pub(crate) mask: u64,
}

impl Struct for Sigaction {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.handler);
        cursor.word(&mut self.flags);
        cursor.number(&mut self.mask);
    }
}

/// `struct sigaction_restorer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SigactionRestorer {
    pub(crate) handler: u64,
    pub(crate) flags: u64,
    pub(crate) restorer: u64,
    pub(crate) mask: u64,
}

impl Struct for SigactionRestorer {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.handler);
        cursor.word(&mut self.flags);
        cursor.word(&mut self.restorer);
        cursor.number(&mut self.mask);
    }
}

/// `struct stack_t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StackT {
    pub(crate) start: u64,
    pub(crate) flags: i32,
    pub(crate) len: u64,
}

impl Struct for StackT {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.start);
        cursor.number(&mut self.flags);
        cursor.word(&mut self.len);
    }
}

/// `struct epoll_event`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EpollEvent {
    pub(crate) events: u32,
    pub(crate) data: u64,
}

impl Struct for EpollEvent {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.events);
        cursor.number(&mut self.data);
    }
}

/// `struct clone_args`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CloneArgs {
    pub(crate) flags: u64,
    pub(crate) pidfd: u64,
    pub(crate) child_tid: u64,
    pub(crate) parent_tid: u64,
    pub(crate) exit_signal: u64,
    pub(crate) stack: u64,
    pub(crate) stack_size: u64,
    pub(crate) tls: u64,
    pub(crate) set_tid: u64,
    pub(crate) set_tid_size: u64,
    pub(crate) cgroup: u64,
}

impl Struct for CloneArgs {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.flags);
        cursor.number(&mut self.pidfd);
        cursor.number(&mut self.child_tid);
        cursor.number(&mut self.parent_tid);
        cursor.number(&mut self.exit_signal);
        cursor.number(&mut self.stack);
        cursor.number(&mut self.stack_size);
        cursor.number(&mut self.tls);
        cursor.number(&mut self.set_tid);
        cursor.number(&mut self.set_tid_size);
        cursor.number(&mut self.cgroup);
    }
}

/// `struct semid_ds`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SemidDs {
    pub(crate) perm: [u64; 6],
    pub(crate) otime: i64,
    pub(crate) ctime: i64,
    pub(crate) nsems: u64,
}

impl Struct for SemidDs {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        self.perm.iter_mut().for_each(|part| cursor.number(part));
        cursor.signed_word(&mut self.otime);
        cursor.signed_word(&mut self.ctime);
        cursor.word(&mut self.nsems);
        cursor.word(&mut { 0_u64 });
        cursor.word(&mut { 0_u64 });
    }
}

/// `struct stat_generic`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatGeneric {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) mode: u32,
    pub(crate) nlink: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) rdev: u64,
    pub(crate) size: i64,
    pub(crate) blksize: i32,
    pub(crate) blocks: i64,
    pub(crate) atime: i64,
    pub(crate) atime_nsec: u64,
    pub(crate) mtime: i64,
    pub(crate) mtime_nsec: u64,
    pub(crate) ctime: i64,
    pub(crate) ctime_nsec: u64,
}

impl Struct for StatGeneric {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.dev);
        cursor.word(&mut self.ino);
        cursor.number(&mut self.mode);
        cursor.number(&mut self.nlink);
        cursor.number(&mut self.uid);
        cursor.number(&mut self.gid);
        cursor.number(&mut self.rdev);
        cursor.word(&mut { 0_u64 });
        cursor.number(&mut self.size);
        cursor.number(&mut self.blksize);
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut self.blocks);
        cursor.signed_word(&mut self.atime);
        cursor.word(&mut self.atime_nsec);
        cursor.signed_word(&mut self.mtime);
        cursor.word(&mut self.mtime_nsec);
        cursor.signed_word(&mut self.ctime);
        cursor.word(&mut self.ctime_nsec);
        cursor.number(&mut { 0_u32 });
        cursor.number(&mut { 0_u32 });
    }
}

/// `struct stat_s390x`.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatS390x {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) nlink: u64,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) rdev: u64,
    pub(crate) size: u64,
    pub(crate) atime: i64,
    pub(crate) atime_nsec: u64,
    pub(crate) mtime: i64,
    pub(crate) mtime_nsec: u64,
    pub(crate) ctime: i64,
    pub(crate) ctime_nsec: u64,
    pub(crate) blksize: u64,
    pub(crate) blocks: i64,
}

#[cfg(test)]
impl Struct for StatS390x {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.dev);
        cursor.number(&mut self.ino);
        cursor.number(&mut self.nlink);
        cursor.number(&mut self.mode);
        cursor.number(&mut self.uid);
        cursor.number(&mut self.gid);
        cursor.number(&mut { 0_u32 });
        cursor.number(&mut self.rdev);
        cursor.number(&mut self.size);
        cursor.signed_word(&mut self.atime);
        cursor.word(&mut self.atime_nsec);
        cursor.signed_word(&mut self.mtime);
        cursor.word(&mut self.mtime_nsec);
        cursor.signed_word(&mut self.ctime);
        cursor.word(&mut self.ctime_nsec);
        cursor.word(&mut self.blksize);
        cursor.signed_word(&mut self.blocks);
        cursor.word(&mut { 0_u64 });
        cursor.word(&mut { 0_u64 });
        cursor.word(&mut { 0_u64 });
    }
}

/// `struct stat_64_on_32`.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stat64On32 {
    pub(crate) dev: u64,
    pub(crate) short_ino: u64,
    pub(crate) mode: u32,
    pub(crate) nlink: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) rdev: u64,
    pub(crate) size: i64,
    pub(crate) blksize: u64,
    pub(crate) blocks: u64,
    pub(crate) atime: u64,
    pub(crate) atime_nsec: u64,
    pub(crate) mtime: u64,
    pub(crate) mtime_nsec: u64,
    pub(crate) ctime: u64,
    pub(crate) ctime_nsec: u64,
    pub(crate) ino: u64,
}

#[cfg(test)]
impl Struct for Stat64On32 {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.dev);
        cursor.number(&mut { 0_u32 });
        cursor.word(&mut self.short_ino);
        cursor.number(&mut self.mode);
        cursor.number(&mut self.nlink);
        cursor.word(&mut self.uid);
        cursor.word(&mut self.gid);
        cursor.number(&mut self.rdev);
        cursor.number(&mut { 0_u32 });
        cursor.number(&mut self.size);
        cursor.word(&mut self.blksize);
        cursor.number(&mut self.blocks);
        cursor.word(&mut self.atime);
        cursor.word(&mut self.atime_nsec);
        cursor.word(&mut self.mtime);
        cursor.word(&mut self.mtime_nsec);
        cursor.word(&mut self.ctime);
        cursor.word(&mut self.ctime_nsec);
        cursor.number(&mut self.ino);
    }
}

/// `struct msghdr`.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Msghdr {
    pub(crate) name: u64,
    pub(crate) namelen: i32,
    pub(crate) iov: u64,
    pub(crate) iovlen: u64,
    pub(crate) control: u64,
    pub(crate) controllen: u64,
    pub(crate) flags: u32,
}

#[cfg(test)]
impl Struct for Msghdr {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.name);
        cursor.number(&mut self.namelen);
        cursor.word(&mut self.iov);
        cursor.word(&mut self.iovlen);
        cursor.word(&mut self.control);
        cursor.word(&mut self.controllen);
        cursor.number(&mut self.flags);
    }
}

/// `struct siginfo_child`.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SiginfoChild {
    pub(crate) signo: i32,
    pub(crate) errno: i32,
    pub(crate) code: i32,
    pub(crate) pid: i32,
    pub(crate) uid: u32,
    pub(crate) status: i32,
    pub(crate) utime: i64,
    pub(crate) stime: i64,
}

#[cfg(test)]
impl Struct for SiginfoChild {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.signo);
        cursor.number(&mut self.errno);
        cursor.number(&mut self.code);
        cursor.align_word();
        cursor.number(&mut self.pid);
        cursor.number(&mut self.uid);
        cursor.number(&mut self.status);
        cursor.signed_word(&mut self.utime);
        cursor.signed_word(&mut self.stime);
    }
}
