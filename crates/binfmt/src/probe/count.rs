//! How many arguments a program sees when its emulator is started without flag P.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, AsRawFd as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{FdFlags, fcntl_setfd};

use crate::GuestArch;

/// Starts the emulator `image` as the kernel does without flag P, for a program of `guest` with two
/// arguments; whether it takes the first for argv\[0\], as tonistiigi's patched QEMU does. None if
/// it cannot be tried.
pub fn shifts_arguments(image: &File, guest: &GuestArch, timeout: Duration) -> Option<bool> {
    let elf = super::build_count(guest)?;
    let mut program = File::from(memfd_create("program", MemfdFlags::EXEC).ok()?);
    program.write_all(&elf).ok()?;
    // Both are inherited, as their paths are only valid in a process that has them.
    let path = |fd: &File| {
        fcntl_setfd(fd.as_fd(), FdFlags::empty()).ok()?;
        Some(format!("/proc/self/fd/{}", fd.as_raw_fd()))
    };
    let image = image.try_clone().ok()?;
    let mut child = Command::new(path(&image)?)
        .arg(path(&program)?)
        .args(["one", "two"])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let Ok(Some(status)) = super::wait(&mut child, timeout) else {
        let _ = child.kill();
        let _ = child.wait();
        return None;
    };
    match status.code() {
        Some(3) => Some(false),
        Some(2) => Some(true),
        _ => None,
    }
}
