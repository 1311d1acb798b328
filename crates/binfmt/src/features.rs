//! What the running kernel's binfmt_misc can do.

/// A kernel's version, as far as features depend on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Kernel {
    /// The first number of its release.
    pub major: u32,
    /// The second one.
    pub minor: u32,
}

/// Features with a name, and the version that brought them.
const FEATURES: [(&str, Kernel); 7] = [
    ("F", Kernel::new(4, 8)),
    ("P_auxv", Kernel::new(5, 12)),
    ("userns", Kernel::new(6, 7)),
    ("T", Kernel::new(7, 3)),
    ("L", Kernel::new(7, 3)),
    ("D", Kernel::new(7, 3)),
    ("bpf", Kernel::new(7, 3)),
];

impl Kernel {
    /// A version.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// The running one; a release that cannot be read counts as the newest.
    pub fn running() -> Self {
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        Self::parse(&release).unwrap_or(Self::new(u32::MAX, 0))
    }

    /// From a release: `6.18.44-1-amd64`.
    pub fn parse(release: &str) -> Option<Self> {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit());
        Some(Self::new(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }

    /// The version that brought the flag `letter`; None for those that were always there, and for
    /// letters that are no flags.
    pub fn of_flag(letter: char) -> Option<Self> {
        let one = letter.to_string();
        FEATURES.iter().find(|(name, _)| *name == one).map(|(_, since)| *since)
    }

    /// Names of what this one can do.
    pub fn features(self) -> Vec<&'static str> {
        FEATURES.iter().filter(|(_, since)| self >= *since).map(|(name, _)| *name).collect()
    }

    /// Whether the interpreter is told that argv\[0\] was preserved (`AT_FLAGS`); before, flag P
    /// inserts an argument that it cannot know of.
    pub fn tells_argv0(self) -> bool {
        self >= Self::new(5, 12)
    }
}

impl std::fmt::Display for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        let old = Kernel::parse("4.18.0-553.el8.x86_64").expect("a release");
        assert_eq!(old.features(), ["F"]);
        assert!(!old.tells_argv0() && old < Kernel::new(4, 20));
        assert_eq!(Kernel::parse("6.18.44").map(Kernel::features).map(|f| f.len()), Some(3));
        assert!(Kernel::parse("7.10-rc1").is_some_and(|k| k.features().contains(&"T")));
        assert_eq!(Kernel::parse("x"), None);
        assert_eq!(Kernel::of_flag('T'), Some(Kernel::new(7, 3)));
        assert_eq!(Kernel::of_flag('P'), None);
    }
}
