//! A registration: `:name:type:offset:magic:mask:interpreter:flags`, as the kernel parses it.

use crate::{Error, Flags, GuestArch, Matcher, Result, pin};

/// A registration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Entry name.
    pub name: String,
    /// How it recognises files.
    pub matcher: Matcher,
    /// Interpreter path.
    pub interpreter: String,
    /// Flags.
    pub flags: Flags,
}

/// Longest register line the kernel takes, bytes (`MAX_REGISTER_LENGTH`, fs/binfmt_misc.c).
pub const LINE_LEN_MAX: usize = 1920;
/// Shortest one.
pub const LINE_LEN_MIN: usize = 11;
/// How many bytes of a file the kernel looks at (`BINPRM_BUF_SIZE`).
pub const HEAD_LEN: usize = 256;

/// How bytes are written into a magic or mask.
pub fn escape(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("\\x{b:02x}")).collect()
}

impl Rule {
    /// The rule for `guest` under the name that every tool looks for.
    pub fn for_guest(guest: &GuestArch, interpreter: &str, flags: Flags) -> Self {
        Self {
            name: format!("qemu-{}", guest.qemu),
            matcher: Matcher::Magic { offset: 0, magic: guest.magic(), mask: guest.mask() },
            interpreter: interpreter.to_owned(),
            flags,
        }
    }

    /// Checks what the kernel would refuse.
    ///
    /// # Errors
    /// [`Error::Rule`] naming the field, where the kernel would only say EINVAL or EEXIST.
    pub fn check(&self) -> Result<()> {
        let bad = |what: &str| Err(Error::Rule(what.to_owned()));
        let name = &self.name;
        if name.is_empty() || name == "." || name == ".." || name.contains('/') {
            return bad(&format!("the name `{name}` cannot be a file name"));
        }
        if name.len() > 255 {
            return bad("the name is longer than 255 bytes");
        }
        if name == "register" || name == "status" {
            return bad(&format!("`{name}` is a control file's name"));
        }
        match &self.matcher {
            Matcher::Magic { offset, magic, mask } => {
                if magic.is_empty() {
                    return bad("the magic is empty");
                }
                if *offset as usize + magic.len() > HEAD_LEN {
                    return bad("offset and magic reach past byte 256");
                }
                if !mask.is_empty() && mask.len() != magic.len() {
                    return bad("the mask's length differs from the magic's");
                }
            }
            Matcher::Extension(e) if e.is_empty() || e.contains(['/', '\0', '\n']) => {
                return bad(&format!("`{e}` cannot be a file name extension"));
            }
            Matcher::Extension(_) => {}
            Matcher::Other => return bad("it matches in a way that this version does not know"),
        }
        if self.interpreter.is_empty() {
            return bad("the interpreter is empty");
        }
        if [name, &self.interpreter].iter().any(|s| s.contains(['\0', '\n'])) {
            return bad("it contains a NUL byte or a line break");
        }
        Ok(())
    }

    /// The line to write to `register`.
    ///
    /// # Errors
    /// As [`Self::check`]; also when it would be longer than the kernel takes.
    pub fn line(&self) -> Result<String> {
        self.check()?;
        let (kind, offset, magic, mask) = match &self.matcher {
            Matcher::Magic { offset, magic, mask } => {
                ('M', offset.to_string(), escape(magic), escape(mask))
            }
            Matcher::Extension(e) => ('E', String::new(), e.clone(), String::new()),
            Matcher::Other => return Err(Error::Rule("unknown kind".into())),
        };
        let clash =
            |c: &char| ![&self.name, &self.interpreter, &magic].iter().any(|s| s.contains(*c));
        // Neither `#` nor `;`, with which comments begin in binfmt.d.
        let Some(d) = [':', '|', ',', '!', '^', '~', '%', '\x01'].into_iter().find(clash) else {
            return Err(Error::Rule("no delimiter is left that no field contains".into()));
        };
        let (name, interpreter, flags) = (&self.name, &self.interpreter, self.flags);
        let line =
            format!("{d}{name}{d}{kind}{d}{offset}{d}{magic}{d}{mask}{d}{interpreter}{d}{flags}");
        if line.len() > LINE_LEN_MAX {
            return Err(Error::Rule(format!(
                "{} bytes, more than the kernel's {LINE_LEN_MAX}",
                line.len()
            )));
        }
        Ok(line)
    }

