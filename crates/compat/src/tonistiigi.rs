//! tonistiigi/binfmt: `--install`, `--uninstall`, `--mount`, `--version`, and the state as JSON.
//!
//! Two things differ on purpose. The mount is not taken away at the end, because since Linux 6.7
//! the entries would go with it. And an architecture is only done when its programs run.

use std::path::{Path, PathBuf};

use binfmt::GuestArch;

use crate::formats::{self, Outcome};
use crate::go_flag::{self, Flag, Refusal};
use crate::machine::error_text;
use crate::{Code, Machine, platform};

const FLAGS: &[Flag] = &[
    Flag { name: "mount", is_bool: false, usage: "binfmt_misc mount point", default: crate::MOUNT },
    Flag { name: "install", is_bool: false, usage: "architectures to install", default: "" },
    Flag { name: "uninstall", is_bool: false, usage: "architectures to uninstall", default: "" },
    Flag { name: "version", is_bool: true, usage: "display version", default: "" },
];

/// The architectures that the original knows, by Go's names.
pub(crate) const ARCHITECTURES: [&str; 10] = [
    "amd64", "arm64", "arm", "s390x", "ppc64le", "riscv64", "386", "mips64le", "mips64", "loong64",
];

/// What is listed as supported after this machine's own platform, in this order.
const PROBED: [&str; 11] = [
    "amd64", "arm64", "riscv64", "ppc64", "ppc64le", "s390x", "386", "mips64le", "mips64",
    "loong64", "arm",
];

/// The version of QEMU whose behaviour is matched, as `--version` reports it.
const QEMU_VERSION: &str = "v11.0.2";

struct Call {
    mount: PathBuf,
    install: String,
    uninstall: String,
    version: bool,
}

/// Runs a command line; `arguments[0]` is the program's name.
pub fn run(m: &mut dyn Machine, arguments: &[String]) -> u8 {
    let program = arguments.first().map_or("binfmt", String::as_str);
    let found = match go_flag::parse(FLAGS, arguments.get(1..).unwrap_or_default()) {
        Ok(found) => found,
        Err(refusal) => {
            let help = refusal == Refusal::Help;
            if let Refusal::Mistake(message) = refusal {
                m.err(&format!("{message}\n"));
            }
            m.err(&go_flag::usage(program, FLAGS));
            return if help { 0 } else { Code::Usage.number() };
        }
    };
    let mut call = Call {
        mount: crate::MOUNT.into(),
        install: String::new(),
        uninstall: String::new(),
        version: false,
    };
    for (index, value) in found {
        match FLAGS[index].name {
            "mount" => call.mount = value.into(),
            "install" => call.install = value,
            "uninstall" => call.uninstall = value,
            _ => call.version = value == "true",
        }
    }
    let code = call.run(m);
    m.exit_code(0, code)
}

impl Call {
    fn run(&self, m: &mut dyn Machine) -> Code {
        if self.version {
            let own = env!("CARGO_PKG_VERSION");
            m.err(&format!("binfmt/{own} qemu/{QEMU_VERSION} anyarch/{own}\n"));
            return Code::Done;
        }
        if !m.exists(&self.mount.join("status"))
            && let Err(error) = m.mount(&self.mount)
        {
            m.err(&format!(
                "error: {}\ncannot mount binfmt_misc filesystem at {}\n",
                error_text(&error).to_lowercase(),
                self.mount.display()
            ));
            m.err("hint: a container needs --privileged for this\n");
            return Code::NoKernel;
        }
        let mut failed = self.uninstall(m);
        let mut done = 0;
        let names = self.selected(m);
        for name in &names {
            match self.install(m, name) {
                Ok(()) => done += 1,
                Err(()) => failed += 1,
            }
        }
        if let Err(error) = status(m, &self.mount) {
            let path = self.mount.display();
            m.err(&format!("error: open {path}: {}\n", error_text(&error).to_lowercase()));
            return Code::NotReached;
        }
        match (failed, done) {
            (0, 0) => Code::Done,
            (0, _) => formats::lasting(m, &self.mount),
            (_, 0) => Code::NotReached,
            _ => Code::Partial,
        }
    }

    /// The architectures to install.
    fn selected(&self, m: &mut dyn Machine) -> Vec<String> {
        let host = host_name(m);
        if self.install == "all" {
            let supported = supported(m);
            return ARCHITECTURES
                .into_iter()
                .filter(|a| {
                    !supported
                        .iter()
                        .any(|s| platform::architecture(s, &host).as_deref() == Some(a))
                })
                .filter(|a| match GuestArch::find(a) {
                    Some(guest) => match binary(m, guest) {
                        Ok((_, path)) => guest.emulated || m.exists(&path),
                        Err(_) => true,
                    },
                    None => false,
                })
                .map(Into::into)
                .collect();
        }
        let strict = m.strict();
        let split = self.install.split(',').filter(|_| !self.install.is_empty());
        split
            .map(|text| {
                let name = platform::architecture(text, &host);
                // `arm/v7` reads as an operating system `arm`; what is meant is plain.
                let known = name.as_deref().is_some_and(|n| ARCHITECTURES.contains(&n));
                match GuestArch::find(text) {
                    Some(guest) if !known && !strict => guest.name.to_owned(),
                    _ => name.unwrap_or_else(|| text.to_owned()),
                }
            })
            .collect()
    }

