//! What update-binfmts does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Call, End, Format, RUN_DETECTORS, database, fields, warn};
use crate::machine::error_text;
use crate::{Code, Machine, hex};

/// A command under way.
struct Work<'a> {
    m: &'a mut dyn Machine,
    call: Call,
    formats: BTreeMap<String, Format>,
    /// Something that was asked for failed, though the original would go on as if it had not.
    passed_over: bool,
}

type Done = Result<bool, End>;

/// Does what the command line asks for.
pub(super) fn run(m: &mut dyn Machine, call: Call) -> Result<(), End> {
    let mut work = Work { m, call, formats: BTreeMap::new(), passed_over: false };
    let name = work.call.name.clone();
    let name = name.as_deref();
    let done = match work.call.mode {
        Some("install") => {
            let name = name.unwrap_or_default();
            let extension = work.call.extension.clone();
            match work.call.spec.clone().settle(extension) {
                Ok(format) => work.install(name, format, true),
                Err(text) => {
                    warn(work.m, &format!("{name}: {text}"));
                    Ok(false)
                }
            }
        }
        Some("remove") => {
            let package = work.call.spec.package.clone();
            work.remove(name.unwrap_or_default(), &package, true)
        }
        Some("import") => work.each_file(name, Work::import),
        Some("unimport") => work.each_file(name, Work::unimport),
        Some("display") => work.display(name),
        Some("enable") => work.enable(name),
        Some("disable") => work.disable(name),
        _ => work.find(),
    }?;
    match (done, work.passed_over && !work.m.strict()) {
        (false, _) => Err(End::Message("exiting due to previous errors".into())),
        (true, true) => Err(End::Code(Code::NotReached.number())),
        (true, false) => Ok(()),
    }
}

