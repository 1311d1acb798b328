//! What update-binfmts (2.2.2) printed; `tests/it` runs the original beside ours.

use super::run;
use crate::fake::Fake;

fn machine() -> Fake {
    Fake::new()
        .file("/bin/true", "x")
        .file("/var/lib/binfmts/a", ":\nmagic\n0\nxyz\n\n/bin/true\n\n\n\n\n")
        .file("/usr/share/binfmts/foo", "package foo\ninterpreter /bin/true\nmagic QQ\\x01\nmask \\xff\\xff\\xff\nfix_binary yes\n")
        .file("/usr/share/binfmts/ext", "package p\ninterpreter /bin/nonono\nextension zzz\n")
        .file("/usr/share/binfmts/nop", "interpreter /bin/true\nmagic zzz\n")
}

const EXITING: &str = "update-binfmts: exiting due to previous errors\n";
const TRY: &str = "Try 'update-binfmts --help' or 'update-binfmts --usage' for more information.\n";

/// The exit code and what goes to standard error.
fn errors(m: &mut Fake, line: &str) -> (u8, String) {
    let (code, _, err) = m.call(run, &format!("update-binfmts {line}"));
    (code, err)
}

#[test]
fn displays() {
    let text = "a (disabled):\n     package = <local>\n        type = magic\n      offset = 0\n       \
        magic = xyz\n        mask = \n interpreter = /bin/true\n    detector = \n";
    let mut m = machine();
    assert_eq!(m.call(run, "update-binfmts --display a"), (0, text.into(), String::new()));
    assert_eq!(m.call(run, "update-binfmts --display"), (0, text.into(), String::new()));
    assert_eq!(errors(&mut m, "--enable a"), (0, String::new()));
    let out = m.call(run, "update-binfmts --display a").1;
    assert!(out.starts_with("a (enabled):\n"));
    let text = "update-binfmts: warning: nope not in database of installed binary formats.\n";
    assert_eq!(errors(&mut m, "--display nope"), (2, format!("{text}{EXITING}")));
}

#[test]
fn installs_enables_disables_and_removes() {
    let mut m = machine();
    let line = "--install d /bin/true --magic \\x01\\x02 --mask \\xff\\xfe --credentials yes \
                --fix-binary yes --preserve yes --package pk";
    assert_eq!(errors(&mut m, line), (0, String::new()));
    let file = &m.files[std::path::Path::new("/var/lib/binfmts/d")];
    assert_eq!(file, b"pk\nmagic\n0\n\\x01\\x02\n\\xff\\xfe\n/bin/true\n\nyes\nyes\nyes\n");
    assert!(m.text("d").contains("flags: CPF\noffset 0\nmagic 0102\nmask fffe"), "{}", m.text("d"));
    let text = "update-binfmts: warning: d already enabled in kernel.\n";
    assert_eq!(errors(&mut m, "--enable d"), (0, text.into()));
    assert_eq!(errors(&mut m, "--disable d"), (0, String::new()));
    assert!(m.entries().is_empty());
    let text = "update-binfmts: warning: current package is <local>, but binary format already \
                installed by pk; not removing.\n";
    assert_eq!(errors(&mut m, "--remove d /bin/true"), (0, text.into()));
    assert_eq!(errors(&mut m, "--remove d /bin/true --package pk"), (0, String::new()));
    let text = "update-binfmts: warning: /var/lib/binfmts/d does not exist; nothing to do!\n";
    assert_eq!(errors(&mut m, "--remove d /bin/true --package pk"), (0, text.into()));
}

#[test]
fn imports_and_unimports() {
    let mut m = machine();
    assert_eq!(errors(&mut m, "--import foo"), (0, String::new()));
    assert_eq!(m.entries(), ["foo"]);
    let text = "update-binfmts: warning: /usr/share/binfmts/ext: no executable /bin/nonono found, \
        but continuing anyway as you request\nupdate-binfmts: warning: /usr/share/binfmts/nop: \
        required 'package' line missing\n";
    assert_eq!(errors(&mut m, "--import"), (2, format!("{text}{EXITING}")));
    let text = "update-binfmts: warning: unable to open /usr/share/binfmts/none: No such file or \
        directory\nupdate-binfmts: warning: couldn't find information about 'none' to import\n";
    assert_eq!(errors(&mut m, "--import none"), (2, format!("{text}{EXITING}")));
    assert_eq!(errors(&mut m, "--unimport foo"), (0, String::new()));
    assert_eq!(m.entries(), ["ext"]);
}

#[test]
fn demonstrates() {
    let mut m = machine();
    let (_, out, _) = m.call(run, "update-binfmts --test --install q /bin/true --magic Q");
    assert_eq!(
        out,
        "install the following binary format description:\n     package = :\n        type = magic\n      \
         offset = 0\n       magic = Q\n        mask = \n interpreter = /bin/true\n    detector = \n \
         credentials = \n    preserve = \n  fix_binary = \nload binfmt_misc\n\
         enable q with the following format string:\n :q:M:0:Q::/bin/true:\n"
    );
    assert!(m.entries().is_empty());
}

#[test]
fn refuses_wrong_lines() {
    let mut m = machine();
    for (line, text) in [
        ("--enable a --disable", "two modes given: --enable and --disable"),
        ("--install a /bin/true", "--install requires a <spec> option"),
        ("--install a", "--install needs <name> <path>"),
        ("--find", "--find needs <path>"),
        (
            "--magic a --extension b",
            "two binary format specifications given: --magic and --extension",
        ),
        ("--bogus", "unrecognized option '--bogus'"),
    ] {
        assert_eq!(errors(&mut m, line), (2, format!("update-binfmts: {text}\n{TRY}")), "{line}");
    }
    let text = "update-binfmts: binary format name 'register' is reserved\n";
    assert_eq!(errors(&mut m, "--install register /bin/true --magic Q"), (2, text.into()));
    let text = "update-binfmts: offset must be a whole number\n";
    assert_eq!(errors(&mut m, "--offset x"), (2, text.into()));
}

#[test]
fn finds_interpreters() {
    let mut m = machine().file("/tmp/f", "xyz and more").file("/tmp/g", "no");
    assert_eq!(m.call(run, "update-binfmts --find /tmp/f").1, "/bin/true\n");
    assert_eq!(m.call(run, "update-binfmts --find /tmp/g").1, "");
}

#[test]
fn a_registration_that_the_kernel_refuses_is_no_success() {
    let mut m = machine()
        .file("/usr/share/binfmts/bad", "package p\ninterpreter /bin/true\nmagic ab\nmask \\xff\n");
    let text = "update-binfmts: warning: unable to close /proc/sys/fs/binfmt_misc/register: Invalid \
        argument\nupdate-binfmts: warning: unable to enable binary format bad\n";
    assert_eq!(errors(&mut m, "--import bad"), (1, text.into()));
    m.strict = true;
    m.files.remove(std::path::Path::new("/var/lib/binfmts/bad"));
    assert_eq!(errors(&mut m, "--import bad"), (0, text.into()));
}
