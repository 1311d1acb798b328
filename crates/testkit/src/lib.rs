//! Tools that test the product; never shipped.
//!
//! [`diff`] runs random instructions under an oracle and under the product, and compares all
//! registers and memory afterwards.

pub mod diff;