    /// Parses a line as the kernel would (`create_entry`, fs/binfmt_misc.c), naming the field that
    /// is wrong.
    ///
    /// # Errors
    /// [`Error::Rule`] for everything that the kernel answers with an error.
    pub fn parse(line: &[u8]) -> Result<Self> {
        let bad = |what: String| Err(Error::Rule(what));
        if !(LINE_LEN_MIN..=LINE_LEN_MAX).contains(&line.len()) {
            return bad(format!(
                "{} bytes; the kernel takes {LINE_LEN_MIN} to {LINE_LEN_MAX}",
                line.len()
            ));
        }
        if let Some(at) = line.iter().position(|b| *b == 0) {
            return bad(format!("a NUL byte at {at}, where the kernel stops reading"));
        }
        let delimiter = line[0];
        if b"POCFTLD".contains(&delimiter) {
            return bad(format!("the delimiter `{}` is a flag's letter", delimiter as char));
        }
        let fields = split(&line[1..], delimiter)?;
        let [name, kind, offset, magic, mask, interpreter, flags] = fields;
        let text = |what: &str, field: &[u8]| {
            String::from_utf8(field.to_vec())
                .map_err(|_| Error::Rule(format!("the {what} is not UTF-8")))
        };
        let name = text("name", name)?;
        let matcher = match kind {
            b"M" => {
                let offset = match offset {
                    b"" => 0,
                    digits => std::str::from_utf8(digits)
                        .ok()
                        .and_then(|t| t.parse::<u32>().ok())
                        .ok_or_else(|| {
                            Error::Rule(format!(
                                "the offset `{}` is not a decimal number",
                                String::from_utf8_lossy(digits)
                            ))
                        })?,
                };
                Matcher::Magic { offset, magic: unescape(magic)?, mask: unescape(mask)? }
            }
            b"E" => Matcher::Extension(text("extension", magic)?),
            other => {
                return bad(format!(
                    "the type `{}` is neither M nor E",
                    String::from_utf8_lossy(other)
                ));
            }
        };
        let flags = flags.strip_suffix(b"\n").unwrap_or(flags);
        let flags = Flags::parse(&text("flags field", flags)?)?;
        let rule = Self { name, matcher, interpreter: text("interpreter", interpreter)?, flags };
        rule.check()?;
        Ok(rule)
    }

    /// Whether its interpreter's path names an open file of the process that registered it, so
    /// that nothing can be found at the path now.
    pub fn is_pinned(&self) -> bool {
        pin::is_pinned(&self.interpreter)
    }
}

const FIELDS: [&str; 7] = ["name", "type", "offset", "magic", "mask", "interpreter", "flags"];

/// The seven fields; the last one reaches to the end. As the kernel's `scanarg`, `\x` must be
/// followed by two hexadecimal digits in the magic and the mask, but not in an extension.
fn split(rest: &[u8], delimiter: u8) -> Result<[&[u8]; 7]> {
    let mut fields: [&[u8]; 7] = [&[]; 7];
    let mut at = 0;
    let mut magic = false;
    for (i, field) in fields.iter_mut().enumerate().take(6) {
        let start = at;
        loop {
            match rest.get(at) {
                None => {
                    return Err(Error::Rule(format!(
                        "it ends in the {}: every field but the flags needs the delimiter `{}` \
                         after it",
                        FIELDS[i],
                        char::from(delimiter)
                    )));
                }
                Some(&b) if b == delimiter => break,
                Some(b'\\') if magic && matches!(i, 3 | 4) && rest.get(at + 1) == Some(&b'x') => {
                    let digits = rest.get(at + 2..at + 4).unwrap_or_default();
                    if digits.len() < 2 || !digits.iter().all(u8::is_ascii_hexdigit) {
                        return Err(Error::Rule(format!(
                            "the {}: `\\x` is not followed by two hexadecimal digits",
                            FIELDS[i]
                        )));
                    }
                    at += 4;
                }
                Some(_) => at += 1,
            }
        }
        *field = &rest[start..at];
        magic |= i == 1 && *field == b"M";
        at += 1;
    }
    fields[6] = &rest[at..];
    Ok(fields)
}

