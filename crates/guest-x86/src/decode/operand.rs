//! Operands, displacements and immediates.

use super::insn::{Insn, Memory, Operand, Prefixes};
use super::prefix::Head;
use super::row::{Attributes, Row, Rule};
use super::{Bits, Op, Undecoded};
use isa::opcode::{Kind, Size};

/// Reads bytes of code.
pub(super) struct Reader<'a> {
    pub(super) code: &'a [u8],
    /// Bytes read.
    pub(super) at: usize,
}

impl Reader<'_> {
    /// The next byte.
    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Undecoded> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }
    /// It again.
    #[inline]
    pub(super) fn peek(&self) -> Result<u8, Undecoded> {
        self.code.get(self.at).copied().ok_or(Undecoded::Incomplete)
    }
    /// A number of `size` bytes with sign.
    #[inline]
    fn signed(&mut self, size: u8) -> Result<i64, Undecoded> {
        let bytes = self.code.get(self.at..self.at + usize::from(size));
        let bytes = bytes.ok_or(Undecoded::Incomplete)?;
        self.at += usize::from(size);
        Ok(match *bytes {
            [a] => i64::from(a.cast_signed()),
            [a, b] => i64::from(i16::from_le_bytes([a, b])),
            [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => 0,
        })
    }
}

/// Reads what follows ModRM.
pub(super) fn read(
    reader: &mut Reader<'_>,
    head: &Head,
    op: Op,
    modrm: u8,
) -> Result<Insn, Undecoded> {
    let row = op.row();
    let attributes = row.attributes;
    let mut insn = Insn {
        op,
        len: 0,
        operand_size: operand_size(head, row),
        address_size: address_size(head),
        vector_length: if head.long { 32 } else { 16 },
        prefixes: head.prefixes,
        segment: head.segment,
        condition: head.opcode & 15,
        modrm,
        operands: [Operand::None; 4],
        memory: Memory::default(),
        imm: 0,
        imm2: 0,
    };
    if head.prefixes.any(Prefixes::VEX) && head.v != 0 && !attributes.any(Attributes::VVVV) {
        return Err(Undecoded::Undefined);
    }
    // Displacements come before immediates.
    let rules = &row.operands[..usize::from(row.count)];
    if modrm < 0xc0 && rules.iter().any(|rule| by_modrm(rule.kind)) {
        insn.memory = memory(reader, head, modrm, attributes)?;
    }
    for (operand, rule) in insn.operands.iter_mut().zip(rules) {
        *operand = place(
            head,
            rule,
            modrm,
            attributes,
            reader,
            &mut Parts {
                operand_size: insn.operand_size,
                address_size: insn.address_size,
                memory: &mut insn.memory,
                imm: &mut insn.imm,
                imm2: &mut insn.imm2,
            },
        )?;
    }
    if attributes.any(Attributes::VECTOR_INDEX) && overlap(&insn) {
        return Err(Undecoded::Undefined);
    }
    let lockable =
        attributes.any(Attributes::LOCK) && matches!(insn.operands[0], Operand::Mem { .. });
    if head.prefixes.any(Prefixes::LOCK) && !lockable {
        return Err(Undecoded::Undefined);
    }
    insn.len = reader.at as u8;
    Ok(insn)
}

/// Whether two of a gather's destination, index and mask are one register.
fn overlap(insn: &Insn) -> bool {
    let number = |operand: Operand| match operand {
        Operand::Vec { n, .. } => Some(n),
        _ => None,
    };
    let [destination, _, mask, _] = insn.operands.map(number);
    let index = insn.memory.index;
    destination == index || mask == index || destination == mask
}

/// What operands are made of besides the head.
struct Parts<'a> {
    operand_size: u8,
    address_size: u8,
    memory: &'a mut Memory,
    imm: &'a mut i64,
    imm2: &'a mut u16,
}

/// Whether ModRM says whether it is memory.
const fn by_modrm(kind: Kind) -> bool {
    matches!(kind, Kind::E | Kind::M | Kind::W | Kind::Q | Kind::Vm)
}

fn operand_size(head: &Head, row: &Row) -> u8 {
    let attributes = row.attributes;
    // Of lines that are only for bytes.
    let byte = matches!(row.operands[0], Rule { kind: Kind::E, size: Size::B, .. });
    let long = head.bits == Bits::B64;
    if byte && row.count > 0 || attributes.any(Attributes::WIDTH) && head.opcode & 1 == 0 {
        1
    } else if long && (head.prefixes.any(Prefixes::W) || attributes.any(Attributes::FORCE64)) {
        8
    } else if head.prefixes.any(Prefixes::SIZE) && !head.prefixes.any(Prefixes::VEX) {
        2
    } else if long && attributes.any(Attributes::DEFAULT64) {
        8
    } else {
        4
    }
}

