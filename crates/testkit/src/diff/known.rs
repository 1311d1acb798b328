//! What the oracle is known to do otherwise than the manual says, and how such cases are avoided
//! or accepted.

use guest_aarch64::encoding::Line;

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
        what: "time and event registers, and ones with the processor's identity",
        heading: "MRS",
        lines: &["mrs", "msr_reg"],
    },
    Known {
        what: "waiting lasts until an event that never comes",
        heading: "WFE, WFI, WFET, WFIT",
        lines: &["wfe", "wfi", "wfet", "wfit"],
    },
    Known {
        what: "cache maintenance and address translation are privileged in part",
        heading: "SYS, SYSL, MSR (immediate)",
        lines: &["sys", "sysl", "msr_imm"],
    },
    Known {
        what: "system calls and debug events",
        heading: "SVC, HLT, HVC, SMC",
        lines: &["svc", "hlt", "hvc", "smc"],
    },
    Known {
        what: "the oracle has FEAT_PAuth and FEAT_GCS, whose hints are NOPs without",
        heading: "HINT",
        lines: &["xpaclri", "paci1716", "auti1716", "paci_z_sp", "auti_z_sp", "pacm", "chkfeat", "esb"],
    },
    Known {
        what: "the oracle has no FEAT_LRCPC3",
        heading: "LDAPR, STLR (writeback), LDIAPP, STILP, LDAP1, STL1, LDAPUR, STLUR (SIMD&FP)",
        lines: &[
            "ldapr_post", "stlr_pre", "ldiapp", "stilp", "ldap1", "stl1", "ldapurv", "stlurv",
        ],
    },
];

/// Whether instructions of `line` are never generated at random.
pub fn avoided(line: &Line) -> bool {
    KNOWN.iter().any(|k| k.lines.contains(&line.name))
}