/// Decodes `\xHH`; every other byte stands for itself.
pub fn unescape(text: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&b) = text.get(at) {
        if b == b'\\' && text.get(at + 1) == Some(&b'x') {
            let digit = |i: usize| text.get(i).and_then(|c| char::from(*c).to_digit(16));
            let (Some(high), Some(low)) = (digit(at + 2), digit(at + 3)) else {
                return Err(Error::Rule("`\\x` without two hexadecimal digits".into()));
            };
            out.push((high << 4 | low) as u8);
            at += 4;
        } else {
            out.push(b);
            at += 1;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        let guest = GuestArch::find("arm64").expect("in the table");
        Rule::for_guest(guest, "/usr/bin/anyarch", Flags::ALL)
    }

    fn magic(r: &mut Rule) -> (&mut u32, &mut Vec<u8>, &mut Vec<u8>) {
        match &mut r.matcher {
            Matcher::Magic { offset, magic, mask } => (offset, magic, mask),
            _ => unreachable!("made by for_guest"),
        }
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
        let cases: [(Spoil, &str); 7] = [
            (|r| r.name = "a/b".into(), "file name"),
            (|r| r.name = "register".into(), "control file"),
            (|r| r.name = "n".repeat(256), "255"),
            (|r| magic(r).1.clear(), "magic is empty"),
            (|r| *magic(r).2 = vec![1], "length differs"),
            (|r| *magic(r).0 = 237, "past byte 256"),
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
        r.interpreter = "/a:b|c,d".into();
        assert!(r.line().expect("valid").starts_with("!qemu-aarch64!M!"));
    }

    #[test]
    fn what_is_printed_parses_to_the_same() {
        for guest in crate::guests::GUESTS {
            let r = Rule::for_guest(guest, "/x|:y", Flags::parse("OF").expect("flags"));
            assert_eq!(Rule::parse(r.line().expect("valid").as_bytes()).ok(), Some(r));
        }
        let jar = Rule::parse(b":jar:E::jar::/usr/bin/java:\n").expect("valid");
        assert_eq!(jar.matcher, Matcher::Extension("jar".into()));
        assert_eq!(jar.line().expect("valid"), ":jar:E::jar::/usr/bin/java:");
        // Only in a magic and its mask does `\\x` mean anything.
        let odd = Rule::parse(b":odd:E::\\xq:\\x:/x:").expect("valid");
        assert_eq!(odd.matcher, Matcher::Extension("\\xq".into()));
    }

    #[test]
    fn lines_that_the_kernel_refuses_are_refused() {
        let cases: [(&[u8], &str); 12] = [
            (b":a:M::b::/", "bytes"),
            (b"P:a:M::b::/x:", "flag's letter"),
            (b":a:Q::b::/xyz:", "neither M nor E"),
            (b":a:M:0x10:b::/x:", "decimal"),
            (b":a:M:-1:b::/x:z", "decimal"),
            (b":a:M::\\xg0::/x:", "hexadecimal"),
            (b":a:M::b\0c::/x:", "NUL"),
            (b":a:M::b::/x/yz", "delimiter"),
            (b":a:M::b::/xy:Q", "unknown flag"),
            (b":a:M::b::/xy:\n\n", "unknown flag"),
            (b":a:M::bcde:::", "interpreter is empty"),
            (b":..:M::b::/x:", "file name"),
        ];
        for (line, word) in cases {
            let message = Rule::parse(line).expect_err("refused").to_string();
            assert!(message.contains(word), "{}: {message}", String::from_utf8_lossy(line));
        }
    }
}
