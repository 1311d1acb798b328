//! The engine with a made-up guest whose instructions are two or four bytes long, at even addresses, and
//! whose translations depend on a key of 16 bits.
//!
//! Short: code in bits 1..0 (not 3), register in 7..2, signed immediate in 15..8. Long: 3 in bits 1..0,
//! operation in 7..2, register in 15..8, signed immediate in 31..16. Distances are in half-words.

use super::program;
use crate::{AddressSpace, Cpu, Engine, Exit, Options};
use guest::{Address, Coherence, Control, Effect, Endian, Fetch, Guest, Key, Memory, Mode, Spec};
use ir::state::{SLOT_FPCR, TRAP_BREAKPOINT};
use ir::{
    Block, Builder, Cond, Exit as To, ExitKind, FpControl, FpRules, Op, OpCode, Ref, State, Ty,
};
use std::sync::Mutex;
use sys::map::{Mapping, PAGE};

const fn short(code: u16, r: u16, imm: i8) -> [u8; 2] {
    (code | r << 2 | (imm as u8 as u16) << 8).to_le_bytes()
}
const fn long(op: u16, r: u16, imm: i16) -> [u8; 4] {
    let [a, b] = (3 | op << 2 | r << 8).to_le_bytes();
    let [c, d] = imm.to_le_bytes();
    [a, b, c, d]
}
/// x[r] += imm.
const fn addi(r: u16, imm: i8) -> [u8; 2] {
    short(0, r, imm)
}
/// System call.
const fn call(imm: i8) -> [u8; 2] {
    short(1, 0, imm)
}
/// Goes to x[r].
const fn br(r: u16) -> [u8; 2] {
    short(2, r, 0)
}
/// x[r] += imm.
const fn addi_long(r: u16, imm: i16) -> [u8; 4] {
    long(0, r, imm)
}
/// Goes imm half-words further.
const fn jump(imm: i16) -> [u8; 4] {
    long(1, 0, imm)
}
/// Likewise if x[r] is not zero.
const fn bnz(r: u16, imm: i16) -> [u8; 4] {
    long(2, r, imm)
}
/// The key becomes imm.
const fn set_key(imm: i16) -> [u8; 4] {
    long(3, 0, imm)
}
/// Any code may have changed.
const FENCE: [u8; 4] = long(4, 0, 0);
/// An operation that traps.
const TRAP: [u8; 4] = long(5, 0, 0);
/// System call.
const CALL_LONG: [u8; 4] = long(6, 0, 9);
/// x[r] += the key.
const fn add_key(r: u16) -> [u8; 4] {
    long(7, r, 0)
}

/// With its properties.
struct Halves(Spec);

const SPEC: Spec = Spec {
    name: "halves",
    insn_align: 1,
    insn_max: 4,
    int_pins: &[0, 1, 2, 3, 4],
    vec_pins: &[],
    order: Endian::Little,
    address: Address::Full,
    memory: Memory::Weak,
    coherence: Coherence::Explicit,
    fp: FpRules::decode(0),
    refault: false,
    steps: None,
};

static TELLING: Halves = Halves(SPEC);
/// Its programs need not say that they change code.
static SILENT: Halves = Halves(Spec { coherence: Coherence::Stores, ..SPEC });