fn address_size(head: &Head) -> u8 {
    match (head.bits, head.address) {
        (Bits::B64, false) => 8,
        (Bits::B32, true) => 2,
        _ => 4,
    }
}

/// The memory operand that ModRM names.
fn memory(
    reader: &mut Reader<'_>,
    head: &Head,
    modrm: u8,
    attributes: Attributes,
) -> Result<Memory, Undecoded> {
    let (mode, rm) = (modrm >> 6, modrm & 7);
    if head.bits == Bits::B32 && head.address {
        return memory16(reader, mode, rm);
    }
    let mut memory = Memory { base: Some(rm | head.b), ..Memory::default() };
    let vector = attributes.any(Attributes::VECTOR_INDEX);
    let mut base = rm;
    if rm == 4 {
        let sib = reader.byte()?;
        let index = sib >> 3 & 7 | head.x;
        memory.index = (vector || index != 4).then_some(index);
        memory.scale = sib >> 6;
        memory.base = Some(sib & 7 | head.b);
        base = sib & 7;
    } else if vector {
        return Err(Undecoded::Undefined);
    }
    memory.displacement = match mode {
        0 if base == 5 => {
            memory.base = None;
            memory.rip = rm == 5 && head.bits == Bits::B64;
            reader.signed(4)?
        }
        0 => 0,
        1 => reader.signed(1)?,
        _ => reader.signed(4)?,
    };
    Ok(memory)
}

/// That of 16-bit addresses.
fn memory16(reader: &mut Reader<'_>, mode: u8, rm: u8) -> Result<Memory, Undecoded> {
    const BX: u8 = 3;
    const BP: u8 = 5;
    const SI: u8 = 6;
    const DI: u8 = 7;
    let (base, index) = [
        (Some(BX), Some(SI)),
        (Some(BX), Some(DI)),
        (Some(BP), Some(SI)),
        (Some(BP), Some(DI)),
        (Some(SI), None),
        (Some(DI), None),
        (Some(BP), None),
        (Some(BX), None),
    ][usize::from(rm)];
    let absolute = mode == 0 && rm == 6;
    let displacement = match mode {
        0 if !absolute => 0,
        1 => reader.signed(1)?,
        _ => reader.signed(2)?,
    };
    let base = if absolute { None } else { base };
    Ok(Memory { base, index, displacement, ..Memory::default() })
}

/// An operand; reads its immediate.
#[inline]
fn place(
    head: &Head,
    rule: &Rule,
    modrm: u8,
    attributes: Attributes,
    reader: &mut Reader<'_>,
    parts: &mut Parts<'_>,
) -> Result<Operand, Undecoded> {
    let (middle, last) = (modrm >> 3 & 7, modrm & 7);
    let size = size(rule.size, head, parts, modrm);
    let byte_high = !head.prefixes.any(Prefixes::REX | Prefixes::VEX);
    let general = |n: u8| match size {
        1 if byte_high && n & 12 == 4 => Operand::High { n: n & 3 },
        _ => Operand::Reg { n, size: size as u8 },
    };
    let vector = |n: u8| Operand::Vec { n, size: size as u8 };
    let is_memory = modrm < 0xc0;
    let vvvv = head.v & if head.bits == Bits::B64 { 15 } else { 7 };
    Ok(match rule.kind {
        Kind::E | Kind::W | Kind::Q | Kind::M | Kind::Vm if is_memory => Operand::Mem { size },
        Kind::E | Kind::R | Kind::RAny | Kind::M | Kind::Vm => general(last | head.b),
        Kind::G => general(middle | head.r),
        Kind::B => general(vvvv),
        Kind::Z => general(head.opcode & 7 | head.b),
        Kind::W | Kind::U => vector(last | head.b),
        Kind::V => vector(middle | head.r),
        Kind::H => vector(vvvv),
        Kind::Q | Kind::N => Operand::Mmx { n: last, size: size as u8 },
        Kind::P => Operand::Mmx { n: middle, size: size as u8 },
        Kind::T => Operand::St { n: last },
        Kind::L | Kind::I | Kind::Is | Kind::J | Kind::A | Kind::O => {
            behind(head, rule, size, attributes, reader, parts)?
        }
        Kind::Xlat => {
            parts.memory.base = Some(3);
            Operand::Mem { size }
        }
        // There are no others; CS cannot be loaded.
        Kind::S if middle > 5 || middle == 1 && rule.access & 2 != 0 => {
            return Err(Undecoded::Undefined);
        }
        Kind::S => Operand::Seg { n: middle },
        Kind::Cr if !matches!(middle | head.r, 0 | 2..=4 | 8) => return Err(Undecoded::Undefined),
        Kind::Dr if head.r != 0 => return Err(Undecoded::Undefined),
        Kind::Cr => Operand::Control { n: middle | head.r },
        Kind::Dr => Operand::Debug { n: middle | head.r },
        Kind::One => {
            *parts.imm = 1;
            Operand::Imm
        }
        kind => fixed(kind, size as u8),
    })
}

