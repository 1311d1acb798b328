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

/// Signatures: of Intel's family 6, model 60 (Haswell), stepping 4; and of QEMU's own.
const HASWELL: u32 = 0x306c4;
const QEMU64: u32 = 0x0f_0663 & 0xfff;

/// All, the default first.
pub const MODELS: &[Model] = &[
    Model { name: "x86-64-v2", cpu: Cpu { features: V2, signature: HASWELL } },
    Model { name: "x86-64", cpu: Cpu { features: V1, signature: QEMU64 } },
    Model { name: "qemu64", cpu: Cpu { features: V1, signature: QEMU64 } },
    Model { name: "max", cpu: Cpu { features: V2, signature: HASWELL } },
];
