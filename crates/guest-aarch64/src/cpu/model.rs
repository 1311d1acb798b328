//! Processors that can be chosen with `-cpu`.

use super::feature::Features;

/// A processor.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its name.
    pub name: &'static str,
    /// MIDR_EL1. Programs choose tuned routines by it.
    pub midr: u64,
    /// Its features.
    pub features: Features,
}

type F = Features;

/// Armv8.0 with cryptography.
const V8_0: Features = F::all([F::AES, F::PMULL, F::SHA1, F::SHA256, F::CRC32]);
/// A64FX, less SVE.
const A64FX: Features = F::all([V8_0, F::LSE, F::LOR, F::FP16, F::RDM, F::FCMA, F::DPB]);
/// Cortex-A55 and A76: Armv8.2 with some of 8.3 and 8.4.
const A76: Features =
    F::all([V8_0, F::LSE, F::LOR, F::FP16, F::RDM, F::LRCPC, F::DPB, F::DOTPROD, F::SSBS]);
/// Cortex-A78AE.
const A78AE: Features = F::all([A76, F::LSE2, F::LRCPC2, F::FLAGM]);
/// Neoverse N1.
const N1: Features = F::all([A76, F::SSBS2]);
/// Neoverse V1, less SVE.
const V1: Features = F::all([
    N1,
    F::LSE2,
    F::JSCVT,
    F::FCMA,
    F::SHA3,
    F::SM3,
    F::SM4,
    F::SHA512,
    F::FHM,
    F::DIT,
    F::LRCPC2,
    F::FLAGM,
    F::PAUTH,
    F::DPB2,
    F::I8MM,
    F::BF16,
    F::DGH,
    F::RNG,
]);

/// Cortex-A710, less SVE and MTE.
const A710: Features = F::all([V1.without(F::RNG), F::SB, F::FPAC, F::FLAGM2, F::FRINTTS, F::BTI]);
/// Neoverse N2, less SVE and MTE.
const N2: Features = F::all([A710, F::RNG]);

/// Everything that costs programs nothing and has an instruction, or a short sequence, of the host.
/// Not PAC and BTI, which compilers put in each function. Not SHA512, SM3, SM4, BF16: hosts have no
/// such instructions, and what programs do without them is faster. Not MOPS: vector loops are faster.
/// Not LSE2, for which pairs must be joined: 16 bytes of two registers are one access.
const FAST: Features = F::ALL.without(F::all([
    F::PAUTH,
    F::FPAC,
    F::BTI,
    F::SHA512,
    F::SM3,
    F::SM4,
    F::BF16,
    F::MOPS,
    F::RNG,
    F::ECV,
    F::LRCPC3,
    F::LSE128,
    F::CMPBR,
    F::DGH,
    F::LSE2,
]));

/// All of them; the first one is the default.
pub const MODELS: [Model; 15] = [
    Model { name: "default", midr: 0x413f_d0c1, features: FAST },
    Model { name: "max", midr: super::MAX_MIDR, features: F::ALL },
    Model { name: "any", midr: super::MAX_MIDR, features: F::ALL },
    Model { name: "a64fx", midr: 0x461f_0010, features: A64FX },
    Model { name: "cortex-a35", midr: 0x411f_d040, features: V8_0 },
    Model { name: "cortex-a53", midr: 0x410f_d034, features: V8_0 },
    Model { name: "cortex-a55", midr: 0x412f_d050, features: A76 },
    Model { name: "cortex-a57", midr: 0x411f_d070, features: V8_0 },
    Model { name: "cortex-a710", midr: 0x412f_d471, features: A710 },
    Model { name: "cortex-a72", midr: 0x410f_d083, features: V8_0 },
    Model { name: "cortex-a76", midr: 0x414f_d0b1, features: A76 },
    Model { name: "cortex-a78ae", midr: 0x410f_d423, features: A78AE },
    Model { name: "neoverse-n1", midr: 0x414f_d0c1, features: N1 },
    Model { name: "neoverse-n2", midr: 0x410f_d493, features: N2 },
    Model { name: "neoverse-v1", midr: 0x411f_d402, features: V1 },
];
