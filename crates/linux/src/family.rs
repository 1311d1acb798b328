//! Which processes share translations (`engine::Family`): those that a process has forked and that
//! execute programs through us, as long as their credentials, namespaces and filters are the same.
//!
//! Who is in the family can run code in all of it, which is what `ptrace` allows to processes of the
//! same user. So a process leaves before it changes any of that, and its children found another one;
//! and a program that got privileges by being executed joins none.

use crate::options::Options;
use crate::process;
use crate::task::Task;
use engine::{Engine, Family};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use sys::{auxv, raw};

/// The family of a process with these identifiers that runs programs of `machine`. That the translator is the same is certain: it
/// executes its own file. How it translates also depends on `--dump`.
fn family(machine: &str, options: &Options, ids: [u64; 4]) -> Family {
    let hash = |bytes: &[u8]| {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        })
    };
    let [uid, euid, gid, egid] = ids;
    let version = hash(env!("CARGO_PKG_VERSION").as_bytes());
    let cpu = hash(options.model(machine).unwrap_or_default());
    let machine = hash(machine.as_bytes());
    let dump = hash(options.dump.as_deref().unwrap_or_default());
    [version, cpu, uid, euid, gid, egid, dump, machine]
}

/// Founds a family if there is none: before a fork.
pub(crate) fn found(task: &Task) {
    let process = task.process;
    let engine = process.engine;
    if process.options.alone || task.thread.borrowed || engine.share_fd().is_some() {
        return;
    }
    let id = |nr| raw::call(nr, []).unwrap_or(u64::MAX);
    let ids = [libc::SYS_getuid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getegid].map(id);
    engine.found_share(&family(process.abi.machine, &process.options, ids), place);
}

/// Puts the descriptor where the guest has none.
fn place(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    process::place(fd.as_raw_fd()).map_err(|e| io::Error::from_raw_os_error(e.0))
}

/// Joins the family of the process that executed this one.
pub(crate) fn join(engine: &Engine, machine: &str, options: &Options, file: OwnedFd) {
    if options.alone || auxv::get(libc::AT_SECURE) != Some(0) {
        return;
    }
    let id = |kind| auxv::get(kind).unwrap_or(u64::MAX);
    let ids = [libc::AT_UID, libc::AT_EUID, libc::AT_GID, libc::AT_EGID].map(id);
    engine.join_share(file, &family(machine, options, ids));
}

/// Leaves the family. A process in its parent's memory has no engine of its own: it only keeps what
/// it executes from joining.
pub(crate) fn leave(task: &mut Task) {
    if task.thread.borrowed {
        task.thread.estranged = true;
    } else {
        task.process.engine.leave_share();
    }
}

/// The descriptor that a program executed by `task` is to inherit.
pub(crate) fn inheritance(task: &Task) -> Option<RawFd> {
    task.process.engine.share_fd().filter(|_| !task.thread.estranged)
}

/// Leaves the family if the host's call `nr` changes what its members have in common.
pub(crate) fn before_call(task: &mut Task, nr: i64) {
    if task.process.engine.share_fd().is_some() && separates(nr) {
        leave(task);
    }
}

fn separates(nr: i64) -> bool {
    const LSM_SET_SELF_ATTR: i64 = 460;
    matches!(
        nr,
        libc::SYS_setuid
            | libc::SYS_setgid
            | libc::SYS_setreuid
            | libc::SYS_setregid
            | libc::SYS_setresuid
            | libc::SYS_setresgid
            | libc::SYS_setfsuid
            | libc::SYS_setfsgid
            | libc::SYS_setgroups
            | libc::SYS_capset
            | libc::SYS_chroot
            | libc::SYS_pivot_root
            | libc::SYS_setns
            | libc::SYS_unshare
            | libc::SYS_landlock_restrict_self
            | LSM_SET_SELF_ATTR
    )
}

/// Leaves the family if `prctl(option)` changes what its members have in common.
pub(crate) fn before_prctl(task: &mut Task, option: i32) {
    let separates = matches!(
        option,
        libc::PR_SET_NO_NEW_PRIVS
            | libc::PR_SET_SECCOMP
            | libc::PR_CAPBSET_DROP
            | libc::PR_SET_SECUREBITS
            | libc::PR_SET_DUMPABLE
            | libc::PR_CAP_AMBIENT
    );
    if separates {
        leave(task);
    }
}