impl Guest for Halves {
    fn spec(&self) -> &'static Spec {
        if self.0.coherence == Coherence::Stores { &SILENT.0 } else { &TELLING.0 }
    }
    fn translate(&self, fetch: &mut dyn Fetch, pc: u64, mode: Mode, block: &mut Block) {
        block.pc = pc;
        let mut b = Builder::new(block);
        let mut at = pc;
        let mut ended = false;
        while !ended && at >> 12 == pc >> 12 && !(mode.single && at != pc) && at - pc < 200 {
            let mut code = [0; 4];
            let there = fetch.bytes(at, &mut code);
            let len = if code[0] & 3 == 3 { 4 } else { 2 };
            if there < len {
                break;
            }
            b.insn((at - pc) as u32);
            ended = if len == 2 {
                translate_short(&mut b, u16::from_le_bytes([code[0], code[1]]))
            } else {
                translate_long(&mut b, at, u32::from_le_bytes(code), mode.key)
            };
            at += len as u64;
            b.block.len = (at - pc) as u32;
        }
        if !ended && b.block.insns != 0 {
            exit_to(&mut b, at);
        }
    }
    fn control(&self, state: &State) -> Control {
        Control { key: Key(state.int[usize::from(SLOT_FPCR)] as u16), fp: FpControl::default() }
    }
    fn runtime(
        &self,
        op: u32,
        args: [u64; 2],
        state: &mut State,
        _space: &mut dyn guest::Space,
    ) -> Effect {
        match op {
            3 => {
                state.int[usize::from(SLOT_FPCR)] = args[0];
                Effect::Control
            }
            4 => Effect::InvalidateWritable,
            _ => Effect::Trap { kind: TRAP_BREAKPOINT, argument: 5 },
        }
    }
    fn disassemble(&self, code: &[u8], _pc: u64) -> (String, usize) {
        (format!("{code:x?}"), 2)
    }
}

fn exit_to(b: &mut Builder<'_>, pc: u64) {
    let exit = b.exit(To { pc, kind: ExitKind::Jump, flags_dead: false });
    b.exit_direct(exit);
}

fn add(b: &mut Builder<'_>, r: u16, imm: u64) -> bool {
    let k = b.iconst(imm);
    b.bin(OpCode::Add, Ty::I64, Ref::slot(r), Ref::slot(r), k);
    false
}

fn translate_short(b: &mut Builder<'_>, half: u16) -> bool {
    let (r, imm) = (half >> 2 & 31, i64::from((half >> 8) as i8));
    match half & 3 {
        0 => add(b, r, imm as u64),
        1 => {
            let mut op = Op::new(OpCode::Syscall, Ty::I64);
            op.imm = imm as i32;
            b.push(op);
            true
        }
        _ => {
            b.un_aux(OpCode::ExitIndirect, Ty::I64, Ref::NONE, Ref::slot(r), 0);
            true
        }
    }
}

fn translate_long(b: &mut Builder<'_>, pc: u64, word: u32, key: Key) -> bool {
    let (op, r, imm) = (word >> 2 & 63, (word >> 8 & 31) as u16, i64::from(word as i32 >> 16));
    let there = pc.wrapping_add_signed(imm * 2);
    match op {
        0 => add(b, r, imm as u64),
        1 | 2 => {
            if imm <= 0 {
                b.push(Op::new(OpCode::Poll, Ty::I64));
            }
            if op == 2 {
                let zero = b.iconst(0);
                let yes = b.exit(To { pc: there, kind: ExitKind::Jump, flags_dead: false });
                b.br_cmp(Ty::I64, Cond::Ne, Ref::slot(r), zero, yes);
            }
            exit_to(b, if op == 1 { there } else { pc + 4 });
            true
        }
        6 => {
            let mut op = Op::new(OpCode::Syscall, Ty::I64);
            op.imm = imm as i32;
            b.push(op);
            true
        }
        7 => add(b, r, key.0.into()),
        op => {
            let k = b.iconst(imm as u16 as u64);
            b.emit(OpCode::Runtime, Ty::I64, Ref::NONE, k, Ref::NONE, Ref::NONE, 0, op as i32);
            true
        }
    }
}

/// What may be executed, and what of it can change.
struct Space {
    executable: Mutex<Vec<(u64, u64)>>,
    changeable: Mutex<Vec<(u64, u64)>>,
}

impl AddressSpace for Space {
    fn executable_until(&self, addr: u64) -> Option<u64> {
        let ranges = self.executable.lock().unwrap();
        ranges.iter().find(|&&(start, end)| (start..end).contains(&addr)).map(|range| range.1)
    }
    fn mapped(&self, _addr: u64) -> bool {
        true
    }
    fn backed_by_file(&self, _addr: u64) -> bool {
        false
    }
    fn changeable(&self) -> Vec<(u64, u64)> {
        self.changeable.lock().unwrap().clone()
    }
    fn guarded(&self, _addr: u64) -> bool {
        false
    }
    fn plastic(&self, addr: u64) -> bool {
        self.changeable().iter().any(|&(start, end)| (start..end).contains(&addr))
    }
    fn is_vdso(&self, _addr: u64) -> bool {
        false
    }
}

