//! The anyarch binary.
//!
//! The kernel starts us with arguments of its own making (binfmt_misc); that is found out first,
//! before any option is parsed. Next come the other tools whose names or command lines we take.
//! `anyarch [options] PROGRAM` is QEMU's form of command line; only subcommands reach the full
//! parser.

mod commands;
mod dropin;
mod emulate;
mod interpret;
mod json;
mod registrar;
mod replaced;
mod report;
mod selftest;

use std::ffi::OsString;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: sys::alloc::Allocator = sys::alloc::Allocator;

fn main() -> ExitCode {
    if let Some(invocation) = interpret::from_kernel() {
        return ExitCode::from(interpret::run(invocation));
    }
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let result = match arguments.get(1) {
        _ if let Some(personality) = dropin::personality(&arguments) => {
            dropin::run(personality, &arguments)
        }
        Some(first) if commands::knows(first) => commands::run(&arguments),
        None => commands::run(&["anyarch".into(), "--help".into()]),
        Some(_) => emulate::run(&arguments),
    };
    ExitCode::from(result.unwrap_or_else(|failure| failure.print()))
}
