//! `riscv_hwprobe(2)` (Documentation/arch/riscv/hwprobe.rst), by which programs learn what the processor
//! can do. All processors are the same here.

use super::isa;
use crate::calls::{Args, Result};
use crate::task::Task;
use sys::{Errno, raw};

/// The first key's numbers and those that follow: who made the processor are 0 to 2.
mod key {
    pub(super) const MIMPID: u64 = 2;
    pub(super) const BASE_BEHAVIOR: u64 = 3;
    pub(super) const EXTENSIONS: u64 = 4;
    pub(super) const CPUPERF: u64 = 5;
    pub(super) const ZICBOZ_BLOCK: u64 = 6;
    pub(super) const HIGHEST_ADDRESS: u64 = 7;
    pub(super) const TIME_FREQUENCY: u64 = 8;
    pub(super) const MISALIGNED_SCALAR: u64 = 9;
    pub(super) const MISALIGNED_VECTOR: u64 = 10;
    pub(super) const VENDOR_THEAD: u64 = 11;
    pub(super) const ZICBOM_BLOCK: u64 = 12;
    pub(super) const VENDOR_SIFIVE: u64 = 13;
    pub(super) const VENDOR_MIPS: u64 = 14;
    pub(super) const ZICBOP_BLOCK: u64 = 15;
    pub(super) const MORE_EXTENSIONS: u64 = 16;
}

/// I, M and A.
const BASE_IMA: u64 = 1;
/// Misaligned accesses are fast; there are none of vectors.
const FAST: u64 = 3;
const UNSUPPORTED: u64 = 4;
/// Bytes that the cache's instructions work on.
const BLOCK: u64 = 64;
/// The counter counts nanoseconds.
const FREQUENCY: u64 = 1_000_000_000;

/// Extensions by their bits, from bit 0 on; empty: one that is not there, or not named so.
#[rustfmt::skip]
const EXTENSIONS: [&str; 61] = [
    "d", "c", "v", "zba", "zbb", "zbs", "zicboz", "zbc", "zbkb", "zbkc", "zbkx", "zknd", "zkne",
    "zknh", "zksed", "zksh", "zkt", "zvbb", "zvbc", "zvkb", "zvkg", "zvkned", "zvknha", "zvknhb",
    "zvksed", "zvksh", "zvkt", "zfh", "zfhmin", "zihintntl", "zvfh", "zvfhmin", "zfa", "ztso",
    "zacas", "zicond", "zihintpause", "zve32x", "zve32f", "zve64x", "zve64f", "zve64d", "zimop",
    "zca", "zcb", "zcd", "zcf", "zcmop", "zawrs", "supm", "zicntr", "zihpm", "zfbfmin", "zvfbfmin",
    "zvfbfwma", "zicbom", "zaamo", "zalrsc", "zabha", "zalasr", "zicbop",
];

/// The bits of the extensions that `isa` has.
fn extensions(isa: &str) -> u64 {
    let bits = EXTENSIONS.iter().enumerate();
    bits.filter(|(_, name)| isa::has(isa, name)).fold(0, |all, (bit, _)| all | 1 << bit)
}

/// What is known under `key`; None if Linux has no such key.
fn value(isa: &str, key: u64) -> Option<u64> {
    let has = |extension| isa::has(isa, extension);
    let block = |extension| if has(extension) { BLOCK } else { 0 };
    Some(match key {
        0..=key::MIMPID => 0,
        key::BASE_BEHAVIOR => BASE_IMA,
        key::EXTENSIONS => extensions(isa),
        key::CPUPERF | key::MISALIGNED_SCALAR => FAST,
        key::MISALIGNED_VECTOR if has("v") => FAST,
        key::MISALIGNED_VECTOR => UNSUPPORTED,
        key::ZICBOZ_BLOCK => block("zicboz"),
        key::ZICBOM_BLOCK => block("zicbom"),
        key::ZICBOP_BLOCK => block("zicbop"),
        key::HIGHEST_ADDRESS => super::ABI.kind.addresses.end - 1,
        key::TIME_FREQUENCY => FREQUENCY,
        key::VENDOR_THEAD | key::VENDOR_SIFIVE | key::VENDOR_MIPS | key::MORE_EXTENSIONS => 0,
        _ => return None,
    })
}

/// Whether the values of `key` are sets of bits.
fn is_set(key: u64) -> bool {
    matches!(
        key,
        key::BASE_BEHAVIOR
            | key::EXTENSIONS
            | key::CPUPERF
            | key::VENDOR_THEAD
            | key::VENDOR_SIFIVE
            | key::VENDOR_MIPS
            | key::MORE_EXTENSIONS
    )
}

/// The set of processors that run, as many bytes as the kernel has for it.
fn online() -> Vec<u8> {
    let mut set = [0_u8; 1024];
    // The first process may run on all of them.
    let ask = |pid: u64, set: &mut [u8]| {
        raw::call(libc::SYS_sched_getaffinity, [pid, set.len() as u64, set.as_mut_ptr() as u64])
    };
    let len = ask(1, &mut set).or_else(|_| ask(0, &mut set)).unwrap_or(8);
    set[..(len as usize).min(set.len())].to_vec()
}

