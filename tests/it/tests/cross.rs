//! Programs of one architecture execute programs of others: emulated ones and the machine's own.
//! Nothing is registered for that.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use it::entries::compile;
use it::{Lab, SUBJECTS, outcome};

/// Says what machine it is on, then does what its arguments say: executes the next of them, by
/// `exec`, `vfork`, `fd` (through a descriptor) or `spawn`.
const RELAY: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv) {
    struct utsname name;
    uname(&name);
    printf("%s %s hwcap=%d", name.machine, strrchr(argv[0], '/') + 1, getauxval(AT_HWCAP) != 0);
    if (getenv("SHOW_HWCAP")) printf(" %lx", getauxval(AT_HWCAP));
    printf("\n");
    fflush(stdout);
    if (argc < 3) return 7;
    char *how = argv[1], **next = argv + 2;
    int status = 0;
    if (!strcmp(how, "exec")) {
        execv(*next, next);
    } else if (!strcmp(how, "fd")) {
        fexecve(open(*next, O_RDONLY | O_CLOEXEC), next, environ);
    } else if (!strcmp(how, "vfork")) {
        pid_t pid = vfork();
        if (pid == 0) { execv(*next, next); _exit(errno); }
        waitpid(pid, &status, 0);
        printf("child ended with %d\n", WEXITSTATUS(status));
        return 0;
    } else {
        pid_t pid;
        int error = posix_spawn(&pid, *next, 0, 0, next, environ);
        if (error) { printf("spawn: %s\n", strerror(error)); return 1; }
        waitpid(pid, &status, 0);
        printf("child ended with %d\n", WEXITSTATUS(status));
        return 0;
    }
    printf("%s: %s\n", how, strerror(errno));
    return 1;
}
"#;

/// The relay for each machine.
struct Relays {
    dir: PathBuf,
}

impl Relays {
    /// Made once, as the tests run at the same time.
    fn make(lab: &Lab) -> &'static Self {
        static MADE: OnceLock<Relays> = OnceLock::new();
        MADE.get_or_init(|| Self::compile(lab))
    }

    fn compile(lab: &Lab) -> Self {
        let dir = lab.scratch("cross");
        for (name, compiler) in [
            ("host", "gcc"),
            ("arm64", "aarch64-linux-gnu-gcc"),
            ("riscv64", "riscv64-linux-gnu-gcc"),
        ] {
            compile(compiler, &dir, name, RELAY);
        }
        Self { dir }
    }

    fn run(&self, lab: &Lab, options: &[&str], words: &str) -> String {
        self.run_by(&lab.anyarch, options, words)
    }

    fn run_by(&self, emulator: &Path, options: &[&str], words: &str) -> String {
        let path = |word: &str| -> String {
            let there = ["host", "arm64", "riscv64"].iter().any(|name| word.starts_with(name));
            let path = self.dir.join(word);
            if there { path.to_string_lossy().into_owned() } else { word.to_owned() }
        };
        let mut command = Command::new("timeout");
        command.arg("60").arg(emulator).args(options).args(words.split(' ').map(path));
        let output = command.output().expect("timeout starts");
        String::from_utf8_lossy(&output.stderr).into_owned() + &outcome(&output)
    }
}

const HOST: &str = std::env::consts::ARCH;

#[test]
fn each_executes_all_others() {
    let lab = Lab::open();
    let relays = Relays::make(&lab);
    let words = "arm64 exec riscv64 fd arm64 vfork riscv64 spawn arm64 exec host";
    let expected = format!(
        "aarch64 arm64 hwcap=1\nriscv64 riscv64 hwcap=1\naarch64 arm64 hwcap=1\n\
         riscv64 riscv64 hwcap=1\naarch64 arm64 hwcap=1\n{HOST} host hwcap=1\n\
         child ended with 7\nchild ended with 0\n[exit status: 0]"
    );
    assert_eq!(relays.run(&lab, &[], words), expected);
    let words = "riscv64 spawn host fd host";
    let expected = format!(
        "riscv64 riscv64 hwcap=1\n{HOST} host hwcap=1\n{HOST} host hwcap=1\n\
         child ended with 7\n[exit status: 0]"
    );
    assert_eq!(relays.run(&lab, &[], words), expected);
}

