//! Lowered code against the evaluator: floating-point and vector operations on random operands,
//! in every combination of pinned and other registers, in sequences.

mod random;

use engine::testing::Runner;
use engine::{FeatureLevel, Options};
use eval::NoMemory;
use guest::Guest;
use ir::state::{SLOT_FPCR, SLOT_FPSR, exit};
use ir::vec_op::{self, SCALAR};
use ir::{Block, Builder, Cond, Exit, ExitKind, Op, OpCode, Ref, State, Ty, VecOp};

use self::random::Random;

const GUEST: &dyn Guest = &guest_aarch64::Aarch64::PLAIN;

impl Random {
    fn single(&mut self, nan: bool) -> u32 {
        const CORNERS: [u32; 12] = [
            0,
            1 << 31,
            0x3f80_0000,
            0xbf80_0000,
            0x3f00_0000,
            0x4f00_0000,
            0xcf00_0000,
            0x4f80_0000,
            0x7f7f_ffff,
            0x0080_0000,
            1,
            0x5f00_0000,
        ];
        const NANS: [u32; 5] = [0x7f80_0000, 0xff80_0000, 0x7fc0_0001, 0xffc0_0002, 0x7f80_0003];
        match self.below(8) {
            0 | 1 => self.pick(&CORNERS),
            2 if nan => self.pick(&NANS),
            3 => ((self.next() % 2000) as f32 / 4.0 - 250.0).to_bits(),
            4 => self.next() as u32 & 0x807f_ffff | 0x0080_0000 * (1 + self.below(254) as u32),
            _ => self.next() as u32 & 0x807f_ffff | 0x0080_0000 * (120 + self.below(14) as u32),
        }
    }
    fn double(&mut self, nan: bool) -> u64 {
        const CORNERS: [u64; 12] = [
            0,
            1 << 63,
            0x3ff0 << 48,
            0xbff0 << 48,
            0x3fe0 << 48,
            0x41e0 << 48,
            0xc1e0 << 48,
            0x41f0 << 48,
            0x43e0 << 48,
            0x43f0 << 48,
            0xc3e0 << 48,
            1,
        ];
        const NANS: [u64; 5] =
            [0x7ff0 << 48, 0xfff0 << 48, 0x7ff8 << 48 | 1, 0xfff8 << 48 | 2, 0x7ff0 << 48 | 3];
        let mantissa = self.next() & 0x800f_ffff_ffff_ffff;
        match self.below(8) {
            0 | 1 => self.pick(&CORNERS),
            2 if nan => self.pick(&NANS),
            3 => ((self.next() % 2000) as f64 / 4.0 - 250.0).to_bits(),
            4 => mantissa | (1 + self.below(2046) as u64) << 52,
            _ => mantissa | (1016 + self.below(14) as u64) << 52,
        }
    }
    fn vector(&mut self) -> u128 {
        let nan = self.below(3) == 0;
        let v = match self.below(4) {
            0 => (0..4).fold(0, |v, _| v << 32 | u128::from(self.single(nan))),
            1 => (0..2).fold(0, |v, _| v << 64 | u128::from(self.double(nan))),
            2 => (0..16).fold(0, |v, _| {
                v << 8 | u128::from(self.pick(&[0u8, 1, 0x7f, 0x80, 0xff, 0xfe, 9, 15, 16, 3]))
            }),
            _ => u128::from(self.next()) << 64 | u128::from(self.next()),
        };
        match self.below(5) {
            0 => v & u128::from(u64::MAX),
            1 => v & 0xffff_ffff,
            _ => v,
        }
    }
    fn state(&mut self) -> State {
        let mut s = State::new();
        for x in &mut s.int[..31] {
            *x = self.int();
        }
        for v in &mut s.vec[..32] {
            *v = self.vector();
        }
        if self.below(3) == 0 {
            // Amounts of shifts, the same in all lanes.
            for v in s.vec.iter_mut().step_by(2) {
                let amount = self.below(140) as u8;
                let low = if self.below(2) == 0 { amount } else { amount.wrapping_neg() };
                let high = if self.below(2) == 0 { 0 } else { (self.next() as u128) << 8 & 0xff00 };
                *v = (0..8).fold(0, |v, _| v << 16 | high | u128::from(low));
            }
        }
        s.set_nzcv((self.next() as u32) & 0xf000_0000);
        if self.below(3) == 0 {
            s.int[usize::from(SLOT_FPCR)] = (self.next() & 3) << 22;
        }
        s
    }
    fn v(&mut self) -> Ref {
        Ref::slot(64 + self.pick(&[0u16, 1, 2, 3, 7, 20, 21, 22, 23]))
    }
    fn x(&mut self) -> Ref {
        Ref::slot(self.pick(&[0u16, 1, 2, 7, 8, 9]))
    }
}

