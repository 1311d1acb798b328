//! The two processes outside the new pid namespace.

use std::ffi::OsStr;
use std::process::{Child, Command};

use binfmt::pin::OWN_IMAGE;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, set_parent_process_death_signal,
    waitpid,
};
use rustix::thread::UnshareFlags;

use crate::{Context as _, Error, Result, Spec, identity, relay};

/// Runs `spec` and returns the exit code a shell would show. `stage_args` are the arguments that
/// make this binary call [`own_namespaces`] with the same `spec`.
///
/// # Errors
/// When the root is no directory, or the namespaces cannot be made.
pub fn run<S: AsRef<OsStr>>(spec: &Spec, stage_args: &[S]) -> Result<u8> {
    if !spec.root.is_dir() {
        return Err(Error::Root(format!(
            "{} is not a directory: give the directory that holds the foreign root file system",
            spec.root.display()
        )));
    }
    let mut child = Command::new(OWN_IMAGE)
        .args(stage_args)
        .spawn()
        .context(|| format!("execute {OWN_IMAGE}"))?;
    let pid = pid_of(&child)?;
    // The child stops itself once it is in its new user namespace; only then can the maps be
    // written, and only from outside can they cover more than one identity.
    let (_, status) = loop {
        match waitpid(Some(pid), WaitOptions::UNTRACED) {
            Ok(Some(status)) => break status,
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e).context(|| "wait for the namespace's owner".into()),
        }
    };
    if !status.stopped() {
        return Ok(code_of_wait(status));
    }
    if let Err(error) = identity::write_maps(child.id()) {
        let _ = child.kill();
        let _ = child.wait();
        return Err(error);
    }
    kill_process(pid, Signal::CONT).context(|| "continue the namespace's owner".into())?;
    Ok(code_of_wait(relay::wait_for(pid, false)?))
}

/// Makes the namespaces, waits for its identity, and starts the stage that calls
/// [`crate::init()`] with `stage_args`. Returns its exit code.
///
/// # Errors
/// When the kernel refuses the namespaces (disabled, limited, or an AppArmor restriction).
pub fn own_namespaces<S: AsRef<OsStr>>(spec: &Spec, stage_args: &[S]) -> Result<u8> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .context(|| "set the parent-death signal".into())?;
    let mut flags = UnshareFlags::NEWUSER
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS;
    if spec.no_network {
        flags |= UnshareFlags::NEWNET;
    }
    #[expect(deprecated, reason = "its safe form; no file descriptors table is unshared")]
    rustix::thread::unshare(flags).context(|| {
        "make a user namespace (see /proc/sys/user/max_user_namespaces, \
         kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)"
            .into()
    })?;
    kill_process(getpid(), Signal::STOP).context(|| "stop for the identity maps".into())?;
    let child = Command::new(OWN_IMAGE)
        .args(stage_args)
        .spawn()
        .context(|| format!("execute {OWN_IMAGE}"))?;
    Ok(code_of_wait(relay::wait_for(pid_of(&child)?, false)?))
}

/// A shell's code for a wait status.
pub(crate) fn code_of_wait(status: WaitStatus) -> u8 {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => code as u8,
        (None, Some(signal)) => 128 + signal as u8,
        (None, None) => 125,
    }
}

pub(crate) fn pid_of(child: &Child) -> Result<Pid> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| Error::Root("the kernel gave a process id of 0".into()))
}
