//! Registering one architecture so that its programs execute afterwards, or nothing has changed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use binfmt::interpreter::Kind;
use binfmt::pin::{OWN_IMAGE, OWN_NAME, Pinned};
use binfmt::precedence::winner_for;
use binfmt::probe::{Outcome, Prober, Report};
use binfmt::{Entry, Flags, GuestArch, Instance, Rule};

use crate::commands::options::{code, is_ours, marked, own_name, refused};
use crate::replaced;
use crate::report::Failure;

/// What the kernel is to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Pin {
    /// A copy in memory; the file may be replaced or deleted.
    Memfd,
    /// The file as it is now, kept open.
    File,
    /// The path, so that the entry shows it.
    Path,
}

/// What to do about an entry of the same name that somebody else made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Replace {
    /// Keep it; register ours under another name, with precedence.
    Never,
    /// Replace it if it does not work, else as `never`.
    Broken,
    /// Replace it.
    Always,
}

/// How to register.
pub(crate) struct Registrar<'a> {
    pub(crate) instance: &'a Instance,
    pub(crate) prober: Prober,
    /// None: this program. `{qemu}` and `{arch}` stand for names of the architecture.
    pub(crate) interpreter: Option<String>,
    pub(crate) pin: Pin,
    pub(crate) flags: Flags,
    pub(crate) replace: Replace,
    /// Do not try whether it works.
    pub(crate) no_probe: bool,
    /// Even over native programs, or with a dangerous interpreter.
    pub(crate) force: bool,
}

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    Registered,
    /// In the place of an entry of the same name, which was this.
    Replaced(String),
    /// Before an entry that stays.
    Outranks(String),
}

impl Action {
    /// One word.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Replaced(_) => "replaced",
            Self::Outranks(_) => "outranks",
        }
    }
}

/// The result for one architecture.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) guest: &'static GuestArch,
    pub(crate) rule: Rule,
    pub(crate) action: Action,
    pub(crate) probe: Option<Report>,
    pub(crate) in_memory: bool,
    /// What was replaced is remembered.
    pub(crate) noted: bool,
}

impl<'a> Registrar<'a> {
    /// With the defaults.
    pub(crate) fn new(instance: &'a Instance, prober: Prober) -> Self {
        Self {
            instance,
            prober,
            interpreter: None,
            pin: Pin::Memfd,
            flags: Flags::for_kernel(binfmt::Kernel::running()),
            replace: Replace::Broken,
            no_probe: false,
            force: false,
        }
    }

    /// The interpreter's path for `guest`.
    fn path(&self, guest: &GuestArch) -> PathBuf {
        match &self.interpreter {
            None => OWN_IMAGE.into(),
            Some(pattern) => guest.fill(pattern).into(),
        }
    }

    /// What [`Self::register`] would do: the rule with the interpreter's path, and what becomes of
    /// others.
    ///
    /// # Errors
    /// When it would be refused.
    pub(crate) fn plan(&self, guest: &'static GuestArch) -> Result<(Rule, Action), Failure> {
        let before = self.instance.entries().unwrap_or_default();
        self.check_native(guest, &before)?;
        self.check_interpreter(guest)?;
        let mut rule = Rule::for_guest(guest, &self.path_to_register(guest), self.flags);
        let action = self.choose(guest, &before, &mut rule)?;
        rule.check()?;
        Ok((rule, action))
    }

    /// The path that the entry shows where it is registered by its path.
    fn path_to_register(&self, guest: &GuestArch) -> String {
        let path = self.path(guest);
        match &self.interpreter {
            Some(_) => marked(&path),
            None => std::env::current_exe()
                .ok()
                .filter(|own| self.pin == Pin::Path && own.exists())
                .map_or_else(|| OWN_IMAGE.to_owned(), |own| own.display().to_string()),
        }
    }

    /// Registers for all that this program emulates.
    ///
    /// # Errors
    /// As [`Self::register`], at the first.
    pub(crate) fn register_all(&self) -> Result<(), Failure> {
        binfmt::guests::emulated().into_iter().try_for_each(|g| self.register(g).map(drop))
    }

