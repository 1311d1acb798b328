//! The anyarch binary.
fn main() {}
