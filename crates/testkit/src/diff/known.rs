//! The one list of what may differ: where the manual leaves a choice, where the oracle has features
//! that we have not, and where we deviate; and how such cases are avoided or accepted.

use std::path::Path;

use anyhow::Result;
use guest_aarch64::encoding::TABLE;
use isa::Generator;
use isa::Line;

use super::case::{Case, Group};
use super::choose;
use super::record::{FPSR, Record, SIGNAL};
use super::runner::Runner;

/// A known difference.
#[derive(Debug)]
pub struct Known {
    /// What, for people.
    pub what: &'static str,
    /// Where the manual says so.
    pub heading: &'static str,
    /// Names of the lines it concerns.
    pub lines: &'static [&'static str],
}

/// The list.
pub static KNOWN: &[Known] = &[
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
pub fn accepted(ours: &Record, theirs: &Record) -> bool {
    const UFC: u64 = 1 << 3;
    const IXC: u64 = 1 << 4;
    let status = ours.get(FPSR);
    let mut with = ours.clone();
    with.set(FPSR, status | UFC);
    status & IXC != 0 && with == *theirs
}

/// Features that oracles of some versions lack; see [`lacking`].
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

/// The features of implemented lines that `oracle` executes no line of.
///
/// # Errors
/// If it cannot be run.
pub fn lacking(oracle: &Runner, scratch: &Path) -> Result<Vec<&'static str>> {
    let mut generator = Generator::new(&TABLE, 1, |l| OPTIONAL.contains(&l.feature()));
    let lines = generator.lines().to_vec();
    // Branches go to the next instruction.
    let mut word =
        |line: &'static Line| Some(choose::with(line, generator.word_of(line)? as u32, "imm9", 1));
    let words = lines.iter().filter_map(|line| Some((line.feature(), word(line)?)));
    let words: Vec<_> = words.collect();
    let group = |word| Group { words: vec![word], branch: None };
    let cases: Vec<_> = words
        .iter()
        .map(|&(_, word)| Case { start: Record::zero(), groups: vec![group(word)] })
        .collect();
    let results = oracle.run(&cases, 1, scratch)?;
    let executed = |feature: &str| {
        let mut pairs = words.iter().zip(&results).filter(|(w, _)| w.0 == feature);
        pairs.any(|(_, r)| r.as_ref().is_some_and(|r| r.get(SIGNAL) != 4))
    };
    Ok(OPTIONAL
        .iter()
        .copied()
        .filter(|f| words.iter().any(|w| w.0 == *f) && !executed(f))
        .collect())
}

/// Whether instructions of `line` are never generated at random.
pub fn avoided(line: &Line) -> bool {
    KNOWN.iter().any(|k| k.lines.contains(&line.name))
}
