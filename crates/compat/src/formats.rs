//! Registering as the originals do, with this program in the place of an emulator that is missing.

use std::io;
use std::path::Path;

use binfmt::rule::escape;
use binfmt::{Flags, GuestArch, Rule};

use crate::{Code, Machine, hex};

pub(crate) const EPERM: i32 = 1;
pub(crate) const ENOENT: i32 = 2;
pub(crate) const EEXIST: i32 = 17;

/// A registration as the original would make it.
pub(crate) struct Registration<'a> {
    /// Entry name.
    pub(crate) name: &'a str,
    /// The offset's text (some leave it empty).
    pub(crate) offset: &'a str,
    /// Magic and mask.
    pub(crate) magic_and_mask: (Vec<u8>, Vec<u8>),
    /// The emulator's path.
    pub(crate) interpreter: &'a Path,
    /// Flags, in the original's order.
    pub(crate) flags: &'a str,
}

impl Registration<'_> {
    /// The line that the original writes.
    pub(crate) fn line(&self) -> String {
        let (magic, mask) = &self.magic_and_mask;
        format!(
            ":{}:M:{}:{}:{}:{}:{}",
            self.name,
            self.offset,
            hex::with_elf(magic),
            escape(mask),
            self.interpreter.display(),
            self.flags
        )
    }
}

/// How a registration went.
pub(crate) enum Outcome {
    /// The kernel took it.
    Done,
    /// The `register` file could not be opened.
    NotOpened(io::Error),
    /// The kernel refused it.
    Failed(io::Error),
}

/// Registers for `guest`: the original's line if its emulator is there (or this program does not
/// emulate the guest), else this program under the same name.
pub(crate) fn register(
    m: &mut dyn Machine,
    mount: &Path,
    guest: Option<&GuestArch>,
    registration: &Registration<'_>,
) -> Outcome {
    let file = mount.join("register");
    if !m.exists(&file) {
        return Outcome::NotOpened(io::Error::from_raw_os_error(ENOENT));
    }
    let ours = guest.filter(|g| g.emulated && !m.exists(registration.interpreter));
    let line = match ours.map(|guest| own_line(m, guest, registration.name)) {
        Some(Ok(line)) => line,
        Some(Err(error)) => return Outcome::Failed(error),
        None => registration.line(),
    };
    match m.write(&file, line.as_bytes()) {
        Ok(()) => Outcome::Done,
        Err(e) if matches!(e.kind(), io::ErrorKind::PermissionDenied) => Outcome::NotOpened(e),
        Err(e) => Outcome::Failed(e),
    }
}

/// The line that registers this program for `guest` as `name`.
fn own_line(m: &mut dyn Machine, guest: &GuestArch, name: &str) -> io::Result<String> {
    let mut rule = Rule::for_guest(guest, &m.own_image()?, Flags::ALL);
    name.clone_into(&mut rule.name);
    rule.line().map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e.to_string()))
}

/// The code of a registration that worked: whether it will last.
pub(crate) fn lasting(m: &mut dyn Machine, mount: &Path) -> Code {
    if !m.is_volatile(mount) {
        return Code::Done;
    }
    m.err(&format!(
        "hint: these registrations vanish when this container ends, because nobody else holds \
         {0}; on the host: ls {0} (or mount it), then again; or with \
         -v {0}:/binfmt_misc: install --mount /binfmt_misc\n",
        mount.display()
    ));
    Code::Volatile
}
