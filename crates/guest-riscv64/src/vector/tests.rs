//! Vector instructions on a state.

use crate::Riscv64;
use crate::encoding::TABLE;
use crate::state::{SLOT_VCSR, SLOT_VL, SLOT_VSTART, SLOT_VTYPE, VILL};
use guest::{Bytes, Effect, Guest, MemFault, Mode, Space};
use ir::{Block, OpCode, State};

/// Some memory from address 0x1000 on.
struct Some64([u8; 64]);

const BASE: u64 = 0x1000;

impl Some64 {
    fn at(&mut self, addr: u64, len: usize) -> Option<&mut [u8]> {
        let offset = usize::try_from(addr.checked_sub(BASE)?).ok()?;
        self.0.get_mut(offset..offset + len)
    }
}

impl Space for Some64 {
    fn load(&mut self, addr: u64, out: &mut [u8]) -> Result<(), MemFault> {
        let fault = MemFault { addr, write: false };
        out.copy_from_slice(self.at(addr, out.len()).ok_or(fault)?);
        Ok(())
    }
    fn store(&mut self, addr: u64, bytes: &[u8]) -> Result<(), MemFault> {
        let fault = MemFault { addr, write: true };
        self.at(addr, bytes.len()).ok_or(fault)?.copy_from_slice(bytes);
        Ok(())
    }
}

/// A state with this vtype and vl, and v1 to v3 with some bytes.
fn state(vtype: u64, vl: u64) -> State {
    let mut state = State::new();
    state.int[usize::from(SLOT_VTYPE)] = vtype;
    state.int[usize::from(SLOT_VL)] = vl;
    state.vec[33] = 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100;
    state.vec[34] = 0x0101_0101_0101_0101_0101_0101_0101_01ff;
    state.vec[35] = u128::MAX;
    state
}

/// Executes an instruction by its name, with fields set.
fn execute(state: &mut State, space: &mut Some64, name: &str, fields: &[(&str, u64)]) -> Effect {
    let line = TABLE.named(name).expect("an instruction");
    let word = fields.iter().fold(line.value, |w, (field, value)| line.with(w, field, *value));
    let mut block = Block::default();
    let code = TABLE.encoding.bytes(word, 4);
    let mode = Mode { single: true, ..Mode::default() };
    Riscv64::PLAIN.translate(&mut Bytes { start: 0x100, code: &code }, 0x100, mode, &mut block);
    let op = block.ops.iter().find(|op| op.code == OpCode::Runtime).expect("leaves");
    let args = [block.const64(op.a).expect("the instruction"), 0];
    Riscv64::PLAIN.runtime(op.imm as u32, args, state, space)
}

const E8M1: u64 = 0;
const E32M1: u64 = 2 << 3;
const VVV: [(&str, u64); 4] = [("vm", 1), ("vs2", 1), ("vs1", 2), ("vd", 3)];

#[test]
fn elements_behind_vl_and_masked_off_ones_stay() {
    let memory = &mut Some64([0; 64]);
    let mut s = state(E8M1, 4);
    assert_eq!(execute(&mut s, memory, "vadd_vv", &VVV), Effect::None);
    assert_eq!(s.vec[35] as u64, 0xffff_ffff_0403_02ff);
    s = state(E8M1, 4);
    s.vec[32] = 0b0101;
    let masked = [("vm", 0), ("vs2", 1), ("vs1", 2), ("vd", 3)];
    assert_eq!(execute(&mut s, memory, "vadd_vv", &masked), Effect::None);
    assert_eq!(s.vec[35] as u64, 0xffff_ffff_ff03_ffff);
}

#[test]
fn reserved_operands_are_undefined() {
    let memory = &mut Some64([0; 64]);
    let undefined = |effect| matches!(effect, Effect::Trap { kind: 0, .. });
    assert!(undefined(execute(&mut state(VILL, 0), memory, "vadd_vv", &VVV)));
    // Groups of two start with even registers.
    assert!(undefined(execute(&mut state(1, 4), memory, "vadd_vv", &VVV)));
    // A wide destination may end with its source, not start with it.
    let wide = |vd, vs2| [("vm", 1), ("vs2", vs2), ("vs1", 8), ("vd", vd)];
    assert!(undefined(execute(&mut state(E8M1, 4), memory, "vwadd_vv", &wide(4, 4))));
    assert!(!undefined(execute(&mut state(E8M1, 4), memory, "vwadd_vv", &wide(4, 5))));
}

#[test]
fn saturation_is_noted() {
    let memory = &mut Some64([0; 64]);
    let mut s = state(E8M1, 1);
    s.vec[33] = 2;
    assert_eq!(execute(&mut s, memory, "vsaddu_vv", &VVV), Effect::None);
    assert_eq!((s.vec[35] as u8, s.int[usize::from(SLOT_VCSR)]), (0xff, 1));
}

#[test]
fn faults_say_at_which_element() {
    let memory = &mut Some64([7; 64]);
    let mut s = state(E32M1, 4);
    s.int[5] = BASE + 64 - 8;
    let load = [("vm", 1), ("rs1", 5), ("vd", 3), ("nf", 0)];
    let fault = MemFault { addr: BASE + 64, write: false };
    assert_eq!(execute(&mut s, memory, "vle32_v", &load), Effect::Fault(fault));
    assert_eq!(s.int[usize::from(SLOT_VSTART)], 2);
    assert_eq!(s.vec[35], u128::MAX << 64 | 0x0707_0707_0707_0707);
    // Restarted, it goes on from there.
    s.int[5] = BASE;
    s.vec[35] = 0;
    assert_eq!(execute(&mut s, memory, "vle32_v", &load), Effect::None);
    assert_eq!((s.vec[35] as u64, s.int[usize::from(SLOT_VSTART)]), (0, 0));
    assert_eq!((s.vec[35] >> 64) as u64, 0x0707_0707_0707_0707);
    // A load that faults at its first element only becomes shorter.
    s.int[5] = BASE + 64 - 8;
    assert_eq!(execute(&mut s, memory, "vle32ff_v", &load), Effect::None);
    assert_eq!(s.int[usize::from(SLOT_VL)], 2);
    s.int[5] = BASE + 64;
    assert_eq!(execute(&mut s, memory, "vle32ff_v", &load), Effect::Fault(fault));
}

#[test]
fn segments_are_taken_apart() {
    let memory = &mut Some64(std::array::from_fn(|n| n as u8));
    let mut s = state(E8M1, 3);
    s.int[5] = BASE;
    let load = [("vm", 1), ("rs1", 5), ("vd", 4), ("nf", 1)];
    assert_eq!(execute(&mut s, memory, "vle8_v", &load), Effect::None);
    assert_eq!((s.vec[36], s.vec[37]), (0x04_02_00, 0x05_03_01));
    let store = [("vm", 1), ("rs1", 5), ("vs3", 4), ("nf", 1), ("rs2", 6)];
    s.int[6] = 16;
    assert_eq!(execute(&mut s, memory, "vsse8_v", &store), Effect::None);
    assert_eq!(memory.0[16..18], [2, 3]);
}
