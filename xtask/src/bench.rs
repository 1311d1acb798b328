//! `cargo xtask bench`: how fast guest programs run, natively, under the oracle and under us, in
//! turn in one run. For reading; what gates a change are the counts in the golden files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::fixtures::Fixtures;
use crate::product;

const KERNELS: &str = "recurse list crc sort interpret hash gemm mandel vectors strings \
    strlen memcpy memchr strcmp saxpy u32 sad f2i";
/// Kernels of RISC-V's vector extension, for which there is no native time: the names in `bench/vectors.c`
/// behind `rvv-`.
const VECTORS: &str = "saxpy memcpy memcpy_short strlen strlen_short strcmp sad f2i masked \
    masked_memory masked_float strided gather reverse sum dot8 fdot add_m1 add_m2 add_m4 add_m8 add_mf2 \
    hoisted segments narrow slides compress widths fours";
/// Programs started one after the other, in the foreign root: name, command of a shell.
const STARTS: [(&str, &str); 3] = [
    ("true", "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done"),
    ("bash", "i=0; while [ $i -lt 40 ]; do bash -c 'x=$(echo $$)'; i=$((i+1)); done"),
    (
        "pipes",
        "i=0; while [ $i -lt 40 ]; do echo $i | sed s/1/2/ | cat >/dev/null; i=$((i+1)); done",
    ),
];

/// Runs the kernels whose names contain `filter`, `rounds` times each.
pub(crate) fn run(root: &Path, filter: &str, rounds: usize) -> Result<()> {
    let subject = &subjects::SUBJECTS[0];
    let fixtures = Fixtures::open(&[subject])?;
    fixtures.prepare()?;
    let anyarch = product::build(root, "release")?;
    let oracle = fixtures.oracle_path(subject, "sid");
    let dir = fixtures.dir.join("bench");
    fs::create_dir_all(&dir)?;
    // (Natively for x86-64-v2, as we require it.)
    let compilers = [
        ("gcc", "-march=x86-64-v2", "native"),
        (&*subject.compiler(), "-march=armv8-a", subject.name),
    ];
    let source = root.join("bench/kernels.c");
    let [native, guest] = compilers
        .map(|(compiler, option, name)| compile(compiler, option, &source, &dir.join(name)));
    let (native, guest) = (native?, guest?);
    println!("user and system time, the least of {rounds}; QEMU is the oracle's");
    println!(
        "{:10} {:>9} {:>9} {:>9} {:>12} {:>12}",
        "", "native", "QEMU", "anyarch", "to native", "to QEMU"
    );
    for kernel in KERNELS.split_whitespace().filter(|k| k.contains(filter)) {
        let with = |program: &[&Path]| {
            let mut words: Vec<PathBuf> = program.iter().map(|p| p.to_path_buf()).collect();
            words.push(kernel.into());
            words
        };
        let commands = [with(&[&native]), with(&[&oracle, &guest]), with(&[&anyarch, &guest])];
        line(kernel, &commands, rounds, true)?;
    }
    let foreign = fixtures.root_path(subject);
    for (name, script) in STARTS.into_iter().filter(|(name, _)| name.contains(filter)) {
        let within = |options: &[&Path]| {
            let mut words = vec![anyarch.clone(), "run".into(), "--root".into(), foreign.clone()];
            words.extend(options.iter().map(|p| p.to_path_buf()));
            words.extend(["--", "/bin/sh", "-c", script].map(PathBuf::from));
            words
        };
        let native = ["sh", "-c", script].map(PathBuf::from).to_vec();
        let commands = [native, within(&[Path::new("--interpreter"), &oracle]), within(&[])];
        line(name, &commands, rounds, false)?;
    }
    vectors(root, filter, rounds, &anyarch)
}

/// The kernels of `bench/vectors.c` whose names contain `filter`.
fn vectors(root: &Path, filter: &str, rounds: usize, anyarch: &Path) -> Result<()> {
    let named = |k: &&str| format!("rvv-{k}").contains(filter);
    let kernels: Vec<&str> = VECTORS.split_whitespace().filter(named).collect();
    if kernels.is_empty() {
        return Ok(());
    }
    let subject = subjects::find("riscv64").context("no such guest")?;
    let fixtures = Fixtures::open(&[subject])?;
    fixtures.prepare()?;
    let oracle = fixtures.oracle_path(subject, "sid");
    let to = fixtures.dir.join("bench/vectors");
    let source = root.join("bench/vectors.c");
    let guest = compile(&subject.compiler(), "-march=rv64gc", &source, &to)?;
    for kernel in kernels {
        let with = |emulator: &Path| {
            let words = [emulator, Path::new("-cpu"), Path::new("max"), &guest, Path::new(kernel)];
            words.map(Path::to_path_buf).to_vec()
        };
        let mut best = [f64::INFINITY; 2];
        let mut outputs: [String; 2] = Default::default();
        for _ in 0..rounds {
            for (n, emulator) in [&*oracle, anyarch].into_iter().enumerate() {
                let (seconds, output) = time(&with(emulator))?;
                best[n] = best[n].min(seconds);
                outputs[n] = output;
            }
        }
        ensure!(outputs[0] == outputs[1], "{kernel}: {outputs:?} differ");
        let [qemu, ours] = best;
        println!("rvv-{kernel:14} {qemu:>10.2}s {ours:>8.2}s {:>11} {:>11.2}x", "", qemu / ours);
    }
    Ok(())
}

fn compile(compiler: &str, option: &str, source: &Path, to: &Path) -> Result<PathBuf> {
    let status = Command::new(compiler)
        .args(["-O2", "-ftree-vectorize", "-static", "-ffp-contract=off", option, "-o"])
        .arg(to)
        .arg(source)
        .arg("-lm")
        .status()
        .with_context(|| format!("cannot start {compiler}"))?;
    ensure!(status.success(), "{compiler} failed");
    Ok(to.to_path_buf())
}

/// Runs the commands in turn and prints a line.
fn line(name: &str, commands: &[Vec<PathBuf>; 3], rounds: usize, same: bool) -> Result<()> {
    let mut best = [f64::INFINITY; 3];
    let mut outputs: [String; 3] = Default::default();
    for _ in 0..rounds {
        for (n, command) in commands.iter().enumerate() {
            let (seconds, output) = time(command)?;
            best[n] = best[n].min(seconds);
            outputs[n] = output;
        }
    }
    ensure!(!same || outputs.iter().all(|o| *o == outputs[0]), "{name}: {outputs:?} differ");
    let [native, qemu, ours] = best;
    println!(
        "{name:10} {native:>8.2}s {qemu:>8.2}s {ours:>8.2}s {:>11.2}x {:>11.2}x",
        ours / native,
        qemu / ours
    );
    Ok(())
}

/// User and system time of a command with its children, and what it prints.
fn time(command: &[PathBuf]) -> Result<(f64, String)> {
    let output = Command::new("bash")
        .args(["-c", "TIMEFORMAT='%3U %3S'; time \"$@\"", "bash"])
        .args(command)
        .stdin(Stdio::null())
        .output()
        .context("bash is needed to measure")?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stderr);
    let times = text.lines().last().context("no times")?;
    let seconds = times.split(' ').map(|t| t.replace(',', ".").parse::<f64>());
    let seconds = seconds.sum::<Result<f64, _>>().context("times")?;
    Ok((seconds, String::from_utf8_lossy(&output.stdout).into_owned()))
}
