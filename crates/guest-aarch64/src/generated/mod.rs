//! What `cargo xtask codegen` writes.

pub(crate) mod table;

pub(crate) mod decode;
