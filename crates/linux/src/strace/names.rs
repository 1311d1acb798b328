//! Names of flags and constants; those of `open` with the host's values.

use std::fmt::Write;

/// A set of names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Set {
    /// Flags of `open`.
    Open,
    /// Protection.
    Prot,
    /// Flags of `mmap`.
    Map,
    /// Flags of `mremap`.
    Mremap,
    /// Advice.
    Madvise,
    /// Flags of `clone`.
    Clone,
    /// `AT_*`.
    At,
    /// Modes of `access`.
    Access,
    /// Operations of `futex`.
    Futex,
    /// Options of `wait4`.
    Wait,
    /// Commands of `fcntl`.
    Fcntl,
    /// Origins of `lseek`.
    Seek,
    /// Operations of `rt_sigprocmask`.
    Sigmask,
    /// Operations of `epoll_ctl`.
    EpollCtl,
    /// Operations of `flock`.
    Flock,
    /// Clocks.
    Clock,
    /// Address families.
    Af,
    /// Socket types.
    Sock,
    /// Flags of `sendmsg`.
    Msg,
    /// Flags of `eventfd2`.
    Efd,
    /// Resources.
    Rlimit,
    /// Options of `prctl`.
    Prctl,
    /// Requests of `ioctl`.
    Ioctl,
    /// Requests of `ptrace`.
    Ptrace,
}

type Names = &'static [(&'static str, u64)];

/// Flags of `open`.
const OPEN: [(&str, u64); 16] = [
    ("O_CREAT", libc::O_CREAT as u64),
    ("O_EXCL", libc::O_EXCL as u64),
    ("O_NOCTTY", libc::O_NOCTTY as u64),
    ("O_TRUNC", libc::O_TRUNC as u64),
    ("O_APPEND", libc::O_APPEND as u64),
    ("O_NONBLOCK", libc::O_NONBLOCK as u64),
    ("O_SYNC", libc::O_SYNC as u64),
    ("O_DSYNC", libc::O_DSYNC as u64),
    ("O_TMPFILE", libc::O_TMPFILE as u64),
    ("O_DIRECTORY", libc::O_DIRECTORY as u64),
    ("O_NOFOLLOW", libc::O_NOFOLLOW as u64),
    ("O_DIRECT", libc::O_DIRECT as u64),
    ("O_LARGEFILE", sys::arch::O_LARGEFILE),
    ("O_NOATIME", libc::O_NOATIME as u64),
    ("O_CLOEXEC", libc::O_CLOEXEC as u64),
    ("O_PATH", 0o10_000_000),
];

