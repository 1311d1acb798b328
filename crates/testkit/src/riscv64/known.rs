//! What may differ of riscv64.

use guest_riscv64::encoding::TABLE;
use isa::{Generator, Line};

use crate::diff::known::{Known, List};

/// The list.
pub(super) const LIST: List =
    List { known: KNOWN, accepted: |_, _| false, optional: OPTIONAL, sample };

const KNOWN: &[Known] = &[
    Known {
        what: "the oracle's: with x0 as the destination it writes what it takes for zero from then on; \
               not generated",
        heading: "AMOCAS",
        lines: &[],
    },
    Known {
        what: "the oracle's: an operand that is not boxed becomes the NaN of half precision, which is a \
               number in bfloat16; only boxed ones are generated",
        heading: "VFWMACCBF16.VF",
        lines: &[],
    },
    Known {
        what: "QEMU 10.0's: its result is not sign-extended as it should be behind some RORIW; 11.1 agrees \
               with us",
        heading: "SLLIW",
        lines: &[],
    },
    Known {
        what: "the oracle's: exceptions are not raised if the result is overwritten before anything uses it; \
               generated with a use",
        heading: "FROUND, FROUNDNX",
        lines: &[],
    },
    Known {
        what: "QEMU 10.0's: reserved reductions, whose sources overlap with another width, are executed; only \
               legal ones are generated",
        heading: "reductions",
        lines: &[],
    },
    Known {
        what: "the oracle's: behind an instruction that started at an element beyond vl, a loop goes on with \
               code for full groups although vl has become less (once in about 10,000,000 instructions)",
        heading: "vl",
        lines: &[],
    },
    Known {
        what: "bit 8 of vtype is of an extension that QEMU 11.1 tries out; not generated",
        heading: "vtype",
        lines: &[],
    },
    Known {
        what: "the oracle ends with an error if a load or store is to start behind its last element; not \
               generated",
        heading: "vstart",
        lines: &[],
    },
    Known {
        what: "traps and calls; a call that does not exist is generated among others, where vtype is none: the \
               oracle keeps vectors across calls, which Linux does not",
        heading: "ECALL, EBREAK, C.EBREAK",
        lines: &["ecall", "ebreak", "c_ebreak"],
    },
];

/// Extensions that oracles of some versions lack.
const OPTIONAL: &[&str] = &["Zimop", "Zcmop", "Zacas", "Zabha", "Zfbfmin", "Zicbom", "Zicboz"];

/// An instruction of each line that needs `feature`.
fn sample(feature: &str) -> Vec<Vec<u8>> {
    let mut generator = Generator::new(&TABLE, 1, |l| l.feature() == feature);
    let lines = generator.lines().to_vec();
    let word = |line: &&'static Line| {
        Some(generator.word_of(line)?.to_le_bytes()[..line.bytes()].to_vec())
    };
    lines.iter().filter_map(word).collect()
}

/// Whether instructions of `line` are never generated at random.
pub(super) fn avoided(line: &Line) -> bool {
    KNOWN.iter().any(|k| k.lines.contains(&line.name))
}

/// Whether the oracle may know `word` although the table does not: extensions that we have not
/// (vectors as long as they are missing, custom ones, and reserved system instructions).
pub(super) fn oracles(word: u64) -> bool {
    let major = word & 0x7f;
    // OP-V, loads and stores of vectors, custom-0 to 3, OP-VE.
    matches!(major, 0x57 | 0x07 | 0x27 | 0x0b | 0x2b | 0x5b | 0x7b | 0x77)
        // System instructions of other modes.
        || major == 0x73
        // Zalasr (load-acquire, store-release) and Zicfiss (SSAMOSWAP): AMO with funct5 6, 7 and 9.
        || major == 0x2f && matches!(word >> 27 & 31, 6 | 7 | 9)
        // Zcmp and Zcmt, which share encodings with C.FSDSP's.
        || word & 0xe003 == 0xa002
}
