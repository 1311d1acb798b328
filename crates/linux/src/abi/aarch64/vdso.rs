//! The code of arm64's vDSO.

use super::MACHINE;
use crate::vdso::{CLOCK_CALL, Function, Image, build};

const BTI_C: u32 = 0xd503_245f;
const RET: u32 = 0xd65f_03c0;
const SVC: u32 = 0xd400_0001;
/// SVC with the immediate of the private clock call.
const SVC_CLOCK: u32 = SVC | CLOCK_CALL << 5;

/// `mov x8, #nr`.
const fn mov_x8(nr: u32) -> u32 {
    0xd280_0008 | nr << 5
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The image.
pub(super) fn image() -> Image {
    let clock = |nr: u64| bytes(&[BTI_C, mov_x8(nr as u32), SVC_CLOCK, RET]);
    let gettime = clock(super::CLOCK_GETTIME);
    let timeofday = clock(super::GETTIMEOFDAY);
    let getres = clock(super::CLOCK_GETRES);
    // Unwinders look for exactly these two instructions.
    let sigreturn = bytes(&[mov_x8(super::RT_SIGRETURN as u32), SVC]);
    let functions = [
        Function { name: "__kernel_clock_gettime", code: &gettime },
        Function { name: "__kernel_gettimeofday", code: &timeofday },
        Function { name: "__kernel_clock_getres", code: &getres },
        Function { name: "__kernel_rt_sigreturn", code: &sigreturn },
    ];
    let (bytes, offsets) = build(MACHINE, "LINUX_2.6.39", &functions);
    Image { bytes, sigreturn: offsets[3] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trampoline_is_what_unwinders_expect() {
        let image = image();
        let at = image.sigreturn as usize;
        assert_eq!(image.bytes[at..at + 8], bytes(&[0xd280_1168, 0xd400_0001]));
        assert_eq!(image.bytes[at - 16..at], [0; 16]);
        assert_eq!(SVC_CLOCK, 0xd414_2f81);
    }
}
