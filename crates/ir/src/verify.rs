//! What everybody who gets a block relies on, checked.

use crate::block::Block;
use crate::op::{Op, OpCode, Ref, Ty};
use crate::parameter::Rounding;
use crate::state::FIRST_VEC;
use crate::vec_op::VecOp;

/// What an operand is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Int,
    Vector,
}

/// Checks that `block` keeps the rules of the representation: operands exist and have the kind that
/// their operation wants; temporaries are written once, before they are read; branches lead to labels
/// that are placed, or to exits; the block ends where it says; and nothing of the state is written before the last
/// operation of an instruction that may fault.
///
/// # Errors
/// The first rule that is broken, and where.
pub fn verify(block: &Block) -> Result<(), String> {
    let mut v = Verifier {
        block,
        temps: vec![None; usize::from(block.temps)],
        placed: vec![false; usize::from(block.labels)],
        used: vec![false; usize::from(block.labels)],
        wrote_state: false,
    };
    for (index, op) in block.ops.iter().enumerate() {
        let last = index + 1 == block.ops.len();
        v.op(op, last)
            .map_err(|what| format!("{what}: operation {index}, {op:?}, of {:#?}", block.ops))?;
    }
    if v.used.iter().zip(&v.placed).any(|(&used, &placed)| used && !placed) {
        return Err(format!("a label is not placed: {:#?}", block.ops));
    }
    Ok(())
}

struct Verifier<'a> {
    block: &'a Block,
    /// What each temporary is, once it is written.
    temps: Vec<Option<Kind>>,
    placed: Vec<bool>,
    used: Vec<bool>,
    /// The current instruction has changed the state.
    wrote_state: bool,
}

type Check = Result<(), &'static str>;

const fn ensure(holds: bool, what: &'static str) -> Check {
    if holds { Ok(()) } else { Err(what) }
}

impl Verifier<'_> {
    fn op(&mut self, op: &Op, last: bool) -> Check {
        // A label within an instruction starts a step of its own (loops over memory).
        if matches!(op.code, OpCode::Insn | OpCode::Label) {
            self.wrote_state = false;
        }
        for (r, kind) in [op.a, op.b, op.c].into_iter().zip(operand_kinds(op)) {
            self.operand(r, kind)?;
        }
        ensure(!(self.wrote_state && op.may_fault()), "may fault after a write")?;
        self.wrote_state |=
            op.dst.as_slot().is_some() || op.code.writes_flags() || op.code == OpCode::RuntimeCall;
        self.result(op)?;
        self.parameters(op)?;
        self.destination(op)?;
        ensure(!op.code.ends_block() || last, "goes on after its end")?;
        ensure(!last || op.code.ends_block() || op.code == OpCode::Br, "does not end")
    }
    fn operand(&self, r: Ref, kind: Kind) -> Check {
        if r.is_none() {
            return Ok(());
        }
        if let Some(slot) = r.as_slot() {
            ensure(slot < 128, "no such slot")?;
            ensure((slot >= FIRST_VEC) == (kind == Kind::Vector), "slot of the wrong kind")
        } else if let Some(t) = r.as_temp() {
            let written = *self.temps.get(usize::from(t)).ok_or("no such temporary")?;
            let written = written.ok_or("reads an unwritten temporary")?;
            ensure(written == kind, "temporary of the wrong kind")
        } else {
            ensure(self.block.constant_exists(r), "no such constant")
        }
    }
    fn result(&mut self, op: &Op) -> Check {
        let kind = if op.result_is_vector() { Kind::Vector } else { Kind::Int };
        if op.dst.is_none() {
            return Ok(());
        }
        if let Some(slot) = op.dst.as_slot() {
            ensure(slot < 128, "no such slot")?;
            ensure((slot >= FIRST_VEC) == (kind == Kind::Vector), "result of the wrong kind")
        } else if let Some(t) = op.dst.as_temp() {
            let temp = self.temps.get_mut(usize::from(t)).ok_or("no such temporary")?;
            ensure(temp.is_none(), "writes a temporary twice")?;
            *temp = Some(kind);
            Ok(())
        } else {
            Err("writes a constant")
        }
    }
    /// Types and aux.
    fn parameters(&self, op: &Op) -> Check {
        let float = matches!(op.ty, Ty::F16 | Ty::F32 | Ty::F64);
        let code = op.code;
        ensure(!code.is_float() || float, "not a type of floating point")?;
        if code.is_integer() && code != OpCode::Sel {
            let narrow = op.has_six_flags() && op.ty.is_int();
            ensure(narrow || matches!(op.ty, Ty::I32 | Ty::I64), "not a type of integers")?;
        }
        if self.block.fp.boxed && op.ty != Ty::F64 {
            ensure(!matches!(code, OpCode::FAbs | OpCode::FNeg), "not for boxed values")?;
        }
        if matches!(
            code,
            OpCode::Ubfx
                | OpCode::Sbfx
                | OpCode::Ubfiz
                | OpCode::Sbfiz
                | OpCode::Bfi
                | OpCode::Bfxil
        ) {
            let (lsb, width) = (u32::from(op.aux & 63), u32::from(op.aux >> 8));
            ensure(width != 0 && lsb + width <= op.ty.bits(), "no such field")?;
        }
        if code == OpCode::FCvt {
            let to = Ty::from_u8(op.aux as u8);
            ensure(matches!(to, Ty::F16 | Ty::F32 | Ty::F64) && to != op.ty, "no such conversion")?;
            let rounding = (op.aux >> 8) as u8;
            ensure(Rounding::from_u8(rounding) as u8 == rounding, "no such rounding")?;
        }
        if code == OpCode::Vec {
            ensure(usize::from(op.aux) < VecOp::ALL.len(), "no such vector operation")?;
        }
        Ok(())
    }
    fn destination(&mut self, op: &Op) -> Check {
        if op.code == OpCode::Label {
            let label = self.placed.get_mut(op.imm as usize).ok_or("no such label")?;
            ensure(!core::mem::replace(label, true), "places a label twice")?;
        }
        if op.code.branches() && op.imm >= 0 {
            *self.used.get_mut(op.imm as usize).ok_or("no such label")? = true;
        } else if op.code.branches() || op.code == OpCode::CallIndirect {
            let n = usize::try_from(-1 - i64::from(op.imm)).map_err(|_| "no such exit")?;
            ensure(n < self.block.exits.len(), "no such exit")?;
        }
        Ok(())
    }
}

