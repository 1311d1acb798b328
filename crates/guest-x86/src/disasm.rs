//! Text of instructions, in Intel's syntax.

use std::fmt::Write as _;

use crate::decode::{Attributes, Bits, Insn, Op, Operand, Prefixes, Undecoded, decode};
use crate::encoding;
use isa::opcode::Mark;

/// Text of the instruction at the start of `code`, which is at `pc`, and its length.
pub fn disassemble(code: &[u8], pc: u64, bits: Bits) -> (String, usize) {
    match decode(code, bits) {
        Ok(insn) => (text(&insn, pc, bits), insn.len.into()),
        Err(Undecoded::Incomplete) => (".byte (incomplete)".into(), code.len().max(1)),
        Err(_) => (format!(".byte {:#04x}", code.first().copied().unwrap_or_default()), 1),
    }
}

/// The conditions.
const CONDITIONS: [&str; 16] =
    ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];

/// Those of the instructions that have other names for them.
const CONDITIONS_OF_CMPCCXADD: [&str; 16] =
    ["o", "no", "b", "nb", "z", "nz", "be", "nbe", "s", "ns", "p", "np", "l", "nl", "le", "nle"];

/// The mnemonic of `insn`, whose line has this heading.
pub fn mnemonic(insn: &Insn, heading: &str) -> String {
    let chosen = if let Some((narrow, wide)) = heading.split_once('|') {
        if insn.operand_size == 8 { wide } else { narrow }
    } else {
        let names: Vec<&str> = heading.split('/').collect();
        let size = if insn.op == Op::Jcxz { insn.address_size } else { insn.operand_size };
        // Names are for 2, 4 and 8 bytes; those of strings begin with 1.
        let smallest = if names.len() == 4 { 0 } else { 1 };
        let number = size.trailing_zeros().saturating_sub(smallest) as usize;
        names[number.min(names.len() - 1)]
    };
    let conditions = if insn.op == Op::Cmpccxadd { CONDITIONS_OF_CMPCCXADD } else { CONDITIONS };
    // In capitals these letters are part of a name.
    chosen.replace("cc", conditions[usize::from(insn.condition)]).to_lowercase()
}

fn text(insn: &Insn, pc: u64, bits: Bits) -> String {
    let row = encoding::row(insn.op);
    let mut text = String::new();
    if insn.prefixes.any(Prefixes::LOCK) {
        text += "lock ";
    }
    if row.has(Mark::Repeat) {
        let compares = row.flags.written != 0;
        text += match (insn.prefixes.any(Prefixes::REP), insn.prefixes.any(Prefixes::REPNE)) {
            (true, _) if compares => "repe ",
            (true, _) => "rep ",
            (_, true) => "repne ",
            _ => "",
        };
    }
    text += &mnemonic(insn, row.heading);
    // Strings are named by their mnemonics.
    let operands = if row.has(Mark::Repeat) { &[][..] } else { &insn.operands[..] };
    let operands = operands.iter().filter(|o| **o != Operand::None);
    for (n, operand) in operands.enumerate() {
        text += if n == 0 { " " } else { ", " };
        text += &match (n, operand) {
            // The second of two is kept apart.
            (1, Operand::Imm) if insn.op.row().attributes.any(Attributes::SECOND) => {
                format!("{:#x}", insn.imm2)
            }
            _ => operand_text(insn, *operand, pc, bits),
        };
    }
    if insn.memory.rip {
        let next = pc.wrapping_add(insn.len.into());
        let _ = write!(text, " # {:#x}", next.wrapping_add_signed(insn.memory.displacement));
    }
    text
}

fn operand_text(insn: &Insn, operand: Operand, pc: u64, bits: Bits) -> String {
    match operand {
        Operand::None => String::new(),
        Operand::Reg { n, size } => register(n, size),
        Operand::High { n } => ["ah", "ch", "dh", "bh"][usize::from(n)].to_owned(),
        Operand::Mem { size } => memory(insn, size),
        Operand::Imm => immediate(insn),
        Operand::Rel => {
            let to = pc.wrapping_add(insn.len.into()).wrapping_add_signed(insn.imm);
            format!("{:#x}", if bits == Bits::B64 { to } else { to & 0xffff_ffff })
        }
        Operand::Vec { n, size: 32 } => format!("ymm{n}"),
        Operand::Vec { n, .. } => format!("xmm{n}"),
        Operand::Mmx { n, .. } => format!("mm{n}"),
        Operand::St { n } => format!("st({n})"),
        Operand::Seg { n } => ["es", "cs", "ss", "ds", "fs", "gs"][usize::from(n)].to_owned(),
        Operand::Src { .. } => format!("[{}]", register(6, insn.address_size)),
        Operand::Dst { .. } => format!("[{}]", register(7, insn.address_size)),
        Operand::Far => format!("{:#x}:{:#x}", insn.imm2, insn.imm as u32),
        Operand::Control { n } => format!("cr{n}"),
        Operand::Debug { n } => format!("dr{n}"),
    }
}

