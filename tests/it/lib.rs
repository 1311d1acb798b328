//! End-to-end tests: real programs under us and under the oracle. `cargo xtask test` prepares what
//! they need and runs them; they fail, rather than skip, without it.

pub mod engines;
pub mod entries;
pub mod namespace;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use subjects::{SUBJECTS, Subject, chosen};

/// The guests that the run is about and whose programs the machine does not execute itself.
pub fn foreign() -> Vec<&'static Subject> {
    chosen().into_iter().filter(|subject| !subject.is_hosts()).collect()
}

/// Where the things of a test run are.
pub struct Lab {
    /// Our binary.
    pub anyarch: PathBuf,
    /// The fixtures' cache directory.
    pub fixtures: PathBuf,
    /// The tree.
    pub tree: PathBuf,
}

impl Lab {
    /// As `cargo xtask test` has set it up.
    ///
    /// # Panics
    /// If this was not started by `cargo xtask test`.
    pub fn open() -> Self {
        let var = |name: &str| {
            PathBuf::from(std::env::var_os(name).unwrap_or_else(|| {
                panic!("{name} is not set: run these tests with `cargo xtask test`")
            }))
        };
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Self { anyarch: var("ANYARCH_BIN"), fixtures: var("ANYARCH_FIXTURES"), tree }
    }
    /// The oracle of a Debian suite, for the first guest.
    pub fn oracle(&self, suite: &str) -> PathBuf {
        self.oracle_of(&SUBJECTS[0], suite)
    }
    /// The oracle of a Debian suite, for a guest.
    pub fn oracle_of(&self, subject: &Subject, suite: &str) -> PathBuf {
        self.fixtures.join(subject.oracle(suite))
    }
    /// Our binary by a name that makes it emulate a guest's programs: a link `qemu-UNAME` where the
    /// machine executes them itself.
    ///
    /// # Panics
    /// If the link cannot be made.
    pub fn emulator_of(&self, subject: &Subject) -> PathBuf {
        static MADE: OnceLock<()> = OnceLock::new();
        if !subject.is_hosts() {
            return self.anyarch.clone();
        }
        let link = self.scratch("emulator").join(format!("qemu-{}", subject.uname));
        MADE.get_or_init(|| {
            // (Other tests may be making it: renamed, it is always there.)
            let new = link.with_extension(std::process::id().to_string());
            let made = std::os::unix::fs::symlink(&self.anyarch, &new);
            made.and_then(|()| std::fs::rename(&new, &link)).expect("the link is made");
        });
        link
    }
    /// The first guest's root.
    pub fn root(&self) -> PathBuf {
        self.root_of(&SUBJECTS[0])
    }
    /// A guest's root.
    pub fn root_of(&self, subject: &Subject) -> PathBuf {
        self.fixtures.join(subject.root())
    }
    /// A directory for files made by tests.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn scratch(&self, name: &str) -> PathBuf {
        let dir = self.fixtures.join("scratch").join(name);
        std::fs::create_dir_all(&dir).expect("the cache directory is writable");
        dir
    }
    /// An empty directory to mount file systems on in a mount namespace: nothing is hidden by that,
    /// wherever the tree and the cache are.
    pub fn mount_point(&self) -> PathBuf {
        self.scratch("mount-point")
    }
    /// The directory with what `cargo xtask dist` makes from the binary under test. Made once.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn dist(&self) -> &'static Path {
        static MADE: OnceLock<PathBuf> = OnceLock::new();
        MADE.get_or_init(|| {
            let out = self.scratch("dist");
            let made = Command::new(env!("CARGO"))
                .current_dir(&self.tree)
                .args(["run", "--quiet", "--package", "xtask", "--", "dist"])
                .arg(&self.anyarch)
                .arg(&out)
                .output()
                .expect("cargo starts");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            out
        })
    }
    /// `anyarch run --root ROOT options... -- command...`.
    pub fn run(&self, root: &Path, options: &[&str], command: &[&str]) -> Command {
        let mut c = Command::new("timeout");
        c.args(["-k", "5", "120"]).arg(&self.anyarch).args(["run", "--root"]).arg(root);
        c.args(options).arg("--").args(command);
        c.stdin(std::process::Stdio::null());
        c
    }
}

/// Writes a program, by a process of its own: were it open here for writing, a child that another
/// test starts would have it open too for a moment, and executing it would give ETXTBSY.
///
/// # Panics
/// If it cannot be written.
pub fn place_program(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    let mut writer = Command::new("sh")
        .args(["-c", "rm -f \"$1\" && cat >\"$1\" && chmod 755 \"$1\"", "sh"])
        .arg(path)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("sh");
    writer.stdin.take().expect("piped").write_all(bytes).expect("written");
    assert!(writer.wait().expect("it ends").success(), "{} is written", path.display());
}

/// Copies a program, as [`place_program`] does.
///
/// # Panics
/// If it cannot be copied.
pub fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("install").args(["-m", "755"]).arg(from).arg(to).status();
    assert!(copied.is_ok_and(|s| s.success()), "{} is copied", from.display());
}

/// Standard output and exit code, for comparisons and messages.
pub fn outcome(output: &Output) -> String {
    format!("{}[{}]", String::from_utf8_lossy(&output.stdout), output.status)
}

/// What fails of `all`, on every processor one after the other: most programs keep only one busy.
///
/// # Panics
/// If one of them does.
pub fn in_parallel<T: Sync>(all: &[T], test: impl Fn(&T) -> Vec<String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failures = Vec::new();
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            failures.extend(test(one));
        }
        failures
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|w| w.join().expect("a test does not panic")).collect()
    })
}

/// Panics with all `failures`, if there are any.
///
/// # Panics
/// If `failures` is not empty.
pub fn assert_none(failures: &[String], of: usize) {
    assert!(failures.is_empty(), "{} of {of} failed:\n\n{}", failures.len(), failures.join("\n\n"));
}