/// What the operands of `op` have to be, as far as it has them.
fn operand_kinds(op: &Op) -> [Kind; 3] {
    use Kind::{Int, Vector};
    match op.code {
        OpCode::StV => [Int, Int, Vector],
        OpCode::Cas if op.is_16_bytes() => [Int, Vector, Vector],
        OpCode::StEx if op.is_16_bytes() => [Int, Vector, Vector],
        OpCode::IntToF | OpCode::IntToVec => [Int; 3],
        OpCode::Vec if op.aux == VecOp::DupInt as u16 => [Int, Vector, Vector],
        OpCode::Vec if op.aux == VecOp::InsInt as u16 || op.aux == VecOp::FInsInt as u16 => {
            [Vector, Int, Vector]
        }
        OpCode::Vec
        | OpCode::VecTestSix
        | OpCode::VecTextIndex
        | OpCode::VecToInt
        | OpCode::VecMask
        | OpCode::MovV
        | OpCode::FBox => [Vector; 3],
        code if code.is_float() || code.is_integer() && !op.ty.is_int() => [Vector; 3],
        _ => [Int; 3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Access, Builder, Exit, ExitKind};

    fn check(build: impl FnOnce(&mut Builder<'_>)) -> Result<(), String> {
        let mut block = Block::default();
        let mut b = Builder::new(&mut block);
        b.insn(0);
        build(&mut b);
        let exit = b.exit(Exit { pc: 4, kind: ExitKind::Jump, flags_dead: true });
        b.exit_direct(exit);
        verify(&block)
    }

    #[track_caller]
    fn wrong(what: &str, build: impl FnOnce(&mut Builder<'_>)) {
        let got = check(build).expect_err(what);
        assert!(got.starts_with(what), "{got}");
    }

    const X: Ref = Ref::slot(1);
    const V: Ref = Ref::slot(FIRST_VEC);
    const NONE: Ref = Ref::NONE;

    #[test]
    fn rules() {
        let load = |b: &mut Builder<'_>| b.ld(X, X, NONE, 0, Access::new(3));
        assert_eq!(check(load), Ok(()));
        wrong("may fault after a write", |b| {
            load(b);
            load(b);
        });
        assert_eq!(
            check(|b| {
                load(b);
                b.insn(4);
                load(b);
            }),
            Ok(())
        );
        wrong("slot of the wrong kind", |b| b.bin(OpCode::Add, Ty::I64, X, X, V));
        wrong("slot of the wrong kind", |b| b.bin(OpCode::FAdd, Ty::F64, V, X, V));
        wrong("result of the wrong kind", |b| b.bin(OpCode::FAdd, Ty::F64, X, V, V));
        wrong("not a type of floating point", |b| b.bin(OpCode::FAdd, Ty::V64, V, V, V));
        wrong("not a type of integers", |b| b.bin(OpCode::Add, Ty::I16, X, X, X));
        wrong("no such temporary", |b| b.mov(Ty::I64, X, Ref::temp(0)));
        wrong("reads an unwritten temporary", |b| {
            let t = b.temp();
            b.mov(Ty::I64, X, t);
        });
        wrong("temporary of the wrong kind", |b| {
            let t = b.temp();
            b.mov(Ty::I64, t, X);
            b.mov(Ty::F64, V, t);
        });
        wrong("writes a temporary twice", |b| {
            let t = b.temp();
            b.mov(Ty::I64, t, X);
            b.mov(Ty::I64, t, X);
        });
        wrong("no such constant", |b| b.mov(Ty::I64, X, Ref::constant(0)));
        wrong("no such label", |b| b.br(0));
        wrong("no such exit", |b| b.br_bit(X, 0, true, -2));
        wrong("a label is not placed", |b| {
            let label = b.label();
            b.br(label);
        });
        wrong("goes on after its end", |b| b.push(Op::new(OpCode::Trap, Ty::I64)));
        wrong("no such field", |b| b.un_aux(OpCode::Ubfx, Ty::I32, X, X, 30 | 3 << 8));
    }

    #[test]
    fn the_end() {
        let mut block = Block::default();
        Builder::new(&mut block).insn(0);
        assert!(verify(&block).unwrap_err().starts_with("does not end"));
    }
}
