//! The processors that there are.

use super::{Cpu, Features};
use crate::decode::Feature;

/// A processor and its name.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// As in `-cpu`.
    pub name: &'static str,
    /// It.
    pub cpu: Cpu,
}

/// x86-64-v1: what all 64-bit processors have.
const V1: Features = Features::of(&[
    Feature::Clfsh,
    Feature::Cmov,
    Feature::Cx8,
    Feature::Fxsr,
    Feature::Mmx,
    Feature::Sse,
    Feature::Sse2,
    Feature::Syscall,
    Feature::Tsc,
    Feature::X87,
]);
/// x86-64-v2.
const V2: Features = V1.with(Features::of(&[
    Feature::Cx16,
    Feature::Lahf,
    Feature::Popcnt,
    Feature::Rdtscp,
    Feature::Sse3,
    Feature::Sse41,
    Feature::Sse42,
    Feature::Ssse3,
]));

/// x86-64-v3.
const V3: Features = V2.with(Features::of(&[
    Feature::Avx,
    Feature::Avx2,
    Feature::Bmi1,
    Feature::Bmi2,
    Feature::F16c,
    Feature::Fma,
    Feature::Lzcnt,
    Feature::Movbe,
    Feature::Xsave,
    Feature::Xsaveopt,
]));
/// What Haswell has besides.
const HASWELL_HAS: Features =
    V3.with(Features::of(&[Feature::Aes, Feature::Fsgsbase, Feature::Pclmulqdq, Feature::Rdrand]));
/// Zen 3.
const ZEN3_HAS: Features = HASWELL_HAS.with(Features::of(&[
    Feature::Adx,
    Feature::Clflushopt,
    Feature::Clwb,
    Feature::Rdpid,
    Feature::Rdseed,
    Feature::Sha,
    Feature::Vaes,
    Feature::Vpclmulqdq,
    Feature::Xsavec,
]));
/// All but what only an operating system has (SYSENTER is for 32-bit code).
const ALL: Features = Features::ALL.without(Features::of(&[Feature::Cmpccxadd, Feature::Sep]));

/// Signatures: of Intel's family 6, model 60 (Haswell), stepping 4; AMD's family 25, model 1 (Zen 3),
/// stepping 1; and QEMU's own.
const HASWELL: u32 = 0x306c4;
const ZEN3: u32 = 0xa0_0f11;
const QEMU64: u32 = 0x0f_0663 & 0xfff;

const fn model(name: &'static str, features: Features, signature: u32) -> Model {
    Model { name, cpu: Cpu { features, signature } }
}

/// All, the default first.
pub const MODELS: &[Model] = &[
    model("x86-64-v3", V3, HASWELL),
    model("x86-64-v2", V2, HASWELL),
    model("x86-64", V1, QEMU64),
    model("qemu64", V1, QEMU64),
    model("Haswell", HASWELL_HAS, HASWELL),
    model("Zen3", ZEN3_HAS, ZEN3),
    model("max", ALL, HASWELL),
];
