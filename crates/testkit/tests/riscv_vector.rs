//! RISC-V's vector instructions as they are translated, on the real host, against their execution one by one.

mod random;

use engine::testing::Runner;
use engine::{FeatureLevel, Options};
use eval::{NoMemory, Outcome};
use guest::{Bytes, Effect, Guest, MemFault, Mode, Space};
use guest_riscv64::encoding::TABLE;
use guest_riscv64::{Cpu, Riscv64};
use ir::state::{SLOT_FPCR, SLOT_FPSR, exit};
use ir::{Block, State};
use isa::{Generator, Line};

use self::random::Random;

const PC: u64 = 0x10000;
/// vl to vcsr.
const VECTOR_SLOTS: core::ops::Range<usize> = 48..52;
/// The register that points into memory.
const BASE: u32 = 10;
/// The register with the number of elements that is asked for.
const WANTED: u32 = 6;
/// The register with the distance of elements.
const STRIDE: u32 = 7;
const MEMORY: usize = 4096;

/// The program's memory.
struct Real;

impl Space for Real {
    fn load(&mut self, addr: u64, out: &mut [u8]) -> Result<(), MemFault> {
        memory::read(addr, out).map_err(|fault| MemFault { addr: fault.addr, write: false })
    }
    fn store(&mut self, addr: u64, bytes: &[u8]) -> Result<(), MemFault> {
        memory::write(addr, bytes).map_err(|fault| MemFault { addr: fault.addr, write: true })
    }
}

/// A page of memory.
fn page() -> u64 {
    let (access, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // The pages around it cannot be accessed.
    let args = [0, 3 * MEMORY as u64, 0, flags as u64, u64::MAX, 0];
    let page = sys::raw::call(libc::SYS_mmap, args).expect("pages") + MEMORY as u64;
    sys::raw::call(libc::SYS_mprotect, [page, MEMORY as u64, access as u64]).expect("access");
    page
}

fn contents(page: u64) -> Vec<u8> {
    memory::read_vec(page, MEMORY).expect("the page")
}

/// Vector instructions but for those that set the type.
fn instructions() -> Vec<&'static Line> {
    TABLE
        .lines()
        .iter()
        .filter(|l| l.name.starts_with('v') && !l.name.starts_with("vset"))
        .collect()
}

/// A random instruction; accesses go to the page.
fn instruction(generator: &mut Generator, line: &'static Line, r: &mut Random, regs: u32) -> u32 {
    let mut word = generator.word_of(line).expect("an instruction") as u32;
    let memory = matches!(word & 0x7f, 0x07 | 0x27);
    if memory {
        word = word & !(31 << 15) | BASE << 15;
        let strided = word >> 26 & 3 == 2;
        if strided {
            word = word & !(31 << 20) | STRIDE << 20;
        }
        if r.below(3) != 0 {
            // One field.
            word &= if line.name.contains('r') { u32::MAX } else { !(7 << 29) };
        }
    }
    if r.below(2) != 0 {
        word |= 1 << 25;
    }
    // Registers of groups, most often.
    if r.below(8) != 0 {
        for at in [7, 15, 20] {
            let is_base = at == 15 && memory;
            let register = word >> at & 31;
            let fixed = line.field(
                word.into(),
                if at == 7 {
                    "vd"
                } else if at == 15 {
                    "vs1"
                } else {
                    "vs2"
                },
            );
            let stored = at == 7 && line.field(word.into(), "vs3").is_some();
            if !is_base && (fixed.is_some() || stored) {
                word = word & !(31 << at) | (register / regs * regs) << at;
            }
        }
    }
    word
}

/// Executes instructions one by one until `end`; false if one is undefined or faults, where that is.
fn step(guest: &dyn Guest, code: &[u8], state: &mut State, end: u64) -> bool {
    while state.pc() != end {
        let pc = state.pc();
        state.fp = guest.control(state).fp;
        let mode = Mode { key: guest.control(state).key, single: true, ..Mode::default() };
        let mut block = Block::default();
        guest.translate(&mut Bytes { start: PC, code }, pc, mode, &mut block);
        match eval::run(&block, state, &mut NoMemory) {
            Outcome::Exit(_) => {}
            Outcome::Runtime { op, args } => {
                match guest.runtime(op as u32, args, state, &mut Real) {
                    Effect::None => {}
                    _ => {
                        state.set_pc(pc);
                        return false;
                    }
                }
            }
            _ => return false,
        }
    }
    true
}

