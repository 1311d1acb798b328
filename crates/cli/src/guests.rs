//! The architectures that this build emulates: one line each.

use guest::Guest;
use guest_aarch64::cpu::Features;
use guest_aarch64::{Aarch64, Cpu as Arm64Cpu};
use guest_riscv64::{Cpu as RiscvCpu, Riscv64};
use guest_x86::{Cpu as X86Cpu, X86_64};
use linux::abi::{self, Abi};

/// An architecture that is emulated.
pub(crate) struct Arch {
    /// Our name of it, as in `binfmt`'s table.
    pub(crate) name: &'static str,
    /// What is particular to Linux on it.
    pub(crate) abi: &'static Abi,
    /// Names of its processors.
    pub(crate) models: fn() -> Vec<&'static str>,
    /// What of a `-cpu` that is valid is not there, and why.
    pub(crate) absent: fn(&str) -> Vec<String>,
    /// Makes one with the processor of a `-cpu`; the usual one without.
    pub(crate) make: fn(Option<&str>) -> Result<&'static dyn Guest, String>,
}

/// All of them.
pub(crate) const GUESTS: [Arch; 3] = [
    Arch {
        name: "arm64",
        abi: &abi::aarch64::ABI,
        models: || guest_aarch64::cpu::MODELS.iter().map(|model| model.name).collect(),
        absent: |text| Arm64Cpu::absent(text).into_iter().map(without_instructions).collect(),
        make: arm64,
    },
    Arch {
        name: "riscv64",
        abi: &abi::riscv64::ABI,
        models: || guest_riscv64::cpu::MODELS.iter().map(|model| model.name).collect(),
        absent: |text| {
            let sizes = RiscvCpu::other_sizes(text);
            RiscvCpu::absent(text).into_iter().map(without_instructions).chain(sizes).collect()
        },
        make: riscv64,
    },
    Arch {
        name: "amd64",
        abi: &abi::x86_64::ABI,
        models: || guest_x86::cpu::MODELS.iter().map(|model| model.name).collect(),
        absent: |_| Vec::new(),
        make: x86_64,
    },
];

fn without_instructions(change: &str) -> String {
    format!("{change}: its instructions are not there, and raise SIGILL")
}

fn x86_64(text: Option<&str>) -> Result<&'static dyn Guest, String> {
    let cpu = text.map_or(Ok(X86Cpu::DEFAULT), X86Cpu::parse)?;
    Ok(Box::leak(Box::new(X86_64::with_random(cpu, random))))
}

fn riscv64(text: Option<&str>) -> Result<&'static dyn Guest, String> {
    let cpu = text.map_or(Ok(RiscvCpu::DEFAULT), RiscvCpu::parse)?;
    Ok(Box::leak(Box::new(Riscv64::new(cpu))))
}

fn arm64(text: Option<&str>) -> Result<&'static dyn Guest, String> {
    let mut cpu = text.map_or(Ok(Arm64Cpu::DEFAULT), Arm64Cpu::parse)?;
    // 16 bytes are one access of hosts that have AVX (Intel SDM "Guaranteed Atomic Operations").
    if cpu.features.has(Features::LSE2) && !sys::arch::has_avx() {
        cpu.features = cpu.features.stripped(Features::LSE2);
    }
    Ok(Box::leak(Box::new(Aarch64::new(cpu, random))))
}

/// Fills a buffer with random bytes; false if there are none.
fn random(bytes: &mut [u8]) -> bool {
    sys::raw::getrandom(bytes).is_ok()
}

/// That of the program that starts with `head`, or the one that is to say why it is none.
pub(crate) fn of_program(head: &[u8], hosts: bool) -> &'static Arch {
    let abi = abi::nearest(head, hosts);
    GUESTS.iter().find(|arch| core::ptr::eq(arch.abi, abi)).unwrap_or(&GUESTS[0])
}

/// That of this name in binfmt's table.
pub(crate) fn named(name: &str) -> Option<&'static Arch> {
    GUESTS.iter().find(|arch| arch.name == name)
}

#[cfg(test)]
mod tests {
    use super::GUESTS;

    #[test]
    fn the_tables_of_guests_agree() {
        let host = std::env::consts::ARCH;
        let emulated =
            binfmt::guests::GUESTS.iter().filter(|guest| guest.emulated || guest.uname == host);
        let names: Vec<_> = emulated.clone().map(|guest| guest.name).collect();
        assert_eq!(names, GUESTS.each_ref().map(|arch| arch.name));
        for (arch, guest) in GUESTS.iter().zip(emulated) {
            assert_eq!(arch.abi.machine, guest.uname);
            assert_eq!((arch.abi.kind.machine, arch.abi.debian), (guest.machine, guest.debian));
            let made = (arch.make)(None).expect("the usual processor");
            assert_eq!(made.spec().name, guest.uname);
        }
        let abis = linux::abi::ALL.map(|abi| abi.machine);
        assert_eq!(abis, GUESTS.each_ref().map(|arch| arch.abi.machine));
    }

    #[test]
    fn every_model_can_be_chosen() {
        for arch in &GUESTS {
            for model in (arch.models)() {
                assert!((arch.make)(Some(model)).is_ok(), "{} {model}", arch.name);
            }
            assert!((arch.make)(Some("nonsense")).is_err());
        }
    }
}
