//! /proc/cpuinfo of arm64 (Linux arch/arm64/kernel/cpuinfo.c).

use guest::{Capabilities, Guest};

/// Names of `AT_HWCAP`'s bits, from bit 0.
#[rustfmt::skip]
const HWCAP: [&str; 34] = [
    "fp", "asimd", "evtstrm", "aes", "pmull", "sha1", "sha2", "crc32", "atomics", "fphp",
    "asimdhp", "cpuid", "asimdrdm", "jscvt", "fcma", "lrcpc", "dcpop", "sha3", "sm3", "sm4",
    "asimddp", "sha512", "sve", "asimdfhm", "dit", "uscat", "ilrcpc", "flagm", "ssbs", "sb",
    "paca", "pacg", "gcs", "cmpbr",
];
/// Names of `AT_HWCAP2`'s bits, from bit 0.
#[rustfmt::skip]
const HWCAP2: [&str; 48] = [
    "dcpodp", "sve2", "sveaes", "svepmull", "svebitperm", "svesha3", "svesm4", "flagm2", "frint",
    "svei8mm", "svef32mm", "svef64mm", "svebf16", "i8mm", "bf16", "dgh", "rng", "bti", "mte",
    "ecv", "afp", "rpres", "mte3", "sme", "smei16i64", "smef64f64", "smei8i32", "smef16f32",
    "smeb16f32", "smef32f32", "smefa64", "wfxt", "ebf16", "sveebf16", "cssc", "rprfm", "sve2p1",
    "sme2", "sme2p1", "smei16i32", "smebi32i32", "smeb16b16", "smef16f16", "mops", "hbc",
    "sveb16b16", "lrcpc3", "lse128",
];

/// The file for processors `cpus`.
pub(super) fn text(cpus: &[u32], guest: &dyn Guest) -> String {
    of(cpus, &guest.capabilities())
}

/// The counter, by which BogoMIPS are told, counts nanoseconds.
fn of(cpus: &[u32], capabilities: &Capabilities) -> String {
    let mut features = String::new();
    let words = [(&HWCAP[..], capabilities.hwcap[0]), (&HWCAP2[..], capabilities.hwcap[1])];
    for (names, bits) in words {
        for (_, name) in names.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 != 0) {
            features.push(' ');
            features.push_str(name);
        }
    }
    let id = capabilities.id;
    let (implementer, variant, part) = (id >> 24 & 0xff, id >> 20 & 0xf, id >> 4 & 0xfff);
    let revision = id & 0xf;
    let mut out = String::new();
    for cpu in cpus {
        out.push_str(&format!(
            "processor\t: {cpu}\nBogoMIPS\t: 2000.00\nFeatures\t:{features}\n\
             CPU implementer\t: {implementer:#04x}\nCPU architecture: 8\n\
             CPU variant\t: {variant:#x}\nCPU part\t: {part:#05x}\nCPU revision\t: {revision}\n\n"
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_processor_has_its_lines() {
        let capabilities =
            Capabilities { hwcap: [0b1011, 1 << 44 | 1], id: 0x413f_d0c1, context: 0 };
        let text = of(&[0, 3], &capabilities);
        assert!(text.contains("processor\t: 3\n"));
        assert!(text.contains("Features\t: fp asimd aes dcpodp hbc\n"));
        assert!(text.contains("CPU implementer\t: 0x41\n") && text.contains("CPU part\t: 0xd0c\n"));
        assert!(text.contains("CPU variant\t: 0x3\n") && text.contains("CPU revision\t: 1\n"));
    }
}
