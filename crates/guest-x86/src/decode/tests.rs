//! Single instructions. (All are compared with another decoder in `tests/iced.rs`.)

use super::*;

fn insn(code: &[u8]) -> Insn {
    decode(code, Bits::B64).expect("it is an instruction")
}

#[test]
fn operands_are_found() {
    let reg = |n, size| Operand::Reg { n, size };
    let add = insn(&[0x48, 0x01, 0xd8]);
    assert_eq!((add.op, add.len, add.operand_size), (Op::AddRmR, 3, 8));
    assert_eq!(add.operands[..2], [reg(0, 8), reg(3, 8)]);
    let high = insn(&[0x00, 0xe4]);
    assert_eq!(high.operands[..2], [Operand::High { n: 0 }, Operand::High { n: 0 }]);
    let rex = insn(&[0x40, 0x00, 0xe4]);
    assert_eq!(rex.operands[..2], [reg(4, 1), reg(4, 1)]);
    let load = insn(&[0x65, 0x4a, 0x8b, 0x84, 0xc8, 0x78, 0x56, 0x34, 0x12]);
    assert_eq!(load.operands[..2], [reg(0, 8), Operand::Mem { size: 8 }]);
    assert_eq!(load.segment, Some(Segment::Gs));
    let memory =
        Memory { base: Some(0), index: Some(9), scale: 3, rip: false, displacement: 0x1234_5678 };
    assert_eq!(load.memory, memory);
    let and = insn(&[0x66, 0x83, 0xe1, 0xf0]);
    assert_eq!((and.op, and.imm, and.operands[1]), (Op::AndRmImm8, -16, Operand::Imm));
    assert_eq!(insn(&[0x0f, 0x85, 0, 1, 0, 0]).condition, 5);
    let enter = insn(&[0xc8, 0x34, 0x92, 0xff]);
    assert_eq!((enter.imm, enter.imm2), (0x9234, 0xff));
}

#[test]
fn what_is_none_is_refused() {
    assert_eq!(decode(&[], Bits::B64), Err(Undecoded::Incomplete));
    assert_eq!(decode(&[0x48, 0x01], Bits::B64), Err(Undecoded::Incomplete));
    assert_eq!(decode(&[0x06], Bits::B64), Err(Undecoded::Undefined));
    // LOCK with a register, and where there is no such form.
    assert_eq!(decode(&[0xf0, 0x01, 0xd8], Bits::B64), Err(Undecoded::Undefined));
    assert_eq!(decode(&[0xf0, 0x8b, 0x00], Bits::B64), Err(Undecoded::Undefined));
    assert_eq!(insn(&[0xf0, 0x01, 0x18]).len, 3);
    let long = [0x66; 16];
    assert_eq!(decode(&long, Bits::B64), Err(Undecoded::TooLong));
}
