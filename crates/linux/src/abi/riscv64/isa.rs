//! The text that describes a processor's instruction set (`rv64imafdc_zba_zbb`).

/// Whether `isa` has `extension`: a letter, or a name of several in lower case.
pub(super) fn has(isa: &str, extension: &str) -> bool {
    let mut parts = isa.split('_');
    let letters = parts.next().and_then(|base| base.strip_prefix("rv64")).unwrap_or_default();
    let listed = parts.any(|part| part == extension);
    listed || extension.len() == 1 && letters.contains(extension)
}

#[cfg(test)]
mod tests {
    use super::has;

    #[test]
    fn letters_and_names_are_found() {
        let isa = "rv64imafdcv_zicsr_zba";
        assert!(has(isa, "v") && has(isa, "zba") && has(isa, "zicsr"));
        assert!(!has(isa, "zb") && !has(isa, "h") && !has(isa, "r") && !has("", "i"));
    }
}
