//! Loads and stores of integers, fences and cache blocks. Misaligned accesses are ordinary ones.

use crate::field::XReg;
use crate::runtime;
use crate::{Flow, Translator};
use ir::{Access, OpCode, Ref, Ty};

macro_rules! load {
    ($($name:ident $size:literal $signed:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, imm: i32, rs1: XReg, rd: XReg) -> Flow {
            let (dst, a) = (self.x_out(rd), self.x(rs1));
            let access = Access { sext: if $signed { 64 } else { 0 }, ..Access::new($size) };
            self.ir.ld(dst, a, Ref::NONE, imm, access);
            if $size < 2 || $size == 2 && $signed {
                self.known.set_narrow(rd);
            }
            Flow::Next
        }
    )* } };
}
macro_rules! store {
    ($($name:ident $size:literal;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, imm: i32, rs2: XReg, rs1: XReg) -> Flow {
            let (value, a) = (self.x(rs2), self.x(rs1));
            self.ir.st(value, a, Ref::NONE, imm, Access::new($size));
            Flow::Next
        }
    )* } };
}
load! { lb 0 true; lh 1 true; lw 2 true; ld 3 false; lbu 0 false; lhu 1 false; lwu 2 false; }
store! { sb 0; sh 1; sw 2; sd 3; }

/// Bits of FENCE's sets: device input and output count as reads and writes.
const READ: u8 = 0b1010;
const WRITE: u8 = 0b0101;

impl Translator<'_> {
    /// FENCE.
    pub(crate) fn fence(&mut self, fm: u8, pred: u8, succ: u8, _rs1: XReg, _rd: XReg) -> Flow {
        let _ = fm;
        if pred & WRITE != 0 && succ & READ != 0 {
            self.barrier(0);
        } else {
            if pred & READ != 0 && succ != 0 {
                self.barrier(1);
            }
            if pred & WRITE != 0 && succ & WRITE != 0 {
                self.barrier(2);
            }
        }
        Flow::Next
    }
    fn barrier(&mut self, kind: u16) {
        let none = Ref::NONE;
        self.ir.emit(OpCode::Fence, Ty::I64, none, none, none, none, kind, 0);
    }
    /// FENCE.TSO: all but stores before later loads.
    pub(crate) fn fence_tso(&mut self, _rs1: XReg, _rd: XReg) -> Flow {
        self.barrier(1);
        self.barrier(2);
        Flow::Next
    }
    /// FENCE.I.
    pub(crate) fn fence_i(&mut self, _imm: i32, _rs1: XReg, _rd: XReg) -> Flow {
        self.runtime(runtime::INVALIDATE, Ref::NONE, Ref::NONE)
    }
    /// WRS.NTO: another thread is to do something first.
    pub(crate) fn wrs_nto(&mut self) -> Flow {
        self.runtime(runtime::YIELD, Ref::NONE, Ref::NONE)
    }
    /// WRS.STO.
    pub(crate) fn wrs_sto(&mut self) -> Flow {
        self.wrs_nto()
    }

    /// A cache operation without effect on memory; it faults where a load would.
    fn cache_block(&mut self, rs1: XReg) -> Flow {
        let (t, a) = (self.temp(), self.x(rs1));
        self.ir.ld(t, a, Ref::NONE, 0, Access::new(0));
        Flow::Next
    }
    /// CBO.INVAL: Linux makes it a flush.
    pub(crate) fn cbo_inval(&mut self, rs1: XReg) -> Flow {
        self.cache_block(rs1)
    }
    /// CBO.CLEAN.
    pub(crate) fn cbo_clean(&mut self, rs1: XReg) -> Flow {
        self.cache_block(rs1)
    }
    /// CBO.FLUSH.
    pub(crate) fn cbo_flush(&mut self, rs1: XReg) -> Flow {
        self.cache_block(rs1)
    }
    /// CBO.ZERO: of 64 bytes.
    pub(crate) fn cbo_zero(&mut self, rs1: XReg) -> Flow {
        let a = self.x(rs1);
        self.ir.un(OpCode::ZeroBlock, Ty::I64, Ref::NONE, a);
        Flow::Next
    }
}
