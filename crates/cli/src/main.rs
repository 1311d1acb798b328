//! The anyarch binary.
//!
//! The kernel starts us with arguments of its own making (binfmt_misc); that is found out first,
//! before any option is parsed. Next come the other tools whose names or command lines we take.
//! `anyarch [options] PROGRAM` is QEMU's form of command line; only subcommands reach the full
//! parser.

#![cfg_attr(not(test), no_main)]

mod commands;
mod dropin;
mod emulate;
mod guests;
mod interpret;
mod json;
mod registrar;
mod replaced;
mod report;
mod selftest;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

#[global_allocator]
static ALLOCATOR: sys::alloc::Allocator = sys::alloc::Allocator;

#[cfg(not(test))]
sys::program!(run);

#[cfg(test)]
fn main() {
    run();
}

fn run() -> u8 {
    if let Some(invocation) = interpret::from_kernel() {
        return interpret::run(invocation);
    }
    let arguments: Vec<OsString> = sys::start::arguments().map(OsString::from_vec).collect();
    let result = match arguments.get(1) {
        _ if let Some(personality) = dropin::personality(&arguments) => {
            dropin::run(personality, &arguments)
        }
        Some(first) if commands::knows(first) => commands::run(&arguments),
        None => commands::run(&["anyarch".into(), "--help".into()]),
        Some(_) => emulate::run(&arguments),
    };
    result.unwrap_or_else(|failure| failure.print())
}
