//! Roots that others have made: whatever their links say, nothing outside is read, made, mounted or
//! written, and pipes in them block nothing.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use it::entries::{self, empty_dir};
use it::namespace::inside;
use it::{Lab, SUBJECTS, outcome};

/// Prints where it is, and the files that are its arguments.
const SHOW: &str = r#"#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv) {
    char text[4096];
    printf("%s\n", getcwd(text, sizeof text));
    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "r");
        printf("%s: %s\n", argv[i], f && fgets(text, sizeof text, f) ? text : "-");
    }
}"#;

/// A root with links to `outside`, which is beside it.
struct Hostile {
    root: PathBuf,
    outside: PathBuf,
    /// A directory of the machine with the file `file` in it.
    shared: PathBuf,
    before: Vec<String>,
}

impl Hostile {
    fn new(test: &str) -> Self {
        let dir = empty_dir(&format!("hostile-{test}"));
        let [root, outside, shared] = ["root", "outside", "shared"].map(|d| dir.join(d));
        entries::put(&shared.join("file"), b"shared", 0o644);
        entries::put(&outside.join("secret"), b"stolen", 0o644);
        entries::put(&outside.join("sub/bin/show"), b"#!/bin/true\n", 0o755);
        fs::create_dir_all(root.join("bin")).expect("made");
        entries::compile(&SUBJECTS[0].compiler(), &root.join("bin"), "show", SHOW);
        fs::create_dir_all(root.join("a/b/c")).expect("made");
        let up = Path::new("../../../../../../../../../../../..").join(below(&outside));
        for (at, to) in [
            ("absolute", outside.clone()),
            ("relative", "../outside".into()),
            ("a/up", "../../outside".into()),
            ("a/b/up", up),
            ("a/b/c/chain", "../up/../../relative/sub".into()),
            ("dangling", "/nowhere".into()),
            ("etc", outside.join("sub")),
            ("usr", "../outside/sub".into()),
            ("opt", "/proc/self/root/opt".into()),
        ] {
            symlink(to, root.join(at)).expect("linked");
        }
        let before = listing(&outside);
        Self { root, outside, shared, before }
    }

    /// Runs `anyarch` with `arguments` under strace; what it printed, and its log of calls.
    fn trace(&self, arguments: &[&str]) -> (String, String) {
        let log = self.root.with_file_name("log");
        let _ = fs::remove_dir_all(&log);
        fs::create_dir_all(&log).expect("made");
        let mut command = Command::new("timeout");
        command.args(["-k", "5", "120", "strace", "-ff", "-y", "-s", "4096", "-o"]);
        command.arg(log.join("of")).arg(&Lab::open().anyarch).args(arguments);
        let out = command.output().expect("strace starts");
        let text = outcome(&out) + &String::from_utf8_lossy(&out.stderr);
        let mut calls = String::new();
        for item in fs::read_dir(&log).expect("made").flatten() {
            let own = fs::read(item.path()).expect("written");
            let own = String::from_utf8_lossy(&own);
            // What follows is the root's own program, which cannot reach more than the root.
            let entered = ["pivot_root(", "chroot(", "execve(\"/bin/"];
            let end = entered.iter().filter_map(|call| own.find(call)).min();
            calls += &own[..end.unwrap_or(own.len())];
        }
        assert!(calls.contains("execve("), "strace saw nothing: {text}");
        (text, calls)
    }

    /// No call named a path in the root (the kernel would follow its links out of the root), none
    /// reached what is outside, and nothing there has changed.
    fn judge(&self, what: &str, calls: &str) {
        let root = self.root.display().to_string();
        let outside = self.outside.display().to_string();
        for line in calls.lines().filter(|line| !line.starts_with("write(")) {
            let through = format!("\"{root}/");
            assert!(!line.contains(&through), "{what}: follows a path of the root: {line}");
            let reached = ["<", "\""].iter().any(|q| line.contains(&format!("{q}{outside}")));
            assert!(!reached || line.starts_with("readlink"), "{what}: reaches out: {line}");
            // One name at a time, not followed, or by a call that cannot get out.
            let many = line.starts_with("openat(") && line.contains(&format!("<{root}>, \""));
            let one = line.contains("O_NOFOLLOW") || line.contains("O_EXCL");
            assert!(!many || one, "{what}: follows links: {line}");
            let bound = line.contains("RESOLVE_IN_ROOT") && line.contains("RESOLVE_NO_MAGICLINKS");
            assert!(!line.starts_with("openat2(") || bound, "{what}: is not bound: {line}");
        }
        assert_eq!(listing(&self.outside), self.before, "{what}");
    }
}

fn below(path: &Path) -> &Path {
    path.strip_prefix("/").expect("absolute")
}

/// Every file below `dir`, and when it was changed last.
fn listing(dir: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut rest = vec![dir.to_owned()];
    while let Some(path) = rest.pop() {
        let m = fs::symlink_metadata(&path).expect("there");
        all.push(format!("{} {}.{}", path.display(), m.ctime(), m.ctime_nsec()));
        if m.is_dir() {
            rest.extend(fs::read_dir(&path).expect("readable").flatten().map(|i| i.path()));
        }
    }
    all.sort();
    all
}

