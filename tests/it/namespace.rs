//! Tests that have a binfmt_misc instance of their own: the test executes itself again in new
//! user, mount and process namespaces.

use std::process::{Command, Output};

use binfmt::Instance;

/// In the environment of the inner run: the test's name.
const INNER: &str = "ANYARCH_TEST_INNER";

/// Runs `body` in namespaces of its own, where a fresh instance is mounted. `name` is the path of
/// the calling test.
///
/// # Panics
/// If `body` does.
pub fn inside(name: &str, body: impl FnOnce(Instance)) {
    if std::env::var_os(INNER).is_some_and(|n| n == *name) {
        let (instance, _) =
            binfmt::mount::open(binfmt::instance::DEFAULT_MOUNT.as_ref()).expect("mounted");
        return body(instance);
    }
    outside(name);
}

/// The same without the mount.
///
/// # Panics
/// If `body` does.
pub fn inside_unmounted(name: &str, body: impl FnOnce()) {
    if std::env::var_os(INNER).is_some_and(|n| n == *name) {
        return body();
    }
    outside(name);
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
