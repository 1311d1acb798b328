//! The code of arm64's vDSO.

use super::MACHINE;
use crate::vdso::Code::Words;
use crate::vdso::{Built, Form, Function, Image, build};
use guest::clock_call;

const BTI_C: u32 = 0xd503_245f;
const RET: u32 = 0xd65f_03c0;
const SVC: u32 = 0xd400_0001;
const SVC_TIME: u32 = SVC | clock_call::TIME << 5;
const SVC_DAY: u32 = SVC | clock_call::DAY << 5;

/// `mov x8, #nr`.
const fn mov_x8(nr: u64) -> u32 {
    0xd280_0008 | (nr as u32) << 5
}

const CLOCK_GETTIME: [u32; 11] = [
    BTI_C,
    mov_x8(super::CLOCK_GETTIME),
    0x7100_2c1f, // cmp w0, #11
    0x5400_00c8, // b.hi to the last call
    0x5281_1e62, // mov w2, #0x8f3: REALTIME, MONOTONIC, MONOTONIC_RAW, both coarse, BOOTTIME, TAI
    0x1ac0_2442, // lsr w2, w2, w0
    0x3600_0062, // tbz w2, #0, to the last call
    SVC_TIME,
    RET,
    SVC,
    RET,
];

const GETTIMEOFDAY: [u32; 8] = [
    BTI_C,
    mov_x8(super::GETTIMEOFDAY),
    0xb400_0080, // cbz x0, to the last call
    0xb500_0061, // cbnz x1, to the last call
    SVC_DAY,
    RET,
    SVC,
    RET,
];

/// The code of `clock_getres`; the two words that follow are [`Image::resolutions`].
const CLOCK_GETRES_CODE: usize = 18;
const CLOCK_GETRES: [u32; CLOCK_GETRES_CODE + 4] = [
    BTI_C,
    mov_x8(super::CLOCK_GETRES),
    0x7100_2c1f, // cmp w0, #11
    0x5400_01a8, // b.hi to the last call
    0x5281_1e62, // mov w2, #0x8f3, as above
    0x1ac0_2442, // lsr w2, w2, w0
    0x3600_0142, // tbz w2, #0, to the last call
    0xb400_00e1, // cbz x1, to the mov w0
    0x1000_0142, // adr x2, to the words
    0xa940_0843, // ldp x3, x2, [x2]
    0x5100_1400, // sub w0, w0, #5: the coarse clocks are 5 and 6
    0x7100_041f, // cmp w0, #1
    0x9a83_9042, // csel x2, x2, x3, ls
    0xa900_083f, // stp xzr, x2, [x1]
    0x5280_0000, // mov w0, #0
    RET,
    SVC,
    RET,
    0,
    0,
    0,
    0,
];

/// What unwinders look for: exactly these two instructions.
const RT_SIGRETURN: [u32; 2] = [mov_x8(super::RT_SIGRETURN), SVC];

static BUILT: Built<4> = build(
    Form::new(MACHINE, "LINUX_2.6.39"),
    &[
        Function { name: "__kernel_clock_gettime", code: Words(&CLOCK_GETTIME) },
        Function { name: "__kernel_gettimeofday", code: Words(&GETTIMEOFDAY) },
        Function { name: "__kernel_clock_getres", code: Words(&CLOCK_GETRES) },
        Function { name: "__kernel_rt_sigreturn", code: Words(&RT_SIGRETURN) },
    ],
);

/// The image.
pub(super) static IMAGE: Image = BUILT.image(3, BUILT.offsets[2] + CLOCK_GETRES_CODE as u64 * 4);

#[cfg(test)]
mod tests {
    use super::*;

    fn word_at(offset: u64) -> u64 {
        u64::from_le_bytes(IMAGE.bytes_here()[offset as usize..][..8].try_into().unwrap())
    }

    #[test]
    fn the_trampoline_is_what_unwinders_expect() {
        assert_eq!(word_at(IMAGE.sigreturn), 0xd400_0001_d280_1168);
        let at = IMAGE.sigreturn as usize;
        assert_eq!(IMAGE.bytes[at - 16..at], [0; 16]);
        assert_eq!(SVC_TIME, 0xd414_2f81);
    }

    #[test]
    fn the_resolutions_are_where_the_code_looks() {
        let end = BUILT.offsets[2] + CLOCK_GETRES.len() as u64 * 4;
        assert_eq!(IMAGE.resolutions + 16, end);
        assert_eq!(IMAGE.resolutions % 8, 0);
        assert!(word_at(IMAGE.resolutions) >= 1);
        assert!(word_at(IMAGE.resolutions + 8) >= word_at(IMAGE.resolutions));
    }
}