impl Set {
    /// Single bits, or values that may be combined.
    fn bits(self) -> Names {
        match self {
            Self::Open => &OPEN,
            Self::Prot => &[
                ("PROT_READ", 0x1),
                ("PROT_WRITE", 0x2),
                ("PROT_EXEC", 0x4),
                ("PROT_BTI", 0x10),
                ("PROT_GROWSDOWN", 0x1000000),
            ],
            Self::Map => &[
                ("MAP_SHARED_VALIDATE", 0x3),
                ("MAP_SHARED", 0x1),
                ("MAP_PRIVATE", 0x2),
                ("MAP_FIXED", 0x10),
                ("MAP_ANONYMOUS", 0x20),
                ("MAP_GROWSDOWN", 0x100),
                ("MAP_DENYWRITE", 0x800),
                ("MAP_LOCKED", 0x2000),
                ("MAP_NORESERVE", 0x4000),
                ("MAP_POPULATE", 0x8000),
                ("MAP_STACK", 0x20000),
                ("MAP_HUGETLB", 0x40000),
                ("MAP_FIXED_NOREPLACE", 0x100000),
            ],
            Self::Mremap => {
                &[("MREMAP_MAYMOVE", 0x1), ("MREMAP_FIXED", 0x2), ("MREMAP_DONTUNMAP", 0x4)]
            }
            Self::Clone => &[
                ("CLONE_VM", 0x100),
                ("CLONE_FS", 0x200),
                ("CLONE_FILES", 0x400),
                ("CLONE_SIGHAND", 0x800),
                ("CLONE_PIDFD", 0x1000),
                ("CLONE_PTRACE", 0x2000),
                ("CLONE_VFORK", 0x4000),
                ("CLONE_PARENT", 0x8000),
                ("CLONE_THREAD", 0x10000),
                ("CLONE_NEWNS", 0x20000),
                ("CLONE_SYSVSEM", 0x40000),
                ("CLONE_SETTLS", 0x80000),
                ("CLONE_PARENT_SETTID", 0x100000),
                ("CLONE_CHILD_CLEARTID", 0x200000),
                ("CLONE_DETACHED", 0x400000),
                ("CLONE_CHILD_SETTID", 0x1000000),
                ("CLONE_NEWCGROUP", 0x2000000),
                ("CLONE_NEWUTS", 0x4000000),
                ("CLONE_NEWIPC", 0x8000000),
                ("CLONE_NEWUSER", 0x10000000),
                ("CLONE_NEWPID", 0x20000000),
                ("CLONE_NEWNET", 0x40000000),
                ("CLONE_IO", 0x80000000),
            ],
            Self::At => &[
                ("AT_SYMLINK_NOFOLLOW", 0x100),
                ("AT_REMOVEDIR", 0x200),
                ("AT_SYMLINK_FOLLOW", 0x400),
                ("AT_NO_AUTOMOUNT", 0x800),
                ("AT_EMPTY_PATH", 0x1000),
            ],
            Self::Access => &[("R_OK", 0x4), ("W_OK", 0x2), ("X_OK", 0x1)],
            Self::Wait => &[
                ("WNOHANG", 0x1),
                ("WUNTRACED", 0x2),
                ("WEXITED", 0x4),
                ("WCONTINUED", 0x8),
                ("WNOWAIT", 0x1000000),
                ("__WNOTHREAD", 0x20000000),
                ("__WALL", 0x40000000),
                ("__WCLONE", 0x80000000),
            ],
            Self::Flock => {
                &[("LOCK_SH", 0x1), ("LOCK_EX", 0x2), ("LOCK_NB", 0x4), ("LOCK_UN", 0x8)]
            }
            Self::Sock => &[("SOCK_CLOEXEC", 0x80000), ("SOCK_NONBLOCK", 0x800)],
            Self::Msg => &[
                ("MSG_OOB", 0x1),
                ("MSG_PEEK", 0x2),
                ("MSG_DONTROUTE", 0x4),
                ("MSG_CTRUNC", 0x8),
                ("MSG_TRUNC", 0x20),
                ("MSG_DONTWAIT", 0x40),
                ("MSG_EOR", 0x80),
                ("MSG_WAITALL", 0x100),
                ("MSG_ERRQUEUE", 0x2000),
                ("MSG_NOSIGNAL", 0x4000),
                ("MSG_MORE", 0x8000),
                ("MSG_ZEROCOPY", 0x4000000),
                ("MSG_CMSG_CLOEXEC", 0x40000000),
            ],
            Self::Efd => {
                &[("EFD_SEMAPHORE", 0x1), ("EFD_NONBLOCK", 0x800), ("EFD_CLOEXEC", 0x80000)]
            }
            _ => &[],
        }
    }

