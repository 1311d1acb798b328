//! Registers as fields of instructions ([`FromField`] has the other types). Fields of three bits, in
//! compressed instructions, are registers 8 to 15.

use isa::FromField;

/// An integer register; 0 is the constant zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct XReg(pub u8);
/// A floating-point register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FReg(pub u8);
/// A vector register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VReg(pub u8);

impl XReg {
    /// x0.
    pub const ZERO: Self = Self(0);
    /// ra, the return address.
    pub const RA: Self = Self(1);
    /// sp, the stack pointer.
    pub const SP: Self = Self(2);
}

macro_rules! register {
    ($($ty:ident),*) => {$(
        impl FromField for $ty {
            #[inline]
            fn from_field(bits: u32, width: u32) -> Self {
                debug_assert!(matches!(width, 3 | 5));
                Self(if width == 3 { 8 + bits as u8 } else { bits as u8 })
            }
        }
    )*};
}
register!(XReg, FReg, VReg);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_fields_are_the_middle_registers() {
        assert_eq!(XReg::from_field(7, 3), XReg(15));
        assert_eq!(XReg::from_field(7, 5), XReg(7));
        assert_eq!(FReg::from_field(0, 3), FReg(8));
    }
}
