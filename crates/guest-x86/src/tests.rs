//! Instructions by their bytes, evaluated.

use crate::cpu::Features;
use crate::{Cpu, X86_64};
use eval::{MemFault, Memory, NoMemory, Outcome};
use guest::{Bytes, Guest, Mode};
use ir::{Block, State};

const PC: u64 = 0x40_1000;

/// A little memory from [`Ram::START`] on.
struct Ram([u8; 256]);

impl Ram {
    const START: u64 = 0x1_0000;

    fn range(addr: u64, size: usize, write: bool) -> Result<core::ops::Range<usize>, MemFault> {
        let at = addr.wrapping_sub(Self::START);
        let there = at.checked_add(size as u64).is_some_and(|end| end <= 256);
        let fault = MemFault { addr, alignment: false, write };
        if there { Ok(at as usize..at as usize + size) } else { Err(fault) }
    }
}

impl Memory for Ram {
    fn load(&mut self, addr: u64, size: usize) -> Result<u128, MemFault> {
        let bytes = &self.0[Self::range(addr, size, false)?];
        Ok(bytes.iter().rev().fold(0, |all, &byte| all << 8 | u128::from(byte)))
    }
    fn store(&mut self, addr: u64, size: usize, value: u128) -> Result<(), MemFault> {
        self.0[Self::range(addr, size, true)?].copy_from_slice(&value.to_le_bytes()[..size]);
        Ok(())
    }
}

/// Translates `code` and checks the block.
fn translate(code: &[u8]) -> Block {
    let mut block = Block::default();
    let guest = X86_64::new(Cpu::MAX);
    guest.translate(&mut Bytes { start: PC, code }, PC, Mode::default(), &mut block);
    ir::verify(&block).unwrap();
    block
}

fn state() -> State {
    let mut state = State::new();
    X86_64::new(Cpu::MAX).start(&mut state);
    state
}

fn run(code: &[u8], state: &mut State) -> Outcome {
    eval::run(&translate(code), state, &mut NoMemory)
}

#[test]
fn bytes_of_registers() {
    let mut s = state();
    s.int[0] = 0x1122_3344_5566_77ff;
    // add al, 1; sub ah, al; mov ch, ah; movzx edx, ch
    run(&[0x04, 1, 0x28, 0xc4, 0x88, 0xe5, 0x0f, 0xb6, 0xd5], &mut s);
    assert_eq!((s.int[0], s.int[1], s.int[2]), (0x1122_3344_5566_7700, 0x7700, 0x77));
}

#[test]
fn thirty_two_bits_clear_the_rest() {
    let mut s = state();
    s.int[3] = u64::MAX;
    // add ebx, 1; lea rcx, [rbx + rbx*4 + 7]; mov dx, 0x1234
    run(&[0x83, 0xc3, 1, 0x48, 0x8d, 0x4c, 0x9b, 7, 0x66, 0xba, 0x34, 0x12], &mut s);
    assert_eq!((s.int[3], s.int[1], s.int[2]), (0, 7, 0x1234));
}

#[test]
fn conditions_follow_flags() {
    let mut s = state();
    (s.int[0], s.int[1]) = (3, 5);
    // cmp eax, ecx; setb dl; sbb ebx, ebx; cmovl rsi, rcx; setp dh
    let code = [0x39, 0xc8, 0x0f, 0x92, 0xc2, 0x19, 0xdb, 0x48, 0x0f, 0x4c, 0xf1, 0x0f, 0x9a, 0xc6];
    run(&code, &mut s);
    assert_eq!((s.int[2], s.int[3], s.int[6]), (0x101, 0xffff_ffff, 5));
}

#[test]
fn pushes_and_calls() {
    let mut ram = Ram([0; 256]);
    let mut s = state();
    (s.int[4], s.int[0]) = (Ram::START + 64, 0xabcd);
    // push rax; call +0x10
    let out = eval::run(&translate(&[0x50, 0xe8, 0x10, 0, 0, 0]), &mut s, &mut ram);
    assert_eq!(out, Outcome::Call { pc: PC + 0x16, return_pc: PC + 6 });
    assert_eq!((s.int[4], ram.load(Ram::START + 48, 8)), (Ram::START + 48, Ok((PC + 6).into())));
    // ret
    let out = eval::run(&translate(&[0xc3]), &mut s, &mut ram);
    assert_eq!((out, s.int[4]), (Outcome::Exit(PC + 6), Ram::START + 56));
    // pop qword [rsp]: the address counts from the new stack pointer.
    eval::run(&translate(&[0x8f, 0x04, 0x24]), &mut s, &mut ram);
    assert_eq!((s.int[4], ram.load(Ram::START + 64, 8)), (Ram::START + 64, Ok(0xabcd)));
}

