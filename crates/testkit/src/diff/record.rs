//! What a case starts from and what it leaves: registers and a piece of memory.

/// Bytes of a record.
pub const SIZE: usize = 2048;
/// Where the vector registers start.
pub const VECTORS: usize = 256;
/// NZCV.
pub const NZCV: usize = 768;
/// FPCR.
pub const FPCR: usize = 776;
/// FPSR.
pub const FPSR: usize = 784;
/// Number of the signal that ended the case, or 0.
pub const SIGNAL: usize = 792;
/// The pc it came at.
pub const SIGNAL_PC: usize = 800;
/// Its address.
pub const SIGNAL_ADDRESS: usize = 808;
/// How often loops were gone round.
pub const COUNTER: usize = 816;
/// Memory for loads and stores.
pub const SCRATCH: usize = 832;

/// Registers and memory of a case, as laid out in guest memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Record(pub Box<[u8; SIZE]>);

impl Record {
    /// All zeros.
    pub fn zero() -> Self {
        Self(Box::new([0; SIZE]))
    }

    /// From bytes; None if there are too few.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Box::new(*bytes.first_chunk()?)))
    }

    /// The 64 bits at `offset`.
    pub fn get(&self, offset: usize) -> u64 {
        u64::from_le_bytes(*self.0[offset..].first_chunk().expect("in the record"))
    }

    /// Sets the 64 bits at `offset`.
    pub fn set(&mut self, offset: usize, value: u64) {
        self.0[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
    }

    /// Vector register `n`.
    pub fn vector(&self, n: usize) -> u128 {
        u128::from_le_bytes(*self.0[VECTORS + n * 16..].first_chunk().expect("in the record"))
    }

    /// Sets vector register `n`.
    pub fn set_vector(&mut self, n: usize, value: u128) {
        let at = VECTORS + n * 16;
        self.0[at..at + 16].copy_from_slice(&value.to_le_bytes());
    }

    /// Differences in words, `other` being the oracle's.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut word = |name: &str, offset| {
            let (ours, theirs) = (self.get(offset), other.get(offset));
            if ours != theirs {
                found.push(format!("{name:6} {ours:#018x}, oracle {theirs:#018x}"));
            }
        };
        for n in 0..31 {
            word(&format!("x{n}"), n * 8);
        }
        word("sp", 248);
        word("nzcv", NZCV);
        word("fpcr", FPCR);
        word("fpsr", FPSR);
        word("signal", SIGNAL);
        word("at pc", SIGNAL_PC);
        word("addr", SIGNAL_ADDRESS);
        for offset in (SCRATCH..SIZE).step_by(8) {
            word(&format!("m+{:#x}", offset - SCRATCH), offset);
        }
        for n in 0..32 {
            let (ours, theirs) = (self.vector(n), other.vector(n));
            if ours != theirs {
                found.push(format!("v{n:<5} {ours:#034x}, oracle {theirs:#034x}"));
            }
        }
        found
    }
}
