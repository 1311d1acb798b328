//! Debian's update-binfmts: a database of formats in /var/lib/binfmts, and what of it the kernel
//! has registered.

mod actions;
mod database;

use std::path::PathBuf;

pub(crate) use actions::takes;
pub(crate) use database::{Format, fields};

use crate::getopt::Spec;
use crate::getopt::option;
use crate::{Code, Machine};

const OPTIONS: &[Spec] = &[
    option(None, "install", false),
    option(None, "remove", false),
    option(None, "import", false),
    option(None, "unimport", false),
    option(None, "display", false),
    option(None, "enable", false),
    option(None, "disable", false),
    option(None, "find", false),
    option(None, "magic", true),
    option(None, "mask", true),
    option(None, "offset", true),
    option(None, "extension", true),
    option(None, "detector", true),
    option(None, "credentials", true),
    option(None, "preserve", true),
    option(None, "fix-binary", true),
    option(None, "package", true),
    option(None, "admindir", true),
    option(None, "importdir", true),
    option(None, "procdir", true),
    option(None, "test", false),
    option(Some('?'), "help", false),
    option(None, "usage", false),
    option(Some('V'), "version", false),
];

const MODES: [&str; 8] =
    ["install", "remove", "import", "unimport", "display", "enable", "disable", "find"];

/// The program that the kernel starts where a detector must choose.
const RUN_DETECTORS: &str = "/usr/lib/binfmt-support/run-detectors";

/// A command line.
#[derive(Default, Debug)]
struct Call {
    mode: Option<&'static str>,
    name: Option<String>,
    path: Option<String>,
    spec: Format,
    extension: Option<String>,
    package: Option<String>,
    admin: PathBuf,
    import: PathBuf,
    proc: PathBuf,
    test: bool,
}

/// Why the command ends.
enum End {
    /// With that code and nothing more to say.
    Code(u8),
    /// After that message, and advice to look at the help.
    Usage(String),
    /// After that message.
    Message(String),
}

/// Runs a command line; `arguments[0]` is the program's name.
pub fn run(m: &mut dyn Machine, arguments: &[String]) -> u8 {
    const TRY: &str =
        "Try 'update-binfmts --help' or 'update-binfmts --usage' for more information.\n";
    let result = Call::parse(m, arguments).and_then(|call| actions::run(m, call));
    match result {
        Ok(()) => 0,
        Err(End::Code(code)) => code,
        Err(End::Usage(message)) => {
            m.err(&format!("{message}\n{TRY}"));
            Code::Usage.number()
        }
        Err(End::Message(message)) => {
            m.err(&format!("update-binfmts: {message}\n"));
            Code::Usage.number()
        }
    }
}

/// Prints a warning.
fn warn(m: &mut dyn Machine, text: &str) {
    m.err(&format!("update-binfmts: warning: {text}\n"));
}

impl Call {
    fn parse(m: &mut dyn Machine, arguments: &[String]) -> Result<Self, End> {
        let program = arguments.first().map_or("update-binfmts", String::as_str);
        let mut call = Self {
            admin: "/var/lib/binfmts".into(),
            import: "/usr/share/binfmts".into(),
            proc: crate::MOUNT.into(),
            ..Self::default()
        };
        let wrong = |text: String| End::Usage(format!("update-binfmts: {text}"));
        let mut rest = arguments.iter().skip(1);
        let mut operands = 0;
        while let Some(argument) = rest.next() {
            // One at a time: a mode takes the words after it, whatever they look like.
            let mut one = vec![argument.clone()];
            let (name, value) = match argument.strip_prefix("--") {
                Some("") => break,
                Some(text) => text.split_once('=').unwrap_or((text, "")),
                None => ("", ""),
            };
            let needs = matches!(
                &crate::getopt::split(OPTIONS, &one, crate::getopt::Order::Permuted)[..],
                [crate::getopt::Item::Wrong(w)] if w.ends_with("requires an argument")
            );
            if needs && value.is_empty() && !name.is_empty() {
                one.extend(rest.next().cloned());
            }
            for item in crate::getopt::split(OPTIONS, &one, crate::getopt::Order::Permuted) {
                match item {
                    crate::getopt::Item::Operand(_) => operands += 1,
                    crate::getopt::Item::Wrong(w) => {
                        return Err(End::Usage(format!("{program}: {w}")));
                    }
                    crate::getopt::Item::Option(index, value) => {
                        let value = value.unwrap_or_default();
                        call.option(m, OPTIONS[index].long, value, &mut rest, wrong)?;
                    }
                }
            }
        }
        operands += rest.count();
        if operands > 0 {
            return Err(wrong("Too many arguments".into()));
        }
        call.complete(wrong)
    }

