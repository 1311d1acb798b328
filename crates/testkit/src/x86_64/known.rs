//! What processors do differently, and how random cases avoid it.

use guest_x86::decode::Op;
use isa::Line;

use super::operands::{self, Place};
use crate::diff::known::{Known, List};
use crate::diff::record::Record;
use isa::Rng;

/// The list.
pub(super) const LIST: List = List { known: KNOWN, accepted, optional: OPTIONAL, sample };

const KNOWN: &[Known] = &[
    Known {
        what: "estimates, whose bits each processor chooses; not generated",
        heading: "RCPPS, RCPSS, RSQRTPS, RSQRTSS",
        lines: &[
            "rcpps", "rcpss", "rsqrtps", "rsqrtss", "vrcpps", "vrcpss", "vrsqrtps", "vrsqrtss",
        ],
    },
    Known {
        what: "the last bit of what is computed by series; not generated",
        heading: "F2XM1, FYL2X, FYL2XP1, FPATAN, FPTAN, FSIN, FCOS, FSINCOS",
        lines: &["f2xm1", "fyl2x", "fyl2xp1", "fpatan", "fptan", "fsin", "fcos", "fsincos"],
    },
    Known {
        what: "they store the last instruction's addresses, which some processors have only after an exception; \
               not generated (FNSTENV and FNSAVE are, and what they store of it is overwritten)",
        heading: "FXSAVE, FXRSTOR",
        lines: &["fxsave", "fxrstor"],
    },
    Known {
        what: "whether the upper half of a register of 32 bits is cleared if it was not equal; generated with \
               a move that clears it",
        heading: "CMPXCHG",
        lines: &[],
    },
    Known {
        what: "which of two NaNs their sums give; not generated",
        heading: "DPPS, DPPD",
        lines: &["dpps", "dppd", "vdpps", "vdppd"],
    },
    Known {
        what: "whether a line that AMD's processors had first is undefined with registers; generated with memory",
        heading: "PREFETCHW",
        lines: &[],
    },
    Known {
        what: "whether an operand in memory must be aligned; generated so",
        heading: "SHA1, SHA256",
        lines: &[],
    },
    Known {
        what: "the result if the count is greater than the operand; those of 16 bits are not generated",
        heading: "SHLD, SHRD",
        lines: &[],
    },
    Known {
        what: "ours: where the exceptions of both halves of a vector of 256 bits are not masked, translated code \
               raises those of the lower half alone (the evaluator looks at both)",
        heading: "MXCSR",
        lines: &[],
    },
    Known {
        what: "which flags are undefined is in the table: what would read such a flag is preceded by a \
               comparison, and they are left out at the end",
        heading: "EFLAGS",
        lines: &[],
    },
];

/// Extensions that processors may lack.
const OPTIONAL: &[&str] = &[
    "avx2",
    "bmi1",
    "bmi2",
    "fma",
    "f16c",
    "aes",
    "pclmulqdq",
    "sha",
    "gfni",
    "vaes",
    "vpclmulqdq",
    "adx",
    "movbe",
    "cmpccxadd",
    "lzcnt",
    "popcnt",
    "clflushopt",
    "clwb",
    "rdpid",
    "fsgsbase",
    "xsave",
    "serialize",
];

/// The features of a line: those that processors may lack first.
pub(super) fn features(row: &isa::opcode::Row) -> Vec<&'static str> {
    let mut features = row.features.clone();
    features.sort_by_key(|feature| !OPTIONAL.contains(feature));
    features
}

/// Nothing.
fn accepted(_: &Record, _: &Record) -> bool {
    false
}

/// An instruction of each line that needs `feature`.
fn sample(feature: &str) -> Vec<Vec<u8>> {
    let place = Place { first: 0x1000, last: 0x2000, fs: 0, gs: 0 };
    let mut rng = Rng::new(1);
    let of = |op: &&Op| super::line(**op).implemented() && super::line(**op).feature() == feature;
    let mut code = |op: &Op| Some(operands::group(*op, place, &mut rng)?.instruction().to_vec());
    Op::ALL.iter().filter(of).filter_map(&mut code).collect()
}

/// Whether instructions of `line` are never generated at random.
pub(super) fn avoided(line: &Line) -> bool {
    KNOWN.iter().any(|k| k.lines.contains(&line.name))
}
