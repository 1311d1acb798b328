//! Every intrinsic of the compiler's arm_neon.h and arm_acle.h over corner operands, in all rounding
//! modes and with FZ, DN, FZ16 and AHP: results and FPSR are those of both oracles.

use std::path::Path;
use std::process::Command;

use it::{Lab, assert_none};

fn run(emulator: &Path, dump: Option<&str>, program: &Path, name: Option<&str>) -> Vec<String> {
    let mut command = Command::new("timeout");
    command.args(["-k", "5", "300"]).arg(emulator).args(["-cpu", "max"]);
    command.args(dump.iter().flat_map(|word| ["-dump", word]));
    command.arg(program).args(name);
    let out = command.output().expect("timeout starts");
    assert!(out.status.success(), "{command:?}: {}", out.status);
    String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect()
}

/// Whether two lines only differ in that the host has not seen a result to be tiny that rounding
/// made normal: UFC of FPSR.
fn same_but_for_underflow(ours: &str, theirs: &str) -> bool {
    let number = |line: &str| u64::from_str_radix(line.get(..2)?, 16).ok();
    ours == theirs
        || ours.get(2..) == theirs.get(2..)
            && ours.starts_with(|c: char| c.is_ascii_hexdigit())
            && number(ours).zip(number(theirs)).is_some_and(|(a, b)| a | 8 == b)
}

#[test]
fn intrinsics_do_what_they_do_under_the_oracles() {
    let lab = Lab::open();
    let dir = lab.scratch("intrinsics");
    let runtime = lab.tree.join("tests/intrinsics/runtime.c");
    let (program, count) = testkit::intrinsics::build(&it::SUBJECTS[0].compiler(), &runtime, &dir)
        .expect("the intrinsics compile");
    assert!(count > 4000, "only {count} intrinsics found");
    let (sid, trixie) = (lab.oracle("sid"), lab.oracle("trixie"));
    let expected = run(&sid, None, &program, None);
    assert_eq!(expected.len(), count);
    assert_eq!(run(&trixie, None, &program, None), expected);
    let mut failures = Vec::new();
    for dump in [Some("translate"), Some("v2")] {
        let ours = run(&lab.anyarch, dump, &program, None);
        assert_eq!(ours.len(), count);
        for (ours, _) in ours.iter().zip(&expected).filter(|(a, b)| a != b) {
            let name = ours.split(' ').next();
            let (ours, theirs) =
                (run(&lab.anyarch, dump, &program, name), run(&sid, None, &program, name));
            let pairs = ours.iter().zip(&theirs).take(ours.len() - 1);
            let first = pairs.filter(|(a, b)| !same_but_for_underflow(a, b)).take(1);
            failures.extend(first.map(|(a, b)| format!("{name:?} {dump:?}: {a}, oracle: {b}")));
        }
    }
    assert_none(&failures, count);
}
