//! Makes cases: code whose memory operands are around the ends of pages, that divides by zero, that is no
//! instruction, or whose exceptions are not masked.

use guest_x86::decode::{Bits, Insn, Op, Operand, decode};
use guest_x86::encoding;
use isa::Rng;
use isa::opcode::encode;

use super::operands::{self, Place};
use super::{FLAGS, FS, GS, IMAGE, MXCSR, ST, XMM, sequence, special, undefined, values};
use crate::diff::case::Group;
use crate::diff::value;
use crate::fault::value::integer;
use crate::fault::{self, Case, near_boundary};

/// Where the upper halves of vectors are in a table of registers, which otherwise looks like a record.
pub(super) const HIGH: usize = 672;
const SIZE: usize = HIGH + 256;

/// Makes cases.
#[derive(Debug)]
pub(super) struct Chooser {
    rng: Rng,
    /// What accesses memory, and what does not.
    memory: Vec<Op>,
    others: Vec<Op>,
}

impl Chooser {
    /// Seeds it.
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let place = Place { first: 0, last: 0, fs: 0, gs: 0 };
        let accesses = |op: &Op| {
            (0..4).any(|_| {
                let group = operands::group(*op, place, &mut rng);
                group.is_some_and(|group| {
                    let insn = decode(group.instruction(), Bits::B64);
                    insn.is_ok_and(|insn| insn.operands.iter().any(|o| is_memory(*o)))
                })
            })
        };
        let (memory, others) = sequence::plain().partition(accesses);
        Self { rng: Rng::new(seed), memory, others }
    }

    fn group(&mut self, pointers: &[u8]) -> Group {
        let rng = &mut self.rng;
        let place = Place { first: 0, last: 0, fs: 0, gs: 0 };
        loop {
            let draw = |ops: &[Op], rng: &mut Rng| ops[rng.below(ops.len() as u64) as usize];
            let found = match rng.below(100) {
                0..35 => operands::group(draw(&self.memory, rng), place, rng),
                35..55 => through(draw(&self.memory, rng), pointers, rng),
                55..85 => operands::group(draw(&self.others, rng), place, rng),
                85..95 => Some(special::forward(rng)),
                _ => Some(special::trap(rng)),
            };
            if let Some(found) = found {
                return found;
            }
        }
    }
}

fn is_memory(operand: Operand) -> bool {
    matches!(operand, Operand::Mem { .. } | Operand::Src { .. } | Operand::Dst { .. })
}

/// An access through a pointer that the code has not just set.
fn through(op: Op, pointers: &[u8], rng: &mut Rng) -> Option<Group> {
    let fits = |insn: &Insn| {
        let memory = &insn.memory;
        insn.op == op
            && memory.base.is_some_and(|base| pointers.contains(&base))
            && memory.index.is_none()
            && (-80..80).contains(&memory.displacement)
            && insn.segment.is_none()
    };
    let row = encoding::row(op);
    let code = (0..100).find_map(|_| {
        let bytes = encode(row, rng).bytes;
        let insn = decode(&bytes, Bits::B64).ok()?;
        (fits(&insn) && usize::from(insn.len) == bytes.len()).then_some(bytes)
    })?;
    Some(Group { code, last: 0, branch: None })
}

impl fault::Chooser for Chooser {
    fn case(&mut self, length: u64) -> Case {
        let mut case = Case::new(SIZE);
        let rng = &mut self.rng;
        let mut pointers = vec![4];
        while pointers.len() < 6 {
            pointers.push(rng.below(16) as u8);
        }
        for n in 0..16 {
            let value =
                if pointers.contains(&(n as u8)) { near_boundary(rng) } else { integer(rng) };
            case.set(n * 8, value);
        }
        case.set(FLAGS, values::flags(rng));
        case.set(FS, 0);
        case.set(GS, 0);
        let unmask = if rng.one_in(3) { rng.next() } else { 0 };
        let words = u64::from(values::x87_control(rng)) & !(unmask & 0x3f);
        let status = u64::from(values::x87_status(rng));
        case.set(IMAGE, words | status << 16 | u64::from(values::x87_tags(rng)) << 32);
        case.set(MXCSR, u64::from(values::mxcsr(rng)) & !(unmask & 0x1f80));
        let mut wide = |at: usize, value: u128| {
            case.set(at, value as u64);
            case.set(at + 8, (value >> 64) as u64);
        };
        (0..8).for_each(|n| wide(ST + n * 16, values::extended(rng)));
        for n in 0..16 {
            wide(XMM + n * 16, value::vector(rng));
            wide(HIGH + n * 16, value::vector(rng));
        }
        let count = 8 + rng.below(length.saturating_sub(8).max(1));
        for _ in 0..count {
            let group = self.group(&pointers);
            case.groups.push(group);
        }
        undefined::end(&mut case.groups, &mut self.rng);
        undefined::avoid(&mut case.groups, &mut self.rng);
        case
    }
}
