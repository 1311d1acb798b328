//! The x86 guest: instructions of x86_64 and, by the same table, of i386.
//!
//! `isa/x86.isa` declares the instructions; what is generated from it tells them apart ([`decode`]) and
//! calls one function for each.

pub mod decode;
pub mod disasm;
pub mod encoding;
mod generated;