/// An operand that stands behind ModRM and its displacement.
fn behind(
    head: &Head,
    rule: &Rule,
    size: u16,
    attributes: Attributes,
    reader: &mut Reader<'_>,
    parts: &mut Parts<'_>,
) -> Result<Operand, Undecoded> {
    Ok(match rule.kind {
        Kind::L => {
            let byte = reader.byte()?;
            *parts.imm = i64::from(byte & 15);
            let n = byte >> 4 & if head.bits == Bits::B64 { 15 } else { 7 };
            Operand::Vec { n, size: size as u8 }
        }
        Kind::I | Kind::Is => immediate(rule, size, attributes, reader, parts)?,
        Kind::J => {
            *parts.imm = reader.signed(size as u8)?;
            Operand::Rel
        }
        Kind::A => {
            *parts.imm = reader.signed(size as u8 - 2)?;
            *parts.imm2 = reader.signed(2)? as u16;
            Operand::Far
        }
        _ => {
            parts.memory.displacement = reader.signed(parts.address_size)?;
            Operand::Mem { size }
        }
    })
}

/// An operand that does not depend on the encoding.
fn fixed(kind: Kind, size: u8) -> Operand {
    match kind {
        Kind::X => Operand::Src { size },
        Kind::Y | Kind::Yd => Operand::Dst { size },
        Kind::V0 => Operand::Vec { n: 0, size },
        Kind::T0 => Operand::St { n: 0 },
        Kind::Ah => Operand::High { n: 0 },
        Kind::Ax => Operand::Reg { n: 0, size },
        Kind::Cx => Operand::Reg { n: 1, size },
        Kind::Dx => Operand::Reg { n: 2, size },
        Kind::Bx => Operand::Reg { n: 3, size },
        Kind::Sp => Operand::Reg { n: 4, size },
        Kind::Bp => Operand::Reg { n: 5, size },
        Kind::Si => Operand::Reg { n: 6, size },
        Kind::Di => Operand::Reg { n: 7, size },
        Kind::R11 => Operand::Reg { n: 11, size },
        Kind::Es => Operand::Seg { n: 0 },
        Kind::Cs => Operand::Seg { n: 1 },
        Kind::Ss => Operand::Seg { n: 2 },
        Kind::Ds => Operand::Seg { n: 3 },
        Kind::Fs => Operand::Seg { n: 4 },
        Kind::Gs => Operand::Seg { n: 5 },
        _ => Operand::None,
    }
}

/// An immediate: bytes and words are zero-extended unless the line says otherwise.
fn immediate(
    rule: &Rule,
    size: u16,
    attributes: Attributes,
    reader: &mut Reader<'_>,
    parts: &mut Parts<'_>,
) -> Result<Operand, Undecoded> {
    let value = reader.signed(size as u8)?;
    let fixed = matches!(rule.size, Size::B | Size::W);
    let value = match (rule.kind, size) {
        (Kind::I, 1) if fixed => value & 0xff,
        (Kind::I, 2) if fixed => value & 0xffff,
        _ => value,
    };
    // The second one of ENTER.
    if attributes.any(Attributes::SECOND) && rule.size == Size::B {
        *parts.imm2 = value as u16;
    } else {
        *parts.imm = value;
    }
    Ok(Operand::Imm)
}

/// Bytes of an operand.
#[inline]
fn size(size: Size, head: &Head, parts: &Parts<'_>, modrm: u8) -> u16 {
    let long = head.bits == Bits::B64;
    let operand = u16::from(parts.operand_size);
    let vector = if head.long { 32 } else { 16 };
    let word = if long && head.prefixes.any(Prefixes::W) { 8 } else { 4 };
    let is_memory = modrm < 0xc0;
    let either = |memory, register| if is_memory { memory } else { register };
    match size {
        Size::None => 0,
        Size::B => 1,
        Size::W => 2,
        Size::D => 4,
        Size::Q => 8,
        Size::T => 10,
        Size::O => 16,
        Size::Y2 => 32,
        Size::V => operand,
        Size::Z => operand.min(4),
        Size::Y => word,
        Size::YByte => either(1, word),
        Size::YWord => either(2, word),
        Size::YDouble => either(4, word),
        Size::VWord => either(2, operand),
        Size::X => vector,
        Size::H => vector / 2,
        Size::F => vector / 4,
        Size::E => vector / 8,
        Size::P => operand + 2,
        Size::V2 => operand * 2,
        Size::A => u16::from(parts.address_size),
        Size::S => 4 << u16::from(long),
        Size::Table => 6 + 4 * u16::from(long),
        // The 16-bit forms lack 14 bytes.
        Size::Env => 28 - 14 * u16::from(operand == 2),
        Size::State => 108 - 14 * u16::from(operand == 2),
        Size::Fx => 512,
    }
}
