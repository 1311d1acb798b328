//! Types of instruction fields.
//!
//! The generated decoder gives every field to its instruction's function through [`FromField`], by
//! the type of the parameter: `bool` for one bit, `u8` to `u64` zero-extended, `i32` and `i64`
//! sign-extended from the width of the field. Guests add their registers.

/// What a field of an encoding can become.
pub trait FromField {
    /// From `width` bits.
    fn from_field(bits: u32, width: u32) -> Self;
}

macro_rules! unsigned {
    ($($ty:ty),*) => {$(
        impl FromField for $ty {
            #[inline]
            fn from_field(bits: u32, _: u32) -> Self {
                bits as Self
            }
        }
    )*};
}
unsigned!(u8, u16, u32, u64);

impl FromField for bool {
    #[inline]
    fn from_field(bits: u32, width: u32) -> Self {
        debug_assert_eq!(width, 1);
        bits != 0
    }
}

impl FromField for i32 {
    #[inline]
    fn from_field(bits: u32, width: u32) -> Self {
        (bits << (32 - width)) as Self >> (32 - width)
    }
}

impl FromField for i64 {
    #[inline]
    fn from_field(bits: u32, width: u32) -> Self {
        Self::from(i32::from_field(bits, width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_extended() {
        assert_eq!(i64::from_field(0x1ff, 9), -1);
        assert_eq!(i64::from_field(0xff, 9), 255);
        assert_eq!(u64::from_field(0x1ff, 9), 511);
        assert_eq!(i32::from_field(1 << 25, 26), -(1 << 25));
        assert!(bool::from_field(1, 1));
    }
}
