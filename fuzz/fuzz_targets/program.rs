//! The head of a program. No input may make it panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = compat::fuzz::program(bytes);
});