/// Only if it is emulated, the kernel need not know the others: so it stays emulated from one of its own
/// programs to the next.
#[test]
fn the_machines_own_emulated_executes_all_others() {
    let lab = Lab::open();
    let relays = Relays::make(&lab);
    let own = SUBJECTS.iter().find(|subject| subject.is_hosts()).expect("it is tested");
    let emulator = lab.emulator_of(own);
    let words = "host exec host fd host vfork arm64 spawn riscv64";
    let expected = format!(
        "{HOST} host hwcap=1\n{HOST} host hwcap=1\n{HOST} host hwcap=1\naarch64 arm64 hwcap=1\n\
         riscv64 riscv64 hwcap=1\nchild ended with 7\nchild ended with 0\n[exit status: 0]"
    );
    assert_eq!(relays.run_by(&emulator, &[], words), expected);
    let words = "host spawn host exec riscv64 exec host exec arm64";
    // (A foreign program executes the machine's own natively.)
    let expected = format!(
        "{HOST} host hwcap=1\n{HOST} host hwcap=1\nriscv64 riscv64 hwcap=1\n{HOST} host hwcap=1\n\
         exec: Exec format error\nchild ended with 1\n[exit status: 0]"
    );
    assert_eq!(relays.run_by(&emulator, &[], words), expected);
}

#[test]
fn scripts_lead_from_one_to_another() {
    let lab = Lab::open();
    let relays = Relays::make(&lab);
    for (first, interpreter, machine) in [
        ("arm64", "riscv64", "riscv64"),
        ("riscv64", "arm64", "aarch64"),
        ("riscv64", "host", HOST),
    ] {
        let script = relays.dir.join("ends.sh");
        let path = relays.dir.join(interpreter);
        fs::write(&script, format!("#!{}\n", path.display())).expect("written");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("executable");
        let words = format!("{first} exec {}", script.display());
        let text = relays.run(&lab, &[], &words);
        assert!(text.ends_with("[exit status: 7]"), "{text}");
        assert!(text.contains(&format!("\n{machine} {interpreter} hwcap=1\n")), "{text}");
    }
}

#[test]
fn a_model_is_of_its_own_architecture() {
    let lab = Lab::open();
    let relays = Relays::make(&lab);
    let show = |options: &[&str]| relays.run(&lab, options, "arm64 exec riscv64 exec arm64");
    let with = [&["-E", "SHOW_HWCAP=1"][..], &["-cpu", "cortex-a53"]].concat();
    let text = show(&with);
    let lines: Vec<_> = text.lines().collect();
    // CRC32, AES, PMULL, SHA1, SHA2: the same for both arm64 programs.
    assert_eq!((lines[0], lines[2]), ("aarch64 arm64 hwcap=1 8ff", lines[0]), "{text}");
    assert_eq!(lines[1], show(&["-E", "SHOW_HWCAP=1"]).lines().nth(1).unwrap_or_default());
}

#[test]
fn what_cannot_be_run_is_refused_by_all() {
    let lab = Lab::open();
    let relays = Relays::make(&lab);
    let image = fs::read(relays.dir.join("riscv64")).expect("compiled");
    let write = |name: &str, at: usize, value: u8| {
        let mut bytes = image.clone();
        bytes[at] = value;
        let path = relays.dir.join(name);
        fs::write(&path, bytes).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    };
    write("riscv64.class", 4, 1);
    write("riscv64.embedded", 48, 13);
    for name in ["riscv64.class", "riscv64.embedded"] {
        for first in ["arm64", "riscv64"] {
            let text = relays.run(&lab, &[], &format!("{first} exec {name}"));
            assert!(text.contains("exec: Exec format error\n"), "{name}: {text}");
        }
    }
    let direct = |name: &str| relays.run(&lab, &[], name);
    assert!(direct("riscv64.class").contains("a 32-bit ELF file"), "{}", direct("riscv64.class"));
    assert!(direct("riscv64.embedded").contains("RV64E"), "{}", direct("riscv64.embedded"));
}
