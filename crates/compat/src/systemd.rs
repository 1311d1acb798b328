//! systemd-binfmt: applies binfmt.d files, shows them, or removes everything that is registered.
//!
//! As in the original a rule is written as it stands; nothing is put in the place of a missing
//! interpreter.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use binfmt::conf::{DIRECTORIES, FileRule, rules};

use crate::getopt::{self, Item, Order, Spec, option};
use crate::machine::error_text;
use crate::{Code, Machine};

const OPTIONS: &[Spec] = &[
    option(Some('h'), "help", false),
    option(None, "version", false),
    option(None, "cat-config", false),
    option(None, "tldr", false),
    option(None, "no-pager", false),
    option(None, "unregister", false),
];

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Action {
    Apply,
    Show { comments: bool },
    Remove,
}

/// Runs a command line; `arguments[0]` is the program's name.
pub fn run(m: &mut dyn Machine, arguments: &[String]) -> u8 {
    let program = arguments.first().map_or("systemd-binfmt", String::as_str);
    let mut action = Action::Apply;
    let mut files = Vec::new();
    for item in getopt::split(OPTIONS, arguments.get(1..).unwrap_or_default(), Order::Permuted) {
        match item {
            Item::Operand(file) => files.push(file),
            Item::Wrong(message) => {
                m.err(&format!("{program}: {message}\n"));
                return m.exit_code(1, Code::Usage);
            }
            Item::Option(index, _) => match OPTIONS[index].long {
                "help" => {
                    usage(m);
                    return 0;
                }
                "version" => {
                    m.out(&format!("systemd 252 (anyarch {})\n", env!("CARGO_PKG_VERSION")));
                    return 0;
                }
                "cat-config" => action = Action::Show { comments: true },
                "tldr" => action = Action::Show { comments: false },
                "unregister" => action = Action::Remove,
                _ => {}
            },
        }
    }
    if action != Action::Apply && !files.is_empty() {
        m.err("Positional arguments are not allowed with --cat-config or --unregister\n");
        return m.exit_code(1, Code::Usage);
    }
    let ok = match action {
        Action::Show { comments } => show(m, comments),
        Action::Remove => {
            // Nothing mounted: nothing registered.
            match m.write(&status(), b"-1") {
                Err(e) if m.exists(&status()) => {
                    m.err(&format!("Failed to flush binfmt_misc rules: {}\n", error_text(&e)));
                    false
                }
                _ => true,
            }
        }
        Action::Apply => apply(m, &files),
    };
    if ok { 0 } else { m.exit_code(1, Code::NotReached) }
}

fn status() -> PathBuf {
    Path::new(crate::MOUNT).join("status")
}

fn usage(m: &mut dyn Machine) {
    m.out(
        "systemd-binfmt [OPTIONS...] [CONFIGURATION FILE...]\n\n\
         Registers the binary formats of binfmt.d files with the kernel.\n\n\
         \x20 -h --help             this text\n\
         \x20    --version          the version\n\
         \x20    --cat-config       print the files\n\
         \x20    --tldr             print the files without comments and empty lines\n\
         \x20    --no-pager         accepted; there is no pager\n\
         \x20    --unregister       remove all entries\n",
    );
}

/// Where the files are; one in an earlier directory hides those of its name in later ones.
fn directories() -> impl Iterator<Item = PathBuf> {
    DIRECTORIES.into_iter().chain(["lib/binfmt.d"]).map(|dir| Path::new("/").join(dir))
}

/// The files in effect, in the order in which they are applied.
fn effective(m: &dyn Machine) -> Vec<PathBuf> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for dir in directories() {
        for name in m.names(&dir).unwrap_or_default() {
            if name.ends_with(".conf") && !name.starts_with('.') {
                found.entry(name.clone()).or_insert_with(|| dir.join(&name));
            }
        }
    }
    found.into_values().collect()
}

fn show(m: &mut dyn Machine, comments: bool) -> bool {
    let mut first = true;
    for path in effective(m) {
        let Ok(bytes) = m.read(&path) else { continue };
        if !first {
            m.out("\n");
        }
        first = false;
        m.out(&format!("# {}\n", path.display()));
        for line in String::from_utf8_lossy(&bytes).lines() {
            let bare = line.trim();
            if comments || !(bare.is_empty() || bare.starts_with(['#', ';'])) {
                m.out(&format!("{line}\n"));
            }
        }
    }
    true
}

fn apply(m: &mut dyn Machine, files: &[String]) -> bool {
    if files.is_empty() {
        let files = effective(m);
        if let Err(e) = m.write(&status(), b"-1") {
            let text = error_text(&e);
            m.err(&format!("Failed to flush binfmt_misc rules, ignoring: {text}\n"));
        }
        let mut ok = true;
        for path in files {
            ok &= apply_file(m, &path.display().to_string(), &path);
        }
        return ok;
    }
    let mut ok = true;
    for file in files {
        let path = Path::new(file);
        let found = if path.is_absolute() {
            Some(path.to_owned()).filter(|p| m.exists(p))
        } else {
            directories().map(|d| d.join(file)).find(|p| m.exists(p))
        };
        ok &= match found {
            Some(path) => apply_file(m, file, &path),
            None => {
                m.err(&format!("Failed to open file '{file}': No such file or directory\n"));
                false
            }
        };
    }
    ok
}

/// Applies the file at `path`, called `shown` in messages.
fn apply_file(m: &mut dyn Machine, shown: &str, path: &Path) -> bool {
    let text = match m.read(path) {
        Ok(text) => text,
        Err(e) => {
            m.err(&format!("Failed to open file '{shown}': {}\n", error_text(&e)));
            return false;
        }
    };
    let mut ok = true;
    for rule in rules(&text) {
        ok &= apply_rule(m, shown, &rule);
    }
    ok
}

fn apply_rule(m: &mut dyn Machine, shown: &str, rule: &FileRule) -> bool {
    let FileRule { line, text, name } = rule;
    let reserved = ["", ".", "..", "register", "status"].contains(&name.as_str());
    if reserved || name.contains('/') || name.len() > 255 {
        m.err(&format!("{shown}:{line}: Rule name '{name}' is not valid, refusing.\n"));
        return false;
    }
    let mount = Path::new(crate::MOUNT);
    if m.exists(&mount.join(name))
        && let Err(e) = m.write(&mount.join(name), b"-1")
    {
        let why = error_text(&e);
        m.err(&format!("{shown}:{line}: Failed to delete rule '{name}', ignoring: {why}\n"));
    }
    match m.write(&mount.join("register"), text) {
        Ok(()) => true,
        Err(e) => {
            let why = error_text(&e);
            m.err(&format!("{shown}:{line}: Failed to add binary format '{name}': {why}\n"));
            false
        }
    }
}

#[cfg(test)]
#[path = "systemd_tests.rs"]
mod tests;
