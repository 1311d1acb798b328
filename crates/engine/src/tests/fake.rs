//! A guest with a handful of instructions: `op << 24 | register << 16 | immediate`.

use guest::{
    Address, Coherence, Control, Effect, Endian, Fetch, Guest, Key, Memory, Mode, Space, Spec,
};
use ir::state::{SLOT_FPCR, TRAP_BREAKPOINT};
use ir::{
    Access, Block, Builder, Cond, Exit, ExitKind, FpControl, FpRules, OpCode, Ref, Round, State, Ty,
};

/// x[r] += imm.
pub(crate) const fn addi(r: u8, imm: i16) -> u32 {
    word(1, r, imm)
}
/// If x[r] != 0, go imm instructions further.
pub(crate) const fn bnz(r: u8, imm: i16) -> u32 {
    word(2, r, imm)
}
/// Go imm instructions further.
pub(crate) const fn jump(imm: i16) -> u32 {
    word(3, 0, imm)
}
/// System call.
pub(crate) const fn svc(imm: i16) -> u32 {
    word(4, 0, imm)
}
/// x[r] = 64 bits at x1 + imm.
pub(crate) const fn load(r: u8, imm: i16) -> u32 {
    word(5, r, imm)
}
/// 64 bits at x1 + imm = x[r].
pub(crate) const fn store(r: u8, imm: i16) -> u32 {
    word(6, r, imm)
}
/// Go to x[r].
pub(crate) const fn br(r: u8) -> u32 {
    word(7, r, 0)
}
/// x30 = next; go imm further.
pub(crate) const fn call(imm: i16) -> u32 {
    word(8, 0, imm)
}
/// Go to x30.
pub(crate) const RET: u32 = word(9, 0, 0);
/// d0 = d1 / d2.
pub(crate) const FDIV: u32 = word(10, 0, 0);
/// Guest code at x[r], 64 bytes, has changed.
pub(crate) const fn changed(r: u8) -> u32 {
    word(11, r, 0)
}
/// Breakpoint.
pub(crate) const BREAK: u32 = word(12, 0, 0);
/// Flags of x[r] - imm.
pub(crate) const fn cmpi(r: u8, imm: i16) -> u32 {
    word(13, r, imm)
}
/// If equal, go imm further.
pub(crate) const fn beq(imm: i16) -> u32 {
    word(14, 0, imm)
}
/// x30 = next; go to x[r].
pub(crate) const fn call_reg(r: u8) -> u32 {
    word(15, r, 0)
}
/// FPCR = x[r].
pub(crate) const fn fpcr(r: u8) -> u32 {
    word(16, r, 0)
}
/// x[r] += [x1], atomically.
pub(crate) const fn atomic_add(r: u8) -> u32 {
    word(17, r, 0)
}

/// x[r] = 40 x[r] + 780, with more temporaries than any host has room for.
pub(crate) const fn many(r: u8) -> u32 {
    word(18, r, 0)
}

const fn word(op: u8, r: u8, imm: i16) -> u32 {
    (op as u32) << 24 | (r as u32) << 16 | imm as u16 as u32
}

pub(crate) struct Fake;

const MAX: u32 = 16;

/// Of translations in which all floating point is the evaluator's.
const KEY_EXACT: Key = Key(1);

static SPEC: Spec = Spec {
    name: "fake",
    insn_align: 2,
    insn_max: 4,
    int_pins: &[0, 1, 2, 3, 4, 5, 6, 19, 20, 21, 31],
    vec_pins: &[64, 65, 66],
    order: Endian::Little,
    address: Address::TopByteIgnored,
    memory: Memory::Weak,
    coherence: Coherence::Explicit,
    fp: FpRules::decode(0),
    refault: false,
    steps: None,
};

impl Guest for Fake {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }
    fn translate(&self, fetch: &mut dyn Fetch, pc: u64, mode: Mode, block: &mut Block) {
        block.pc = pc;
        let mut b = Builder::new(block);
        let mut at = pc;
        b.block.fp_exact = mode.key == KEY_EXACT;
        let mut word = [0];
        while guest::words(fetch, at, &mut word) == 1 {
            let word = word[0];
            b.insn((at - pc) as u32);
            let end = one(&mut b, at, word);
            at += 4;
            b.block.len = (at - pc) as u32;
            if end {
                return;
            }
            let branches = matches!(word >> 24, 2 | 14);
            if mode.single || mode.brief && branches || b.block.insns == MAX {
                break;
            }
        }
        if b.block.insns > 0 {
            let e = b.exit(Exit { pc: at, kind: ExitKind::Jump, flags_dead: false });
            b.exit_direct(e);
        }
    }
    fn runtime(&self, op: u32, args: [u64; 2], state: &mut State, _: &mut dyn Space) -> Effect {
        if op == 0 {
            return Effect::Invalidate { start: args[0], len: 64 };
        }
        state.int[usize::from(SLOT_FPCR)] = args[0];
        Effect::Control
    }
    fn control(&self, state: &State) -> Control {
        let fpcr = state.int[usize::from(SLOT_FPCR)];
        let rounding = [Round::Nearest, Round::Down, Round::Up, Round::Zero];
        Control {
            key: if fpcr & 4 != 0 { KEY_EXACT } else { Key(0) },
            fp: FpControl { rounding: rounding[(fpcr & 3) as usize], ..FpControl::default() },
        }
    }
    fn canonical(&self, addr: u64) -> u64 {
        addr << 8 >> 8
    }
    fn disassemble(&self, code: &[u8], _pc: u64) -> (String, usize) {
        (format!("{code:x?}"), 4)
    }
}

