//! Accesses to memory of some lanes of a vector only: by the runtime, lane by lane.

use crate::decode::{Insn, Memory, Operand};
use crate::runtime;
use crate::state::{FIRST_HIGH, FIRST_X87};
use crate::translator::Translator;
use crate::vector::is_wide;
use guest::{Effect, Flow, MemFault, Space};
use ir::state::FIRST_VEC;
use ir::{Ref, State};

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    /// Loads of lanes whose masks are set; the others become zero.
    Load,
    /// Stores of lanes whose masks are set.
    Store,
    /// Loads from as many addresses of the lanes whose masks are set; the masks are cleared.
    Gather,
}

/// An access of lanes, in a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Masked {
    what: What,
    /// The first register's number: the data; then those of the mask and of the indexes.
    data: u8,
    mask: u8,
    index: u8,
    /// They are MMX registers.
    mmx: bool,
    /// log2 of a lane's bytes, and of an index's.
    lane: u8,
    index_lane: u8,
    /// How many lanes.
    count: u8,
    /// By how many bits indexes are shifted.
    scale: u8,
    /// Addresses have 32 bits.
    wrap: bool,
    /// The instruction is one of 256 bits.
    wide: bool,
}

impl Masked {
    const fn encode(self) -> u64 {
        self.what as u64
            | (self.data as u64) << 4
            | (self.mask as u64) << 8
            | (self.index as u64) << 12
            | (self.mmx as u64) << 16
            | (self.lane as u64) << 20
            | (self.index_lane as u64) << 24
            | (self.count as u64) << 28
            | (self.scale as u64) << 36
            | (self.wrap as u64) << 40
            | (self.wide as u64) << 44
    }
    fn decode(n: u64) -> Self {
        let field = |at: u32| (n >> at & 15) as u8;
        Self {
            what: match field(0) {
                0 => What::Load,
                1 => What::Store,
                _ => What::Gather,
            },
            data: field(4),
            mask: field(8),
            index: field(12),
            mmx: field(16) != 0,
            lane: field(20),
            index_lane: field(24),
            count: (n >> 28 & 0xff) as u8,
            scale: field(36),
            wrap: field(40) != 0,
            wide: field(44) != 0,
        }
    }
}

/// A number of bytes in a row: a register with its upper half.
type Register = [u8; 32];

/// A register's number in the state, and that of its upper half, if it has one.
fn slots(n: u8, mmx: bool) -> [Option<usize>; 2] {
    let at = |first: u16| usize::from(first - FIRST_VEC) + usize::from(n);
    if mmx { [Some(at(FIRST_X87)), None] } else { [Some(at(FIRST_VEC)), Some(at(FIRST_HIGH))] }
}

fn read(state: &State, n: u8, mmx: bool) -> Register {
    let mut bytes = [0; 32];
    for (half, slot) in bytes.chunks_exact_mut(16).zip(slots(n, mmx)) {
        half.copy_from_slice(&slot.map_or(0, |slot| state.vec[slot]).to_le_bytes());
    }
    bytes
}

fn write(state: &mut State, n: u8, bytes: &Register) {
    for (half, slot) in bytes.as_chunks().0.iter().zip(slots(n, false)) {
        if let Some(slot) = slot {
            state.vec[slot] = u128::from_le_bytes(*half);
        }
    }
}

/// The address of a lane that is gathered.
fn gathered(masked: Masked, indexes: &Register, n: usize, base: u64) -> u64 {
    let size = 1 << masked.index_lane;
    let mut bytes = [0; 8];
    bytes[..size].copy_from_slice(&indexes[n * size..(n + 1) * size]);
    let index = u64::from_le_bytes(bytes);
    let index = if size == 4 { index as i32 as u64 } else { index };
    let address = base.wrapping_add(index << masked.scale);
    if masked.wrap { address & 0xffff_ffff } else { address }
}

/// Executes an access.
pub(crate) fn run([address, what]: [u64; 2], state: &mut State, space: &mut dyn Space) -> Effect {
    let masked = Masked::decode(what);
    match access(masked, address, state, space) {
        Ok(()) => Effect::None,
        Err(fault) => Effect::Fault(fault),
    }
}

fn access(
    masked: Masked,
    address: u64,
    state: &mut State,
    space: &mut dyn Space,
) -> Result<(), MemFault> {
    let size = 1 << masked.lane;
    let mut data = read(state, masked.data, masked.mmx);
    let mut mask = read(state, masked.mask, masked.mmx);
    let indexes = read(state, masked.index, false);
    let count = usize::from(masked.count);
    if masked.what == What::Store {
        return store(&data, &mask, count, size, address, space);
    }
    if masked.what == What::Gather {
        // Masks are ones or zeros from now on.
        for lane in mask.chunks_exact_mut(size) {
            lane.fill(if lane[size - 1] & 0x80 != 0 { 0xff } else { 0 });
        }
    }
    let mut loaded = false;
    for n in 0..count {
        let lane = n * size..(n + 1) * size;
        let chosen = mask[lane.end - 1] & 0x80 != 0;
        let at = address.wrapping_add(lane.start as u64);
        match masked.what {
            What::Load if chosen => space.load(at, &mut data[lane])?,
            What::Load => data[lane].fill(0),
            What::Gather if chosen => {
                let at = gathered(masked, &indexes, n, address);
                if let Err(fault) = space.load(at, &mut data[lane.clone()]) {
                    // What has been loaded stays.
                    if !masked.wide {
                        data[16..].fill(0);
                        mask[16..].fill(0);
                    }
                    if loaded {
                        write(state, masked.data, &data);
                    }
                    write(state, masked.mask, &mask);
                    return Err(fault);
                }
                mask[lane].fill(0);
                loaded = true;
            }
            What::Gather | What::Store => {}
        }
    }
    data[count * size..].fill(0);
    write(state, masked.data, &data);
    if masked.what == What::Gather {
        write(state, masked.mask, &[0; 32]);
    }
    Ok(())
}