/// An engine, its address space, and two pages of code.
struct Machine {
    engine: &'static Engine,
    space: &'static Space,
    start: u64,
}

/// Offset of the second page.
const SECOND: u64 = PAGE as u64;

impl Machine {
    fn new(interpret: bool) -> Self {
        Self::of(&TELLING, interpret)
    }
    fn of(guest: &'static Halves, interpret: bool) -> Self {
        let map = Box::leak(Box::new(Mapping::anonymous(2 * PAGE, 3).unwrap()));
        let start = map.start() as u64;
        let space = Box::leak(Box::new(Space {
            executable: Mutex::new(vec![(start, start + 2 * SECOND)]),
            changeable: Mutex::new(Vec::new()),
        }));
        let options = Options { cache_size: 1 << 20, interpret, ..Options::default() };
        let engine = Engine::new(guest, options).unwrap();
        engine.set_address_space(space);
        Self { engine, space, start }
    }
    fn put(&self, offset: u64, code: &[&[u8]]) {
        memory::write(self.start + offset, &code.concat()).unwrap();
    }
    fn cpu(&self, offset: u64) -> Cpu {
        let mut cpu = Cpu::new(self.engine).unwrap();
        cpu.make_current();
        cpu.state_mut().set_pc(self.start + offset);
        cpu
    }
}

const fn made(imm: u32, len: u8) -> Exit {
    Exit::Syscall { imm, len }
}

#[test]
fn code_may_start_at_any_half_word() {
    for interpret in [false, true] {
        let m = Machine::new(interpret);
        // A loop at an odd half-word that calls a function at another by pointer.
        m.put(2, &[&addi(2, 1), &br(3), &addi(0, -1), &bnz(0, -3), &call(1), &CALL_LONG]);
        m.put(22, &[&addi(4, 2), &br(5)]);
        let mut cpu = m.cpu(2);
        let int = &mut cpu.state_mut().int;
        (int[0], int[3], int[5]) = (1000, m.start + 22, m.start + 6);
        assert_eq!(cpu.run(), made(1, 2));
        assert_eq!(cpu.state().pc(), m.start + 14);
        assert_eq!((cpu.state().int[2], cpu.state().int[4]), (1000, 2000));
        assert_eq!(cpu.run(), made(9, 4));
        assert_eq!(cpu.state().pc(), m.start + 18);
        cpu.state_mut().set_pc(m.start + 1);
        let Exit::Fault(fault) = cpu.run() else { panic!("no fault") };
        assert_eq!((fault.signo, fault.addr), (libc::SIGBUS, m.start + 1));
    }
}

#[test]
fn traps_are_at_their_instruction() {
    for interpret in [false, true] {
        let m = Machine::new(interpret);
        m.put(0, &[&addi(2, 1), &TRAP, &addi(2, 1)]);
        let mut cpu = m.cpu(0);
        assert_eq!(cpu.run(), Exit::Trap { kind: TRAP_BREAKPOINT, arg: 5 });
        assert_eq!((cpu.state().pc(), cpu.state().int[2]), (m.start + 2, 1));
    }
}

