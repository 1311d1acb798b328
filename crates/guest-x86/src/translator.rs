//! The translator of one block, and what the instruction functions share.
//!
//! A block has one entry and is at most 64 instructions of straight-line code: it continues past
//! conditional branches and from one arm of an if-else to the other, and ends at everything else
//! that leaves, and at the end of the page. Direct branches to instructions of the same block stay
//! inside it.

use crate::behind;
use crate::cpu::Cpu;
use crate::decode::{Feature, Insn};
use crate::generated::dispatch::dispatch;
use crate::liveness;
use crate::scan::{self, Next, Scan};
use guest::block::BLOCK_INSNS_MAX;
use guest::{Fetch, Flow, Key, Mode};
use ir::state::{TRAP_PROTECTION, TRAP_UNDEFINED};
use ir::{Block, Builder, Cond, Exit, ExitKind, OpCode, Ref, Ty};
use softfloat::rules::SSE;
use std::cell::Cell;

/// Translates one block.
pub struct Translator<'a> {
    /// Where operations are appended.
    pub ir: Builder<'a>,
    /// Guest address of the instruction being translated.
    pub pc: u64,
    /// That of the next one.
    pub(crate) next_pc: u64,
    /// Flags that are of interest behind the instruction.
    pub(crate) live: u16,
    /// The processor.
    pub(crate) cpu: &'a Cpu,
    /// What is said of the pages of code.
    pub(crate) fetch: &'a mut dyn Fetch,
    /// Guest address of the first instruction.
    start: u64,
    scan: &'a Scan,
    /// [`Mode::changing`].
    changing: bool,
    /// Bit n: instruction n is the destination of a branch of this block.
    targets: u64,
    /// The number of this instruction.
    number: usize,
    /// For the evaluator: the runtime ends the block.
    pub(crate) evaluated: bool,
    /// It is one instruction, of which one repetition is executed.
    pub(crate) single: bool,
    /// What the translation depends on besides.
    pub(crate) key: Key,
    /// Bit n: the upper half of vector register n is zero.
    pub(crate) clear_highs: u16,
}

thread_local! {
    /// Kept from block to block to save allocations.
    static SCAN: Cell<Scan> = Cell::default();
}

