//! Instruction sets of prefixes, opcode bytes and a ModRM byte, as data.
//!
//! The grammar of a line:
//!
//! ```text
//! name  [[vec.]prefix.]map[.w]  bytes  operands...  [flags...]  [@feature...]  [marks...]  [>function[:Variant]]  # MNEMONIC
//! ```
//!
//! - `vec`: `v128`, `v256`, `vx` (either) or `vlig` (length ignored) for what has a VEX prefix.
//! - `prefix`: `66`, `f3`, `f2` (mandatory; the last two win over the first), `np` (none of the three), `nr`
//!   (no F2 and no F3: 66 is the operand size). Without one they are not looked at.
//! - `map`: `0f`, `0f38`, `0f3a`; none for opcodes of one byte. `w`: `w0`, `w1`.
//! - `bytes`: the opcode, with `+w` (two opcodes; the even one is of bytes), `+r` (eight, with a register's
//!   number) or `+cc` (sixteen, with a condition); then `/r` (a ModRM byte), `/0` to `/7` (its middle
//!   field is fixed) or a second byte, which is the whole ModRM.
//! - An operand is `access:KINDsize`: access `r`, `w`, `rw`, `cr`, `cw`, `crw` (`c`: perhaps), or `n` (only its
//!   address, or nothing, is used); [`Kind`] and [`Size`] say the rest. With a star in front it is
//!   implied: not written in assembly.
//! - `flags`: `r=` read, `w=` by the result, `0=`, `1=` set so, `u=` undefined; of C P A Z S O D I and x87's
//!   0 1 2 3. `k0`: kept when the count is 0. `x=`: floating-point exceptions (i d z o u p).
//! - marks: `lock` (allowed where the first operand is memory), `rep` (F2 and F3 repeat), `d64`
//!   (operands are of 64 bits in 64-bit mode, or of 16), `f64` (always of 64 there), `i64`, `o64` (invalid, valid
//!   only in 64-bit mode), `norexb`, `unal` (memory need not be aligned), `al` (must be), `reg`
//!   (ModRM must name a register),
//!   `!native` (not to be run by tests on the processor itself), `!missing`, `!nop`.
//! - A line without a function is known but not translated.
//! - Where two lines overlap the one with more conditions wins.
//! - The mnemonic may have alternatives for operands (that of the first operand with a variable size) of
//!   2, 4 and 8 bytes, or of 1, 2, 4 and 8: `CBW/CWDE/CDQE`.

mod generate;
mod parse;
mod row;

pub use generate::{Encoded, encode};
pub use parse::parse;
pub use row::{Access, Flags, Kind, Map, Mark, Modrm, OperandRule, Prefix, Row, Size, Suffix, Vex};
