//! A line for binfmt_misc's `register`. No input may make it panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = compat::fuzz::register_line(bytes);
});
