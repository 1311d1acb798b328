//! Host threads for guest threads.

use crate::errno::Errno;
use crate::process::thread_pointer;
use crate::raw;
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
    let run = move || body(Ready(sender));
    std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(run)
        .map_err(|error| Errno(error.raw_os_error().unwrap_or(Errno::EAGAIN.0)))?;
    // If the thread ended without being ready, there is no thread.
    receiver.recv().map_err(|_| Errno::EAGAIN)
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
    std::thread::Builder::new().stack_size(64 << 10).spawn(sleep).map_err(|_| Errno::EAGAIN)?;
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
