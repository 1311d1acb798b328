//! Prefixes and the opcode.

use super::insn::{Prefixes, Segment};
use super::operand::Reader;
use super::{Bits, Undecoded};

/// What stands before ModRM.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) bits: Bits,
    pub(super) prefixes: Prefixes,
    /// 67.
    pub(super) address: bool,
    pub(super) segment: Option<Segment>,
    /// REX's or VEX's bits: 8 for the middle field of ModRM, for the index, for the base.
    pub(super) r: u8,
    pub(super) x: u8,
    pub(super) b: u8,
    /// VEX.vvvv, as a number.
    pub(super) v: u8,
    /// VEX.L.
    pub(super) long: bool,
    /// 0: one byte, 1: 0f, 2: 0f38, 3: 0f3a; 4 to 6: the last three with VEX.
    pub(super) map: u8,
    pub(super) opcode: u8,
}

impl Head {
    /// Reads up to the opcode.
    pub(super) fn read(reader: &mut Reader<'_>, bits: Bits) -> Result<Self, Undecoded> {
        let mut head = Self {
            bits,
            prefixes: Prefixes(0),
            address: false,
            segment: None,
            r: 0,
            x: 0,
            b: 0,
            v: 0,
            long: false,
            map: 0,
            opcode: 0,
        };
        let (byte, rex) = head.legacy(reader)?;
        if rex != 0 {
            head.prefixes.0 |= Prefixes::REX | (rex >> 3 & 1) * Prefixes::W;
            head.extend(rex);
        }
        match byte {
            0x0f => {
                head.map = 1;
                head.opcode = reader.byte()?;
                if let map @ (0x38 | 0x3a) = head.opcode {
                    head.map = if map == 0x38 { 2 } else { 3 };
                    head.opcode = reader.byte()?;
                }
            }
            0xc4 | 0xc5 if bits == Bits::B64 || reader.peek()? >= 0xc0 => {
                head.vex(byte == 0xc4, reader)?;
            }
            // EVEX.
            0x62 if bits == Bits::B64 || reader.peek()? >= 0xc0 => {
                return Err(Undecoded::Undefined);
            }
            _ => head.opcode = byte,
        }
        Ok(head)
    }

    /// Reads the prefixes of one byte: the byte behind them, and REX where it counts.
    fn legacy(&mut self, reader: &mut Reader<'_>) -> Result<(u8, u8), Undecoded> {
        let mut rex = 0;
        loop {
            let byte = reader.byte()?;
            match byte {
                0x40..=0x4f if self.bits == Bits::B64 => {
                    rex = byte;
                    continue;
                }
                0x66 => self.prefixes.0 |= Prefixes::SIZE,
                0x67 => self.address = true,
                0xf0 => self.prefixes.0 |= Prefixes::LOCK,
                0xf2 => self.repeat(Prefixes::REPNE),
                0xf3 => self.repeat(Prefixes::REP),
                0x64 => self.segment = Some(Segment::Fs),
                0x65 => self.segment = Some(Segment::Gs),
                0x26 | 0x2e | 0x36 | 0x3e => {
                    // They have no effect in 64-bit mode, not even on the others.
                    if self.bits == Bits::B32 {
                        let all = [Segment::Es, Segment::Cs, Segment::Ss, Segment::Ds];
                        self.segment = Some(all[usize::from(byte >> 3 & 3)]);
                    }
                }
                _ => return Ok((byte, rex)),
            }
            // Only directly before the opcode does it count.
            rex = 0;
        }
    }

    fn repeat(&mut self, which: u8) {
        self.prefixes.0 = self.prefixes.0 & !(Prefixes::REP | Prefixes::REPNE) | which;
    }

    /// Takes the bits R, X and B from where REX has them.
    fn extend(&mut self, bits: u8) {
        self.r = bits << 1 & 8;
        self.x = bits << 2 & 8;
        self.b = bits << 3 & 8;
    }

    /// Reads what follows C4 or C5, and the opcode.
    fn vex(&mut self, long_form: bool, reader: &mut Reader<'_>) -> Result<(), Undecoded> {
        const NONE_OF: u8 =
            Prefixes::LOCK | Prefixes::REP | Prefixes::REPNE | Prefixes::SIZE | Prefixes::REX;
        if self.prefixes.any(NONE_OF) {
            return Err(Undecoded::Undefined);
        }
        self.prefixes.0 = Prefixes::VEX;
        let first = reader.byte()?;
        let mut last = first;
        self.map = 4;
        if long_form {
            last = reader.byte()?;
            self.map = match first & 31 {
                map @ 1..=3 => map + 3,
                _ => return Err(Undecoded::Undefined),
            };
            self.prefixes.0 |= (last >> 7) * Prefixes::W;
        }
        if self.bits == Bits::B64 {
            self.extend(!first >> 5 & if long_form { 7 } else { 4 });
        }
        self.v = !last >> 3 & 15;
        self.long = last & 4 != 0;
        self.prefixes.0 |= match last & 3 {
            0 => 0,
            1 => Prefixes::SIZE,
            2 => Prefixes::REP,
            _ => Prefixes::REPNE,
        };
        self.opcode = reader.byte()?;
        Ok(())
    }
}
