//! Any bytes as a program: the parser must refuse them or keep what the loader relies on.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for subject in testkit::subject::SUBJECTS {
        testkit::elf_fuzz::check(bytes, subject);
    }
});