    fn option(
        &mut self,
        m: &mut dyn Machine,
        option: &'static str,
        value: String,
        rest: &mut dyn Iterator<Item = &String>,
        wrong: impl Fn(String) -> End,
    ) -> Result<(), End> {
        if MODES.contains(&option) {
            if let Some(mode) = self.mode {
                return Err(wrong(format!("two modes given: --{mode} and --{option}")));
            }
            self.mode = Some(option);
        }
        let once = |slot: &mut Option<String>, value: String| match slot {
            Some(_) => Err(wrong(format!("more than one --{option} option given"))),
            None => {
                *slot = Some(value);
                Ok(())
            }
        };
        let both = |slot: &Option<String>, other: &Option<String>| {
            if slot.is_some() || other.is_some() {
                let first = if slot.is_some() { "magic" } else { "extension" };
                return Err(wrong(format!(
                    "two binary format specifications given: --{first} and --{option}"
                )));
            }
            Ok(())
        };
        match option {
            "install" | "remove" => {
                let (Some(name), Some(path)) = (rest.next(), rest.next()) else {
                    return Err(wrong(format!("--{option} needs <name> <path>")));
                };
                self.name = Some(name.clone());
                self.path = Some(path.clone());
                self.spec.interpreter.clone_from(path);
                warn_missing(m, path);
            }
            "find" => {
                let path = rest.next().ok_or_else(|| wrong("--find needs <path>".into()))?;
                self.path = Some(path.clone());
            }
            mode if MODES.contains(&mode) => self.name = rest.next().cloned(),
            "magic" => {
                both(&self.spec.magic, &self.extension)?;
                self.spec.magic = Some(value);
            }
            "extension" => {
                both(&self.spec.magic, &self.extension)?;
                self.extension = Some(value);
            }
            "mask" => once(&mut self.spec.mask, value)?,
            "offset" => {
                if !value.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(End::Message("offset must be a whole number".into()));
                }
                once(&mut self.spec.offset, value)?;
            }
            "detector" => {
                warn_missing(m, &value);
                let mut slot = Some(self.spec.detector.clone()).filter(|d| !d.is_empty());
                once(&mut slot, value)?;
                self.spec.detector = slot.unwrap_or_default();
            }
            "credentials" => self.spec.credentials = value,
            "preserve" => self.spec.preserve = value,
            "fix-binary" => self.spec.fix_binary = value,
            "package" => once(&mut self.package, value)?,
            "admindir" => self.admin = value.into(),
            "importdir" => self.import = value.into(),
            "procdir" => self.proc = value.into(),
            "test" => self.test = true,
            "version" => {
                m.out("binfmt-support 2.2.2\n");
                return Err(End::Code(0));
            }
            _ => {
                usage(m);
                return Err(End::Code(0));
            }
        }
        Ok(())
    }

    fn complete(mut self, wrong: impl Fn(String) -> End) -> Result<Self, End> {
        let Some(mode) = self.mode else {
            let modes: Vec<String> = MODES.iter().map(|m| format!("--{m}")).collect();
            return Err(wrong(format!("you must use one of {}", modes.join(", "))));
        };
        if mode == "install" {
            if self.spec.magic.is_none() && self.extension.is_none() {
                return Err(wrong("--install requires a <spec> option".into()));
            }
            let name = self.name.as_deref().unwrap_or_default();
            if database::is_reserved(name) {
                return Err(End::Message(format!("binary format name '{name}' is reserved")));
            }
        }
        self.spec.package = self.package.clone().unwrap_or_else(|| ":".into());
        Ok(self)
    }
}

/// Warns of an interpreter or detector that is not there.
fn warn_missing(m: &mut dyn Machine, path: &str) {
    if !m.executable(std::path::Path::new(path)) {
        warn(m, &format!("no executable {path} found, but continuing anyway as you request"));
    }
}

fn usage(m: &mut dyn Machine) {
    m.out(
        "Usage: update-binfmts [OPTION...] --install <name> <path> <spec>\n\
         \x20 or:  update-binfmts [OPTION...] --remove <name> <path>\n\
         \x20 or:  update-binfmts [OPTION...] --import|--unimport [<name>]\n\
         \x20 or:  update-binfmts [OPTION...] --display|--enable|--disable [<name>]\n\
         \x20 or:  update-binfmts [OPTION...] --find <path>\n\n\
         <spec>: --magic <bytes> [--mask <bytes>] [--offset <number>], or --extension <ext>;\n\
         with --detector <path>, --credentials, --preserve, --fix-binary yes|no\n\n\
         Options: --package NAME, --admindir DIR, --importdir DIR, --test, --help, --version\n",
    );
}

#[cfg(test)]
#[path = "update_binfmts_tests.rs"]
mod tests;
