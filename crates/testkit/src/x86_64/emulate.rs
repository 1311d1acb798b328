//! An instruction by the evaluator and by translated code.

use engine::testing::{Lowered, Runner};
use engine::{FeatureLevel, Options};
use eval::{MemFault, Memory, Outcome};
use guest::{Bytes, Effect, Guest as _, Key, Mode};
use ir::state::{self as kinds, exit};
use ir::{Block, State};
use sys::arch::native::{AT, Job, MEMORY, MEMORY_AT};
use sys::map::PAGE;

use super::state::{self, GUEST};

/// A way to emulate.
pub enum Layer {
    /// By the evaluator.
    Evaluator,
    /// By translated code.
    Translated(Box<Runner>),
}

impl Layer {
    /// Translated code for processors with AVX2, or without.
    ///
    /// # Errors
    /// If memory is short.
    pub fn translated(avx2: bool) -> std::io::Result<Self> {
        map_memory();
        let features = if avx2 { FeatureLevel::Avx2 } else { FeatureLevel::Sse42 };
        let options = Options { cache_size: 16 << 20, features, ..Options::default() };
        Ok(Self::Translated(Box::new(Runner::new(&GUEST, options)?)))
    }

    /// Runs the instruction of `jobs`, which all have the same.
    pub fn run(&mut self, jobs: &mut [Job]) {
        let Some(first) = jobs.first() else { return };
        let (bytes, len) = (first.insn, usize::from(first.len));
        let mut fetch = Bytes { start: AT, code: &bytes[..len] };
        let mut blocks = Vec::<(Key, Block)>::new();
        let mut lowered = None;
        let (mut state, mut other) = (state::fresh(), state::fresh());
        let mut order: Vec<_> = (0..jobs.len()).collect();
        let mut key = |job: &Job| {
            state::load(&job.registers, &mut state);
            GUEST.control(&state).key
        };
        let keys: Vec<_> = jobs.iter().map(&mut key).collect();
        order.sort_by_key(|n| keys[*n].0);
        for n in order {
            let key = keys[n];
            if blocks.last().is_none_or(|(other, _)| *other != key) {
                let mut block = Block::default();
                let mode = Mode { key, single: true, brief: true, ..Mode::default() };
                GUEST.translate(&mut fetch, AT, mode, &mut block);
                if let Self::Translated(runner) = self {
                    lowered = Some(runner.lower(&block));
                }
                blocks.push((key, block));
            }
            let Some((_, block)) = blocks.last() else { return };
            self.one(&mut jobs[n], block, lowered, &mut other);
        }
    }

    /// Runs a job, whose instruction is `block`.
    fn one(&mut self, job: &mut Job, block: &Block, lowered: Option<Lowered>, state: &mut State) {
        state::load(&job.registers, state);
        let mut ram = None;
        match self {
            Self::Evaluator => ram = Some(Ram::new(&job.memory)),
            Self::Translated(_) => memory::write(MEMORY_AT, &job.memory).expect("it is mapped"),
        }
        job.registers.signal = 0;
        // A repeated instruction may leave and come back.
        for _ in 0..100_000 {
            state.fp = GUEST.control(state).fp;
            let left = match (&mut *self, &mut ram, lowered) {
                (Self::Translated(runner), _, Some(lowered)) => {
                    translated(runner, lowered, block, state)
                }
                (_, Some(ram), _) => evaluate(block, state, ram),
                _ => return,
            };
            match left {
                Left::Went if state.pc() == AT && repeats(job) => {}
                Left::Went => break,
                Left::Signal(signal, address) => {
                    (job.registers.signal, job.registers.address) = (signal, address);
                    break;
                }
            }
        }
        state::store(state, &mut job.registers);
        match ram {
            Some(ram) => job.memory = ram.memory(),
            None => memory::read(MEMORY_AT, &mut job.memory).expect("it is mapped"),
        }
    }
}

/// Whether an instruction may go on at itself without being over.
fn repeats(job: &Job) -> bool {
    job.insn[..usize::from(job.len)].iter().any(|b| matches!(b, 0xf2 | 0xf3))
}

enum Left {
    /// It did what it does, or a part of it.
    Went,
    /// This signal, with this address.
    Signal(i32, u64),
}

/// Maps the memory where the instruction's is.
fn map_memory() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let args = [MEMORY_AT & !4095, 4096, prot as u64, flags as u64, u64::MAX, 0];
        let at = sys::raw::call(libc::SYS_mmap, args);
        assert_eq!(at, Ok(MEMORY_AT & !4095), "nothing else is there");
    });
}

fn evaluate(block: &Block, state: &mut State, ram: &mut Ram) -> Left {
    match eval::run(block, state, ram) {
        Outcome::Exit(_) | Outcome::Call { .. } | Outcome::Syscall(_) => Left::Went,
        Outcome::Runtime { op, args } => runtime(op.cast_unsigned(), args, block, state, ram),
        Outcome::Trap { kind, arg } => trap(kind, arg, block, state),
        Outcome::Fault(fault) => Left::Signal(libc::SIGSEGV, fault.addr),
    }
}

