//! Lowered code against the evaluator: scalar floating point of guests with one NaN and boxed values.

mod random;

use engine::testing::Runner;
use engine::{FeatureLevel, Options};
use eval::NoMemory;
use guest::Guest;
use ir::state::{FIRST_VEC, SLOT_FPCR, SLOT_FPSR, exit};
use ir::vec_op::{self, VecOp};
use ir::{Block, Builder, Exit, ExitKind, Op, OpCode as O, Ref, Rounding, State, Ty};

use self::random::Random;

/// For its registers, and the rounding in its control register.
const GUEST: &dyn Guest = &guest_riscv64::Riscv64::PLAIN;
const PC: u64 = 0x10000;
const BOX: u64 = 0xffff_ffff << 32;

impl Random {
    fn single(&mut self) -> u64 {
        const CORNERS: [u32; 16] = [
            0,
            1 << 31,
            0x3f80_0000,
            0xbf80_0000,
            0x4f00_0000,
            0xcf00_0000,
            0x4f80_0000,
            0x7f7f_ffff,
            0x0080_0000,
            1,
            0x7f80_0000,
            0xff80_0000,
            0x7fc0_0000,
            0xffc0_0002,
            0x7f80_0003,
            0x5f00_0000,
        ];
        let value = match self.below(6) {
            0 | 1 => self.pick(&CORNERS),
            2 => ((self.next() % 2000) as f32 / 4.0 - 250.0).to_bits(),
            3 => self.next() as u32,
            _ => self.next() as u32 & 0x807f_ffff | 0x0080_0000 * (120 + self.below(14) as u32),
        };
        // Sometimes not in a box.
        u64::from(value) | if self.below(12) == 0 { self.next() << 32 } else { BOX }
    }
    fn double(&mut self) -> u64 {
        const CORNERS: [u64; 14] = [
            0,
            1 << 63,
            0x3ff0 << 48,
            0xbff0 << 48,
            0x41e0 << 48,
            0x43e0 << 48,
            0x43f0 << 48,
            0x0010 << 48,
            1,
            0x7ff0 << 48,
            0xfff0 << 48,
            0x7ff8 << 48,
            0xfff8 << 48 | 2,
            0x7ff0 << 48 | 3,
        ];
        let mantissa = self.next() & 0x800f_ffff_ffff_ffff;
        match self.below(6) {
            0 | 1 => self.pick(&CORNERS),
            2 => ((self.next() % 2000) as f64 / 4.0 - 250.0).to_bits(),
            3 => mantissa | (1 + self.below(2046) as u64) << 52,
            _ => mantissa | (1016 + self.below(14) as u64) << 52,
        }
    }
    fn state(&mut self) -> State {
        let mut s = State::new();
        for x in &mut s.int[..31] {
            *x = self.int();
        }
        let singles = self.below(2) == 0;
        for v in &mut s.vec[..32] {
            *v = if singles { self.single() } else { self.double() }.into();
        }
        for v in &mut s.vec[32..40] {
            let half = |r: &mut Self| {
                if singles { r.single() & 0xffff_ffff | r.single() << 32 } else { r.double() }
            };
            *v = u128::from(half(self)) << 64 | u128::from(half(self));
        }
        s.set_nzcv((self.next() as u32) & 0xf000_0000);
        s
    }
    fn v(&mut self) -> Ref {
        Ref::slot(FIRST_VEC + self.pick(&[0u16, 1, 2, 3, 20, 21, 22]))
    }
    fn x(&mut self) -> Ref {
        Ref::slot(self.pick(&[0u16, 1, 2, 7, 8, 9]))
    }
    /// As operations have it for which the current one is the usual one.
    fn rounding(&mut self) -> u16 {
        if self.below(8) == 0 { Rounding::from_u8(self.below(5) as u8).chosen() } else { 0 }
    }
}

