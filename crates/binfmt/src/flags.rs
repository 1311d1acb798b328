//! The flags of an entry.

use crate::{Error, Result};

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
    /// T: the interpreter is not to be seen (Linux 7.3; implies O, excludes P).
    pub transparent: bool,
}

impl Flags {
    /// P, O, C and F: what an emulator needs that shall not be noticed.
    pub const ALL: Self = Self {
        preserve_argv0: true,
        open_binary: true,
        credentials: true,
        fix_binary: true,
        transparent: false,
    };

    /// All that an emulator needs, as far as `kernel` knows of it.
    pub fn for_kernel(kernel: crate::Kernel) -> Self {
        let fix_binary = crate::Kernel::of_flag('F').is_none_or(|since| kernel >= since);
        Self { preserve_argv0: kernel.tells_argv0(), fix_binary, ..Self::ALL }
    }

    /// Parses letters in any order.
    ///
    /// # Errors
    /// [`Error::Rule`] on a letter that is not a flag, or on T with P.
    pub fn parse(text: &str) -> Result<Self> {
        let mut f = Self::default();
        for c in text.chars() {
            match c {
                'P' => f.preserve_argv0 = true,
                'O' => f.open_binary = true,
                'C' => f.credentials = true,
                'F' => f.fix_binary = true,
                'T' => f.transparent = true,
                _ => return Err(Error::Rule(format!("unknown flag `{c}`"))),
            }
        }
        if f.transparent && f.preserve_argv0 {
            return Err(Error::Rule("the flags T and P exclude each other".into()));
        }
        // The kernel's rule; so what is written and read again is the same.
        f.open_binary |= f.credentials || f.transparent;
        Ok(f)
    }
}

impl std::fmt::Display for Flags {
    /// In the kernel's order.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (on, letter) in [
            (self.preserve_argv0, "P"),
            (self.open_binary || self.credentials || self.transparent, "O"),
            (self.credentials, "C"),
            (self.fix_binary, "F"),
            (self.transparent, "T"),
        ] {
            f.write_str(if on { letter } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_kernels_get_fewer_flags() {
        let letters =
            |major, minor| Flags::for_kernel(crate::Kernel::new(major, minor)).to_string();
        assert_eq!([letters(6, 1), letters(5, 10), letters(3, 10)], ["POCF", "OCF", "OC"]);
    }

    #[test]
    fn letters_are_printed_as_the_kernel_does() {
        let print = |text| Flags::parse(text).map(|f| f.to_string()).ok();
        assert_eq!(print("FCP").as_deref(), Some("POCF"));
        assert_eq!(print("C").as_deref(), Some("OC"));
        assert_eq!(print("FT").as_deref(), Some("OFT"));
        assert_eq!(Flags::parse("C").ok(), Flags::parse("OC").ok());
        assert_eq!(print("").as_deref(), Some(""));
        assert_eq!(print("X"), None);
        assert_eq!(print("PT"), None);
    }
}
