//! The x87: every instruction is executed by the runtime, which computes in 80 bits exactly.
//!
//! What the processor computes by series (sines, logarithms) is the exact result rounded, so it may differ from a
//! processor's in the last bit.

mod arithmetic;
mod environment;
mod memory;
mod registers;
mod series;

use crate::decode::{Insn, Operand};
use crate::operand::is_memory;
use crate::runtime;
use crate::state::{SLOT_X87_CONTROL, SLOT_X87_STATUS};
use crate::translator::Translator;
use guest::{Effect, Flow, Space};
use ir::state::TRAP_FLOAT;
use ir::{Cond, OpCode, Ref, State, Ty};
use registers::{Fault, Registers};

/// What an instruction does; operands say to what. `I`: an integer in memory. A last `p`: then pops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[rustfmt::skip]
pub(crate) enum Op {
    Add, Mul, Com, Comp, Sub, Subr, Div, Divr,
    Iadd, Imul, Icom, Icomp, Isub, Isubr, Idiv, Idivr,
    Addp, Mulp, Subp, Subrp, Divp, Divrp,
    Ucom, Ucomp, Compp, Ucompp, Comi, Comip, Ucomi, Ucomip,
    Ld, St, Stp, Ild, Ist, Istp, Isttp, Bld, Bstp,
    Xch, Free, Freep, Nop, Wait, Decstp, Incstp,
    Chs, Abs, Tst, Xam, Sqrt, Rndint, Prem, Prem1, Scale, Extract, Cmov,
    F2xm1, Fyl2x, Fyl2xp1, Patan, Ptan, Sin, Cos, Sincos,
    One, L2t, L2e, Pi, Lg2, Ln2, Zero,
    Ldcw, Stcw, Stsw, Ldenv, Stenv, Save, Rstor, Clex, Init,
}

impl Op {
    const ALL: [Self; 81] = {
        use Op::*;
        [
            Add, Mul, Com, Comp, Sub, Subr, Div, Divr, Iadd, Imul, Icom, Icomp, Isub, Isubr, Idiv,
            Idivr, Addp, Mulp, Subp, Subrp, Divp, Divrp, Ucom, Ucomp, Compp, Ucompp, Comi, Comip,
            Ucomi, Ucomip, Ld, St, Stp, Ild, Ist, Istp, Isttp, Bld, Bstp, Xch, Free, Freep, Nop,
            Wait, Decstp, Incstp, Chs, Abs, Tst, Xam, Sqrt, Rndint, Prem, Prem1, Scale, Extract,
            Cmov, F2xm1, Fyl2x, Fyl2xp1, Patan, Ptan, Sin, Cos, Sincos, One, L2t, L2e, Pi, Lg2,
            Ln2, Zero, Ldcw, Stcw, Stsw, Ldenv, Stenv, Save, Rstor, Clex, Init,
        ]
    };
    /// Whether it raises what is pending.
    fn waits(self) -> bool {
        !matches!(
            self,
            Self::Stcw | Self::Stsw | Self::Stenv | Self::Save | Self::Clex | Self::Init
        )
    }
}

/// An instruction, as the runtime is told.
#[derive(Clone, Copy)]
struct Job {
    op: Op,
    /// The operands if they are registers, counted from the top of the stack.
    to: u8,
    from: u8,
    /// Bytes of the memory operand; 0: there is none.
    size: u8,
    /// The condition of a conditional move.
    holds: bool,
    address: u64,
}

impl Job {
    fn pack(op: Op, i: &Insn) -> u64 {
        let register = |operand| match operand {
            Operand::St { n } => n,
            _ => 0,
        };
        let size = match i.operands[0] {
            Operand::Mem { size } => size as u64,
            _ => 0,
        };
        let [to, from, ..] = i.operands.map(|o| u64::from(register(o)));
        op as u64 | to << 8 | from << 12 | size << 16
    }
    fn unpack(args: [u64; 2]) -> Self {
        let [word, address] = args;
        Self {
            op: Op::ALL[(word & 0xff) as usize % Op::ALL.len()],
            to: (word >> 8 & 7) as u8,
            from: (word >> 12 & 7) as u8,
            size: (word >> 16) as u8,
            holds: word >> 32 & 1 != 0,
            address,
        }
    }
}

