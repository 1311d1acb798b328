//! A registration: `:name:M:offset:magic:mask:interpreter:flags`, as the kernel parses it.

use crate::{Error, GuestArch, Result};

/// Flags of an entry, as in the kernel's binfmt-misc.rst.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    /// P: argv[0] is passed to the interpreter.
    pub preserve_argv0: bool,
    /// O: the program is passed as an open descriptor.
    pub open_binary: bool,
    /// C: credentials are those of the program (implies O).
    pub credentials: bool,
    /// F: the interpreter is opened when registered.
    pub fix_binary: bool,
}

impl Flags {
    /// P, O, C and F: what a transparent emulator needs.
    pub const ALL: Self =
        Self { preserve_argv0: true, open_binary: true, credentials: true, fix_binary: true };

    /// Parses letters in any order.
    ///
    /// # Errors
    /// [`Error::Rule`] on a letter that is not a flag.
    pub fn parse(text: &str) -> Result<Self> {
        let mut f = Self::default();
        for c in text.chars() {
            match c {
                'P' => f.preserve_argv0 = true,
                'O' => f.open_binary = true,
                'C' => f.credentials = true,
                'F' => f.fix_binary = true,
                _ => return Err(Error::Rule(format!("unknown flag `{c}`"))),
            }
        }
        Ok(f)
    }
}

impl std::fmt::Display for Flags {
    /// In the kernel's order.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (on, letter) in [
            (self.preserve_argv0, "P"),
            (self.open_binary || self.credentials, "O"),
            (self.credentials, "C"),
            (self.fix_binary, "F"),
        ] {
            f.write_str(if on { letter } else { "" })?;
        }
        Ok(())
    }
}

/// A registration by magic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Entry name.
    pub name: String,
    /// Offset of the magic in the file.
    pub offset: u32,
    /// Magic bytes.
    pub magic: Vec<u8>,
    /// Mask, as long as the magic; empty means all ones.
    pub mask: Vec<u8>,
    /// Interpreter path.
    pub interpreter: String,
    /// Flags.
    pub flags: Flags,
}

/// Longest register line the kernel takes, bytes (`MAX_REGISTER_LENGTH`, fs/binfmt_misc.c).
pub const LINE_LEN_MAX: usize = 1920;

impl Rule {
    /// The rule for `guest` under the name that every tool looks for.
    pub fn for_guest(guest: &GuestArch, interpreter: &str, flags: Flags) -> Self {
        Self {
            name: format!("qemu-{}", guest.qemu),
            offset: 0,
            magic: guest.magic(),
            mask: guest.mask(),
            interpreter: interpreter.to_owned(),
            flags,
        }
    }

    /// The line to write to `register`.
    ///
    /// # Errors
    /// [`Error::Rule`] naming the field, where the kernel would only say EINVAL or EEXIST.
    pub fn line(&self) -> Result<String> {
        let bad = |what: String| Err(Error::Rule(what));
        if self.name.is_empty() || self.name == "." || self.name == ".." || self.name.contains('/')
        {
            return bad(format!("the name `{}` cannot be a file name", self.name));
        }
        if self.name.len() > 255 {
            return bad("the name is longer than 255 bytes".into());
        }
        if self.name == "register" || self.name == "status" {
            return bad(format!("`{}` is a control file's name", self.name));
        }
        if self.magic.is_empty() {
            return bad("the magic is empty".into());
        }
        if self.offset as usize + self.magic.len() > 256 {
            return bad("offset and magic reach past byte 256".into());
        }
        if !self.mask.is_empty() && self.mask.len() != self.magic.len() {
            return bad("the mask's length differs from the magic's".into());
        }
        if self.interpreter.is_empty() {
            return bad("the interpreter is empty".into());
        }
        let hex = |b: &[u8]| b.iter().map(|b| format!("\\x{b:02x}")).collect::<String>();
        let text = |delimiter: char| {
            let d = delimiter;
            format!(
                "{d}{}{d}M{d}{}{d}{}{d}{}{d}{}{d}{}",
                self.name,
                self.offset,
                hex(&self.magic),
                hex(&self.mask),
                self.interpreter,
                self.flags
            )
        };
        let clash = |c: &char| !self.name.contains(*c) && !self.interpreter.contains(*c);
        let Some(delimiter) = [':', '|', ',', ';', '!', '^'].into_iter().find(clash) else {
            return bad("no delimiter is left that the name or interpreter does not contain".into());
        };
        let line = text(delimiter);
        if line.len() > LINE_LEN_MAX {
            return bad(format!("{} bytes, more than the kernel's {LINE_LEN_MAX}", line.len()));
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        let guest = GuestArch::find("arm64").expect("in the table");
        Rule::for_guest(guest, "/usr/bin/anyarch", Flags::ALL)
    }

    #[test]
    fn line_has_the_kernels_form() {
        let line = rule().line().expect("valid");
        assert!(
            line.starts_with(":qemu-aarch64:M:0:\\x7f\\x45\\x4c\\x46\\x02\\x01\\x01"),
            "{line}"
        );
        assert!(line.ends_with(":/usr/bin/anyarch:POCF"), "{line}");
    }

    #[test]
    fn each_bad_field_is_named() {
        type Spoil = fn(&mut Rule);
        let cases: [(Spoil, &str); 6] = [
            (|r| r.name = "a/b".into(), "file name"),
            (|r| r.name = "register".into(), "control file"),
            (|r| r.name = "n".repeat(256), "255"),
            (|r| r.magic.clear(), "magic is empty"),
            (|r| r.mask = vec![1], "length differs"),
            (|r| r.interpreter = "/x".repeat(1000), "1920"),
        ];
        for (spoil, word) in cases {
            let mut r = rule();
            spoil(&mut r);
            let message = r.line().expect_err("refused").to_string();
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn another_delimiter_is_used_when_needed() {
        let mut r = rule();
        r.interpreter = "/a:b".into();
        assert!(r.line().expect("valid").starts_with("|qemu-aarch64|M|"));
    }
}