#[test]
fn run_mounts_and_makes_nothing_outside() {
    let hostile = Hostile::new("run");
    let root = hostile.root.display().to_string();
    let (dir, file) = (hostile.shared.display(), hostile.shared.join("file"));
    for inside in [
        "/absolute/made/deep",
        "/relative/made",
        "/a/up/made",
        "/a/b/up/made",
        "/a/b/c/chain/made",
        "/dangling/made",
        "/etc",
        "/usr/../usr/share/made",
        "/plain/made",
        "/dev/made",
    ] {
        for (source, seen) in [
            (format!("{dir}:{inside}"), format!("{inside}/file")),
            (format!("{}:{inside}-file:ro", file.display()), format!("{inside}-file")),
        ] {
            let options = ["run", "--root", &root, "--volume", &source, "--workdir", "/bin"];
            let words = [&options[..], &["--", "/bin/show", &seen]].concat();
            let (text, calls) = hostile.trace(&words);
            assert_eq!(
                text.trim_end(),
                format!("/bin\n{seen}: shared\n[exit status: 0]"),
                "{source}"
            );
            hostile.judge(&source, &calls);
        }
    }
}

#[test]
fn run_looks_for_everything_inside() {
    let hostile = Hostile::new("inside");
    let root = hostile.root.display().to_string();
    // The working directory is the root's, where there is one.
    for workdir in ["/absolute", "/a/b/up", "/opt", "/proc/self/root/tmp", "/proc/self/fd/4"] {
        let (text, calls) =
            hostile.trace(&["run", "--root", &root, "--workdir", workdir, "--", "/bin/show"]);
        assert!(text.contains("cannot enter the working directory"), "{workdir}: {text}");
        hostile.judge(workdir, &calls);
    }
    let target = hostile.root.join(below(&hostile.outside));
    fs::create_dir_all(&target).expect("made");
    let options = ["run", "--read-only", "--root", &root, "--workdir", "/a/b/up"];
    let (text, calls) = hostile.trace(&[&options[..], &["--", "/bin/show"]].concat());
    assert_eq!(text.lines().next(), hostile.outside.to_str(), "{text}");
    hostile.judge("a working directory by links", &calls);
    // The places of the file systems that every root gets.
    for name in ["dev", "proc", "sys"] {
        let _ = fs::remove_dir(hostile.root.join(name));
        symlink(&hostile.outside, hostile.root.join(name)).expect("linked");
    }
    let (text, calls) = hostile.trace(&["run", "--root", &root, "--", "/bin/show", "/dev/secret"]);
    assert_eq!(text.trim_end(), "/\n/dev/secret: -\n[exit status: 0]");
    hostile.judge("links for mount points", &calls);
}

/// A link into /sys or /proc makes nothing there: they are the machine's.
#[test]
fn run_makes_nothing_in_the_kernels_file_systems() {
    let hostile = Hostile::new("kernel");
    let root = hostile.root.display().to_string();
    let shared = hostile.shared.display();
    symlink("/sys/fs/cgroup", hostile.root.join("control")).expect("linked");
    let volume = format!("{shared}:/control/anyarch-test-made");
    let words = ["run", "--root", &root, "--volume", &volume, "--", "/bin/show"];
    let (text, calls) = hostile.trace(&words);
    assert!(text.contains("leads into /proc or /sys, by a link"), "{text}");
    assert!(!Path::new("/sys/fs/cgroup/anyarch-test-made").exists());
    hostile.judge("a link into /sys", &calls);
    // Nor where the root keeps an empty place for them.
    for name in ["proc", "sys"] {
        let left: Vec<_> = fs::read_dir(hostile.root.join(name)).into_iter().flatten().collect();
        assert!(left.is_empty(), "left in /{name}: {left:?}");
    }
    let volume = format!("{shared}:/opt/made");
    let words = ["run", "--root", &root, "--volume", &volume, "--", "/bin/show"];
    let (text, _) = hostile.trace(&words);
    assert!(text.contains("leads into /proc or /sys, by a link"), "{text}");
    // What the user asks for there replaces what is there.
    let volume = format!("{shared}/file:/proc/cpuinfo:ro");
    let words = ["run", "--root", &root, "--volume", &volume, "--", "/bin/show", "/proc/cpuinfo"];
    assert!(hostile.trace(&words).0.contains("/proc/cpuinfo: shared"));
    let (text, _) =
        hostile.trace(&["run", "--root", &root, "--volume", "/tmp:/..", "--", "/bin/show"]);
    assert!(text.contains("nothing can be bound at / itself"), "{text}");
}

