//! Control and status registers: Zicsr and Zicntr. (The counters of Zihpm are undefined: Linux lets
//! programs read them only through events of perf.)

use crate::cpu::Features;
use crate::field::XReg;
use crate::runtime;
use crate::state::{SLOT_VCSR, SLOT_VL, SLOT_VSTART, SLOT_VTYPE};
use crate::vector::VLEN;
use crate::{Flow, Translator};
use ir::state::{SLOT_FPCR, SLOT_FPSR};
use ir::{Op, OpCode, Ref, Ty};

/// A register that programs may use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Csr {
    Fflags,
    Frm,
    Fcsr,
    /// cycle, time, instret: all count nanoseconds.
    Counter,
    /// vl and vtype.
    Slot(u16),
    /// vlenb.
    VectorBytes,
    Vstart,
    Vxsat,
    Vxrm,
    Vcsr,
}

/// In the aux of `FCmpSet`.
const SIGNALLING: u16 = 1 << 7;

/// Which register has this number, if the processor has it.
fn register(t: &Translator<'_>, number: u32) -> Option<Csr> {
    let (csr, feature) = match number {
        0x001 => (Csr::Fflags, Features::F),
        0x002 => (Csr::Frm, Features::F),
        0x003 => (Csr::Fcsr, Features::F),
        0xc00..=0xc02 => (Csr::Counter, Features::ZICNTR),
        0x008 => (Csr::Vstart, Features::V),
        0x009 => (Csr::Vxsat, Features::V),
        0x00a => (Csr::Vxrm, Features::V),
        0x00f => (Csr::Vcsr, Features::V),
        0xc20 => (Csr::Slot(SLOT_VL), Features::V),
        0xc21 => (Csr::Slot(SLOT_VTYPE), Features::V),
        0xc22 => (Csr::VectorBytes, Features::V),
        _ => return None,
    };
    (!t.lacks(feature)).then_some(csr)
}

/// What becomes of the old value and the operand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Write,
    Set,
    Clear,
}

macro_rules! change {
    ($($name:ident $immediate:ident $change:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, csr: u32, rs1: XReg, rd: XReg) -> Flow {
            let writes = Change::$change == Change::Write || rs1 != XReg::ZERO;
            let operand = self.x(rs1);
            self.change(csr, Change::$change, writes.then_some(operand), rd)
        }
        pub(crate) fn $immediate(&mut self, csr: u32, uimm: u64, rd: XReg) -> Flow {
            let writes = Change::$change == Change::Write || uimm != 0;
            let operand = self.imm(uimm);
            self.change(csr, Change::$change, writes.then_some(operand), rd)
        }
    )* } };
}
change! { csrrw csrrwi Write; csrrs csrrsi Set; csrrc csrrci Clear; }

