//! The flags of `open` whose values differ between architectures.

/// Values of one architecture.
#[derive(Clone, Copy, Debug)]
pub struct OpenFlags {
    /// `O_DIRECTORY`.
    pub directory: u64,
    /// `O_NOFOLLOW`.
    pub nofollow: u64,
    /// `O_DIRECT`.
    pub direct: u64,
    /// `O_LARGEFILE`.
    pub largefile: u64,
}

/// The host's values, which are also those of most architectures.
const HOST: OpenFlags = OpenFlags {
    directory: libc::O_DIRECTORY as u64,
    nofollow: libc::O_NOFOLLOW as u64,
    direct: libc::O_DIRECT as u64,
    largefile: sys::arch::O_LARGEFILE,
};

impl OpenFlags {
    fn values(&self) -> [u64; 4] {
        [self.directory, self.nofollow, self.direct, self.largefile]
    }

    fn convert(from: &Self, to: &Self, flags: u64) -> u64 {
        let all = from.values().iter().fold(0, |all, flag| all | flag);
        let pairs = from.values().into_iter().zip(to.values());
        pairs.filter(|(f, _)| flags & f != 0).fold(flags & !all, |out, (_, t)| out | t)
    }

    /// The host's flags for the guest's.
    pub fn to_host(&self, flags: u64) -> u64 {
        Self::convert(self, &HOST, flags)
    }

    /// The guest's flags for the host's.
    pub fn from_host(&self, flags: u64) -> u64 {
        Self::convert(&HOST, self, flags)
    }
}

#[cfg(test)]
mod tests {
    use crate::abi::aarch64::ABI;

    #[test]
    fn flags_are_translated_both_ways() {
        let guest = 0o40_000 | 0o100_000 | 0o2_000_002;
        let host = ABI.open_flags.to_host(guest);
        assert_eq!(host, (libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC | 2) as u64);
        assert_eq!(ABI.open_flags.from_host(host), guest);
        let tmpfile = 0o20_040_000;
        assert_eq!(ABI.open_flags.to_host(tmpfile), libc::O_TMPFILE as u64);
    }
}
