//! A machine for tests: files and a kernel in memory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use binfmt::GuestArch;

use crate::{MOUNT, Machine};

/// Files, entries (newest first), what has been printed.
pub(crate) struct Fake {
    out: String,
    err: String,
    pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
    entries: Vec<(String, String)>,
    vars: BTreeMap<String, String>,
    runs: Vec<&'static str>,
    pub(crate) strict: bool,
    pub(crate) mounted: bool,
    pub(crate) volatile: bool,
    pub(crate) level: u8,
}

fn errno(n: i32) -> io::Error {
    io::Error::from_raw_os_error(n)
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self {
            out: String::new(),
            err: String::new(),
            files: BTreeMap::new(),
            entries: Vec::new(),
            vars: BTreeMap::new(),
            runs: vec!["amd64"],
            strict: false,
            mounted: true,
            volatile: false,
            level: 0,
        }
    }

    /// The architectures whose programs run by themselves.
    pub(crate) fn runs(mut self, names: &[&'static str]) -> Self {
        self.runs = names.to_vec();
        self
    }

    pub(crate) fn var_set(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.into(), value.into());
        self
    }

    /// A file with something in it.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }

    /// Adds an entry.
    pub(crate) fn entry(&mut self, name: &str, text: &str) {
        self.entries.insert(0, (name.into(), text.into()));
    }

    /// The names of the entries, newest first.
    pub(crate) fn entries(&self) -> Vec<&str> {
        self.entries.iter().map(|(n, _)| n.as_str()).collect()
    }

    /// The text of an entry.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.entries.iter().find(|(n, _)| n == name).map_or("", |(_, t)| t)
    }

    /// Runs a command line split at spaces: exit code, output, errors.
    pub(crate) fn call(
        &mut self,
        run: fn(&mut dyn Machine, &[String]) -> u8,
        line: &str,
    ) -> (u8, String, String) {
        let arguments: Vec<String> = line.split(' ').map(Into::into).collect();
        let code = run(self, &arguments);
        (code, std::mem::take(&mut self.out), std::mem::take(&mut self.err))
    }

    /// The kernel's side of `register`.
    fn register(&mut self, line: &[u8]) -> io::Result<()> {
        let text = std::str::from_utf8(line).map_err(|_| errno(22))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let parts: Vec<&str> = text.get(1..).unwrap_or_default().split(&text[..1]).collect();
        let [name, kind, offset, magic, mask, interpreter, flags] = parts[..] else {
            return Err(errno(22));
        };
        if self.entries().contains(&name) {
            return Err(errno(17));
        }
        if kind != "M" && kind != "E" || name.is_empty() || magic.is_empty() {
            return Err(errno(22));
        }
        let hex = |t: &str| -> String {
            crate::hex::expand(t.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
        };
        if !mask.is_empty() && hex(mask).len() != hex(magic).len() {
            return Err(errno(22));
        }
        if flags.contains('F')
            && !interpreter.starts_with("/proc/self/fd/")
            && !self.exists(Path::new(interpreter))
        {
            return Err(errno(2));
        }
        let offset = if offset.is_empty() { "0" } else { offset };
        let mut entry = format!("enabled\ninterpreter {interpreter}\nflags: {flags}\n");
        if kind == "M" {
            entry += &format!("offset {offset}\nmagic {}\n", hex(magic));
            if !mask.is_empty() {
                entry += &format!("mask {}\n", hex(mask));
            }
        } else {
            entry += &format!("extension .{magic}\n");
        }
        self.entry(name, &entry);
        Ok(())
    }
}

impl Machine for Fake {
    fn out(&mut self, text: &str) {
        self.out += text;
    }
    fn err(&mut self, text: &str) {
        if !(text.starts_with("hint: ") && self.strict) {
            self.err += text;
        }
    }
    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }
    fn strict(&self) -> bool {
        self.strict
    }
    fn write(&mut self, path: &Path, text: &[u8]) -> io::Result<()> {
        let Ok(name) = path.strip_prefix(MOUNT) else { return Err(errno(2)) };
        let name = name.to_str().unwrap_or_default().to_owned();
        match name.as_str() {
            _ if !self.mounted => Err(errno(2)),
            "register" => self.register(text),
            "status" => {
                if text.starts_with(b"-1") {
                    self.entries.clear();
                }
                Ok(())
            }
            _ if !self.entries().contains(&name.as_str()) => Err(errno(2)),
            _ => {
                self.entries.retain(|(n, _)| *n != name);
                Ok(())
            }
        }
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if let Ok(name) = path.strip_prefix(MOUNT) {
            let found = self.entries.iter().find(|(n, _)| Path::new(n) == name);
            return found.map(|(_, t)| t.clone().into_bytes()).ok_or(errno(2));
        }
        self.files.get(path).cloned().ok_or(errno(2))
    }
    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        if dir == Path::new(MOUNT) {
            let own = self.entries.iter().map(|(n, _)| n.clone());
            return Ok(own.chain(["register".into(), "status".into()]).collect());
        }
        let names: Vec<String> = self
            .files
            .keys()
            .filter(|p| p.parent() == Some(dir))
            .filter_map(|p| p.file_name()?.to_str().map(Into::into))
            .collect();
        if names.is_empty() { Err(errno(2)) } else { Ok(names) }
    }
    fn exists(&self, path: &Path) -> bool {
        match path.strip_prefix(MOUNT) {
            Ok(rest) if rest == Path::new("") => true,
            Ok(rest) => {
                let name = rest.to_str().unwrap_or_default();
                self.mounted
                    && (["register", "status"].contains(&name) || self.entries().contains(&name))
            }
            Err(_) => self.files.keys().any(|p| p.starts_with(path)),
        }
    }
    fn executable(&self, path: &Path) -> bool {
        self.exists(path)
    }
    fn is_file(&self, path: &Path) -> bool {
        self.files.contains_key(path) || path.starts_with(MOUNT) && self.exists(path)
    }
    fn writable(&self, path: &Path) -> bool {
        self.exists(path)
    }
    fn create(&mut self, path: &Path, text: &[u8]) -> io::Result<()> {
        self.files.insert(path.into(), text.into());
        Ok(())
    }
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let text = self.files.remove(from).ok_or(errno(2))?;
        self.create(to, &text)
    }
    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.files.remove(path).map(drop).ok_or(errno(2))
    }
    fn mount(&mut self, _: &Path) -> io::Result<()> {
        Err(errno(1))
    }
    fn unmount(&mut self, _: &Path) -> io::Result<()> {
        Err(errno(22))
    }
    fn is_volatile(&self, _: &Path) -> bool {
        self.volatile
    }
    fn own_image(&mut self) -> io::Result<String> {
        Ok("/proc/self/fd/9".into())
    }
    fn executes(&mut self, guest: &GuestArch, _: Option<&Path>) -> bool {
        let head = binfmt::probe::build(guest).unwrap_or_else(|| guest.magic());
        self.runs.contains(&guest.name)
            || self.entries.iter().any(|(n, t)| {
                binfmt::Entry::parse(n, t).is_ok_and(|e| {
                    let there = e.interpreter.starts_with("/proc/self/fd/")
                        || self.files.contains_key(Path::new(&e.interpreter));
                    e.enabled && e.flags.contains('F') && there && e.matches(&head)
                })
            })
    }
    fn uname_machine(&self) -> String {
        "x86_64".into()
    }
    fn amd64_level(&self) -> u8 {
        self.level
    }
    fn list_long(&self, dir: &Path) -> String {
        format!("total 0 in {}\n", dir.display())
    }
    fn run(&mut self, _: &Path, _: &Path) -> bool {
        true
    }
}
