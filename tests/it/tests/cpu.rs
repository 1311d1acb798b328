//! Processor models: what they say of themselves and what they execute, as under the oracle.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use it::{Lab, SUBJECTS, Subject, assert_none, chosen, outcome};

/// What is a guest's of the models in `tests/cpu/GUEST/models.c`.
struct Models {
    guest: &'static str,
    /// Options of the compiler.
    options: &'static [&'static str],
    /// Models, what the oracle's needs besides, and the lines in which it is another revision.
    models: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// Lines without "runs" or "SIGILL" in which there is nothing that only one of both has.
    registers: &'static [&'static str],
    /// Features that an instruction is tried of.
    features: &'static [&'static str],
    /// A model without them.
    without: &'static str,
}

const MODELS: [Models; 2] = [ARM64, RISCV64];

const ARM64: Models = Models {
    guest: "arm64",
    options: &["-march=armv8.5-a"],
    registers: &["midr", "pfr0", "isar0", "mmfr2"],
    features: &[
        "aes", "pmull", "sha1", "sha256", "crc32", "lse", "lor", "fp16", "rdm", "jscvt", "fcma",
        "lrcpc", "dpb", "sha3", "sm3", "sm4", "dotprod", "sha512", "fhm", "dit", "lrcpc2", "flagm",
        "ssbs", "sb", "pauth", "dpb2", "flagm2", "frintts", "i8mm", "bf16", "rng", "ecv", "wfxt",
        "cssc", "mops", "lrcpc3", "lse128", "cmpbr",
    ],
    without: "cortex-a53,-crc32,-aes,-sha1,-sha256",
    models: &[
        ("a64fx", ",sve=off", &[]),
        ("cortex-a35", "", &[]),
        ("cortex-a53", "", &[]),
        ("cortex-a57", "", &[]),
        ("cortex-a72", "", &[]),
        // SSBS can be read there, although the field of PFR1 says otherwise.
        ("cortex-a55", "", &["ssbs"]),
        ("cortex-a76", "", &["ssbs"]),
        ("cortex-a78ae", "", &["ssbs"]),
        ("cortex-a710", ",sve=off", &[]),
        ("neoverse-n2", ",sve=off", &[]),
        ("neoverse-n1", "", &[]),
        // The oracle's has no BF16.
        ("neoverse-v1", ",sve=off", &["bf16"]),
        ("max", ",sve=off,sme=off", &["lrcpc3"]),
        ("any", ",sve=off,sme=off", &["lrcpc3"]),
    ],
};

const RISCV64: Models = Models {
    guest: "riscv64",
    options: &[],
    registers: &["hwcap", "base"],
    // (Not those that the C library needs, those whose instructions do nothing elsewhere, and not
    // zvknha, whose instructions zvknhb has too.)
    features: &[
        "zicbom", "zicboz", "zicond", "zimop", "zabha", "zacas", "zawrs", "zfa", "zfbfmin", "zfh",
        "zfhmin", "zcb", "zcmop", "zba", "zbb", "zbc", "zbkb", "zbkx", "zbs", "zknd", "zkne",
        "zknh", "zksed", "zksh", "v", "zvbb", "zvbc", "zvfbfmin", "zvfbfwma", "zvfh", "zvfhmin",
        "zvkg", "zvkned", "zvknhb", "zvksed", "zvksh",
    ],
    without: "rv64",
    models: &[
        // The oracle's cache operations are the kernel's, and its profiles have no FENCE.I.
        ("max", "", &["zicbom"]),
        ("rva22u64", "", &["zicbom", "zifencei"]),
        ("rva23u64", "", &["zicbom", "zifencei"]),
    ],
};

/// Compiles a program of a guest once, for all tests.
fn compile_for(lab: &Lab, guest: &Subject, options: &[&str], name: &str) -> PathBuf {
    static DONE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let to = lab.scratch("cpu").join(format!("{name}.{}", guest.name));
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    if !done.insert(to.clone()) {
        return to;
    }
    let out = Command::new(guest.compiler())
        .args(["-O1", "-static", "-w", "-pthread", "-D_GNU_SOURCE"])
        .args(options)
        .arg("-o")
        .arg(&to)
        .arg(lab.tree.join(format!("tests/cpu/{}/{name}.c", guest.uname)))
        .output()
        .expect("the compiler starts");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    to
}

/// A program of arm64.
fn compile(lab: &Lab, name: &str) -> PathBuf {
    compile_for(lab, &SUBJECTS[0], ARM64.options, name)
}