/// `:ro` holds for all that is below as well.
#[test]
fn read_only_volumes_are_so_to_the_bottom() {
    inside("read_only_volumes_are_so_to_the_bottom", |_| {
        let hostile = Hostile::new("read-only");
        fs::create_dir_all(hostile.shared.join("below")).expect("made");
        let below = hostile.shared.join("below");
        rustix::mount::mount("tmpfs", &below, "tmpfs", rustix::mount::MountFlags::empty(), None)
            .expect("mounted");
        let write = "#include <fcntl.h>\n#include <errno.h>\nint main(int c, char **v) {\
            return open(v[1], O_CREAT | O_WRONLY, 0600) < 0 ? errno : 0; }";
        entries::compile(&SUBJECTS[0].compiler(), &hostile.root.join("bin"), "write", write);
        let lab = Lab::open();
        let run = |mode: &str, path: &str| {
            let volume = format!("{}:/absolute/x{mode}", hostile.shared.display());
            let options = ["--no-binfmt", "--volume", &volume];
            let out = lab.run(&hostile.root, &options, &["/bin/write", path]).output();
            outcome(&out.expect("starts"))
        };
        assert_eq!(run("", "/absolute/x/below/new"), "[exit status: 0]");
        for path in ["/absolute/x/new", "/absolute/x/below/other"] {
            assert_eq!(run(":ro", path), format!("[exit status: {}]", libc::EROFS), "{path}");
        }
    });
}

#[test]
fn what_only_looks_stays_inside() {
    inside("what_only_looks_stays_inside", |_| {
        let hostile = Hostile::new("looks");
        let root = hostile.root.display().to_string();
        fs::create_dir_all(hostile.root.join("tmp")).expect("made");
        symlink("/absolute/sub/bin/show", hostile.root.join("bin/sh")).expect("linked");
        entries::put(&hostile.root.join("bin/script"), b"#!/absolute/sub/bin/show\n", 0o755);
        for words in [
            &["doctor", "--rootfs", &root][..],
            &["doctor", "--rootfs", &root, "/absolute/secret"],
            &["doctor", "--rootfs", &root, "/bin/script"],
            &["doctor", "--root", &root],
            &["which", "--root", &root, "/bin/script"],
            &["which", "--root", &root, "/a/b/up/secret"],
            &["which", "--root", &root, "--exec-proof", "/bin/show"],
            &["check", "--chroot", &root, "amd64"],
            &["persist", "show", "--root", &root],
            &["persist", "write", "--format", "systemd", "--root", &root],
            &["persist", "write", "--format", "debian", "--root", &root],
            &["persist", "remove", "--format", "systemd", "--root", &root],
        ] {
            let (text, calls) = hostile.trace(words);
            assert!(!text.contains("panicked") && !text.contains("stolen"), "{words:?}: {text}");
            hostile.judge(&words.join(" "), &calls);
        }
        let written = hostile.root.join(below(&hostile.outside)).join("sub/binfmt.d");
        assert!(written.is_dir(), "persist wrote elsewhere");
    });
}

/// A tmpfs over a link would hide what the link leads to from the probe, and the probe from its root.
#[test]
fn check_tries_in_the_root_itself() {
    inside("check_tries_in_the_root_itself", |_| {
        let hostile = Hostile::new("check");
        symlink(&hostile.outside, hostile.root.join("tmp")).expect("linked");
        fs::create_dir_all(hostile.root.join("run")).expect("made");
        let root = hostile.root.display().to_string();
        let (text, calls) = hostile.trace(&["check", "--chroot", &root, "amd64"]);
        assert!(text.contains("amd64: ok"), "{text}");
        hostile.judge("check", &calls);
    });
}

#[test]
fn pipes_block_nothing() {
    inside("pipes_block_nothing", |_| {
        let dir = empty_dir("hostile-pipes");
        let root = dir.join("root");
        for (at, path) in [
            ("bin/sh", "bin"),
            ("etc/binfmt.d/x.conf", "etc/binfmt.d"),
            ("usr/share/binfmts/x", "usr/share/binfmts"),
        ] {
            fs::create_dir_all(root.join(path)).expect("made");
            let made = Command::new("mkfifo").arg(root.join(at)).status();
            assert!(made.is_ok_and(|s| s.success()), "mkfifo");
        }
        entries::put(&root.join("bin/script"), b"#!/bin/sh\n", 0o755);
        let at = root.display().to_string();
        for words in [
            &["doctor", "--rootfs", &at][..],
            &["doctor", "--rootfs", &at, "/bin/sh"],
            &["doctor", "--rootfs", &at, "/bin/script"],
            &["doctor", "--root", &at],
            &["which", "--root", &at, "/bin/sh"],
            &["persist", "show", "--root", &at],
            &["persist", "write", "--format", "systemd", "--root", &at],
            &["run", "--root", &at, "--no-binfmt", "--", "/bin/sh"],
        ] {
            let mut command = Command::new("timeout");
            command.args(["-k", "1", "20"]).arg(&Lab::open().anyarch).args(words);
            let out = command.output().expect("starts");
            let blocked = [Some(124), Some(137)].contains(&out.status.code());
            assert!(!blocked, "{words:?}: {}", outcome(&out));
        }
    });
}
