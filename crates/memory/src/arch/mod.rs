//! The access routines, by host architecture.

#[cfg(target_arch = "x86_64")]
#[path = "x86_64_section.rs"]
pub(crate) mod section;
#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;