/// All types and lanes that an operation is used with, and random parameters.
fn vector_forms(v: VecOp, r: &mut Random) -> Vec<(Ty, u8, i32)> {
    use VecOp::*;
    let both = |lanes: &[u8], param: i32| -> Vec<(Ty, u8, i32)> {
        lanes.iter().flat_map(|&l| [(Ty::V64, l, param), (Ty::V128, l, param)]).collect()
    };
    let full = |lanes: &[u8], param: i32| -> Vec<(Ty, u8, i32)> {
        lanes.iter().map(|&l| (Ty::V128, l, param)).collect()
    };
    let floats = |param: i32| -> Vec<(Ty, u8, i32)> {
        vec![
            (Ty::V64, 2, param),
            (Ty::V128, 2, param),
            (Ty::V128, 3, param),
            (Ty::V128, 2, param | SCALAR),
            (Ty::V128, 3, param | SCALAR),
            (Ty::V128, 1, param),
        ]
    };
    let any = r.next() as i32 & 0x7f;
    if let Some(forms) = packed_forms(v, any) {
        return forms;
    }
    match v {
        And | Or | Xor | AndNot | OrNot | Not | Select | Cnt | RBit | PMul => both(&[0], 0),
        Add | Sub | Neg | Abs | CmEq | CmGtS | CmGeS | CmGtU | CmGeU | CmTst | QAddS | QAddU
        | QSubS | QSubU | SuqAdd | UsqAdd | QAbs | QNeg | ShlU | ShlS | RShlU | RShlS | QShlU
        | QShlS | QRShlU | QRShlS => both(&[0, 1, 2, 3], 0),
        Mul | Mla | Mls | MaxS | MaxU | MinS | MinU | AbdS | AbdU | HAddS | HAddU | HSubS
        | HSubU | RHAddS | RHAddU | Clz | Cls | MaxPS | MaxPU | MinPS | MinPU | AddLpS | AddLpU
        | AdaLpS | AdaLpU => both(&[0, 1, 2], 0),
        ShlAll | ShrUAll => full(&[1, 2, 3], 0),
        ShrSAll => full(&[1, 2], 0),
        QDMulH | QRDMulH | QRDMlaH | QRDMlsH => both(&[1, 2], 0),
        Rev16 => both(&[0], 0),
        Rev32 => both(&[0, 1], 0),
        Rev64 => both(&[0, 1, 2], 0),
        URecpe | URsqrte | DotS | DotU | DotUS => both(&[2], 0),
        ShlI | QShlIS | QShlIU | QShlIUS | Sli => {
            (0..4).flat_map(|l| both(&[l], any % (8 << l))).collect()
        }
        ShrU | ShrS | RShrU | RShrS | Sri => {
            (0..4).flat_map(|l| both(&[l], 1 + any % (8 << l))).collect()
        }
        ExtS | ExtU => {
            (0..3).flat_map(|l| full(&[l], any & 1 | (any >> 1) % (8 << l) << 1)).collect()
        }
        MulLS | MulLU | MlaLS | MlaLU | MlsLS | MlsLU | AbdLS | AbdLU | AddWS | AddWU | SubWS
        | SubWU => full(&[0, 1, 2], any & 1),
        QDMulL | QDMlaL | QDMlsL => full(&[1, 2], any & 1),
        PMulL => full(&[0, 3], any & 1),
        Narrow | RNarrow | QNarrowS | QNarrowU | QNarrowSU | QRNarrowS | QRNarrowU | QRNarrowSU => {
            (0..3).flat_map(|l| full(&[l], any % ((8 << l) + 1) | (any & 1) << 8)).collect()
        }
        AddHn | RAddHn | SubHn | RSubHn => full(&[0, 1, 2], (any & 1) << 8),
        AddP => [both(&[0, 1, 2], 0), full(&[3], 0)].concat(),
        AddV => [both(&[0, 1], 0), full(&[2, 3], 0)].concat(),
        AddLvS | AddLvU | MaxVS | MaxVU | MinVS | MinVU => {
            [both(&[0, 1], 0), full(&[2], 0)].concat()
        }
        DupInt => both(&[0, 1, 2, 3], 0),
        DupLane => (0..4).flat_map(|l| both(&[l], any % (16 >> l))).collect(),
        InsInt => (0..4).flat_map(|l| full(&[l], any % (16 >> l))).collect(),
        InsLane => {
            let n = r.next() as i32;
            (0..4).flat_map(|l| full(&[l], any % (16 >> l) | (n & 15) % (16 >> l) << 4)).collect()
        }
        Ext => vec![(Ty::V64, 0, any % 8), (Ty::V128, 0, any % 16)],
        Zip1 | Zip2 | Uzp1 | Uzp2 | Trn1 | Trn2 => [both(&[0, 1, 2], 0), full(&[3], 0)].concat(),
        Tbl1 => both(&[0], 0),
        Tbx1 => both(&[0], 16 * (any & 3)),
        Low => full(&[0, 1, 2, 3], 0),
        High | Combine => full(&[3], 0),
        MmlaS | MmlaU | MmlaUS | BfMmla => full(&[2], 0),
        BfDot | BfMlaL => both(&[2], 0),
        BfCvtN => full(&[1], (any & 1) << 8),
        BfCvt => full(&[1], 0),
        FRound => floats(any % 6 | (any & 8)),
        FRoundInt => floats(3),
        FToInt => {
            floats(any % 6 | any & 8 | (any >> 4 & 3) << 4 & if any & 1 == 0 { 0 } else { -1 })
        }
        IntToF => floats(any & 8 | (any >> 4 & 3) << 4 & if any & 1 == 0 { 0 } else { -1 }),
        FCvtL => full(&[1, 2], any & 1),
        FCvtN | FCvtXn => full(if v == FCvtN { &[1, 2] } else { &[2] }, (any & 1) << 8),
        FMaxV | FMinV | FMaxNmV | FMinNmV => full(&[2], 0),
        FCAdd => vec![(Ty::V64, 2, any & 1), (Ty::V128, 2, any & 1), (Ty::V128, 3, any & 1)],
        FCMla => vec![(Ty::V64, 2, any & 3), (Ty::V128, 2, any & 3), (Ty::V128, 3, any & 3)],
        FMlaL => both(&[2], any & 3),
        FRecpx => vec![(Ty::V128, 2, SCALAR), (Ty::V128, 3, SCALAR)],
        FAddP | FMaxP | FMinP | FMaxNmP | FMinNmP => {
            let mut f = floats(0);
            f.retain(|f| f.2 & SCALAR == 0);
            f
        }
        v if (FAdd..=FMinNmP).contains(&v) => floats(0),
        Xar => full(&[3], any & 63),
        Sm3Tt1a | Sm3Tt1b | Sm3Tt2a | Sm3Tt2b => full(&[2], any & 3),
        _ => full(&[0], 0),
    }
}

