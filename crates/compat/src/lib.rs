//! The command lines of the other tools that register emulators: each module takes one tool's
//! arguments, prints what that tool prints, and changes the kernel's registrations as it would.
//!
//! Nothing here prints or touches the kernel by itself: that is done by a [`Machine`], which the
//! command line implements and the tests imitate. Exit codes are ours (0 only if what was asked
//! for holds afterwards) unless [`Machine::strict`] asks for the original's.

pub mod arch_test;
pub mod conf_targets;
pub mod emulator;
mod formats;
pub mod fuzz;
mod getopt;
mod go_flag;
mod hex;
pub mod machine;
pub mod personality;
mod platform;
pub mod qemu_conf;
pub mod qus;
pub mod systemd;
pub mod tonistiigi;
pub mod update_binfmts;

#[cfg(test)]
mod command_lines_tests;
#[cfg(test)]
mod fake;

pub use machine::{Code, Machine};
pub use personality::Personality;

/// Where every tool expects binfmt_misc.
pub const MOUNT: &str = "/proc/sys/fs/binfmt_misc";
