//! /proc/cpuinfo of arm64 (Linux arch/arm64/kernel/cpuinfo.c).

use super::ABI;

/// Names of `AT_HWCAP`'s bits, from bit 0.
const NAMES: [&str; 32] = [
    "fp", "asimd", "evtstrm", "aes", "pmull", "sha1", "sha2", "crc32", "atomics", "fphp",
    "asimdhp", "cpuid", "asimdrdm", "jscvt", "fcma", "lrcpc", "dcpop", "sha3", "sm3", "sm4",
    "asimddp", "sha512", "sve", "asimdfhm", "dit", "uscat", "ilrcpc", "flagm", "ssbs", "sb",
    "paca", "pacg",
];

/// The file for processors `cpus`. The implementer is 0 ("reserved for software use") as no
/// existing core is imitated.
pub(super) fn text(cpus: &[u32]) -> String {
    let mut features = String::new();
    for (bit, name) in NAMES.iter().enumerate() {
        if ABI.hwcap[0] >> bit & 1 != 0 {
            features.push(' ');
            features.push_str(name);
        }
    }
    let mut out = String::new();
    for cpu in cpus {
        out.push_str(&format!(
            "processor\t: {cpu}\nBogoMIPS\t: 100.00\nFeatures\t:{features}\n\
             CPU implementer\t: 0x00\nCPU architecture: 8\nCPU variant\t: 0x0\n\
             CPU part\t: 0x000\nCPU revision\t: 0\n\n"
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_processor_has_its_lines() {
        let text = super::text(&[0, 3]);
        assert!(text.contains("processor\t: 3\n") && text.contains("Features\t: fp asimd aes "));
    }
}
