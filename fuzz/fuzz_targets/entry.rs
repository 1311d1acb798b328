//! The kernel's text of an entry. No input may make it panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = compat::fuzz::entry(bytes);
});