    fn install(&self, m: &mut dyn Machine, name: &str) -> Result<(), ()> {
        let guest = GuestArch::find(name).filter(|_| ARCHITECTURES.contains(&name));
        let result = match guest {
            Some(guest) => self.register(m, guest),
            None => Err(format!("unsupported architecture: {name}")),
        };
        let outcome = match result {
            Ok(()) => {
                m.err(&format!("installing: {name} OK\n"));
                true
            }
            Err(message) => {
                m.err(&format!("installing: {name} {message}\n"));
                message.ends_with(" already registered")
            }
        };
        match guest {
            Some(guest) if outcome => {
                if m.executes(guest, None) {
                    return Ok(());
                }
                m.err(&format!(
                    "hint: {0} programs do not run all the same; to put anyarch in place: \
                     --uninstall qemu-{1} --install {0}\n",
                    guest.name, guest.qemu
                ));
                Err(())
            }
            _ => Err(()),
        }
    }

    fn register(&self, m: &mut dyn Machine, guest: &GuestArch) -> Result<(), String> {
        let (base, path) = binary(m, guest)?;
        if guest.name == host_name(m) {
            m.err(&format!("hint: {} is this machine's own: nothing to register\n", guest.name));
            return Ok(());
        }
        let register = self.mount.join("register");
        let mut flags = String::from("CF");
        if m.setting("QEMU_PRESERVE_ARGV0").is_some() {
            flags.push('P');
        }
        let masks = crate::conf_targets::magic_and_mask(guest.qemu);
        let registration = formats::Registration {
            name: &base,
            offset: "0",
            magic_and_mask: masks,
            interpreter: &path,
            flags: &flags,
        };
        match formats::register(m, &self.mount, Some(guest), &registration) {
            Outcome::Done => Ok(()),
            Outcome::Failed(e) if e.raw_os_error() == Some(formats::EEXIST) => {
                Err(format!("{base} already registered"))
            }
            Outcome::Failed(e) => {
                let text = error_text(&e).to_lowercase();
                Err(format!(
                    "cannot register {:?} to {}: write {1}: {text}",
                    path.display().to_string(),
                    register.display(),
                ))
            }
            Outcome::NotOpened(e) => Err(match e.raw_os_error() {
                Some(formats::ENOENT) => {
                    format!("ENOENT opening {} is it mounted?", register.display())
                }
                Some(formats::EPERM) => {
                    format!("EPERM opening {} check permissions?", register.display())
                }
                _ => format!(
                    "Cannot open {}: open {0}: {}",
                    register.display(),
                    error_text(&e).to_lowercase()
                ),
            }),
        }
    }

    /// Removes what is asked for; returns how many the system refused to remove.
    fn uninstall(&self, m: &mut dyn Machine) -> usize {
        let mut failed = 0;
        for name in self.to_uninstall(m) {
            match self.remove(m, &name) {
                Ok(()) => m.err(&format!("uninstalling: {name} OK\n")),
                Err((message, gone)) => {
                    m.err(&format!("uninstalling: {name} {message}\n"));
                    failed += usize::from(!gone);
                }
            }
        }
        failed
    }

    fn to_uninstall(&self, m: &mut dyn Machine) -> Vec<String> {
        let host = host_name(m);
        let names = sorted(m, &self.mount).unwrap_or_default();
        let mut out = Vec::new();
        for item in self.uninstall.split(',').filter(|_| !self.uninstall.is_empty()) {
            let known = platform::architecture(item, &host)
                .filter(|a| ARCHITECTURES.contains(&a.as_str()))
                .or_else(|| {
                    (!m.strict()).then(|| GuestArch::find(item)?.name.to_owned().into())?
                });
            let item = match known.and_then(|a| GuestArch::find(&a)) {
                Some(guest) if !names.iter().any(|n| n == item) => guest.qemu.to_owned(),
                _ => item.to_owned(),
            };
            let before = out.len();
            out.extend(names.iter().filter(|n| matches(item.as_bytes(), n.as_bytes())).cloned());
            if out.len() == before {
                out.push(item);
            }
        }
        out
    }

