//! Types of instruction fields.

/// A general register; 31 is the zero register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct XZr(pub u8);
/// A general register; 31 is the stack pointer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct XSp(pub u8);
/// A vector register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VReg(pub u8);
