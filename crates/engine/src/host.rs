//! The one place that knows the host's architecture: which back end, with which of its features.

use crate::options::Options;
use guest::Spec;
use host::Host;
use std::io;

/// The back end for this host.
#[cfg(target_arch = "x86_64")]
pub(crate) fn back_end(options: &Options, spec: &Spec) -> io::Result<Box<dyn Host>> {
    let features = features(options.features);
    Ok(Box::new(match options.pins {
        None => host_x64::X64::new(features, spec.int_pins, spec.vec_pins),
        Some(seed) => {
            let [int, vec] = host::random_pins(seed);
            host_x64::X64::new(features, &int, &vec)
        }
    }))
}

/// There is none.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn back_end(_options: &Options, _spec: &Spec) -> io::Result<Box<dyn Host>> {
    let text = format!("programs cannot be run on {} machines yet", std::env::consts::ARCH);
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}

/// The processor's extensions, cut down to `level`.
#[cfg(target_arch = "x86_64")]
fn features(level: crate::FeatureLevel) -> host_x64::Features {
    use crate::FeatureLevel;
    use host_x64::Features;
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