    /// Registers for `guest`.
    ///
    /// # Errors
    /// When it is refused, or does not work; then everything is as it was before.
    pub(crate) fn register(&self, guest: &'static GuestArch) -> Result<Done, Failure> {
        let before = self.instance.entries()?;
        self.check_native(guest, &before)?;
        self.check_interpreter(guest)?;
        let path = self.path(guest);
        let image = match self.pin {
            Pin::Memfd => Some(Pinned::new(&path, &memory_name(&self.interpreter))),
            Pin::File => Some(Pinned::file(&path)),
            Pin::Path => None,
        };
        let image = image.transpose().map_err(Failure::cannot("open the interpreter", &path))?;
        let text = image.as_ref().map_or_else(|| self.path_to_register(guest), Pinned::path);
        let mut rule = Rule::for_guest(guest, &text, self.flags);
        let action = self.choose(guest, &before, &mut rule)?;
        let probe = self.instance.replace_if(
            &rule,
            |trial| self.verify(guest, trial),
            |e| explain_refusal(e, &rule),
        )?;
        let in_memory = image.is_some_and(|i| i.is_in_memory());
        let noted = match &action {
            Action::Replaced(line) => replaced::note(self.instance, &rule.name, line),
            _ => false,
        };
        Ok(Done { guest, rule, action, probe, in_memory, noted })
    }

    /// Chooses the name, and says what becomes of the entry that has it.
    fn choose(
        &self,
        guest: &'static GuestArch,
        before: &[Entry],
        rule: &mut Rule,
    ) -> Result<Action, Failure> {
        // One that a configuration file of ours has made under its own name is renewed.
        if let Some(own) = before.iter().find(|e| e.name == own_name(guest) && is_ours(e)) {
            rule.name.clone_from(&own.name);
            return Ok(Action::Registered);
        }
        let Some(old) = before.iter().find(|e| e.name == rule.name) else {
            return Ok(Action::Registered);
        };
        let line = || match old.rule().map(|r| r.line()) {
            Some(Ok(line)) => line,
            _ => old.interpreter.clone(),
        };
        let replace = match self.replace {
            _ if is_ours(old) => true,
            Replace::Always => true,
            Replace::Never => false,
            // Its own architecture, enabled, first, and yet its programs do not execute.
            Replace::Broken => {
                winner_for(before, guest).is_some_and(|e| e.name == old.name)
                    && !self.no_probe
                    && self.prober.fresh_root(guest).outcome != Outcome::Ok
            }
        };
        if replace {
            return Ok(if is_ours(old) { Action::Registered } else { Action::Replaced(line()) });
        }
        rule.name = own_name(guest);
        Ok(Action::Outranks(old.name.clone()))
    }

    fn check_interpreter(&self, guest: &GuestArch) -> Result<(), Failure> {
        if self.interpreter.is_none() {
            if guest.emulated || self.force {
                return Ok(());
            }
            return Err(Failure::new(format!("{} is not emulated by this version", guest.name))
                .help(format!(
                    "with another emulator: anyarch install --interpreter /usr/bin/qemu-{{qemu}} {}",
                    guest.name
                ))
                .code(code::USAGE));
        }
        let path = self.path(guest);
        let bad = |what: String| Failure::new(format!("{}: {what}", path.display()));
        match Kind::of(&path) {
            Kind::Missing => return Err(bad("there is no such interpreter".into())),
            Kind::NotExecutable => return Err(bad("it is not executable".into())),
            Kind::Foreign(arch) => {
                return Err(bad(format!("it is a program for {arch} itself (ELOOP, ENOEXEC)")));
            }
            Kind::Dynamic(loader) if self.flags.fix_binary && !self.force => {
                return Err(bad(format!(
                    "it is dynamic: in another root the kernel would look there for {loader}"
                ))
                .help("use a static emulator (qemu-user-static), or --force"));
            }
            Kind::Script(of) if self.flags.fix_binary && !self.force => {
                return Err(bad(format!("it is a script for {of}, which other roots do not have"))
                    .help("use a static emulator, or --force"));
            }
            _ => {}
        }
        let setuid = std::fs::metadata(&path).is_ok_and(|m| m.permissions().mode() & 0o6000 != 0);
        if setuid && !self.force {
            return Err(bad("it is setuid: every foreign program would run as its owner".into())
                .help("chmod ug-s it, or --force"));
        }
        Ok(())
    }

