//! What program a process runs, for /proc and for `execve`.

/// The program of a process. It never changes: `execve` makes a new host process image.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Path given to `execve` (`AT_EXECFN`).
    pub exec_fn: Vec<u8>,
    /// Arguments, without their terminating zero bytes.
    pub argv: Vec<Vec<u8>>,
    /// Range of the arguments' bytes on the stack.
    pub arg_range: (u64, u64),
    /// Range of the environment's bytes on the stack.
    pub env_range: (u64, u64),
    /// The auxiliary vector as the guest got it.
    pub auxv: Vec<u8>,
    /// Address of the auxiliary vector on the stack.
    pub auxv_addr: u64,
    /// Initial stack pointer.
    pub start_stack: u64,
    /// Range of the program's code and of its data.
    pub code: (u64, u64),
    /// Range of the program's data.
    pub data: (u64, u64),
    /// Address and length of the vDSO.
    pub vdso: (u64, u64),
    /// Address of the return trampoline for signal handlers.
    pub sigreturn: u64,
    /// Entry point of the program itself (not of its loader).
    pub entry: u64,
    /// The host's kernel shows all this.
    pub shown: bool,
}
