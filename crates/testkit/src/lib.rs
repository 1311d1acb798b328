//! Tools that test the product; never shipped.
//!
//! [`diff`] runs random instructions under an oracle and under the product, and compares all
//! registers and memory afterwards. [`fault`] compares the signal frames of faults.

pub mod diff;
pub mod fault;
