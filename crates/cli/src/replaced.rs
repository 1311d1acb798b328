//! Entries of others whose place we have taken: kept until the next start, as the kernel keeps
//! entries no longer either, so that removing ours brings them back.

use std::fs;
use std::os::linux::fs::MetadataExt as _;
use std::path::PathBuf;

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
    directories(instance)
        .iter()
        .any(|dir| fs::create_dir_all(dir).and_then(|()| fs::write(dir.join(name), line)).is_ok())
}

/// What had the place of the entry `name`, which is forgotten then.
pub(crate) fn take(instance: &Instance, name: &str, forget: bool) -> Option<Rule> {
    let path = directories(instance).into_iter().map(|d| d.join(name)).find(|p| p.exists())?;
    let rule = Rule::parse(&fs::read(&path).ok()?).ok();
    if forget {
        let _ = fs::remove_file(&path);
        let _ = path.parent().map(fs::remove_dir);
    }
    rule
}
