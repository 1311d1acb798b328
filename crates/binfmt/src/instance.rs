//! A mounted binfmt_misc file system.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::{Entry, Error, Result, Rule};

/// Where the kernel's own unit mounts it.
pub const DEFAULT_MOUNT: &str = "/proc/sys/fs/binfmt_misc";

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
        let listing = fs::read_dir(&self.dir).map_err(|e| self.io("read", &self.dir, e))?;
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
        let text = fs::read_to_string(self.dir.join(name)).ok()?;
        Entry::parse(name, &text).ok()
    }

    /// Whether the instance as a whole is enabled.
    pub fn enabled(&self) -> bool {
        fs::read_to_string(self.dir.join("status")).is_ok_and(|t| t.trim() == "enabled")
    }

    /// Registers `rule` with one write.
    ///
    /// # Errors
    /// [`Error::Rule`] before anything is written; [`Error::Io`] with the kernel's answer.
    pub fn register(&self, rule: &Rule) -> Result<()> {
        let line = rule.line()?;
        self.write("register", "register at", &line)
    }

    /// Removes entry `name`.
    ///
    /// # Errors
    /// [`Error::Io`] with the kernel's answer.
    pub fn unregister(&self, name: &str) -> Result<()> {
        self.write(name, "remove", "-1")
    }

    fn write(&self, file: &str, action: &'static str, text: &str) -> Result<()> {
        let path = self.dir.join(file);
        let mut f = fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .map_err(|e| self.io(action, &path, e))?;
        f.write_all(text.as_bytes()).map_err(|e| self.io(action, &path, e))
    }

    #[expect(clippy::unused_self, reason = "reads as a method of the instance at the call sites")]
    fn io(&self, action: &'static str, path: &Path, source: std::io::Error) -> Error {
        Error::Io { action, path: path.display().to_string(), source }
    }
}
