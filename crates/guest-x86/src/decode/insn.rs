//! A decoded instruction.

use super::Op;

/// Prefixes that matter to an instruction, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Prefixes(pub u8);

impl Prefixes {
    /// F0.
    pub const LOCK: u8 = 1;
    /// F3 is the last of F2 and F3.
    pub const REP: u8 = 2;
    /// F2 is.
    pub const REPNE: u8 = 4;
    /// 66.
    pub const SIZE: u8 = 8;
    /// 40 to 4f.
    pub const REX: u8 = 16;
    /// C4 or C5.
    pub const VEX: u8 = 32;
    /// REX.W or VEX.W.
    pub const W: u8 = 64;

    /// Whether one of these is there.
    #[inline]
    pub const fn any(self, bits: u8) -> bool {
        self.0 & bits != 0
    }
}

/// A segment register, as it is numbered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "they are the manuals' names")]
pub enum Segment {
    Es,
    Cs,
    Ss,
    Ds,
    Fs,
    Gs,
}

/// Where an operand is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(missing_docs, reason = "n is a number, size is in bytes")]
pub enum Operand {
    /// There is none.
    #[default]
    None,
    /// The low `size` bytes of general register `n`.
    Reg { n: u8, size: u8 },
    /// AH, CH, DH or BH (0 to 3).
    High { n: u8 },
    /// `size` bytes at [`Insn::memory`]; 0 if only the address is used.
    Mem { size: u16 },
    /// [`Insn::imm`], extended as the line says.
    Imm,
    /// A branch: [`Insn::imm`] is added to the next instruction's address.
    Rel,
    /// The low `size` bytes of vector register `n`.
    Vec { n: u8, size: u8 },
    /// The low `size` bytes of an MMX register.
    Mmx { n: u8, size: u8 },
    /// A register of the x87 stack, counted from its top.
    St { n: u8 },
    /// A segment register.
    Seg { n: u8 },
    /// `size` bytes at (e)si, in the segment.
    Src { size: u8 },
    /// `size` bytes at (e)di.
    Dst { size: u8 },
    /// Selector [`Insn::imm2`] and offset [`Insn::imm`].
    Far,
    /// A control register.
    Control { n: u8 },
    /// A debug register.
    Debug { n: u8 },
}

/// A memory operand: base + index << scale + displacement, in the instruction's address size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Memory {
    /// Register.
    pub base: Option<u8>,
    /// Register: a vector register for gathers.
    pub index: Option<u8>,
    /// The index is shifted by so many bits.
    pub scale: u8,
    /// The address of the next instruction is added.
    pub rip: bool,
    /// A constant.
    pub displacement: i64,
}

/// A decoded instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Insn {
    /// The line of the table.
    pub op: Op,
    /// Its bytes.
    pub len: u8,
    /// Bytes of operands of variable size: 1, 2, 4 or 8.
    pub operand_size: u8,
    /// Bytes of addresses: 2, 4 or 8.
    pub address_size: u8,
    /// Bytes of vectors: 16 or 32.
    pub vector_length: u8,
    /// Its prefixes.
    pub prefixes: Prefixes,
    /// An override that has an effect: of all six in 32-bit code, else of FS and GS only.
    pub segment: Option<Segment>,
    /// The condition (the opcode's lowest four bits) of lines that have one.
    pub condition: u8,
    /// ModRM.
    pub modrm: u8,
    /// The operands, destination first.
    pub operands: [Operand; 4],
    /// The memory operand.
    pub memory: Memory,
    /// The immediate.
    pub imm: i64,
    /// The second immediate.
    pub imm2: u16,
}

impl Insn {
    /// Flags that it reads, with the bit numbers of EFLAGS.
    pub fn flags_read(&self) -> u16 {
        let flags = &self.op.row().flags;
        flags.read | if flags.condition { condition_reads(self.condition) } else { 0 }
    }
    /// Flags that it may change.
    pub fn flags_changed(&self) -> u16 {
        let flags = &self.op.row().flags;
        flags.written | flags.zero | flags.one | flags.undefined
    }
}

/// The flags that a condition tests.
fn condition_reads(condition: u8) -> u16 {
    const C: u16 = 1;
    const P: u16 = 1 << 2;
    const Z: u16 = 1 << 6;
    const S: u16 = 1 << 7;
    const O: u16 = 1 << 11;
    [O, C, Z, C | Z, S, P, S | O, S | O | Z][usize::from(condition >> 1 & 7)]
}