/// The same of what MMX, SSE and AVX have.
fn packed_forms(v: VecOp, any: i32) -> Option<Vec<(Ty, u8, i32)>> {
    use VecOp::*;
    let of = |types: &[Ty], lanes: &[u8], param: i32| -> Vec<(Ty, u8, i32)> {
        lanes.iter().flat_map(|&lane| types.iter().map(move |&ty| (ty, lane, param))).collect()
    };
    let both = |lanes: &[u8], param: i32| of(&[Ty::V64, Ty::V128], lanes, param);
    let full = |lanes: &[u8], param: i32| of(&[Ty::V128], lanes, param);
    Some(match v {
        FInsInt => full(&[2, 3], any & 1),
        MulHS | MulHU | MulHRS | MulAddS | QAddP | QSubP => both(&[1], 0),
        MulAddUS | Sad | Shuffle => both(&[0], 0),
        MulEvenS | MulEvenU => both(&[2], 0),
        Sign | SubP => both(&[0, 1, 2], 0),
        PackS | PackU => both(&[0, 1], 0),
        SadBlocks => full(&[0], any & 7),
        MinPos => full(&[1], 0),
        Pick => [full(&[1], any | (any & 1) << 10), full(&[2], any)].concat(),
        PickPair => full(&[2, 3], any),
        Blend => full(&[1, 2, 3], any),
        BlendBy => full(&[0, 2, 3], 0),
        PickBy | ShlV | ShrUV => full(&[2, 3], 0),
        ShrSV => full(&[2], 0),
        PMulHalves => full(&[3], any & 0x11),
        AesRound => full(&[0], any & 3),
        AesKeyGen | Text => full(&[0], any),
        Sha1Rounds => full(&[2], any & 3),
        GfAffine => full(&[0], any | (any & 1) << 8),
        FCmp | FMulAdd => full(&[2, 3], any & 31),
        _ => return None,
    })
}

