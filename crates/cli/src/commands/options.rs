//! What every command about registrations understands.

use std::path::{Path, PathBuf};
use std::time::Duration;

use binfmt::guests::emulated;
use binfmt::probe::Prober;
use binfmt::{Entry, GuestArch, Instance};
use clap::Args;

use crate::report::Failure;

/// Exit codes; they stay as they are.
pub(crate) mod code {
    /// Not everything that was asked for is so now.
    pub(crate) const NOT_REACHED: u8 = 1;
    /// The command line is wrong.
    pub(crate) const USAGE: u8 = 2;
    /// Not allowed.
    pub(crate) const PRIVILEGE: u8 = 3;
    /// There is no binfmt_misc, or it cannot be mounted.
    pub(crate) const NO_BINFMT: u8 = 4;
    /// Some architectures, but not all.
    pub(crate) const PARTIAL: u8 = 5;
    /// Done, but it vanishes with this container or namespace.
    pub(crate) const VOLATILE: u8 = 6;
    /// Refused: native programs would be taken over.
    pub(crate) const HIJACK: u8 = 7;
}

#[derive(Args, Clone)]
pub(crate) struct Options {
    /// Where binfmt_misc is mounted; it is mounted there if it is not.
    #[arg(long, value_name = "DIR", default_value = binfmt::instance::DEFAULT_MOUNT)]
    pub(crate) mount: PathBuf,
    /// Print JSON (docs/json.md describes it).
    #[arg(long)]
    pub(crate) json: bool,
}

impl Options {
    /// The instance, mounted if need be; not over files of somebody's.
    pub(crate) fn open(&self) -> Result<Instance, Failure> {
        let usual = self.mount == Path::new(binfmt::instance::DEFAULT_MOUNT);
        let mut files = std::fs::read_dir(&self.mount).into_iter().flatten();
        if !usual && Instance::at(&self.mount).is_err() && files.next().is_some() {
            let dir = self.mount.display();
            return Err(Failure::new(format!("{dir} is no binfmt_misc, and it is not empty"))
                .help("--mount takes the directory where it is, or an empty one")
                .code(code::NO_BINFMT));
        }
        match binfmt::mount::open(&self.mount) {
            Ok((instance, _)) => Ok(instance),
            Err(e) => Err(no_instance(e, &self.mount)),
        }
    }
}

/// What the commands that try things understand as well.
#[derive(Args)]
pub(crate) struct Trying {
    /// How long each test program may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    timeout: u64,
}

impl Trying {
    pub(crate) fn prober(&self) -> Prober {
        super::probe::prober(Duration::from_secs(self.timeout))
    }
}

fn no_instance(error: binfmt::Error, dir: &Path) -> Failure {
    let denied = matches!(error.errno(), Some(libc::EPERM | libc::EACCES));
    let help = match &error {
        binfmt::Error::NoKernelSupport(_) => "as root: modprobe binfmt_misc".into(),
        _ if denied => format!(
            "as root: mount -t binfmt_misc binfmt_misc {}; as an ordinary user: anyarch rootless, \
             or anyarch run, which needs no registration",
            dir.display()
        ),
        _ => format!("as root: mount -t binfmt_misc binfmt_misc {}", dir.display()),
    };
    let code = if denied { code::PRIVILEGE } else { code::NO_BINFMT };
    Failure::from(error).help(help).code(code)
}

/// A refusal of the kernel, with the code for it.
pub(crate) fn refused(error: binfmt::Error) -> Failure {
    match error.errno() {
        Some(libc::EPERM | libc::EACCES | libc::EROFS) => Failure::from(error)
            .help("this needs root (in a container: --privileged), or: anyarch rootless")
            .code(code::PRIVILEGE),
        _ => Failure::from(error),
    }
}

/// The architectures called `names`, each once; without names, those that are emulated.
pub(crate) fn select(names: &[String]) -> Result<Vec<&'static GuestArch>, Failure> {
    let mut chosen: Vec<&'static GuestArch> = Vec::new();
    for name in names.iter().flat_map(|n| n.split(',')).map(str::trim) {
        let found = if matches!(name, "all" | "foreign") { emulated() } else { vec![find(name)?] };
        for guest in found {
            if !chosen.contains(&guest) {
                chosen.push(guest);
            }
        }
    }
    Ok(if names.is_empty() { emulated() } else { chosen })
}

fn find(name: &str) -> Result<&'static GuestArch, Failure> {
    GuestArch::find(name).ok_or_else(|| {
        Failure::new(format!("`{name}` is no architecture that anyarch knows"))
            .help("names are those of Go, Debian, uname, QEMU and container platforms")
            .code(code::USAGE)
    })
}

