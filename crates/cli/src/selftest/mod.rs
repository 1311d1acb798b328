//! `anyarch selftest`: proves, without anything installed, that foreign programs run here.

mod program;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use binfmt::guests::GUESTS;

use crate::report::Failure;

/// One way of running the program, and how a person would call it.
struct Way {
    title: &'static str,
    arguments: &'static [&'static str],
}

const WAYS: [Way; 2] = [
    Way { title: "registered in a private binfmt_misc (flags POCF)", arguments: &[] },
    Way { title: "without any registration", arguments: &["--no-binfmt"] },
];

/// Runs the embedded program of each guest every way and prints a table. The exit code is 0 if all
/// checks pass.
///
/// # Errors
/// When no directory can be made for the root, or this binary cannot be executed again.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn run() -> Result<u8, Failure> {
    println!("anyarch {} self-test on {}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    println!("an empty read-only root with one program, TMPDIR=/nonexistent");
    let mut failed = 0;
    for guest in GUESTS.iter().filter(|guest| guest.emulated) {
        let Some(isa) = asm::find(guest.uname) else { continue };
        let root = Root::make(&program::build(isa, guest.uname))?;
        for way in &WAYS {
            println!("\n{}, {}", guest.name, way.title);
            failed += run_way(way, &root)?;
        }
    }
    println!(
        "\n{}",
        if failed == 0 { "all checks passed".into() } else { format!("{failed} checks failed") }
    );
    Ok(u8::from(failed != 0))
}

/// Runs the program of `root` and prints its checks; the number of those that fail.
#[expect(clippy::print_stdout, reason = "the command's result")]
fn run_way(way: &Way, root: &Root) -> Result<u32, Failure> {
    let mut failed = 0;
    let output = Command::new("/proc/self/exe")
        .args(["run", "--root"])
        .arg(&root.dir)
        .args(["--read-only", "--env", "TMPDIR=/nonexistent"])
        .args(way.arguments)
        .args(["--", program::PATH])
        .output()
        .map_err(|e| Failure::new("cannot execute this program again").caused_by(e))?;
    let text = String::from_utf8_lossy(&output.stdout);
    for (name, meaning) in program::CHECKS {
        let passed = text.lines().any(|l| l.strip_prefix("ok ") == Some(name));
        failed += u32::from(!passed);
        println!("  {}  {meaning}", if passed { "ok  " } else { "FAIL" });
    }
    if !output.status.success() {
        failed += 1;
        println!("  FAIL  it ended with {}", output.status);
    }
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        println!("        {line}");
    }
    Ok(failed)
}

/// A directory that holds the program, removed at the end.
struct Root {
    dir: PathBuf,
}

impl Root {
    fn make(program: &[u8]) -> Result<Self, Failure> {
        let name = format!("anyarch-selftest-{}", std::process::id());
        let places =
            [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into(), "/dev/shm".into(), ".".into()];
        let mut last = None;
        for place in places {
            let dir = place.join(&name);
            match Self::fill(&dir, program) {
                Ok(()) => return Ok(Self { dir }),
                Err(e) => last = Some((dir, e)),
            }
        }
        let (dir, e) = last.expect("there is at least one place");
        Err(Failure::cannot("make", &dir)(e)
            .help("set TMPDIR to a directory that you may write to"))
    }

    fn fill(dir: &Path, program: &[u8]) -> std::io::Result<()> {
        fs::create_dir(dir)?;
        let file = dir.join(program::PATH.trim_start_matches('/'));
        fs::write(&file, program)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}