/// One random operation on random registers.
fn scalar_op(r: &mut Random) -> Op {
    const CODES: &[OpCode] = &[
        OpCode::FAdd,
        OpCode::FSub,
        OpCode::FMul,
        OpCode::FNMul,
        OpCode::FDiv,
        OpCode::FSqrt,
        OpCode::FMax,
        OpCode::FMin,
        OpCode::FMaxNm,
        OpCode::FMinNm,
        OpCode::FMulAdd,
        OpCode::FAbs,
        OpCode::FNeg,
        OpCode::FRound,
        OpCode::FRoundInt,
        OpCode::FCvt,
        OpCode::FToInt,
        OpCode::FToIntV,
        OpCode::IntToF,
        OpCode::IntVToF,
        OpCode::FJcvt,
        OpCode::FCmp,
        OpCode::FCcmp,
        OpCode::MovV,
        OpCode::Sel,
        OpCode::IntToVec,
        OpCode::VecToInt,
        OpCode::VecMask,
        OpCode::VecFromPair,
    ];
    let code = r.pick(CODES);
    let mut op = Op::new(code, r.pick(&[Ty::F32, Ty::F64, Ty::F32, Ty::F64, Ty::F16]));
    (op.dst, op.a, op.b, op.c) = (r.v(), r.v(), r.v(), r.v());
    let rounding = r.below(6) as u16;
    let n = r.next() as u16;
    match code {
        OpCode::FMulAdd => op.aux = n & 3,
        OpCode::FRound => op.aux = rounding | n << 8 & 0x100,
        OpCode::FRoundInt => {
            op.ty = r.pick(&[Ty::F32, Ty::F64]);
            op.aux = r.pick(&[3, 5]) | r.pick(&[32, 64]) << 8;
        }
        OpCode::FCvt => {
            let others = [Ty::F16, Ty::F32, Ty::F64].map(|t| if t == op.ty { Ty::F64 } else { t });
            let to = r.pick(&others);
            op.ty = if op.ty == to { Ty::F32 } else { op.ty };
            op.aux = to as u16 | 5 << 8;
        }
        OpCode::FToInt | OpCode::IntToF => {
            let fbits = if n & 32 != 0 { n >> 8 & 31 } else { 0 };
            op.aux = n & 0x18 | fbits << 8;
            if code == OpCode::FToInt {
                op.aux |= rounding;
                op.dst = r.x();
            } else {
                op.a = r.x();
            }
        }
        OpCode::FToIntV | OpCode::IntVToF => {
            op.aux = n & 8 | if code == OpCode::FToIntV { rounding } else { 0 };
        }
        OpCode::FJcvt => {
            op.ty = Ty::F64;
            op.dst = r.x();
        }
        OpCode::FCmp => {
            op.aux = n & 1;
            op.dst = Ref::NONE;
        }
        OpCode::FCcmp => {
            op.aux = n & 0xf8f;
            op.dst = Ref::NONE;
        }
        OpCode::MovV => op.ty = r.pick(&[Ty::F32, Ty::F64, Ty::V64, Ty::V128, Ty::F16]),
        OpCode::Sel => {
            op.ty = r.pick(&[Ty::F32, Ty::F64, Ty::V128]);
            op.aux = n & 15;
        }
        OpCode::IntToVec => {
            op.a = r.x();
            op.ty = r.pick(&[Ty::F32, Ty::F64, Ty::V64, Ty::F16]);
        }
        OpCode::VecMask => {
            op.dst = r.x();
            op.aux = n & 3;
        }
        OpCode::VecToInt => {
            op.dst = r.x();
            op.ty = Ty::I64;
            let l = n & 3;
            op.aux = (n >> 8) % (16 >> l) | l << 8 | ((n >> 4) % 3) << 12;
        }
        OpCode::VecFromPair => {
            (op.a, op.b) = (r.x(), r.x());
            op.ty = Ty::V128;
        }
        _ => {}
    }
    trim(&mut op);
    op
}