/// The name of our entry where the usual one belongs to somebody else.
pub(crate) fn own_name(guest: &GuestArch) -> String {
    format!("anyarch-{}", guest.qemu)
}

/// Whether an entry was made by us: only we register a descriptor's path.
pub(crate) fn is_ours(entry: &Entry) -> bool {
    entry.is_pinned()
        || entry.interpreter.ends_with("/anyarch")
        || entry.interpreter.starts_with(MARK)
}

/// How the path of another emulator begins that we have registered: the kernel keeps the spelling.
const MARK: &str = "/./";

/// `path`, absolute and with our mark.
pub(crate) fn marked(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    format!(
        "{MARK}{}",
        absolute.display().to_string().trim_start_matches(MARK).trim_start_matches('/')
    )
}

/// A path as it is shown: without our mark, and its end if it is too long for a column.
pub(crate) fn shown(path: &str, width: usize) -> String {
    let path = path.strip_prefix("/.").filter(|p| p.starts_with('/')).unwrap_or(path);
    match path.char_indices().rev().nth(width.saturating_sub(2)) {
        Some((at, _)) if path.chars().count() > width => format!("…{}", &path[at..]),
        _ => path.to_owned(),
    }
}

/// Who made an entry, as far as its name and interpreter tell.
pub(crate) fn owner(entry: &Entry) -> &'static str {
    let i = entry.interpreter.as_str();
    if is_ours(entry) {
        "anyarch"
    } else if entry.name.starts_with("WSLInterop") {
        "wsl"
    } else if i.contains("qemu-binfmt") || i.ends_with("-static") {
        "distribution"
    } else if i.starts_with("/usr/bin/qemu-") && entry.has('C') {
        "tonistiigi"
    } else if i.contains("qemu") {
        "qemu"
    } else if i.contains("box64") || i.contains("box86") {
        "box64"
    } else if i.contains("FEX") {
        "fex"
    } else if i.contains("rosetta") {
        "rosetta"
    } else {
        "unknown"
    }
}

/// Matches `*` and `?`.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    fn go(p: &[u8], t: &[u8]) -> bool {
        match (p.first(), t.first()) {
            (None, None) => true,
            (Some(b'*'), _) => go(&p[1..], t) || !t.is_empty() && go(p, &t[1..]),
            (Some(b'?'), Some(_)) => go(&p[1..], &t[1..]),
            (Some(a), Some(b)) if a == b => go(&p[1..], &t[1..]),
            _ => false,
        }
    }
    go(pattern.as_bytes(), text.as_bytes())
}

/// The entries that `words` name: by name, by glob, or by architecture (all that take its files).
pub(crate) fn entries_named<'a>(
    entries: &'a [Entry],
    words: &[String],
) -> Result<Vec<&'a Entry>, Failure> {
    let mut chosen: Vec<&Entry> = Vec::new();
    for word in words.iter().flat_map(|w| w.split(',')) {
        let mut found: Vec<&Entry> = entries.iter().filter(|e| glob(word, &e.name)).collect();
        if found.is_empty()
            && let Some(guest) = GuestArch::find(word)
        {
            found = entries.iter().filter(|e| e.guest() == Some(guest)).collect();
        }
        if found.is_empty() && !word.contains('*') {
            return Err(Failure::new(format!("no entry is called `{word}`"))
                .help("anyarch status lists them"));
        }
        for e in found {
            if !chosen.contains(&e) {
                chosen.push(e);
            }
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selects_by_any_name_and_refuses_the_rest() {
        let pick =
            |n: &str| select(&[n.to_owned()]).map(|v| v.iter().map(|g| g.name).collect::<Vec<_>>());
        assert_eq!(pick("aarch64").ok(), Some(vec!["arm64"]));
        assert_eq!(pick("linux/arm64,arm64").ok(), Some(vec!["arm64"]));
        assert_eq!(pick("s390x").ok(), Some(vec!["s390x"]));
        assert!(pick("vax").is_err());
    }

    #[test]
    fn paths_are_marked_and_shown() {
        assert_eq!(marked(Path::new("/usr/bin/q")), "/./usr/bin/q");
        assert_eq!(marked(Path::new("/./usr/bin/q")), "/./usr/bin/q");
        assert_eq!(shown("/./usr/bin/q", 20), "/usr/bin/q");
        assert_eq!(shown("/usr/bin/qemu", 6), "…/qemu");
        assert_eq!(shown("/usr/bin/qemu", 13), "/usr/bin/qemu");
    }

    #[test]
    fn globs_match_as_in_a_shell() {
        assert!(glob("qemu-*", "qemu-arm") && glob("*", "") && glob("a?c*", "abcd"));
        assert!(!glob("qemu-*", "jar") && !glob("a?", "a"));
    }
}
