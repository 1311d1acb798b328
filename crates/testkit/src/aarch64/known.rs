//! What may differ of arm64.

use guest_aarch64::encoding::TABLE;

use super::FPSR;
use crate::diff::known::{Known, List};
use crate::diff::record::Record;
use isa::{Generator, Line};

/// The list.
pub(super) const LIST: List =
    List { known: KNOWN, accepted, optional: OPTIONAL, sample: |feature| sample(feature) };

const KNOWN: &[Known] = &[
    Known {
        what: "time, random numbers and the processor's identity; NZCV, FPCR, FPSR, DIT and SSBS are \
               generated",
        heading: "MRS, MSR (register)",
        lines: &["mrs", "msr_reg"],
    },
    Known {
        what: "waiting for what never comes; what is over is generated",
        heading: "WFE, WFI, WFIT, WFET",
        lines: &["wfe", "wfi", "wfet", "wfit"],
    },
    Known {
        what: "address translation is privileged, the size of DC ZVA the processor's choice; other \
               cache maintenance, DIT and SSBS are generated",
        heading: "SYS, SYSL, MSR (immediate)",
        lines: &["sys", "sysl", "msr_imm"],
    },
    Known {
        what: "semihosting and debug events; a system call that does not exist is generated",
        heading: "SVC, HLT, HVC, SMC",
        lines: &["svc", "hlt", "hvc", "smc"],
    },
    Known {
        what: "authentication codes differ between processors; generated so that none is left",
        heading: "Pointer authentication",
        lines: &[
            "pacga",
            "pac",
            "aut",
            "pac_zero",
            "aut_zero",
            "xpac",
            "braz",
            "blraz",
            "reta",
            "bra",
            "blra",
            "xpaclri",
            "paci1716",
            "auti1716",
            "paci_z_sp",
            "auti_z_sp",
            "ldra",
        ],
    },
    Known {
        what: "what is there depends on features; generated among others",
        heading: "HINT",
        lines: &["pacm", "chkfeat", "esb"],
    },
    Known {
        what: "ours: FPSR.UFC is not set for an inexact result that rounds to the smallest normal \
               number, because x86 detects tininess after rounding and Arm before; FPSR.IXC is, and \
               the value is right (not avoided: see `accepted`)",
        heading: "Flushing denormalized numbers; Underflow exception (FPProcessException)",
        lines: &[],
    },
];

/// Whether the product may differ like this: hosts find a result tiny after rounding it, Arm before
/// ("Flushing denormalized numbers and the Underflow exception"), so that an inexact result that
/// rounds to the smallest normal number lacks FPSR.UFC. The value is right.
fn accepted(ours: &Record, theirs: &Record) -> bool {
    const UFC: u64 = 1 << 3;
    const IXC: u64 = 1 << 4;
    let status = ours.get(FPSR);
    let mut with = ours.clone();
    with.set(FPSR, status | UFC);
    status & IXC != 0 && with == *theirs
}

/// Features that oracles of some versions lack.
const OPTIONAL: &[&str] = &[
    "FEAT_CSSC",
    "FEAT_HBC",
    "FEAT_LRCPC3",
    "FEAT_LSE128",
    "FEAT_FAMINMAX",
    "FEAT_LUT",
    "FEAT_CMPBR",
    "FEAT_FPRCVT",
    "FEAT_LSFE",
    "FEAT_F16F32DOT",
    "FEAT_F16MM",
    "FEAT_F16F32MM",
];

/// Whether instructions of `line` are never generated at random.
pub(super) fn avoided(line: &Line) -> bool {
    KNOWN.iter().any(|k| k.lines.contains(&line.name))
}

/// An instruction of each line that needs `feature`; branches go to the next one.
fn sample(feature: &str) -> Vec<Vec<u8>> {
    let mut generator = Generator::new(&TABLE, 1, |l| l.feature() == feature);
    let lines = generator.lines().to_vec();
    let word = |line: &&'static Line| {
        let word = super::choose::with(line, generator.word_of(line)? as u32, "imm9", 1);
        Some(word.to_le_bytes().to_vec())
    };
    lines.iter().filter_map(word).collect()
}
