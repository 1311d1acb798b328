//! Instructions of the x86_64 guest against this processor: evaluated and translated. Only
//! where it is an x86_64 one.
//!
//! A longer run: `ANYARCH_STATES=1000 ANYARCH_ENCODINGS=1000 cargo test --profile fast -p testkit --test native`.
//! `ANYARCH_EVALUATED` says how many of the states of an encoding are evaluated too, `ANYARCH_SEED` gives
//! other ones, `ANYARCH_ONLY` only lines with this in their name; with `ANYARCH_V2` translated code is that
//! for hosts of the level x86-64-v2.
#![cfg(target_arch = "x86_64")]

use guest_x86::decode::Op;
use guest_x86::encoding;
use isa::Rng;
use std::collections::BTreeMap;
use sys::arch::native::Machine;
use testkit::x86_64::{compare, emulate::Layer, native};

/// What the processor computes by series is the exact result rounded here: the last bits differ, and beyond
/// a quarter turn those of pi that it has.
const KNOWN: [Op; 8] =
    [Op::F2xm1, Op::Fyl2x, Op::Fyl2xp1, Op::Fpatan, Op::Fptan, Op::Fsin, Op::Fcos, Op::Fsincos];

/// What has been compared with AMD's processors only: the parts of remainders, nested frames, what of the x87's
/// state is stored and when, upper halves of registers, which of several accesses faults first, estimates.
const OF_AMD: [Op; 28] = [
    Op::Enter,
    Op::Fprem,
    Op::Fprem1,
    Op::Cmpxchg,
    Op::Fscale,
    Op::Rcpps,
    Op::Rcpss,
    Op::Rsqrtps,
    Op::Rsqrtss,
    Op::Vrcpps,
    Op::Vrcpss,
    Op::Vrsqrtps,
    Op::Vrsqrtss,
    Op::MovqRmMmx,
    Op::Movntq,
    Op::MovdRmMmx,
    Op::Maskmovdqu,
    Op::Vmaskmovdqu,
    Op::Maskmovq,
    Op::Fbstp,
    Op::Fxsave,
    Op::Fxrstor,
    Op::Fldenv,
    Op::Fnstenv,
    Op::Fnsave,
    Op::Frstor,
    Op::Lods,
    Op::Cmps,
];

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |n| n.parse().expect("a number"))
}

/// Counts and examples of what differs, by line and by what did it.
type Found = BTreeMap<String, (u64, String)>;

/// Whether the processor is one whose differences from the architecture are all known here (`forgive`).
fn is_known() -> bool {
    let text = std::fs::read_to_string("/proc/cpuinfo").expect("/proc/cpuinfo");
    text.lines().any(|line| line.starts_with("vendor_id") && line.ends_with("AuthenticAMD"))
}

/// Takes out of `found` what only differs in few of a line's states, and prints it: of a processor that is not
/// known (Intel's), that is as likely a liberty of its own as a fault of ours.
fn print_rare(found: &mut Found, states: u64) {
    found.retain(|what, (count, detail)| {
        let rare = *count * 8 < states;
        if rare {
            println!("to be looked at: {what} ({count} of {states}) {detail}");
        }
        !rare
    });
}

/// Compares a sample with what a layer makes of it.
fn compare_with(
    sample: &native::Sample,
    name: &str,
    layer: &mut Layer,
    count: usize,
    found: &mut Found,
) {
    let before = &sample.before[..count.min(sample.before.len())];
    let mut ours = before.to_vec();
    layer.run(&mut ours);
    for ((before, after), ours) in before.iter().zip(&sample.after).zip(&ours) {
        if compare::is_undefined(&sample.insn, before) {
            continue;
        }
        let wrong = compare::differences(&sample.insn, before, after, ours);
        if !wrong.is_empty() {
            let detail = format!("{:02x?}: {}", sample.bytes, wrong.join("; "));
            found.entry(format!("{:?} {name}", sample.insn.op)).or_insert((0, detail)).0 += 1;
        }
    }
}

#[test]
fn instructions_do_what_the_processor_does() {
    let Some(mut machine) = Machine::new() else { return };
    let mut evaluator = Layer::Evaluator;
    // One engine a process: its handlers know the faults of the current one only.
    let v3 = std::env::var_os("ANYARCH_V2").is_none();
    let mut translated = Layer::translated(v3).expect("memory");
    let states = number("ANYARCH_STATES", 4) as usize;
    let evaluated = number("ANYARCH_EVALUATED", states as u64) as usize;
    let only = std::env::var("ANYARCH_ONLY").unwrap_or_default();
    let mut rng = Rng::new(number("ANYARCH_SEED", 1));
    let mut found = Found::new();
    let (mut compared, mut lines) = (0, 0);
    let known = is_known();
    let encodings = number("ANYARCH_ENCODINGS", 8);
    let features = native::features().expect("/proc/cpuinfo");
    let is_here =
        |op: &Op| op.row().features.into_iter().flatten().all(|feature| features.has(feature));
    let (here, elsewhere): (Vec<_>, Vec<_>) = native::translated().partition(is_here);
    println!("this processor has none of {elsewhere:?}");
    for op in here.into_iter().filter(|op| encoding::row(*op).name.contains(&only)) {
        let pool = native::Pool::new(&mut rng);
        lines += 1;
        for _ in 0..encodings {
            let sample = native::sample(&mut machine, op, states, &pool, &mut rng);
            let Some(sample) = sample.expect("a child") else { continue };
            compared += sample.after.len();
            if KNOWN.contains(&op) || !known && OF_AMD.contains(&op) {
                continue;
            }
            compare_with(&sample, "evaluator", &mut evaluator, evaluated, &mut found);
            compare_with(&sample, "translated", &mut translated, states, &mut found);
        }
    }
    println!("{compared} states of {lines} lines");
    if !known {
        println!("not compared with processors of this vendor: {OF_AMD:?}");
        print_rare(&mut found, encodings * states as u64);
    }
    let lines: Vec<_> =
        found.iter().map(|(what, (n, detail))| format!("{what} ({n}) {detail}")).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}
