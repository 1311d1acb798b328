//! An ordinary user's registrations: in an engine's namespaces, in new ones, never outside.

use std::fs;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use it::Lab;

/// An ordinary user.
const USER: u32 = 1000;

/// A directory that the user can reach, with a copy of the binary: the cache belongs to whoever
/// runs the tests.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Self {
        let dir = PathBuf::from(format!("/tmp/anyarch-test-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("made");
        it::copy_program(&Lab::open().anyarch, &dir.join("anyarch"));
        let _ = std::os::unix::fs::chown(&dir, Some(USER), Some(USER));
        Self(dir)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("XDG_RUNTIME_DIR", &self.0).current_dir(&self.0);
        if is_root() {
            command.uid(USER).gid(USER);
        }
        command
    }

    fn anyarch(&self, arguments: &[&str]) -> (String, i32) {
        let out = self.command("./anyarch").args(arguments).output().expect("starts");
        let text = [out.stdout, out.stderr].concat();
        (String::from_utf8_lossy(&text).into_owned(), out.status.code().unwrap_or(-1))
    }

    #[track_caller]
    fn expect(&self, code: i32, arguments: &[&str]) -> String {
        let (text, got) = self.anyarch(arguments);
        assert_eq!(got, code, "anyarch {}\n{text}", arguments.join(" "));
        text
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Ends the process that holds the namespaces.
struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that holds namespaces as podman's pause process does, with its file.
fn pause(home: &Home) -> (Holder, u32) {
    let mut child = home
        .command("unshare")
        .args(["-Urm", "sh", "-c", "echo ready; exec sleep 600"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("unshare starts");
    let mut ready = [0; 5];
    child.stdout.take().expect("piped").read_exact(&mut ready).expect("ready");
    let dir = home.0.join("libpod/tmp");
    fs::create_dir_all(&dir).expect("made");
    fs::write(dir.join("pause.pid"), child.id().to_string()).expect("written");
    let pid = child.id();
    (Holder(child), pid)
}

/// What a program started in the holder's namespaces sees.
fn inside(home: &Home, pid: u32, script: &str) -> String {
    let out = home
        .command("nsenter")
        .args(["-t", &pid.to_string(), "-U", "-m", "--preserve-credentials"])
        .args(["unshare", "-m", "sh", "-c", script])
        .output()
        .expect("nsenter starts");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn an_engines_namespaces() {
    let home = Home::new("engine");
    let text = home.expect(1, &["rootless", "status"]);
    assert!(text.contains("no rootless container engine runs"), "{text}");
    let (_holder, pid) = pause(&home);
    let outside = home.anyarch(&["check", "arm64"]);
    let text = home.expect(0, &["rootless", "install"]);
    assert!(text.contains(&format!("podman (process {pid})")), "{text}");
    assert!(text.contains("arm64: registered as qemu-aarch64"), "{text}");
    let text = home.expect(0, &["rootless", "remove", "--dry-run"]);
    assert!(text.contains("would be removed"), "{text}");
    // Again: one mount, one entry.
    home.expect(0, &["rootless", "install", "arm64", "--engine", "podman"]);
    let own = home.0.join("anyarch").display().to_string();
    let mounts = inside(&home, pid, "grep -c binfmt_misc /proc/self/mountinfo");
    let before = fs::read_to_string("/proc/self/mountinfo").expect("read");
    let others = before.lines().filter(|l| l.contains("- binfmt_misc ")).count();
    assert_eq!(mounts.trim(), (others + 1).to_string());
    // What the engine starts later, in namespaces below.
    assert_eq!(inside(&home, pid, &format!("{own} check arm64")), "arm64: ok\n");
    let nested = format!("unshare -Urm {own} check arm64");
    assert_eq!(inside(&home, pid, &nested), "arm64: ok\n");
    assert!(home.expect(0, &["rootless", "status"]).contains("qemu-aarch64"));
    let text = home.expect(0, &["rootless", "status", "--json"]);
    for part in ["\"schema\": \"anyarch.rootless/1\"", "\"code\": 0", "\"qemu-aarch64\""] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.contains(&format!("\"pid\": {pid}")), "{text}");
    // The machine is as it was.
    assert_eq!(home.anyarch(&["check", "arm64"]), outside);
    let text = home.expect(0, &["rootless", "remove", "--engine", &pid.to_string()]);
    assert!(text.contains("qemu-aarch64: removed"), "{text}");
    assert!(inside(&home, pid, &format!("{own} check arm64")).contains("ENOEXEC"));
}

#[test]
fn new_namespaces() {
    let home = Home::new("new");
    let outside = home.anyarch(&["check", "arm64"]);
    let text = home.expect(0, &["rootless", "new", "--", "./anyarch", "check", "arm64"]);
    assert_eq!(text, "arm64: ok\n");
    home.expect(3, &["rootless", "new", "--", "sh", "-c", "exit 3"]);
    home.expect(127, &["rootless", "new", "--", "/nonexistent"]);
    assert_eq!(home.anyarch(&["check", "arm64"]), outside);
}

#[test]
fn namespaces_of_others_are_refused() {
    let home = Home::new("others");
    let text = home.expect(3, &["rootless", "install", "--engine", "1"]);
    assert!(text.contains("cannot enter the namespaces of process 1"), "{text}");
    home.expect(2, &["rootless", "install", "--engine", "lxc"]);
}