/// Stores the chosen lanes; all of them or none.
fn store(
    data: &Register,
    mask: &Register,
    count: usize,
    size: usize,
    address: u64,
    space: &mut dyn Space,
) -> Result<(), MemFault> {
    let mut before = [0; 32];
    let lanes = (0..count).map(|n| n * size..(n + 1) * size);
    let chosen = lanes.filter(|lane| mask[lane.end - 1] & 0x80 != 0);
    let at = |lane: &core::ops::Range<usize>| address.wrapping_add(lane.start as u64);
    for lane in chosen.clone() {
        let stored = space
            .load(at(&lane), &mut before[lane.clone()])
            .map_err(|fault| MemFault { write: true, ..fault })
            .and_then(|()| space.store(at(&lane), &data[lane.clone()]));
        if let Err(fault) = stored {
            for done in chosen.take_while(|done| done.start < lane.start) {
                space.store(at(&done), &before[done])?;
            }
            return Err(fault);
        }
    }
    Ok(())
}

/// The number of a vector or MMX register.
const fn number(operand: Operand) -> u8 {
    match operand {
        Operand::Vec { n, .. } | Operand::Mmx { n, .. } => n,
        _ => 0,
    }
}

impl Translator<'_> {
    fn masked(&mut self, address: Ref, masked: Masked) -> Flow {
        for n in [masked.data, masked.mask] {
            self.clear_highs &= !(1 << n);
        }
        let what = self.imm(masked.encode());
        self.call_runtime(runtime::MASKED, address, what)
    }
    fn masked_move(&mut self, lane: u8, i: &Insn) -> Flow {
        let [first, mask, third, _] = i.operands;
        let (what, data) = match first {
            Operand::Mem { .. } => (What::Store, third),
            _ => (What::Load, first),
        };
        let address = self.plain_address(i);
        let count = (if is_wide(mask) { 32 } else { 16 }) >> lane;
        let masked = Masked {
            what,
            data: number(data),
            mask: number(mask),
            index: 0,
            mmx: false,
            lane,
            index_lane: 0,
            count,
            scale: 0,
            wrap: false,
            wide: is_wide(mask),
        };
        self.masked(address, masked)
    }
    /// VMASKMOVPS, VPMASKMOVD.
    pub(crate) fn vmaskmovd(&mut self, i: &Insn) -> Flow {
        self.masked_move(2, i)
    }
    /// VMASKMOVPD, VPMASKMOVQ.
    pub(crate) fn vmaskmovq(&mut self, i: &Insn) -> Flow {
        self.masked_move(3, i)
    }
    /// MASKMOVDQU, MASKMOVQ: bytes to rdi.
    pub(crate) fn maskmov(&mut self, i: &Insn) -> Flow {
        let [_, data, mask, _] = i.operands;
        let mmx = matches!(data, Operand::Mmx { .. });
        let memory = Memory { base: Some(7), ..Memory::default() };
        let address = self.plain_address(&Insn { memory, ..*i });
        if mmx {
            self.use_mmx();
        }
        let masked = Masked {
            what: What::Store,
            data: number(data),
            mask: number(mask),
            index: 0,
            mmx,
            lane: 0,
            index_lane: 0,
            count: if mmx { 8 } else { 16 },
            scale: 0,
            wrap: false,
            wide: is_wide(mask),
        };
        self.masked(address, masked)
    }
    fn gather(&mut self, lane: u8, index_lane: u8, i: &Insn) -> Flow {
        let [data, _, mask, _] = i.operands;
        let memory = Memory { index: None, ..i.memory };
        let address = self.plain_address(&Insn { memory, ..*i });
        let widest = lane.max(index_lane);
        let masked = Masked {
            what: What::Gather,
            data: number(data),
            mask: number(mask),
            index: i.memory.index.unwrap_or_default(),
            mmx: false,
            lane,
            index_lane,
            count: i.vector_length >> widest,
            scale: i.memory.scale,
            wrap: i.address_size == 4,
            wide: i.vector_length == 32,
        };
        self.masked(address, masked)
    }
    /// VPGATHERDD, VGATHERDPS.
    pub(crate) fn vgatherdd(&mut self, i: &Insn) -> Flow {
        self.gather(2, 2, i)
    }
    /// VPGATHERDQ, VGATHERDPD.
    pub(crate) fn vgatherdq(&mut self, i: &Insn) -> Flow {
        self.gather(3, 2, i)
    }
    /// VPGATHERQD, VGATHERQPS.
    pub(crate) fn vgatherqd(&mut self, i: &Insn) -> Flow {
        self.gather(2, 3, i)
    }
    /// VPGATHERQQ, VGATHERQPD.
    pub(crate) fn vgatherqq(&mut self, i: &Insn) -> Flow {
        self.gather(3, 3, i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accesses_as_numbers() {
        let masked = Masked {
            what: What::Gather,
            data: 15,
            mask: 14,
            index: 13,
            mmx: true,
            lane: 3,
            index_lane: 2,
            count: 32,
            scale: 3,
            wrap: true,
            wide: true,
        };
        assert_eq!(Masked::decode(masked.encode()), masked);
    }
}