    /// The magic of programs that this kernel runs itself takes them all over, this one included.
    fn check_native(&self, guest: &'static GuestArch, before: &[Entry]) -> Result<(), Failure> {
        if self.force {
            return Ok(());
        }
        let host = Some(guest) == GuestArch::host();
        let taken = winner_for(before, guest).is_some();
        let native =
            host || !taken && !self.no_probe && self.prober.fresh_root(guest).outcome.is_ok();
        if !native {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{} programs run natively here; registering would take all of them over",
            guest.title()
        ))
        .help("there is nothing to do for them; --force registers all the same")
        .code(code::HIJACK))
    }

    /// Whether programs of `guest` execute now, and native ones still do.
    fn verify(&self, guest: &'static GuestArch, rule: &Rule) -> Result<Option<Report>, Failure> {
        let native = self.prober.native().outcome;
        if !native.is_ok() && !self.force {
            return Err(Failure::new(format!(
                "with {} registered native programs do not run any more: {native}",
                guest.title()
            ))
            .help("nothing was changed")
            .code(code::HIJACK));
        }
        let entries = self.instance.entries()?;
        let winner = winner_for(&entries, guest).map(|e| e.name.as_str());
        if winner != Some(&rule.name) {
            let other = winner.unwrap_or("none");
            return Err(Failure::new(format!(
                "the registration for {} would not be in force, but {other}",
                guest.title()
            )));
        }
        if self.no_probe {
            return Ok(None);
        }
        let report = self.prober.fresh_root(guest);
        match &report.outcome {
            Outcome::Ok => Ok(Some(report)),
            Outcome::Unavailable(_) => Ok(Some(report)),
            bad => Err(Failure::new(format!(
                "registered, a program for {} does not run: {bad}",
                guest.title()
            ))
            .caused_by_text(report.stderr.lines().next())
            .caused_by_text(self.hint(bad))
            .help("nothing was changed; anyarch doctor says more")),
        }
    }

    /// Why a fresh registration may not work.
    fn hint(&self, outcome: &Outcome) -> Option<&'static str> {
        match outcome {
            Outcome::Errno(libc::ENOEXEC) if !self.instance.enabled() => {
                Some("binfmt_misc is disabled as a whole (anyarch enable --all)")
            }
            Outcome::Errno(libc::ENOEXEC) => Some(
                "this instance is not the one that is in force for this user namespace (E-USERNS-SHADOW)",
            ),
            Outcome::Errno(libc::ENOENT) => Some(
                "the interpreter needs a loader that a fresh root does not have, or lacks flag F",
            ),
            _ => None,
        }
    }
}

/// What `/proc/PID/exe` will show of the copy.
fn memory_name(interpreter: &Option<String>) -> String {
    match interpreter {
        None => OWN_NAME.to_owned(),
        Some(path) => {
            let name = Path::new(path).file_name().unwrap_or_default();
            name.to_string_lossy().chars().take(64).collect()
        }
    }
}

/// What the kernel's errno means, where it says little.
fn explain_refusal(error: binfmt::Error, rule: &Rule) -> Failure {
    let why = match error.errno() {
        Some(libc::ENOENT) => Some("there is no such interpreter (flag F opens it now)"),
        Some(libc::EACCES) => Some(
            "not allowed; or the interpreter is not executable, a directory, or on a noexec mount",
        ),
        Some(libc::EINVAL) if rule.flags.transparent => {
            Some("this kernel does not know flag T (Linux 7.3)")
        }
        Some(libc::EINVAL) => Some("a kernel before 4.8 does not know flag F"),
        Some(libc::EEXIST) => Some("an entry of this name was made meanwhile"),
        _ => None,
    };
    refused(error).caused_by_text(why)
}
