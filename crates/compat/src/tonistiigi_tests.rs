//! What tonistiigi/binfmt prints, from its source and its README's recorded runs.

use super::{matches, run};
use crate::fake::Fake;

fn golden(name: &str) -> String {
    let path = format!("{}/../../tests/golden/compat/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("a golden file")
}

#[test]
fn installs_arm64_and_shows_the_state() {
    let mut m = Fake::new().runs(&["amd64", "386"]);
    let (code, out, err) = m.call(run, "binfmt --install arm64");
    assert_eq!((code, err.as_str()), (0, "installing: arm64 OK\n"));
    assert_eq!(out, golden("tonistiigi-arm64.json"));
    assert!(m.text("qemu-aarch64").contains("/proc/self/fd/9"));
    let (code, _, err) = m.call(run, "binfmt --install arm64");
    assert_eq!((code, err.as_str()), (0, "installing: arm64 qemu-aarch64 already registered\n"));
}

#[test]
fn no_emulators_is_null() {
    let mut m = Fake::new();
    m.level = 2;
    assert_eq!(m.call(run, "binfmt").1, golden("tonistiigi-none.json"));
}

#[test]
fn enabled_entries_of_all_kinds_are_listed_by_name() {
    let mut m = Fake::new();
    m.entry(
        "python3.11",
        "enabled\ninterpreter /usr/bin/python3.11\nflags: \noffset 0\nmagic a7\n",
    );
    m.entry("WSLInterop", "enabled\ninterpreter /init\nflags: P\noffset 0\nmagic 4d5a\n");
    m.entry("off", "disabled\ninterpreter /x\nflags: \noffset 0\nmagic 01\n");
    let out = m.call(run, "binfmt").1;
    let tail = "  \"emulators\": [\n    \"WSLInterop\",\n    \"python3.11\"\n  ]\n}\n";
    assert!(out.ends_with(tail), "{out}");
}

#[test]
fn what_cannot_be_installed_is_said_as_by_the_original() {
    let mut m = Fake::new();
    let (code, _, err) = m.call(run, "binfmt --install mips64,vax");
    assert_eq!(code, 1);
    assert_eq!(
        err,
        "installing: mips64 cannot register \"/usr/bin/qemu-mips64\" to \
         /proc/sys/fs/binfmt_misc/register: write /proc/sys/fs/binfmt_misc/register: \
         no such file or directory\ninstalling: vax unsupported architecture: vax\n"
    );
    m.strict = true;
    assert_eq!(m.call(run, "binfmt --install vax").0, 0);
}

#[test]
fn an_emulator_that_is_there_is_registered_with_the_originals_line() {
    let mut m = Fake::new().file("/opt/qemu-riscv64", "x").var_set("QEMU_BINARY_PATH", "/opt");
    let (code, _, err) = m.call(run, "binfmt --install linux/riscv64");
    assert_eq!((code, err.as_str()), (0, "installing: riscv64 OK\n"));
    assert_eq!(
        m.text("qemu-riscv64"),
        "enabled\ninterpreter /opt/qemu-riscv64\nflags: CF\noffset 0\n\
         magic 7f454c460201010000000000000000000200f300\n\
         mask ffffffffffffff00fffffffffffffffffeffffff\n"
    );
}

#[test]
fn arm_v7_is_accepted_unless_strict() {
    let mut m = Fake::new().file("/usr/bin/qemu-arm", "x");
    assert_eq!(m.call(run, "binfmt --install arm/v7").2, "installing: arm OK\n");
    m.strict = true;
    let text = "installing: v7 unsupported architecture: v7\n";
    assert_eq!(m.call(run, "binfmt --install arm/v7").2, text);
}

#[test]
fn all_takes_what_there_is_an_emulator_for() {
    let mut m = Fake::new().file("/usr/bin/qemu-s390x", "x");
    let (code, _, err) = m.call(run, "binfmt --install all");
    let ours = binfmt::guests::emulated().into_iter().map(|guest| guest.name);
    let mut expected: Vec<_> = ours.chain(["s390x"]).collect();
    let mut installed: Vec<_> = err
        .lines()
        .filter_map(|line| line.strip_prefix("installing: ")?.strip_suffix(" OK"))
        .collect();
    expected.sort_unstable();
    installed.sort_unstable();
    assert_eq!((code, installed), (0, expected));
    let (code, _, err) = m.call(run, "binfmt --install all");
    assert_eq!((code, err.as_str()), (0, ""));
}

#[test]
fn this_machines_own_architecture_is_never_hijacked() {
    let mut m = Fake::new().file("/usr/bin/qemu-x86_64", "x");
    let (code, _, err) = m.call(run, "binfmt --install amd64");
    assert_eq!(code, 0);
    assert!(err.ends_with("installing: amd64 OK\n"), "{err}");
    assert!(m.entries().is_empty());
}

#[test]
fn an_entry_that_does_not_work_is_no_success() {
    let mut m = Fake::new();
    m.entry("qemu-aarch64", "enabled\ninterpreter /gone\nflags: \noffset 0\nmagic 7f45\n");
    let (code, _, err) = m.call(run, "binfmt --install arm64");
    assert_eq!(code, 1);
    let mut lines = err.lines();
    assert_eq!(lines.next(), Some("installing: arm64 qemu-aarch64 already registered"));
    assert!(lines.all(|l| l.starts_with("hint: ")), "{err}");
    assert_eq!(m.call(run, "binfmt --uninstall qemu-aarch64 --install arm64").0, 0);
}

#[test]
fn volatile_registrations_are_told() {
    let mut m = Fake::new();
    m.volatile = true;
    let (code, _, err) = m.call(run, "binfmt --install arm64");
    assert_eq!(code, 6);
    assert!(err.starts_with("installing: arm64 OK\nhint: these registrations vanish"), "{err}");
}

#[test]
fn uninstalls_by_name_suffix_platform_and_pattern() {
    const TEXT: &str = "enabled\ninterpreter /q\nflags: \noffset 0\nmagic 01\n";
    for (pattern, expected, left) in [
        ("qemu-*", "uninstalling: qemu-aarch64 OK\nuninstalling: qemu-arm OK\n", vec!["jar"]),
        ("qemu-aarch64", "uninstalling: qemu-aarch64 OK\n", vec!["jar", "qemu-arm"]),
        ("arm64", "uninstalling: aarch64 OK\n", vec!["jar", "qemu-arm"]),
        ("linux/arm64", "uninstalling: aarch64 OK\n", vec!["jar", "qemu-arm"]),
        (
            "aarch64,riscv64",
            "uninstalling: aarch64 OK\nuninstalling: riscv64 not found\n",
            vec!["jar", "qemu-arm"],
        ),
        ("nothing", "uninstalling: nothing not found\n", vec!["jar", "qemu-arm", "qemu-aarch64"]),
    ] {
        let mut m = Fake::new();
        for name in ["qemu-aarch64", "qemu-arm", "jar"] {
            m.entry(name, TEXT);
        }
        let (code, _, err) = m.call(run, &format!("binfmt --uninstall {pattern}"));
        assert_eq!((code, err.as_str()), (0, expected), "{pattern}");
        assert_eq!(m.entries(), left, "{pattern}");
    }
}

#[test]
fn wslinterop_stays() {
    let mut m = Fake::new();
    m.entry("WSLInterop", "enabled\ninterpreter /init\nflags: P\noffset 0\nmagic 4d5a\n");
    assert_eq!(m.call(run, "binfmt --uninstall *").2.matches("OK").count(), 0);
    assert_eq!(m.entries(), ["WSLInterop"]);
}

#[test]
fn the_version_goes_to_standard_error() {
    let (code, out, err) = Fake::new().call(run, "binfmt --version");
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(err.starts_with("binfmt/") && err.contains(" qemu/v"), "{err}");
    assert_eq!(err.lines().count(), 1);
}

#[test]
fn what_cannot_be_mounted_leaves_standard_output_empty() {
    let mut m = Fake::new();
    m.mounted = false;
    let (code, out, err) = m.call(run, "binfmt --install all");
    assert_eq!((code, out.as_str()), (4, ""));
    assert!(err.starts_with(
        "error: operation not permitted\n\
         cannot mount binfmt_misc filesystem at /proc/sys/fs/binfmt_misc\n"
    ));
}

#[test]
fn wrong_flags_show_gos_usage() {
    let (code, _, err) = Fake::new().call(run, "binfmt --nope");
    assert_eq!(code, 2);
    assert_eq!(err, golden("tonistiigi-usage.txt"));
}

#[test]
fn a_bad_prefix_is_refused() {
    let mut m = Fake::new().var_set("QEMU_BINARY_PREFIX", "a/b");
    let err = m.call(run, "binfmt --install arm64").2;
    assert_eq!(
        err,
        "installing: arm64 binary prefix must not contain path separator \
         (Hint: set $QEMU_BINARY_PATH to specify the directory)\n"
    );
}

#[test]
fn patterns_are_gos() {
    for (pattern, name, expected) in [
        ("qemu-*", "qemu-arm", true),
        ("qemu-a?m", "qemu-arm", true),
        ("qemu-[a-c]rm", "qemu-arm", true),
        ("qemu-[^a]rm", "qemu-arm", false),
        ("[", "x", false),
        ("\\*", "*", true),
        ("", "", true),
        ("*", "", true),
    ] {
        assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
    }
}
