//! What systemd-binfmt (252) printed for these files; `tests/it` runs the original beside ours.

use super::{rules, run};
use crate::fake::Fake;

const A: &str = ":x1:M::X::/nonexistent:F\n:sta/tus:M::X::/bin/true:\nnodelim\n\
    :status:M::s::/bin/true:\n:bad:Q::s::/bin/true:\n:";
const B: &str = "# c1\n; c2\n\n   :one:M::ONE::/bin/true:F  \n:two:E::two::/bin/true:\n";

fn machine() -> Fake {
    Fake::new()
        .file("/etc/binfmt.d/a.conf", A)
        .file("/etc/binfmt.d/b.conf", B)
        .file("/run/binfmt.d/b.conf", ":run:M::RUN::/bin/true:F")
        .file("/run/binfmt.d/c.conf", ":run:M::RUN::/bin/true:F")
        .file("/usr/lib/binfmt.d/d.conf", "")
        .file("/bin/true", "x")
}

#[test]
fn applies_all_files_and_names_what_is_wrong() {
    let mut m = machine();
    m.entry("jar", "enabled\ninterpreter /j\nflags: \noffset 0\nmagic 02\n");
    let (code, out, err) = m.call(run, "systemd-binfmt");
    assert_eq!((code, out.as_str()), (1, ""));
    assert_eq!(
        err,
        "/etc/binfmt.d/a.conf:1: Failed to add binary format 'x1': No such file or directory\n\
         /etc/binfmt.d/a.conf:2: Rule name 'sta/tus' is not valid, refusing.\n\
         /etc/binfmt.d/a.conf:3: Failed to add binary format 'odelim': Invalid argument\n\
         /etc/binfmt.d/a.conf:4: Rule name 'status' is not valid, refusing.\n\
         /etc/binfmt.d/a.conf:5: Failed to add binary format 'bad': Invalid argument\n\
         /etc/binfmt.d/a.conf:6: Rule name '' is not valid, refusing.\n"
    );
    assert_eq!(m.entries(), ["run", "two", "one"]);
    assert_eq!(m.call(run, "systemd-binfmt --unregister"), (0, String::new(), String::new()));
    assert!(m.entries().is_empty());
}

#[test]
fn shows_the_files_in_effect() {
    let text = format!(
        "# /etc/binfmt.d/a.conf\n{A}\n\n# /etc/binfmt.d/b.conf\n{B}\n\
         # /run/binfmt.d/c.conf\n:run:M::RUN::/bin/true:F\n\n# /usr/lib/binfmt.d/d.conf\n"
    );
    assert_eq!(machine().call(run, "systemd-binfmt --cat-config"), (0, text, String::new()));
    let out = machine().call(run, "systemd-binfmt --tldr").1;
    assert!(out.contains("# /etc/binfmt.d/b.conf\n   :one:M::ONE::/bin/true:F  \n:two"), "{out}");
}

#[test]
fn single_files_are_looked_up() {
    let mut m = machine();
    assert_eq!(m.call(run, "systemd-binfmt b.conf").0, 0);
    assert_eq!(m.call(run, "systemd-binfmt /etc/binfmt.d/b.conf").0, 0);
    assert_eq!(m.entries(), ["two", "one"]);
    let (code, _, err) = m.call(run, "systemd-binfmt nope.conf");
    assert_eq!(code, 1);
    assert_eq!(err, "Failed to open file 'nope.conf': No such file or directory\n");
}

#[test]
fn wrong_lines_are_refused() {
    let mut m = machine();
    let (code, _, err) = m.call(run, "systemd-binfmt --unregister b.conf");
    assert_eq!(code, 2);
    assert_eq!(err, "Positional arguments are not allowed with --cat-config or --unregister\n");
    let (_, _, err) = m.call(run, "systemd-binfmt --bogus");
    assert_eq!(err, "systemd-binfmt: unrecognized option '--bogus'\n");
    m.strict = true;
    assert_eq!(m.call(run, "systemd-binfmt -x").0, 1);
}

#[test]
fn names_are_cut_at_the_delimiter() {
    let found = rules(b"|a:b|M||x||/i|\n\n#c\n");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].line, found[0].name.as_str()), (1, "a:b"));
}