fn operation(r: &mut Random, ty: Ty) -> Op {
    const CODES: [O; 21] = [
        O::FAdd,
        O::FSub,
        O::FMul,
        O::FDiv,
        O::FAdd,
        O::FMul,
        O::FSqrt,
        O::FMulAdd,
        O::FMulAdd,
        O::FMax,
        O::FMin,
        O::FMaxNm,
        O::FMinNm,
        O::FRound,
        O::FCvt,
        O::FToInt,
        O::IntToF,
        O::FCmpSet,
        O::FClass,
        O::FCopySign,
        O::FBox,
    ];
    let mut op = Op::new(r.pick(&CODES), ty);
    (op.dst, op.a, op.b, op.c) = (r.v(), r.v(), r.v(), r.v());
    if r.below(3) == 0 {
        op.dst = op.a;
    }
    if r.below(6) == 0 {
        op.b = op.a;
    }
    let n = r.next() as u16;
    match op.code {
        O::FMulAdd => op.aux = n & 3 | r.rounding() << 8,
        O::FRound => op.aux = r.below(6) as u16 | n << 8 & 0x100,
        O::FCvt => {
            let to = if ty == Ty::F64 { Ty::F32 } else { Ty::F64 };
            op.aux = to as u16 | if r.below(6) == 0 { r.below(5) as u16 } else { 5 } << 8;
        }
        O::FToInt => (op.dst, op.aux) = (r.x(), n & 0x18 | r.below(6) as u16),
        O::IntToF => {
            (op.a, op.aux) = (r.x(), n & 0x18 | r.rounding());
            (op.b, op.c) = (Ref::NONE, Ref::NONE);
        }
        O::FCmpSet => (op.dst, op.aux) = (r.x(), n & 0x80 | r.below(14) as u16),
        O::FClass => op.dst = r.x(),
        O::FCopySign => op.aux = n % 3,
        O::FBox if ty == Ty::F64 => op.code = O::MovV,
        O::FAdd | O::FSub | O::FMul | O::FDiv | O::FSqrt => op.aux = r.rounding() << 8,
        _ => {}
    }
    op
}

/// A vector operation on registers that are not scalar ones.
fn vector(r: &mut Random, ty: Ty) -> Op {
    const CODES: [VecOp; 17] = [
        VecOp::FAdd,
        VecOp::FSub,
        VecOp::FMul,
        VecOp::FDiv,
        VecOp::FMla,
        VecOp::FMls,
        VecOp::FMaxNm,
        VecOp::FMinNm,
        VecOp::FSqrt,
        VecOp::FRound,
        VecOp::FToInt,
        VecOp::IntToF,
        VecOp::FCmEq,
        VecOp::FCmGt,
        VecOp::FCmGe,
        VecOp::FCvtL,
        VecOp::FCvtN,
    ];
    let code = r.pick(&CODES);
    let mut op = Op::new(O::Vec, Ty::V128);
    let lane = if ty == Ty::F64 && !matches!(code, VecOp::FCvtL | VecOp::FCvtN) { 3 } else { 2 };
    let param = match code {
        VecOp::FRound => r.below(6) as i32 | r.pick(&[0, 8]),
        VecOp::FToInt => r.pick(&[3, 5]) | r.pick(&[0, 8]),
        VecOp::IntToF => r.pick(&[0, 8]),
        VecOp::FCvtL => r.below(2) as i32,
        _ => 0,
    };
    (op.aux, op.imm) = (code as u16, vec_op::imm(lane, param));
    let mut v = || Ref::slot(96 + r.below(8) as u16);
    (op.dst, op.a, op.b, op.c) = (v(), v(), v(), v());
    op
}

/// Reads the status, with its lowest bits in either order, or writes it.
fn status(r: &mut Random, b: &mut Builder<'_>) {
    match r.below(3) {
        0 => b.push(Op { dst: r.x(), ..Op::new(O::ReadFpStatus, Ty::I64) }),
        1 => {
            let (status, reversed, dst) = (b.temp(), b.temp(), r.x());
            let amount = b.iconst(55 + r.below(9) as u64);
            b.push(Op { dst: status, ..Op::new(O::ReadFpStatus, Ty::I64) });
            b.un(O::Rbit, Ty::I64, reversed, status);
            b.bin(O::Shr, Ty::I64, dst, reversed, amount);
        }
        _ => b.un(O::WriteFpStatus, Ty::I64, Ref::NONE, r.x()),
    }
}

