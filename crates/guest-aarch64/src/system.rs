//! System instructions: registers, hints, barriers, cache maintenance, operations on the flags.

use crate::cpu::{self, Features};
use crate::field::XZr;
use crate::runtime;
use crate::{Flow, Translator};
use ir::state::{SLOT_FPCR, SLOT_TP};
use ir::{Cond, ExitKind, OpCode, Ref, Ty};

/// Slot of the PSTATE bits that programs may set but that change nothing here: DIT, SSBS.
const SLOT_PSTATE: u16 = 39;
const PSTATE_DIT: u64 = 1 << 24;
const PSTATE_SSBS: u64 = 1 << 12;
/// FPCR bits that exist: AHP, DN, FZ, RMode, FZ16.
const FPCR_BITS: u64 = 1 << 26 | 1 << 25 | 1 << 24 | 3 << 22 | 1 << 19;
/// FPSR bits that exist: QC, IDC, IXC, UFC, OFC, DZC, IOC.
const FPSR_BITS: u64 = 1 << 27 | 0x9f;

/// A system register or operation: op0, op1, CRn, CRm, op2 in the manual's order.
const fn id(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> u32 {
    op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
}

const NZCV: u32 = id(3, 3, 4, 2, 0);
const DIT: u32 = id(3, 3, 4, 2, 5);
const SSBS: u32 = id(3, 3, 4, 2, 6);
const FPCR: u32 = id(3, 3, 4, 4, 0);
const FPSR: u32 = id(3, 3, 4, 4, 1);
const CTR: u32 = id(3, 3, 0, 0, 1);
const DCZID: u32 = id(3, 3, 0, 0, 7);
const TPIDR: u32 = id(3, 3, 13, 0, 2);
const TPIDRRO: u32 = id(3, 3, 13, 0, 3);
const CNTFRQ: u32 = id(3, 3, 14, 0, 0);
const CNTPCT: u32 = id(3, 3, 14, 0, 1);
const CNTVCT: u32 = id(3, 3, 14, 0, 2);
const CNTPCTSS: u32 = id(3, 3, 14, 0, 5);
const CNTVCTSS: u32 = id(3, 3, 14, 0, 6);
const RNDR: u32 = id(3, 3, 2, 4, 0);
const RNDRRS: u32 = id(3, 3, 2, 4, 1);
const IC_IVAU: u32 = id(1, 3, 7, 5, 1);
const DC_ZVA: u32 = id(1, 3, 7, 4, 1);
const DC_CVAC: u32 = id(1, 3, 7, 10, 1);
const DC_CVAU: u32 = id(1, 3, 7, 11, 1);
const DC_CVAP: u32 = id(1, 3, 7, 12, 1);
const DC_CVADP: u32 = id(1, 3, 7, 13, 1);
const DC_CIVAC: u32 = id(1, 3, 7, 14, 1);

/// The feature that a register or operation needs.
const fn needed(id: u32) -> Features {
    match id {
        DIT => Features::DIT,
        SSBS => Features::SSBS2,
        CNTPCTSS | CNTVCTSS => Features::ECV,
        RNDR | RNDRRS => Features::RNG,
        DC_CVAP => Features::DPB,
        DC_CVADP => Features::DPB2,
        _ => Features::NONE,
    }
}

impl Translator<'_> {
    /// `dst = code(a, constant)` in 64 bits, to a fresh temporary.
    fn with_constant(&mut self, code: OpCode, a: Ref, constant: u64) -> Ref {
        let (t, b) = (self.temp(), self.imm(constant));
        self.ir.bin(code, Ty::I64, t, a, b);
        t
    }
    fn with(&mut self, code: OpCode, a: Ref, b: Ref) -> Ref {
        let t = self.temp();
        self.ir.bin(code, Ty::I64, t, a, b);
        t
    }
    fn read_flags(&mut self) -> Ref {
        let t = self.temp();
        self.ir.un(OpCode::ReadFlags, Ty::I64, t, Ref::NONE);
        t
    }
    fn write_flags(&mut self, a: Ref) {
        self.ir.un(OpCode::WriteFlags, Ty::I64, Ref::NONE, a);
    }

    /// MRS.
    pub(crate) fn mrs(&mut self, o0: u32, op1: u32, crn: u32, crm: u32, op2: u32, rt: XZr) -> Flow {
        let dst = self.x_out(rt);
        let register = id(2 | o0, op1, crn, crm, op2);
        if self.lacks(needed(register)) {
            return Flow::Undefined;
        }
        match register {
            NZCV => self.ir.un(OpCode::ReadFlags, Ty::I64, dst, Ref::NONE),
            FPCR => self.ir.mov(Ty::I64, dst, Ref::slot(SLOT_FPCR)),
            FPSR => self.ir.un(OpCode::ReadFpStatus, Ty::I64, dst, Ref::NONE),
            TPIDR => self.ir.mov(Ty::I64, dst, Ref::slot(SLOT_TP)),
            DIT | SSBS => {
                let bit = if op2 == 5 { PSTATE_DIT } else { PSTATE_SSBS };
                let b = self.imm(bit);
                self.ir.bin(OpCode::And, Ty::I64, dst, Ref::slot(SLOT_PSTATE), b);
            }
            TPIDRRO => return self.set(rt, 0),
            CTR => return self.set(rt, cpu::CTR),
            DCZID => return self.set(rt, cpu::DCZID),
            CNTFRQ => return self.set(rt, cpu::CNTFRQ),
            RNDR | RNDRRS => {
                return self.runtime(runtime::RANDOM + u32::from(rt.0), Ref::NONE, Ref::NONE);
            }
            CNTPCT | CNTVCT | CNTPCTSS | CNTVCTSS => {
                self.ir.un(OpCode::Counter, Ty::I64, dst, Ref::NONE);
            }
            _ if o0 == 1 && op1 == 0 && crn == 0 => {
                return match self.cpu.id_register(crm as u8, op2 as u8) {
                    Some(value) => self.set(rt, value),
                    None => Flow::Undefined,
                };
            }
            _ => return Flow::Undefined,
        }
        Flow::Next
    }
    /// MSR (register).
    pub(crate) fn msr_reg(
        &mut self,
        o0: u32,
        op1: u32,
        crn: u32,
        crm: u32,
        op2: u32,
        rt: XZr,
    ) -> Flow {
        let a = self.x(rt);
        let register = id(2 | o0, op1, crn, crm, op2);
        if self.lacks(needed(register)) {
            return Flow::Undefined;
        }
        match register {
            NZCV => self.write_flags(a),
            FPCR => {
                let bits = self.imm(FPCR_BITS);
                self.ir.bin(OpCode::And, Ty::I64, Ref::slot(SLOT_FPCR), a, bits);
                return self.runtime(runtime::FP_CONTROL, Ref::NONE, Ref::NONE);
            }
            FPSR => {
                let t = self.with_constant(OpCode::And, a, FPSR_BITS);
                self.ir.un(OpCode::WriteFpStatus, Ty::I64, Ref::NONE, t);
            }
            TPIDR => self.ir.mov(Ty::I64, Ref::slot(SLOT_TP), a),
            DIT | SSBS => {
                let bit = if op2 == 5 { PSTATE_DIT } else { PSTATE_SSBS };
                let set = self.with_constant(OpCode::And, a, bit);
                let rest = self.with_constant(OpCode::And, Ref::slot(SLOT_PSTATE), !bit);
                self.ir.bin(OpCode::Or, Ty::I64, Ref::slot(SLOT_PSTATE), rest, set);
            }
            _ => return Flow::Undefined,
        }
        Flow::Next
    }
    /// MSR (immediate): DIT and SSBS; the others are privileged.
    pub(crate) fn msr_imm(&mut self, op1: u8, crm: u8, op2: u8) -> Flow {
        let (bit, feature) = match (op1, op2) {
            (3, 2) => (PSTATE_DIT, Features::DIT),
            (3, 1) => (PSTATE_SSBS, Features::SSBS2),
            _ => return Flow::Undefined,
        };
        if self.lacks(feature) {
            return Flow::Undefined;
        }
        let slot = Ref::slot(SLOT_PSTATE);
        let (code, mask) = if crm & 1 != 0 { (OpCode::Or, bit) } else { (OpCode::And, !bit) };
        let b = self.imm(mask);
        self.ir.bin(code, Ty::I64, slot, slot, b);
        Flow::Next
    }
    /// SYS: DC and IC. Cleaning is not needed (CTR_EL0.IDC).
    pub(crate) fn sys(&mut self, op1: u32, crn: u32, crm: u32, op2: u32, rt: XZr) -> Flow {
        let a = self.x(rt);
        let operation = id(1, op1, crn, crm, op2);
        if self.lacks(needed(operation)) {
            return Flow::Undefined;
        }
        match operation {
            DC_ZVA => self.ir.un(OpCode::ZeroBlock, Ty::I64, Ref::NONE, a),
            DC_CVAC | DC_CVAU | DC_CVAP | DC_CVADP | DC_CIVAC => {}
            IC_IVAU => {
                let there = self.temp();
                self.ir.un(OpCode::HasCode, Ty::I64, there, a);
                let next = self.exit_to(self.pc.wrapping_add(4), ExitKind::Jump);
                let zero = self.imm(0);
                self.ir.br_cmp(Ty::I64, Cond::Eq, there, zero, next);
                return self.runtime(runtime::INVALIDATE, a, Ref::NONE);
            }
            _ => return Flow::Undefined,
        }
        Flow::Next
    }
    /// SYSL: nothing that programs may use.
    pub(crate) fn sysl(&mut self, _op1: u8, _crn: u8, _crm: u8, _op2: u8, _rt: XZr) -> Flow {
        Flow::Undefined
    }

    /// HINT: the ones that do nothing.
    pub(crate) fn hint(&mut self, _crm: u8, _op2: u8) -> Flow {
        Flow::Next
    }
    /// YIELD: nothing, as leaving translated code costs far more than a turn of a spin loop.
    pub(crate) fn yield_(&mut self) -> Flow {
        Flow::Next
    }
    /// WFE: another thread is to do something first.
    pub(crate) fn wfe(&mut self) -> Flow {
        self.runtime(runtime::YIELD, Ref::NONE, Ref::NONE)
    }
    /// WFI.
    pub(crate) fn wfi(&mut self) -> Flow {
        self.wfe()
    }
    /// WFET: may end early.
    pub(crate) fn wfet(&mut self, _rd: XZr) -> Flow {
        self.wfe()
    }
    /// WFIT: may end early.
    pub(crate) fn wfit(&mut self, _rd: XZr) -> Flow {
        self.wfe()
    }

    fn fence(&mut self, crm: u8) -> Flow {
        let aux = match crm & 3 {
            1 => 1,
            2 => 2,
            _ => 0,
        };
        self.ir.un_aux(OpCode::Fence, Ty::I64, Ref::NONE, Ref::NONE, aux);
        Flow::Next
    }
    /// DMB.
    pub(crate) fn dmb(&mut self, crm: u8) -> Flow {
        self.fence(crm)
    }
    /// DSB.
    pub(crate) fn dsb(&mut self, crm: u8) -> Flow {
        self.fence(crm)
    }
    /// ISB: IC IVAU has already left translated code.
    pub(crate) fn isb(&mut self, _crm: u8) -> Flow {
        Flow::Next
    }
    /// SB: speculation is the host's.
    pub(crate) fn sb(&mut self) -> Flow {
        Flow::Next
    }

    /// CFINV.
    pub(crate) fn cfinv(&mut self) -> Flow {
        let flags = self.read_flags();
        let flags = self.with_constant(OpCode::Xor, flags, 1 << 29);
        self.write_flags(flags);
        Flow::Next
    }
    /// AXFLAG: Z = Z | V, C = C & !V, N = V = 0.
    pub(crate) fn axflag(&mut self) -> Flow {
        let flags = self.read_flags();
        let v = self.with_constant(OpCode::And, flags, 1 << 28);
        let v_at_z = self.with_constant(OpCode::Shl, v, 2);
        let v_at_c = self.with_constant(OpCode::Shl, v, 1);
        let zc = self.with_constant(OpCode::And, flags, 3 << 29);
        let zc = self.with(OpCode::Or, zc, v_at_z);
        let zc = self.with(OpCode::AndNot, zc, v_at_c);
        self.write_flags(zc);
        Flow::Next
    }
    /// XAFLAG: N = !C & !Z, Z = C & Z, C = C | Z, V = !C & Z.
    pub(crate) fn xaflag(&mut self) -> Flow {
        let flags = self.read_flags();
        let half = self.with_constant(OpCode::Shr, flags, 29);
        let c = self.with_constant(OpCode::And, half, 1);
        let z = self.with_constant(OpCode::Shr, flags, 30);
        let z = self.with_constant(OpCode::And, z, 1);
        let either = self.with(OpCode::Or, c, z);
        let both = self.with(OpCode::And, c, z);
        let z_only = self.with(OpCode::AndNot, z, c);
        let neither = self.with_constant(OpCode::Xor, either, 1);
        let n = self.with_constant(OpCode::Shl, neither, 31);
        let z = self.with_constant(OpCode::Shl, both, 30);
        let c = self.with_constant(OpCode::Shl, either, 29);
        let v = self.with_constant(OpCode::Shl, z_only, 28);
        let nz = self.with(OpCode::Or, n, z);
        let cv = self.with(OpCode::Or, c, v);
        let nzcv = self.with(OpCode::Or, nz, cv);
        self.write_flags(nzcv);
        Flow::Next
    }
    /// RMIF: the flags in `mask` from bits `imm6 + 3 .. imm6` of a register.
    pub(crate) fn rmif(&mut self, imm6: u64, rn: XZr, mask: u64) -> Flow {
        let a = self.x(rn);
        let turned = self.with_constant(OpCode::Ror, a, imm6.wrapping_sub(28) & 63);
        let new = self.with_constant(OpCode::And, turned, mask << 28);
        let old = self.read_flags();
        let kept = self.with_constant(OpCode::And, old, !(mask << 28) & 0xf000_0000);
        let nzcv = self.with(OpCode::Or, kept, new);
        self.write_flags(nzcv);
        Flow::Next
    }
    /// SETF8 and SETF16: N, Z and V of the low `bits`; C stays.
    fn set_flags(&mut self, bits: u64, rn: XZr) -> Flow {
        let a = self.x(rn);
        // The value at the top of a word: its sign is N, its being zero is Z.
        let top = self.temp();
        let amount = self.imm(32 - bits);
        self.ir.bin(OpCode::Shl, Ty::I32, top, a, amount);
        let n = self.with_constant(OpCode::And, top, 1 << 31);
        let (z, zero) = (self.temp(), self.imm(0));
        self.ir.bin_aux(OpCode::SetCmp, Ty::I32, z, top, zero, ir::Cond::Eq as u16);
        let z = self.with_constant(OpCode::Shl, z, 30);
        // V is bit `bits` xor bit `bits - 1`.
        let shifted = self.with_constant(OpCode::Shr, a, 1);
        let differ = self.with(OpCode::Xor, a, shifted);
        let v = self.with_constant(OpCode::Shl, differ, 29 - bits);
        let v = self.with_constant(OpCode::And, v, 1 << 28);
        let old = self.read_flags();
        let c = self.with_constant(OpCode::And, old, 1 << 29);
        let nz = self.with(OpCode::Or, n, z);
        let cv = self.with(OpCode::Or, c, v);
        let nzcv = self.with(OpCode::Or, nz, cv);
        self.write_flags(nzcv);
        Flow::Next
    }
    /// SETF8.
    pub(crate) fn setf8(&mut self, rn: XZr) -> Flow {
        self.set_flags(8, rn)
    }
    /// SETF16.
    pub(crate) fn setf16(&mut self, rn: XZr) -> Flow {
        self.set_flags(16, rn)
    }
}
