//! Host threads for guest threads.
//!
//! Our own code needs a stack and the C library's thread-local storage. A [`Block`] is both: what the
//! C library made for a thread of its own. A guest thread that ends leaves its block behind, and the
//! next one is started on it by the kernel alone, in one system call and with exactly the flags that
//! the guest gave. Only where no block is free is the C library asked for a thread.
//!
//! The C library therefore never learns that one of these threads ended. It must not: it would free
//! the block, and it stops locking once it believes that there is one thread left. But it goes through
//! its list of threads at every fork, so no more than [`KEPT`] blocks are kept: further threads are
//! the C library's from beginning to end.

#![expect(unsafe_code, reason = "starts threads by the C library and by the kernel")]

use crate::arch;
use crate::errno::Errno;
use crate::process::{CloneArgs, exit_thread, spawn_on_stack};
use crate::raw;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

/// Bytes of stack: the translator and the calls' emulation run on it, the guest has its own.
const STACK: usize = 512 << 10;
/// How much of it the kernel is told of.
const STACK_PART: u64 = 64 << 10;

/// How many blocks there are at most, as far as other threads can take their place.
const KEPT: u32 = 32;

/// The flags of threads as the C library makes them.
const LIBRARY_FLAGS: i32 = libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SYSVSEM;
/// Flags that can be made good later, in the thread.
const SET_LATER: i32 = libc::CLONE_SETTLS
    | libc::CLONE_PARENT_SETTID
    | libc::CLONE_CHILD_SETTID
    | libc::CLONE_CHILD_CLEARTID
    | libc::CLONE_DETACHED;

/// A stack and thread-local storage. It is never freed.
#[derive(Debug)]
#[repr(C)]
pub struct Block {
    /// The next one in the list of free blocks.
    next: AtomicPtr<Self>,
    /// The thread pointer.
    storage: u64,
    /// Where the stack starts (its highest address).
    top: u64,
    /// Non-zero while a process that [`start_process`] made uses it: the kernel clears this.
    lent: AtomicU32,
}

/// The blocks that are free. Threads put theirs here with their last instructions.
static FREE: AtomicPtr<Block> = AtomicPtr::new(null_mut());
/// How many blocks there are.
static BLOCKS: AtomicU32 = AtomicU32::new(0);
/// The C library has made a thread in this process of which it will not see the end, so it locks what threads share.
static COUNTED: AtomicBool = AtomicBool::new(false);
/// Blocks that processes use. (Only tried to be locked: after a fork it may stay locked for ever.)
static LENT: Mutex<Vec<&'static Block>> = Mutex::new(Vec::new());

/// In the child of a fork by the C library: it believes that there is one thread.
pub(crate) fn forked() {
    COUNTED.store(false, Ordering::Relaxed);
    // Those of other threads are lost.
    let mut next = FREE.load(Ordering::Acquire);
    let mut count = 0;
    // SAFETY: blocks are never freed.
    while let Some(block) = unsafe { next.as_ref() } {
        count += 1;
        next = block.next.load(Ordering::Relaxed);
    }
    BLOCKS.store(count, Ordering::Relaxed);
}

