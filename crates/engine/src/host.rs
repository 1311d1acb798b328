//! The one place that knows the host's architecture: which back end, what its registers mean.

use crate::options::{FeatureLevel, Options};
use guest::Spec;
use host::{Features, FlagsAt, Host};
use ir::Round;
use ir::state::flag;

/// The processor's extensions, cut down to `level`.
pub(crate) fn features(level: FeatureLevel) -> Features {
    if level == FeatureLevel::Sse42 {
        return Features::default();
    }
    let [one, seven] = sys::arch::cpuid();
    let has = |word: u32, bit: u32| word >> bit & 1 != 0;
    let avx = has(one, 27) && has(one, 28) && sys::arch::avx_enabled();
    let avx2 = avx && has(seven, 5);
    let all = Features {
        avx2,
        // LZCNT has no bit in these leaves; every processor with BMI2 has it.
        bmi2: has(seven, 3) && has(seven, 8),
        fma: avx2 && has(one, 12),
        f16c: avx2 && has(one, 29),
        movbe: avx2 && has(one, 22),
        aes: has(one, 25),
        pclmul: has(one, 1),
        sha: has(seven, 29),
    };
    match level {
        FeatureLevel::Avx2 => Features { aes: false, pclmul: false, sha: false, ..all },
        _ => all,
    }
}

/// The back end for this host.
pub(crate) fn back_end(options: &Options, spec: &Spec) -> Box<dyn Host> {
    let features = features(options.features);
    Box::new(match options.pins {
        None => host_x64::X64::new(features, spec.int_pins, spec.vec_pins),
        Some(seed) => {
            let [int, vec] = host::random_pins(seed);
            host_x64::X64::new(features, &int, &vec)
        }
    })
}

/// Floating-point control for translated code: invalid operations trap, all else is masked.
pub(crate) fn fp_control(rounding: Round) -> u32 {
    let field = match rounding {
        Round::Down => 1,
        Round::Up => 2,
        Round::Zero => 3,
        _ => 0,
    };
    0x1f00 | field << 13
}

/// Separates the sticky bits (in the order of `SLOT_FPSR`) from a floating-point control and status word.
/// Invalid is never taken from here: such instructions go to the evaluator.
pub(crate) fn split_sticky(control: u32) -> (u64, u32) {
    let bit = |from: u32, to: u32| u64::from(control >> from & 1) << to;
    (bit(2, 1) | bit(3, 2) | bit(4, 3) | bit(5, 4), control & !0x3f)
}

/// The control word with the sticky "invalid" cleared.
pub(crate) fn without_invalid(control: u32) -> u32 {
    control & !1
}

/// The flag word for flags that are in the host's flags register.
pub(crate) fn flag_word(host_flags: u64, at: FlagsAt) -> u32 {
    let low = host_flags as u32;
    let word = (low & 0xff) << 8 | (low >> 11 & 1);
    match at {
        FlagsAt::HostSub => word ^ flag::C,
        FlagsAt::HostLogic => word & !(flag::C | flag::V),
        _ => word,
    }
}