#[test]
fn strings_stop_where_they_fault() {
    let mut ram = Ram([7; 256]);
    let mut s = state();
    (s.int[6], s.int[7], s.int[1]) = (Ram::START, Ram::START + 252, 8);
    // rep movsb
    let out = eval::run(&translate(&[0xf3, 0xa4]), &mut s, &mut ram);
    assert!(matches!(out, Outcome::Fault(fault) if fault.addr == Ram::START + 256));
    assert_eq!((s.int[1], s.int[6], s.pc()), (4, Ram::START + 4, PC));
    // std; repne scasb: downwards to the zero.
    ram.0[16] = 0;
    (s.int[7], s.int[1], s.int[0]) = (Ram::START + 20, 100, 0);
    eval::run(&translate(&[0xfd, 0xf2, 0xae]), &mut s, &mut ram);
    assert_eq!((s.int[7], s.int[1]), (Ram::START + 15, 95));
    assert_eq!(s.six_flags() >> 30 & 1, 1);
}

#[test]
fn divisions_trap() {
    let mut s = state();
    (s.int[0], s.int[2], s.int[1]) = (7, 1, 2);
    // div ecx: 0x1_0000_0007 / 2
    run(&[0xf7, 0xf1], &mut s);
    assert_eq!((s.int[0], s.int[2]), (0x8000_0003, 1));
    (s.int[2], s.int[1]) = (2, 2);
    let trap = |out| matches!(out, Outcome::Trap { kind: ir::state::TRAP_DIVIDE, .. });
    assert!(trap(run(&[0xf7, 0xf1], &mut s)));
    s.int[1] = 0;
    assert!(trap(run(&[0x48, 0xf7, 0xf9], &mut s)) && trap(run(&[0xf6, 0xf1], &mut s)));
    (s.int[0], s.int[2], s.int[1]) = (-7_i64 as u64, u64::MAX, 2);
    run(&[0xf7, 0xf9], &mut s);
    assert_eq!((s.int[0] as i32, s.int[2] as i32), (-3, -1));
    // cqo; idiv rcx
    let code = [0x48, 0x99, 0x48, 0xf7, 0xf9];
    s.int[0] = -7_i64 as u64;
    run(&code, &mut s);
    assert_eq!((s.int[0] as i64, s.int[2] as i64), (-3, -1));
    (s.int[0], s.int[1]) = (1 << 63, u64::MAX);
    assert!(trap(run(&code, &mut s)));
}

#[test]
fn locked_and_compared() {
    let mut ram = Ram([0; 256]);
    let mut s = state();
    (s.int[3], s.int[0], s.int[1]) = (Ram::START + 8, 5, 9);
    ram.0[8] = 5;
    // lock cmpxchg [rbx], ecx; lock xadd [rbx], ecx; lock dec byte [rbx]
    let code = [0xf0, 0x0f, 0xb1, 0x0b, 0xf0, 0x0f, 0xc1, 0x0b, 0xf0, 0xfe, 0x0b];
    eval::run(&translate(&code), &mut s, &mut ram);
    assert_eq!((ram.0[8], s.int[0], s.int[1]), (17, 5, 9));
}

#[test]
fn flags_are_read_and_written() {
    let mut ram = Ram([0; 256]);
    let mut s = state();
    s.int[4] = Ram::START + 64;
    s.int[0] = 0xd5 << 8;
    // sahf; pushf; stc; lahf
    eval::run(&translate(&[0x9e, 0x9c, 0xf9, 0x9f]), &mut s, &mut ram);
    assert_eq!(ram.load(Ram::START + 56, 8), Ok(0x2d7));
    assert_eq!(s.int[0], 0xd7 << 8);
    // popf
    ram.store(Ram::START + 56, 8, 0xcd5).unwrap();
    eval::run(&translate(&[0x9d, 0x9c]), &mut s, &mut ram);
    assert_eq!(ram.load(Ram::START + 56, 8), Ok(0xed7));
}

#[test]
fn undefined_code_traps_where_it_is() {
    let mut s = state();
    // inc eax; (undefined)
    let out = run(&[0xff, 0xc0, 0x0f, 0x04], &mut s);
    assert_eq!(out, Outcome::Trap { kind: ir::state::TRAP_UNDEFINED, arg: 0 });
    assert_eq!((s.int[0], s.pc()), (1, PC + 2));
}

