//! The code of x86_64's vDSO.

use super::{MACHINE, number};
use crate::vdso::Code::Bytes;
use crate::vdso::{Built, Form, Function, Image, build};

/// `syscall; ret`.
const SYSCALL_RET: [u8; 3] = [0x0f, 0x05, 0xc3];
/// Undefined instructions (UD1 eax, eax; UD1 eax, ecx) that ask the host's vDSO: `clock_gettime` of clock
/// edi to rsi, `gettimeofday` to rdi. The result is in eax.
const TIME: [u8; 3] = [0x0f, 0xb9, 0xc0];
const DAY: [u8; 3] = [0x0f, 0xb9, 0xc1];
/// The same (UD1 eax, edx): rax = the seconds of clock edi.
const SECONDS: [u8; 3] = [0x0f, 0xb9, 0xc2];
/// The same (UD1 eax, ebx): eax and ecx = processor and node.
const CPU: [u8; 3] = [0x0f, 0xb9, 0xc3];

/// Goes on if clock edi is REALTIME, MONOTONIC, MONOTONIC_RAW, a coarse one of both, BOOTTIME or TAI;
/// otherwise to what is `after` bytes behind this. Changes ecx.
const fn known_clock(after: u8) -> [u8; 15] {
    [
        0x83,
        0xff,
        0x0b, // cmp edi, 11
        0x77,
        10 + after, // ja
        0xb9,
        0xf3,
        0x08,
        0,
        0, // mov ecx, 0x8f3
        0x0f,
        0xa3,
        0xf9, // bt ecx, edi
        0x73,
        after, // jae
    ]
}

/// `mov eax, number`.
const fn set_number(number: u16) -> [u8; 5] {
    let [low, high] = number.to_le_bytes();
    [0xb8, low, high, 0, 0]
}

/// Several pieces in one.
const fn join<const N: usize>(pieces: &[&[u8]]) -> [u8; N] {
    let (mut out, mut at, mut piece) = ([0; N], 0, 0);
    while piece < pieces.len() {
        let mut byte = 0;
        while byte < pieces[piece].len() {
            out[at] = pieces[piece][byte];
            (at, byte) = (at + 1, byte + 1);
        }
        piece += 1;
    }
    assert!(at == N, "another length");
    out
}

const RET: &[u8] = &[0xc3];

const CLOCK_GETTIME: [u8; 27] =
    join(&[&set_number(number::CLOCK_GETTIME as u16), &known_clock(4), &TIME, RET, &SYSCALL_RET]);

const GETTIMEOFDAY: [u8; 22] = join(&[
    &set_number(number::GETTIMEOFDAY as u16),
    &[0x48, 0x85, 0xff, 0x74, 9], // test rdi, rdi; je to the call
    &[0x48, 0x85, 0xf6, 0x75, 4], // test rsi, rsi; jne to the call
    &DAY,
    RET,
    &SYSCALL_RET,
]);

/// The code of `clock_getres`; the two words that follow are [`Image::resolutions`].
const CLOCK_GETRES_CODE: usize = 64;
const CLOCK_GETRES: [u8; CLOCK_GETRES_CODE + 16] = join(&[
    &set_number(number::CLOCK_GETRES as u16),
    &known_clock(40),
    &[0x48, 0x85, 0xf6, 0x74, 32],    // test rsi, rsi; je to the xor
    &[0x83, 0xef, 0x05],              // sub edi, 5: the coarse clocks are 5 and 6
    &[0x83, 0xff, 0x02],              // cmp edi, 2
    &[0x19, 0xc0, 0xf7, 0xd8],        // sbb eax, eax; neg eax
    &[0x48, 0x8d, 0x0d, 22, 0, 0, 0], // lea rcx, [rip + resolutions]
    &[0x48, 0x8b, 0x04, 0xc1],        // mov rax, [rcx + rax * 8]
    &[0x48, 0x89, 0x46, 0x08],        // mov [rsi + 8], rax
    &[0x48, 0xc7, 0x06, 0, 0, 0, 0],  // mov qword [rsi], 0
    &[0x31, 0xc0],                    // xor eax, eax
    RET,
    &SYSCALL_RET,
    &[0x90], // so that the words are aligned
    &[0; 16],
]);

const GETCPU: [u8; 20] = join(&[
    &CPU,
    &[0x48, 0x85, 0xff, 0x74, 2, 0x89, 0x07], // test rdi, rdi; je; mov [rdi], eax
    &[0x48, 0x85, 0xf6, 0x74, 2, 0x89, 0x0e], // test rsi, rsi; je; mov [rsi], ecx
    &[0x31, 0xc0],                            // xor eax, eax
    RET,
]);
const TIME_CALL: [u8; 20] = join(&[
    &[0x48, 0x89, 0xfa],                                 // mov rdx, rdi
    &[0xbf, libc::CLOCK_REALTIME_COARSE as u8, 0, 0, 0], // mov edi, 5
    &SECONDS,
    &[0x48, 0x85, 0xd2, 0x74, 3, 0x48, 0x89, 0x02], // test rdx, rdx; je; mov [rdx], rax
    RET,
]);
/// (Programs have one of their own, which unwinders recognise: `mov rax, 15; syscall`.)
const RT_SIGRETURN: [u8; 9] =
    [0x48, 0xc7, 0xc0, number::RT_SIGRETURN, 0, 0, 0, SYSCALL_RET[0], SYSCALL_RET[1]];

static BUILT: Built<6> = build(
    Form::new(MACHINE, "LINUX_2.6"),
    &[
        Function { name: "__vdso_clock_gettime", code: Bytes(&CLOCK_GETTIME) },
        Function { name: "__vdso_gettimeofday", code: Bytes(&GETTIMEOFDAY) },
        Function { name: "__vdso_clock_getres", code: Bytes(&CLOCK_GETRES) },
        Function { name: "__vdso_time", code: Bytes(&TIME_CALL) },
        Function { name: "__vdso_getcpu", code: Bytes(&GETCPU) },
        Function { name: "__kernel_rt_sigreturn", code: Bytes(&RT_SIGRETURN) },
    ],
);

/// The image.
pub(super) static IMAGE: Image = BUILT.image(5, BUILT.offsets[2] + CLOCK_GETRES_CODE as u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_lead_to_the_call() {
        let code = CLOCK_GETTIME;
        for branch in [8, 18] {
            let to = branch + 2 + usize::from(code[branch + 1]);
            assert_eq!(code[to..to + 3], SYSCALL_RET, "{branch}");
        }
        let code = GETTIMEOFDAY;
        for branch in [8, 13] {
            let to = branch + 2 + usize::from(code[branch + 1]);
            assert_eq!(code[to..to + 3], SYSCALL_RET, "{branch}");
        }
        let code = CLOCK_GETRES;
        for (branch, to) in [(8, 60), (18, 60), (23, 57)] {
            assert_eq!(branch + 2 + usize::from(code[branch + 1]), to);
        }
        assert_eq!((&code[57..59], &code[60..63]), (&[0x31, 0xc0][..], &SYSCALL_RET[..]));
        // lea: its last byte is at 41.
        assert_eq!(42 + usize::from(code[38]), CLOCK_GETRES_CODE);
    }

    #[test]
    fn the_resolutions_are_aligned() {
        assert_eq!(IMAGE.resolutions % 8, 0);
        assert_eq!(IMAGE.bytes[IMAGE.sigreturn as usize..][..4], [0x48, 0xc7, 0xc0, 15]);
    }
}
