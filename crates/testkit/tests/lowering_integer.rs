//! Lowered code against the evaluator: integer, memory, flag and control operations in random
//! sequences, with branches, loops and faults, in every combination of pinned and other registers.

mod random;

use engine::testing::Runner;
use engine::{FeatureLevel, Options};
use eval::{MemFault, Memory};
use guest::Guest;
use ir::Order;
use ir::state::{FIRST_VEC, SLOT_EX_ADDR, exit, flag};
use ir::{
    Access, Block, Builder, Cond, Exit, ExitKind, Modifier, Op, OpCode as O, Ref, SWAP, State, Ty,
    WRAP32,
};

use self::random::Random;

const GUEST: &dyn Guest = &guest_aarch64::Aarch64::PLAIN;
const PC: u64 = 0x10000;
/// Slots that operations read and write: pinned and not.
const SLOTS: [u16; 12] = [0, 1, 2, 3, 19, 7, 8, 9, 10, 22, 23, 30];
/// Points into the buffer; one pinned, one not.
const BASES: [u16; 2] = [4, 11];
/// Points where nothing is.
const NOWHERE: u16 = 12;
/// Counts loops.
const COUNTER: u16 = 5;
const BUFFER: usize = 256;
/// Vector registers, counted from the first one: pinned and not.
const VECTORS: [u16; 4] = [0, 1, 20, 22];

