//! `anyarch install`, `uninstall` and `status`.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

use binfmt::{Flags, GuestArch, Instance, Rule};
use clap::Args;
use rustix::fs::{MemfdFlags, memfd_create};

use crate::report::Failure;

#[derive(Args)]
pub(crate) struct Install {
    /// Architectures, by any of their names (default: all that this build emulates).
    #[arg(value_name = "ARCH")]
    architectures: Vec<String>,
    /// Where binfmt_misc is mounted.
    #[arg(long, value_name = "DIR", default_value = binfmt::instance::DEFAULT_MOUNT)]
    mount: PathBuf,
    /// Replace an entry of the same name that is not ours.
    #[arg(long)]
    replace: bool,
    /// Print the registrations without making them.
    #[arg(long, short = 'n')]
    dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Uninstall {
    /// Architectures (default: all that this build emulates).
    #[arg(value_name = "ARCH")]
    architectures: Vec<String>,
    /// Where binfmt_misc is mounted.
    #[arg(long, value_name = "DIR", default_value = binfmt::instance::DEFAULT_MOUNT)]
    mount: PathBuf,
    /// Remove an entry even if it is not ours.
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
pub(crate) struct Status {
    /// Where binfmt_misc is mounted.
    #[arg(long, value_name = "DIR", default_value = binfmt::instance::DEFAULT_MOUNT)]
    mount: PathBuf,
}

/// Registers; every entry must show up as registered, or the command fails.
///
/// # Errors
/// When the instance is not there or refuses, or an entry of the same name is someone else's.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn install(arguments: &Install) -> Result<u8, Failure> {
    let guests = select(&arguments.architectures)?;
    if arguments.dry_run {
        for guest in guests {
            println!("{}", Rule::for_guest(guest, OWN_IMAGE, Flags::ALL).line()?);
        }
        return Ok(0);
    }
    let instance = open(&arguments.mount)?;
    let image = pin()?;
    let interpreter = format!("/proc/self/fd/{}", image.as_raw_fd());
    for guest in guests {
        let rule = Rule::for_guest(guest, &interpreter, Flags::ALL);
        if let Some(old) = instance.entry(&rule.name) {
            if !is_ours(&old) && !arguments.replace {
                return Err(Failure::new(format!(
                    "{} is registered already, for {}",
                    rule.name, old.interpreter
                ))
                .help(format!(
                    "to put anyarch in its place: anyarch install --replace {}",
                    guest.name
                )));
            }
            instance.unregister(&rule.name)?;
        }
        instance.register(&rule).map_err(|e| Failure::from(e).code(3))?;
        let entry = instance.entry(&rule.name);
        if !entry.is_some_and(|e| e.enabled && e.guest() == Some(guest)) {
            return Err(Failure::new(format!("{} was registered but is not in force", rule.name)));
        }
        println!("{}: registered as {} (flags {})", guest.name, rule.name, rule.flags);
    }
    Ok(0)
}

/// Removes our entries.
///
/// # Errors
/// When the kernel refuses.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn uninstall(arguments: &Uninstall) -> Result<u8, Failure> {
    let instance = open(&arguments.mount)?;
    for guest in select(&arguments.architectures)? {
        let name = format!("qemu-{}", guest.qemu);
        match instance.entry(&name) {
            None => println!("{}: not registered", guest.name),
            Some(entry) if !is_ours(&entry) && !arguments.force => {
                return Err(Failure::new(format!(
                    "{name} is not ours: it runs {}",
                    entry.interpreter
                ))
                .help(format!(
                    "to remove it all the same: anyarch uninstall --force {}",
                    guest.name
                )));
            }
            Some(_) => {
                instance.unregister(&name).map_err(|e| Failure::from(e).code(3))?;
                println!("{}: removed {name}", guest.name);
            }
        }
    }
    Ok(0)
}

/// Shows all entries in the kernel's order.
///
/// # Errors
/// When the instance cannot be read.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn status(arguments: &Status) -> Result<u8, Failure> {
    let instance = open(&arguments.mount)?;
    println!("{:<3} {:<20} {:<9} {:<9} {:<6} INTERPRETER", "#", "NAME", "ARCH", "STATE", "FLAGS");
    for (i, e) in instance.entries()?.iter().enumerate() {
        let arch = e.guest().map_or("-", |g| g.name);
        let state = if e.enabled { "enabled" } else { "disabled" };
        let note = if is_ours(e) { "  (anyarch)" } else { "" };
        println!(
            "{:<3} {:<20} {arch:<9} {state:<9} {:<6} {}{note}",
            i + 1,
            e.name,
            e.flags,
            e.interpreter
        );
    }
    if !instance.enabled() {
        println!(
            "binfmt_misc is disabled as a whole: echo 1 > {}/status",
            instance.dir().display()
        );
    }
    Ok(0)
}

/// This program's image, as a path that stays valid in any root while the process lives.
const OWN_IMAGE: &str = "/proc/self/exe";

/// An entry's interpreter string tells who made it: only we register a descriptor's path.
fn is_ours(entry: &binfmt::Entry) -> bool {
    entry.interpreter == OWN_IMAGE || entry.interpreter.starts_with("/proc/self/fd/")
}

fn open(dir: &PathBuf) -> Result<Instance, Failure> {
    Instance::at(dir).map_err(|e| {
        Failure::from(e)
            .help(format!("as root: mount -t binfmt_misc binfmt_misc {}", dir.display()))
            .code(4)
    })
}

fn select(names: &[String]) -> Result<Vec<&'static GuestArch>, Failure> {
    if names.is_empty() {
        return Ok(binfmt::guests::GUESTS.iter().filter(|g| g.emulated).collect());
    }
    names.iter().flat_map(|n| n.split(',')).map(find).collect()
}

fn find(name: &str) -> Result<&'static GuestArch, Failure> {
    match GuestArch::find(name) {
        Some(g) if g.emulated => Ok(g),
        Some(g) => Err(Failure::new(format!("{} is not emulated by this version", g.name)).code(2)),
        None => {
            Err(Failure::new(format!("`{name}` is no architecture that anyarch knows")).code(2))
        }
    }
}

/// A copy of this program that the kernel can keep open whatever happens to the file, so that the
/// file can be replaced or deleted and no mount is held.
fn pin() -> Result<File, Failure> {
    let name = concat!("anyarch-", env!("CARGO_PKG_VERSION"));
    let copy = || -> io::Result<File> {
        let mut memory = File::from(memfd_create(name, MemfdFlags::CLOEXEC)?);
        io::copy(&mut File::open(OWN_IMAGE)?, &mut memory)?;
        Ok(memory)
    };
    // Forbidden by vm.memfd_noexec=2 (or no memory): the file itself serves too.
    copy()
        .or_else(|_| File::open(OWN_IMAGE))
        .map_err(|e| Failure::new(format!("cannot open {OWN_IMAGE}")).caused_by(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selects_by_any_name_and_refuses_the_rest() {
        let pick =
            |n: &str| select(&[n.to_owned()]).map(|v| v.iter().map(|g| g.name).collect::<Vec<_>>());
        assert_eq!(pick("aarch64").ok(), Some(vec!["arm64"]));
        assert_eq!(pick("linux/arm64,arm64").ok(), Some(vec!["arm64", "arm64"]));
        assert!(pick("vax").is_err());
        assert!(pick("s390x").is_err());
    }
}
