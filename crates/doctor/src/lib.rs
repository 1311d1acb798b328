//! Finds out why foreign programs do not execute, or will not tomorrow.
//!
//! Each finding has a [`Code`], the evidence, and the fix. Nothing is changed here: `cli` prints
//! and applies.

pub mod code;
mod conf;
mod elf;
mod engine;
mod entries;
mod file;
mod lsm;
mod masks;
mod script;
mod sve;
mod system;
mod x86;

pub use code::{Code, Severity};
pub use engine::Engine;

use std::path::{Path, PathBuf};

use binfmt::probe::Prober;
use binfmt::root::Root;
use binfmt::{Entry, GuestArch, Instance, Kernel, Rule};

/// What to look at.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Where binfmt_misc is, or should be, mounted.
    pub mount: PathBuf,
    /// How to try things.
    pub prober: Prober,
    /// How to try them in the user and mount namespaces of a process.
    pub within: fn(&Prober, u32) -> Prober,
    /// A program that does not run.
    pub file: Option<PathBuf>,
    /// The root that it is in, or a whole root to look at.
    pub root: Option<PathBuf>,
    /// The machine's own root, if it is to be looked for its configuration there.
    pub system: Option<PathBuf>,
    /// Architectures that should work.
    pub wanted: Vec<&'static GuestArch>,
    /// The container engine that does not do what it should.
    pub engine: Option<Engine>,
    /// The kernel for which configuration is judged.
    pub kernel: Kernel,
    /// Configuration files that make registrations again after a restart.
    pub persisted: Vec<PathBuf>,
    /// What this program's emulator says to the variables of the environment.
    pub environment: Vec<Complaint>,
}

/// What the emulator says to a variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Complaint {
    /// The variable.
    pub variable: String,
    /// Why programs do not start, or what does not happen.
    pub text: String,
    /// Whether programs do not start.
    pub fatal: bool,
}

impl Subject {
    /// The machine's own root.
    pub fn system(&self) -> &Path {
        self.system.as_deref().unwrap_or(Path::new("/"))
    }

    /// Whether nothing in particular is asked about.
    fn is_general(&self) -> bool {
        let elsewhere = self.file.is_some() || self.root.is_some() || self.engine.is_some();
        !elsewhere && self.wanted.is_empty()
    }

    /// Whether the machine's own root has one of `paths`.
    fn system_has(&self, paths: &[&str]) -> bool {
        Root::open(self.system()).is_ok_and(|root| paths.iter().any(|p| root.has(p.as_ref())))
    }
}

/// What there is: an instance, and what it says.
struct There {
    instance: Instance,
    enabled: bool,
    entries: Vec<Entry>,
}

/// How to repair something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fix {
    /// Mount binfmt_misc.
    Mount,
    /// Mount it here and register this program for an architecture.
    MountAndInstall(&'static GuestArch),
    /// Enable binfmt_misc as a whole.
    EnableAll,
    /// Enable an entry.
    Enable(String),
    /// Register this in place of the entry of its name.
    Register(Rule),
    /// Remove an entry.
    Remove(String),
    /// Register this program for an architecture.
    Install(&'static GuestArch),
    /// Register this program for an architecture in the namespaces of a process.
    InstallWithin(u32, &'static GuestArch),
    /// Write the files that make our entries again after a restart.
    Persist,
    /// Write a file of the machine's configuration.
    Write {
        /// The machine's root.
        root: PathBuf,
        /// Where in it.
        path: &'static str,
        /// Its text.
        text: String,
    },
    /// Something that only a person can do.
    Command(String),
}

impl Fix {
    /// What to type.
    pub fn command(&self) -> String {
        match self {
            Self::Mount => {
                format!("mount -t binfmt_misc binfmt_misc {}", binfmt::instance::DEFAULT_MOUNT)
            }
            Self::MountAndInstall(guest) => {
                format!("{} && anyarch install {}", Self::Mount.command(), guest.name)
            }
            Self::EnableAll => "anyarch enable --all".into(),
            Self::Enable(name) => format!("anyarch enable {name}"),
            Self::Register(rule) => format!("anyarch repair {}", rule.name),
            Self::Remove(name) => format!("anyarch uninstall --force {name}"),
            Self::Install(guest) => format!("anyarch install {}", guest.name),
            Self::InstallWithin(pid, guest) => {
                format!("anyarch rootless install --engine {pid} {}", guest.name)
            }
            Self::Persist => "anyarch persist write".into(),
            Self::Write { root, path, text } => {
                format!("echo '{}' > {}", text.trim_end(), root.join(path).display())
            }
            Self::Command(text) => text.clone(),
        }
    }

    /// Whether it changes the machine's configuration, and not what is registered.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Persist | Self::Write { .. })
    }

    /// Whether it can be done for the user.
    pub fn is_automatic(&self) -> bool {
        !matches!(self, Self::Command(_))
    }
}

/// Something that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What kind.
    pub code: &'static Code,
    /// How bad it is here.
    pub severity: Severity,
    /// The entry or file that it is about.
    pub about: Option<String>,
    /// What was seen.
    pub evidence: Vec<String>,
    /// What repairs it.
    pub fix: Option<Fix>,
}

impl Finding {
    pub(crate) fn new(code: &'static Code, about: &str) -> Self {
        let severity = if code.name.starts_with('W') { Severity::Warning } else { Severity::Error };
        let about = (!about.is_empty()).then(|| about.to_owned());
        Self { code, severity, about, evidence: Vec::new(), fix: None }
    }
    pub(crate) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
    pub(crate) fn evidence(mut self, text: impl Into<String>) -> Self {
        self.evidence.push(text.into());
        self
    }
    pub(crate) fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}

/// Looks at everything; the worst first.
pub fn examine(subject: &Subject) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(there) = system::examine(subject, &mut findings) {
        entries::examine(subject, &there, &mut findings);
        file::examine(subject, &there.entries, &mut findings);
        engine::examine(subject, &there, &mut findings);
    }
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    findings
}

/// How programs of `guest` can be made to run.
pub(crate) fn install(guest: &'static GuestArch) -> Fix {
    if guest.emulated {
        return Fix::Install(guest);
    }
    Fix::Command(format!(
        "anyarch install --replace always --interpreter PATH-OF-A-STATIC-EMULATOR {}",
        guest.name
    ))
}