/// A page below 4 GiB, so that 32-bit addresses reach it.
fn low_page() -> u64 {
    let (access, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let flags = flags | libc::MAP_32BIT;
    let args = [0, 4096, access as u64, flags as u64, u64::MAX, 0];
    sys::raw::call(libc::SYS_mmap, args).expect("a page")
}

/// What is in the buffer at `base`.
fn contents(base: u64) -> Vec<u8> {
    memory::read_vec(base, BUFFER).expect("the buffer")
}

impl Random {
    fn slot(&mut self) -> Ref {
        Ref::slot(self.pick(&SLOTS))
    }
    fn operand(&mut self, b: &mut Builder<'_>) -> Ref {
        if self.below(4) == 0 {
            let v = self.int();
            b.iconst(v)
        } else {
            self.slot()
        }
    }
    fn cond(&mut self) -> Cond {
        Cond::from_u8(self.below(14) as u8)
    }
}

/// The evaluator's view of the buffer.
struct Shadow {
    base: u64,
    bytes: Vec<u8>,
}

impl Shadow {
    fn at(&self, addr: u64, size: usize, write: bool) -> Result<usize, MemFault> {
        let n = addr.wrapping_sub(self.base) as usize;
        if n < BUFFER && n + size <= BUFFER {
            return Ok(n);
        }
        Err(MemFault { addr, alignment: false, write })
    }
}

impl Memory for Shadow {
    fn load(&mut self, addr: u64, size: usize) -> Result<u128, MemFault> {
        let n = self.at(addr, size, false)?;
        let mut v = [0; 16];
        v[..size].copy_from_slice(&self.bytes[n..n + size]);
        Ok(u128::from_le_bytes(v))
    }
    fn store(&mut self, addr: u64, size: usize, value: u128) -> Result<(), MemFault> {
        let n = self.at(addr, size, true)?;
        self.bytes[n..n + size].copy_from_slice(&value.to_le_bytes()[..size]);
        Ok(())
    }
}

const UNARY: [O; 19] = [
    O::Mov,
    O::Not,
    O::Clz,
    O::Cls,
    O::Ctz,
    O::Popcnt,
    O::Abs,
    O::Rbit,
    O::Rev,
    O::Rev16,
    O::SExt8,
    O::SExt16,
    O::ZExt8,
    O::ZExt16,
    O::Mov,
    O::OrcB,
    O::Brev8,
    O::OrcB,
    O::Brev8,
];
const MODIFIED: [O; 12] = [
    O::Add,
    O::Sub,
    O::And,
    O::Or,
    O::Xor,
    O::AndNot,
    O::OrNot,
    O::XorNot,
    O::AddS,
    O::SubS,
    O::AndS,
    O::AndNotS,
];
/// Operations with a division rule.
const DIVISIONS: [O; 4] = [O::DivS, O::DivU, O::RemS, O::RemU];
/// Of three operands.
const TERNARY: [O; 6] =
    [O::DivWideU, O::RemWideU, O::DivWideS, O::RemWideS, O::DivWideBad, O::SelCmp];
const BINARY: [O; 19] = [
    O::Mul,
    O::Shl,
    O::Shr,
    O::Sar,
    O::Ror,
    O::MaxS,
    O::MinS,
    O::MaxU,
    O::MinU,
    O::Adc,
    O::Sbc,
    O::AdcS,
    O::SbcS,
    O::Mul,
    O::ClMul,
    O::ClMulH,
    O::ClMulR,
    O::Xperm4,
    O::Xperm8,
];
const LONG: [O; 8] =
    [O::MulHiS, O::MulHiU, O::MulHiSU, O::MulWideS, O::MulWideU, O::SExt32, O::Rev32, O::MulWideU];
const FIELDS: [O; 6] = [O::Ubfx, O::Sbfx, O::Ubfiz, O::Sbfiz, O::Bfi, O::Bfxil];
const SELECTS: [O; 4] = [O::Sel, O::SelInc, O::SelInv, O::SelNeg];

fn modifier(r: &mut Random, bits: usize) -> Modifier {
    let n = r.below(bits) as u8;
    let m = r.below(5) as u8;
    match r.below(16) {
        0 | 1 => Modifier::Lsl(n),
        2 => Modifier::Lsr(n),
        3 => Modifier::Asr(n),
        4 => Modifier::Ror(n),
        5 => Modifier::Uxtb(m),
        6 => Modifier::Sxth(m),
        7 => Modifier::Uxtw(m),
        8 => Modifier::Sxtw(m),
        9 => Modifier::Lsl(m),
        _ => Modifier::None,
    }
}

/// A pure operation with result `dst`.
fn pure_op(r: &mut Random, b: &mut Builder<'_>, dst: Ref) -> Op {
    let ty = r.pick(&[Ty::I64, Ty::I32]);
    let bits = ty.bits() as usize;
    let mut op = Op::new(O::Mov, ty);
    op.dst = dst;
    op.a = r.operand(b);
    match r.below(14) {
        12 => {
            op.code = r.pick(&DIVISIONS);
            op.b = r.operand(b);
            op.aux = r.below(2) as u16;
        }
        13 => {
            op.code = r.pick(&TERNARY);
            op.b = r.operand(b);
            op.c = r.operand(b);
            if op.code == O::SelCmp {
                op.aux = r.pick(&[0, 1, 2, 3, 8, 9, 10, 11, 12, 13]);
                op.dst = dst;
            } else if r.below(2) == 0 {
                // A quotient that fits.
                op.c = b.iconst(r.below(3) as u64);
            }
        }
        0 => op.code = r.pick(&UNARY),
        1..5 => {
            op.code = r.pick(&MODIFIED);
            op.b = r.operand(b);
            op.aux = modifier(r, bits).encode();
            if op.code.writes_flags() && r.below(2) == 0 {
                op.dst = Ref::NONE;
            }
        }
        5 => {
            op.code = r.pick(&BINARY);
            op.b = r.operand(b);
        }
        6 => {
            op.code = r.pick(&LONG);
            op.ty = Ty::I64;
            op.b = r.operand(b);
        }
        7 => {
            op.code = r.pick(&FIELDS);
            let lsb = r.below(bits);
            let width = match r.below(3) {
                0 => r.pick(&[8, 16, 32]).min(bits - lsb),
                _ => 1 + r.below(bits - lsb),
            };
            op.aux = (lsb | width << 8) as u16;
            op.b = r.operand(b);
        }
        8 => {
            op.code = O::Extr;
            op.b = if r.below(3) == 0 { op.a } else { r.operand(b) };
            op.aux = r.below(bits) as u16;
        }
        9 => {
            op.code = r.pick(&SELECTS);
            op.b = r.operand(b);
            op.aux = r.cond() as u16;
        }
        10 => {
            op.code = r.pick(&[O::SetCond, O::SetMask, O::SetCmp, O::ReadFlags, O::WriteFlags]);
            op.aux = r.cond() as u16;
            if op.code == O::SetCmp {
                op.aux = r.pick(&[0, 1, 2, 3, 8, 9, 10, 11, 12, 13]);
                op.b = r.operand(b);
            }
            if op.code == O::WriteFlags {
                op.dst = Ref::NONE;
            }
            if op.code == O::ReadFlags {
                op.ty = Ty::I64;
            }
        }
        _ => {
            op.code = r.pick(&[O::CcmpSub, O::CcmpAdd, O::Crc32c, O::Crc32]);
            op.b = r.operand(b);
            if op.code == O::Crc32 || op.code == O::Crc32c {
                op.aux = r.below(4) as u16;
                op.ty = if op.aux == 3 { Ty::I64 } else { Ty::I32 };
            } else {
                op.dst = Ref::NONE;
                op.aux = r.cond() as u16 | (r.below(16) as u16) << 8;
                if r.below(2) == 0 {
                    op.b = b.iconst(r.below(32) as u64);
                }
            }
        }
    }
    op
}

/// A memory operation with result `dst`.
fn memory_op(r: &mut Random, b: &mut Builder<'_>, dst: Ref, wrap: bool) {
    let base = Ref::slot(if r.below(40) == 0 { NOWHERE } else { r.pick(&BASES) });
    let size = r.below(4) as u8;
    let disp = (r.below(8) * 8) as i32;
    let swap = r.below(3) == 0;
    let mut access = Access { swap, wrap32: wrap, ..Access::new(size) };
    let index = match r.below(4) {
        0 => {
            access.shift = r.below(5) as u8;
            access.ext = r.below(3) as u8;
            b.iconst(r.below(4) as u64)
        }
        1 => {
            // A small index made on the way.
            let t = b.temp();
            let s = r.slot();
            let three = b.iconst(3);
            b.bin(O::And, Ty::I64, t, s, three);
            access.shift = r.below(5) as u8;
            access.ext = r.below(3) as u8;
            t
        }
        _ => Ref::NONE,
    };
    let mut op = Op::new(O::Rmw, Ty::I64);
    (op.dst, op.a, op.aux) = (dst, base, u16::from(size) | access.encode() & (SWAP | WRAP32));
    match r.below(10) {
        8 => {
            access.size = r.below(5) as u8;
            let to = Ref::slot(FIRST_VEC + r.pick(&VECTORS));
            return b.ld_v(to, base, index, disp, access);
        }
        9 => {
            access.size = r.below(5) as u8;
            let value = Ref::slot(FIRST_VEC + r.pick(&VECTORS));
            return b.st_v(value, base, index, disp, access);
        }
        0..3 => {
            if size < 3 {
                access.sext = r.pick(&[0, 32, 64]);
                if size == 2 && access.sext == 32 {
                    access.sext = 64;
                }
            }
            access.aligned = r.below(3) == 0;
            return b.ld(dst, base, index, disp, access);
        }
        3..5 => {
            access.aligned = r.below(3) == 0;
            access.order = r.pick(&[Order::Relaxed, Order::Release]);
            let value = r.operand(b);
            return b.st(value, base, index, disp, access);
        }
        5 => {
            op.b = r.operand(b);
            op.aux |= (r.below(10) as u16) << 8;
            if r.below(2) == 0 {
                op.dst = Ref::NONE;
            }
        }
        6 => {
            op.code = O::Cas;
            op.b = r.operand(b);
            op.c = r.operand(b);
        }
        _ => {
            op.code = r.pick(&[O::LdEx, O::StEx, O::StEx]);
            op.b = r.operand(b);
        }
    }
    b.push(op);
}

fn instruction(r: &mut Random, b: &mut Builder<'_>, wrap: bool) {
    let dst = r.slot();
    match r.below(5) {
        0 => memory_op(r, b, dst, wrap),
        1 => {
            // By way of a temporary.
            let t = b.temp();
            let mut first = pure_op(r, b, t);
            if first.dst.is_none() {
                first = Op { code: O::Mov, aux: 0, dst: t, b: Ref::NONE, ..first };
            }
            b.push(first);
            let mut second = pure_op(r, b, dst);
            second.a = t;
            if r.below(3) == 0 && !second.b.is_none() {
                second.b = t;
            }
            b.push(second);
        }
        _ => {
            let op = pure_op(r, b, dst);
            b.push(op);
        }
    }
}

/// With `wrap`, addresses count modulo 2^32.
fn block(r: &mut Random, wrap: bool) -> Block {
    let mut block = Block { pc: PC, ..Block::default() };
    let mut b = Builder::new(&mut block);
    let mut offset = 0;
    let mut open = Vec::new();
    let labels = r.below(3) == 0;
    for _ in 0..1 + r.below(10) {
        b.insn(offset);
        offset += 4;
        instruction(r, &mut b, wrap);
        if r.below(5) == 0 {
            b.insn(offset);
            offset += 4;
            let dest = if labels && r.below(2) == 0 {
                let label = b.label();
                open.push(label);
                label
            } else {
                let pc = PC + 0x1000 + u64::from(offset);
                b.exit(Exit { pc, kind: ExitKind::Jump, flags_dead: false })
            };
            let x = r.slot();
            match r.below(3) {
                0 => b.br_cond(r.cond(), dest),
                1 => {
                    let cond = Cond::from_u8(r.pick(&[0, 1, 2, 3, 8, 9, 10, 11, 12, 13]));
                    let y = r.operand(&mut b);
                    b.br_cmp(r.pick(&[Ty::I32, Ty::I64]), cond, x, y, dest);
                }
                _ => b.br_bit(x, r.below(64) as u8, r.below(2) == 0, dest),
            }
        }
        if r.below(3) == 0
            && let Some(label) = open.pop()
        {
            b.insn(offset);
            offset += 4;
            b.place(label);
        }
    }
    for label in open {
        b.insn(offset);
        offset += 4;
        b.place(label);
    }
    if r.below(3) == 0 {
        // Count and go back to the start.
        let again = b.exit(Exit { pc: PC, kind: ExitKind::Jump, flags_dead: false });
        let counter = Ref::slot(COUNTER);
        let one = b.iconst(1);
        let zero = b.iconst(0);
        let compare = r.below(2) == 0;
        b.insn(offset);
        if compare {
            b.bin(O::Sub, Ty::I64, counter, counter, one);
            b.insn(offset + 4);
            b.bin(O::SubS, Ty::I64, Ref::NONE, counter, zero);
        } else {
            b.bin(O::SubS, Ty::I64, counter, counter, one);
        }
        b.insn(offset + 8);
        b.push(Op::new(O::Poll, Ty::I64));
        b.br_cond(r.pick(&[Cond::Ne, Cond::Gt, Cond::Hi]), again);
        offset += 12;
    }
    let e = b.exit(Exit { pc: PC + 0x2000, kind: ExitKind::Jump, flags_dead: false });
    b.exit_direct(e);
    block.len = offset;
    if r.below(4) == 0 {
        // Addresses are computed before they are used.
        let insns = block.ops.iter().filter(|o| o.code == O::Insn);
        block.tagged = insns.map(|o| o.imm as u32).collect();
    }
    block
}

fn copy(s: &State) -> State {
    let mut c = State::new();
    c.int = s.int;
    c.vec = s.vec;
    c.flags = s.flags;
    c
}

fn check(runner: &mut Runner, block: &Block, start: &State, base: u64) {
    let bytes = contents(base);
    let mut got = copy(start);
    let left = loop {
        let left = runner.run(block, &mut got);
        if left.reason != exit::LINK || got.pc() != PC {
            break left;
        }
    };
    let mut want = copy(start);
    let mut mem = Shadow { base, bytes };
    while let eval::Outcome::Exit(PC) = eval::run(block, &mut want, &mut mem) {}
    let show = || format!("{left:x?} {block:#?}\nfrom {:x?}", &start.int[..32]);
    if left.reason == exit::INTERPRET {
        // Misaligned: the evaluator goes on from there, and must have come the same way.
        let mut rest = block.clone();
        let at = |o: &Op| o.code == O::Insn && PC + o.imm as u64 == got.pc();
        let n = rest.ops.iter().position(at).expect("an instruction");
        rest.ops.drain(..n);
        let mut now = Shadow { base, bytes: contents(base) };
        let mut outcome = eval::run(&rest, &mut got, &mut now);
        while let eval::Outcome::Exit(PC) = outcome {
            outcome = eval::run(block, &mut got, &mut now);
        }
        memory::write(base, &now.bytes).expect("the buffer");
    }
    assert_eq!(got.pc(), want.pc(), "pc {}", show());
    for i in SLOTS.into_iter().chain(BASES).chain([COUNTER, SLOT_EX_ADDR]) {
        let i = usize::from(i);
        assert_eq!(got.int[i], want.int[i], "x{i} {}", show());
    }
    assert_eq!(flag::to_nzcv(got.flags), want.nzcv(), "flags {}", show());
    for n in VECTORS.map(usize::from) {
        assert_eq!(got.vec[n], want.vec[n], "v{n} {}", show());
    }
    assert_eq!(contents(base), mem.bytes, "memory {}", show());
}

fn run(level: FeatureLevel, seed: u64, rounds: usize) {
    const { assert!(NOWHERE < FIRST_VEC) };
    let options = Options { features: level, cache_size: 64 << 20, ..Options::default() };
    let mut runner = Runner::new(GUEST, options).expect("a runner");
    let mut r = Random(seed);
    let buffer = low_page();
    for _ in 0..rounds {
        let wrap = r.below(3) == 0;
        let block = block(&mut r, wrap);
        for _ in 0..2 {
            let bytes: Vec<u8> = (0..BUFFER / 8).flat_map(|_| r.int().to_le_bytes()).collect();
            memory::write(buffer, &bytes).expect("the buffer");
            let mut state = State::new();
            for n in SLOTS {
                state.int[usize::from(n)] = r.int();
            }
            for n in BASES {
                let skew = if r.below(8) == 0 { 1 } else { 0 };
                let above = if wrap { r.next() << 32 } else { 0 };
                state.int[usize::from(n)] = (buffer + 64 + skew) | above;
            }
            for n in VECTORS.map(usize::from) {
                state.vec[n] = u128::from(r.next()) << 64 | u128::from(r.int());
            }
            state.int[usize::from(NOWHERE)] = 0x100;
            state.int[usize::from(COUNTER)] = 1 + r.below(4) as u64;
            state.set_nzcv((r.next() as u32) << 28);
            check(&mut runner, &block, &state, buffer);
        }
    }
}

#[test]
fn with_all_features() {
    run(FeatureLevel::Auto, 0x9e37_79b9_7f4a_7c15, 30_000);
}

#[test]
fn without_bmi() {
    run(FeatureLevel::Sse42, 0x1234_5678_9abc_def1, 30_000);
}
