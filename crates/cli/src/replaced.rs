//! Entries of others whose place we have taken: kept until the next start, as the kernel keeps
//! entries no longer either, so that removing ours brings them back.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::linux::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use binfmt::{Instance, Rule};

/// Where they are noted: one directory for each instance, one file for each entry.
fn directories(instance: &Instance) -> Vec<PathBuf> {
    let Ok(metadata) = fs::metadata(instance.dir()) else { return Vec::new() };
    // Instances are told apart by their device and the time they were made at.
    let (seconds, nanoseconds) = binfmt::mount::made(instance.dir());
    let own = format!("anyarch/{:x}-{seconds}.{nanoseconds:09}", metadata.st_dev());
    let user = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    [Some(PathBuf::from("/run")), user].into_iter().flatten().map(|d| d.join(&own)).collect()
}

/// Notes that `line` made the entry `name`; false if there is no place for it.
pub(crate) fn note(instance: &Instance, name: &str, line: &str) -> bool {
    directories(instance).iter().any(|dir| {
        let written = fs::create_dir_all(dir).and_then(|()| fs::write(dir.join(name), line));
        remove_gone(dir);
        remove_empty(dir);
        written.is_ok()
    })
}

/// What had the place of the entry `name`, which is forgotten then.
pub(crate) fn take(instance: &Instance, name: &str, forget: bool) -> Option<Rule> {
    let dir = directories(instance).into_iter().find(|d| d.join(name).exists())?;
    let rule = Rule::parse(&fs::read(dir.join(name)).ok()?).ok();
    if forget {
        let _ = fs::remove_file(dir.join(name));
        remove_empty(&dir);
    }
    rule
}

/// Removes the notes of instances that are gone, as far as that is certain: a device number has one
/// file system at a time, so those with the number of `dir` and another time. More than one
/// directory for each number that was ever in use is never left.
fn remove_gone(dir: &Path) {
    let number = |name: &OsStr| Some(name.to_str()?.split_once('-')?.0.to_owned());
    let own = dir.file_name().unwrap_or_default();
    let others = dir.parent().and_then(|all| fs::read_dir(all).ok()).into_iter().flatten();
    for other in others.flatten() {
        let name = other.file_name();
        if name != own && number(&name) == number(own) {
            let _ = fs::remove_dir_all(other.path());
        }
    }
}

/// Removes `dir`, and the one of all instances, where nothing is in it.
fn remove_empty(dir: &Path) {
    let _: io::Result<()> = dir.ancestors().take(2).try_for_each(fs::remove_dir);
}
