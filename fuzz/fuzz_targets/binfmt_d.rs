//! A binfmt.d file. No input may make it panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = compat::fuzz::binfmt_d(bytes);
});
