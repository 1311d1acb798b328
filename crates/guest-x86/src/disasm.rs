//! Text of instructions, as Intel writes them.

use crate::decode::{Insn, Op};

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
