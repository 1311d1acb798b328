//! What dbhi/qus prints.

use super::run;
use crate::fake::Fake;

const FIRST: &str = "cat ./qemu-binfmt-conf.sh | sh -s -- --path=/qus/bin";

#[test]
fn registers_what_is_named() {
    let mut m = Fake::new();
    let (code, out, err) = m.call(run, "register -s -- -p aarch64");
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        out,
        format!(
            "{FIRST} -p aarch64 --suffix -static\n\
             Setting /qus/bin/qemu-aarch64-static as binfmt interpreter for aarch64\n"
        )
    );
    // x86-64 is this machine's own family: nothing is registered, as by the original.
    let (code, out, _) = m.call(run, "register -s -- -p x86_64");
    assert_eq!((code, out), (0, format!("{FIRST} -p x86_64 --suffix -static\n")));
}

#[test]
fn lists_and_clears() {
    let mut m = Fake::new();
    m.call(run, "register -s -- -p aarch64");
    let (code, out, _) = m.call(run, "register -l -- -t");
    assert_eq!(code, 0);
    assert_eq!(out, format!("{FIRST} -t\ntotal 0 in /proc/sys/fs/binfmt_misc\n"));
    let (code, out, _) = m.call(run, "register -- -r");
    assert_eq!((code, out), (0, format!("{FIRST} -r\n")));
    assert!(m.entries().is_empty());
}

#[test]
fn everything_is_registered_without_a_name() {
    let mut m = Fake::new().var_set("QEMU_BIN_DIR", "/usr/bin");
    let (code, out, _) = m.call(run, "register -s -- -p");
    assert_eq!(code, 0);
    assert_eq!(out.lines().count(), 30);
    assert!(
        out.starts_with(
            "cat ./qemu-binfmt-conf.sh | sh -s -- --path=/usr/bin -p --suffix -static\n"
        )
    );
    let mut entries = m.entries();
    entries.sort();
    let mut ours: Vec<_> =
        binfmt::guests::emulated().iter().map(|g| format!("qemu-{}", g.qemu)).collect();
    ours.sort();
    assert_eq!(entries, ours);
}

#[test]
fn mistakes_are_named() {
    let mut m = Fake::new();
    let (code, _, err) = m.call(run, "register -s -- -p vax");
    assert_eq!((code, err.as_str()), (2, "ERROR: unknown CPU \"vax\"\n"));
    assert_eq!(m.call(run, "register -x").2, "Invalid option: -x\n");
    let (code, _, err) = m.call(run, "register -- -p sh4");
    assert_eq!(code, 1);
    assert_eq!(
        err,
        "sh: write error: No such file or directory\n\
         hint: not registered, as there is no emulator here: sh4\n"
    );
}