impl Work<'_> {
    fn warn(&mut self, text: &str) {
        warn(self.m, text);
    }

    fn entry(&self, name: &str) -> PathBuf {
        self.call.proc.join(name)
    }

    fn is_mounted(&self) -> bool {
        self.m.is_file(&self.call.proc.join("register"))
    }

    /// Reads format `name` of the database, if it is not known yet.
    fn load(&mut self, name: &str, quiet: bool) -> Result<(), End> {
        let path = self.call.admin.join(name);
        if self.formats.contains_key(name) || !self.m.is_file(&path) {
            return Ok(());
        }
        let text = self.m.read(&path).map_err(|e| {
            End::Message(format!("unable to open {}: {}", path.display(), error_text(&e)))
        })?;
        match Format::parse(&String::from_utf8_lossy(&text)) {
            Ok(format) => {
                self.formats.insert(name.to_owned(), format);
                Ok(())
            }
            Err(_) if quiet => Ok(()),
            Err(field) => Err(End::Message(format!(
                "{} corrupt: out of binfmt data reading {field}",
                path.display()
            ))),
        }
    }

    fn load_all(&mut self, quiet: bool) -> Result<(), End> {
        let admin = self.call.admin.clone();
        let names = self.m.names(&admin).map_err(|e| {
            End::Message(format!("unable to open {}: {}", admin.display(), error_text(&e)))
        })?;
        names.iter().try_for_each(|name| self.load(name, quiet))
    }

    /// Makes sure that binfmt_misc is there and on.
    fn load_binfmt_misc(&mut self) -> bool {
        if self.call.test {
            self.m.out("load binfmt_misc\n");
            return true;
        }
        let proc = self.call.proc.clone();
        if !self.is_mounted()
            && let Err(e) = self.m.mount(&proc)
        {
            self.m.err(&format!("mount: {}: {}.\n", proc.display(), error_text(&e)));
            let text = "Couldn't mount the binfmt_misc filesystem on";
            self.warn(&format!("{text} {}.", proc.display()));
            return false;
        }
        if !self.is_mounted() {
            let register = proc.join("register");
            let text = format!("{} missing!  Giving up.", register.display());
            self.warn(&format!("binfmt_misc initialised, but {text}"));
            return false;
        }
        let status = proc.join("status");
        if let Err(e) = self.m.write(&status, b"1\n") {
            let text = error_text(&e);
            self.warn(&format!("unable to open {} for writing: {text}", status.display()));
        }
        true
    }

    fn enable(&mut self, name: Option<&str>) -> Done {
        if !self.load_binfmt_misc() {
            self.passed_over = true;
            return Ok(true);
        }
        let Some(name) = name else {
            self.load_all(false)?;
            let mut worked = true;
            for name in self.formats.keys().cloned().collect::<Vec<_>>() {
                if !self.m.exists(&self.entry(&name)) {
                    worked &= self.enable(Some(&name))?;
                }
            }
            return Ok(worked);
        };
        if self.m.exists(&self.entry(name)) {
            self.warn(&format!("{name} already enabled in kernel."));
            return Ok(true);
        }
        self.load(name, false)?;
        let Some(format) = self.formats.get(name).cloned() else {
            self.warn(&format!("{name} not in database of installed binary formats."));
            return Ok(false);
        };
        let mut detect = !format.detector.is_empty();
        if !detect {
            // Two formats that take the same files: somebody must choose.
            self.load_all(true)?;
            detect = self.formats.iter().any(|(n, f)| n != name && f.takes_the_same(&format));
        }
        if detect && format.fix_binary == "yes" {
            // The original adds the error of the last system call, which looked for the entry.
            self.warn(&format!(
                "unable to enable binary format {name}: another format with the same magic \
                 already exists and this is a fix-binary format: No such file or directory"
            ));
            return Ok(false);
        }
        let interpreter = if detect { RUN_DETECTORS } else { &format.interpreter };
        let line = format.line(name, interpreter);
        if self.call.test {
            self.m.out(&format!("enable {name} with the following format string:\n {line}"));
            return Ok(true);
        }
        let register = self.call.proc.join("register");
        match self.m.write(&register, line.as_bytes()) {
            Ok(()) => Ok(true),
            Err(e) => {
                self.cannot_write(&register, &e);
                Ok(false)
            }
        }
    }

    /// The kernel's answer shows when the original closes the file, others when it opens it.
    fn cannot_write(&mut self, path: &Path, error: &std::io::Error) {
        let path = path.display();
        let text = error_text(error);
        let opening = [1, 2, 13, 30].contains(&error.raw_os_error().unwrap_or(0));
        if opening && !self.m.exists(Path::new(&path.to_string())) {
            self.warn(&format!("unable to open {path} for writing: {text}"));
        } else {
            self.warn(&format!("unable to close {path}: {text}"));
        }
    }

    fn disable(&mut self, name: Option<&str>) -> Done {
        let proc = self.call.proc.clone();
        if self.m.names(&proc).is_err() {
            return Ok(true);
        }
        let Some(name) = name else {
            self.load_all(false)?;
            let mut worked = true;
            for name in self.formats.keys().cloned().collect::<Vec<_>>() {
                worked &= self.disable(Some(&name))?;
            }
            // Since Linux 6.7 everybody's entries would go with the mount.
            if self.call.test {
                self.m.out("unload binfmt_misc\n");
            } else if self.m.strict() && self.m.unmount(&proc).is_err() {
                let text = "Couldn't unmount the binfmt_misc filesystem from";
                self.warn(&format!("{text} {}.", proc.display()));
            }
            return Ok(worked);
        };
        let path = self.entry(name);
        if !self.m.exists(&path) {
            return Ok(true);
        }
        if self.call.test {
            self.m.out(&format!("disable {name}\n"));
            return Ok(true);
        }
        if let Err(e) = self.m.write(&path, b"-1") {
            self.cannot_write(&path, &e);
            return Ok(false);
        }
        if self.m.exists(&path) {
            self.warn(&format!("removal of {} ignored by kernel!", path.display()));
            return Ok(false);
        }
        Ok(true)
    }

    fn install(&mut self, name: &str, format: Format, always: bool) -> Done {
        self.load(name, true)?;
        if let Some(old) = self.formats.get(name)
            && old.package != format.package
        {
            let (new, old) = (owner(&format.package), owner(&old.package));
            let text = format!("binary format already installed by {old}");
            self.warn(&format!("current package is {new}, but {text}"));
            return Ok(false);
        }
        let path = self.call.admin.join(name);
        let to_kernel = always || self.is_mounted();
        if self.m.is_file(&path) && to_kernel && !self.disable(Some(name))? {
            self.warn(&format!("unable to disable binary format {name}"));
            return Ok(false);
        }
        if self.call.test {
            self.m.out("install the following binary format description:\n");
            let rows = format.rows();
            self.m.out(&rows.iter().map(|(k, v)| format!("{k:>12} = {v}\n")).collect::<String>());
        } else {
            let new = self.call.admin.join(format!("{name}.tmp"));
            if let Err(e) = self.m.create(&new, format.text().as_bytes()) {
                let text = error_text(&e);
                self.warn(&format!("unable to open {} for writing: {text}", new.display()));
                return Ok(false);
            }
            if let Err(e) = self.m.rename(&new, &path) {
                let (new, path) = (new.display(), path.display());
                self.warn(&format!("unable to install {new} as {path}: {}", error_text(&e)));
                return Ok(false);
            }
        }
        self.formats.insert(name.to_owned(), format);
        if to_kernel && !self.enable(Some(name))? {
            self.warn(&format!("unable to enable binary format {name}"));
            return Ok(false);
        }
        Ok(true)
    }

    fn remove(&mut self, name: &str, package: &str, always: bool) -> Done {
        let path = self.call.admin.join(name);
        if !self.m.is_file(&path) {
            self.warn(&format!("{} does not exist; nothing to do!", path.display()));
            return Ok(true);
        }
        self.load(name, true)?;
        if let Some(old) = self.formats.get(name)
            && old.package != package
        {
            let (new, old) = (owner(package), owner(&old.package));
            let text = format!("binary format already installed by {old}; not removing.");
            self.warn(&format!("current package is {new}, but {text}"));
            return Ok(true);
        }
        if (always || self.is_mounted()) && !self.disable(Some(name))? {
            self.warn(&format!("unable to disable binary format {name}"));
            return Ok(false);
        }
        if self.call.test {
            self.m.out(&format!("remove {}", path.display()));
            return Ok(true);
        }
        if let Err(e) = self.m.remove(&path) {
            self.warn(&format!("unable to remove {}: {}", path.display(), error_text(&e)));
            return Ok(false);
        }
        self.formats.remove(name);
        Ok(true)
    }

    /// Does `action` with the package's file `name`, or with all of them.
    fn each_file(
        &mut self,
        name: Option<&str>,
        action: fn(&mut Self, &str, &Path, BTreeMap<String, String>) -> Done,
    ) -> Done {
        let dir = self.call.import.clone();
        let Some(name) = name else {
            let names = match self.m.names(&dir) {
                Ok(names) => names,
                Err(e) => {
                    self.warn(&format!("unable to open {}: {}", dir.display(), error_text(&e)));
                    return Ok(false);
                }
            };
            let mut worked = true;
            for name in names {
                if self.m.is_file(&dir.join(&name)) {
                    worked &= self.each_file(Some(&name), action)?;
                }
            }
            return Ok(worked);
        };
        let (id, path) = match name.rsplit_once('/') {
            Some((_, id)) => (id, PathBuf::from(name)),
            None => (name, dir.join(name)),
        };
        if database::is_reserved(id) {
            self.warn(&format!("binary format name '{id}' is reserved"));
            return Ok(false);
        }
        let text = match self.m.read(&path) {
            Ok(text) => text,
            Err(e) => {
                self.warn(&format!("unable to open {}: {}", path.display(), error_text(&e)));
                Vec::new()
            }
        };
        let found = fields(&String::from_utf8_lossy(&text));
        if found.is_empty() {
            let what = self.call.mode.unwrap_or("import");
            self.warn(&format!("couldn't find information about '{id}' to {what}"));
            return Ok(false);
        }
        self.load(id, true)?;
        if self.formats.get(id).is_some_and(|f| f.package == ":") {
            self.warn(&format!("preserving local changes to {id}"));
            return Ok(true);
        }
        action(self, id, &path, found)
    }

    fn import(&mut self, id: &str, path: &Path, found: BTreeMap<String, String>) -> Done {
        if !found.contains_key("package") {
            self.warn(&format!("{}: required 'package' line missing", path.display()));
            return Ok(false);
        }
        let interpreter = found.get("interpreter").map_or("(null)", String::as_str);
        if !self.m.executable(Path::new(interpreter)) {
            let text = format!("no executable {interpreter} found");
            let path = path.display();
            self.warn(&format!("{path}: {text}, but continuing anyway as you request"));
        }
        let done = match Format::of_fields(&found) {
            Ok(format) => self.install(id, format, false)?,
            Err(text) => {
                self.warn(&format!("{}: {text}", path.display()));
                false
            }
        };
        self.passed_over |= !done;
        Ok(true)
    }

    fn unimport(&mut self, id: &str, path: &Path, found: BTreeMap<String, String>) -> Done {
        if !self.formats.contains_key(id) {
            return Ok(true);
        }
        let Some(package) = found.get("package") else {
            self.warn(&format!("{}: required 'package' line missing", path.display()));
            return Ok(false);
        };
        let done = self.remove(id, package, false)?;
        self.passed_over |= !done;
        Ok(true)
    }

    fn display(&mut self, name: Option<&str>) -> Done {
        let Some(name) = name else {
            self.load_all(false)?;
            for name in self.formats.keys().cloned().collect::<Vec<_>>() {
                self.display(Some(&name))?;
            }
            return Ok(true);
        };
        self.load(name, false)?;
        let Some(format) = self.formats.get(name) else {
            self.warn(&format!("{name} not in database of installed binary formats."));
            return Ok(false);
        };
        let state = if self.m.exists(&self.entry(name)) { "enabled" } else { "disabled" };
        let mut text = format!("{name} ({state}):\n");
        for (key, value) in &format.rows()[..7] {
            let value = if *key == "package" { owner(value) } else { value };
            text += &format!("{key:>12} = {value}\n");
        }
        self.m.out(&text);
        Ok(true)
    }

    /// Prints the interpreters that would be tried for a file, those with a detector first.
    fn find(&mut self) -> Done {
        self.load_all(false)?;
        let path = PathBuf::from(self.call.path.clone().unwrap_or_default());
        let head = self.m.read(&path).map_err(|e| {
            End::Message(format!("unable to open {}: {}", path.display(), error_text(&e)))
        })?;
        let name = path.display().to_string();
        let extension = name.rsplit_once('.').map(|(_, e)| e);
        let (mut first, mut second) = (String::new(), String::new());
        // In the directory's order.
        let names = self.m.names(&self.call.admin).unwrap_or_default();
        let matching: Vec<Format> = names
            .iter()
            .filter_map(|name| self.formats.get(name))
            .filter(|f| takes(f, &head, extension))
            .cloned()
            .collect();
        for format in matching {
            let line = format!("{}\n", format.interpreter);
            if format.detector.is_empty() {
                second += &line;
            } else if self.m.run(Path::new(&format.detector), &path) {
                first += &line;
            }
        }
        self.m.out(&(first + &second));
        Ok(true)
    }
}

/// Whether the format takes a file that starts with `head`.
pub(crate) fn takes(format: &Format, head: &[u8], extension: Option<&str>) -> bool {
    let [_, _, (_, offset), (_, magic), (_, mask), ..] = format.rows();
    if format.kind != "magic" {
        return extension == Some(magic);
    }
    let (magic, mask) = (hex::expand(magic.as_bytes()), hex::expand(mask.as_bytes()));
    if !mask.is_empty() && mask.len() != magic.len() {
        return false;
    }
    let offset: usize = offset.parse().unwrap_or(0);
    let at = |i: usize| offset.checked_add(i).and_then(|i| head.get(i)).copied().unwrap_or(0);
    magic.iter().enumerate().all(|(i, byte)| {
        let mask = mask.get(i).copied().unwrap_or(0xff);
        at(i) & mask == *byte
    })
}

/// A package's name as messages have it.
fn owner(package: &str) -> &str {
    if package == ":" { "<local>" } else { package }
}
