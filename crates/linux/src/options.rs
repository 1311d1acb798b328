//! How the user wants a program to be run.

/// Options of a run; they are inherited by the programs that the guest executes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Prefix tried first for the paths of loaders and libraries (`-L`, `QEMU_LD_PREFIX`).
    pub ld_prefix: Option<Vec<u8>>,
    /// `NAME=value` added to the guest's environment.
    pub set_env: Vec<Vec<u8>>,
    /// Names taken out of the guest's environment.
    pub unset_env: Vec<Vec<u8>>,
    /// `argv[0]` instead of the program's path.
    pub argv0: Option<Vec<u8>>,
    /// Print system calls.
    pub strace: bool,
    /// The file in which system calls are printed instead of on standard error; `%d` in its path
    /// stands for the process's number.
    pub log: Option<Vec<u8>>,
    /// CPU model.
    pub cpu: Option<Vec<u8>>,
    /// Programs of the host's own architecture are emulated too.
    pub hosts: bool,
    /// The architecture that it is a model of (`Abi::machine`); None: the program's.
    pub cpu_machine: Option<Vec<u8>>,
    /// What to dump (for the engine).
    pub dump: Option<Vec<u8>>,
    /// Share no translations with other processes.
    pub alone: bool,
    /// Started by an entry of binfmt_misc with flag T: `/proc/self/exe` is the guest's program, so
    /// the kernel must start all that it executes.
    pub transparent: bool,
    /// `uname -r` to show.
    pub uname: Option<Vec<u8>>,
    /// How the program is traced, as [`crate::ptrace`] saves it.
    pub trace: Option<Vec<u8>>,
    /// Whether the program inherits that SIGTRAP is blocked, if we have executed it: we block it
    /// meanwhile.
    pub trap_blocked: Option<bool>,
    /// `PR_MDWE_*` that the program inherits.
    pub mdwe: u64,
    /// Filters of system calls that the program inherits, as [`crate::seccomp`] saves them.
    pub seccomp: Option<Vec<u8>>,
}

impl Options {
    /// The CPU model for programs of `machine`, if one was chosen.
    pub fn model(&self, machine: &str) -> Option<&[u8]> {
        let own = self.cpu_machine.as_ref().is_none_or(|of| of == machine.as_bytes());
        self.cpu.as_deref().filter(|_| own)
    }
}