fn state(r: &mut Random, page: u64, elements: u64) -> State {
    let mut s = State::new();
    for x in &mut s.int[1..32] {
        *x = r.int();
    }
    s.int[BASE as usize] = page + r.below(MEMORY - 128) as u64;
    if r.below(16) == 0 {
        s.int[BASE as usize] = page + MEMORY as u64 - r.below(128) as u64;
    }
    s.int[WANTED as usize] =
        if r.below(2) == 0 { r.below(elements as usize + 1) as u64 } else { elements };
    s.int[STRIDE as usize] = (r.below(64) as u64).wrapping_sub(16);
    let singles = r.below(2) == 0;
    let float = |r: &mut Random| {
        let (exponent, any) = (r.below(14) as u64, r.next());
        let special = r.below(12);
        if singles {
            let one = |any: u64| match special {
                0 => any & 0x8000_0000 | 0x7fc0_0000,
                1 => any & 0x8000_0000,
                2 => any & 0xffff_ffff,
                _ => any & 0x807f_ffff | (120 + exponent) << 23,
            };
            one(any) | one(any >> 7) << 32
        } else {
            match special {
                0 => any & 1 << 63 | 0x7ff8 << 48,
                1 => any & 1 << 63,
                2 => any,
                _ => any & 0x800f_ffff_ffff_ffff | (1016 + exponent) << 52,
            }
        }
    };
    for f in &mut s.vec[..32] {
        *f = u128::from(float(r));
        if singles && r.below(12) != 0 {
            *f |= 0xffff_ffff << 32;
        }
    }
    let integers = r.below(2) == 0;
    for v in &mut s.vec[32..] {
        let half = |r: &mut Random| if integers { r.int() } else { float(r) };
        *v = u128::from(half(r)) << 64 | u128::from(half(r));
        // Masks are often empty in part.
        *v = match r.below(8) {
            0 => *v >> 64 << 64,
            1 => 0,
            _ => *v,
        };
    }
    s.int[usize::from(SLOT_FPCR)] = if r.below(3) == 0 { r.below(5) as u64 } else { 0 };
    s.int[VECTOR_SLOTS.start + 3] = r.below(8) as u64;
    s.set_pc(PC);
    s
}

fn copy(s: &State) -> State {
    let mut c = State::new();
    (c.int, c.vec, c.flags) = (s.int, s.vec, s.flags);
    c
}

/// Executes `code` in translated blocks; as [`step`] otherwise. Also says whether translated code has executed
/// all.
fn run_translated(
    runner: &mut Runner,
    guest: &dyn Guest,
    code: &[u8],
    hint: Option<u16>,
    got: &mut State,
) -> (bool, bool) {
    let end = PC + code.len() as u64;
    let mut all = true;
    while got.pc() != end {
        let pc = got.pc();
        let hint = hint.unwrap_or_else(|| guest.hint(got));
        let mode = Mode { key: guest.control(got).key, hint, ..Mode::default() };
        let mut block = Block::default();
        guest.translate(&mut Bytes { start: PC, code }, pc, mode, &mut block);
        assert_eq!(ir::verify(&block), Ok(()));
        let left = runner.run(&block, got);
        if exit::reason(left.reason) == exit::RUNTIME {
            let args = [got.args[0] as u64, got.args[1] as u64];
            if guest.runtime(left.arg as u32, args, got, &mut Real) != Effect::None {
                got.set_pc(got.pc() - 4);
                return (false, false);
            }
        } else if exit::reason(left.reason) != exit::LINK {
            let next = got.pc() + 4;
            if !step(guest, code, got, next) {
                return (false, false);
            }
            all = false;
        }
    }
    (true, all)
}

/// Bits of the indices of an access that has any.
fn index_width(word: u32) -> Option<u32> {
    let indexed = matches!(word & 0x7f, 0x07 | 0x27) && word >> 26 & 1 != 0;
    indexed.then_some(match word >> 12 & 7 {
        0 => 8,
        n => 8 << (n & 3),
    })
}

/// Makes what may be indices small.
fn small_indices(state: &mut State, width: u32) {
    let lane = (1u128 << width.min(10)) - 1;
    let lanes = (0..128 / width).fold(0, |all, n| all | lane << (n * width));
    for v in &mut state.vec[32..] {
        *v &= lanes;
    }
}

