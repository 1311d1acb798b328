//! Operations that are composed of others say what the evaluator says of them as one.

use crate::{Aarch64, Cpu};
use eval::{Env, NoMemory};
use guest::{Guest, Mode};
use ir::state::SLOT_FPSR;
use ir::{Block, Op, OpCode, State, Ty, VecOp, vec_op};
use isa::Rng;

/// Where the operands are: `rd`, `rn` and `rm` are v16, v1 and v2.
#[derive(Clone, Copy)]
enum Form {
    /// rd = op(rn, rm, rd)
    Three,
    /// rd = op(rd, rn)
    Update,
    /// rd = op(rn), or op(rn, rn, rd)
    One,
}
use Form::{One, Three, Update};

/// A word with `q` and lane 0, what it is, the lanes it has, its parameter.
const VECTORS: [(u32, Form, VecOp, &[u8]); 26] = [
    (0x0e20_3830, Update, VecOp::SuqAdd, &[0, 1, 2, 3]),
    (0x2e20_3830, Update, VecOp::UsqAdd, &[0, 1, 2, 3]),
    (0x0e22_2430, Three, VecOp::HSubS, &[0, 1, 2]),
    (0x2e22_2430, Three, VecOp::HSubU, &[0, 1, 2]),
    (0x0e22_4430, Three, VecOp::ShlS, &[0, 1, 2, 3]),
    (0x2e22_4430, Three, VecOp::ShlU, &[0, 1, 2, 3]),
    (0x0e22_5430, Three, VecOp::RShlS, &[0, 1, 2, 3]),
    (0x2e22_5430, Three, VecOp::RShlU, &[0, 1, 2, 3]),
    (0x0e22_4c30, Three, VecOp::QShlS, &[0, 1, 2, 3]),
    (0x2e22_4c30, Three, VecOp::QShlU, &[0, 1, 2, 3]),
    (0x0e22_5c30, Three, VecOp::QRShlS, &[0, 1, 2, 3]),
    (0x2e22_5c30, Three, VecOp::QRShlU, &[0, 1, 2, 3]),
    (0x2e02_8430, Three, VecOp::QRDMlaH, &[1, 2]),
    (0x2e02_8c30, Three, VecOp::QRDMlsH, &[1, 2]),
    (0x0e20_7830, One, VecOp::QAbs, &[0, 1, 2, 3]),
    (0x0e20_4830, One, VecOp::Cls, &[0, 1, 2]),
    (0x2e20_4830, One, VecOp::Clz, &[0, 1, 2]),
    (0x0e22_9030, Three, VecOp::QDMlaL, &[1, 2]),
    (0x0e22_b030, Three, VecOp::QDMlsL, &[1, 2]),
    (0x0e22_e030, Three, VecOp::PMulL, &[0]),
    (0x0e21_4830, One, VecOp::QNarrowS, &[0, 1, 2]),
    (0x2e21_4830, One, VecOp::QNarrowU, &[0, 1, 2]),
    (0x2e21_2830, One, VecOp::QNarrowSU, &[0, 1, 2]),
    (0x2e21_d830, One, VecOp::IntToF, &[2, 3]),
    (0x2e42_1430, Three, VecOp::FAddP, &[1]),
    (0x0e30_f830, One, VecOp::FMaxV, &[1]),
];

/// A shift by immediate with `q` and no amount, what it is; to the left if so.
const SHIFTS: [(u32, VecOp, bool); 11] = [
    (0x0f00_7430, VecOp::QShlIS, true),
    (0x2f00_7430, VecOp::QShlIU, true),
    (0x2f00_6430, VecOp::QShlIUS, true),
    (0x0f00_9430, VecOp::QNarrowS, false),
    (0x2f00_9430, VecOp::QNarrowU, false),
    (0x2f00_8430, VecOp::QNarrowSU, false),
    (0x0f00_9c30, VecOp::QRNarrowS, false),
    (0x2f00_9c30, VecOp::QRNarrowU, false),
    (0x2f00_8c30, VecOp::QRNarrowSU, false),
    (0x0f00_e430, VecOp::IntToF, false),
    (0x2f00_e430, VecOp::IntToF, false),
];

/// Executes `word` on v1, v2 and v16; gives v16 and FPSR.
fn execute(word: u32, [a, b, c]: [u128; 3]) -> (u128, u64) {
    let (mut block, mut state) = (Block::default(), State::new());
    let mode = Mode { single: true, ..Mode::default() };
    let max = Aarch64::new(Cpu::parse("max").unwrap(), |_| false);
    max.translate(&mut |_| Some(word), 0x1000, mode, &mut block);
    (state.vec[1], state.vec[2], state.vec[16]) = (a, b, c);
    eval::run(&block, &mut state, &mut NoMemory);
    (state.vec[16], state.int[usize::from(SLOT_FPSR)])
}

