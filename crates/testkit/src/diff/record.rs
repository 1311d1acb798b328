//! What a case starts from and what it leaves: registers and a piece of memory.

use ir::State;

/// Bytes of a record.
pub const SIZE: usize = 2048;
/// Where guests put their registers: from 0 up to here, and from [`FREE`] up to [`Layout::memory`].
pub const SIGNAL: usize = 792;
/// The pc the signal came at.
pub const SIGNAL_PC: usize = 800;
/// Its address.
pub const SIGNAL_ADDRESS: usize = 808;
/// How often loops were gone round.
pub const COUNTER: usize = 816;
/// Nothing of ours is from here on.
pub const FREE: usize = 824;

/// Where registers are in [`State`].
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// Integer slots from this one on, eight bytes each.
    Int(u16),
    /// Vectors of the slots from this one on, 16 bytes each.
    Vec(u16),
    /// The low eight bytes of vectors.
    Low(u16),
    /// Of 16 bytes, by functions that get the number in the bank.
    Wide(fn(&State, usize) -> u128, fn(&mut State, usize, u128)),
    /// One register, by functions.
    One(fn(&State) -> u64, fn(&mut State, u64)),
}

/// Registers of one kind, one after the other in records.
#[derive(Clone, Copy, Debug)]
pub struct Bank {
    /// What their numbers follow; alone for a single one.
    pub name: &'static str,
    /// The number of the first one.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// Where the first one is in a record.
    pub offset: usize,
    /// Where they are in the state of the evaluator.
    pub place: Place,
}

impl Bank {
    /// Bytes of a register.
    fn size(&self) -> usize {
        if matches!(self.place, Place::Vec(_) | Place::Wide(..)) { 16 } else { 8 }
    }

    fn name(&self, n: usize) -> String {
        if self.count == 1 { self.name.into() } else { format!("{}{}", self.name, self.first + n) }
    }
}

/// What a guest's records look like.
#[derive(Debug)]
pub struct Layout {
    /// All registers.
    pub banks: &'static [Bank],
    /// Where the memory for loads and stores starts, which goes up to the end.
    pub memory: usize,
}

impl Layout {
    /// Offsets of addresses that loads and stores use: all of 256 bytes around is memory.
    pub fn targets(&self) -> std::ops::Range<u64> {
        self.memory as u64 + 288..SIZE as u64 - 288
    }

    /// Puts the registers of `record` into `state`.
    pub fn load(&self, record: &Record, state: &mut State) {
        for bank in self.banks {
            for n in 0..bank.count {
                let at = bank.offset + n * bank.size();
                match bank.place {
                    Place::Int(slot) => state.int[usize::from(slot) + n] = record.get(at),
                    // Vector slots are numbered after the integer ones.
                    Place::Vec(slot) => state.vec[usize::from(slot) - 64 + n] = record.wide(at),
                    Place::Low(slot) => {
                        state.vec[usize::from(slot) - 64 + n] = record.get(at).into();
                    }
                    Place::Wide(_, set) => set(state, n, record.wide(at)),
                    Place::One(_, set) => set(state, record.get(at)),
                }
            }
        }
    }

    /// Puts the registers of `state` into `record`.
    pub fn store(&self, state: &State, record: &mut Record) {
        for bank in self.banks {
            for n in 0..bank.count {
                let at = bank.offset + n * bank.size();
                match bank.place {
                    Place::Int(slot) => record.set(at, state.int[usize::from(slot) + n]),
                    Place::Vec(slot) => record.set_wide(at, state.vec[usize::from(slot) - 64 + n]),
                    Place::Low(slot) => {
                        record.set(at, state.vec[usize::from(slot) - 64 + n] as u64);
                    }
                    Place::Wide(get, _) => record.set_wide(at, get(state, n)),
                    Place::One(get, _) => record.set(at, get(state)),
                }
            }
        }
    }

    /// What differs between two records, in words; `theirs` is the oracle's.
    pub fn differences(&self, ours: &Record, theirs: &Record) -> Vec<String> {
        let mut found = Vec::new();
        let mut word = |name: &str, offset| {
            let (ours, theirs) = (ours.get(offset), theirs.get(offset));
            if ours != theirs {
                found.push(format!("{name:6} {ours:#018x}, oracle {theirs:#018x}"));
            }
        };
        for bank in self.banks.iter().filter(|b| b.size() == 8) {
            for n in 0..bank.count {
                word(&bank.name(n), bank.offset + n * 8);
            }
        }
        word("signal", SIGNAL);
        word("at pc", SIGNAL_PC);
        word("addr", SIGNAL_ADDRESS);
        for offset in (self.memory..SIZE).step_by(8) {
            word(&format!("m+{:#x}", offset - self.memory), offset);
        }
        for bank in self.banks.iter().filter(|b| b.size() == 16) {
            for n in 0..bank.count {
                let at = bank.offset + n * 16;
                let (ours, theirs) = (ours.wide(at), theirs.wide(at));
                if ours != theirs {
                    found.push(format!("{:6} {ours:#034x}, oracle {theirs:#034x}", bank.name(n)));
                }
            }
        }
        found
    }
}

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

    /// The 128 bits at `offset`.
    pub fn wide(&self, offset: usize) -> u128 {
        u128::from_le_bytes(*self.0[offset..].first_chunk().expect("in the record"))
    }

    /// Sets the 128 bits at `offset`.
    pub fn set_wide(&mut self, offset: usize, value: u128) {
        self.0[offset..offset + 16].copy_from_slice(&value.to_le_bytes());
    }
}
