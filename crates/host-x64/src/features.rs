//! Which instructions the host has besides those of x86-64-v2.

/// Optional instruction-set extensions of the host.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Features {
    /// AVX, AVX2 (and VEX encodings).
    pub avx2: bool,
    /// BMI1 and BMI2, LZCNT.
    pub bmi2: bool,
    /// FMA3.
    pub fma: bool,
    /// AES-NI.
    pub aes: bool,
    /// PCLMULQDQ.
    pub pclmul: bool,
    /// SHA-NI.
    pub sha: bool,
    /// F16C.
    pub f16c: bool,
    /// MOVBE.
    pub movbe: bool,
}

impl Features {
    /// Every one.
    pub const ALL: Self = Self {
        avx2: true,
        bmi2: true,
        fma: true,
        aes: true,
        pclmul: true,
        sha: true,
        f16c: true,
        movbe: true,
    };
}
