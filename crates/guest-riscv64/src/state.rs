//! Slots of registers that only this guest has.

/// vl.
pub const SLOT_VL: u16 = 48;
/// vtype; bit 63 is vill.
pub const SLOT_VTYPE: u16 = 49;
/// vstart.
pub const SLOT_VSTART: u16 = 50;
/// vcsr: vxsat in bit 0, vxrm in bits 2 and 1.
pub const SLOT_VCSR: u16 = 51;
/// vtype of which instructions that depend on it are undefined.
pub const VILL: u64 = 1 << 63;