/// A comparison of strings in random registers.
fn text_index(r: &mut Random) -> Op {
    let mut op = Op::new(OpCode::VecTextIndex, Ty::I64);
    (op.dst, op.a, op.b, op.c) = (r.x(), r.v(), r.v(), r.v());
    op.aux = r.next() as u16 & 0x17f;
    if op.aux & 0x100 == 0 {
        op.c = Ref::NONE;
    }
    op
}

/// Removes operands that the operation does not have.
fn trim(op: &mut Op) {
    let operands = match op.code {
        OpCode::FSqrt
        | OpCode::FAbs
        | OpCode::FNeg
        | OpCode::FRound
        | OpCode::FRoundInt
        | OpCode::FCvt
        | OpCode::FToInt
        | OpCode::FToIntV
        | OpCode::IntToF
        | OpCode::IntVToF
        | OpCode::FJcvt
        | OpCode::MovV
        | OpCode::IntToVec
        | OpCode::VecToInt
        | OpCode::VecMask => 1,
        OpCode::FMulAdd | OpCode::Vec => 3,
        _ => 2,
    };
    if operands < 3 {
        op.c = Ref::NONE;
    }
    if operands < 2 {
        op.b = Ref::NONE;
    }
}

fn vector_op(v: VecOp, form: (Ty, u8, i32), r: &mut Random) -> Op {
    let mut op = Op::new(OpCode::Vec, form.0);
    op.aux = v as u16;
    op.imm = vec_op::imm(form.1, form.2);
    (op.dst, op.a, op.b, op.c) = (r.v(), r.v(), r.v(), r.v());
    match v {
        VecOp::DupInt => op.a = r.x(),
        VecOp::InsInt | VecOp::FInsInt => op.b = r.x(),
        _ => {}
    }
    op
}

/// The operations as instructions, with some flag readers and temporaries between them.
fn block_of(ops: &[Op], r: &mut Random) -> Block {
    let mut block = Block { pc: 0x10000, len: 4 * ops.len() as u32, ..Block::default() };
    let mut b = Builder::new(&mut block);
    for (i, op) in ops.iter().enumerate() {
        b.insn(4 * i as u32);
        let mut op = *op;
        let is_vector = |x: Ref| x.as_slot().is_some_and(|s| s >= 64);
        if is_vector(op.b) && r.below(12) == 0 {
            let v = r.vector();
            op.b = b.vconst(if r.below(2) == 0 { 0 } else { v });
        }
        if is_vector(op.a) && r.below(10) == 0 {
            let t = b.temp();
            b.mov(Ty::V128, t, op.a);
            op.a = t;
        }
        if is_vector(op.dst) && r.below(10) == 0 {
            let t = b.temp();
            let dst = core::mem::replace(&mut op.dst, t);
            b.push(op);
            b.mov(Ty::V128, dst, t);
        } else {
            b.push(op);
        }
        if op.code.writes_flags() && r.below(2) == 0 {
            let cond = Cond::from_u8(r.next() as u8 & 15);
            let dst = r.x();
            b.emit(OpCode::SetCond, Ty::I64, dst, Ref::NONE, Ref::NONE, Ref::NONE, cond as u16, 0);
        }
    }
    let e = b.exit(Exit { pc: 0x20000, kind: ExitKind::Jump, flags_dead: false });
    b.exit_direct(e);
    block
}

