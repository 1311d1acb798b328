//! Lowering of scalar floating point: by the rules that the host follows by itself (`scalar`), with
//! one NaN for all (`canonical`), and where operations trap (`quiet`, `plain`, `invalid`).

pub(crate) mod canonical;
pub(crate) mod estimate;
mod invalid;
pub(crate) mod plain;
pub(crate) mod quiet;
mod scalar;
mod status;
