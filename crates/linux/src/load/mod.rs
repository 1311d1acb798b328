//! Starting a program: mapping it and its loader, heap, vDSO and stack; the first registers.

mod error;
mod file;
mod image;

pub use error::Error;
pub use file::{OpenFile, find_loader};

use crate::abi::Abi;
use crate::elf::PAGE;
use crate::identity::Identity;
use crate::mm::{Mm, prot};
use crate::options::Options;
use crate::process::Process;
use crate::ptrace::Traced;
use crate::signal::ProcessSignals;
use crate::signal::bit;
use crate::stack;
use crate::task::Task;
use crate::{family, limits, proc, seccomp};
use engine::{Cpu, Engine};
use libc::{MAP_ANONYMOUS, MAP_FIXED_NOREPLACE, MAP_GROWSDOWN, MAP_PRIVATE};
use std::os::fd::{OwnedFd, RawFd};
use std::sync::OnceLock;
use sys::errno::Errno;
use sys::{auxv, raw};

/// Where stacks are put: below the host's own mappings, above all that grows upwards. The random
/// part is below this. (Some programs know where Linux puts theirs: for ThreadSanitizer all that is mapped
/// without an address, files and stacks, must be above 0x7e80_0000_0000 on x86_64.)
const STACK_TOP: u64 = 0x7ee0_0000_0000;
/// Room that a stack may grow into, if its limit lets it; nothing else is put there by choice.
const STACK_ROOM: u64 = 16 << 30;
/// What is kept free below that (`stack_guard_gap`).
const STACK_GAP: u64 = 1 << 20;
/// How far below the next place is where a program is linked at the first.
const STACK_STEP: u64 = 1 << 40;
/// Where the files of a family are put, at a random distance below this, so that programs have the same files
/// at the same addresses: below what each program has at places of its own.
const FILES_TOP: u64 = STACK_TOP - (160 << 30);
/// How far below that at most.
const FILES_SPREAD: u64 = 128 << 30;
/// What is mapped of a stack at first beyond its contents, as Linux does.
const STACK_SLACK: u64 = 128 << 10;
/// Where programs that run anywhere are put: two thirds of the address space, as Linux does.
pub(crate) const PROGRAM_BASE: u64 = 0x5555_5555_4000;
/// `personality(2)`: no randomisation.
const ADDR_NO_RANDOMIZE: u64 = 0x004_0000;

/// What to start.
pub struct Start {
    /// The program.
    pub file: OpenFile,
    /// The path that was executed.
    pub exec_fn: Vec<u8>,
    /// It stands for a descriptor that was executed.
    pub unnamed: bool,
    /// The emulator's own binary, if it was passed on.
    pub own: Option<OwnedFd>,
    /// The memory that translations are shared in, if it was passed on.
    pub share: Option<OwnedFd>,
    /// Descriptors of which the guest read something else than the host has there.
    pub views: Vec<RawFd>,
    /// Arguments.
    pub argv: Vec<Vec<u8>>,
    /// Environment.
    pub envp: Vec<Vec<u8>>,
}

/// Random numbers for one start.
struct Random {
    bytes: [u8; 56],
    /// Addresses are random too.
    addresses: bool,
}

impl Random {
    fn new() -> Self {
        let mut bytes = [0; 56];
        // With GRND_INSECURE it neither blocks nor fails; Linux uses get_random_bytes.
        let args = [bytes.as_mut_ptr() as u64, bytes.len() as u64, 4];
        if raw::call(libc::SYS_getrandom, args).is_err() {
            let _ = raw::getrandom(&mut bytes);
        }
        let personality = raw::call(libc::SYS_personality, [0xffff_ffff]).unwrap_or(0);
        Self { bytes, addresses: personality & ADDR_NO_RANDOMIZE == 0 }
    }

    /// A number of pages below `limit` (bytes); `which` is 0 to 4.
    fn pages(&self, which: usize, limit: u64) -> u64 {
        if !self.addresses {
            return 0;
        }
        let at = 16 + which * 8;
        let number = u64::from_le_bytes(self.bytes[at..at + 8].try_into().unwrap_or_default());
        number % (limit / PAGE) * PAGE
    }

