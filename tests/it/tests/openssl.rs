//! OpenSSL of the foreign root: all it provides, by every one of its implementations that processors
//! choose, gives under us what it gives under the oracles. (Natively, where the machine executes it.)

use std::path::Path;
use std::process::Command;

use it::{Lab, Subject, assert_none, chosen};

/// A processor for us and for the oracle, and what OpenSSL is told of it.
type Way = (&'static str, &'static str, Option<&'static str>);

/// By guest.
const WAYS: [(&str, &[Way]); 3] = [("arm64", &ARM64), ("riscv64", &RISCV64), ("amd64", &AMD64)];

const ARM64: [Way; 4] = [
    ("max", "max,pauth-impdef=on", None),
    ("max", "max,pauth-impdef=on", Some("OPENSSL_armcap=0")),
    // Its code for SM4 differs.
    ("default", "neoverse-n1", None),
    ("cortex-a72", "cortex-a72", None),
];

const RISCV64: [Way; 3] = [
    ("max", "max", None),
    // Without vectors, and with nothing that it has code for.
    ("max", "max", Some("OPENSSL_riscvcap=rv64gc_zba_zbb_zbs_zbc_zbkb_zkn_zks")),
    ("rva22u64", "rva22u64", None),
];

const AMD64: [Way; 5] = [
    ("max", "", None),
    // Without SHA and ADX, then without AVX, AES, MOVBE and all else, then with SSE2 only.
    ("max", "", Some("OPENSSL_ia32cap=:~0x20080000")),
    ("x86-64-v3", "", None),
    ("x86-64-v2", "", None),
    ("x86-64", "", None),
];

fn compile(lab: &Lab, guest: &Subject) -> std::path::PathBuf {
    let to = lab.scratch("openssl").join(format!("openssl.{}", guest.name));
    let library = format!("usr/lib/{}/libcrypto.so.3", guest.triple);
    let out = Command::new(guest.compiler())
        .args(["-O1", "-Wl,--allow-shlib-undefined", "-o"])
        .arg(&to)
        .arg(lab.tree.join("tests/cpu/openssl.c"))
        .arg(lab.root_of(guest).join(library))
        .output()
        .expect("the compiler starts");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    to
}

/// What a program prints that the machine executes itself.
fn run_natively(root: &Path, guest: &Subject, set: Option<&str>, program: &Path) -> String {
    let mut command = Command::new("timeout");
    command.args(["-k", "5", "120"]).arg("env").args(set);
    command.arg(root.join(&guest.loader[1..])).arg("--library-path");
    command.arg(root.join("usr/lib").join(guest.triple)).arg(program);
    printed(&mut command)
}

/// What a command prints, sorted: in which order OpenSSL knows its algorithms differs from run to run.
fn printed(command: &mut Command) -> String {
    let out = command.output().expect("timeout starts");
    assert!(out.status.success(), "{command:?}: {}", out.status);
    let text = String::from_utf8_lossy(&out.stdout);
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

fn run(
    root: &Path,
    emulator: &Path,
    options: &[&str],
    set: Option<&str>,
    program: &Path,
) -> String {
    let mut command = Command::new("timeout");
    command.args(["-k", "5", "120"]).arg("env").args(set).arg(emulator).args(options);
    printed(command.arg("-L").arg(root).arg(program))
}

#[test]
fn openssl_computes_what_it_computes_under_the_oracles() {
    let lab = Lab::open();
    let (mut failures, mut count) = (Vec::new(), 0);
    for guest in chosen() {
        let Some((_, ways)) = WAYS.iter().find(|(name, _)| *name == guest.name) else { continue };
        let program = compile(&lab, guest);
        for way in *ways {
            let (found, lines) = differing(&lab, guest, &program, way);
            failures.extend(found);
            count += lines;
        }
    }
    assert_none(&failures, count);
}

/// What differs in one way, and how much was compared.
fn differing(lab: &Lab, guest: &Subject, program: &Path, way: &Way) -> (Vec<String>, usize) {
    let (cpu, oracle, set) = *way;
    let (root, emulator) = (lab.root_of(guest), lab.emulator_of(guest));
    let expected = if guest.is_hosts() {
        run_natively(&root, guest, set, program)
    } else {
        let [sid, trixie] = ["sid", "trixie"].map(|suite| lab.oracle_of(guest, suite));
        let expected = run(&root, &sid, &["-cpu", oracle], set, program);
        assert_eq!(run(&root, &trixie, &["-cpu", oracle], set, program), expected, "{oracle}");
        expected
    };
    // Digests, ciphers, MACs, keys, curves, numbers.
    assert!(expected.lines().count() > 200, "{expected}");
    let (mut failures, mut count) = (Vec::new(), 0);
    for options in ["translate", "v2"].map(|word| ["-cpu", cpu, "--dump", word]) {
        let ours = run(&root, &emulator, &options, set, program);
        count += expected.lines().count();
        assert_eq!(ours.lines().count(), expected.lines().count(), "{options:?} {set:?}");
        let pairs = ours.lines().zip(expected.lines()).filter(|(a, b)| a != b);
        failures.extend(pairs.map(|(a, b)| format!("{options:?} {set:?}: {a}, oracle: {b}")));
    }
    (failures, count)
}