fn translated(runner: &mut Runner, lowered: Lowered, block: &Block, state: &mut State) -> Left {
    let left = runner.run_lowered(lowered, state);
    match left.reason {
        exit::TRAP => trap(left.arg as u16, (left.arg >> 32) as i32, block, state),
        exit::RUNTIME => {
            let args = [state.args[0] as u64, state.args[1] as u64];
            let mut mapped = Mapped;
            runtime(left.arg as u32, args, block, state, &mut mapped)
        }
        exit::INTERPRET => {
            let mut ram = Ram::mapped();
            let left = evaluate(block, state, &mut ram);
            memory::write(MEMORY_AT, &ram.memory()).expect("it is mapped");
            left
        }
        exit::FAULT => {
            let fault = left.fault.expect("there is one");
            Left::Signal(fault.signo, fault.addr)
        }
        _ => Left::Went,
    }
}

fn trap(kind: u16, argument: i32, block: &Block, state: &mut State) -> Left {
    let signal = match kind {
        kinds::TRAP_UNDEFINED => libc::SIGILL,
        kinds::TRAP_BREAKPOINT => libc::SIGTRAP,
        kinds::TRAP_INTERRUPT => {
            // The instruction is over.
            state.set_pc(state.pc().wrapping_add(argument as u64));
            libc::SIGTRAP
        }
        kinds::TRAP_DIVIDE | kinds::TRAP_FLOAT => libc::SIGFPE,
        kinds::TRAP_PROTECTION => libc::SIGSEGV,
        _ => libc::SIGBUS,
    };
    let address = if kind == kinds::TRAP_PROTECTION { 0 } else { block.pc };
    Left::Signal(signal, address)
}

fn runtime(
    op: u32,
    args: [u64; 2],
    block: &Block,
    state: &mut State,
    space: &mut dyn guest::Space,
) -> Left {
    let effect = GUEST.runtime(op, args, state, space);
    let left = match effect {
        Effect::Trap { kind, argument } => trap(kind, argument.cast_signed(), block, state),
        Effect::Fault(fault) => Left::Signal(libc::SIGSEGV, fault.addr),
        _ => return Left::Went,
    };
    state.set_pc(AT);
    left
}

/// The job's memory, and no other.
struct Ram {
    page: [u8; PAGE],
}

/// The job's memory is the end of a page.
const PAGE_AT: u64 = MEMORY_AT & !(PAGE as u64 - 1);

impl Ram {
    fn new(memory: &[u8; MEMORY]) -> Self {
        let mut page = [0; PAGE];
        page[PAGE - MEMORY..].copy_from_slice(memory);
        Self { page }
    }
    /// What is in the memory that translated code uses.
    fn mapped() -> Self {
        let mut bytes = [0; MEMORY];
        memory::read(MEMORY_AT, &mut bytes).expect("it is mapped");
        Self::new(&bytes)
    }
    fn memory(&self) -> [u8; MEMORY] {
        core::array::from_fn(|n| self.page[PAGE - MEMORY + n])
    }
    fn bytes(&mut self, addr: u64, len: usize, write: bool) -> Result<&mut [u8], guest::MemFault> {
        let fault = |addr| guest::MemFault { addr, write };
        let at = addr.wrapping_sub(PAGE_AT);
        if at >= PAGE as u64 {
            return Err(fault(addr));
        }
        let at = at as usize;
        // The page behind it is missed first at its start.
        let end = MEMORY_AT + MEMORY as u64;
        self.page.get_mut(at..at + len).ok_or_else(|| fault(end))
    }
}

impl guest::Space for Ram {
    fn load(&mut self, addr: u64, out: &mut [u8]) -> Result<(), guest::MemFault> {
        out.copy_from_slice(self.bytes(addr, out.len(), false)?);
        Ok(())
    }
    fn store(&mut self, addr: u64, bytes: &[u8]) -> Result<(), guest::MemFault> {
        self.bytes(addr, bytes.len(), true)?.copy_from_slice(bytes);
        Ok(())
    }
}

impl Memory for Ram {
    fn load(&mut self, addr: u64, size: usize) -> Result<u128, MemFault> {
        let mut value = [0; 16];
        let bytes = self.bytes(addr, size, false);
        let fault = |f: guest::MemFault| MemFault { addr: f.addr, alignment: false, write: false };
        value[..size].copy_from_slice(bytes.map_err(fault)?);
        Ok(u128::from_le_bytes(value))
    }
    fn store(&mut self, addr: u64, size: usize, value: u128) -> Result<(), MemFault> {
        let fault = |f: guest::MemFault| MemFault { addr: f.addr, alignment: false, write: true };
        let bytes = self.bytes(addr, size, true).map_err(fault)?;
        bytes.copy_from_slice(&value.to_le_bytes()[..size]);
        Ok(())
    }
}

/// The memory where translated code finds it.
struct Mapped;

impl guest::Space for Mapped {
    fn load(&mut self, addr: u64, out: &mut [u8]) -> Result<(), guest::MemFault> {
        memory::read(addr, out).map_err(|f| guest::MemFault { addr: f.addr, write: false })
    }
    fn store(&mut self, addr: u64, bytes: &[u8]) -> Result<(), guest::MemFault> {
        memory::write(addr, bytes).map_err(|f| guest::MemFault { addr: f.addr, write: true })
    }
}
