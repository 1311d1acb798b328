//! The vDSO of arm64.

/// The image.
pub(super) fn image() -> Vec<u8> {
    Vec::new()
}