/// Lanes of which many are at the ends of their range.
fn operand(rng: &mut Rng, lane: u8) -> u128 {
    let bits = 8 << lane;
    (0..128 / bits).fold(0, |all, n| {
        let any = rng.next();
        let value = match any & 7 {
            0 => 0,
            1 => 1 << (bits - 1),
            2 => u64::MAX >> (65 - bits),
            3 => u64::MAX,
            4 => any >> 8 & 255,
            _ => rng.next(),
        };
        all | u128::from(value & (u64::MAX >> (64 - bits))) << (n * bits)
    })
}

fn compare(word: u32, form: Form, op: VecOp, ty: Ty, lane: u8, param: i32, rng: &mut Rng) {
    for _ in 0..200 {
        let [a, b, c] = [(); 3].map(|()| operand(rng, lane));
        let mut one = Op::new(OpCode::Vec, ty);
        (one.aux, one.imm) = (op as u16, vec_op::imm(lane, param));
        let mut env = Env::default();
        let (x, y) = if matches!(form, Update) { (c, a) } else { (a, b) };
        let expected = eval::pure(&one, x, y, c, &mut env);
        let (result, fpsr) = execute(word, [a, b, c]);
        let of = format!("{word:08x} {} {a:x} {b:x} {c:x}", op.name());
        assert_eq!(result, expected, "{of}: {result:x} {expected:x}");
        assert_eq!(fpsr, env.status, "{of}");
    }
}

#[test]
fn composed_vectors_are_what_the_evaluator_says() {
    let mut rng = Rng::new(11);
    for (word, form, op, lanes) in VECTORS {
        for (q, &lane) in [0, 1].into_iter().flat_map(|q| lanes.iter().map(move |lane| (q, lane))) {
            let long = matches!(op, VecOp::QDMlaL | VecOp::QDMlsL | VecOp::PMulL);
            let narrow = matches!(op, VecOp::QNarrowS | VecOp::QNarrowU | VecOp::QNarrowSU);
            if (word == 0x0e30_f830 || lane == 3) && q == 0 {
                continue;
            }
            let ty = if q == 1 || long || narrow { Ty::V128 } else { Ty::V64 };
            let param = if narrow {
                q << 8
            } else if long {
                q
            } else {
                0
            };
            let size = match op {
                VecOp::IntToF => u32::from(lane - 2) << 22,
                VecOp::FAddP | VecOp::FMaxV => 0,
                _ => u32::from(lane) << 22,
            };
            compare(word | size | (q as u32) << 30, form, op, ty, lane, param, &mut rng);
        }
    }
}

#[test]
fn composed_whole_registers_are_what_the_evaluator_says() {
    let mut rng = Rng::new(13);
    // v2 is rm; SM3SS1's ra is v16 too.
    let cases = [
        (0xcec0_8030, One, VecOp::Sha512Su0, 0),
        (0xce62_8830, Three, VecOp::Sha512Su1, 0),
        (0xce42_4030, Three, VecOp::Sm3Ss1, 0),
        (0x2ec2_fc30, Three, VecOp::BfMlaL, 0),
        (0x6ec2_fc30, Three, VecOp::BfMlaL, 1),
    ];
    for (word, form, op, param) in cases {
        let lane = if op == VecOp::BfMlaL || op == VecOp::Sm3Ss1 { 2 } else { 3 };
        compare(word, form, op, Ty::V128, lane, param, &mut rng);
    }
}

#[test]
fn composed_shifts_are_what_the_evaluator_says() {
    let mut rng = Rng::new(12);
    for (word, op, left) in SHIFTS {
        for lane in 0..4_u8 {
            let (bits, narrow) = (8 << lane, !left && op != VecOp::IntToF);
            if narrow && lane == 3 || op == VecOp::IntToF && lane < 2 {
                continue;
            }
            for n in [0, 1, bits / 2, bits - 1, bits] {
                if if left { n == bits } else { n == 0 } {
                    continue;
                }
                let imm = if left { bits + n } else { 2 * bits - n };
                let param = match op {
                    VecOp::IntToF => n << 4 | if word >> 29 == 0 { 1 << 3 } else { 0 },
                    _ if narrow => n | 0x100,
                    _ => n,
                };
                let word = word | 1 << 30 | (imm as u32) << 16;
                compare(word, One, op, Ty::V128, lane, param, &mut rng);
            }
        }
    }
}
