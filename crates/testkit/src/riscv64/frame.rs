//! Loads all registers before a case, and stores them after it.
//!
//! One register holds the record's address all the time: tp or gp, which the case's instructions
//! do not write. Which of them depends on the record, so that both are written in some cases.

use asm::riscv64 as rv;
use asm::{Assembler, Label, Reach};

use super::{FCSR, FLOATS, VCSR, VECTORS, VL, VSTART, VTYPE};
use crate::diff::program::CURRENT;
use crate::diff::record::{COUNTER, SIZE};
use crate::subject::{Common, Frame};

pub(super) const FRAME: Frame = Frame { common, begin, finish, context_pc: 176 };

const KEPT: [u32; 2] = [4, 3];
/// Bytes of what [`finish`] emits.
const FINISH: i32 = 12;

fn variant(record: u64) -> usize {
    (record / SIZE as u64 % 2) as usize
}

/// The register that a case with this record does not write.
pub(super) fn kept(record: u64) -> u32 {
    KEPT[variant(record)]
}

fn common(a: &mut Assembler) -> Vec<Common> {
    let one = |kept| {
        let load = a.here();
        load_registers(&mut a.code, kept);
        let store = a.here();
        store_registers(&mut a.code, kept);
        Common { load, store }
    };
    KEPT.into_iter().map(one).collect()
}

/// The end of the case goes into t0, and what is behind the jump into t5.
fn begin(a: &mut Assembler, common: &[Common], record: u64, end: Label) {
    super::li(&mut a.code, kept(record), record);
    let behind = a.label();
    a.reach(Reach::Address(5), end);
    a.reach(Reach::Address(30), behind);
    a.reach(Reach::Jump, common[variant(record)].load);
    a.place(behind);
    rv::push(&mut a.code, rv::ld(30, kept(record), 240));
}

fn finish(a: &mut Assembler, common: &[Common], record: u64) {
    let from = a.code.len();
    rv::push(&mut a.code, rv::sd(31, kept(record), 248));
    a.reach(Reach::Jump, common[variant(record)].store);
    debug_assert_eq!(a.code.len() - from, FINISH as usize);
}

fn append(code: &mut Vec<u8>, words: impl IntoIterator<Item = u32>) {
    words.into_iter().for_each(|word| rv::push(code, word));
}

/// Where a floating-point register is in a record.
fn float(n: u32) -> i32 {
    FLOATS as i32 + 8 * n.cast_signed()
}

/// Loads all registers but t5, and goes to it. There is no reservation then.
fn load_registers(code: &mut Vec<u8>, kept: u32) {
    super::li(code, 6, CURRENT);
    append(code, [rv::sd(5, 6, 0), rv::sd(kept, 6, 8), rv::sd(0, kept, COUNTER as i32)]);
    // sc.w t0, t0, (t1): where nothing was reserved.
    append(code, [0x1853_22af]);
    append(code, (0..32).map(|n| rv::fld(n, kept, float(n))));
    append(code, [rv::ld(5, kept, FCSR as i32), rv::csrw(rv::csr::FCSR, 5)]);
    append(code, [rv::addi(6, kept, VECTORS as i32)]);
    for n in (0..32).step_by(8) {
        append(code, [rv::vl8r(n, 6), rv::addi(6, 6, 128)]);
    }
    append(code, [rv::ld(5, kept, VCSR as i32), rv::csrw(rv::csr::VCSR, 5)]);
    append(code, [rv::ld(5, kept, VL as i32), rv::ld(6, kept, VTYPE as i32)]);
    append(code, [rv::vsetvl(0, 5, 6)]);
    let loaded = (1..32).filter(|n| ![kept, 30].contains(n));
    append(code, loaded.map(|n| rv::ld(n, kept, 8 * n.cast_signed())));
    append(code, [rv::jalr(0, 30, 0)]);
}

/// Stores all registers but t6, and goes on behind the end of the case.
fn store_registers(code: &mut Vec<u8>, kept: u32) {
    append(code, (1..31).map(|n| rv::sd(n, kept, 8 * n.cast_signed())));
    append(code, (0..32).map(|n| rv::fsd(n, kept, float(n))));
    append(code, [rv::csrr(5, rv::csr::FCSR), rv::sd(5, kept, FCSR as i32)]);
    append(code, [rv::csrw(rv::csr::FCSR, 0)]);
    for (csr, offset) in [
        (rv::csr::VL, VL),
        (rv::csr::VTYPE, VTYPE),
        (rv::csr::VSTART, VSTART),
        (rv::csr::VCSR, VCSR),
    ] {
        append(code, [rv::csrr(5, csr), rv::sd(5, kept, offset as i32)]);
    }
    append(code, [rv::csrw(rv::csr::VSTART, 0), rv::addi(6, kept, VECTORS as i32)]);
    for n in (0..32).step_by(8) {
        append(code, [rv::vs8r(n, 6), rv::addi(6, 6, 128)]);
    }
    super::li(code, 5, CURRENT);
    append(code, [rv::ld(5, 5, 0), rv::jalr(0, 5, FINISH)]);
}