/// Translates one instruction; true if it ends the block.
fn one(b: &mut Builder<'_>, pc: u64, word: u32) -> bool {
    let (op, r, imm) = (word >> 24, (word >> 16 & 0xff) as u16, word as i16);
    let x = Ref::slot(r & 31);
    let there = pc.wrapping_add_signed(i64::from(imm) * 4);
    let jump = |pc| Exit { pc, kind: ExitKind::Jump, flags_dead: false };
    let poll = |b: &mut Builder<'_>| {
        if imm <= 0 {
            b.push(ir::Op::new(OpCode::Poll, Ty::I64));
        }
    };
    match op {
        1 => {
            let k = b.iconst(i64::from(imm) as u64);
            b.bin(OpCode::Add, Ty::I64, x, x, k);
            return false;
        }
        2 | 14 => {
            poll(b);
            let yes = b.exit(jump(there));
            if op == 2 {
                let zero = b.iconst(0);
                b.br_cmp(Ty::I64, Cond::Ne, x, zero, yes);
            } else {
                b.br_cond(Cond::Eq, yes);
            }
            let no = b.exit(jump(pc + 4));
            b.exit_direct(no);
        }
        3 => {
            poll(b);
            let e = b.exit(jump(there));
            b.exit_direct(e);
        }
        4 => b.emit(
            OpCode::Syscall,
            Ty::I64,
            Ref::NONE,
            Ref::NONE,
            Ref::NONE,
            Ref::NONE,
            0,
            i32::from(imm),
        ),
        5 => {
            b.ld(x, Ref::slot(1), Ref::NONE, i32::from(imm), Access::new(3));
            return false;
        }
        6 => {
            b.st(x, Ref::slot(1), Ref::NONE, i32::from(imm), Access::new(3));
            return false;
        }
        7 => b.un_aux(OpCode::ExitIndirect, Ty::I64, Ref::NONE, x, 0),
        8 => {
            poll(b);
            let ret = b.iconst(pc + 4);
            b.mov(Ty::I64, Ref::slot(30), ret);
            let e = b.exit(Exit {
                pc: there,
                kind: ExitKind::Call { return_pc: pc + 4 },
                flags_dead: true,
            });
            b.exit_direct(e);
        }
        9 => b.un_aux(OpCode::ExitIndirect, Ty::I64, Ref::NONE, Ref::slot(30), 1),
        10 => {
            b.bin(OpCode::FDiv, Ty::F64, Ref::slot(64), Ref::slot(65), Ref::slot(66));
            return false;
        }
        11 | 16 => {
            let number = i32::from(op == 16);
            b.emit(OpCode::Runtime, Ty::I64, Ref::NONE, x, Ref::NONE, Ref::NONE, 0, number);
        }
        12 => b.emit(
            OpCode::Trap,
            Ty::I64,
            Ref::NONE,
            Ref::NONE,
            Ref::NONE,
            Ref::NONE,
            TRAP_BREAKPOINT,
            7,
        ),
        13 => {
            let k = b.iconst(i64::from(imm) as u64);
            b.bin(OpCode::SubS, Ty::I64, Ref::NONE, x, k);
            return false;
        }
        15 => {
            let t = b.temp();
            b.mov(Ty::I64, t, x);
            let ret = b.iconst(pc + 4);
            b.mov(Ty::I64, Ref::slot(30), ret);
            let e = b.exit(Exit { pc: pc + 4, kind: ExitKind::Return, flags_dead: true });
            b.emit(OpCode::CallIndirect, Ty::I64, Ref::NONE, t, Ref::NONE, Ref::NONE, 0, e);
        }
        17 => {
            b.emit(OpCode::Rmw, Ty::I64, Ref::NONE, Ref::slot(1), x, Ref::NONE, 3, 0);
            return false;
        }
        18 => {
            let parts: Vec<Ref> = (0..40)
                .map(|n| {
                    let (t, k) = (b.temp(), b.iconst(n));
                    b.bin(OpCode::Add, Ty::I64, t, x, k);
                    t
                })
                .collect();
            let zero = b.iconst(0);
            let sum = parts.into_iter().fold(zero, |sum, part| {
                let t = b.temp();
                b.bin(OpCode::Add, Ty::I64, t, sum, part);
                t
            });
            b.mov(Ty::I64, x, sum);
            return false;
        }
        _ => b.emit(OpCode::Trap, Ty::I64, Ref::NONE, Ref::NONE, Ref::NONE, Ref::NONE, 0, 0),
    }
    true
}
