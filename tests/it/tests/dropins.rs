//! The tools that ours stand in for, and ours bound over them, do the same things in the same
//! namespace: what they print, what the kernel has registered then, and their exit codes (with
//! COMPAT=strict; ours may be larger without).

use std::path::Path;
use std::process::Command;

use binfmt::GuestArch;
use binfmt::guests::emulated;
use it::{Lab, SUBJECTS};

/// Runs `tests/dropins/NAME.sh` in a chroot of the originals with a binfmt_misc of its own;
/// `ours` is bound over the path in it that is given.
fn transcript(lab: &Lab, name: &str, ours: Option<&str>, strict: bool) -> String {
    let root = lab.fixtures.join("originals-bookworm");
    let root = format!("'{}'", root.display());
    let scripts = lab.tree.join("tests/dropins");
    let read = |file: String| {
        std::fs::read_to_string(scripts.join(&file)).unwrap_or_else(|e| panic!("{file}: {e}"))
    };
    let script = read("prelude.sh".into()) + &read(format!("{name}.sh"));
    let bind =
        ours.map_or(String::new(), |path| format!("mount --bind \"$ANYARCH\" {root}{path}\n"));
    let setup = format!(
        "set -e\n\
         mount -t proc proc {root}/proc\n\
         mount -t binfmt_misc binfmt_misc {root}/proc/sys/fs/binfmt_misc\n\
         mount --rbind /dev {root}/dev\n\
         for dir in tmp run etc/binfmt.d var/lib/binfmts; do mount -t tmpfs tmpfs {root}/$dir; done\n\
         {bind}\
         exec chroot {root} /bin/bash -c \"$0\"\n"
    );
    let mut command = Command::new("unshare");
    command.args(["-Urmpf", "bash", "-c", &setup]).arg(&script);
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .env("ANYARCH", &lab.anyarch);
    if strict {
        command.env("COMPAT", "strict");
    }
    let output = command.output().expect("unshare starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The first difference, with the command that made it.
fn difference(theirs: &str, ours: &str) -> Option<String> {
    let mut command = "";
    for (a, b) in theirs.lines().chain([""]).zip(ours.lines().chain([""])) {
        if a.starts_with("+ ") {
            command = a;
        }
        if a != b {
            return Some(format!("{command}\n--- theirs: {a}\n--- ours:   {b}"));
        }
    }
    None
}

fn same(name: &str, path: &str) {
    let lab = Lab::open();
    let theirs = transcript(&lab, name, None, false);
    assert!(theirs.lines().filter(|l| l.starts_with("+ ")).count() > 10, "{theirs}");
    let ours = transcript(&lab, name, Some(path), true);
    assert_eq!(difference(&theirs, &ours), None);
    // Without strict: the same words, but for hints; exit codes are ours.
    let words = |text: &str| {
        let kept = text.lines().filter(|l| !l.starts_with("  [") && !l.starts_with("! hint: "));
        kept.collect::<Vec<_>>().join("\n")
    };
    let ours = transcript(&lab, name, Some(path), false);
    assert_eq!(difference(&words(&theirs), &words(&ours)), None);
}

#[test]
fn systemd_binfmt_is_matched() {
    same("systemd-binfmt", "/lib/systemd/systemd-binfmt");
}

#[test]
fn update_binfmts_is_matched() {
    same("update-binfmts", "/usr/sbin/update-binfmts");
}

#[test]
fn arch_test_is_matched() {
    same("arch-test", "/usr/bin/arch-test");
}

/// Runs a script as the first process of a namespace with a binfmt_misc of its own.
fn registered(lab: &Lab, script: &str) -> String {
    let setup = "mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc && \
                 mount -t tmpfs tmpfs \"$WORK\" && cd \"$WORK\" && link() { ln -s \"$ANYARCH\" \"$1\"; }\n";
    let output = Command::new("unshare")
        .args(["-Urmpf", "--mount-proc", "bash", "-c", &(setup.to_owned() + script)])
        .env("ANYARCH", &lab.anyarch)
        .env("ROOT", lab.root())
        .env("WORK", lab.mount_point())
        .output()
        .expect("unshare starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text + &String::from_utf8_lossy(&output.stderr)
}

/// What docker/setup-qemu-action does with an image, in its order.
#[test]
fn tonistiigi_binfmt_is_replaced() {
    let lab = Lab::open();
    let text = registered(
        &lab,
        "link binfmt; ./binfmt --version 2>&1; ./binfmt --uninstall 'qemu-*' >/dev/null 2>&1
         ./binfmt --install all 2>&1 >state; echo [$?]; ./binfmt >again; cmp state again && cat state
         chroot \"$ROOT\" /bin/uname -m; ./binfmt --uninstall arm64 2>&1 >state
         grep arm64 state || echo gone; chroot \"$ROOT\" /bin/uname -m 2>/dev/null; echo [$?]",
    );
    let golden = lab.tree.join("tests/golden/compat/tonistiigi-arm64.json");
    let golden = std::fs::read_to_string(golden).expect("in the tree");
    let all = emulated();
    let list = |of: &dyn Fn(&GuestArch) -> String| {
        all.iter().map(|g| format!("\"{}\"", of(g))).collect::<Vec<_>>().join(",\n    ")
    };
    let golden = golden
        .replace("\"linux/arm64\"", &list(&|g| format!("linux/{}", g.platform)))
        .replace("\"qemu-aarch64\"", &list(&|g| format!("qemu-{}", g.qemu)));
    let installing: String = all.iter().map(|g| format!("installing: {} OK\n", g.name)).collect();
    // The levels of x86-64 and 32-bit programs are this machine's.
    let own = |l: &&str| !l.contains("linux/amd64/") && !l.contains("linux/386");
    let plain =
        |t: &str| t.lines().filter(own).map(|l| l.trim_end_matches(',')).collect::<String>();
    let expected =
        format!("{installing}[0]\n{golden}aarch64\nuninstalling: aarch64 OK\ngone\n[126]\n");
    let (version, rest) = text.split_once('\n').expect("more than a line");
    assert!(version.starts_with("binfmt/") && version.contains(" qemu/v"), "{text}");
    assert_eq!(plain(rest), plain(&expected), "{text}");
}

#[test]
fn multiarch_and_qus_are_replaced() {
    let lab = Lab::open();
    let text = registered(
        &lab,
        "link register; ./register --reset -p yes >out 2>err; echo [$?]; cat out
         chroot \"$ROOT\" /bin/uname -m; grep -v ^hint: err
         \"$ANYARCH\" --reset --credential yes --persistent yes >again; cmp out again
         \"$ANYARCH\" -- -r; chroot \"$ROOT\" /bin/uname -m 2>/dev/null; echo [$?]
         \"$ANYARCH\" -s -- -p aarch64; echo [$?]; chroot \"$ROOT\" /bin/uname -m
         \"$ANYARCH\" -l -- -t | grep -c qemu-aarch64",
    );
    let golden = lab.tree.join("tests/golden/compat/multiarch-reset-p-yes.txt");
    let golden = std::fs::read_to_string(golden).expect("in the tree");
    let first = "cat ./qemu-binfmt-conf.sh | sh -s -- --path=/qus/bin";
    let expected = format!(
        "[0]\n{golden}aarch64\n{first} -r\n[126]\n{first} -p aarch64 --suffix -static\n\
         Setting /qus/bin/qemu-aarch64-static as binfmt interpreter for aarch64\n[0]\naarch64\n1\n"
    );
    let text: String =
        text.lines().filter(|l| !l.starts_with("hint: ")).map(|l| format!("{l}\n")).collect();
    assert_eq!(text, expected);
}

/// Under QEMU's names, and as BuildKit's emulator, which finds programs in PATH and must execute
/// itself for what they execute.
#[test]
fn emulators_names_are_taken() {
    let lab = Lab::open();
    let (mut guests, mut expected) = (String::new(), String::new());
    for subject in SUBJECTS.iter().filter(|subject| !subject.is_hosts()) {
        let (uname, root) = (subject.uname, lab.root_of(subject));
        guests += &format!(
            "link qemu-{uname}-static; ./qemu-{uname}-static --version | cut -d' ' -f1,2
             ./qemu-{uname}-static -L '{0}' '{0}'/bin/uname -m\n",
            root.display()
        );
        expected += &format!("qemu-{uname} version\n{uname}\n");
    }
    let script = guests
        + "link qemu-s390x; ./qemu-s390x x 2>/dev/null; echo [$?]
         mkdir root; mount --bind \"$ROOT\" root; mount -t tmpfs tmpfs root/dev; mount --bind /proc root/proc
         cp -L \"$ANYARCH\" root/dev/.buildkit_qemu_emulator; export PATH=/usr/bin:/bin
         /usr/sbin/chroot root /dev/.buildkit_qemu_emulator sh -c 'uname -m; ls -d /usr | cat; exit 3'
         echo [$?]";
    expected += "[126]\naarch64\n/usr\n[3]\n";
    assert_eq!(registered(&lab, &script), expected);
}

/// The list of QEMU's script, applied by the original of systemd-binfmt.
#[test]
fn exported_files_are_taken_by_the_original() {
    let lab = Lab::open();
    let root = lab.fixtures.join("originals-bookworm");
    assert!(Path::new(&root).join("lib/systemd/systemd-binfmt").exists());
    let text = registered(
        &lab,
        &format!(
            "mkdir out; \"$ANYARCH\" --systemd ALL --exportdir out --qemu-path /usr/bin >/dev/null 2>&1
             echo [$?]; mount --bind /proc {0}/proc; mount --rbind /proc/sys/fs/binfmt_misc \
             {0}/proc/sys/fs/binfmt_misc; mount --bind out {0}/etc/binfmt.d
             chroot {0} /lib/systemd/systemd-binfmt $(cd out; ls); echo [$?]
             ls /proc/sys/fs/binfmt_misc | grep -c ^qemu-",
            format_args!("'{}'", root.display())
        ),
    );
    assert_eq!(text, "[0]\n[0]\n31\n");
}
