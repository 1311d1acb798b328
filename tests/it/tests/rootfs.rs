//! A Debian root of each guest: every command of tests/rootfs/commands.txt gives the oracle's
//! output. (Of a guest whose programs the machine executes itself, what it gives natively.)

use std::fs;
use std::path::Path;

use it::{Lab, SUBJECTS, Subject, assert_none, chosen, outcome};

fn commands(tree: &Path) -> Vec<String> {
    let text = fs::read_to_string(tree.join("tests/rootfs/commands.txt"))
        .expect("the list is in the tree");
    text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn commands_match_the_oracle() {
    let lab = Lab::open();
    let all = commands(&lab.tree);
    assert!(all.len() >= 60, "only {} commands", all.len());
    let guests = chosen();
    let failures: Vec<_> = guests.iter().flat_map(|guest| differing(&lab, guest, &all)).collect();
    assert_none(&failures, all.len() * guests.len());
}

/// The commands that do not do in a guest's root what they do under the oracle.
fn differing(lab: &Lab, guest: &Subject, all: &[String]) -> Vec<String> {
    let (root, oracle) = (lab.root_of(guest), lab.oracle_of(guest, "sid").display().to_string());
    // What the machine executes itself is emulated if we are asked to, and its own oracle if not.
    let (emulated, oracle) = match guest.is_hosts() {
        true => (vec!["--emulate"], Vec::new()),
        false => (Vec::new(), vec!["--interpreter", &oracle]),
    };
    let mut failures = Vec::new();
    for (n, command) in all.iter().enumerate() {
        let pins = format!("ANYARCH_DUMP=pins{n}");
        let run = |options: &[&str]| {
            let words = ["/bin/sh", "-c", command.as_str()];
            lab.run(&root, options, &words).output().expect("anyarch starts")
        };
        let theirs = run(&oracle);
        // Sometimes also with other guest registers in the host's.
        let all: &[&[&str]] = if n % 4 == 0 { &[&[], &["--env", &pins]] } else { &[&[]] };
        for options in all {
            let options = [&emulated, *options].concat();
            let ours = run(&options);
            if outcome(&ours) != outcome(&theirs) {
                failures.push(format!(
                    "{} in the root of {}\n--- oracle\n{}\n--- ours {options:?}\n{}\n{}",
                    command,
                    guest.name,
                    outcome(&theirs),
                    outcome(&ours),
                    String::from_utf8_lossy(&ours.stderr)
                ));
            }
        }
    }
    failures
}

/// A root of this machine's architecture: the same output natively and emulated, but for the processor.
#[test]
fn programs_of_this_machine_are_emulated_if_asked() {
    let lab = Lab::open();
    let root = lab.fixtures.join(subjects::NATIVE_DEBUGGER);
    let run = |options: &[&str], script: &str| {
        let out = lab.run(&root, options, &["/bin/bash", "-c", script]).output();
        outcome(&out.expect("anyarch starts"))
    };
    let same = "uname -m; for n in $(seq 5); do echo $((n ** n)) | sha256sum; done; ls / | sort -r; \
        printf '#!/bin/sh\\necho script $1\\n' > /tmp/s; chmod +x /tmp/s; /tmp/s arg; rm /tmp/s; \
        bash -c 'kill -SEGV $$'; echo $?; /bin/dash -c 'exec printf %s-%.3f\\\\n a 1.5'";
    let (native, emulated) = (run(&[], same), run(&["--emulate"], same));
    assert!(native.contains("x86_64") && native.contains("a-1.500"), "{native}");
    assert_eq!(emulated, native);
    let processor = "while read line; do case $line in 'model name'*) echo $line; exit;; esac; \
        done < /proc/cpuinfo";
    let (native, emulated) = (run(&[], processor), run(&["--emulate"], processor));
    assert!(emulated.contains("model name"), "{emulated}");
    assert_ne!(emulated, native);
}

/// The field's worst surprise: tools that need /proc or a temporary file in a read-only root.
#[test]
fn a_read_only_root_without_temporary_directory_changes_nothing() {
    let lab = Lab::open();
    // The packages' state is writable, or dpkg would refuse on any machine.
    let state = lab.scratch("dpkg");
    let from = lab.root().join("var/lib/dpkg/.");
    let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(&state).status();
    assert!(copied.is_ok_and(|status| status.success()), "cp");
    let volume = format!("{}:/var/lib/dpkg", state.display());
    let options = ["--read-only", "--env", "TMPDIR=/nonexistent", "--volume", &volume];
    let expectations = [
        ("ps aux | head -n 3", "ps aux"),
        ("cat /proc/self/stat", "(cat) R"),
        ("cat /proc/self/maps", "[stack]"),
        ("tr '\\0' ' ' < /proc/self/cmdline", "tr "),
        ("dpkg -l | tail -n 1", "ii "),
        ("dpkg --configure -a && echo configured", "configured"),
    ];
    for (command, expected) in expectations {
        let out =
            lab.run(&lab.root(), &options, &["/bin/sh", "-c", command]).output().expect("starts");
        let text = outcome(&out);
        assert!(
            text.contains(expected) && out.status.success(),
            "{command}: {text}{}",
            String::from_utf8_lossy(&out.stderr)
        );
        // The first process of the namespace is ours and says so; no other line may.
        let mut others = text.lines().filter(|l| !l.contains("@init"));
        assert!(!others.any(|l| l.contains("anyarch")), "{command} shows the emulator: {text}");
    }
}

/// Registered with F, the kernel keeps the interpreter: its file may go, and no root needs it.
#[test]
fn the_registration_survives_the_deletion_of_the_binary() {
    let lab = Lab::open();
    let copy = lab.scratch("survive").join("anyarch");
    it::copy_program(&lab.anyarch, &copy);
    let dir = copy.parent().expect("it has one").display().to_string();
    // Inside the private namespace of a run over the host's own root.
    let root = lab.root().display().to_string();
    let script = format!(
        "set -e; mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc; \
         '{dir}/anyarch' install --allow-volatile arm64; rm '{dir}/anyarch'; chroot '{root}' /bin/sh -c 'uname -m; ls / | wc -l'"
    );
    let out = std::process::Command::new("unshare")
        .args(["-Ufmpr", "--mount-proc", "sh", "-c", &script])
        .output()
        .expect("unshare starts");
    let text = outcome(&out);
    assert!(
        text.contains("aarch64") && out.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

#[test]
fn exec_works_without_any_registration() {
    let lab = Lab::open();
    let script = "/bin/bash -c 'echo from bash; exec /usr/bin/env sh -c \"uname -m\"'; \
        printf '#!/bin/sh\\necho script $1\\n' > /tmp/s; chmod +x /tmp/s; /tmp/s arg; rm /tmp/s";
    let out = lab
        .run(&lab.root(), &["--no-binfmt"], &["/bin/sh", "-c", script])
        .output()
        .expect("starts");
    let text = outcome(&out);
    assert!(
        text.starts_with("from bash\naarch64\nscript arg\n"),
        "{text}{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

/// Signals that are sent to `anyarch run` reach the command, whose exit code is told.
#[test]
fn the_command_gets_the_signals() {
    use std::io::{BufRead as _, BufReader};
    let lab = Lab::open();
    let script = "for s in TERM HUP INT USR1; do trap \"echo $s; n=\\$((n + 1))\" $s; done; echo up; \
        while [ \"$n\" != 4 ]; do sleep 0.05; done; exit 7";
    // (A shell does not trap what was ignored when it started.)
    let mut run = std::process::Command::new("env")
        .arg("--default-signal=TERM,HUP,INT,USR1")
        .arg(&lab.anyarch)
        .args(["run", "--root"])
        .arg(lab.root())
        .args(["--", "/bin/sh", "-c", script])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(run.stdout.take().expect("piped")).lines();
    let mut next = || lines.next().and_then(Result::ok);
    assert_eq!(next().as_deref(), Some("up"));
    for name in ["TERM", "HUP", "INT", "USR1"] {
        let pid = run.id().to_string();
        let sent = std::process::Command::new("kill").args([format!("-{name}"), pid]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        assert_eq!(next().as_deref(), Some(name));
    }
    assert_eq!(run.wait().expect("ends").code(), Some(7));
}

/// A program finds what its relatives have translated, unless one of them has other rights.
#[test]
fn translations_are_shared_among_equals_only() {
    let lab = Lab::open();
    let script = "/bin/true; /bin/true; setpriv --reuid=1000 --clear-groups /bin/true; \
        setpriv --no-new-privs /bin/true; (exec /bin/true)";
    let user = ["--env", "ANYARCH_DUMP=stats"];
    let out = lab.run(&lab.root(), &user, &["/bin/bash", "-c", script]).output().expect("starts");
    let text = String::from_utf8_lossy(&out.stderr);
    // "N units (M shared), ..." of each program that ended, bash the last.
    let shared: Vec<(u32, u32)> = text
        .lines()
        .filter_map(|line| {
            let (units, rest) = line.split_once(" units (")?;
            Some((units.parse().ok()?, rest.split_once(" shared")?.0.parse().ok()?))
        })
        .collect();
    let [first, second, user, confined, last, bash] = shared[..] else {
        panic!("{shared:?} of six programs\n{text}")
    };
    assert!(first.1 * 10 < first.0, "the first has nobody to learn from: {first:?}\n{text}");
    for (units, shared) in [second, last] {
        assert!(shared * 10 > units * 9, "{shared} of {units}\n{text}");
    }
    for (units, shared) in [user, confined] {
        assert!(units > 100 && shared == 0, "{shared} of {units}\n{text}");
    }
    assert!(bash.0 > first.0, "{text}");
}

/// What debootstrap leaves in a container: a link that leads back to itself inside the root.
#[test]
fn a_root_without_proc_will_do() {
    let lab = Lab::open();
    let root = lab.scratch("no-proc");
    let _ = fs::remove_file(root.join("proc"));
    std::os::unix::fs::symlink("/proc", root.join("proc")).expect("a link");
    let source = root.join("program.c");
    let text = "#include <stdio.h>\n#include <unistd.h>\nint main(int c, char **v)\n{\n    \
        if (c > 1) execl(\"/program\", \"again\", (char *)0);\n    \
        printf(\"%s %d\\n\", v[0], access(\"/proc/version\", F_OK));\n}\n";
    fs::write(&source, text).expect("a program");
    let compiled = std::process::Command::new(SUBJECTS[0].compiler())
        .args(["-static", "-o"])
        .args([root.join("program"), source])
        .status();
    assert!(compiled.is_ok_and(|status| status.success()), "the compiler");
    let out = lab.run(&root, &[], &["/program", "1"]).output().expect("anyarch starts");
    assert_eq!(outcome(&out), "again -1\n[exit status: 0]", "{out:?}");
}