impl Translator<'_> {
    fn change(&mut self, number: u32, change: Change, operand: Option<Ref>, rd: XReg) -> Flow {
        let Some(csr) = register(self, number) else { return Flow::Undefined };
        let read_only = number >> 10 == 3;
        if read_only && operand.is_some() {
            return Flow::Undefined;
        }
        if let (Csr::Fflags, Change::Write, Some(operand), XReg::ZERO) = (csr, change, operand, rd)
            && self.compares_quietly(operand)
        {
            return Flow::Next;
        }
        // The operand may be the register that is to be overwritten.
        let old = match (change, operand, rd) {
            (Change::Write, _, XReg::ZERO) => Ref::NONE,
            _ => self.read_csr(csr),
        };
        let new = operand.map(|operand| {
            let new = self.temp();
            match change {
                Change::Write => self.ir.mov(Ty::I64, new, operand),
                Change::Set => self.ir.bin(OpCode::Or, Ty::I64, new, old, operand),
                Change::Clear => self.ir.bin(OpCode::AndNot, Ty::I64, new, old, operand),
            }
            new
        });
        if rd != XReg::ZERO {
            let dst = self.x_out(rd);
            self.ir.mov(Ty::I64, dst, old);
        }
        match new {
            Some(new) => self.write_csr(csr, new),
            None => Flow::Next,
        }
    }

    /// How compilers compare without raising "invalid": FRFLAGS, FLT or FLE, FSFLAGS, which is this
    /// instruction. If so the compare becomes a quiet one, and no flags need be written: a signalling NaN
    /// makes it leave to the evaluator, which executes all three as they are written.
    fn compares_quietly(&mut self, saved: Ref) -> bool {
        let ops = &mut self.ir.block.ops;
        let [.., read, _, _, save, insn, compare, last] = ops.as_mut_slice() else { return false };
        let found = read.code == OpCode::ReadFpStatus
            && (save.code, save.dst) == (OpCode::Mov, saved)
            && insn.code == OpCode::Insn
            && compare.code == OpCode::FCmpSet
            && compare.dst != saved
            && last.code == OpCode::Insn
            && !self.evaluated;
        if found {
            compare.aux &= !SIGNALLING;
        }
        found
    }
    fn read_csr(&mut self, csr: Csr) -> Ref {
        match csr {
            Csr::Slot(slot) => Ref::slot(slot),
            Csr::VectorBytes => self.imm(u64::from(VLEN / 8)),
            Csr::Vstart => Ref::slot(SLOT_VSTART),
            Csr::Vcsr => Ref::slot(SLOT_VCSR),
            Csr::Vxsat => self.cut_out(Ref::slot(SLOT_VCSR), 0, 1),
            Csr::Vxrm => self.cut_out(Ref::slot(SLOT_VCSR), 1, 2),
            Csr::Counter => {
                let t = self.temp();
                self.ir.push(Op { dst: t, ..Op::new(OpCode::Counter, Ty::I64) });
                t
            }
            Csr::Frm => Ref::slot(SLOT_FPCR),
            Csr::Fflags => self.read_flags(),
            Csr::Fcsr => {
                let (flags, both) = (self.read_flags(), self.temp());
                let rounding = Ref::slot(SLOT_FPCR);
                self.ir.bin_aux(OpCode::Bfi, Ty::I64, both, flags, rounding, 5 | 3 << 8);
                both
            }
        }
    }
    /// The exception flags in the order of fflags, which is the reverse of the IR's.
    fn read_flags(&mut self) -> Ref {
        let status = self.temp();
        self.ir.push(Op { dst: status, ..Op::new(OpCode::ReadFpStatus, Ty::I64) });
        self.reversed(status)
    }
    /// The low five bits in reverse order, zeros above.
    fn reversed(&mut self, value: Ref) -> Ref {
        let (all, low, n) = (self.temp(), self.temp(), self.imm(59));
        self.ir.un(OpCode::Rbit, Ty::I64, all, value);
        self.ir.bin(OpCode::Shr, Ty::I64, low, all, n);
        low
    }
    fn write_flags(&mut self, value: Ref) {
        // What else is in the status is kept (saturation).
        let new = self.temp();
        let flags = self.reversed(value);
        self.ir.bin_aux(OpCode::Bfi, Ty::I64, new, Ref::slot(SLOT_FPSR), flags, 5 << 8);
        self.ir.un(OpCode::WriteFpStatus, Ty::I64, Ref::NONE, new);
    }
    fn write_rounding(&mut self, value: Ref, lsb: u16) -> Flow {
        let control = Ref::slot(SLOT_FPCR);
        self.ir.un_aux(OpCode::Ubfx, Ty::I64, control, value, lsb | 3 << 8);
        self.runtime(runtime::CONTROL, Ref::NONE, Ref::NONE)
    }
    /// `width` bits of a register from `lsb` on.
    fn cut_out(&mut self, register: Ref, lsb: u16, width: u16) -> Ref {
        let t = self.temp();
        self.ir.un_aux(OpCode::Ubfx, Ty::I64, t, register, lsb | width << 8);
        t
    }
    /// Sets a register of `width` bits.
    fn keep(&mut self, slot: u16, value: Ref, width: u16) -> Flow {
        self.ir.un_aux(OpCode::Ubfx, Ty::I64, Ref::slot(slot), value, width << 8);
        Flow::Next
    }
    /// Sets `width` bits of a register from `lsb` on.
    fn replace(&mut self, slot: u16, value: Ref, lsb: u16, width: u16) -> Flow {
        let register = Ref::slot(slot);
        self.ir.bin_aux(OpCode::Bfi, Ty::I64, register, register, value, lsb | width << 8);
        Flow::Next
    }
    fn write_csr(&mut self, csr: Csr, value: Ref) -> Flow {
        match csr {
            Csr::Fflags => {
                self.write_flags(value);
                Flow::Next
            }
            Csr::Frm => self.write_rounding(value, 0),
            Csr::Fcsr => {
                self.write_flags(value);
                self.write_rounding(value, 5)
            }
            Csr::Vstart => {
                self.knows(None);
                self.keep(SLOT_VSTART, value, VLEN.ilog2() as u16)
            }
            Csr::Vcsr => self.keep(SLOT_VCSR, value, 3),
            Csr::Vxsat => self.replace(SLOT_VCSR, value, 0, 1),
            Csr::Vxrm => {
                if let Some(mode) = self.ir.known(value) {
                    self.vxrm = (mode & 3) as u8;
                }
                self.replace(SLOT_VCSR, value, 1, 2)
            }
            Csr::Counter | Csr::Slot(_) | Csr::VectorBytes => Flow::Undefined,
        }
    }
}