/// The program of each guest that the run is about.
fn all_models(lab: &Lab) -> Vec<(&'static Subject, &'static Models, PathBuf)> {
    let of = |guest: &'static Subject| {
        let models = MODELS.iter().find(|models| models.guest == guest.name)?;
        Some((guest, models, compile_for(lab, guest, models.options, "models")))
    };
    chosen().into_iter().filter_map(of).collect()
}

fn run(emulator: &Path, cpu: &str, program: &Path) -> String {
    let mut command = Command::new("timeout");
    command.args(["-k", "5", "60"]).arg(emulator).args(["-cpu", cpu]).arg(program);
    outcome(&command.output().expect("timeout starts"))
}

#[test]
fn models_execute_what_they_claim() {
    let lab = Lab::open();
    let (mut failures, mut count) = (Vec::new(), 0);
    for (guest, models, program) in all_models(&lab) {
        for (model, more, other) in models.models {
            let ours = run(&lab.anyarch, model, &program);
            let with = format!("{model}{more}");
            let oracle = run(&lab.oracle_of(guest, "sid"), &with, &program);
            assert!(ours.lines().count() > 40, "{model}: {ours}");
            assert_eq!(ours.lines().count(), oracle.lines().count(), "{model}: {ours}");
            let compared = |(line, _): &(&str, &str)| {
                let name = line.split(' ').next().unwrap_or_default();
                let runs = line.contains("runs") || line.contains("SIGILL");
                models.registers.contains(&name) || runs && !other.contains(&name)
            };
            let differ = oracle.lines().zip(ours.lines()).filter(compared).filter(|(a, b)| a != b);
            failures.extend(differ.map(|(oracle, ours)| format!("{model}: {ours}, not {oracle}")));
            count += 1;
        }
    }
    assert_none(&failures, count);
}

#[test]
fn each_feature_is_there_or_not() {
    let lab = Lab::open();
    let (mut failures, mut count) = (Vec::new(), 0);
    for (_, models, program) in all_models(&lab) {
        let mut expect = |cpu: &str, feature: &str, line: &str| {
            let text = run(&lab.anyarch, cpu, &program);
            if !text.lines().any(|l| l == format!("{feature} {line}")) {
                failures.push(format!("{cpu}: not {feature} {line}"));
            }
            count += 1;
        };
        for feature in models.features {
            expect(&format!("max,-{feature}"), feature, "SIGILL 1");
            expect(&format!("{},+{feature}", models.without), feature, "runs");
        }
    }
    assert_none(&failures, count);
}

#[test]
fn features_can_be_taken_and_given() {
    let lab = Lab::open();
    let program = compile(&lab, "models");
    let line = |cpu: &str, name: &str| {
        let text = run(&lab.anyarch, cpu, &program);
        let line = text.lines().find(|l| l.starts_with(name)).unwrap_or_default();
        line.to_owned()
    };
    assert_eq!(line("cortex-a53", "lse"), "lse SIGILL 1");
    assert_eq!(line("cortex-a53,+lse", "lse"), "lse runs");
    assert_eq!(line("max,-fp16", "fhm"), "fhm SIGILL 1");
    assert_eq!(line("max,sha3=off", "sha3"), "sha3 SIGILL 1");
    assert_eq!(line("default", "pauth"), "pauth SIGILL 1");
    assert_eq!(line("default", "paciasp"), "paciasp runs");
    assert!(run(&lab.anyarch, "z80", &program).ends_with("[exit status: 2]"));
}

#[test]
fn pointers_are_authenticated() {
    let lab = Lab::open();
    let program = compile(&lab, "pauth");
    // The oracle's keys cannot be disabled.
    let all_but_one = |text: String| -> Vec<String> {
        text.lines().filter(|l| !l.starts_with("enabled")).map(str::to_owned).collect()
    };
    let ours = run(&lab.anyarch, "max", &program);
    assert!(ours.contains("enabled 15 0 13 disabled: 0x1234\n"), "{ours}");
    assert_eq!(all_but_one(ours), all_but_one(run(&lab.oracle("sid"), "max", &program)));
}

#[test]
fn branches_into_guarded_pages_are_checked() {
    let lab = Lab::open();
    let program = compile(&lab, "bti");
    let ours = run(&lab.anyarch, "max", &program);
    assert!(ours.lines().count() > 80, "{ours}");
    assert_eq!(ours, run(&lab.oracle("sid"), "max", &program));
    assert!(!run(&lab.anyarch, "default", &program).contains("nop 3: 29"));
}