impl Translator<'_> {
    /// An instruction of the x87.
    pub(crate) fn x87(&mut self, op: Op, i: &Insn) -> Flow {
        let word = self.imm(Job::pack(op, i));
        let address = if i.operands.iter().any(|&operand| is_memory(operand)) {
            self.plain_address(i)
        } else {
            self.imm(0)
        };
        self.call_runtime(runtime::X87, word, address)
    }
    /// Raises an exception that is pending, as an instruction of MMX does before all else.
    pub(crate) fn raise_pending(&mut self) {
        const PENDING: u64 = 1 << 7;
        let pending = self.make_imm(OpCode::And, Ty::I64, Ref::slot(SLOT_X87_STATUS), PENDING);
        let (zero, none) = (self.imm(0), self.ir.label());
        self.ir.br_cmp(Ty::I64, Cond::Eq, pending, zero, none);
        let control = Ref::slot(SLOT_X87_CONTROL);
        let raised = self.make(OpCode::AndNot, Ty::I64, Ref::slot(SLOT_X87_STATUS), control);
        for (bit, code) in CODES.into_iter().enumerate() {
            let this = self.make_imm(OpCode::And, Ty::I64, raised, 1 << bit);
            let n = Ref::NONE;
            self.ir.emit(OpCode::Check, Ty::I64, n, this, zero, n, TRAP_FLOAT, code as i32);
        }
        self.ir.place(none);
    }
    /// FCMOV.
    pub(crate) fn fcmov(&mut self, i: &Insn) -> Flow {
        use crate::decode::Op as Line;
        let cond = match i.op {
            Line::Fcmovb => Cond::Lo,
            Line::Fcmovnb => Cond::Hs,
            Line::Fcmove => Cond::Eq,
            Line::Fcmovne => Cond::Ne,
            Line::Fcmovbe => Cond::Ls,
            Line::Fcmovnbe => Cond::Hi,
            Line::Fcmovu => Cond::Pe,
            _ => Cond::Po,
        };
        let holds = self.temp();
        let none = Ref::NONE;
        self.ir.emit(OpCode::SetCond, Ty::I64, holds, none, none, none, cond as u16, 0);
        let holds = self.make_imm(OpCode::Shl, Ty::I64, holds, 32);
        let word = self.make_imm(OpCode::Or, Ty::I64, holds, Job::pack(Op::Cmov, i));
        let zero = self.imm(0);
        self.call_runtime(runtime::X87, word, zero)
    }
}

/// Executes an instruction.
pub(crate) fn run(args: [u64; 2], state: &mut State, space: &mut dyn Space) -> Effect {
    let job = Job::unpack(args);
    let mut registers = Registers { state };
    if job.op.waits() && registers.pending() {
        return float_trap(&registers);
    }
    match execute(job, &mut registers, space) {
        Ok(()) => Effect::None,
        Err(Fault::Memory(fault)) => Effect::Fault(fault),
    }
}

/// The `si_code` of exceptions: FPE_FLTINV, FPE_FLTUND (denormal), FPE_FLTDIV, FPE_FLTOVF, FPE_FLTUND, FPE_FLTRES.
const CODES: [u32; 6] = [7, 5, 3, 4, 5, 6];

/// SIGFPE, with the code of what is pending.
fn float_trap(registers: &Registers<'_>) -> Effect {
    let bit = registers.unmasked().trailing_zeros().min(5);
    Effect::Trap { kind: TRAP_FLOAT, argument: CODES[bit as usize] }
}

fn execute(job: Job, r: &mut Registers<'_>, space: &mut dyn Space) -> Result<(), Fault> {
    use Op::*;
    match job.op {
        Add | Mul | Sub | Subr | Div | Divr | Iadd | Imul | Isub | Isubr | Idiv | Idivr | Addp
        | Mulp | Subp | Subrp | Divp | Divrp => arithmetic::binary(job, r, space)?,
        Com | Comp | Icom | Icomp | Ucom | Ucomp | Compp | Ucompp | Tst => {
            arithmetic::compare(job, r, space)?;
        }
        Comi | Comip | Ucomi | Ucomip => arithmetic::compare_flags(job, r),
        Ld | Ild | Bld => memory::load(job, r, space)?,
        St | Stp | Ist | Istp | Isttp | Bstp => memory::store(job, r, space)?,
        Chs | Abs | Xam | Sqrt | Rndint | Prem | Prem1 | Scale => arithmetic::unary(job.op, r),
        Extract => arithmetic::extract(r),
        F2xm1 | Fyl2x | Fyl2xp1 | Patan => series::logarithm(job.op, r),
        Ptan | Sin | Cos | Sincos => series::angle(job.op, r),
        Cmov => arithmetic::move_if(job.holds, job.from, r),
        One | L2t | L2e | Pi | Lg2 | Ln2 | Zero => arithmetic::constant(job.op, r),
        Xch => arithmetic::exchange(job.from, r),
        Ldcw | Stcw | Stsw | Ldenv | Stenv | Save | Rstor => environment::run(job, r, space)?,
        Free => r.free(job.to),
        Freep => {
            r.free(job.to);
            r.pop();
        }
        Decstp => r.turn(7),
        Incstp => r.turn(1),
        Clex => r.clear_exceptions(),
        Init => r.initialize(),
        Nop | Wait => {}
    }
    Ok(())
}
