//! How an entry recognises files.

/// How an entry recognises files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Matcher {
    /// By bytes at an offset.
    Magic {
        /// Offset in the file.
        offset: u32,
        /// The bytes.
        magic: Vec<u8>,
        /// The mask, or empty for all ones.
        mask: Vec<u8>,
    },
    /// By file name extension.
    Extension(String),
    /// In a way that this version does not know (a BPF program, Linux 7.3).
    Other,
}

/// Why a file is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mismatch {
    /// A byte differs under the mask.
    Byte {
        /// Offset in the file.
        at: usize,
        /// The file's byte.
        file: u8,
        /// The rule's byte.
        magic: u8,
        /// Which bits count.
        mask: u8,
    },
    /// The file ends before the magic does; the kernel compares with zeros.
    Short,
    /// Its name does not end so.
    Extension,
    /// It cannot be told.
    Unknown,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Byte { at, file, magic, mask } => {
                write!(f, "at byte {at}: file {file:02x}, magic {magic:02x}, mask {mask:02x}")
            }
            Self::Short => f.write_str("the file is too short"),
            Self::Extension => f.write_str("another file name extension"),
            Self::Unknown => f.write_str("it matches in a way that this version does not know"),
        }
    }
}

impl Matcher {
    /// Compares a file called `path` that starts with `head` as the kernel does.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare(&self, path: &str, head: &[u8]) -> Result<(), Mismatch> {
        match self {
            Self::Magic { offset, magic, mask } => {
                let at = *offset as usize;
                for (i, m) in magic.iter().enumerate() {
                    let mask = mask.get(i).copied().unwrap_or(0xff);
                    // The kernel's buffer is filled with zeros behind the end of the file.
                    let file = head.get(at + i).copied().unwrap_or(0);
                    if (file ^ m) & mask != 0 {
                        return Err(match head.get(at + i) {
                            Some(_) => Mismatch::Byte { at: at + i, file, magic: *m, mask },
                            None => Mismatch::Short,
                        });
                    }
                }
                Ok(())
            }
            Self::Extension(e) => match path.rsplit_once('.') {
                Some((_, end)) if end == e => Ok(()),
                _ => Err(Mismatch::Extension),
            },
            Self::Other => Err(Mismatch::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let m = Matcher::Magic { offset: 1, magic: vec![1, 2, 3], mask: vec![0xff, 0, 0xf0] };
        assert_eq!(m.compare("", &[9, 1, 77, 0x0f]), Ok(()));
        assert_eq!(
            m.compare("", &[9, 1, 77, 0x10]).map_err(|e| e.to_string()),
            Err("at byte 3: file 10, magic 03, mask f0".into())
        );
        assert_eq!(m.compare("", &[9]), Err(Mismatch::Short));
        // Zeros behind the end count as bytes.
        assert_eq!(m.compare("", &[9, 1]), Ok(()));
    }

    #[test]
    fn extensions_are_what_follows_the_last_dot() {
        let m = Matcher::Extension("jar".into());
        assert_eq!(m.compare("/a.b/x.jar", b""), Ok(()));
        assert_eq!(m.compare("/x.jar.gz", b""), Err(Mismatch::Extension));
    }
}
