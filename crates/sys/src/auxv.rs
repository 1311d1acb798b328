//! The auxiliary vector that the host's kernel gave to this process.
#![expect(unsafe_code, reason = "reads libc's copy of the auxiliary vector")]

/// The entry of type `kind` (`AT_*`), or None if there is none.
pub fn get(kind: u64) -> Option<u64> {
    // SAFETY: errno is this thread's own.
    unsafe { *libc::__errno_location() = 0 };
    // SAFETY: getauxval only reads.
    let value = unsafe { libc::getauxval(kind) };
    // SAFETY: as above.
    let errno = unsafe { *libc::__errno_location() };
    (value != 0 || errno == 0).then_some(value)
}

#[cfg(test)]
mod tests {
    #[test]
    fn missing_entries_are_none() {
        assert_eq!(super::get(libc::AT_PAGESZ), Some(4096));
        assert_eq!(super::get(12345), None);
    }
}