#[test]
fn an_instruction_may_end_in_the_next_page() {
    for interpret in [false, true] {
        let m = Machine::new(interpret);
        m.put(SECOND - 4, &[&addi(2, 1), &addi_long(2, 100), &call(1)]);
        *m.space.executable.lock().unwrap() = vec![(m.start, m.start + SECOND)];
        let mut cpu = m.cpu(SECOND - 4);
        let Exit::Fault(fault) = cpu.run() else { panic!("no fault") };
        assert_eq!((fault.signo, fault.code), (libc::SIGSEGV, 2), "its end is not executable");
        assert_eq!(fault.addr, m.start + SECOND);
        assert_eq!((cpu.state().pc(), cpu.state().int[2]), (m.start + SECOND - 2, 1));
        *m.space.executable.lock().unwrap() = vec![(m.start, m.start + 2 * SECOND)];
        assert_eq!(cpu.run(), made(1, 2));
        assert_eq!(cpu.state().int[2], 101);
        // Whichever page is said to have changed, it is translated anew.
        let mut run = |offset: u64, code: &[u8], from: u64, len: u64| {
            m.put(offset, &[code]);
            m.engine.invalidate(m.start + from, len);
            cpu.state_mut().int[2] = 0;
            cpu.state_mut().set_pc(m.start + SECOND - 4);
            assert_eq!(cpu.run(), made(1, 2));
            cpu.state().int[2]
        };
        assert_eq!(run(SECOND, &5_i16.to_le_bytes(), SECOND, 2), 6, "the end");
        assert_eq!(run(SECOND - 2, &addi_long(2, 7)[..2], SECOND - 1, 1), 6, "the start");
        assert_eq!(run(SECOND, &9_i16.to_le_bytes(), SECOND, SECOND), 10, "its page");
    }
}

#[test]
fn a_fence_finds_changed_code_where_it_can_change() {
    let m = Machine::new(false);
    *m.space.changeable.lock().unwrap() = vec![(m.start + SECOND, m.start + 2 * SECOND)];
    // Both functions are called, and may be changed, on each side of a fence.
    m.put(0, &[&br(3), &br(4), &FENCE, &call(1), &jump(-5)]);
    m.put(64, &[&addi(2, 1), &br(5)]);
    m.put(SECOND + 66, &[&addi_long(2, 100), &br(6)]);
    let mut cpu = m.cpu(0);
    let int = &mut cpu.state_mut().int;
    (int[3], int[4]) = (m.start + 64, m.start + SECOND + 66);
    (int[5], int[6]) = (m.start + 2, m.start + 4);
    let mut run = || {
        cpu.state_mut().int[2] = 0;
        assert_eq!(cpu.run(), made(1, 2));
        cpu.state().int[2]
    };
    assert_eq!([run(), run()], [101, 101]);
    let units = m.engine.stats().units;
    assert_eq!(run(), 101);
    assert_eq!(m.engine.stats().units, units, "nothing has changed");
    m.put(SECOND + 68, &[&200_i16.to_le_bytes()]);
    assert_eq!(run(), 101, "not before the fence");
    assert_eq!(run(), 201);
    // (The engine relies on what it is told.)
    m.put(64, &[&addi(2, 2)]);
    assert_eq!([run(), run()], [201, 201]);
    m.engine.any_code_changed();
    *m.space.changeable.lock().unwrap() = vec![(m.start, m.start + SECOND)];
    assert_eq!([run(), run()], [201, 202]);
}

#[test]
fn each_key_has_its_own_translations() {
    for interpret in [false, true] {
        let m = Machine::new(interpret);
        // A function that is called by pointer and adds the key, under keys 0, 7 and 0xfff0.
        let body = [&br(3)[..], &set_key(7), &br(3), &set_key(-16), &br(3), &set_key(0), &call(1)];
        m.put(0, &body);
        m.put(64, &[&add_key(2), &addi(5, 6), &br(5)]);
        let mut cpu = m.cpu(0);
        let mut run = || {
            cpu.state_mut().set_pc(m.start);
            let int = &mut cpu.state_mut().int;
            // (Back to behind the call: each is six bytes behind the last.)
            (int[2], int[3], int[5]) = (0, m.start + 64, (m.start + 2).wrapping_sub(6));
            assert_eq!(cpu.run(), made(1, 2));
            cpu.state().int[2]
        };
        assert_eq!(run(), 7 + 0xfff0);
        let units = m.engine.stats().units;
        assert_eq!([run(), run()], [7 + 0xfff0; 2]);
        assert_eq!(m.engine.stats().units, units, "they are found again");
        // All of them change with the code.
        m.put(64, &[&addi_long(2, 1)]);
        m.engine.invalidate(m.start + 66, 1);
        assert_eq!(run(), 3);
    }
}