    /// Values of which there is one.
    fn values(self) -> Names {
        match self {
            Self::Madvise => &[
                ("MADV_NORMAL", 0x0),
                ("MADV_RANDOM", 0x1),
                ("MADV_SEQUENTIAL", 0x2),
                ("MADV_WILLNEED", 0x3),
                ("MADV_DONTNEED", 0x4),
                ("MADV_FREE", 0x8),
                ("MADV_REMOVE", 0x9),
                ("MADV_DONTFORK", 0xa),
                ("MADV_DOFORK", 0xb),
                ("MADV_MERGEABLE", 0xc),
                ("MADV_HUGEPAGE", 0xe),
                ("MADV_NOHUGEPAGE", 0xf),
                ("MADV_DONTDUMP", 0x10),
                ("MADV_WIPEONFORK", 0x12),
                ("MADV_COLD", 0x14),
                ("MADV_PAGEOUT", 0x15),
                ("MADV_POPULATE_READ", 0x16),
                ("MADV_POPULATE_WRITE", 0x17),
                ("MADV_COLLAPSE", 0x19),
                ("MADV_GUARD_INSTALL", 0x66),
                ("MADV_GUARD_REMOVE", 0x67),
            ],
            Self::Futex => &[
                ("FUTEX_WAIT", 0x0),
                ("FUTEX_WAKE", 0x1),
                ("FUTEX_FD", 0x2),
                ("FUTEX_REQUEUE", 0x3),
                ("FUTEX_CMP_REQUEUE", 0x4),
                ("FUTEX_WAKE_OP", 0x5),
                ("FUTEX_LOCK_PI", 0x6),
                ("FUTEX_UNLOCK_PI", 0x7),
                ("FUTEX_TRYLOCK_PI", 0x8),
                ("FUTEX_WAIT_BITSET", 0x9),
                ("FUTEX_WAKE_BITSET", 0xa),
                ("FUTEX_WAIT_REQUEUE_PI", 0xb),
                ("FUTEX_CMP_REQUEUE_PI", 0xc),
                ("FUTEX_LOCK_PI2", 0xd),
            ],
            Self::Fcntl => &[
                ("F_DUPFD", 0x0),
                ("F_GETFD", 0x1),
                ("F_SETFD", 0x2),
                ("F_GETFL", 0x3),
                ("F_SETFL", 0x4),
                ("F_GETLK", 0x5),
                ("F_SETLK", 0x6),
                ("F_SETLKW", 0x7),
                ("F_SETOWN", 0x8),
                ("F_GETOWN", 0x9),
                ("F_SETSIG", 0xa),
                ("F_GETSIG", 0xb),
                ("F_SETOWN_EX", 0xf),
                ("F_GETOWN_EX", 0x10),
                ("F_OFD_GETLK", 0x24),
                ("F_OFD_SETLK", 0x25),
                ("F_OFD_SETLKW", 0x26),
                ("F_SETLEASE", 0x400),
                ("F_GETLEASE", 0x401),
                ("F_NOTIFY", 0x402),
                ("F_DUPFD_CLOEXEC", 0x406),
                ("F_SETPIPE_SZ", 0x407),
                ("F_GETPIPE_SZ", 0x408),
                ("F_ADD_SEALS", 0x409),
                ("F_GET_SEALS", 0x40a),
            ],
            Self::Seek => &[
                ("SEEK_SET", 0x0),
                ("SEEK_CUR", 0x1),
                ("SEEK_END", 0x2),
                ("SEEK_DATA", 0x3),
                ("SEEK_HOLE", 0x4),
            ],
            Self::Sigmask => &[("SIG_BLOCK", 0x0), ("SIG_UNBLOCK", 0x1), ("SIG_SETMASK", 0x2)],
            Self::EpollCtl => {
                &[("EPOLL_CTL_ADD", 0x1), ("EPOLL_CTL_DEL", 0x2), ("EPOLL_CTL_MOD", 0x3)]
            }
            Self::Clock => &[
                ("CLOCK_REALTIME", 0x0),
                ("CLOCK_MONOTONIC", 0x1),
                ("CLOCK_PROCESS_CPUTIME_ID", 0x2),
                ("CLOCK_THREAD_CPUTIME_ID", 0x3),
                ("CLOCK_MONOTONIC_RAW", 0x4),
                ("CLOCK_REALTIME_COARSE", 0x5),
                ("CLOCK_MONOTONIC_COARSE", 0x6),
                ("CLOCK_BOOTTIME", 0x7),
                ("CLOCK_REALTIME_ALARM", 0x8),
                ("CLOCK_BOOTTIME_ALARM", 0x9),
                ("CLOCK_TAI", 0xb),
            ],
            Self::Af => &[
                ("AF_UNSPEC", 0x0),
                ("AF_UNIX", 0x1),
                ("AF_INET", 0x2),
                ("AF_INET6", 0xa),
                ("AF_NETLINK", 0x10),
                ("AF_PACKET", 0x11),
                ("AF_ALG", 0x26),
                ("AF_VSOCK", 0x28),
            ],
            Self::Rlimit => &[
                ("RLIMIT_CPU", 0x0),
                ("RLIMIT_FSIZE", 0x1),
                ("RLIMIT_DATA", 0x2),
                ("RLIMIT_STACK", 0x3),
                ("RLIMIT_CORE", 0x4),
                ("RLIMIT_RSS", 0x5),
                ("RLIMIT_NPROC", 0x6),
                ("RLIMIT_NOFILE", 0x7),
                ("RLIMIT_MEMLOCK", 0x8),
                ("RLIMIT_AS", 0x9),
                ("RLIMIT_LOCKS", 0xa),
                ("RLIMIT_SIGPENDING", 0xb),
                ("RLIMIT_MSGQUEUE", 0xc),
                ("RLIMIT_NICE", 0xd),
                ("RLIMIT_RTPRIO", 0xe),
                ("RLIMIT_RTTIME", 0xf),
            ],
            Self::Prctl => &[
                ("PR_SET_PDEATHSIG", 0x1),
                ("PR_GET_PDEATHSIG", 0x2),
                ("PR_GET_DUMPABLE", 0x3),
                ("PR_SET_DUMPABLE", 0x4),
                ("PR_GET_KEEPCAPS", 0x7),
                ("PR_SET_KEEPCAPS", 0x8),
                ("PR_SET_NAME", 0xf),
                ("PR_GET_NAME", 0x10),
                ("PR_GET_SECCOMP", 0x15),
                ("PR_SET_SECCOMP", 0x16),
                ("PR_CAPBSET_READ", 0x17),
                ("PR_CAPBSET_DROP", 0x18),
                ("PR_GET_SECUREBITS", 0x1b),
                ("PR_SET_SECUREBITS", 0x1c),
                ("PR_SET_TIMERSLACK", 0x1d),
                ("PR_GET_TIMERSLACK", 0x1e),
                ("PR_SET_MM", 0x23),
                ("PR_SET_CHILD_SUBREAPER", 0x24),
                ("PR_GET_CHILD_SUBREAPER", 0x25),
                ("PR_SET_NO_NEW_PRIVS", 0x26),
                ("PR_GET_NO_NEW_PRIVS", 0x27),
                ("PR_GET_TID_ADDRESS", 0x28),
                ("PR_SET_THP_DISABLE", 0x29),
                ("PR_GET_THP_DISABLE", 0x2a),
                ("PR_CAP_AMBIENT", 0x2f),
                ("PR_SVE_SET_VL", 0x32),
                ("PR_SVE_GET_VL", 0x33),
                ("PR_GET_SPECULATION_CTRL", 0x34),
                ("PR_SET_SPECULATION_CTRL", 0x35),
                ("PR_PAC_RESET_KEYS", 0x36),
                ("PR_SET_TAGGED_ADDR_CTRL", 0x37),
                ("PR_GET_TAGGED_ADDR_CTRL", 0x38),
                ("PR_SET_VMA", 0x53564d41),
            ],
            Self::Ioctl => &[
                ("TCGETS", 0x5401),
                ("TCSETS", 0x5402),
                ("TCSETSW", 0x5403),
                ("TCSETSF", 0x5404),
                ("TIOCSCTTY", 0x540e),
                ("TIOCGPGRP", 0x540f),
                ("TIOCSPGRP", 0x5410),
                ("TIOCGWINSZ", 0x5413),
                ("TIOCSWINSZ", 0x5414),
                ("FIONREAD", 0x541b),
                ("FIONBIO", 0x5421),
                ("TIOCNOTTY", 0x5422),
                ("FIONCLEX", 0x5450),
                ("FIOCLEX", 0x5451),
                ("FICLONE", 0x40049409),
            ],
            Self::Ptrace => &[
                ("PTRACE_TRACEME", 0x0),
                ("PTRACE_PEEKTEXT", 0x1),
                ("PTRACE_PEEKDATA", 0x2),
                ("PTRACE_CONT", 0x7),
                ("PTRACE_KILL", 0x8),
                ("PTRACE_SINGLESTEP", 0x9),
                ("PTRACE_ATTACH", 0x10),
                ("PTRACE_DETACH", 0x11),
                ("PTRACE_SYSCALL", 0x18),
                ("PTRACE_SETOPTIONS", 0x4200),
                ("PTRACE_GETREGSET", 0x4204),
                ("PTRACE_SEIZE", 0x4206),
            ],
            Self::Open => &[("O_RDONLY", 0), ("O_WRONLY", 1), ("O_RDWR", 2), ("O_ACCMODE", 3)],
            Self::Sock => {
                &[("SOCK_STREAM", 1), ("SOCK_DGRAM", 2), ("SOCK_RAW", 3), ("SOCK_SEQPACKET", 5)]
            }
            _ => &[],
        }
    }

