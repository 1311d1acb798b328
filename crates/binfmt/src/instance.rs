//! A mounted binfmt_misc file system.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::{Entry, Error, Result, Rule, io};

/// Where the kernel's own unit mounts it.
pub const DEFAULT_MOUNT: &str = "/proc/sys/fs/binfmt_misc";

/// Name of the entry that is in force while another is replaced.
const BRIDGE: &str = "anyarch-replacing";

/// A mounted instance, at a directory.
#[derive(Clone, Debug)]
pub struct Instance {
    dir: PathBuf,
}

impl Instance {
    /// The instance mounted at `dir`.
    ///
    /// # Errors
    /// [`Error::NotMounted`] when `dir` has no `register` file.
    pub fn at(dir: impl Into<PathBuf>) -> Result<Self> {
        let dir = dir.into();
        if !dir.join("register").exists() {
            return Err(Error::NotMounted(dir.display().to_string()));
        }
        Ok(Self { dir })
    }

    /// The instance that will be mounted at `dir`: it has no entries before.
    pub fn to_be_at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The entries in the kernel's order of precedence: the first that matches wins.
    ///
    /// # Errors
    /// [`Error::Io`] when the directory cannot be read. An entry that vanishes while reading, or
    /// that cannot be understood, is left out.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        // The kernel's list and the directory's are both newest first: readdir's order is the
        // order of matching, so it must not be sorted.
        let listing = fs::read_dir(&self.dir).map_err(io("read", &self.dir))?;
        let mut entries = Vec::new();
        for item in listing.flatten() {
            let Ok(name) = item.file_name().into_string() else { continue };
            if name == "register" || name == "status" {
                continue;
            }
            if let Ok(text) = fs::read_to_string(item.path()) {
                entries.extend(Entry::parse(&name, &text));
            }
        }
        Ok(entries)
    }

    /// The entry `name`, if there is one.
    pub fn entry(&self, name: &str) -> Option<Entry> {
        if name.is_empty() || name.contains('/') || name == "register" || name == "status" {
            return None;
        }
        let text = fs::read_to_string(self.dir.join(name)).ok()?;
        Entry::parse(name, &text).ok()
    }

    /// Whether the instance as a whole is enabled.
    pub fn enabled(&self) -> bool {
        fs::read_to_string(self.dir.join("status")).is_ok_and(|t| t.trim() == "enabled")
    }

    /// Enables or disables the instance as a whole.
    ///
    /// # Errors
    /// [`Error::Io`] with the kernel's answer.
    pub fn set_all_enabled(&self, on: bool) -> Result<()> {
        self.write("status", "change", if on { "1" } else { "0" })
    }

    /// Registers `rule` with one write.
    ///
    /// # Errors
    /// [`Error::Rule`] before anything is written; [`Error::Io`] with the kernel's answer.
    pub fn register(&self, rule: &Rule) -> Result<()> {
        let line = rule.line()?;
        self.register_line(line.as_bytes())
    }

    /// Writes a line to `register` as it is.
    ///
    /// # Errors
    /// [`Error::Io`] with the kernel's answer.
    pub fn register_line(&self, line: &[u8]) -> Result<()> {
        self.write("register", "register at", line)
    }

    /// Registers `rule` in place of the entry of its name, if there is one, and puts it first: at
    /// every moment the old or the new one is in force.
    ///
    /// # Errors
    /// As [`Self::register`]; the old entry is then still there.
    pub fn replace(&self, rule: &Rule) -> Result<()> {
        self.replace_if(rule, |_| Ok(()), |e| e)
    }

    /// As [`Self::replace`], but `check` decides whether it stays: it is called when the rule is in
    /// force, under the name that it is given. If it fails, everything is as before.
    ///
    /// # Errors
    /// What `check` says, and what `refused` makes of the kernel's answers.
    pub fn replace_if<T, E>(
        &self,
        rule: &Rule,
        check: impl FnOnce(&Rule) -> std::result::Result<T, E>,
        refused: impl Fn(Error) -> E,
    ) -> std::result::Result<T, E> {
        // The kernel refuses a second entry of the name, but the last registered wins: under
        // another name the new one takes over at once.
        let bridge = Rule { name: BRIDGE.to_owned(), ..rule.clone() };
        if self.entry(BRIDGE).is_some() {
            self.unregister(BRIDGE).map_err(&refused)?; // of one that was interrupted
        }
        rule.check().map_err(&refused)?;
        self.register(&bridge).map_err(&refused)?;
        let result = check(&bridge).and_then(|value| {
            if self.entry(&rule.name).is_some() {
                self.unregister(&rule.name).map_err(&refused)?;
            }
            self.register(rule).map_err(&refused)?;
            Ok(value)
        });
        // With the right name taken, a bridge that stays would do no harm.
        let _ = self.unregister(BRIDGE);
        result
    }

    /// Removes entry `name`.
    ///
    /// # Errors
    /// [`Error::Io`] with the kernel's answer.
    pub fn unregister(&self, name: &str) -> Result<()> {
        self.write(name, "remove", "-1")
    }

    /// Enables or disables entry `name`; its place in the order stays.
    ///
    /// # Errors
    /// [`Error::Io`] with the kernel's answer.
    pub fn set_enabled(&self, name: &str, on: bool) -> Result<()> {
        self.write(name, "change", if on { "1" } else { "0" })
    }

    /// Removes all entries.
    ///
    /// # Errors
    /// [`Error::Io`] with the kernel's answer.
    pub fn clear(&self) -> Result<()> {
        self.write("status", "clear", "-1")
    }

    fn write(&self, file: &str, action: &'static str, text: impl AsRef<[u8]>) -> Result<()> {
        let path = self.dir.join(file);
        if file.contains('/') || file.is_empty() {
            let source = std::io::Error::from_raw_os_error(2);
            return Err(Error::Io { action, path: path.display().to_string(), source });
        }
        let mut f = fs::OpenOptions::new().write(true).open(&path).map_err(io(action, &path))?;
        // One write: the kernel takes each as a whole.
        match f.write(text.as_ref()) {
            Ok(n) if n == text.as_ref().len() => Ok(()),
            Ok(_) => Err(io(action, &path)(std::io::Error::from_raw_os_error(5))),
            Err(e) => Err(io(action, &path)(e)),
        }
    }
}
