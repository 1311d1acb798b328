//! Any bytes as a registration, an entry or a snapshot.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    binfmt::fuzz::check(bytes);
});
