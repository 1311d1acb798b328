//! What the kernel does with the guest's memory when a thread ends.
//!
//! The kernel does this itself but for threads that end in the C library of the host
//! ([`crate::thread::TaskThread::by_library`]), which needs the word that the kernel clears: for them it is done here,
//! before. The guest may reuse their memory as soon as its futex was woken, so the kernel must not find the list
//! later.

use crate::task::Task;
use sys::raw;

const WAITERS: u32 = 0x8000_0000;
const OWNER_DIED: u32 = 0x4000_0000;
const TID_MASK: u32 = 0x3fff_ffff;
/// Longest list (`ROBUST_LIST_LIMIT`).
const LIMIT: usize = 2048;
/// `struct robust_list_head`.
const HEAD: u64 = 24;

/// Marks the robust futexes of the thread as ownerless and wakes who waits for its end.
pub(crate) fn end_of_thread(task: &mut Task) {
    let (head, _) = task.robust_list;
    if head != 0 {
        walk(task, head);
        let _ = raw::call(libc::SYS_set_robust_list, [0, HEAD]);
    }
    let at = core::mem::take(&mut task.clear_child_tid);
    if at != 0 && memory::write_u32(at, 0).is_ok() {
        raw::futex_wake(at, 1);
    }
}

/// kernel/futex/core.c `exit_robust_list`.
fn walk(task: &Task, head: u64) -> Option<()> {
    let next = memory::read_u64(head).ok()?;
    let offset = memory::read_u64(head + 8).ok()?;
    let pending = memory::read_u64(head + 16).ok()?;
    let mut entry = next;
    for _ in 0..LIMIT {
        if entry & !1 == head {
            break;
        }
        let next = memory::read_u64(entry & !1);
        if entry & !1 != pending & !1 {
            died(task.tid, (entry & !1).wrapping_add(offset), entry & 1 != 0, false);
        }
        entry = next.ok()?;
    }
    if pending & !1 != 0 {
        died(task.tid, (pending & !1).wrapping_add(offset), pending & 1 != 0, true);
    }
    Some(())
}

/// kernel/futex/core.c `handle_futex_death`.
fn died(tid: i32, at: u64, pi: bool, pending: bool) -> Option<()> {
    if !at.is_multiple_of(4) {
        return None;
    }
    loop {
        let old = memory::read_u32(at).ok()?;
        if pending && !pi && old == 0 {
            raw::futex_wake(at, 1);
            return Some(());
        }
        if old & TID_MASK != tid as u32 {
            return None;
        }
        let new = old & WAITERS | OWNER_DIED;
        let seen = memory::compare_exchange(at, 4, u64::from(old), u64::from(new)).ok()?;
        if seen == u64::from(old) {
            if !pi && old & WAITERS != 0 {
                raw::futex_wake(at, 1);
            }
            return Some(());
        }
    }
}
