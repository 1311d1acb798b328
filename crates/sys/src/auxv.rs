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

/// The environment as it was given, entries without `=` included.
pub fn environment() -> Vec<Vec<u8>> {
    unsafe extern "C" {
        static environ: *const *const core::ffi::c_char;
    }
    let mut list = Vec::new();
    // SAFETY: libc sets it up before main; nothing of ours changes the environment.
    let mut at = unsafe { environ };
    loop {
        // SAFETY: the array ends with a null pointer, at which we stop.
        let entry = if at.is_null() { at.cast() } else { unsafe { *at } };
        if entry.is_null() {
            return list;
        }
        // SAFETY: entries are terminated strings.
        list.push(unsafe { core::ffi::CStr::from_ptr(entry) }.to_bytes().to_vec());
        // SAFETY: the end was not reached.
        at = unsafe { at.add(1) };
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn missing_entries_are_none() {
        assert_eq!(super::get(libc::AT_PAGESZ), Some(4096));
        assert_eq!(super::get(12345), None);
    }
}
