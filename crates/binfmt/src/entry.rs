//! What the kernel says of an entry: the text of its file.

use crate::{Error, Flags, GuestArch, Matcher, Result, Rule, pin};

/// A registered entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it takes part in matching.
    pub enabled: bool,
    /// The interpreter as registered.
    pub interpreter: String,
    /// Flags, as letters (a newer kernel may know more than [`Flags`]).
    pub flags: String,
    /// How it matches.
    pub matcher: Matcher,
}

impl Entry {
    /// Parses the text of entry `name`.
    ///
    /// # Errors
    /// [`Error::Entry`] when a required line is missing or malformed. Unknown lines are ignored.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let bad = |reason: String| Error::Entry { name: name.to_owned(), reason };
        let mut lines = text.lines();
        let enabled = match lines.next() {
            Some("enabled") => true,
            Some("disabled") => false,
            other => return Err(bad(format!("first line is {other:?}"))),
        };
        let (mut interpreter, mut flags) = (None, String::new());
        let (mut offset, mut magic, mut mask, mut extension) = (0, None, Vec::new(), None);
        for line in lines {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            match key {
                "interpreter" => interpreter = Some(value.to_owned()),
                "flags:" => flags = value.trim().to_owned(),
                "offset" => offset = value.parse().map_err(|_| bad(format!("offset `{value}`")))?,
                "magic" => {
                    magic = Some(unhex(value).ok_or_else(|| bad(format!("magic `{value}`")))?);
                }
                "mask" => mask = unhex(value).ok_or_else(|| bad(format!("mask `{value}`")))?,
                "extension" => extension = Some(value.trim_start_matches('.').to_owned()),
                _ => {}
            }
        }
        let matcher = match (magic, extension) {
            (Some(magic), _) => Matcher::Magic { offset, magic, mask },
            (None, Some(e)) => Matcher::Extension(e),
            (None, None) => Matcher::Other,
        };
        let interpreter = interpreter.unwrap_or_default();
        Ok(Self { name: name.to_owned(), enabled, interpreter, flags, matcher })
    }

    /// Whether a file that starts with `head` matches.
    pub fn matches(&self, head: &[u8]) -> bool {
        self.matcher.compare("", head).is_ok()
    }

    /// The guest whose executables it takes, if any.
    pub fn guest(&self) -> Option<&'static GuestArch> {
        crate::guests::GUESTS.iter().find(|g| self.matches(&g.magic()))
    }

    /// The rule that would make it, as far as the kernel's text says; None for a kind or a flag
    /// that this version does not know.
    pub fn rule(&self) -> Option<Rule> {
        let flags = Flags::parse(&self.flags).ok()?;
        if self.matcher == Matcher::Other {
            return None;
        }
        let (name, matcher) = (self.name.clone(), self.matcher.clone());
        Some(Rule { name, matcher, interpreter: self.interpreter.clone(), flags })
    }

    /// Whether its interpreter's path names an open file of the process that registered it, so
    /// that nothing can be found at the path now.
    pub fn is_pinned(&self) -> bool {
        pin::is_pinned(&self.interpreter)
    }

    /// Whether it has `letter` among its flags.
    pub fn has(&self, letter: char) -> bool {
        self.flags.contains(letter)
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\noffset 0\n\
        magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n";

    #[test]
    fn reads_the_kernels_text() {
        let e = Entry::parse("qemu-aarch64", TEXT).expect("valid");
        assert!(e.enabled && e.flags == "OCF" && e.interpreter == "/usr/bin/qemu-aarch64-static");
        assert_eq!(e.guest().map(|g| g.name), Some("arm64"));
        assert!(e.rule().is_some_and(|r| r.flags.fix_binary && !r.flags.preserve_argv0));
    }

    #[test]
    fn extension_entries_and_unknown_lines_are_no_error() {
        let e =
            Entry::parse("jar", "disabled\ninterpreter /x\nflags: \nextension .jar\n").expect("ok");
        assert_eq!(e.matcher, Matcher::Extension("jar".into()));
        assert!(!e.enabled);
        let e = Entry::parse("b", "enabled\ninterpreter /x\nflags: T\nbpf prog\n").expect("ok");
        assert_eq!(e.matcher, Matcher::Other);
    }

    #[test]
    fn malformed_text_is_named() {
        assert!(Entry::parse("x", "").is_err());
        assert!(Entry::parse("x", "enabled\nmagic zz\n").is_err());
        assert!(Entry::parse("x", "enabled\noffset -1\n").is_err());
    }
}