/// Fails unless the registers are the same.
fn same(got: &State, want: &State, show: &dyn Fn() -> String) {
    for n in (0..32).chain(VECTOR_SLOTS).chain([usize::from(SLOT_FPSR)]) {
        let (got, want) = (got.int[n], want.int[n]);
        assert_eq!(got, want, "slot {n}: {got:x} not {want:x} {}", show());
    }
    for n in 0..64 {
        let (got, want) = (got.vec[n], want.vec[n]);
        assert_eq!(got, want, "vector slot {n}: {got:032x} not {want:032x} {}", show());
    }
}

/// A number from the environment.
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn run(level: FeatureLevel, seed: u64) {
    let cpu = Cpu::parse("max").expect("a processor");
    let guest: &'static Riscv64 = Box::leak(Box::new(Riscv64::new(cpu)));
    let options = Options { features: level, cache_size: 64 << 20, ..Options::default() };
    let mut runner = Runner::new(guest, options).expect("a runner");
    let seed = variable("ANYARCH_SEED").unwrap_or(seed);
    let mut r = Random(seed);
    let mut generator = Generator::new(&TABLE, seed, |_| true);
    let (lines, page) = (instructions(), page());
    let (mut runs, mut direct) = (0, 0);
    for round in 0..variable("ANYARCH_CASES").unwrap_or(40_000) as usize {
        let first = lines[round % lines.len()];
        // Masks as long as a register are counted in two words.
        let counts = first.name.starts_with("vfirst") || first.name.starts_with("vcpop");
        let (sew, lmul) = match counts && r.below(2) == 0 {
            true => (0, 3),
            false => (r.below(4) as u32, r.pick(&[0u32, 0, 0, 1, 1, 2, 3, 6, 7])),
        };
        let vtype = lmul | sew << 3 | (r.below(4) as u32) << 6;
        let regs = if lmul < 4 { 1 << lmul } else { 1 };
        let in_one = 16u64 >> sew;
        let elements = if lmul < 4 { in_one << lmul } else { in_one >> (8 - lmul) };
        let mut words = vec![vtype << 20 | WANTED << 15 | 7 << 12 | 5 << 7 | 0x57];
        for n in 0..1 + r.below(3) {
            let line = if n == 0 { first } else { r.pick(&lines) };
            let word = instruction(&mut generator, line, &mut r, regs);
            // (What earlier instructions leave may be indices of anything.)
            if n == 0 || index_width(word).is_none() {
                words.push(word);
            }
        }
        let code: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let mut start = state(&mut r, page, elements);
        if let Some(width) = words.iter().find_map(|&word| index_width(word)) {
            small_indices(&mut start, width);
        }
        let bytes: Vec<u8> = (0..MEMORY / 8).flat_map(|_| r.next().to_le_bytes()).collect();
        memory::write(page, &bytes).expect("the page");
        let mut want = copy(&start);
        let wanted = step(guest, &code, &mut want, PC + code.len() as u64);
        let want_memory = contents(page);
        memory::write(page, &bytes).expect("the page");
        let mut got = copy(&start);
        // The type may have been set before the block, and may be another one than was expected.
        if r.below(3) == 0 {
            step(guest, &code, &mut got, PC + 4);
        }
        let hint = (r.below(4) == 0).then(|| 0x300 | (vtype ^ (r.below(8) as u32)) as u16);
        let (done, all) = run_translated(&mut runner, guest, &code, hint, &mut got);
        (runs, direct) = (runs + 1, direct + u32::from(all));
        let names: Vec<String> =
            words.iter().map(|w| guest.disassemble(&w.to_le_bytes(), PC).0).collect();
        let show =
            || format!("{names:?} {words:08x?}\nfrom {:x?}\n{:032x?}", &start.int[..32], start.vec);
        assert_eq!((done, got.pc()), (wanted, want.pc()), "end {}", show());
        same(&got, &want, &show);
        assert_eq!(contents(page), want_memory, "memory {}", show());
    }
    println!("{direct} of {runs} runs were translated altogether");
    assert!(direct > runs / 16, "{direct} of {runs}");
}

#[test]
fn with_all_features() {
    run(FeatureLevel::Auto, 0x9e37_79b9_7f4a_7c15);
}

#[test]
fn without_avx() {
    run(FeatureLevel::Sse42, 0x1234_5678_9abc_def1);
}
