//! OpenSSL of the foreign root: all it provides, by every one of its implementations that processors
//! choose, gives under us what it gives under the oracles.

use std::path::Path;
use std::process::Command;

use it::{Lab, SUBJECTS, assert_none};

/// Processor for us and for the oracle, and what OpenSSL is told of it.
const WAYS: [(&str, &str, Option<&str>); 4] = [
    ("max", "max,pauth-impdef=on", None),
    ("max", "max,pauth-impdef=on", Some("OPENSSL_armcap=0")),
    // Its code for SM4 differs.
    ("default", "neoverse-n1", None),
    ("cortex-a72", "cortex-a72", None),
];

fn compile(lab: &Lab) -> std::path::PathBuf {
    let to = lab.scratch("openssl").join("openssl");
    let out = Command::new(SUBJECTS[0].compiler())
        .args(["-O1", "-Wl,--allow-shlib-undefined", "-o"])
        .arg(&to)
        .arg(lab.tree.join("tests/cpu/openssl.c"))
        .arg(lab.root().join("usr/lib/aarch64-linux-gnu/libcrypto.so.3"))
        .output()
        .expect("the compiler starts");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    to
}

fn run(lab: &Lab, emulator: &Path, options: &[&str], set: Option<&str>, program: &Path) -> String {
    let mut command = Command::new("timeout");
    command.args(["-k", "5", "120"]).arg("env").args(set).arg(emulator).args(options);
    let out = command.arg("-L").arg(lab.root()).arg(program).output().expect("timeout starts");
    assert!(out.status.success(), "{command:?}: {}", out.status);
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn openssl_computes_what_it_computes_under_the_oracles() {
    let lab = Lab::open();
    let program = compile(&lab);
    let mut failures = Vec::new();
    let mut count = 0;
    for (cpu, oracle, set) in WAYS {
        let expected = run(&lab, &lab.oracle("sid"), &["-cpu", oracle], set, &program);
        let trixie = run(&lab, &lab.oracle("trixie"), &["-cpu", oracle], set, &program);
        assert_eq!(trixie, expected, "{oracle}");
        // Digests, ciphers, MACs, keys, curves, numbers.
        assert!(expected.lines().count() > 200, "{expected}");
        for options in ["translate", "v2"].map(|word| ["-cpu", cpu, "--dump", word]) {
            let ours = run(&lab, &lab.anyarch, &options, set, &program);
            count += expected.lines().count();
            assert_eq!(ours.lines().count(), expected.lines().count(), "{options:?} {set:?}");
            let pairs = ours.lines().zip(expected.lines()).filter(|(a, b)| a != b);
            failures.extend(pairs.map(|(a, b)| format!("{options:?} {set:?}: {a}, oracle: {b}")));
        }
    }
    assert_none(&failures, count);
}