#[test]
fn bytes_are_searched() {
    let mut s = state();
    s.vec[1] = u128::from_le_bytes(*b"anyarch\0\0x\0yz///");
    // pxor xmm0, xmm0; pcmpeqb xmm0, xmm1; pmovmskb eax, xmm0; bsf ecx, eax
    let code =
        [0x66, 0x0f, 0xef, 0xc0, 0x66, 0x0f, 0x74, 0xc1, 0x66, 0x0f, 0xd7, 0xc0, 0x0f, 0xbc, 0xc8];
    run(&code, &mut s);
    assert_eq!((s.int[0], s.int[1]), (0b101_1000_0000, 7));
}

#[test]
fn lanes_are_moved() {
    let mut s = state();
    s.int[0] = 0x1122_3344;
    // movd xmm0, eax; punpcklbw xmm0, xmm0; pshuflw xmm1, xmm0, 0x1b; pshufd xmm2, xmm0, 0
    let code = [
        0x66, 0x0f, 0x6e, 0xc0, 0x66, 0x0f, 0x60, 0xc0, 0xf2, 0x0f, 0x70, 0xc8, 0x1b, 0x66, 0x0f,
        0x70, 0xd0, 0,
    ];
    run(&code, &mut s);
    assert_eq!(s.vec[1], 0x4444_3333_2222_1111);
    assert_eq!(s.vec[2], 0x3333_4444_3333_4444_3333_4444_3333_4444);
    // pslldq xmm0, 8; psrlq xmm0, 4; shufps xmm2, xmm0, 0xee
    let code = [0x66, 0x0f, 0x73, 0xf8, 8, 0x66, 0x0f, 0x73, 0xd0, 4, 0x0f, 0xc6, 0xd0, 0xee];
    run(&code, &mut s);
    assert_eq!(s.vec[0], 0x0111_1222_2333_3444_u128 << 64);
    assert_eq!(s.vec[2], 0x0111_1222_2333_3444_3333_4444_3333_4444);
}

#[test]
fn doubles_are_computed_and_compared() {
    let mut s = state();
    let upper = 7_u128 << 64;
    s.vec[0] = u128::from(1.5_f64.to_bits()) | upper;
    s.int[0] = -3_i64 as u64;
    // cvtsi2sd xmm1, rax; mulsd xmm0, xmm1; cvttsd2si ecx, xmm0; ucomisd xmm0, xmm1; seta dl
    let code = [
        0xf2, 0x48, 0x0f, 0x2a, 0xc8, 0xf2, 0x0f, 0x59, 0xc1, 0xf2, 0x0f, 0x2c, 0xc8, 0x66, 0x0f,
        0x2e, 0xc1, 0x0f, 0x97, 0xc2,
    ];
    run(&code, &mut s);
    assert_eq!(s.vec[0], u128::from((-4.5_f64).to_bits()) | upper);
    assert_eq!((s.int[1], s.int[2]), (0xffff_fffc, 0));
    // divsd xmm0, xmm2 (zero); ucomisd xmm3 (NaN), xmm3; setp al; cvttsd2si ecx, xmm3
    s.vec[3] = f64::NAN.to_bits().into();
    let code =
        [0xf2, 0x0f, 0x5e, 0xc2, 0x66, 0x0f, 0x2e, 0xdb, 0x0f, 0x9a, 0xc0, 0xf2, 0x0f, 0x2c, 0xcb];
    run(&code, &mut s);
    assert_eq!(s.vec[0] as u64, f64::NEG_INFINITY.to_bits());
    assert_eq!((s.int[0] & 0xff, s.int[1]), (1, 0x8000_0000));
    // Zero divide, invalid and inexact.
    assert_eq!(crate::control::mxcsr(&s) & 0x3f, 0x25);
}

/// Memory for operations of the runtime.
impl guest::Space for Ram {
    fn load(&mut self, addr: u64, out: &mut [u8]) -> Result<(), guest::MemFault> {
        let fault = |fault: MemFault| guest::MemFault { addr: fault.addr, write: false };
        out.copy_from_slice(&self.0[Self::range(addr, out.len(), false).map_err(fault)?]);
        Ok(())
    }
    fn store(&mut self, addr: u64, bytes: &[u8]) -> Result<(), guest::MemFault> {
        let fault = |fault: MemFault| guest::MemFault { addr: fault.addr, write: true };
        self.0[Self::range(addr, bytes.len(), true).map_err(fault)?].copy_from_slice(bytes);
        Ok(())
    }
}

