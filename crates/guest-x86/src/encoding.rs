//! The encodings as data: what `isa/x86.isa` says, for tools.

use crate::decode::Op;
use isa::Status;
use isa::opcode::Row;
use std::sync::LazyLock;

/// Every line that is not missing, in the order of [`Op`].
pub static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let mut rows = Vec::new();
    let read = isa::opcode::parse(include_str!("generated/table.isa"), &mut rows);
    debug_assert_eq!(read, Ok(()));
    rows.retain(|row| row.status != Status::Missing);
    rows
});

/// The line of `op`.
pub fn row(op: Op) -> &'static Row {
    &ROWS[op as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Bits, decode};
    use isa::Rng;
    use isa::opcode::{Mark, encode};

    #[test]
    fn every_line_has_encodings() {
        assert_eq!(ROWS.len(), Op::ALL.len());
        let mut rng = Rng::new(1);
        for op in Op::ALL.iter().filter(|op| !row(**op).has(Mark::Not64)) {
            let right = (0..2000)
                .filter(|_| {
                    let encoded = encode(row(*op), &mut rng);
                    let insn = decode(&encoded.bytes, Bits::B64);
                    insn.is_ok_and(|i| i.op == *op && usize::from(i.len) == encoded.bytes.len())
                })
                .count();
            // Some registers are not allowed; other lines are more specific.
            assert!(right > 200, "{op:?}: {right} of 2000");
        }
    }
}
