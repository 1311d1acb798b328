//! Host threads for guest threads.

#![expect(unsafe_code, reason = "starts threads by the C library")]

use crate::errno::Errno;
use crate::process::thread_pointer;
use crate::raw;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use std::sync::mpsc::{Sender, channel};

/// Bytes of stack: the translator and the calls' emulation run on it, the guest has its own.
const STACK: usize = 512 << 10;

/// Starts a thread with `body`, whose argument is to be called once, when the thread is ready to
/// be seen by others. Returns the number it was called with. The new thread has the signal mask of
/// the calling one.
///
/// # Errors
/// `EAGAIN` if there can be no more threads.
pub fn spawn(body: impl FnOnce(Ready) + Send + 'static) -> Result<i32, Errno> {
    let (sender, receiver) = channel();
    start(STACK, Box::new(move || body(Ready(sender))))?;
    // If the thread ended without being ready, there is no thread.
    receiver.recv().map_err(|_| Errno::EAGAIN)
}

/// What a thread does.
type Body = Box<dyn FnOnce() + Send>;

/// Starts a thread that nobody waits for. Not by `std::thread`: that takes a lock whenever a thread
/// starts or ends, and in the child of a fork at that moment nobody would ever release it. The C
/// library puts its own in order.
fn start(stack: usize, body: Body) -> Result<(), Errno> {
    let body = Box::into_raw(Box::new(body));
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    // SAFETY: the attributes are initialised before they are used; `enter` gets what it expects.
    let error = unsafe {
        let attributes = attributes.as_mut_ptr();
        match libc::pthread_attr_init(attributes) {
            0 => {
                libc::pthread_attr_setstacksize(attributes, stack);
                libc::pthread_attr_setdetachstate(attributes, libc::PTHREAD_CREATE_DETACHED);
                let error =
                    libc::pthread_create(thread.as_mut_ptr(), attributes, enter, body.cast());
                libc::pthread_attr_destroy(attributes);
                error
            }
            error => error,
        }
    };
    if error == 0 {
        return Ok(());
    }
    // SAFETY: it comes from a box, and no thread has got it.
    drop(unsafe { Box::from_raw(body) });
    Err(Errno::EAGAIN)
}

extern "C" fn enter(body: *mut c_void) -> *mut c_void {
    // SAFETY: `start` has made it of a box, for this thread alone.
    let body = unsafe { Box::from_raw(body.cast::<Body>()) };
    body();
    core::ptr::null_mut()
}

/// The new thread's means to say that it is ready.
pub struct Ready(Sender<i32>);

impl Ready {
    /// Tells the thread's id to the one that started it.
    pub fn ready(self, tid: i32) {
        // The other end waits for this.
        let _ = self.0.send(tid);
    }
}

/// Address of thread-local storage that belongs to nobody: that of a new thread which sleeps for
/// ever.
///
/// # Errors
/// `EAGAIN` if there can be no more threads.
pub fn spare_storage() -> Result<u64, Errno> {
    let (sender, receiver) = channel();
    let sleep = move || {
        let _ = sender.send(thread_pointer());
        raw::sigmask(u64::MAX);
        loop {
            std::thread::park();
        }
    };
    start(64 << 10, Box::new(sleep))?;
    receiver.recv().map_err(|_| Errno::EAGAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_gets_the_number() {
        let tid = spawn(|ready| ready.ready(raw::gettid())).unwrap();
        assert!(tid > 0 && tid != raw::gettid());
        assert_eq!(spawn(drop), Err(Errno::EAGAIN));
    }
}