/// The part of a block before the instruction at `pc`.
fn before(block: &Block, pc: u64) -> Block {
    let mut part = block.clone();
    let at = part.ops.iter().position(|o| o.code == OpCode::Insn && block.pc + o.imm as u64 == pc);
    part.ops.truncate(at.expect("an instruction"));
    part
}

#[derive(Default)]
struct Tally {
    runs: u32,
    interpreted: u32,
    needless: Vec<String>,
}

fn check(runner: &mut Runner, block: &Block, start: &State, tally: &mut Tally) {
    let copy = |s: &State| {
        let mut c = State::new();
        c.int = s.int;
        c.vec = s.vec;
        c.flags = s.flags;
        c.fp = GUEST.control(s).fp;
        c
    };
    let mut got = copy(start);
    let left = runner.run(block, &mut got);
    tally.runs += 1;
    let mut want = copy(start);
    if left.reason == exit::INTERPRET {
        tally.interpreted += 1;
        let part = before(block, got.pc());
        eval::run(&part, &mut want, &mut NoMemory);
        want.set_pc(got.pc());
        // Something must be there that the host cannot do: Invalid, or a NaN.
        let mut after = copy(&want);
        after.int[usize::from(SLOT_FPSR)] = 0;
        let mut rest = block.clone();
        let n = part.ops.len() + 1;
        rest.ops.drain(..n);
        if let Some(end) = rest.ops.iter().position(|o| o.code == OpCode::Insn) {
            rest.ops.truncate(end);
        }
        eval::run(&rest, &mut after, &mut NoMemory);
        // What the evaluator makes of it: the sources must be as they were.
        let (invalid, pc) = (after.int[usize::from(SLOT_FPSR)] & 1, got.pc());
        eval::run(&rest, &mut got, &mut NoMemory);
        eval::run(&rest, &mut want, &mut NoMemory);
        got.set_pc(pc);
        want.set_pc(pc);
        let after = &block.ops[n - 1..];
        let next = after.iter().map(|o| o.code).find(|c| c.reads_flags() || c.writes_flags());
        if next.is_some_and(|c| !c.reads_flags()) {
            // Nothing will read them.
            got.flags = want.flags;
        }
        if invalid == 0 {
            tally.needless.push(format!("{:?}", rest.ops.first()));
        }
    } else {
        assert_eq!(left.reason, exit::LINK, "{block:?}");
        eval::run(block, &mut want, &mut NoMemory);
        want.set_pc(got.pc());
    }
    for i in 0..32 {
        assert_eq!(
            got.vec[i],
            want.vec[i],
            "v{i}: {:032x} not {:032x} (reason {})\n{block:#?}\nfrom {:032x?}\n{:02x?}",
            got.vec[i],
            want.vec[i],
            left.reason,
            &start.vec[..24],
            runner.host_code(block)
        );
    }
    // Where a tiny result rounds up to a normal one, x86 does not see an underflow.
    let fpsr = usize::from(SLOT_FPSR);
    if want.int[fpsr] & 0x18 == 0x18 && got.int[fpsr] & 0x10 != 0 {
        got.int[fpsr] |= 8;
    }
    for i in 0..INT_CHECKED {
        assert_eq!(
            got.int[i],
            want.int[i],
            "x{i} (reason {})\n{block:#?}\nfrom {:032x?}\nints {:x?}",
            left.reason,
            &start.vec[..24],
            &start.int[..10]
        );
    }
    assert_eq!(got.nzcv(), want.nzcv(), "flags (reason {})\n{block:#?}", left.reason);
}

const INT_CHECKED: usize = 36;