impl Translator<'_> {
    /// Whether the processor lacks `feature`.
    #[inline]
    pub(crate) fn lacks(&self, feature: Feature) -> bool {
        !self.cpu.has(feature)
    }
    /// A constant (integer, or the low half of a vector).
    pub fn imm(&mut self, v: u64) -> Ref {
        self.ir.iconst(v)
    }
    /// A fresh temporary (integer or vector).
    pub fn temp(&mut self) -> Ref {
        self.ir.temp()
    }
    /// Whether one of `flags` is of interest behind the instruction.
    pub(crate) fn wants(&self, flags: u16) -> bool {
        self.live & flags != 0
    }
    /// Whether no flags are of interest behind it.
    pub(crate) fn flagless(&self) -> bool {
        !self.wants(liveness::ALL)
    }
    /// A temporary for `code(a, b)`.
    pub(crate) fn make(&mut self, code: OpCode, ty: Ty, a: Ref, b: Ref) -> Ref {
        let t = self.temp();
        self.ir.bin(code, ty, t, a, b);
        t
    }
    /// The same with a constant.
    pub(crate) fn make_imm(&mut self, code: OpCode, ty: Ty, a: Ref, b: u64) -> Ref {
        let b = self.imm(b);
        self.make(code, ty, a, b)
    }
    /// A temporary for `code(a)` with `aux`.
    pub(crate) fn make_un(&mut self, code: OpCode, ty: Ty, a: Ref, aux: u16) -> Ref {
        let t = self.temp();
        self.ir.un_aux(code, ty, t, a, aux);
        t
    }

    /// Where a branch to `pc` goes: a label of this block or an exit.
    pub(crate) fn dest(&mut self, pc: u64) -> i32 {
        let number = self.scan.number(pc.wrapping_sub(self.start));
        let number = number.filter(|&number| number > self.number || !self.changing);
        match number.and_then(|n| self.label_of(n)) {
            Some(label) => label,
            None => self.exit_to(pc, ExitKind::Jump),
        }
    }
    /// The label of instruction `number`, if it has one.
    fn label_of(&self, number: usize) -> Option<i32> {
        let is_target = self.targets >> number & 1 != 0;
        is_target.then(|| (self.targets & ((1 << number) - 1)).count_ones() as i32)
    }
    /// Whether the block goes on after an unconditional branch from here to `pc`.
    pub(crate) fn goes_on_after_branch(&self, pc: u64) -> bool {
        let target = self.scan.number(pc.wrapping_sub(self.start));
        self.number + 1 < self.scan.insns.len()
            && target.is_some_and(|target| self.scan.over_reachable(self.number, target))
    }
    /// Registers an exit.
    pub(crate) fn exit_to(&mut self, pc: u64, kind: ExitKind) -> i32 {
        // (Flags that the block does not write need not be known to be dead. Where code may change, only
        // that of the block is compared.)
        let writes = self.targets != 0 || self.ir.block.writes_flags;
        let matter = writes && !self.evaluated && !self.changing;
        let flags_dead = matter && behind::dead_at(self.cpu, self.fetch, self.start, pc);
        self.ir.exit(Exit { pc, kind, flags_dead })
    }
    /// A point where signals are delivered, if a branch to `pc` goes backward: else a loop could
    /// not be interrupted.
    pub(crate) fn poll_if_backward(&mut self, pc: u64) {
        if pc <= self.pc {
            self.poll();
        }
    }
    /// A point where signals are delivered.
    pub(crate) fn poll(&mut self) {
        self.ir.poll();
    }
    /// Raises a trap at this instruction.
    pub(crate) fn trap(&mut self, kind: u16, argument: i32) -> Flow {
        self.ir.trap(kind, argument);
        Flow::End
    }
    /// Raises a trap unless `a` is `b`.
    pub(crate) fn check(&mut self, kind: u16, a: Ref, b: Ref) {
        self.ir.emit(OpCode::Check, Ty::I64, Ref::NONE, a, b, Ref::NONE, kind, 0);
    }
    /// Leaves to run operation `number` of [`crate::runtime`].
    pub(crate) fn runtime(&mut self, number: u32, a: Ref, b: Ref) -> Flow {
        self.ir.runtime(number, a, b);
        Flow::End
    }

    /// The same, but the block goes on, unless the evaluator runs it: for operations that change no more than registers
    /// that are not known to be zero.
    pub(crate) fn call_runtime(&mut self, number: u32, a: Ref, b: Ref) -> Flow {
        if self.evaluated {
            return self.runtime(number, a, b);
        }
        let none = Ref::NONE;
        self.ir.emit(OpCode::RuntimeCall, Ty::I64, none, a, b, none, 0, number as i32);
        Flow::Next
    }

    /// Turns branches to labels that were never placed into exits: the block ended before them.
    fn resolve_labels(&mut self, insns: usize) {
        let placed = if insns >= 64 { u64::MAX } else { (1 << insns) - 1 };
        if self.targets & !placed == 0 {
            return;
        }
        let unplaced = (self.targets & placed).count_ones()..self.targets.count_ones();
        let last = self.ir.block.ops.len() - 1;
        for i in 0..=last {
            let op = self.ir.block.ops[i];
            if !op.code.branches() || op.imm < 0 || !unplaced.contains(&(op.imm as u32)) {
                continue;
            }
            let mut rest = self.targets;
            for _ in 0..op.imm {
                rest &= rest - 1;
            }
            let target = &self.scan.insns[rest.trailing_zeros() as usize];
            let pc = self.start.wrapping_add(target.at.into());
            let dest = self.exit_to(pc, ExitKind::Jump);
            let op = &mut self.ir.block.ops[i];
            op.imm = dest;
            if op.code == OpCode::Br && i == last {
                op.code = OpCode::ExitDirect;
            } else if op.code == OpCode::Br {
                // Only the last operation may leave unconditionally.
                op.code = OpCode::BrCond;
                op.aux = Cond::Al as u16;
            }
        }
    }

    /// Translates `insn`, which is at byte `at` of the block; whether the block goes on.
    fn instruction(&mut self, insn: &Insn, at: u32, live: u16) -> bool {
        self.pc = self.start.wrapping_add(at.into());
        self.next_pc = self.pc.wrapping_add(insn.len.into());
        // An exception that is not masked shows the flags to a signal's handler.
        self.live = if self.ir.block.fp_exact { liveness::ALL } else { live };
        if let Some(label) = self.label_of(self.number) {
            self.ir.place(label);
            self.clear_highs = 0;
        }
        self.ir.insn(at);
        let block = &self.ir.block;
        let (ops, exits, labels) = (block.ops.len(), block.exits.len(), block.labels);
        if liveness::uses_mmx(insn) {
            self.raise_pending();
        }
        let flow = match insn.op {
            // On processors without these the prefix has no effect.
            crate::decode::Op::Tzcnt => self.tzcnt(insn),
            crate::decode::Op::Lzcnt => self.lzcnt(insn),
            _ => dispatch(self, insn),
        };
        self.number += 1;
        match flow {
            Flow::Next => return true,
            Flow::Undefined => {
                self.ir.block.ops.truncate(ops);
                self.ir.block.exits.truncate(exits);
                self.ir.block.labels = labels;
                self.trap(TRAP_UNDEFINED, 0);
            }
            Flow::End => {}
        }
        false
    }
}