/// Executes instructions that all leave for the runtime, with their memory.
fn run_x87(code: &[u8], s: &mut State, ram: &mut Ram) {
    let guest = X86_64::new(Cpu::MAX);
    let mut pc = PC;
    while pc < PC + code.len() as u64 {
        let mut block = Block::default();
        let mode = Mode { single: true, ..Mode::default() };
        guest.translate(&mut Bytes { start: PC, code }, pc, mode, &mut block);
        ir::verify(&block).unwrap();
        let Outcome::Runtime { op, args } = eval::run(&block, s, ram) else {
            panic!("at {pc:#x}");
        };
        assert_eq!(guest.runtime(op as u32, args, s, ram), guest::Effect::None);
        pc = s.pc();
    }
}

#[test]
fn the_stack_of_the_x87() {
    let mut ram = Ram([0; 256]);
    let mut s = state();
    s.int[3] = Ram::START;
    ram.0[..4].copy_from_slice(&(-7_i32).to_le_bytes());
    ram.0[8..16].copy_from_slice(&0.5_f64.to_le_bytes());
    // fild dword [rbx]; fld qword [rbx+8]; fdivp st(1), st; fstp qword [rbx+16]
    run_x87(&[0xdb, 0x03, 0xdd, 0x43, 8, 0xde, 0xf9, 0xdd, 0x5b, 16], &mut s, &mut ram);
    assert_eq!(ram.0[16..24], (-14.0_f64).to_le_bytes());
    assert_eq!(s.int[usize::from(crate::state::SLOT_X87_TAGS)], 0);
    // fld1; fldz; fsubrp st(1), st; fchs; fld st(0); fstp tbyte [rbx+32]; fistp word [rbx+48]
    let code = [
        0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xe1, 0xd9, 0xe0, 0xd9, 0xc0, 0xdb, 0x7b, 32, 0xdf, 0x5b, 48,
    ];
    run_x87(&code, &mut s, &mut ram);
    assert_eq!(ram.0[32..42], [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f]);
    assert_eq!(ram.0[48..50], [1, 0]);
    // fld1; fldz; fucomip st, st(1); fnstcw [rbx+56]; fstp st(0); fstp st(0): of an empty register
    let code = [0xd9, 0xe8, 0xd9, 0xee, 0xdf, 0xe9, 0xd9, 0x7b, 56, 0xdd, 0xd8, 0xdd, 0xd8];
    run_x87(&code, &mut s, &mut ram);
    // (Less: only the carry, which is inverted.)
    assert_eq!((s.six_flags(), ram.0[56], ram.0[57]), (0, 0x7f, 3));
    assert_eq!(s.int[usize::from(crate::state::SLOT_X87_STATUS)] & 0x41, 0x41);
}

#[test]
fn trailing_zeros_without_the_feature() {
    let mut s = state();
    (s.int[0], s.int[1]) = (0, 77);
    let code = [0xf3, 0x0f, 0xbc, 0xc8];
    let translated = |cpu: Cpu, s: &mut State| {
        let mut block = Block::default();
        let mut fetch = Bytes { start: PC, code: &code };
        X86_64::new(cpu).translate(&mut fetch, PC, Mode::default(), &mut block);
        eval::run(&block, s, &mut NoMemory);
        s.int[1]
    };
    let older = Cpu { features: Features::NONE, ..Cpu::DEFAULT };
    assert_eq!(translated(older, &mut s), 77);
    assert_eq!(translated(Cpu::MAX, &mut s), 32);
}

#[test]
fn remainders() {
    let mut ram = Ram([0; 256]);
    let mut s = state();
    s.int[3] = Ram::START;
    (ram.0[0], ram.0[2]) = (5, 17);
    // fild word [rbx]; fild word [rbx+2]; fprem; fistp word [rbx+4]
    run_x87(&[0xdf, 0x03, 0xdf, 0x43, 2, 0xd9, 0xf8, 0xdf, 0x5b, 4], &mut s, &mut ram);
    // 17 = 3 * 5 + 2: the quotient's bits are in C3 and C1, of which C1 is cleared by the store.
    assert_eq!(ram.0[4], 2);
    assert_eq!(s.int[usize::from(crate::state::SLOT_X87_STATUS)] & 0x4500, 0x4000);
}

