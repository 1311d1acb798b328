//! Which guests are tested: names, and where their compilers, oracles and roots are. `xtask` fetches
//! these, `tests/it` uses them, and `testkit` knows more of each guest.

/// The environment variable with the names of the guests that a run is about, separated by commas.
pub const CHOSEN: &str = "ANYARCH_GUESTS";

/// This machine's root with the debugger of [`Subject::debugger`], in the fixtures' directory.
pub const NATIVE_DEBUGGER: &str = "gdb-amd64-trixie";

/// A guest that is tested.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subject {
    /// Our name: `arm64`.
    pub name: &'static str,
    /// What uname(2) says: `aarch64`. QEMU's program and our directories of tests are called so.
    pub uname: &'static str,
    /// Debian's architecture.
    pub debian: &'static str,
    /// The prefix of Debian's cross compiler.
    pub triple: &'static str,
    /// The dynamic loader's path.
    pub loader: &'static str,
}

/// All of them. The first one is used where any guest will do.
pub const SUBJECTS: [Subject; 3] = [
    Subject {
        name: "arm64",
        uname: "aarch64",
        debian: "arm64",
        triple: "aarch64-linux-gnu",
        loader: "/lib/ld-linux-aarch64.so.1",
    },
    Subject {
        name: "riscv64",
        uname: "riscv64",
        debian: "riscv64",
        triple: "riscv64-linux-gnu",
        loader: "/lib/ld-linux-riscv64-lp64d.so.1",
    },
    Subject {
        name: "amd64",
        uname: "x86_64",
        debian: "amd64",
        triple: "x86_64-linux-gnu",
        loader: "/lib64/ld-linux-x86-64.so.2",
    },
];

impl Subject {
    /// Whether this machine executes its programs itself, unless it is told to emulate them.
    pub fn is_hosts(&self) -> bool {
        self.uname == std::env::consts::ARCH
    }
    /// The C compiler.
    pub fn compiler(&self) -> String {
        format!("{}-gcc", self.triple)
    }
    /// The packages of Debian that have it.
    pub fn compiler_packages(&self) -> [String; 2] {
        [format!("gcc-{}", self.triple), format!("libc6-dev-{}-cross", self.debian)]
    }
    /// The oracle of a Debian suite, in the fixtures' directory.
    pub fn oracle(&self, suite: &str) -> String {
        format!("oracle-{suite}/usr/bin/qemu-{}", self.uname)
    }
    /// The foreign root with a debugger, in the fixtures' directory.
    pub fn debugger(&self) -> String {
        format!("gdb-{}-trixie", self.debian)
    }
    /// The foreign root, in the fixtures' directory.
    pub fn root(&self) -> String {
        format!("{}-trixie", self.debian)
    }
}

/// The guest of this name: ours, uname's or Debian's.
pub fn find(name: &str) -> Option<&'static Subject> {
    SUBJECTS.iter().find(|s| [s.name, s.uname, s.debian].contains(&name))
}

/// The guests that [`CHOSEN`] names; all if it is not set.
///
/// # Panics
/// If it names one that is not tested.
pub fn chosen() -> Vec<&'static Subject> {
    let Ok(names) = std::env::var(CHOSEN) else { return SUBJECTS.iter().collect() };
    let named = |name| find(name).unwrap_or_else(|| panic!("{CHOSEN}: no guest {name} is tested"));
    names.split(',').map(named).collect()
}
