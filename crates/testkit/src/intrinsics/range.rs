//! Which constants intrinsics take.

use super::prototype::{Elements, Kind, Prototype, elements};

/// Lowest and highest value of parameter `at` of `prototype`.
pub(super) fn range(prototype: &Prototype, at: usize) -> (u32, u32) {
    let name = prototype.name.as_str();
    let values = |range: std::ops::Range<usize>| {
        prototype.parameters[range]
            .iter()
            .filter(|p| p.kind == Kind::Value)
            .filter_map(|p| elements(&p.ty))
    };
    let one = Elements { bits: 64, lanes: 1, float: false, vector: false };
    // The operand before it: the one that is indexed or shifted.
    let operand = values(0..at).next_back().unwrap_or(one);
    if name.starts_with("vxar") {
        return (0, 63);
    }
    if name.contains("_n_") || name.ends_with("_n") {
        return shift(name, operand);
    }
    let group = if name.contains("cmla") || name.contains("bfdot") {
        2
    } else if name.contains("dot_lane") || name.contains("dotq_lane") {
        4
    } else {
        1
    };
    (0, (operand.lanes / group).max(1) - 1)
}

/// The range of a shift or of fraction bits.
fn shift(name: &str, operand: Elements) -> (u32, u32) {
    let base = name.trim_start_matches('v');
    let starts = |words: &[&str]| words.iter().any(|w| base.starts_with(w));
    if starts(&["cvth_n_f16"]) {
        return (1, 16);
    }
    if starts(&["cvt"]) {
        return (1, operand.bits);
    }
    if starts(&["shrn", "rshrn", "qshrn", "qrshrn", "qshrun", "qrshrun"]) {
        return (1, operand.bits / 2);
    }
    if starts(&["shl", "sli", "qshl"]) {
        return (0, operand.bits - 1);
    }
    (1, operand.bits)
}

#[cfg(test)]
mod tests {
    use super::super::prototype::Parameter;
    use super::*;

    fn of(name: &str, types: &[&str]) -> (u32, u32) {
        let parameters: Vec<_> = types
            .iter()
            .map(|ty| {
                let kind = if *ty == "const" { Kind::Constant } else { Kind::Value };
                Parameter { ty: (*ty).to_owned(), kind }
            })
            .collect();
        let at = types.len() - 1;
        range(&Prototype { name: name.to_owned(), result: String::new(), parameters }, at)
    }

    #[test]
    fn ranges_are_the_manuals() {
        assert_eq!(of("vshrq_n_s32", &["int32x4_t", "const"]), (1, 32));
        assert_eq!(of("vshrn_high_n_s16", &["int8x8_t", "int16x8_t", "const"]), (1, 8));
        assert_eq!(of("vget_lane_u8", &["uint8x8_t", "const"]), (0, 7));
        assert_eq!(of("vdotq_lane_s32", &["int32x4_t", "int8x16_t", "int8x8_t", "const"]), (0, 1));
        assert_eq!(of("vqshlub_n_s8", &["int8_t", "const"]), (0, 7));
    }
}