/// Sometimes instructions that are known to trap, or flush to zero, default NaN and alternative half
/// precision, of which the control bits are given.
fn controlled(block: &mut Block, r: &mut Random) -> u64 {
    match r.below(6) {
        0 => {
            let insns = block.ops.iter().filter(|o| o.code == OpCode::Insn);
            block.trapping = insns.map(|o| o.imm as u32).collect();
            0
        }
        1 => {
            block.fp_exact = true;
            r.next() & (1 << 24 | 1 << 25 | 1 << 26 | 1 << 19)
        }
        _ => 0,
    }
}

fn scalars(level: FeatureLevel, seed: u64) {
    let options = Options { features: level, cache_size: 64 << 20, ..Options::default() };
    let mut runner = Runner::new(GUEST, options).expect("a runner");
    let mut r = Random(seed);
    let mut tally = Tally::default();
    for _ in 0..6000 {
        let n = 1 + r.below(4);
        let ops: Vec<Op> = (0..n).map(|_| scalar_op(&mut r)).collect();
        let mut block = block_of(&ops, &mut r);
        let control = controlled(&mut block, &mut r);
        for _ in 0..3 {
            let mut state = r.state();
            state.int[usize::from(SLOT_FPCR)] |= control;
            check(&mut runner, &block, &state, &mut tally);
        }
    }
    report(tally);
}

fn vectors(level: FeatureLevel, seed: u64) {
    let options = Options { features: level, cache_size: 64 << 20, ..Options::default() };
    let mut runner = Runner::new(GUEST, options).expect("a runner");
    let mut r = Random(seed);
    let mut tally = Tally::default();
    for round in 0..12 {
        for &v in VecOp::ALL {
            for form in vector_forms(v, &mut r) {
                let mut ops = vec![vector_op(v, form, &mut r)];
                if round > 3 {
                    let w = r.pick(VecOp::ALL);
                    let forms = vector_forms(w, &mut r);
                    let second = vector_op(w, r.pick(&forms), &mut r);
                    ops.push(second);
                    ops.push(scalar_op(&mut r));
                    ops.push(text_index(&mut r));
                }
                let mut block = block_of(&ops, &mut r);
                let control = controlled(&mut block, &mut r);
                for _ in 0..3 {
                    let mut state = r.state();
                    state.int[usize::from(SLOT_FPCR)] |= control;
                    check(&mut runner, &block, &state, &mut tally);
                }
            }
        }
    }
    report(tally);
}

/// Pairs of instructions that become one.
#[test]
fn aes_rounds() {
    let options = Options { cache_size: 64 << 20, ..Options::default() };
    let mut runner = Runner::new(GUEST, options).expect("a runner");
    let mut r = Random(0x3234_5678_9abc_def1);
    let mut tally = Tally::default();
    let form = (Ty::V128, 0, 0);
    for _ in 0..200 {
        let (first, second) = r.pick(&[(VecOp::AesE, VecOp::AesMc), (VecOp::AesD, VecOp::AesImc)]);
        let ops: Vec<Op> = (0..3)
            .flat_map(|_| {
                let one = vector_op(first, form, &mut r);
                let mut two = vector_op(second, form, &mut r);
                (two.dst, two.a) = (one.dst, one.dst);
                [one, two]
            })
            .collect();
        let block = block_of(&ops, &mut r);
        let state = r.state();
        check(&mut runner, &block, &state, &mut tally);
    }
}

fn report(tally: Tally) {
    println!("{} runs, {} interpreted", tally.runs, tally.interpreted);
    let mut needless = std::collections::BTreeMap::<String, u32>::new();
    for op in &tally.needless {
        *needless.entry(op.split_whitespace().nth(2).unwrap_or("").to_owned()).or_default() += 1;
    }
    println!("not needed by Invalid: {needless:?}");
}

#[test]
fn scalar_operations() {
    scalars(FeatureLevel::Auto, 0x1234_5678_9abc_def1);
}

#[test]
fn scalar_operations_on_old_hosts() {
    scalars(FeatureLevel::Sse42, 0x1234_5678_9abc_def3);
}

#[test]
fn vector_operations() {
    vectors(FeatureLevel::Auto, 0x2234_5678_9abc_def1);
}

#[test]
fn vector_operations_on_old_hosts() {
    vectors(FeatureLevel::Sse42, 0x2234_5678_9abc_def3);
}
