//! One operand in both decoders.

use guest_x86::decode::{Insn, Operand, Segment};
use iced_x86::{Instruction, OpKind, Register};

/// General register `n` of `size` bytes.
pub(crate) fn general(n: u8, size: u8) -> Register {
    let first = match size {
        1 => return byte(n),
        2 => Register::AX,
        4 => Register::EAX,
        _ => Register::RAX,
    };
    first + u32::from(n)
}

/// The low byte of register `n`.
fn byte(n: u8) -> Register {
    match n {
        0..=3 => Register::AL + u32::from(n),
        _ => Register::SPL + u32::from(n - 4),
    }
}

/// A vector register, as iced names all of it.
pub(crate) fn vector(n: u8) -> Register {
    Register::ZMM0 + u32::from(n)
}

/// The register that an operand is.
pub(crate) fn register(operand: Operand) -> Option<Register> {
    Some(match operand {
        Operand::Reg { n, size } => general(n, size),
        Operand::High { n } => Register::AH + u32::from(n),
        Operand::Vec { n, size: 32 } => Register::YMM0 + u32::from(n),
        Operand::Vec { n, .. } => Register::XMM0 + u32::from(n),
        Operand::Mmx { n, .. } => Register::MM0 + u32::from(n),
        Operand::St { n } => Register::ST0 + u32::from(n),
        Operand::Seg { n } => Register::ES + u32::from(n),
        Operand::Control { n } => Register::CR0 + u32::from(n),
        Operand::Debug { n } => Register::DR0 + u32::from(n),
        _ => return None,
    })
}

/// Compares operand `n`.
pub(crate) fn compare(
    insn: &Insn,
    ours: Operand,
    theirs: &Instruction,
    n: u32,
    at: u64,
) -> Result<(), String> {
    let next = at + u64::from(insn.len);
    let kind = theirs.op_kind(n);
    let same = |right: bool, text: String| if right { Ok(()) } else { Err(text) };
    match (ours, kind) {
        (Operand::Imm, _) => immediate(insn, theirs, n),
        (Operand::Rel, OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64) => {
            let to = next.wrapping_add_signed(insn.imm);
            let to = match kind {
                OpKind::NearBranch16 => to & 0xffff,
                OpKind::NearBranch32 => to & 0xffff_ffff,
                _ => to,
            };
            same(to == theirs.near_branch_target(), format!("branch to {to:#x}"))
        }
        (Operand::Far, OpKind::FarBranch16) => same(
            insn.imm as u16 == theirs.far_branch16() && insn.imm2 == theirs.far_branch_selector(),
            String::from("far address"),
        ),
        (Operand::Far, OpKind::FarBranch32) => same(
            insn.imm as u32 == theirs.far_branch32() && insn.imm2 == theirs.far_branch_selector(),
            String::from("far address"),
        ),
        (Operand::Mem { size }, OpKind::Memory) => memory(insn, size, theirs, next),
        (Operand::Src { size }, _) => {
            let kinds = [OpKind::MemorySegSI, OpKind::MemorySegESI, OpKind::MemorySegRSI];
            same(kinds.contains(&kind), format!("source is {kind:?}"))?;
            memory_size(u16::from(size), theirs)?;
            segment(insn, theirs)
        }
        (Operand::Dst { size }, _) => {
            let kinds = [
                OpKind::MemoryESDI,
                OpKind::MemoryESEDI,
                OpKind::MemoryESRDI,
                OpKind::MemorySegDI,
                OpKind::MemorySegEDI,
                OpKind::MemorySegRDI,
            ];
            same(kinds.contains(&kind), format!("destination is {kind:?}"))?;
            memory_size(u16::from(size), theirs)
        }
        (ours, OpKind::Register) => {
            let theirs = theirs.op_register(n);
            // Of a vector register, often less than iced's name for it counts.
            let whole =
                |r: Register| if r.is_vector_register() { r.number() as u32 } else { r as u32 };
            let right = register(ours).is_some_and(|r| {
                r.is_vector_register() == theirs.is_vector_register() && whole(r) == whole(theirs)
            });
            same(right, format!("{ours:?} is {theirs:?}"))
        }
        _ => Err(format!("{ours:?} is {kind:?}")),
    }
}

fn immediate(insn: &Insn, theirs: &Instruction, n: u32) -> Result<(), String> {
    let kind = theirs.op_kind(n);
    let second = kind == OpKind::Immediate8_2nd;
    let ours = if second { u64::from(insn.imm2) } else { insn.imm.cast_unsigned() };
    let Ok(theirs) = theirs.try_immediate(n) else { return Err(format!("is {kind:?}")) };
    let mask = match kind {
        OpKind::Immediate8 => 0xff,
        OpKind::Immediate16 => 0xffff,
        OpKind::Immediate32 => 0xffff_ffff,
        _ => u64::MAX,
    };
    match (ours ^ theirs) & mask {
        0 => Ok(()),
        _ => Err(format!("{kind:?} {ours:#x}, not {theirs:#x}")),
    }
}

fn memory(insn: &Insn, size: u16, theirs: &Instruction, next: u64) -> Result<(), String> {
    memory_size(size, theirs)?;
    segment(insn, theirs)?;
    let name = |n: u8| general(n, insn.address_size);
    let base = match insn.memory.base {
        None if insn.memory.rip && insn.address_size == 4 => Register::EIP,
        None if insn.memory.rip => Register::RIP,
        None => Register::None,
        Some(n) => name(n),
    };
    if base != theirs.memory_base() {
        return Err(format!("base {base:?}, not {:?}", theirs.memory_base()));
    }
    let index = insn.memory.index;
    let other = theirs.memory_index();
    let same_index = match index {
        None => other == Register::None || other == Register::AL,
        Some(n) if other.is_vector_register() => other.number() == usize::from(n),
        Some(n) => other == name(n),
    };
    if !same_index || index.is_some() && 1 << insn.memory.scale != theirs.memory_index_scale() {
        return Err(format!("index {index:?}, not {other:?}"));
    }
    let mut displacement = insn.memory.displacement.cast_unsigned();
    if insn.memory.rip {
        displacement = displacement.wrapping_add(next);
    }
    let mask = match insn.address_size {
        2 => 0xffff,
        4 => 0xffff_ffff,
        _ => u64::MAX,
    };
    match (displacement ^ theirs.memory_displacement64()) & mask {
        0 => Ok(()),
        _ => Err(format!("displacement {displacement:#x}")),
    }
}

fn segment(insn: &Insn, theirs: &Instruction) -> Result<(), String> {
    let prefix = theirs.segment_prefix();
    let theirs = [
        (Register::ES, Segment::Es),
        (Register::CS, Segment::Cs),
        (Register::SS, Segment::Ss),
        (Register::DS, Segment::Ds),
        (Register::FS, Segment::Fs),
        (Register::GS, Segment::Gs),
    ]
    .iter()
    .find(|(register, _)| *register == prefix)
    .map(|(_, segment)| *segment);
    // In 64-bit mode the first four have no effect.
    let theirs = match theirs {
        Some(Segment::Es | Segment::Cs | Segment::Ss | Segment::Ds) if insn.segment.is_none() => {
            None
        }
        theirs => theirs,
    };
    match insn.segment == theirs {
        true => Ok(()),
        false => Err(format!("segment {:?}, not {theirs:?}", insn.segment)),
    }
}

fn memory_size(size: u16, theirs: &Instruction) -> Result<(), String> {
    let other = theirs.memory_size().size();
    match usize::from(size) == other || other == 0 {
        true => Ok(()),
        false => Err(format!("{size} bytes, not {other}")),
    }
}