    fn at_random(&self) -> [u8; 16] {
        self.bytes[..16].try_into().unwrap_or_default()
    }
}

/// Maps a program and everything it needs; gives its first task, ready to run on this thread.
///
/// # Errors
/// Why it cannot be started; nothing of the guest has run.
pub fn start(
    engine: &'static Engine,
    abi: &'static Abi,
    options: Options,
    start: Start,
) -> Result<Task, Error> {
    let Start { file, exec_fn, unnamed, own, share, views, argv, envp } = start;
    if let Some(share) = share {
        family::join(engine, abi.machine, &options, share);
    }
    limits::adopt();
    limits::make_room_on_stack();
    let mm = Mm::new(engine, abi.kind.addresses, abi.arch_prot);
    let random = Random::new();
    let top = STACK_TOP - random.pages(2, 1 << 36) - 16 * random.pages(3, PAGE * 256) / PAGE;
    let stack_room = (top & !(PAGE - 1)) - STACK_ROOM;
    mm.place_below(stack_room - STACK_GAP - random.pages(4, 1 << 36));
    let program = file.parse(abi)?;
    let loader = match &program.interp {
        Some(path) => Some(find_loader(abi, &exec_fn, path, options.ld_prefix.as_deref())?),
        None => None,
    };

    let main = image::map(&mm, &file, &program, program_base(&mm, engine, &random))?;
    if program.guarded && program.interp.is_none() {
        mm.guard(main.code.0 & !(PAGE - 1), main.code.1, abi.arch_prot);
    }
    let mut entry = main.entry;
    let mut base = 0;
    if let Some(loader) = loader {
        let loader_program = loader.parse(abi)?;
        let mapped = image::map(&mm, &loader, &loader_program, 0)?;
        if loader_program.guarded {
            mm.guard(mapped.code.0 & !(PAGE - 1), mapped.code.1, abi.arch_prot);
        }
        entry = mapped.entry;
        base = mapped.bias;
    }
    mm.set_brk_start(main.end + random.pages(1, 32 << 20), main.data);

    let vdso_image = abi.vdso;
    let vdso = image::map_bytes(&mm, &vdso_image.bytes_here()).map_err(Error::Memory)?;
    mm.set_vdso(vdso, vdso + vdso_image.bytes.len() as u64);
    let secure = auxv::get(libc::AT_SECURE) == Some(1);
    let contents = stack::Contents {
        argv: &argv,
        envp: &envp,
        exec_fn: &exec_fn,
        random: random.at_random(),
        phdrs: (main.phdrs, program.phdr_count),
        base,
        entry: main.entry,
        capabilities: engine.guest().capabilities(),
        rseq: auxv::get(stack::at::RSEQ_FEATURE_SIZE).zip(auxv::get(stack::at::RSEQ_ALIGN)),
        vdso,
        ids: [libc::AT_UID, libc::AT_EUID, libc::AT_GID, libc::AT_EGID]
            .map(|id| auxv::get(id).unwrap_or(0)),
        secure,
    };
    let image = place_stack(&mm, abi, &contents, top)?;

    mm.set_mdwe(options.mdwe).map_err(Error::Memory)?;
    let auxv_end = image.auxv.0 + image.auxv.1;
    proc::PUBLISHED.set(mm.heap().0, vdso);
    let mut identity = Identity {
        exec_fn,
        argv,
        arg_range: image.args,
        env_range: image.env,
        auxv: image.bytes[image.auxv.0..auxv_end].to_vec(),
        auxv_addr: image.sp + image.auxv.0 as u64,
        start_stack: image.sp,
        code: main.code,
        data: main.data,
        vdso: (vdso, vdso + vdso_image.bytes.len() as u64),
        sigreturn: vdso + vdso_image.sigreturn,
        entry: main.entry,
        shown: false,
    };
    identity.shown = proc::show_to_kernel(&identity);
    set_name(&identity.exec_fn, unnamed.then_some(file.fd()));
    let log = options.log.as_deref().filter(|_| options.strace).and_then(crate::strace::open);
    let process: &'static Process = Box::leak(Box::new(Process {
        abi,
        engine,
        mm,
        identity,
        options,
        signals: ProcessSignals::inherited(engine.inherited_ignored()),
        exe: proc::Exe::program(file.into_fd()),
        views: proc::Views::of_inherited(&views),
        own: own.map(|own| proc::Exe::new(own).into()).unwrap_or_default(),
        own_id: OnceLock::new(),
        log,
    }));
    engine.set_address_space(&process.mm);
    let mut cpu = Cpu::new(engine).map_err(|error| Error::Memory(Errno::from_io(&error)))?;
    let state = cpu.state_mut();
    engine.guest().start(state);
    state.set_pc(entry);
    state.int[abi.regs.sp as usize] = image.sp;
    let mut task = Task::new(process, cpu, raw::getpid());
    if process.options.trap_blocked == Some(false) {
        task.signals.mask &= !bit(libc::SIGTRAP);
    }
    task.trace = process.options.trace.as_deref().and_then(Traced::restore);
    task.thread.executed = task.trace.is_some();
    if let Some(filters) = &process.options.seccomp {
        seccomp::restore(&task, filters);
    }
    Ok(task)
}

