//! Makes the operands of an instruction of a case fit: registers that address the record's memory, counts
//! that end, dividends whose quotient fits.

use asm::Isa as _;
use asm::x86_64::X86_64;
use guest_x86::decode::{Attributes, Bits, Insn, Op, Operand, Prefixes, Segment, decode};
use guest_x86::encoding;
use isa::Rng;
use isa::opcode::{Kind, encode};

use super::values;
use crate::diff::case::Group;
use crate::fault::near_boundary;

const RAX: u8 = 0;
const RCX: u8 = 1;
const RDX: u8 = 2;
const RSP: u8 = 4;
const RBP: u8 = 5;
const RSI: u8 = 6;
const RDI: u8 = 7;

/// Where a case is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Addresses that may be loaded from and stored to, with 256 bytes around them; if there are none, those
    /// around the ends of pages are meant.
    pub(super) first: u64,
    pub(super) last: u64,
    /// The bases of segments.
    pub(super) fs: u64,
    pub(super) gs: u64,
}

impl Place {
    /// A random address of memory.
    pub(super) fn target(self, rng: &mut Rng) -> u64 {
        match self.last - self.first {
            0 => near_boundary(rng),
            count => self.first + rng.below(count),
        }
    }
    fn base(self, segment: Option<Segment>) -> u64 {
        match segment {
            Some(Segment::Fs) => self.fs,
            Some(Segment::Gs) => self.gs,
            _ => 0,
        }
    }
}

/// `mov register, value`: flags stay.
pub(super) fn set(code: &mut Vec<u8>, register: u8, value: u64) {
    X86_64.value(code, register, value);
}

/// `mov dword [address], value`.
fn store(code: &mut Vec<u8>, address: u64, value: u32) {
    code.extend([0xc7, 0x04, 0x25]);
    code.extend((address as u32).to_le_bytes());
    code.extend(value.to_le_bytes());
}

/// A random instruction of `op`, with what it needs before it.
pub(super) fn group(op: Op, place: Place, rng: &mut Rng) -> Option<Group> {
    (0..50).find_map(|_| one(op, place, rng))
}

/// What is being made.
struct Fit<'a> {
    place: Place,
    rng: &'a mut Rng,
    /// The instructions before it.
    code: Vec<u8>,
    /// Those behind it.
    behind: Vec<u8>,
    /// The address of its operand.
    target: u64,
}

fn one(op: Op, place: Place, rng: &mut Rng) -> Option<Group> {
    let encoded = encode(encoding::row(op), rng);
    let mut bytes = encoded.bytes;
    let mut insn = decode(&bytes, Bits::B64).ok()?;
    if insn.op != op || usize::from(insn.len) != bytes.len() || undefined(&insn) {
        return None;
    }
    if op == Op::NopRm0d && !is_memory(insn.operands[0]) {
        return None;
    }
    // The place that is left for variables is touched: in a page that is not there yet, all is done twice.
    if let (Op::Enter, [.., high, _]) = (op, &mut bytes[..]) {
        *high = 0;
        insn = decode(&bytes, Bits::B64).ok()?;
    }
    let target = target(&insn, place, rng);
    if insn.memory.rip {
        // Its own code, which it may only read.
        let writes = encoding::row(op).operands[0].access.write && is_memory(insn.operands[0]);
        if writes || insn.segment.is_some() || always_aligned(op) {
            return None;
        }
        let at = encoded.address_at?;
        let distance = rng.below(40) as i32 - 32;
        bytes[at..at + 4].copy_from_slice(&distance.to_le_bytes());
    } else if let Some(at) = encoded.address_at {
        let to = target.wrapping_sub(place.base(insn.segment));
        let whole = insn.operands.contains(&Operand::None) && is_offset(op);
        let len = bytes[at..].len().min(if whole && bytes.len() - at >= 8 { 8 } else { 4 });
        bytes[at..at + len].copy_from_slice(&to.to_le_bytes()[..len]);
        insn = decode(&bytes, Bits::B64).ok()?;
    }
    let mut fit = Fit { place, rng, code: Vec::new(), behind: Vec::new(), target };
    fit.before(&insn)?;
    let last = fit.code.len();
    let mut code = fit.code;
    code.extend(bytes);
    code.extend(fit.behind);
    Some(Group { code, last, branch: None })
}

/// Whether the result may be undefined: of shifts of 16 bits by more than those.
fn undefined(insn: &Insn) -> bool {
    insn.operand_size == 2 && matches!(insn.op, Op::ShldImm | Op::ShldCl | Op::ShrdImm | Op::ShrdCl)
}

