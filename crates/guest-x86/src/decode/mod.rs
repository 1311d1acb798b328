//! From bytes to [`Insn`].

mod insn;
mod operand;
mod prefix;
mod row;
pub(crate) mod search;
#[cfg(test)]
mod tests;

pub use crate::generated::feature::Feature;
pub use crate::generated::op::Op;
pub use insn::{Insn, Memory, Operand, Prefixes, Segment};
pub use row::{Attributes, FlagSet, Row, Rule};

use operand::Reader;
use prefix::Head;

/// The mode of the processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bits {
    /// 64-bit mode.
    B64,
    /// 32-bit code.
    B32,
}

/// Why there is no instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undecoded {
    /// It goes on behind the bytes that there are.
    Incomplete,
    /// Undefined (#UD).
    Undefined,
    /// It would have more than 15 bytes (#GP).
    TooLong,
}

/// Most bytes of an instruction.
pub const LENGTH_MAX: usize = 15;

/// Decodes the instruction at the start of `code`.
///
/// # Errors
/// If there is none.
pub fn decode(code: &[u8], bits: Bits) -> Result<Insn, Undecoded> {
    let mut reader = Reader { code, at: 0 };
    decode_at(&mut reader, bits).map_err(|error| match error {
        // The processor looks at 15 bytes only.
        Undecoded::Incomplete if code.len() >= LENGTH_MAX => Undecoded::TooLong,
        error => error,
    })
}

fn decode_at(reader: &mut Reader<'_>, bits: Bits) -> Result<Insn, Undecoded> {
    let head = Head::read(reader, bits)?;
    let entry = search::entry(&head);
    if entry == 0 {
        return Err(Undecoded::Undefined);
    }
    let modrm = if search::has_modrm(entry) { reader.byte()? } else { 0 };
    let op = search::find(entry, &head, modrm).ok_or(Undecoded::Undefined)?;
    let insn = operand::read(reader, &head, op, modrm)?;
    if reader.at > LENGTH_MAX { Err(Undecoded::TooLong) } else { Ok(insn) }
}
