//! Registers as fields of instructions ([`FromField`] has the other types).

use isa::FromField;

/// A general register; 31 is the zero register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct XZr(pub u8);
/// A general register; 31 is the stack pointer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct XSp(pub u8);
/// A vector register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VReg(pub u8);

macro_rules! register {
    ($($ty:ident),*) => {$(
        impl FromField for $ty {
            #[inline]
            fn from_field(bits: u32, _: u32) -> Self {
                Self(bits as u8)
            }
        }
    )*};
}
register!(XZr, XSp, VReg);