impl Block {
    /// One whose storage is that of the calling thread and whose stack starts at `top`.
    fn of_this_thread(top: u64, lent: u32) -> &'static Self {
        BLOCKS.fetch_add(1, Ordering::Relaxed);
        Box::leak(Box::new(Self {
            next: AtomicPtr::new(null_mut()),
            storage: arch::thread_pointer(),
            top: top & !63,
            lent: AtomicU32::new(lent),
        }))
    }

    /// Where the thread that runs on this block has the thread-local variable which the calling
    /// thread has at `here`.
    pub fn local<T>(&self, here: *const T) -> *mut T {
        let offset = (here as u64).wrapping_sub(arch::thread_pointer());
        self.storage.wrapping_add(offset) as *mut T
    }

    /// A free block, if there is one that the C library's locks allow to be used.
    fn take() -> Option<&'static Self> {
        if !COUNTED.load(Ordering::Relaxed) {
            return None;
        }
        // All are taken and all but one put back: so nobody sees a block that comes and goes.
        let all = FREE.swap(null_mut(), Ordering::Acquire);
        // SAFETY: blocks are never freed, and this list is now the caller's alone.
        let Some(block) = (unsafe { all.as_ref() }) else { return Self::take_lent() };
        let mut rest = block.next.swap(null_mut(), Ordering::Relaxed);
        while !rest.is_null()
            && FREE
                .compare_exchange(null_mut(), rest, Ordering::Release, Ordering::Relaxed)
                .is_err()
        {
            // Other threads have ended since.
            let more = FREE.swap(null_mut(), Ordering::Acquire);
            rest = append(more, rest);
        }
        Some(block)
    }

    /// One whose process is gone.
    fn take_lent() -> Option<&'static Self> {
        let mut lent = LENT.try_lock().ok()?;
        let at = lent.iter().position(|block| block.lent.load(Ordering::Acquire) == 0)?;
        Some(lent.swap_remove(at))
    }

    /// Puts it back.
    fn give(&'static self) {
        let mut head = FREE.load(Ordering::Relaxed);
        loop {
            self.next.store(head, Ordering::Relaxed);
            let this = core::ptr::from_ref(self).cast_mut();
            match FREE.compare_exchange_weak(head, this, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// A new one: that of a thread which has ended, and of which nothing can be seen any more.
    fn new() -> Result<&'static Self, Errno> {
        let (sender, receiver) = channel();
        by_library(Box::new(move |top| {
            let block = Self::of_this_thread(top, 1);
            // Not the C library's word, which is a lock of all threads.
            let _ = raw::call(libc::SYS_set_tid_address, [block.lent.as_ptr() as u64]);
            let _ = sender.send((block, raw::gettid()));
            drop(sender);
            exit_thread(0)
        }))?;
        let (block, tid) = receiver.recv().map_err(|_| Errno::EAGAIN)?;
        COUNTED.store(true, Ordering::Relaxed);
        while block.lent.load(Ordering::Acquire) != 0 {
            let at = block.lent.as_ptr() as u64;
            let _ = raw::call(libc::SYS_futex, [at, libc::FUTEX_WAIT as u64, 1, 0]);
        }
        while raw::tgkill(tid, 0) != Err(Errno::ESRCH) {
            std::thread::yield_now();
        }
        Ok(block)
    }

    fn args(&self, request: &CloneArgs) -> CloneArgs {
        CloneArgs {
            flags: request.flags | libc::CLONE_SETTLS as u64,
            stack: self.top - STACK_PART,
            stack_size: STACK_PART,
            tls: self.storage,
            ..*request
        }
    }
}

/// The list `more` with `rest` at its end.
fn append(more: *mut Block, rest: *mut Block) -> *mut Block {
    if more.is_null() {
        return rest;
    }
    let mut last = more;
    loop {
        // SAFETY: blocks are never freed; both lists are the caller's.
        let next = unsafe { &(*last).next };
        let after = next.load(Ordering::Relaxed);
        if after.is_null() {
            next.store(rest, Ordering::Relaxed);
            return more;
        }
        last = after;
    }
}

/// How a thread was started.
#[derive(Debug)]
pub enum Started {
    /// With the flags that were asked for.
    ByKernel,
    /// By the C library: the thread is to see to ids and thread pointer of the guest, and then to
    /// say that it is ready. All signals are blocked.
    ByLibrary(Ready),
}

/// What a thread does; it gives the exit code. When it returns all signals must be blocked.
pub type Body = Box<dyn FnOnce(Started) -> i32 + Send>;

/// Starts a thread with `body`; gives its number. `prepare` gets the block that it will run on,
/// unless the C library starts it.
///
/// # Errors
/// The kernel's. `body` has been dropped then.
pub fn start(request: &CloneArgs, prepare: impl FnOnce(&Block), body: Body) -> Result<i32, Errno> {
    let block = match Block::take() {
        Some(block) => block,
        None if request.flags & !(SET_LATER as u64) == LIBRARY_FLAGS as u64 => {
            return start_by_library(body);
        }
        None => Block::new()?,
    };
    prepare(block);
    let payload = Box::into_raw(Box::new((block, body)));
    let result = spawn_on_stack(&block.args(request), enter, payload.cast());
    if result.is_err() {
        // SAFETY: it comes from a box, and no thread has got it.
        drop(unsafe { Box::from_raw(payload) });
        block.give();
    }
    result
}

extern "C" fn enter(payload: *mut c_void) -> ! {
    // SAFETY: `start` has made it of a box, for this thread alone.
    let payload = unsafe { Box::from_raw(payload.cast::<(&'static Block, Body)>()) };
    let (block, body) = *payload;
    let code = body(Started::ByKernel);
    end(block, code)
}

/// Ends the thread and leaves its block to others.
fn end(block: &'static Block, code: i32) -> ! {
    // SAFETY: the list is one of blocks, whose first word is the next one's address; the thread
    // is in its block's stack, and from the moment that others can take it uses only registers. No
    // signal needs the stack, because all are blocked.
    unsafe { arch::end_thread(FREE.as_ptr().cast(), (&raw const *block).cast_mut().cast(), code) }
}

/// Starts a process that shares the memory and runs at the same time, on a block; `body` must end
/// it. Where the caller has not given an address that the kernel is to clear (`CLONE_CHILD_CLEARTID`),
/// the block is used again when the process has ended or executed another program.
///
/// # Errors
/// The kernel's.
pub fn start_process(
    request: &CloneArgs,
    prepare: impl FnOnce(&Block),
    body: Box<dyn FnOnce() + Send>,
) -> Result<i32, Errno> {
    const CLEARTID: u64 = libc::CLONE_CHILD_CLEARTID as u64;
    extern "C" fn enter(body: *mut c_void) -> ! {
        // SAFETY: made of a box below, for this process alone.
        let body = unsafe { Box::from_raw(body.cast::<Box<dyn FnOnce() + Send>>()) };
        body();
        exit_thread(0)
    }
    let block = match Block::take() {
        Some(block) => block,
        None => Block::new()?,
    };
    prepare(block);
    let mut args = block.args(request);
    args.flags |= libc::CLONE_VM as u64;
    let returns = request.flags & CLEARTID == 0;
    if returns {
        args.flags |= CLEARTID;
        args.child_tid = block.lent.as_ptr() as u64;
        block.lent.store(1, Ordering::Relaxed);
    }
    let body = Box::into_raw(Box::new(body));
    let result = spawn_on_stack(&args, enter, body.cast());
    if result.is_err() {
        // SAFETY: it comes from a box, and no process has got it.
        drop(unsafe { Box::from_raw(body) });
        block.give();
    } else if returns && let Ok(mut lent) = LENT.try_lock() {
        lent.push(block);
    }
    result
}

/// The new thread's means to say that it is ready.
#[derive(Debug)]
pub struct Ready {
    starter: Sender<i32>,
    kept: bool,
}

impl Ready {
    /// Whether the thread ends by the kernel alone. Otherwise the C library needs the word that the kernel clears at
    /// the end of the thread.
    pub fn is_kept(&self) -> bool {
        self.kept
    }
    /// Tells the thread's id to the one that started it.
    pub fn ready(self, tid: i32) {
        // The other end waits for this.
        let _ = self.starter.send(tid);
    }
}

fn start_by_library(body: Body) -> Result<i32, Errno> {
    let (sender, receiver) = channel();
    let kept = !COUNTED.load(Ordering::Relaxed) || BLOCKS.load(Ordering::Relaxed) < KEPT;
    by_library(Box::new(move |top| {
        let started = Started::ByLibrary(Ready { starter: sender, kept });
        if kept {
            let block = Block::of_this_thread(top, 0);
            let code = body(started);
            end(block, code)
        }
        body(started);
    }))?;
    // If the thread ended without being ready, there is no thread.
    let tid = receiver.recv().map_err(|_| Errno::EAGAIN)?;
    if kept {
        COUNTED.store(true, Ordering::Relaxed);
    }
    Ok(tid)
}

/// What a thread of the C library does, given where its stack starts.
type LibraryBody = Box<dyn FnOnce(u64) + Send>;

/// Starts a thread that nobody waits for, with all signals blocked. Not by `std::thread`: that takes
/// a lock whenever a thread starts or ends, and in the child of a fork at that moment nobody would
/// ever release it. The C library puts its own in order.
fn by_library(body: LibraryBody) -> Result<(), Errno> {
    let body = Box::into_raw(Box::new(body));
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    let mask = raw::sigmask(u64::MAX);
    // SAFETY: the attributes are initialised before they are used; `enter_library` gets what it
    // expects.
    let error = unsafe {
        let attributes = attributes.as_mut_ptr();
        match libc::pthread_attr_init(attributes) {
            0 => {
                libc::pthread_attr_setstacksize(attributes, STACK);
                libc::pthread_attr_setdetachstate(attributes, libc::PTHREAD_CREATE_DETACHED);
                let error = libc::pthread_create(
                    thread.as_mut_ptr(),
                    attributes,
                    enter_library,
                    body.cast(),
                );
                libc::pthread_attr_destroy(attributes);
                error
            }
            error => error,
        }
    };
    raw::sigmask(mask);
    if error == 0 {
        return Ok(());
    }
    // SAFETY: it comes from a box, and no thread has got it.
    drop(unsafe { Box::from_raw(body) });
    Err(Errno::EAGAIN)
}

extern "C" fn enter_library(body: *mut c_void) -> *mut c_void {
    // SAFETY: `by_library` has made it of a box, for this thread alone.
    let body = unsafe { Box::from_raw(body.cast::<LibraryBody>()) };
    let here = 0_u64;
    body(&raw const here as u64);
    null_mut()
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicU64;

    const FLAGS: u64 = LIBRARY_FLAGS as u64;

    fn number(started: Started) -> i32 {
        if let Started::ByLibrary(ready) = started {
            ready.ready(raw::gettid());
        }
        raw::sigmask(u64::MAX);
        0
    }

    #[test]
    fn blocks_are_used_again() {
        static STORAGE: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
        for storage in &STORAGE {
            let tid = AtomicU32::new(1);
            let flags = FLAGS | (libc::CLONE_PARENT_SETTID | libc::CLONE_CHILD_CLEARTID) as u64;
            let at = tid.as_ptr() as u64;
            let request =
                CloneArgs { flags, parent_tid: at, child_tid: at, ..CloneArgs::default() };
            let body: Body = Box::new(move |started| {
                storage.store(arch::thread_pointer(), Ordering::SeqCst);
                if matches!(started, Started::ByLibrary(_)) {
                    let _ = raw::call(libc::SYS_set_tid_address, [at]);
                }
                number(started)
            });
            let started = start(&request, |_| {}, body).unwrap();
            assert!(started > 0 && started != raw::gettid());
            while tid.load(Ordering::SeqCst) != 0 {
                std::thread::yield_now();
            }
        }
        let [_, second, third] = STORAGE.each_ref().map(|s| s.load(Ordering::SeqCst));
        // (Other tests may have taken the first one's.)
        assert!(second != 0 && second != arch::thread_pointer() && third != 0);
    }

    #[test]
    fn who_is_not_ready_is_no_thread() {
        assert_eq!(
            start_by_library(Box::new(|_| {
                raw::sigmask(u64::MAX);
                0
            })),
            Err(Errno::EAGAIN)
        );
    }

    #[test]
    fn a_process_that_shares_the_memory_shows_no_thread() {
        static SEEN: AtomicU32 = AtomicU32::new(0);
        let request = CloneArgs { exit_signal: libc::SIGCHLD as u64, ..CloneArgs::default() };
        let pid = start_process(&request, |_| {}, Box::new(|| SEEN.store(7, Ordering::SeqCst)));
        let pid = pid.unwrap();
        let status = 0_u32;
        raw::call(libc::SYS_wait4, [pid as u64, &raw const status as u64, 0, 0]).unwrap();
        assert_eq!(SEEN.load(Ordering::SeqCst), 7);
    }
}
