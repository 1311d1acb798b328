//! What `cargo xtask codegen` writes.

#[expect(clippy::if_same_then_else, reason = "neighbouring lines may be one operation")]
pub(crate) mod decode;
