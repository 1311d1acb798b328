//! /proc/cpuinfo of x86_64 (Linux arch/x86/kernel/cpu/proc.c).

use guest::Guest;

/// The file for processors `cpus`.
pub(super) fn text(cpus: &[u32], guest: &dyn Guest) -> String {
    of(cpus, &guest.isa(), guest.capabilities().id)
}

/// For a processor with these features and this signature (EAX of CPUID.1). All processors are cores of one
/// package.
fn of(cpus: &[u32], features: &str, signature: u64) -> String {
    let (family, model, stepping) = numbers(signature);
    let vendor = if family >= 15 { "AuthenticAMD" } else { "GenuineIntel" };
    let level = 13;
    let mut out = String::new();
    for (core, cpu) in cpus.iter().enumerate() {
        out.push_str(&format!(
            "processor\t: {cpu}\nvendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\n\
             model name\t: anyarch virtual processor\nstepping\t: {stepping}\n\
             microcode\t: 0x1\ncpu MHz\t\t: 1000.000\ncache size\t: 16384 KB\nphysical id\t: 0\n\
             siblings\t: {0}\ncore id\t\t: {core}\ncpu cores\t: {0}\napicid\t\t: {core}\n\
             initial apicid\t: {core}\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: {level}\n\
             wp\t\t: yes\nflags\t\t: {features}\nbugs\t\t:\nbogomips\t: 2000.00\nclflush size\t: 64\n\
             cache_alignment\t: 64\naddress sizes\t: 46 bits physical, 48 bits virtual\n\
             power management:\n\n",
            cpus.len(),
        ));
    }
    out
}

/// Family, model and stepping of a signature.
fn numbers(signature: u64) -> (u64, u64, u64) {
    let field = |at: u32, bits: u32| signature >> at & ((1 << bits) - 1);
    let (base, low) = (field(8, 4), field(4, 4));
    let family = if base == 15 { base + field(20, 8) } else { base };
    let model = if base >= 6 { field(16, 4) << 4 | low } else { low };
    (family, model, field(0, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_in_parts() {
        assert_eq!(numbers(0x306c4), (6, 60, 4));
        assert_eq!(numbers(0xa20f10), (25, 33, 0));
        assert_eq!(numbers(0x663), (6, 6, 3));
    }

    #[test]
    fn each_processor_has_its_lines() {
        let text = of(&[0, 1], "fpu sse2", 0x306c4);
        assert!(text.contains("processor\t: 1\nvendor_id\t: GenuineIntel\ncpu family\t: 6\n"));
        assert!(text.contains("flags\t\t: fpu sse2\n"));
    }
}
