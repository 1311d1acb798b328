//! The first process of the new pid namespace.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;
use std::process::Command;

use binfmt::pin::OWN_IMAGE;
use binfmt::root::Root;
use binfmt::{Flags, Instance, Rule};
use rustix::mount::{MountAttrFlags, MoveMountFlags, move_mount};
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::{Context as _, Result, Spec, mounts, relay, stages};

/// Mounts, registers, enters the root, runs the command, reaps everything, and returns the
/// command's exit code. `fallback` are the arguments that make this binary run a program directly
/// where the kernel has no private binfmt_misc (before Linux 6.7).
///
/// # Errors
/// When a step fails that the command needs. A command that is not found gives code 127, one that
/// cannot be executed 126.
pub fn init(spec: &Spec, fallback: &[OsString]) -> Result<u8> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .context(|| "set the parent-death signal".into())?;
    let root = mounts::prepare(spec)?;
    let direct = spec.guests.is_empty();
    // What is registered lasts until we end: nobody unmounts it.
    let registered = if direct { Ok(None) } else { register(spec, &root).map(Some) };
    // Opened before the root changes; executed through /proc/self/fd afterwards.
    let own = fs::File::open(OWN_IMAGE).context(|| format!("open {OWN_IMAGE}"))?;
    mounts::enter(spec, &root)?;
    drop(root);
    let program = spec.command.first().map_or_else(|| OsString::from("/bin/sh"), Clone::clone);
    let arguments = spec.command.get(1..).unwrap_or_default();
    let mut command = match registered {
        Ok(Some(_)) => Command::new(&program),
        _ => {
            // A path, so that no name is taken for a command or an option of ours.
            let mut path = resolve(&program, spec);
            if !path.as_encoded_bytes().contains(&b'/') {
                return Ok(not_found(&program));
            }
            if path.as_encoded_bytes().starts_with(b"-") {
                path = Path::new(".").join(path).into();
            }
            let mut c = Command::new(format!("/proc/self/fd/{}", own.as_raw_fd()));
            c.args(fallback).arg(path);
            c
        }
    };
    command.args(arguments).env_clear().envs(spec.env.iter().map(|(k, v)| (k, v)));
    let child = match command.spawn() {
        Ok(child) => child,
        Err(e) => return Ok(explain(&program, &resolve(&program, spec), &e, registered.err())),
    };
    drop(own);
    Ok(stages::code_of_wait(relay::wait_for(stages::pid_of(&child)?, true)?))
}

/// Mounts the namespace's own binfmt_misc and registers the guests. It is at its place below the
/// root's /proc if that is there, and in any case lives as long as what is returned.
fn register(spec: &Spec, root: &Root) -> Result<OwnedFd> {
    let instance_fd = binfmt::mount::detached(MountAttrFlags::empty())
        .context(|| "make a binfmt_misc instance".into())?;
    let dir = format!("/proc/self/fd/{}", instance_fd.as_raw_fd());
    let instance = Instance::at(dir)?;
    let interpreter = spec.interpreter.as_ref().map_or(OWN_IMAGE.into(), |p| p.to_string_lossy());
    for guest in &spec.guests {
        instance.register(&Rule::for_guest(guest, &interpreter, Flags::ALL))?;
    }
    // Only to be looked at: without a /proc of its own the root has no place for it.
    if let Ok(at) = root.find("proc/sys/fs/binfmt_misc".as_ref()) {
        let flags =
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        let _ = move_mount(&instance_fd, "", at, "", flags);
    }
    Ok(instance_fd)
}

/// `program` as a path: searched in the command's PATH if it has no slash; as it is, without a slash,
/// if it is not there.
fn resolve(program: &OsStr, spec: &Spec) -> OsString {
    if program.as_encoded_bytes().contains(&b'/') {
        return program.to_owned();
    }
    let path =
        spec.env.iter().find(|(k, _)| k == "PATH").map(|(_, v)| v.clone()).unwrap_or_default();
    std::env::split_paths(&path)
        .map(|dir| if dir.as_os_str().is_empty() { ".".into() } else { dir })
        .map(|dir| dir.join(program))
        .find(|p| p.is_file())
        .map_or_else(|| program.to_owned(), Into::into)
}

/// Says that `program` is not there; gives a shell's code.
#[expect(
    clippy::print_stderr,
    reason = "the first process of the namespace speaks for the command line"
)]
fn not_found(program: &OsStr) -> u8 {
    eprintln!("error: {}: not found inside the root", Path::new(program).display());
    127
}

/// Says why `program`, found at `path`, could not be executed; gives a shell's code.
#[expect(
    clippy::print_stderr,
    reason = "the first process of the namespace speaks for the command line"
)]
fn explain(
    program: &OsStr,
    path: &OsStr,
    error: &io::Error,
    registration: Option<crate::Error>,
) -> u8 {
    use std::os::unix::fs::PermissionsExt as _;
    let name = Path::new(program).display();
    let found = fs::metadata(path);
    let (why, help) = match (error.kind(), &found) {
        (io::ErrorKind::NotFound, Err(_)) => {
            return not_found(program);
        }
        (io::ErrorKind::NotFound, Ok(_)) => {
            eprintln!("error: {name}: its loader, or its interpreter, is not inside the root");
            return 127;
        }
        (_, Ok(file)) if file.is_dir() => ("Is a directory".to_owned(), None),
        (_, Ok(file)) if file.permissions().mode() & 0o111 == 0 => {
            ("no permission to execute it".into(), Some(format!("chmod +x {name}")))
        }
        _ => match error.raw_os_error() {
            Some(8) => (
                "neither a script nor a program that this machine or anyarch can run".into(),
                Some("a script begins with #! and its interpreter".into()),
            ),
            _ => (error.to_string(), None),
        },
    };
    eprintln!("error: {name}: {why}");
    if let Some(e) = registration {
        eprintln!("caused by: {e}");
    }
    if let Some(help) = help {
        eprintln!("help: {help}");
    }
    126
}
