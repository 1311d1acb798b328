//! Shifts and rotations.

use crate::decode::{Insn, Operand};
use crate::liveness;
use crate::operand::{narrow, wide};
use crate::translator::Translator;
use guest::Flow;
pub(crate) use ir::ShiftKind as Op;
use ir::{OpCode, Ref, SIX_FLAGS, ShiftKind, Ty};

/// The count of a shift.
#[derive(Clone, Copy)]
enum Count {
    Constant(u64),
    Register(Ref),
}

impl Translator<'_> {
    fn shift_count(&mut self, i: &Insn, operand: Operand) -> Count {
        let mask = if i.operand_size == 8 { 63 } else { 31 };
        match operand {
            Operand::Reg { .. } => Count::Register(self.value(i, operand)),
            Operand::Imm => Count::Constant(i.imm as u64 & mask),
            _ => Count::Constant(1),
        }
    }
    /// ROL to SAR.
    pub(crate) fn shift(&mut self, kind: ShiftKind, i: &Insn) -> Flow {
        let [to, by, ..] = i.operands;
        let size = i.operand_size;
        let count = self.shift_count(i, by);
        let in_memory = Self::writes_memory(i);
        let count = match count {
            Count::Constant(0) => {
                // Nothing changes, but of 32 bits the upper half is cleared.
                let value = self.value(i, to);
                self.put(i, to, value);
                return Flow::Next;
            }
            Count::Constant(n) => self.imm(n),
            Count::Register(r) => r,
        };
        let constant = self.ir.known(count).is_some();
        let code = if constant && !kind.rotates() { OpCode::ShiftS } else { OpCode::ShiftKeepS };
        let aux = kind as u16 | SIX_FLAGS;
        let a = self.value(i, to);
        if !in_memory {
            let dst = self.result(to);
            match self.shift_without_flags(kind, size) {
                Some(code) => self.ir.bin(code, wide(size), dst, a, count),
                None => self.ir.bin_aux(code, narrow(size), dst, a, count, aux),
            }
            self.put_narrow(to, dst);
            return Flow::Next;
        }
        // The result comes first, since the flags may change only when it has been stored.
        let r = self.plain_shift(kind, size, a, count);
        self.put(i, to, r);
        if self.wants(liveness::ALL) {
            let unused = self.temp();
            self.ir.bin_aux(code, narrow(size), unused, a, count, aux);
        }
        Flow::Next
    }
    /// The operation that does the same if nobody wants the flags.
    fn shift_without_flags(&self, kind: ShiftKind, size: u8) -> Option<OpCode> {
        if !self.flagless() || size < 4 {
            return None;
        }
        match kind {
            ShiftKind::Shl => Some(OpCode::Shl),
            ShiftKind::Shr => Some(OpCode::Shr),
            ShiftKind::Sar => Some(OpCode::Sar),
            ShiftKind::Ror => Some(OpCode::Ror),
            _ => None,
        }
    }
    /// The result of a shift by any count, without touching the flags.
    fn plain_shift(&mut self, kind: ShiftKind, size: u8, a: Ref, count: Ref) -> Ref {
        let ty = wide(size);
        let bits = narrow(size).bits();
        let code = match kind {
            ShiftKind::Shl => OpCode::Shl,
            ShiftKind::Shr => OpCode::Shr,
            ShiftKind::Sar => OpCode::Sar,
            ShiftKind::Rol | ShiftKind::Ror if size < 4 => {
                // Copies of the operand fill 32 bits, which rotate as well.
                let mut wide = a;
                for shift in [8_u64, 16].into_iter().filter(|&shift| shift >= bits.into()) {
                    let up = self.make_imm(OpCode::Shl, Ty::I32, wide, shift);
                    wide = self.make(OpCode::Or, Ty::I32, wide, up);
                }
                return self.rotate(kind, Ty::I32, wide, count);
            }
            ShiftKind::Rol | ShiftKind::Ror => return self.rotate(kind, ty, a, count),
            // Through the carry: the flags are saved around the operation.
            ShiftKind::Rcl | ShiftKind::Rcr => {
                let flags = self.read_flags();
                let r = self.temp();
                let aux = kind as u16 | SIX_FLAGS;
                self.ir.bin_aux(OpCode::ShiftKeepS, narrow(size), r, a, count, aux);
                self.write_flags(flags);
                return r;
            }
        };
        let a = if kind == ShiftKind::Sar { self.sign_extend_to_32(a, size) } else { a };
        self.make(code, ty, a, count)
    }
    fn sign_extend_to_32(&mut self, a: Ref, size: u8) -> Ref {
        if size < 4 { self.sign_extend(a, size) } else { a }
    }
    fn rotate(&mut self, kind: ShiftKind, ty: Ty, a: Ref, count: Ref) -> Ref {
        let count = if kind == ShiftKind::Rol {
            let zero = self.imm(0);
            self.make(OpCode::Sub, Ty::I64, zero, count)
        } else {
            count
        };
        self.make(OpCode::Ror, ty, a, count)
    }
    /// SHLD, SHRD.
    pub(crate) fn shift_pair(&mut self, right: bool, i: &Insn) -> Flow {
        let [to, from, by, ..] = i.operands;
        let size = i.operand_size;
        let count = match self.shift_count(i, by) {
            Count::Constant(0) => {
                let value = self.value(i, to);
                self.put(i, to, value);
                return Flow::Next;
            }
            Count::Constant(n) => self.imm(n),
            Count::Register(r) => r,
        };
        let (a, b) = (self.value(i, to), self.value(i, from));
        let aux = u16::from(right) | SIX_FLAGS;
        if Self::writes_memory(i) {
            let flags = self.read_flags();
            let r = self.temp();
            self.ir.ter(OpCode::ShiftPairS, narrow(size), r, a, count, b, aux);
            let new = self.read_flags();
            self.write_flags(flags);
            self.put(i, to, r);
            self.write_flags(new);
        } else {
            let dst = self.result(to);
            self.ir.ter(OpCode::ShiftPairS, narrow(size), dst, a, count, b, aux);
            self.put_narrow(to, dst);
        }
        Flow::Next
    }
    /// SHLD.
    pub(crate) fn shld(&mut self, i: &Insn) -> Flow {
        self.shift_pair(false, i)
    }
    /// SHRD.
    pub(crate) fn shrd(&mut self, i: &Insn) -> Flow {
        self.shift_pair(true, i)
    }
    /// RORX: no flags.
    pub(crate) fn rorx(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let (a, by) = (self.value(i, from), self.imm(i.imm as u64));
        let dst = self.result(to);
        self.ir.bin(OpCode::Ror, wide(i.operand_size), dst, a, by);
        Flow::Next
    }
    /// SHLX, SHRX, SARX: no flags.
    pub(crate) fn shift_by(&mut self, code: OpCode, i: &Insn) -> Flow {
        let [to, from, by, ..] = i.operands;
        let (a, by) = (self.value(i, from), self.value(i, by));
        let dst = self.result(to);
        self.ir.bin(code, wide(i.operand_size), dst, a, by);
        Flow::Next
    }
    /// SHLX.
    pub(crate) fn shlx(&mut self, i: &Insn) -> Flow {
        self.shift_by(OpCode::Shl, i)
    }
    /// SHRX.
    pub(crate) fn shrx(&mut self, i: &Insn) -> Flow {
        self.shift_by(OpCode::Shr, i)
    }
    /// SARX.
    pub(crate) fn sarx(&mut self, i: &Insn) -> Flow {
        self.shift_by(OpCode::Sar, i)
    }
}
