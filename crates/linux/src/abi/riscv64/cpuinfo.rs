//! /proc/cpuinfo of riscv64 (Linux arch/riscv/kernel/cpu.c).

use guest::Guest;

/// The file for processors `cpus`.
pub(super) fn text(cpus: &[u32], guest: &dyn Guest) -> String {
    of(cpus, &guest.isa())
}

fn of(cpus: &[u32], isa: &str) -> String {
    let mut out = String::new();
    for cpu in cpus {
        out.push_str(&format!(
            "processor\t: {cpu}\nhart\t\t: {cpu}\nisa\t\t: {isa}\nmmu\t\t: sv48\n\
             mvendorid\t: 0x0\nmarchid\t\t: 0x0\nmimpid\t\t: 0x0\nhart isa\t: {isa}\n\n"
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn each_processor_has_its_lines() {
        let text = of(&[0, 3], "rv64imafdc_zicsr");
        assert!(text.contains("processor\t: 3\nhart\t\t: 3\nisa\t\t: rv64imafdc_zicsr\n"));
        assert!(text.ends_with("hart isa\t: rv64imafdc_zicsr\n\n"));
    }
}