#[test]
fn another_guests_programs_do_not_disturb() {
    // Both kinds of instructions in one process, at the same addresses.
    let p = program(&[0]);
    let (a, b) = (Machine::new(false), super::small());
    *a.space.executable.lock().unwrap() = vec![(p.start, p.start + SECOND)];
    memory::write(p.start, &[&addi(2, 5)[..], &call(3)].concat()).unwrap();
    let mut cpu = Cpu::new(a.engine).unwrap();
    cpu.make_current();
    cpu.state_mut().set_pc(p.start);
    assert_eq!(cpu.run(), made(3, 2));
    drop(cpu);
    p.put(0, &[super::fake::svc(4)]);
    assert_eq!(p.cpu(b).run(), made(4, 4));
}

#[test]
fn code_that_may_change_is_compared_when_it_is_entered() {
    for interpret in [false, true] {
        let m = Machine::of(&SILENT, interpret);
        *m.space.changeable.lock().unwrap() = vec![(m.start + SECOND, m.start + 2 * SECOND)];
        // A function of several lengths, in changeable memory or reaching into it, called by pointer.
        m.put(0, &[&br(3), &call(1)]);
        let mut cpu = m.cpu(0);
        let mut run = |function: u64| {
            cpu.state_mut().set_pc(m.start);
            let int = &mut cpu.state_mut().int;
            (int[2], int[3], int[5]) = (0, m.start + function, m.start + 2);
            assert_eq!(cpu.run(), made(1, 2));
            cpu.state().int[2]
        };
        for (at, more) in [(64, 0), (0, 1), (102, 2), (202, 3), (302, 5), (402, 9)] {
            let at = SECOND + at - if at == 0 { 2 } else { 0 };
            let code = |last: i8| [addi(2, 1).repeat(more), addi(2, last).into(), br(5).into()];
            let first = more as u64 + 1;
            m.put(at, &code(1).each_ref().map(Vec::as_slice));
            assert_eq!([run(at), run(at)], [first; 2]);
            for n in 2..5 {
                m.put(at, &code(n).each_ref().map(Vec::as_slice));
                assert_eq!([run(at), run(at)], [first - 1 + n as u64; 2]);
            }
            let units = m.engine.stats().units;
            m.put(at, &code(2).each_ref().map(Vec::as_slice));
            assert_eq!(run(at), first + 1);
            m.put(at, &code(4).each_ref().map(Vec::as_slice));
            assert_eq!(run(at), first + 3);
            assert_eq!(m.engine.stats().units, units, "they are there already");
        }
    }
}

#[test]
fn translations_are_kept_for_code_that_comes_back() {
    let m = Machine::of(&SILENT, false);
    // Two loops that lead to each other.
    m.put(0, &[&addi(2, 1), &addi(0, -1), &bnz(0, 30), &call(1)]);
    m.put(64, &[&addi(2, 2), &jump(-33)]);
    let mut cpu = m.cpu(0);
    let mut run = || {
        cpu.state_mut().set_pc(m.start);
        let int = &mut cpu.state_mut().int;
        (int[0], int[2]) = (100, 0);
        assert_eq!(cpu.run(), made(1, 2));
        cpu.state().int[2]
    };
    assert_eq!([run(), run()], [298; 2]);
    let units = m.engine.stats().units;
    for part in [(0, 128), (0, 2), (64, 2), (10, 60)].repeat(3) {
        m.engine.invalidate(m.start + part.0, part.1);
        assert_eq!(run(), 298);
    }
    assert_eq!(m.engine.stats().units, units, "nothing has changed");
    m.engine.invalidate(m.start, 128);
    m.put(64, &[&addi(2, 3)]);
    assert_eq!(run(), 397);
    assert!(m.engine.stats().units > units);
    // In changeable memory they would have to compare the code.
    let units = m.engine.stats().units;
    *m.space.changeable.lock().unwrap() = vec![(m.start, m.start + SECOND)];
    m.engine.invalidate(m.start, 128);
    assert_eq!(run(), 397);
    m.put(64, &[&addi(2, 4)]);
    assert_eq!(run(), 496);
    assert!(m.engine.stats().units > units + 1);
}