fn is_memory(operand: Operand) -> bool {
    matches!(operand, Operand::Mem { .. })
}

/// Whether the address is a constant of up to eight bytes.
fn is_offset(op: Op) -> bool {
    encoding::row(op).has_kind(Kind::O)
}

/// Whether processors differ in whether it must be aligned.
fn always_aligned(op: Op) -> bool {
    encoding::row(op).features.contains(&"sha")
}

/// An address for the memory operand.
fn target(insn: &Insn, place: Place, rng: &mut Rng) -> u64 {
    let sizes = insn.operands.map(|operand| match operand {
        Operand::Mem { size } => u64::from(size),
        _ => 0,
    });
    let size = sizes.into_iter().max().unwrap_or(0).clamp(1, 64);
    let aligned = insn.op.row().attributes.any(Attributes::ALIGNED);
    let always = always_aligned(insn.op) && place.first != place.last;
    let target = place.target(rng);
    if aligned && !rng.one_in(100) || always || rng.one_in(2) {
        target / size * size
    } else {
        target
    }
}

impl Fit<'_> {
    /// Emits what is needed before `insn`; None if its registers do not allow it.
    fn before(&mut self, insn: &Insn) -> Option<()> {
        self.strings(insn);
        let stack = self.stack(insn);
        self.memory(insn, stack)?;
        self.bits(insn)?;
        self.special(insn);
        Some(())
    }

    /// Registers of string instructions.
    fn strings(&mut self, insn: &Insn) {
        let wild = self.rng.next() << 32;
        let high = if insn.address_size == 4 { wild } else { 0 };
        let base = self.place.base(insn.segment);
        let repeats = insn.op.row().attributes.any(Attributes::REPEAT);
        for operand in insn.operands {
            let (register, base) = match operand {
                Operand::Src { .. } => (RSI, base),
                // ES is not overridden, but MASKMOV's segment is.
                Operand::Dst { .. } => (RDI, if repeats { 0 } else { base }),
                _ => continue,
            };
            let to = self.place.target(self.rng).wrapping_sub(base);
            set(&mut self.code, register, if high == 0 { to } else { high | to & 0xffff_ffff });
        }
        if repeats && insn.prefixes.any(Prefixes::REP | Prefixes::REPNE) {
            let count = self.rng.below(9);
            set(&mut self.code, RCX, count);
        }
    }

    /// The stack pointer, if it is used. Whether it is.
    fn stack(&mut self, insn: &Insn) -> bool {
        let row = encoding::row(insn.op);
        let uses = |kind| row.implied.iter().any(|operand| operand.kind == kind);
        if !uses(Kind::Sp) {
            return false;
        }
        let mut to = self.place.target(self.rng);
        if !self.rng.one_in(8) {
            to &= !7;
        }
        set(&mut self.code, RSP, to);
        if uses(Kind::Bp) {
            let frame = self.place.target(self.rng) & !7;
            set(&mut self.code, RBP, frame);
        }
        true
    }

    /// The registers of the memory operand.
    fn memory(&mut self, insn: &Insn, stack: bool) -> Option<()> {
        let memory = &insn.memory;
        if memory.rip || !insn.operands.iter().any(|o| is_memory(*o)) {
            return Some(());
        }
        let displacement = memory.displacement.cast_unsigned();
        let base = self.place.base(insn.segment);
        let mut wanted = self.target.wrapping_sub(base).wrapping_sub(displacement);
        if stack && (memory.base == Some(RSP) || memory.base == Some(RBP)) {
            return None;
        }
        let vector = insn.op.row().attributes.any(Attributes::VECTOR_INDEX);
        let high = if insn.address_size == 4 { self.rng.next() << 32 } else { 0 };
        let narrow = |value: u64| if high == 0 { value } else { high | value & 0xffff_ffff };
        match (memory.base, memory.index) {
            (base, Some(index)) if vector => {
                self.indices(insn.op, index);
                let base = base?;
                set(&mut self.code, base, narrow(wanted));
            }
            (Some(base), Some(index)) if base == index => {
                if always_aligned(insn.op) {
                    return None;
                }
                let factor = 1 + (1 << memory.scale);
                let value = if insn.address_size == 4 { wanted & 0xffff_ffff } else { wanted };
                set(&mut self.code, base, narrow(value / factor));
            }
            (Some(base), index) => {
                if let Some(index) = index {
                    let small = self.rng.below(32).wrapping_sub(16);
                    set(&mut self.code, index, narrow(small));
                    wanted = wanted.wrapping_sub(small << memory.scale);
                } else if insn.op == Op::Xlat {
                    wanted = wanted.wrapping_sub(128);
                }
                set(&mut self.code, base, narrow(wanted));
            }
            (None, Some(index)) => {
                let value = if insn.address_size == 4 { wanted & 0xffff_ffff } else { wanted };
                set(&mut self.code, index, narrow(value >> memory.scale));
            }
            (None, None) => {}
        }
        Some(())
    }

    /// Makes the lanes of a vector of indices small: shifts them, so that they stay random.
    fn indices(&mut self, op: Op, index: u8) {
        let wide = matches!(op, Op::Vpgatherqd | Op::Vpgatherqq | Op::Vgatherqps | Op::Vgatherqpd);
        // vpsrad of 32 bits, vpsrlq of 64.
        let (opcode, extension, count) = if wide { (0x73, 2, 60) } else { (0x72, 4, 28) };
        let b = if index < 8 { 0x20 } else { 0 };
        self.code.extend([0xc4, 0xc1 | b, (!index & 15) << 3 | 5, opcode]);
        self.code.extend([0xc0 | extension << 3 | index & 7, count]);
    }

    /// The bit number of an instruction that reaches memory beyond its operand.
    fn bits(&mut self, insn: &Insn) -> Option<()> {
        if !matches!(insn.op, Op::BtRmR | Op::BtsRmR | Op::BtrRmR | Op::BtcRmR) {
            return Some(());
        }
        let [Operand::Mem { .. }, Operand::Reg { n, .. }, ..] = insn.operands else {
            return Some(());
        };
        if insn.memory.base == Some(n) || insn.memory.index == Some(n) {
            return None;
        }
        let offset = self.rng.below(1600).wrapping_sub(800);
        set(&mut self.code, n, offset);
        Some(())
    }

    /// What happens seldom with random values, and what must not be known of this processor.
    fn special(&mut self, insn: &Insn) {
        let target = self.target;
        let address = [insn.memory.base, insn.memory.index];
        let divides = ![RAX, RDX].iter().any(|n| address.contains(&Some(*n)));
        match insn.op {
            Op::Div if divides && !self.rng.one_in(4) => {
                let high = self.rng.below(16);
                set(&mut self.code, RDX, high);
            }
            // cqo
            Op::Idiv if divides && !self.rng.one_in(4) => self.code.extend([0x48, 0x99]),
            // movzx eax, al
            Op::DivB | Op::IdivB if divides && !self.rng.one_in(4) => {
                self.code.extend([0x0f, 0xb6, 0xc0]);
            }
            // mov qword [rsp], flags: those that do no harm.
            Op::Popf => {
                let flags = values::flags(self.rng) | self.rng.below(2) << 21;
                self.code.extend([0x48, 0xc7, 0x04, 0x24]);
                self.code.extend((flags as u32).to_le_bytes());
            }
            Op::Ldmxcsr | Op::Vldmxcsr => {
                let value = values::mxcsr(self.rng);
                let unmask = if self.rng.one_in(8) { self.rng.next() as u32 & 0x1f80 } else { 0 };
                store(&mut self.code, target, value & !unmask);
            }
            Op::Fldcw | Op::Fldenv | Op::Frstor => {
                let value = u32::from(values::x87_control(self.rng));
                let unmask = if self.rng.one_in(8) { self.rng.next() as u32 & 0x3f } else { 0 };
                store(&mut self.code, target, value & !unmask);
            }
            // The addresses and the opcode of the last instruction.
            Op::Fnstenv | Op::Fnsave => {
                let (first, words) = if insn.operand_size == 2 { (6, 2) } else { (12, 4) };
                for n in 0..words {
                    store(&mut self.behind, target + first + 4 * n, 0);
                }
            }
            // Processors differ in whether the upper half of what was not equal is cleared.
            Op::Cmpxchg => {
                for register in [insn.operands[0], Operand::Reg { n: RAX, size: 4 }] {
                    if let Operand::Reg { n, .. } = register {
                        let rex = if n < 8 { 0x40 } else { 0x45 };
                        self.behind.extend([rex, 0x89, 0xc0 | (n & 7) << 3 | n & 7]);
                    }
                }
            }
            _ => {}
        }
    }
}