/// `riscv_hwprobe(2)`.
pub(crate) fn riscv_hwprobe(task: &mut Task, args: Args) -> Result {
    const WHICH_CPUS: u64 = 1;
    let isa = task.process.engine.guest().isa();
    match args[4] & 0xffff_ffff {
        0 => values(&isa, args),
        WHICH_CPUS => which_cpus(&isa, args),
        _ => Err(Errno::EINVAL),
    }
}

/// The processors of the set at `at` that run.
fn chosen(at: u64, size: u64, online: &[u8]) -> core::result::Result<Vec<u8>, Errno> {
    let mut set = memory::read_vec(at, (size as usize).min(online.len()))?;
    set.iter_mut().zip(online).for_each(|(byte, online)| *byte &= online);
    Ok(set)
}

/// Fills in the values of the pairs of keys and values.
fn values(isa: &str, [pairs, count, size, cpus, ..]: Args) -> Result {
    if (size != 0 || cpus != 0) && chosen(cpus, size, &online())?.iter().all(|&byte| byte == 0) {
        return Err(Errno::EINVAL);
    }
    for n in 0..count {
        let at = pairs.wrapping_add(16 * n);
        let found = value(isa, memory::read_u64(at)?);
        if found.is_none() {
            memory::write_u64(at, u64::MAX)?;
        }
        memory::write_u64(at.wrapping_add(8), found.unwrap_or(0))?;
    }
    Ok(0)
}

/// Leaves those in the set of processors that have the values of all pairs: all, or none.
fn which_cpus(isa: &str, [pairs, count, size, cpus, ..]: Args) -> Result {
    if size == 0 || cpus == 0 {
        return Err(Errno::EINVAL);
    }
    let online = online();
    let given = memory::read_vec(cpus, (size as usize).min(online.len()))?;
    let mut set = chosen(cpus, size, &online)?;
    if given.iter().all(|&byte| byte == 0) {
        set = online[..given.len()].to_vec();
    }
    let mut fits = true;
    for n in 0..count {
        let at = pairs.wrapping_add(16 * n);
        let (key, wanted) = (memory::read_u64(at)?, memory::read_u64(at.wrapping_add(8))?);
        match value(isa, key) {
            Some(found) if is_set(key) => fits &= found & wanted == wanted,
            Some(found) => fits &= found == wanted,
            None => {
                fits = false;
                memory::write_u64(at, u64::MAX)?;
                memory::write_u64(at.wrapping_add(8), 0)?;
            }
        }
    }
    if !fits {
        set.fill(0);
    }
    memory::write(cpus, &set)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISA: &str = "rv64imafdc_zicbom_zicboz_zicsr_zba_zbb_zbs";

    #[test]
    fn bits_are_those_of_linux() {
        let bit = |name: &str| EXTENSIONS.iter().position(|&e| e == name);
        let known = [("zba", 3), ("zkt", 16), ("zvkt", 26), ("zvfhmin", 31), ("zacas", 34)];
        let newer = [("zawrs", 48), ("supm", 49), ("zicbom", 55), ("zabha", 58), ("zicbop", 60)];
        for (name, number) in known.into_iter().chain(newer) {
            assert_eq!(bit(name), Some(number), "{name}");
        }
        let gc = "rv64imafdc_zicsr_zifencei_zaamo_zalrsc_zca_zcd";
        assert_eq!(extensions(gc) & 0xffff_ffff, 3);
        assert_eq!(extensions(ISA), 0b11 | 0b111 << 3 | 1 << 6 | 1 << 55);
    }

    #[test]
    fn pairs_are_answered() {
        let mut pairs = [4_u64, 99, 12, 7, 17, 5, 8, 0];
        let at = pairs.as_mut_ptr() as u64;
        assert_eq!(values(ISA, [at, 4, 0, 0, 0, 0]), Ok(0));
        let pairs = std::hint::black_box(pairs);
        assert_eq!(pairs[..4], [4, extensions(ISA), 12, 64]);
        assert_eq!(pairs[4..], [u64::MAX, 0, 8, FREQUENCY]);
    }

    #[test]
    fn processors_are_chosen_by_what_they_have() {
        let ask = |pairs: &mut [u64], set: u64| {
            let mut cpus = [set];
            let (at, cpus_at) = (pairs.as_mut_ptr() as u64, cpus.as_mut_ptr() as u64);
            let args = [at, pairs.len() as u64 / 2, 8, cpus_at, 1, 0];
            which_cpus(ISA, args).map(|_| std::hint::black_box(cpus)[0])
        };
        let all = ask(&mut [4, 1 << 3], 0).unwrap();
        assert_ne!(all, 0);
        assert_eq!(ask(&mut [4, 1 << 3 | 1 << 4, 9, 3], all), Ok(all));
        assert_eq!(ask(&mut [4, 1 << 2], all), Ok(0));
        assert_eq!(ask(&mut [9, 1], all), Ok(0));
        assert_eq!(ask(&mut [77, 0, 4, 0], all), Ok(0));
    }
}