    /// Which bits of the argument hold one of `values`.
    fn value_mask(self) -> u64 {
        match self {
            Self::Open => 3,
            Self::Sock => 0xf,
            Self::Futex => 0x7f,
            _ if self.bits().is_empty() => 0xffff_ffff,
            _ => 0,
        }
    }

    /// Appends `value` in words.
    pub(crate) fn text(self, out: &mut String, value: u64) {
        let mask = self.value_mask();
        let mut rest = value & 0xffff_ffff & !mask;
        let start = out.len();
        if mask != 0 {
            match self.values().iter().find(|(_, v)| *v == value & mask) {
                Some((name, _)) => out.push_str(name),
                None => write!(out, "{:#x}", value & mask).unwrap_or_default(),
            }
        }
        let add = |out: &mut String, text: &str| {
            if out.len() > start {
                out.push('|');
            }
            out.push_str(text);
        };
        for &(name, bits) in self.bits() {
            if rest & bits == bits {
                rest &= !bits;
                add(out, name);
            }
        }
        match self {
            Self::Futex => {
                if rest & 0x80 != 0 {
                    add(out, "FUTEX_PRIVATE_FLAG");
                }
                if rest & 0x100 != 0 {
                    add(out, "FUTEX_CLOCK_REALTIME");
                }
                rest &= !0x180;
            }
            Self::Clone if rest & 0xff != 0 => {
                add(out, &super::signal_name(rest as i32 & 0xff));
                rest &= !0xff;
            }
            _ => {}
        }
        if rest != 0 {
            add(out, &format!("{rest:#x}"));
        }
        if out.len() == start {
            out.push_str(if self == Self::Prot { "PROT_NONE" } else { "0" });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Set;

    fn text(set: Set, value: u64) -> String {
        let mut out = String::new();
        set.text(&mut out, value);
        out
    }

    #[test]
    fn flags_have_names() {
        assert_eq!(text(Set::Open, 0o2_000_000), "O_RDONLY|O_CLOEXEC");
        assert_eq!(text(Set::Open, 0o200_102), "O_RDWR|O_CREAT|O_DIRECTORY");
        assert_eq!(text(Set::Prot, 0), "PROT_NONE");
        assert_eq!(text(Set::Map, 0x22), "MAP_PRIVATE|MAP_ANONYMOUS");
        assert_eq!(text(Set::Futex, 0x81), "FUTEX_WAKE|FUTEX_PRIVATE_FLAG");
        assert_eq!(text(Set::Clone, 0x4111), "CLONE_VM|CLONE_VFORK|SIGCHLD");
        assert_eq!(text(Set::Fcntl, 99), "0x63");
        assert_eq!(text(Set::Sock, 0o2_000_001), "SOCK_STREAM|SOCK_CLOEXEC");
    }
}