/// Where a program is put that runs anywhere: where its family has programs. Sees to it that files are put
/// where the family has them, too.
fn program_base(mm: &Mm, engine: &Engine, random: &Random) -> u64 {
    let seed = engine.family_seed().filter(|_| random.addresses);
    let Some(seed) = seed else { return PROGRAM_BASE + random.pages(0, 1 << 40) };
    // (Files that are linked for large pages must not be moved into the next one's place.)
    let unit = engine::FAMILY_PLACE_UNIT;
    mm.place_files_below(FILES_TOP - (seed >> 32) % (FILES_SPREAD / unit) * unit);
    PROGRAM_BASE + seed % (1 << 28) * PAGE
}

/// Builds and maps the stack: high up, or lower where a program is linked there.
fn place_stack(
    mm: &Mm,
    abi: &Abi,
    contents: &stack::Contents<'_>,
    mut top: u64,
) -> Result<stack::Image, Error> {
    loop {
        let image = stack::build(abi, contents, top);
        match map_stack(mm, &image, top) {
            Err(Error::Memory(Errno::EEXIST)) if top > STACK_TOP / 2 => top -= STACK_STEP,
            result => return result.map(|()| image),
        }
    }
}

/// Maps the stack, which the host lets grow up to its limit as it does for its own.
fn map_stack(mm: &Mm, image: &stack::Image, top: u64) -> Result<(), Error> {
    let end = (top + PAGE - 1) & !(PAGE - 1);
    let start = (image.sp & !(PAGE - 1)) - STACK_SLACK;
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE;
    let prot = prot::READ | prot::WRITE;
    crate::mm::host_mmap([start, end - start, prot, flags as u64, u64::MAX, 0])
        .map_err(Error::Memory)?;
    mm.adopt_stack(end - STACK_ROOM, end);
    memory::write(image.sp, &image.bytes).map_err(|_| Error::Memory(Errno::ENOMEM))
}

/// Names the process after its program, as `execve` does: by the path, or by the name that the file has
/// of which only a descriptor was given.
fn set_name(exec_fn: &[u8], unnamed: Option<RawFd>) {
    /// What the kernel says of a file without a name.
    const DELETED: &[u8] = b" (deleted)";
    let of_file = |fd| {
        let mut path =
            raw::readlinkat(libc::AT_FDCWD, format!("/proc/self/fd/{fd}").as_bytes()).ok()?;
        if path.ends_with(DELETED) {
            path.truncate(path.len() - DELETED.len());
        }
        Some(path)
    };
    let path = unnamed.and_then(of_file).unwrap_or_else(|| exec_fn.to_vec());
    let base = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
    let mut name = [0_u8; 16];
    let len = base.len().min(15);
    name[..len].copy_from_slice(&base[..len]);
    let _ = raw::call(libc::SYS_prctl, [libc::PR_SET_NAME as u64, name.as_ptr() as u64]);
}

/// Ends the process as Linux does when it cannot load a program any more whose `execve` succeeded.
pub fn die() -> ! {
    crate::signal::die_of(libc::SIGSEGV)
}