#[test]
fn misaligned_accesses_work_or_fault() {
    let lab = Lab::open();
    let program = compile(&lab, "alignment");
    for cpu in ["max", "neoverse-v1", "neoverse-n1", "cortex-a72"] {
        let ours = run(&lab.anyarch, cpu, &program);
        let sve = if cpu == "neoverse-v1" { ",sve=off" } else { "" };
        let oracle = run(&lab.oracle("sid"), &format!("{cpu}{sve}"), &program);
        assert!(ours.lines().count() > 60 && ours.ends_with("[exit status: 0]"), "{ours}");
        // The oracle has no LRCPC3.
        let known = |(_, oracle): &(&str, &str)| cpu != "max" || !oracle.contains("SIGILL");
        for (ours, oracle) in ours.lines().zip(oracle.lines()).filter(known) {
            assert_eq!(ours, oracle, "{cpu}");
        }
    }
}

#[test]
fn instructions_without_an_oracle_do_what_the_manual_says() {
    let lab = Lab::open();
    let program = compile(&lab, "lrcpc3");
    for dump in ["translate", "v3", "v2", "eval"] {
        let out = Command::new(&lab.anyarch)
            .args(["-cpu", "max", "--dump", dump])
            .arg(&program)
            .output()
            .expect("anyarch starts");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert_eq!(text.lines().filter(|l| l.ends_with(" ok")).count(), 51, "{dump}: {text}");
    }
    assert!(run(&lab.anyarch, "max,-lrcpc3", &program).matches(" WRONG\n").count() == 49);
}

#[test]
fn what_is_within_16_bytes_is_accessed_at_once() {
    let lab = Lab::open();
    let program = compile(&lab, "at_once");
    let text = run(&lab.anyarch, "max", &program);
    assert_eq!(text.matches(": whole").count(), 84, "{text}");
    assert_eq!(text.matches(": 40000").count(), 9, "{text}");
}

#[test]
fn the_counter_is_the_clock() {
    let lab = Lab::open();
    let program = compile(&lab, "counter");
    let expected = "frequency 1000000000, back 0, far no, child 0\nrate right\n[exit status: 0]";
    for cpu in ["default", "max"] {
        assert_eq!(run(&lab.anyarch, cpu, &program), expected, "{cpu}");
    }
}

#[test]
fn tags_of_addresses_are_ignored() {
    let lab = Lab::open();
    let program = compile(&lab, "tbi");
    // A processor whose DC ZVA zeroes as many bytes in both.
    let expected = run(&lab.oracle("sid"), "neoverse-n1", &program);
    assert!(expected.ends_with("[exit status: 0]"), "{expected}");
    assert_eq!(run(&lab.anyarch, "neoverse-n1", &program), expected);
}

/// Vector registers in signal frames, which the oracle does not have: what Linux makes of them.
#[test]
fn vector_state_survives_signals() {
    let lab = Lab::open();
    let guest = subjects::find(RISCV64.guest).expect("it is tested");
    let program = compile_for(&lab, guest, RISCV64.options, "vector_frames");
    let expected = lab.tree.join("tests/cpu/riscv64/vector_frames.out");
    let expected = std::fs::read_to_string(expected).expect("it is in the tree");
    for dump in ["", "translate", "v2,tiny", "eval"] {
        let mut command = Command::new("timeout");
        command.args(["-k", "5", "60"]).arg(&lab.anyarch).args(["-cpu", "max", "--dump", dump]);
        let ours = outcome(&command.arg(&program).output().expect("timeout starts"));
        assert_eq!(ours, format!("{expected}[exit status: 0]"), "{dump}");
    }
}

/// Where a vector access faults, and that it goes on from there.
#[test]
fn vector_accesses_that_fault_can_go_on() {
    let lab = Lab::open();
    let guest = subjects::find(RISCV64.guest).expect("it is tested");
    let program = compile_for(&lab, guest, RISCV64.options, "vector_faults");
    let expected = run(&lab.oracle_of(guest, "sid"), "max", &program);
    assert!(expected.lines().count() > 400 && expected.ends_with("[exit status: 0]"), "{expected}");
    for dump in ["", "translate", "v2,translate", "eval"] {
        let mut command = Command::new("timeout");
        command.args(["-k", "5", "60"]).arg(&lab.anyarch).args(["-cpu", "max", "--dump", dump]);
        let ours = outcome(&command.arg(&program).output().expect("timeout starts"));
        let mut differ = ours.lines().zip(expected.lines()).filter(|(ours, oracle)| ours != oracle);
        assert_eq!(differ.next(), None, "{dump}");
        assert_eq!(ours.lines().count(), expected.lines().count(), "{dump}");
    }
}