#[test]
fn nothing_follows_a_store_in_code_that_may_change() {
    let guest = X86_64::new(Cpu::MAX);
    let mut seed = 1_u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mode = Mode { changing: true, ..Mode::default() };
    let stores = |op: &ir::Op| {
        use ir::OpCode::{Cas, Rmw, St, StEx, StV};
        matches!(op.code, Cas | Rmw | St | StEx | StV)
    };
    let (mut block, mut stored) = (Block::default(), 0);
    for n in 0..60_000 {
        // An instruction with such prefixes as open the other maps of opcodes; then some that go on.
        let prefixes: [&[u8]; 8] = [
            &[],
            &[0x48],
            &[0x0f],
            &[0x66, 0x0f],
            &[0xf3, 0x0f],
            &[0x66, 0x0f, 0x38],
            &[0xc4, 0xe2, 0x79],
            &[0xc5, 0xf8],
        ];
        let mut code = prefixes[n % prefixes.len()].to_vec();
        code.extend(random().to_le_bytes());
        code.extend([0x90; 24]);
        block.clear();
        guest.translate(&mut Bytes { start: PC, code: &code }, PC, mode, &mut block);
        let Some(first) = block.ops.iter().position(stores) else { continue };
        let follows = block.ops[first..].iter().any(|op| op.code == ir::OpCode::Insn);
        assert!(!follows, "{code:x?}");
        stored += 1;
    }
    assert!(stored > 5_000, "{stored}");
}

#[test]
fn exchanging_with_what_is_compared() {
    let mut s = state();
    (s.int[0], s.int[1]) = (0xe6, 0x4600);
    // cmpxchg al, ch: al is equal to itself.
    run(&[0x0f, 0xb0, 0xe8], &mut s);
    assert_eq!((s.int[0], s.six_flags() >> 30 & 1), (0x46, 1));
}

#[test]
fn a_pause_of_another_register_exchanges() {
    let mut s = state();
    (s.int[0], s.int[8]) = (1, 2);
    // f3 41 90: xchg r8d, eax
    run(&[0xf3, 0x41, 0x90], &mut s);
    assert_eq!((s.int[0], s.int[8]), (2, 1));
}

#[test]
fn frames_of_nested_procedures() {
    let mut ram = Ram([0; 256]);
    let mut s = state();
    (s.int[4], s.int[5]) = (Ram::START + 128, Ram::START + 200);
    ram.0[192..200].copy_from_slice(&0x77_u64.to_le_bytes());
    // enter 16, 2
    eval::run(&translate(&[0xc8, 16, 0, 2]), &mut s, &mut ram);
    assert_eq!((s.int[4], s.int[5]), (Ram::START + 88, Ram::START + 120));
    let pushed = [120, 112, 104].map(|at| ram.load(Ram::START + at, 8).unwrap());
    assert_eq!(pushed, [Ram::START + 200, 0x77, Ram::START + 120].map(u128::from));
}

#[test]
fn mmx_raises_what_is_pending() {
    let mut s = state();
    let status = usize::from(crate::state::SLOT_X87_STATUS);
    // Division by zero, which is not masked.
    s.int[status] = 0x84;
    s.int[usize::from(crate::state::SLOT_X87_CONTROL)] = 0x37b;
    // movq mm0, mm1
    let block = translate(&[0x0f, 0x6f, 0xc1]);
    let out = eval::run(&block, &mut s, &mut NoMemory);
    // FPE_FLTDIV
    assert!(matches!(out, Outcome::Trap { kind: ir::state::TRAP_FLOAT, arg: 3 }), "{out:?}");
    s.int[status] = 0;
    assert!(matches!(eval::run(&block, &mut s, &mut NoMemory), Outcome::Exit(_)));
}

#[test]
fn segments_are_loaded_from_memory() {
    let mut ram = Ram([0; 256]);
    let mut s = state();
    (s.int[0], s.int[usize::from(ir::state::SLOT_TP)]) = (Ram::START, 0x1234);
    ram.0[..4].copy_from_slice(&0x5678_u32.to_le_bytes());
    // lfs ecx, [rax]
    eval::run(&translate(&[0x0f, 0xb4, 0x08]), &mut s, &mut ram);
    assert_eq!((s.int[1], s.int[usize::from(ir::state::SLOT_TP)]), (0x5678, 0));
    // Of the kernel's code.
    ram.0[4] = 0x10;
    let out = eval::run(&translate(&[0x0f, 0xb4, 0x08]), &mut s, &mut ram);
    assert!(matches!(out, Outcome::Trap { kind: ir::state::TRAP_PROTECTION, .. }));
}
