//! Instructions of the x86_64 guest against this processor: evaluated and translated. Only
//! where it is an x86_64 one.
#![cfg(target_arch = "x86_64")]

use guest_x86::decode::Op;
use isa::Rng;
use std::collections::BTreeMap;
use sys::arch::native::Machine;
use testkit::x86_64::{compare, emulate::Layer, native};

/// Lines that are not right yet, and where.
const KNOWN: [(Op, &str); 36] = [
    // Nested frames are undefined.
    (Op::Enter, ""),
    // Done in one step, where the processor leaves a part for the next.
    (Op::Fprem, ""),
    (Op::Fprem1, ""),
    // What is in the upper half of a register of 32 bits that was not equal: processors differ.
    (Op::Cmpxchg, ""),
    // The last bit of what is computed by series.
    (Op::F2xm1, ""),
    (Op::Fyl2x, ""),
    (Op::Fyl2xp1, ""),
    (Op::Fpatan, ""),
    (Op::Fptan, ""),
    (Op::Fsin, ""),
    (Op::Fcos, ""),
    (Op::Fsincos, ""),
    // Which denormal operands are noted where the other decides.
    (Op::Fscale, ""),
    // Which bits estimates have that are not exact: processors differ.
    (Op::Rcpps, ""),
    (Op::Rcpss, ""),
    (Op::Rsqrtps, ""),
    (Op::Rsqrtss, ""),
    (Op::Vrcpps, ""),
    (Op::Vrcpss, ""),
    (Op::Vrsqrtps, ""),
    (Op::Vrsqrtss, ""),
    // When the store faults, the x87's registers are MMX's already.
    (Op::MovqRmMmx, ""),
    (Op::Movntq, ""),
    (Op::MovdRmMmx, ""),
    // Without any byte to store it may fault or not.
    (Op::Maskmovdqu, ""),
    (Op::Vmaskmovdqu, ""),
    (Op::Maskmovq, ""),
    // Which of many bytes faults first, and what has been stored then.
    (Op::Fbstp, ""),
    (Op::Fxsave, ""),
    (Op::Fxrstor, ""),
    (Op::Fldenv, ""),
    (Op::Fnstenv, ""),
    (Op::Fnsave, ""),
    (Op::Frstor, ""),
    // What is above a count of 32 bits that is zero.
    (Op::Lods, ""),
    // Which of two operands in memory faults first.
    (Op::Cmps, ""),
];

#[test]
fn instructions_do_what_the_processor_does() {
    let Some(mut machine) = Machine::new() else { return };
    let mut layers = [
        ("evaluator", Layer::Evaluator),
        // One engine a process: its handlers know the faults of the current one only.
        (
            "translated",
            Layer::translated(std::env::var_os("ANYARCH_V2").is_none()).expect("memory"),
        ),
    ];
    let states = std::env::var("ANYARCH_STATES").map_or(4, |n| n.parse().expect("a number"));
    let mut rng =
        Rng::new(std::env::var("ANYARCH_SEED").map_or(1, |n| n.parse().expect("a number")));
    let mut found = BTreeMap::<String, (u64, String)>::new();
    let features = native::features().expect("/proc/cpuinfo");
    let is_here =
        |op: &Op| op.row().features.into_iter().flatten().all(|feature| features.has(feature));
    let (here, elsewhere): (Vec<_>, Vec<_>) = native::translated().partition(is_here);
    println!("this processor has none of {elsewhere:?}");
    for op in here {
        for _ in 0..8 {
            let Some(sample) = native::sample(&mut machine, op, states, &mut rng).expect("a child")
            else {
                continue;
            };
            let states = sample.before.iter().zip(&sample.after);
            let defined = |(before, _): &(&_, &_)| !compare::is_undefined(&sample.insn, before);
            for (before, after) in states.filter(defined) {
                for (name, layer) in &mut layers {
                    let mut ours = *before;
                    layer.run(&mut ours);
                    let wrong = compare::differences(&sample.insn, before, after, &ours);
                    let known = |(line, layer): &(Op, &str)| *line == op && name.starts_with(layer);
                    if !wrong.is_empty() && !KNOWN.iter().any(known) {
                        let detail = format!("{:02x?}: {}", sample.bytes, wrong.join("; "));
                        found.entry(format!("{op:?} {name}")).or_insert((0, detail)).0 += 1;
                    }
                }
            }
        }
    }
    let lines: Vec<_> =
        found.iter().map(|(what, (n, detail))| format!("{what} ({n}) {detail}")).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}
