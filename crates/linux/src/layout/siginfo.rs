//! What is told of a signal, `siginfo_t`: a structure whose fields depend on the signal and its code
//! (include/uapi/asm-generic/siginfo.h).

use super::{
    Model, SiginfoChild, SiginfoFault, SiginfoHead, SiginfoPoll, SiginfoQueued, SiginfoSys,
    SiginfoTimer, Struct, from_bytes, to_bytes,
};

/// Its length, on all architectures.
pub(super) const LEN: usize = 128;

/// `SI_USER`, `SI_TIMER`, `SI_SIGIO`.
const USER: i32 = 0;
const TIMER: i32 = -2;
const SIGIO: i32 = -5;
/// How many codes `POLL_*` there are.
const POLL_CODES: i32 = 6;

/// Converts the one in `bytes`. What it says of the signal decides what else is in it.
pub(super) fn convert((from, bytes): (Model, &[u8]), (to, out): (Model, &mut [u8])) {
    let head: SiginfoHead = from_bytes(from, &bytes[..12]);
    let fields = match (head.signo, head.code) {
        (_, TIMER) => as_one::<SiginfoTimer>,
        (_, SIGIO) => as_one::<SiginfoPoll>,
        // Others that are negative or zero come from programs.
        (_, ..=USER) => as_one::<SiginfoQueued>,
        (libc::SIGCHLD, _) => as_one::<SiginfoChild>,
        (libc::SIGILL | libc::SIGFPE | libc::SIGSEGV | libc::SIGBUS | libc::SIGTRAP, _) => {
            as_one::<SiginfoFault>
        }
        (libc::SIGSYS, _) => as_one::<SiginfoSys>,
        // Any signal may be chosen for what SIGIO tells.
        (_, 1..=POLL_CODES) => as_one::<SiginfoPoll>,
        _ => as_one::<SiginfoQueued>,
    };
    fields((from, bytes), (to, out));
}

fn as_one<T: Struct>((from, bytes): (Model, &[u8]), (to, out): (Model, &mut [u8])) {
    to_bytes(to, from_bytes::<T>(from, bytes), out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::models::{BIG64, LITTLE32};

    /// Bytes that are not zero, by where they are.
    type Places = &'static [(usize, u8)];

    #[test]
    fn the_signal_decides_what_is_in_it() {
        let cases: [(i32, i32, Places, Places); 4] = [
            // kill: pid and uid; a value that was queued: behind them, as a word.
            (10, -1, &[(12, 7), (16, 9), (20, 5)], &[(16, 7), (20, 9), (24, 5)]),
            (14, TIMER, &[(12, 1), (16, 2), (20, 3)], &[(16, 1), (20, 2), (24, 3)]),
            (11, 1, &[(12, 0x80), (16, 4)], &[(16, 0x80), (24, 4)]),
            // A child: two numbers, the status, then words.
            (17, 1, &[(12, 7), (16, 9), (20, 2), (24, 6)], &[(16, 7), (20, 9), (24, 2), (32, 6)]),
        ];
        for (signo, code, narrow, wide) in cases {
            let bytes = |fields: Places| {
                let mut bytes = [0; LEN];
                to_bytes(LITTLE32, SiginfoHead { signo, errno: 0, code }, &mut bytes);
                fields.iter().for_each(|&(at, byte)| bytes[at] = byte);
                bytes
            };
            let (guest, mut host, mut back) = (bytes(narrow), [0; LEN], [0; LEN]);
            convert((LITTLE32, &guest), (Model::HOST, &mut host));
            assert_eq!(host, bytes(wide), "{signo}");
            convert((Model::HOST, &host), (LITTLE32, &mut back));
            assert_eq!(back, guest, "{signo}");
            convert((Model::HOST, &host), (BIG64, &mut back));
            // (An address has eight bytes.)
            let lowest = if signo == libc::SIGSEGV { 23 } else { 19 };
            assert_eq!((back[3], back[lowest]), (signo as u8, wide[0].1), "{signo}");
        }
    }
}
