//! What CPUID answers.

use super::Cpu;
use crate::xstate;

/// The last leaf, and the last of the extended ones.
const LAST: u32 = 0xd;
const LAST_EXTENDED: u32 = 0x8000_0008;
/// Those for programs under a hypervisor.
const HYPERVISOR: u32 = 0x4000_0000;

/// Text in registers.
const fn word(text: &[u8]) -> u32 {
    u32::from_le_bytes([text[0], text[1], text[2], text[3]])
}

const NAME: &[u8; 48] = b"anyarch virtual processor\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

impl Cpu {
    /// EAX, EBX, ECX and EDX for leaf `leaf`.
    pub(crate) fn cpuid(&self, leaf: u32, subleaf: u32) -> [u32; 4] {
        match leaf {
            0 if self.is_amds() => [LAST, word(b"Auth"), word(b"cAMD"), word(b"enti")],
            0 => [LAST, word(b"Genu"), word(b"ntel"), word(b"ineI")],
            1 => {
                let [_, _, c, d] = self.feature_bits(1, 0);
                // Lines of 64 bytes for CLFLUSH; one processor.
                [self.signature, 8 << 8 | 1 << 16, c, d]
            }
            // That leaf 4 tells the caches, in a form that all programs know.
            2 => [0x00fe_ff01, 0xf0, 0, 0],
            4 => cache(subleaf),
            7 if subleaf == 0 => {
                let [_, b, c, d] = self.feature_bits(7, 0);
                [1, b, c, d]
            }
            7 => self.feature_bits(7, subleaf),
            // No topology is told.
            0xb => [0, 0, subleaf & 0xff, 0],
            0xd => self.xsave(subleaf),
            HYPERVISOR => [HYPERVISOR, word(b"anya"), word(b"rch "), word(b"emul")],
            0x8000_0000 => {
                let [_, b, c, d] = if self.is_amds() { self.cpuid(0, 0) } else { [0; 4] };
                [LAST_EXTENDED, b, c, d]
            }
            0x8000_0001 => {
                let [_, _, c, d] = self.feature_bits(leaf, 0);
                [0, 0, c, d]
            }
            0x8000_0002..=0x8000_0004 => {
                let at = (leaf - 0x8000_0002) as usize * 16;
                [0, 4, 8, 12].map(|n| word(&NAME[at + n..]))
            }
            // What AMD's tell of the first level: 32 KiB, 8 ways, lines of 64 bytes.
            0x8000_0005 if self.is_amds() => {
                let cache = 32 << 24 | 8 << 16 | 1 << 8 | 64;
                [0, 0, cache, cache]
            }
            // A second-level cache of 2 MiB, 8 ways, lines of 64 bytes; a third of 16 MiB, 16 ways.
            0x8000_0006 => {
                let third = if self.is_amds() { 32 << 18 | 8 << 12 | 1 << 8 | 64 } else { 0 };
                [0, 0, 2048 << 16 | 6 << 12 | 64, third]
            }
            // The time stamp counter does not change its speed.
            0x8000_0007 => [0, 0, 0, 1 << 8],
            // Bits of physical and of virtual addresses.
            0x8000_0008 => [46 | 48 << 8, 0, 0, 0],
            // As Intel's processors do, the last leaf's answer.
            0x0e.. if leaf < HYPERVISOR => self.cpuid(LAST, subleaf),
            _ => [0; 4],
        }
    }

    /// Whether the signature is one of AMD's, by its family (15 and above).
    const fn is_amds(&self) -> bool {
        self.signature >> 8 & 15 == 15
    }

    /// The components of XSAVE.
    fn xsave(&self, subleaf: u32) -> [u32; 4] {
        let (components, len) = (xstate::components(self), xstate::len(self) as u32);
        match subleaf {
            _ if components == 0 => [0; 4],
            0 => [components as u32, len, len, 0],
            1 => [self.feature_bits(0xd, 1)[0], len, 0, 0],
            // The upper halves: their bytes, and where they are.
            2 if components & xstate::AVX != 0 => [256, 576, 0, 0],
            _ => [0; 4],
        }
    }
}

/// Cache number `n`: 32 KiB for data, 32 KiB for instructions, 2 MiB, 16 MiB.
const fn cache(n: u32) -> [u32; 4] {
    let (kind, level, ways, sets) = match n {
        0 => (1, 1, 8, 64),
        1 => (2, 1, 8, 64),
        2 => (3, 2, 8, 4096),
        3 => (3, 3, 16, 16384),
        _ => return [0; 4],
    };
    let initialising = 1 << 8;
    [kind | level << 5 | initialising, 63 | (ways - 1) << 22, sets - 1, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_have_their_sizes() {
        let size = |n| {
            let [_, b, c, _] = cache(n);
            u64::from((b >> 22) + 1) * u64::from((b & 0xfff) + 1) * u64::from(c + 1)
        };
        assert_eq!([0, 1, 2, 3].map(size), [32 << 10, 32 << 10, 2 << 20, 16 << 20]);
    }

    #[test]
    fn answers_are_consistent() {
        let cpu = Cpu::DEFAULT;
        assert_eq!(cpu.cpuid(1, 0)[0], cpu.signature);
        assert_eq!(cpu.cpuid(0x8000_0002, 0)[0], word(b"anya"));
        assert_eq!(cpu.cpuid(0x123, 0), cpu.cpuid(LAST, 0));
        let vendor = |name| Cpu::parse(name).unwrap().cpuid(0, 0)[1];
        assert_eq!([vendor("Haswell"), vendor("Zen3")], [word(b"Genu"), word(b"Auth")]);
    }
}