fn block(r: &mut Random) -> Block {
    let mut block = Block { pc: PC, fp: softfloat::rules::RISCV, ..Block::default() };
    let mut b = Builder::new(&mut block);
    let main = r.pick(&[Ty::F32, Ty::F64]);
    let count = 1 + r.below(6) as u32;
    for n in 0..count {
        b.insn(4 * n);
        let ty = if r.below(10) == 0 { r.pick(&[Ty::F16, Ty::F32, Ty::F64]) } else { main };
        let wide = r.below(3) == 0 && ty != Ty::F16;
        let op = if wide { vector(r, ty) } else { operation(r, ty) };
        b.push(op);
        if r.below(6) == 0 {
            status(r, &mut b);
        }
        if r.below(8) == 0 {
            let label = b.label();
            b.place(label);
        }
    }
    b.insn(4 * count);
    let exit = b.exit(Exit { pc: PC + 0x1000, kind: ExitKind::Jump, flags_dead: true });
    b.exit_direct(exit);
    block.len = 4 * count + 4;
    if r.below(5) == 0 {
        let insns = block.ops.iter().filter(|o| o.code == O::Insn);
        block.trapping = insns.map(|o| o.imm as u32).collect();
    }
    block
}

fn copy(s: &State) -> State {
    let mut c = State::new();
    c.int = s.int;
    c.vec = s.vec;
    c.flags = s.flags;
    c.fp = GUEST.control(s).fp;
    c
}

/// `block` from the instruction at `pc` on.
fn rest(block: &Block, pc: u64) -> Block {
    let at = |o: &Op| o.code == O::Insn && PC + o.imm as u64 == pc;
    let mut rest = block.clone();
    let n = rest.ops.iter().position(at).expect("an instruction");
    rest.ops.drain(..n);
    rest
}

#[derive(Default)]
struct Tally {
    runs: u32,
    interpreted: u32,
}

fn check(runner: &mut Runner, block: &Block, start: &State, tally: &mut Tally) {
    let mut got = copy(start);
    let left = runner.run(block, &mut got);
    got.fp = copy(start).fp;
    tally.runs += 1;
    if left.reason == exit::INTERPRET {
        // The evaluator goes on from there, and must find what it would have made.
        tally.interpreted += 1;
        eval::run(&rest(block, got.pc()), &mut got, &mut NoMemory);
    } else {
        assert_eq!(left.reason, exit::LINK, "{block:?}");
    }
    let mut want = copy(start);
    eval::run(block, &mut want, &mut NoMemory);
    let show = |runner: &mut Runner| {
        format!("{left:?} {block:#?}\n{:016x?}\n{:02x?}", &start.vec[..40], runner.host_code(block))
    };
    for n in 0..40 {
        let (got, want) = (got.vec[n], want.vec[n]);
        assert_eq!(got, want, "v{n}: {got:032x} not {want:032x} {}", show(runner));
    }
    for n in (0..31).chain([usize::from(SLOT_FPSR)]) {
        let (got, want) = (got.int[n], want.int[n]);
        assert_eq!(got, want, "x{n}: {got:x} not {want:x} {}", show(runner));
    }
}

fn run(level: FeatureLevel, seed: u64) {
    let options = Options { features: level, cache_size: 64 << 20, ..Options::default() };
    let mut runner = Runner::new(GUEST, options).expect("a runner");
    let mut r = Random(seed);
    let mut tally = Tally::default();
    for _ in 0..20_000 {
        let mut block = block(&mut r);
        // The host does not have the last mode.
        let mode = if r.below(2) == 0 { r.below(5) as u64 } else { 0 };
        block.fp_exact = mode == 4;
        assert_eq!(ir::verify(&block), Ok(()));
        for _ in 0..3 {
            let mut state = r.state();
            state.int[usize::from(SLOT_FPCR)] = mode;
            check(&mut runner, &block, &state, &mut tally);
        }
    }
    println!("{} of {} runs left to the evaluator", tally.interpreted, tally.runs);
}

#[test]
fn with_all_features() {
    run(FeatureLevel::Auto, 0x9e37_79b9_7f4a_7c15);
}

#[test]
fn without_avx() {
    run(FeatureLevel::Sse42, 0x1234_5678_9abc_def1);
}