/// General register `n` of `size` bytes.
fn register(n: u8, size: u8) -> String {
    const NAMES: [&str; 8] = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];
    const BYTES: [&str; 8] = ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"];
    let Some(name) = NAMES.get(usize::from(n)) else {
        let suffix = match size {
            1 => "b",
            2 => "w",
            4 => "d",
            _ => "",
        };
        return format!("r{n}{suffix}");
    };
    match size {
        1 => BYTES[usize::from(n)].to_owned(),
        2 => (*name).to_owned(),
        4 => format!("e{name}"),
        _ => format!("r{name}"),
    }
}

fn immediate(insn: &Insn) -> String {
    match insn.imm {
        value @ ..0 => format!("-{:#x}", value.unsigned_abs()),
        value => format!("{value:#x}"),
    }
}

/// How many bytes, and where.
fn memory(insn: &Insn, size: u16) -> String {
    let mut text = String::from(match size {
        1 => "byte ptr ",
        2 => "word ptr ",
        4 => "dword ptr ",
        6 => "fword ptr ",
        8 => "qword ptr ",
        10 => "tbyte ptr ",
        16 => "xmmword ptr ",
        32 => "ymmword ptr ",
        _ => "",
    });
    if let Some(segment) = insn.segment {
        let names = ["es", "cs", "ss", "ds", "fs", "gs"];
        let _ = write!(text, "{}:", names[segment as usize & 7]);
    }
    text.push('[');
    let memory = &insn.memory;
    let mut parts = Vec::new();
    if memory.rip {
        let _ = write!(text, "rip + {:#x}]", memory.displacement);
        return text;
    }
    if let Some(base) = memory.base {
        parts.push(register(base, insn.address_size));
    }
    if let Some(index) = memory.index {
        let name = match insn.op.row().attributes.any(Attributes::VECTOR_INDEX) {
            true if insn.vector_length == 32 => format!("ymm{index}"),
            true => format!("xmm{index}"),
            false => register(index, insn.address_size),
        };
        parts.push(match memory.scale {
            0 => name,
            scale => format!("{name}*{}", 1 << scale),
        });
    }
    if insn.op == Op::Xlat {
        parts.push("al".into());
    }
    text += &parts.join(" + ");
    let displacement = memory.displacement;
    let _ = match displacement {
        0 if !parts.is_empty() => Ok(()),
        _ if parts.is_empty() => write!(text, "{:#x}", absolute(insn)),
        ..0 => write!(text, " - {:#x}", displacement.unsigned_abs()),
        _ => write!(text, " + {displacement:#x}"),
    };
    text.push(']');
    text
}

/// An address without registers.
fn absolute(insn: &Insn) -> u64 {
    let address = insn.memory.displacement.cast_unsigned();
    if insn.address_size == 8 { address } else { address & 0xffff_ffff }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_have_text() {
        let text = |code: &[u8]| disassemble(code, 0x1000, Bits::B64).0;
        for (code, expected) in [
            (&[0x48, 0x01, 0xd8][..], "add rax, rbx"),
            (&[0x83, 0xe1, 0xf0], "and ecx, -0x10"),
            (&[0x65, 0x4a, 0x8b, 0x44, 0xc8, 0xf8], "mov rax, qword ptr gs:[rax + r9*8 - 0x8]"),
            (&[0x88, 0x25, 0, 1, 0, 0], "mov byte ptr [rip + 0x100], ah # 0x1106"),
            (&[0x0f, 0x8f, 0xfa, 0xff, 0xff, 0xff], "jg 0x1000"),
            (&[0xf3, 0x48, 0xa5], "rep movsq"),
            (&[0xf2, 0xae], "repne scasb"),
            (&[0x48, 0x98], "cdqe"),
            (&[0xc5, 0xf5, 0xfe, 0xc2], "vpaddd ymm0, ymm1, ymm2"),
            (
                &[0xc4, 0xe2, 0xe9, 0x92, 0x44, 0x88, 4],
                "vgatherdpd xmm0, qword ptr [rax + xmm1*4 + 0x4], xmm2",
            ),
            (&[0xd9, 0xc9], "fxch st(0), st(1)"),
            (&[0xdb, 0x6c, 0x24, 0x10], "fld tbyte ptr [rsp + 0x10]"),
            (&[0x66, 0x48, 0x0f, 0x6e, 0xc1], "movq xmm0, rcx"),
            (&[0xc8, 0x10, 0, 1], "enter 0x10, 0x1"),
            (&[0x06], ".byte 0x06"),
        ] {
            assert_eq!(text(code), expected, "{code:02x?}");
        }
    }
}
