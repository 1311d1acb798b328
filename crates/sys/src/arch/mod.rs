//! What depends on the host's architecture: one folder for each, all with the same names. No other place
//! has assembly or knows the kernel's signal frame.
//!
//! A host also needs a back end (`engine/src/host.rs` chooses it).

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub use aarch64::*;
#[cfg(target_arch = "x86_64")]
pub use x86_64::*;
