//! A quick look over straight-line code before it is translated: its instructions, where it ends, and which
//! of its instructions are destinations of its own branches.

use crate::decode::{Bits, Insn, LENGTH_MAX, Op, Operand, Undecoded, decode};
use crate::liveness;
use guest::block::{BLOCK_INSNS_MAX, BLOCK_PAGE};
use guest::{AT_ONCE, Fetch, Mode};

/// The instructions of a block start in so many bytes: with the last one they are not more than 256.
const BLOCK_BYTES_MAX: usize = 256 - LENGTH_MAX;

/// What an instruction does to the flow of control, and how far it goes from its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Other,
    Branch(i64),
    Jump(i64),
    End,
}

/// Of `insn`.
pub(crate) fn kind(insn: &Insn) -> Kind {
    match insn.op {
        Op::Jcc8 | Op::Jcc | Op::Loopne | Op::Loope | Op::Loop | Op::Jcxz => Kind::Branch(insn.imm),
        Op::Jmp8 | Op::Jmp => Kind::Jump(insn.imm),
        Op::JmpRm
        | Op::Call
        | Op::CallRm
        | Op::Ret
        | Op::RetImm
        | Op::Syscall
        | Op::Sysenter
        | Op::Int3
        | Op::Int
        | Op::Int1
        | Op::Ud0
        | Op::Ud1
        | Op::Ud2
        | Op::Hlt
        | Op::Cpuid
        | Op::Iret
        | Op::Retf
        | Op::RetfImm
        | Op::JmpFarM
        | Op::CallFarM => Kind::End,
        _ => Kind::Other,
    }
}

/// What comes after the last instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// An instruction that is undefined.
    Undefined,
    /// One that is too long.
    TooLong,
}

/// An instruction of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// It.
    pub(crate) insn: Insn,
    /// Where it starts, in bytes from the block's start.
    pub(crate) at: u32,
    /// Flags that are of interest behind it.
    pub(crate) live: u16,
}

/// What [`scan`] found.
#[derive(Default, Debug)]
pub(crate) struct Scan {
    /// The instructions, up to and including the one that ends the block.
    pub(crate) insns: Vec<Found>,
    /// Bit n, but for n = 0: instruction n is the destination of a direct branch among them.
    pub(crate) targets: u64,
    /// Bytes of the block.
    pub(crate) len: u32,
    /// What follows, if the last instruction does not end the block.
    pub(crate) next: Option<Next>,
}

impl Scan {
    /// The number of the instruction that starts at byte `at`.
    pub(crate) fn number(&self, at: u64) -> Option<usize> {
        self.insns.binary_search_by_key(&at, |found| found.at.into()).ok()
    }
    /// Whether an unconditional branch of instruction `n` to instruction `target` just skips code of the
    /// same block that an earlier branch leads to, as at the end of the first arm of an if-else: the
    /// block goes on there.
    pub(crate) fn over_reachable(&self, n: usize, target: usize) -> bool {
        n < 63 && target > n + 1 && self.targets >> (n + 1) & 1 != 0
    }
}

/// Reads code in pieces.
struct Reader {
    pc: u64,
    code: [u8; BLOCK_BYTES_MAX + LENGTH_MAX],
    bytes: usize,
    ended: bool,
}

impl Reader {
    /// The code from `at` on: all of an instruction if it is there.
    fn from(&mut self, fetch: &mut dyn Fetch, at: usize) -> &[u8] {
        let wanted = (at + LENGTH_MAX).min(self.code.len());
        while self.bytes < wanted && !self.ended {
            let end = self.code.len().min(self.bytes + AT_ONCE);
            let piece = &mut self.code[self.bytes..end];
            let read = fetch.bytes(self.pc.wrapping_add(self.bytes as u64), piece);
            self.ended = read < piece.len();
            self.bytes += read;
        }
        &self.code[at.min(self.bytes)..wanted.min(self.bytes)]
    }
}