    /// Err: the message, and whether the entry is not there.
    fn remove(&self, m: &mut dyn Machine, name: &str) -> Result<(), (String, bool)> {
        let names = sorted(m, &self.mount).map_err(|e| {
            (format!("open {}: {}", self.mount.display(), error_text(&e).to_lowercase()), false)
        })?;
        let suffix = format!("-{name}");
        let entry = names
            .iter()
            .filter(|n| !["register", "status", "WSLInterop"].contains(&n.as_str()))
            .find(|n| *n == name || n.ends_with(&suffix));
        let Some(entry) = entry else { return Err(("not found".into(), true)) };
        let path = self.mount.join(entry);
        m.write(&path, b"-1").map_err(|e| {
            (format!("open {}: {}", path.display(), error_text(&e).to_lowercase()), false)
        })
    }
}

/// This machine's architecture by Go's name.
fn host_name(m: &dyn Machine) -> String {
    let uname = m.uname_machine();
    GuestArch::find(&uname).map_or(uname, |g| g.name.to_owned())
}

/// The name and path of the original's emulator.
fn binary(m: &dyn Machine, guest: &GuestArch) -> Result<(String, PathBuf), String> {
    let dir = m.setting("QEMU_BINARY_PATH");
    let prefix = m.var("QEMU_BINARY_PREFIX").unwrap_or_default();
    if prefix.contains('/') {
        return Err("binary prefix must not contain path separator \
                    (Hint: set $QEMU_BINARY_PATH to specify the directory)"
            .into());
    }
    let base = format!("{prefix}qemu-{}", guest.qemu);
    let path = Path::new(dir.as_deref().unwrap_or("/usr/bin")).join(&base);
    Ok((base, path))
}

/// The names in the directory, in alphabetical order.
fn sorted(m: &dyn Machine, dir: &Path) -> std::io::Result<Vec<String>> {
    let mut names = m.names(dir)?;
    names.sort_unstable();
    Ok(names)
}

/// The platforms whose programs run.
fn supported(m: &mut dyn Machine) -> Vec<String> {
    let host = host_name(m);
    let own = GuestArch::find(&host).map_or(host.as_str(), |g| g.platform);
    let mut out = vec![format!("linux/{own}")];
    if host == "amd64" {
        out.extend((2..2 + m.amd64_level()).map(|level| format!("linux/amd64/v{level}")));
    }
    for name in PROBED.into_iter().filter(|n| *n != host) {
        let Some(guest) = GuestArch::find(name) else { continue };
        if m.executes(guest, None) {
            out.push(format!("linux/{}", guest.platform));
            out.extend((name == "arm").then(|| "linux/arm/v6".into()));
        }
    }
    if own == "arm/v7" {
        out.push("linux/arm/v6".into());
    }
    out
}

/// Prints the state: what runs, and which entries are enabled.
fn status(m: &mut dyn Machine, mount: &Path) -> std::io::Result<()> {
    let mut emulators = Vec::new();
    for name in sorted(m, mount)? {
        if name != "register"
            && name != "status"
            && m.read(&mount.join(&name))?.starts_with(b"enabled")
        {
            emulators.push(name);
        }
    }
    let text = format!(
        "{{\n  \"supported\": {},\n  \"emulators\": {}\n}}\n",
        array(&supported(m)),
        array(&emulators)
    );
    m.out(&text);
    Ok(())
}

fn array(items: &[String]) -> String {
    if items.is_empty() {
        return "null".into();
    }
    let rows: Vec<String> = items.iter().map(|i| format!("    {}", quoted(i))).collect();
    format!("[\n{}\n  ]", rows.join(",\n"))
}

/// A string as Go's encoding/json writes it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out += "\\n",
            '\r' => out += "\\r",
            '\t' => out += "\\t",
            '\u{8}' => out += "\\b",
            '\u{c}' => out += "\\f",
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                out += &format!("\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Go's filepath.Match for one name: `*`, `?`, `[a-z]`, `\c`.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=name.len()).any(|i| matches(rest, &name[i..])),
        (Some((b'?', rest)), Some((_, name))) => matches(rest, name),
        (Some((b'[', rest)), Some((&first, name))) => match class(rest, first) {
            Some((true, rest)) => matches(rest, name),
            _ => false,
        },
        (Some((b'\\', [c, rest @ ..])), Some((first, name))) => c == first && matches(rest, name),
        (Some((c, rest)), Some((first, name))) => c == first && matches(rest, name),
        _ => false,
    }
}

/// Reads a class after its `[`: whether `byte` is in it, and what follows its `]`.
fn class(pattern: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let negated = pattern.first() == Some(&b'^');
    let mut rest = if negated { &pattern[1..] } else { pattern };
    let mut inside = false;
    let mut first = true;
    loop {
        let (&low, after) = rest.split_first()?;
        if low == b']' && !first {
            return Some((inside != negated, after));
        }
        first = false;
        rest = match after {
            [b'-', high, tail @ ..] if *high != b']' => {
                inside |= (low..=*high).contains(&byte);
                tail
            }
            _ => {
                inside |= low == byte;
                after
            }
        };
    }
}

#[cfg(test)]
#[path = "tonistiigi_tests.rs"]
mod tests;
