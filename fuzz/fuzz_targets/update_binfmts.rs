//! Files of update-binfmts. No input may make it panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = compat::fuzz::update_binfmts(bytes);
});