/// Whether `insn` may store to memory, and goes on with the next instruction.
fn stores(insn: &Insn) -> bool {
    let mut operands = insn.operands.iter().zip(&insn.op.row().operands);
    let written = operands.any(|(operand, rule)| match operand {
        // (Of an unknown size: what saves state.)
        Operand::Mem { size: 0 } => insn.op != Op::Lea,
        Operand::Mem { .. } | Operand::Dst { .. } => rule.access & 2 != 0,
        _ => false,
    });
    written
        || matches!(
            insn.op,
            Op::PushR
                | Op::PushRm
                | Op::PushImm
                | Op::PushImm8
                | Op::PushFs
                | Op::PushGs
                | Op::Pushf
                | Op::Enter
        )
}

/// Reads up to `limit` instructions from `pc` into `scan`, as far as `mode` asks for.
pub(crate) fn scan(fetch: &mut dyn Fetch, pc: u64, limit: usize, mode: Mode, scan: &mut Scan) {
    let brief = mode.brief;
    scan.insns.clear();
    (scan.targets, scan.next) = (0, None);
    let mut reader = Reader { pc, code: [0; BLOCK_BYTES_MAX + LENGTH_MAX], bytes: 0, ended: false };
    let page = (BLOCK_PAGE - pc % BLOCK_PAGE) as usize;
    // Where branches go, in bytes from the start; those to the middle of instructions leave.
    let mut branches = [0_u32; BLOCK_INSNS_MAX];
    let (mut count, mut at) = (0, 0);
    while scan.insns.len() < limit && at < page.min(BLOCK_BYTES_MAX) {
        if at != 0 && !brief && fetch.known(pc.wrapping_add(at as u64)) {
            break;
        }
        let insn = match decode(reader.from(fetch, at), Bits::B64) {
            Ok(insn) => insn,
            Err(error) => {
                scan.next = match error {
                    Undecoded::Undefined => Some(Next::Undefined),
                    Undecoded::TooLong => Some(Next::TooLong),
                    // (In the block that starts there it is a fault.)
                    Undecoded::Incomplete => None,
                };
                break;
            }
        };
        scan.insns.push(Found { insn, at: at as u32, live: liveness::ALL });
        at += usize::from(insn.len);
        match kind(&insn) {
            Kind::Other if mode.changing && stores(&insn) => break,
            Kind::Other => {}
            Kind::End => break,
            Kind::Branch(_) | Kind::Jump(_) if brief => break,
            kind @ (Kind::Branch(distance) | Kind::Jump(distance)) => {
                let target = at as i64 + distance;
                // The start of the block is none: a branch there is an exit, which back ends make a loop.
                let inside = (1..BLOCK_BYTES_MAX as i64).contains(&target)
                    && (distance >= 0 || !mode.changing);
                let jumps = matches!(kind, Kind::Jump(_));
                // After a jump the block goes on only with code that is reached otherwise.
                let over = inside && distance > 0 && branches[..count].contains(&(at as u32));
                if inside {
                    branches[count] = target as u32;
                    count += 1;
                }
                if jumps && !over {
                    break;
                }
            }
        }
    }
    scan.len = at as u32;
    for &target in &branches[..count] {
        if let Some(number @ 1..) = scan.number(target.into()) {
            scan.targets |= 1 << number;
        }
    }
    find_live(scan);
}

/// Finds out which flags are of interest behind each instruction.
fn find_live(scan: &mut Scan) {
    let mut live = liveness::ALL;
    for n in (0..scan.insns.len()).rev() {
        let Found { insn, at, .. } = scan.insns[n];
        let end = at + u32::from(insn.len);
        match kind(&insn) {
            Kind::Other => {}
            Kind::End => live = liveness::ALL,
            Kind::Branch(distance) | Kind::Jump(distance) => {
                let target = u64::from(end).wrapping_add(distance as u64);
                // (Of an instruction further on it is known already.)
                let there = match scan.number(target) {
                    Some(to) if to > n => {
                        liveness::before(&scan.insns[to].insn, scan.insns[to].live)
                    }
                    _ => liveness::ALL,
                };
                let falls = matches!(kind(&insn), Kind::Branch(_));
                live = if falls { live | there } else { there };
            }
        }
        scan.insns[n].live = live;
        live = liveness::before(&insn, live);
    }
}
