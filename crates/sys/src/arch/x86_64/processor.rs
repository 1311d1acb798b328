//! What the processor has, and its clock.
#![expect(unsafe_code, reason = "instructions that read the processor's state")]

use core::arch::x86_64::__cpuid_count;
use core::sync::atomic::{AtomicU64, Ordering};

/// `[ecx of leaf 1, ebx of leaf 7]`: in two CPUIDs at the first time (each costs microseconds in a
/// virtual machine), unless [`know_cpuid`] was called.
pub fn cpuid() -> [u32; 2] {
    if let known @ 1.. = CPUID.load(Ordering::Relaxed) {
        return [known as u32, (known >> 32) as u32];
    }
    let one = __cpuid_count(1, 0);
    // Leaf 7 is there on every processor with AVX2; one without it answers with the highest leaf,
    // so only ask where leaf 1 says AVX.
    let seven = if one.ecx >> 28 & 1 != 0 { __cpuid_count(7, 0).ebx } else { 0 };
    know_cpuid([one.ecx, seven]);
    [one.ecx, seven]
}

/// Zero if it was not asked for. (No x86-64 processor has a zero in leaf 1.)
static CPUID: AtomicU64 = AtomicU64::new(0);

/// What [`cpuid`] is to say, from another process on this machine.
pub fn know_cpuid([one, seven]: [u32; 2]) {
    CPUID.store(u64::from(one) | u64::from(seven) << 32, Ordering::Relaxed);
}

/// The processor has AVX, whether or not it is enabled.
pub fn has_avx() -> bool {
    cpuid()[0] >> 28 & 1 != 0
}

/// The levels of x86-64 that the processor has, as bits of `GNU_PROPERTY_X86_ISA_1_NEEDED`.
pub fn levels() -> Option<u32> {
    macro_rules! has {
        ($($feature:tt)*) => { [$(std::arch::is_x86_feature_detected!($feature)),*] };
    }
    let groups: [&[bool]; 3] = [
        &has!("cmpxchg16b" "popcnt" "sse3" "sse4.1" "sse4.2" "ssse3"),
        &has!("avx" "avx2" "bmi1" "bmi2" "f16c" "fma" "lzcnt" "movbe"),
        &has!("avx512f" "avx512bw" "avx512cd" "avx512dq" "avx512vl"),
    ];
    let levels = groups.iter().take_while(|group| group.iter().all(|h| *h)).count();
    Some((1 << (levels + 1)) - 1)
}

/// The time stamp counter, not before what the thread has seen.
pub fn time_stamp() -> u64 {
    // SAFETY: SSE2 is part of x86-64.
    unsafe { core::arch::x86_64::_mm_lfence() };
    // SAFETY: any processor has it; whoever forbids it to programs is asked by
    // `crate::clock::has_time_stamps` before.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The time stamp counter counts at one rate in all states of the processor.
pub fn time_stamps_invariant() -> bool {
    const LEAF: u32 = 0x8000_0007;
    __cpuid_count(0x8000_0000, 0).eax >= LEAF && __cpuid_count(LEAF, 0).edx >> 8 & 1 != 0
}

/// The operating system saves the AVX registers (XCR0 bits 1 and 2). Only if leaf 1 has OSXSAVE.
pub fn avx_enabled() -> bool {
    let (low, _high): (u32, u32);
    // SAFETY: XGETBV of register 0 is allowed when OSXSAVE is set, which the caller has seen; it
    // touches nothing else.
    unsafe {
        core::arch::asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") _high,
            options(nomem, nostack, preserves_flags));
    }
    low & 6 == 6
}
