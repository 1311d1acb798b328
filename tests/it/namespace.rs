//! Tests that have a binfmt_misc instance of their own: the test executes itself again in new
//! user, mount and process namespaces, with a /run of their own.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::fs;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use binfmt::Instance;
use rustix::mount::{MountFlags, mount, mount_bind_recursive};

/// In the environment of the inner run: the test's name.
const INNER: &str = "ANYARCH_TEST_INNER";

/// Runs `body` in namespaces of its own, where a fresh instance is mounted. `name` is the path of
/// the calling test.
///
/// # Panics
/// If `body` does.
pub fn inside(name: &str, body: impl FnOnce(Instance)) {
    inside_unmounted(name, || {
        let (instance, _) =
            binfmt::mount::open(binfmt::instance::DEFAULT_MOUNT.as_ref()).expect("mounted");
        body(instance);
    });
}

/// The same without the mount.
///
/// # Panics
/// If `body` does.
pub fn inside_unmounted(name: &str, body: impl FnOnce()) {
    if is_inside(name) {
        cover("/run", MountFlags::NOSUID | MountFlags::NODEV, c"mode=755");
        return body();
    }
    outside(name);
}

/// Mounts an empty tmpfs over `dir`. What the tests need of the directories below it stays where
/// it is: the tree, the cache, our binary or the tests' own may be in `/tmp` or `/run`.
///
/// # Panics
/// If it cannot be mounted.
pub fn cover(dir: &str, flags: MountFlags, options: &CStr) {
    let lab = crate::Lab::open();
    let own = std::env::current_exe().expect("the test has a file");
    let parent = |file: &Path| file.parent().expect("a file is in a directory").to_owned();
    let needed = [lab.tree, lab.fixtures, parent(&lab.anyarch), parent(&own)];
    let needed = needed.map(|path| path.canonicalize().expect("the tests' directories exist"));
    let below: BTreeSet<_> = needed.into_iter().filter(|path| path.starts_with(dir)).collect();
    let open = |path| fs::File::open(&path).map(|file| (path, file)).expect("readable");
    let below: Vec<_> = below.into_iter().map(open).collect();
    mount("tmpfs", dir, "tmpfs", flags, Some(options)).expect("a tmpfs");
    for (path, file) in below {
        // A directory in one that was bound is there already.
        if path.exists() {
            continue;
        }
        fs::create_dir_all(&path).expect("made");
        let hidden = format!("/proc/self/fd/{}", file.as_raw_fd());
        mount_bind_recursive(hidden, &path).expect("bound");
    }
}

fn is_inside(name: &str) -> bool {
    std::env::var_os(INNER).is_some_and(|n| n == *name)
}

/// As [`inside`], in a user namespace with more users than root. Only root can make one without
/// further programs: for others the test is skipped.
///
/// # Panics
/// If `body` does.
pub fn inside_with_users(name: &str, body: impl FnOnce(Instance)) {
    if is_inside(name) {
        return inside(name, body);
    }
    if !rustix::process::geteuid().is_root() {
        println!("SKIP {name}: only root can map several users");
        return;
    }
    let own = std::env::current_exe().expect("the test has a file");
    // Waits until its users are mapped.
    let script = r#"read go; exec timeout -k 5 120 unshare -mpf --mount-proc -- "$@""#;
    let mut child = Command::new("unshare")
        .args(["-U", "sh", "-c", script, "sh"])
        .arg(own)
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INNER, name)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare starts");
    let link = |who: &str| std::fs::read_link(format!("/proc/{who}/ns/user")).ok();
    while link(&child.id().to_string()) == link("self") {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    for map in ["uid_map", "gid_map"] {
        let path = format!("/proc/{}/{map}", child.id());
        if let Err(error) = std::fs::write(path, "0 0 65536\n") {
            println!("SKIP {name}: this root cannot map several users: {error}");
            let _ = child.kill().and_then(|()| child.wait());
            return;
        }
    }
    let mut input = child.stdin.take().expect("piped");
    std::io::Write::write_all(&mut input, b"go\n").expect("it reads");
    judge(&child.wait_with_output().expect("it ends"));
}

fn outside(name: &str) {
    let own = std::env::current_exe().expect("the test has a file");
    let out = Command::new("timeout")
        .args(["-k", "5", "120", "unshare", "-Urmpf", "--mount-proc", "--"])
        .arg(own)
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INNER, name)
        .output()
        .expect("unshare starts");
    judge(&out);
}

/// The inner run's result is the test's.
fn judge(out: &Output) {
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    assert!(text.contains("1 passed"), "the inner test did not run: {text}");
}

/// Standard output, standard error and exit code of `anyarch` with `arguments`.
///
/// # Panics
/// If it cannot be started.
pub fn anyarch(arguments: &[&str]) -> (String, String, i32) {
    let lab = crate::Lab::open();
    let out: Output = Command::new(&lab.anyarch).args(arguments).output().expect("anyarch starts");
    (
        String::from_utf8_lossy(&out.stdout).into_owned(),
        String::from_utf8_lossy(&out.stderr).into_owned(),
        out.status.code().unwrap_or(-1),
    )
}

/// Runs it and demands an exit code.
///
/// # Panics
/// If the exit code is another.
#[track_caller]
pub fn expect(code: i32, arguments: &[&str]) -> String {
    let (out, err, got) = anyarch(arguments);
    assert_eq!(got, code, "anyarch {}\n{out}{err}", arguments.join(" "));
    out + &err
}