/// Appends the translation of the code at `pc` to `block`.
pub(crate) fn translate(cpu: &Cpu, fetch: &mut dyn Fetch, pc: u64, mode: Mode, block: &mut Block) {
    block.clear();
    block.pc = pc;
    block.fp = SSE;
    block.tso = true;
    block.fp_exact = crate::control::exact(mode.key);
    let limit = if mode.single { 1 } else { BLOCK_INSNS_MAX };
    let mut found = SCAN.take();
    scan::scan(fetch, pc, limit, mode, &mut found);
    translate_found(cpu, fetch, &found, mode, block);
    SCAN.set(found);
}

fn translate_found(cpu: &Cpu, fetch: &mut dyn Fetch, scan: &Scan, mode: Mode, block: &mut Block) {
    let pc = block.pc;
    let evaluated = mode.single || mode.brief;
    let targets = if evaluated { 0 } else { scan.targets };
    block.labels = targets.count_ones() as u16;
    let mut t = Translator {
        ir: Builder::new(block),
        pc,
        next_pc: pc,
        live: liveness::ALL,
        cpu,
        fetch,
        start: pc,
        scan,
        changing: mode.changing,
        targets,
        number: 0,
        evaluated,
        single: mode.single,
        key: mode.key,
        clear_highs: 0,
    };
    let mut goes_on = true;
    let mut end = 0;
    for found in &scan.insns {
        end = found.at + u32::from(found.insn.len);
        goes_on = t.instruction(&found.insn, found.at, found.live);
        if !goes_on {
            break;
        }
    }
    let insns = t.number;
    if goes_on {
        match scan.next {
            // What cannot be decoded is an instruction of one byte.
            Some(next) if insns < BLOCK_INSNS_MAX && !(mode.single && insns > 0) => {
                t.ir.insn(end);
                end += 1;
                let undefined = matches!(next, Next::Undefined);
                t.trap(if undefined { TRAP_UNDEFINED } else { TRAP_PROTECTION }, 0);
            }
            _ if insns == 0 => return,
            _ => {
                let dest = t.exit_to(pc.wrapping_add(end.into()), ExitKind::Jump);
                t.ir.exit_direct(dest);
            }
        }
    }
    t.resolve_labels(insns);
    block.len = end;
}
