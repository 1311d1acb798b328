//! The rules of SSE and of the x87, and binary128, against this machine's own: `host.c` executes the
//! same operations on it. Results and status must be equal.

use std::cmp::Ordering;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use softfloat::wide::Wide;
use softfloat::{
    DZC, Format, Fp, FpControl, FpRules, IDC, IOC, IXC, OFC, Round, ToInt, UFC, rules,
};

const MODES: [Round; 4] = [Round::Nearest, Round::Up, Round::Down, Round::Zero];
/// Operations of each test; `ANYARCH_CASES` in the environment changes it.
fn cases() -> usize {
    std::env::var("ANYARCH_CASES").map_or(100_000, |n| n.parse().expect("a number"))
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 32) as usize % n
    }
    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
    /// A value with `exp` and `frac` bits, and an integer bit between them if `explicit`: many zeros,
    /// denormals, infinities, NaNs, and near exponents.
    fn float(&mut self, exp: u32, frac: u32, explicit: bool) -> u128 {
        let ones = (1u128 << frac) - 1;
        let fraction = match self.below(5) {
            0 => self.wide() & ones,
            1 => ones - u128::from(self.next() & 3),
            2 => u128::from(self.next() & 3),
            3 => (1u128 << self.below(frac as usize)) & ones,
            // Few significant bits: exact products and quotients.
            _ => (self.wide() & ones) >> (frac - 8) << (frac - 8),
        };
        let (largest, bias) = ((1u64 << exp) - 1, (1u64 << (exp - 1)) - 1);
        let field = match self.below(10) {
            0 => 0,
            1 => largest,
            2 => 1 + (self.next() & 3),
            3 => largest - 1 - (self.next() & 3),
            4 => self.next() & largest,
            5 => bias + u64::from(frac) / 2 + (self.next() & 63),
            6 => bias / 2 + (self.next() & 63),
            _ => bias - 4 + (self.next() & 7),
        };
        let sign = u128::from(self.next() & 1);
        // Seldom one that does not fit the exponent.
        let integer = u128::from((field != 0) != (self.below(40) == 0));
        match explicit {
            true => ((sign << exp | u128::from(field)) << 1 | integer) << frac | fraction,
            false => (sign << exp | u128::from(field)) << frac | fraction,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Question {
    kind: u8,
    op: u8,
    rounding: u8,
    precision: u8,
    flush: u8,
    operands: [u128; 3],
}

#[derive(PartialEq, Eq, Debug)]
struct Answer {
    result: u128,
    status: u32,
    extra: u32,
}

/// What this machine says, or nothing where it cannot be asked.
fn ask(questions: &[Question]) -> Option<Vec<Answer>> {
    if std::env::consts::ARCH != "x86_64" {
        println!("SKIP: this machine is no x86_64");
        return None;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host.c");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "host-{}-{}",
        std::process::id(),
        questions[0].kind
    ));
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-w", "-o"]).arg(&program).arg(source).arg("-lm");
    assert!(compiler.status().is_ok_and(|s| s.success()), "cc builds host.c (it needs glibc)");
    let mut child = Command::new(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut bytes = Vec::new();
    for q in questions {
        let mut record = [0; 64];
        record[..5].copy_from_slice(&[q.kind, q.op, q.rounding, q.precision, q.flush]);
        for (n, operand) in q.operands.iter().enumerate() {
            record[16 * (n + 1)..16 * (n + 2)].copy_from_slice(&operand.to_le_bytes());
        }
        bytes.extend(record);
    }
    let mut input = child.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || input.write_all(&bytes).expect("it reads"));
    let out = child.wait_with_output().expect("it ends").stdout;
    writer.join().expect("written");
    std::fs::remove_file(program).expect("it is there");
    let word = |r: &[u8], at: usize| u32::from_le_bytes(r[at..at + 4].try_into().expect("4"));
    let answer = |r: &[u8]| Answer {
        result: u128::from_le_bytes(r[..16].try_into().expect("16")),
        status: word(r, 16),
        extra: word(r, 20),
    };
    Some(out.chunks_exact(32).map(answer).collect())
}

/// The status as x86 has it.
fn status(fp: &Fp) -> u32 {
    let pairs = [(IOC, 1), (IDC, 2), (DZC, 4), (OFC, 8), (UFC, 16), (IXC, 32)];
    pairs.iter().filter(|(ours, _)| fp.status & ours != 0).map(|(_, theirs)| theirs).sum()
}

fn compare(questions: &[Question], ours: impl Fn(&Question) -> Answer, mask: u32) {
    let Some(answers) = ask(questions) else { return };
    assert_eq!(answers.len(), questions.len());
    let mut wrong = 0;
    for (q, theirs) in questions.iter().zip(&answers) {
        let mut ours = ours(q);
        ours.status &= mask;
        let theirs = Answer { status: theirs.status & mask, ..*theirs };
        if ours != theirs && wrong < 20 {
            wrong += 1;
            println!("{q:x?}\n  ours   {ours:x?}\n  theirs {theirs:x?}");
        }
    }
    assert_eq!(wrong, 0, "differences (at most 20 are shown)");
}

fn order_bits(order: Option<Ordering>) -> u32 {
    match order {
        None => 7,
        Some(Ordering::Equal) => 1,
        Some(Ordering::Less) => 4,
        Some(Ordering::Greater) => 0,
    }
}

fn x87(q: &Question) -> Answer {
    let mut control = FpControl::new(rules::X87);
    control.rounding = MODES[q.rounding as usize];
    let mut fp = Fp::new(control);
    let full = Wide::F80;
    let f = full.rounded_to(q.precision.into());
    let mode = fp.mode();
    let [a, b, _] = q.operands;
    let mut extra = 0;
    let (single, double) = (Wide::narrow(Format::F32), Wide::narrow(Format::F64));
    let result = match q.op {
        0 => fp.wide_add(f, a, b),
        1 => fp.wide_sub(f, a, b),
        2 => fp.wide_mul(f, a, b),
        3 => fp.wide_div(f, a, b),
        4 => fp.wide_sqrt(f, a),
        5 => fp.wide_round_int(full, a, mode, true),
        6 | 7 => {
            let (rest, quotient) = fp.wide_remainder(full, a, b, q.op == 6);
            extra = (quotient & 7) as u32;
            rest
        }
        8 | 9 => {
            extra = order_bits(fp.wide_order(full, a, b, q.op == 8));
            0
        }
        10 => fp.wide_convert(full, single, a),
        11 => fp.wide_convert(full, double, a),
        12 => fp.wide_convert(single, full, a & 0xffff_ffff),
        13 => fp.wide_convert(double, full, a & u128::from(u64::MAX)),
        14 => fp.wide_to_int(full, a, true, 16, mode).into(),
        15 => fp.wide_to_int(full, a, true, 32, mode).into(),
        16 => fp.wide_to_int(full, a, true, 64, mode).into(),
        _ => fp.wide_from_int(full, a as u64, true, 64),
    };
    Answer { result, status: status(&fp), extra }
}

#[test]
fn double_extended_as_the_x87() {
    let mut r = Random(0x1234_5678_9abc_def1);
    let mut questions = Vec::new();
    while questions.len() < cases() {
        let op = r.below(18) as u8;
        let operands = match op {
            12 => [r.float(8, 23, false), 0, 0],
            13 => [r.float(11, 52, false), 0, 0],
            17 => [u128::from(r.next()) >> r.below(64), 0, 0],
            // One step of FPREM: a further one would see a denormal rest.
            6 | 7 => {
                let a = r.float(15, 63, true);
                let below = (a >> 64 & 0x7fff).saturating_sub(r.below(63) as u128);
                [a, r.float(15, 63, true) & !(0x7fff << 64) | below << 64, 0]
            }
            _ => [r.float(15, 63, true), r.float(15, 63, true), 0],
        };
        let precision = [24, 53, 64, 64][r.below(4)];
        let rounding = r.below(4) as u8;
        questions.push(Question { kind: 0, op, rounding, precision, flush: 0, operands });
    }
    compare(&questions, x87, u32::MAX);
}

fn sse(q: &Question) -> Answer {
    let (f, mask) = match q.kind {
        1 => (Format::F32, 0xffff_ffff),
        _ => (Format::F64, u64::MAX),
    };
    let mut control = FpControl::new(rules::SSE);
    control.rounding = MODES[q.rounding as usize];
    control.flush_operands = q.flush & 1 != 0;
    control.flush_results = q.flush & 2 != 0;
    let mut fp = Fp::new(control);
    let mode = fp.mode();
    let [a, b, c] = q.operands.map(|v| v as u64 & mask);
    let result = match q.op {
        0 => fp.add(f, a, b),
        1 => fp.sub(f, a, b),
        2 => fp.mul(f, a, b),
        3 => fp.div(f, a, b),
        4 => fp.sqrt(f, a),
        5 => fp.min(f, a, b),
        6 => fp.max(f, a, b),
        7 => fp.mul_add(f, c, a, b),
        8 => fp.to_fixed(f, a, 0, true, 64, mode),
        9 => fp.to_fixed(f, a, 0, true, 32, mode),
        _ => fp.to_fixed(f, a, 0, true, 64, Round::Zero),
    };
    Answer { result: result.into(), status: status(&fp), extra: 0 }
}

fn sse_questions(kind: u8, exp: u32, frac: u32) -> Vec<Question> {
    let mut r = Random(0x9876_5432_1234_5671 + u64::from(kind));
    let question = |_| {
        let mut operand = || r.float(exp, frac, false);
        let operands = [operand(), operand(), operand()];
        let (op, rounding) = (r.below(11) as u8, r.below(4) as u8);
        // (Denormals-are-zero hides them from the status.)
        let flush = [0, 0, 2][r.below(3)];
        Question { kind, op, rounding, precision: 0, flush, operands }
    };
    (0..cases()).map(question).collect()
}

#[test]
fn single_as_sse() {
    compare(&sse_questions(1, 8, 23), sse, u32::MAX);
}

#[test]
fn double_as_sse() {
    compare(&sse_questions(2, 11, 52), sse, u32::MAX);
}

fn quad(q: &Question) -> Answer {
    let mut control = FpControl::new(FpRules { to_int: ToInt::Saturate, ..rules::X87 });
    control.rounding = MODES[q.rounding as usize];
    let mut fp = Fp::new(control);
    let (f, double) = (Wide::F128, Wide::narrow(Format::F64));
    let mode = fp.mode();
    let [a, b, c] = q.operands;
    let mut extra = 0;
    let result = match q.op {
        0 => fp.wide_add(f, a, b),
        1 => fp.wide_sub(f, a, b),
        2 => fp.wide_mul(f, a, b),
        3 => fp.wide_div(f, a, b),
        4 => fp.wide_sqrt(f, a),
        5 => fp.wide_mul_add(f, c, a, b),
        6 => fp.wide_round_int(f, a, mode, true),
        7 => fp.wide_convert(f, double, a),
        8 => fp.wide_convert(f, Wide::narrow(Format::F32), a),
        9 => fp.wide_convert(double, f, a & u128::from(u64::MAX)),
        10 => fp.wide_to_int(f, a, true, 64, Round::Zero).into(),
        11 => fp.wide_from_int(f, a as u64, true, 64),
        12 => {
            extra = match fp.wide_order(f, a, b, true) {
                None => 2,
                order => order_bits(order),
            };
            0
        }
        _ => fp.wide_remainder(f, a, b, true).0,
    };
    Answer { result, status: status(&fp), extra }
}

/// The C library's software has the NaNs and the status of x86, but raises nothing for denormals.
#[test]
fn quadruple_as_the_c_library() {
    let mut r = Random(0x0246_8ace_1357_9bdf);
    let mut questions = Vec::new();
    while questions.len() < cases() {
        let op = r.below(14) as u8;
        let operands = match op {
            9 => [r.float(11, 52, false), 0, 0],
            11 => [u128::from(r.next()) >> r.below(64), 0, 0],
            _ => [0; 3].map(|_| r.float(15, 112, false)),
        };
        // The library has its own rules for NaNs in fused operations, as integers, and for equal ones, and takes the
        // sign of a remainder that is zero from the rounding mode.
        let nans = operands.iter().filter(|&&v| v << 1 > 0x7fff << 113).count();
        if matches!(op, 5 | 10) && nans > 0 || nans > 1 {
            continue;
        }
        let rounding = if op == 13 { 0 } else { r.below(4) as u8 };
        questions.push(Question { kind: 3, op, rounding, precision: 0, flush: 0, operands });
    }
    compare(&questions, quad, !2);
}
