//! Processors that can be chosen with `-cpu`.

use super::feature::Features;

/// A processor.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its name.
    pub name: &'static str,
    /// Its extensions.
    pub features: Features,
}

type F = Features;

/// RV64GC, and what Linux asks for.
const RV64GC: Features = F::all([F::M, F::A, F::F, F::D, F::C, F::ZICSR, F::ZIFENCEI, F::ZICNTR]);
/// RVA22U64.
const RVA22: Features = F::all([
    RV64GC,
    F::ZIHPM,
    F::ZIHINTPAUSE,
    F::ZBA,
    F::ZBB,
    F::ZBS,
    F::ZICBOM,
    F::ZICBOP,
    F::ZICBOZ,
    F::ZFHMIN,
    F::ZKT,
]);
/// RVA23U64, less pointer masking.
const RVA23: Features = RVA23_SCALAR.with(VECTOR);
/// What RVA23U64 asks of vectors.
const VECTOR: Features = F::all([F::V, F::ZVFHMIN, F::ZVBB, F::ZVKB, F::ZVKT]);
/// RVA23U64 without vectors.
const RVA23_SCALAR: Features =
    F::all([RVA22, F::ZIHINTNTL, F::ZICOND, F::ZIMOP, F::ZCMOP, F::ZCB, F::ZFA, F::ZAWRS]);
/// SiFive U74, as in the VisionFive 2.
const U74: Features = F::all([RV64GC, F::ZIHPM, F::ZBA, F::ZBB]);
/// T-Head C908, less its own extensions.
const C908: Features = F::all([
    RV64GC,
    F::ZIHPM,
    F::ZIHINTPAUSE,
    F::ZBA,
    F::ZBB,
    F::ZBC,
    F::ZBS,
    F::ZBKC,
    F::ZFH,
    F::ZFHMIN,
    F::ZICBOM,
    F::ZICBOP,
    F::ZICBOZ,
    F::ZKT,
    F::V,
    F::ZVFH,
    F::ZVFHMIN,
]);
/// SpacemiT K1 (X60).
const K1: Features =
    F::all([RVA22, F::V, F::ZVFH, F::ZVFHMIN, F::ZVKT, F::ZBC, F::ZBKC, F::ZFH, F::ZICOND]);

/// Everything that is fast. Not that for which hosts have no instructions, so that programs use what they
/// have besides: SM4, SM3 and SHA-512 in vectors, arithmetic of half precision in vectors, bfloat16.
const FAST: Features = F::ALL.without(F::all([
    F::ZKSED,
    F::ZVFH,
    F::ZFBFMIN,
    F::ZVFBFMIN,
    F::ZVFBFWMA,
    F::ZVKNHB,
    F::ZVKSED,
    F::ZVKSH,
]));

/// All of them; the first one is the default.
pub const MODELS: [Model; 8] = [
    Model { name: "default", features: FAST },
    Model { name: "max", features: F::ALL },
    Model { name: "rv64", features: RV64GC },
    Model { name: "rva22u64", features: RVA22 },
    Model { name: "rva23u64", features: RVA23 },
    Model { name: "sifive-u74", features: U74 },
    Model { name: "thead-c908", features: C908 },
    Model { name: "spacemit-k1", features: K1 },
];
