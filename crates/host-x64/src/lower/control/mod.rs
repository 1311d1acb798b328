//! Branches, exits, calls and returns.

pub(super) mod again;
mod checked;
pub(super) mod scan;

use crate::emit::{Branch, Cc, Emit, Gpr, Label, Mem, Size};
use crate::lower::cold::ColdKind;
use crate::lower::flags::{Flags, Kind, Test};
use crate::lower::liveness::READER;
use crate::lower::values::home;
use crate::lower::{Lower, arg};
use crate::{Alu, Shift};
use core::mem::offset_of;
use host::Link;
use ir::state::{
    CODE_COUNTS, CODE_PIECE, DISPLACED_ENTRIES, DISPLACED_FACTOR, HASH_ENTRIES, HASH_FACTOR,
    HashEntry, POLL_OFFSET, SLOT_PC, exit,
};
use ir::{Cond, ExitKind, Modifier, Op, OpCode, State};

const EXIT_REASON: Mem = Mem::state(offset_of!(State, exit_reason) as i32);
const EXIT_ARG: Mem = Mem::state(offset_of!(State, exit_arg) as i32);
const CALL_RUNTIME: Mem = Mem::state(offset_of!(State, call_runtime) as i32);
const LEAVE: Mem = Mem::state(offset_of!(State, leave) as i32);
/// `jmp [State::leave_link]`, six bytes.
pub(super) const LEAVE_LINK: u64 = {
    let disp = offset_of!(State, leave_link) as i32 - ir::state::BIAS;
    assert!(disp > 127);
    0xa5ff | (disp as u32 as u64) << 16
};
const CODE_COUNTS_AT: Mem = Mem::state(offset_of!(State, code_counts) as i32);
const HASH: Mem = Mem::state(offset_of!(State, hash) as i32);
pub(super) const LEAVE_INDIRECT: Mem = Mem::state(offset_of!(State, leave_indirect) as i32);
const RET_MISS: Mem = Mem::state(offset_of!(State, ret_miss) as i32);

impl Lower<'_> {
    // --- labels and branches

    pub(crate) fn label(&mut self, n: i32) {
        let needed = self.live.at_label(n) > 0;
        if needed && self.flags_have_stayed_for(n) {
            if !self.follows_jump() {
                self.carry_as(Kind::Sub);
            }
            self.flags = Flags::HOST;
        } else {
            if needed {
                self.save_flags();
            }
            self.flags = Flags::HOME;
        }
        self.flush_scratch();
        self.host_flags.compare = None;
        self.host_flags.truth = None;
        self.host_flags.carry = None;
        self.e.bind(self.labels[n as usize]);
    }
    /// Makes the state what label `n` expects.
    fn before_label(&mut self, n: i32) {
        if self.live.at_label(n) > 0 {
            if self.flags_stay_for(n) {
                self.carry_as(Kind::Sub);
            } else {
                self.save_flags();
            }
        }
        self.save_temps();
    }
    /// Whether the operation before the current one always branches.
    fn follows_jump(&self) -> bool {
        let before = self.block.ops[..self.at].iter().rev();
        before.map(|op| op.code).find(|&code| code != OpCode::Insn) == Some(OpCode::Br)
    }
    pub(crate) fn br(&mut self, n: i32) {
        self.before_label(n);
        self.e.jmp(self.labels[n as usize]);
    }
    pub(crate) fn br_cond(&mut self, op: Op) {
        if let Some(n) = self.scan_at(op.imm) {
            if op.imm >= 0 {
                self.before_label(op.imm);
            }
            let test = self.test_for(Cond::from_u8(op.aux as u8));
            return self.branch_by_scan(n, test, op.imm);
        }
        if op.imm >= 0 {
            self.before_label(op.imm);
        } else if self.may_go_again(op.imm) {
            let test = self.test_for(Cond::from_u8(op.aux as u8));
            if let Test::One(cc) = test
                && self.go_again(Branch::Jcc(cc))
            {
                return;
            }
            return self.branch(test, op.imm);
        } else if self.need_at(op.imm) > 0 && self.save_before_exit(op.imm) {
            self.save_flags();
        }
        let test = self.test_for(Cond::from_u8(op.aux as u8));
        self.branch(test, op.imm);
    }
    /// Branches to `dest`, the start of a loop that searches memory, by way of its number `n`.
    fn branch_by_scan(&mut self, n: u32, test: Test, dest: i32) {
        if !self.branch_to_scan(n, test) {
            self.branch(test, dest);
        }
    }
    /// Notes the compare that has been emitted from `from` on.
    pub(crate) fn compared(&mut self, from: u32) {
        self.host_flags.compare = Some((from, self.e.position()));
    }
    /// Start of the compare that has just been emitted.
    pub(crate) fn fused(&self) -> Option<u32> {
        let here = self.e.position();
        self.host_flags.compare.and_then(|(from, end)| (end == here).then_some(from))
    }
    /// Who needs the flags at a branch destination.
    pub(crate) fn need_at(&self, dest: i32) -> u8 {
        self.live.at_dest(self.block, dest)
    }
    /// Whether saving the flags before a conditional exit is better than in cold code on the way
    /// out: when the other way needs them too, or when the exit is likely taken.
    fn save_before_exit(&self, dest: i32) -> bool {
        let exit = self.block.exits[(-1 - dest) as usize];
        self.need_after() == READER || exit.pc <= self.pc()
    }
    /// Branches to a label or exit; the flags there are taken care of, except that an exit may
    /// still have to save them.
    fn branch(&mut self, test: Test, dest: i32) {
        if dest >= 0 {
            let label = self.labels[dest as usize];
            return self.jump_if(test, label);
        }
        let pc = self.block.exits[(-1 - dest) as usize].pc;
        let save = self.need_at(dest) > 0 && !self.flags.home;
        match test {
            Test::Always if save => {
                self.save_flags();
                self.link(Branch::Jmp, pc);
            }
            Test::Always => self.link(Branch::Jmp, pc),
            Test::One(cc) if !save => self.link(Branch::Jcc(cc), pc),
            _ => {
                let cold = self.cold(ColdKind::Jump { pc, save });
                self.jump_if(test, cold);
            }
        }
    }
    /// Jumps to `label` if `test` holds.
    pub(crate) fn jump_if(&mut self, test: Test, label: Label) {
        match test {
            Test::Always => self.e.jmp(label),
            Test::One(cc) => self.e.jcc(cc, label),
            Test::Or(a, b) => {
                self.e.jcc(a, label);
                self.e.jcc(b, label);
            }
            Test::And(a, b) => {
                let skip = self.e.jcc_short(a.invert());
                self.e.jcc(b, label);
                self.e.bind_short(skip);
            }
        }
    }
    /// A linkable branch to guest address `pc`. The flags are home or dead.
    pub(super) fn link(&mut self, branch: Branch, pc: u64) {
        let n = self.code.links.len() as u32;
        self.cold.link(n);
        let at = self.e.patchable(branch, None, self.fused());
        self.code.links.push(Link { at, stub: 0, number: 0, pc, looped: false });
    }
    /// A compare of the current operation's a and b: the condition code of `cond` over them.
    pub(crate) fn compare_operands(&mut self, op: Op, cond: Cond) -> Test {
        let size = Self::size(op);
        let (mut a, mut b, mut cond) = (op.a, op.b, cond);
        if a.as_const().is_some() && b.as_const().is_none() {
            (a, b) = (b, a);
            cond = match cond {
                Cond::Hs => Cond::Ls,
                Cond::Lo => Cond::Hi,
                Cond::Hi => Cond::Lo,
                Cond::Ls => Cond::Hs,
                Cond::Ge => Cond::Le,
                Cond::Lt => Cond::Gt,
                Cond::Gt => Cond::Lt,
                Cond::Le => Cond::Ge,
                c => c,
            };
        }
        let a = self.using(a);
        let b = self.immediate(b, size).ok_or(b).map_err(|b| self.using(b));
        let from = self.e.position();
        match b {
            Ok(0) => self.e.test(size, a, a),
            Ok(imm) => self.e.alu_imm(Alu::Cmp, size, a, imm),
            Err(b) => self.e.alu(Alu::Cmp, size, a, b),
        }
        self.compared(from);
        Test::One(match cond {
            Cond::Eq => Cc::E,
            Cond::Ne => Cc::Ne,
            Cond::Hs => Cc::Ae,
            Cond::Lo => Cc::B,
            Cond::Hi => Cc::A,
            Cond::Ls => Cc::Be,
            Cond::Ge => Cc::Ge,
            Cond::Lt => Cc::L,
            Cond::Gt => Cc::G,
            Cond::Le => Cc::Le,
            Cond::Mi => Cc::S,
            Cond::Pl => Cc::Ns,
            Cond::Vs => Cc::O,
            Cond::Vc => Cc::No,
            // (There is no parity in these comparisons.)
            Cond::Al | Cond::Nv | Cond::Pe | Cond::Po => return Test::Always,
        })
    }
    /// Before a compare-and-branch, which destroys the host's flags.
    fn before_flagless(&mut self, dest: i32) {
        if dest >= 0 {
            self.before_label(dest);
        } else if self.need_at(dest) > 0 {
            self.save_flags();
        }
        self.clobber();
    }
    pub(crate) fn br_cmp(&mut self, op: Op) {
        if let Some(n) = self.scan_at(op.imm) {
            let recipe = self.flags.recipe.is_some() && !self.flags.home;
            if op.imm < 0 && recipe && self.need_after() < READER {
                self.flags.host = None;
            } else {
                self.before_flagless(op.imm);
            }
            let test = self.compare_operands(op, Cond::from_u8(op.aux as u8));
            return self.branch_by_scan(n, test, op.imm);
        }
        let again = self.may_go_again_flagless(op.imm);
        if !again {
            self.before_flagless(op.imm);
        }
        let cond = Cond::from_u8(op.aux as u8);
        let told = self.test_in_flags(op, cond).or_else(|| self.carry_in_flags(op, cond));
        let test = match told {
            Some(test) => test,
            None => self.compare_operands(op, cond),
        };
        self.branch_again(again, test, op.imm);
    }
    /// What to test if `op` compares a value with zero that the host's flags still tell.
    fn test_in_flags(&self, op: Op, cond: Cond) -> Option<Test> {
        let (value, test, position) = self.host_flags.truth?;
        if value != op.a || self.block.const64(op.b) != Some(0) || position != self.e.position() {
            return None;
        }
        match cond {
            Cond::Ne => Some(test),
            Cond::Eq => Some(test.invert()),
            _ => None,
        }
    }
    /// What to test if `op` compares a sum with what was added, as guests without a carry do, and the host's
    /// flags still tell: it is less if there was a carry.
    pub(crate) fn carry_in_flags(&self, op: Op, cond: Cond) -> Option<Test> {
        let (sum, position) = self.host_flags.carry?;
        let (value, other) = (sum.dst, op.b);
        let same = op.ty == sum.ty
            && op.a == value
            && other != value
            && (other.as_slot().is_some() || other.as_temp().is_some())
            && (other == sum.a || other == sum.b && Self::modifier(sum) == Modifier::None);
        if !same || position != self.e.position() {
            return None;
        }
        match cond {
            Cond::Lo => Some(Test::One(Cc::B)),
            Cond::Hs => Some(Test::One(Cc::Ae)),
            _ => None,
        }
    }
    pub(crate) fn br_bit(&mut self, op: Op) {
        let again = self.may_go_again_flagless(op.imm);
        if !again {
            self.before_flagless(op.imm);
        }
        let (bit, set) = ((op.aux & 63) as u8, op.aux & 0x100 != 0);
        let a = self.using(op.a);
        let from = self.e.position();
        let (on, off) = match bit {
            0..7 => {
                self.e.test_imm(Size::B, a, 1 << bit);
                (Cc::Ne, Cc::E)
            }
            7 => {
                self.e.test(Size::B, a, a);
                (Cc::S, Cc::Ns)
            }
            31 | 63 => {
                self.e.test(if bit == 31 { Size::D } else { Size::Q }, a, a);
                (Cc::S, Cc::Ns)
            }
            8..31 => {
                self.e.test_imm(Size::D, a, 1 << bit);
                (Cc::Ne, Cc::E)
            }
            _ => {
                self.e.bit_imm(crate::Bit::Bt, Size::Q, a, bit);
                (Cc::B, Cc::Ae)
            }
        };
        self.compared(from);
        self.branch_again(again, Test::One(if set { on } else { off }), op.imm);
    }
    pub(crate) fn poll(&mut self) {
        let before = self.e.position();
        let r = self.scratch();
        self.fault();
        self.e.load(Size::D, r, Mem::state(POLL_OFFSET));
        let after = self.e.position();
        if let Some((.., position)) = &mut self.host_flags.truth
            && *position == before
        {
            *position = after;
        }
    }
    /// The evaluator raises the trap, if it is one.
    pub(crate) fn check(&mut self, op: Op) {
        self.clobber();
        let wrong = self.cold(ColdKind::Interpret);
        let test = self.compare_operands(op, Cond::Ne);
        self.jump_if(test, wrong);
    }

    // --- exits

    pub(crate) fn exit_direct(&mut self, op: Op) {
        let exit = self.block.exits[(-1 - op.imm) as usize];
        if self.may_go_again(op.imm) && self.go_again(Branch::Jmp) {
            return;
        }
        if self.need_at(op.imm) > 0 {
            self.save_flags();
        }
        if let ExitKind::Call { return_pc } = exit.kind {
            self.link(Branch::Call, exit.pc);
            self.landing(return_pc);
        } else {
            self.link(Branch::Jmp, exit.pc);
        }
    }
    /// What follows a call: goes on there, if that is where the return in rax goes. (Any other would
    /// be a return without a call, or the other way round.)
    fn landing(&mut self, return_pc: u64) {
        self.flags = Flags::HOME;
        let imm = i32::try_from(return_pc as i64);
        if imm.is_err() {
            self.e.mov_imm(Gpr::RCX, return_pc);
        }
        let from = self.e.position();
        match imm {
            Ok(imm) => self.e.alu_imm(Alu::Cmp, Size::Q, Gpr::RAX, imm),
            Err(_) => self.e.alu(Alu::Cmp, Size::Q, Gpr::RAX, Gpr::RCX),
        }
        self.compared(from);
        self.link(Branch::Jcc(Cc::E), return_pc);
        self.e.jmp_mem(RET_MISS);
    }
    pub(crate) fn exit_indirect(&mut self, op: Op) {
        self.save_flags();
        self.flags = Flags::HOME;
        self.fixed(Gpr::RAX, op.a);
        if op.aux == 1 {
            self.e.ret();
        } else {
            let miss = self.cold(ColdKind::Indirect);
            self.hash_lookup(miss);
            self.e.jmp_mem(HASH_HOST);
        }
    }
    pub(crate) fn call_indirect(&mut self, op: Op) {
        self.save_flags();
        self.flags = Flags::HOME;
        let return_pc = self.block.exits[(-1 - op.imm) as usize].pc;
        self.fixed(Gpr::RAX, op.a);
        let landing = self.e.new_label();
        let miss = self.cold(ColdKind::IndirectCall(landing));
        self.hash_lookup(miss);
        self.e.call_mem(HASH_HOST);
        self.e.bind(landing);
        self.landing(return_pc);
    }
    /// Finds guest address rax in the thread's hash: rdx + rcx * 8 is its entry, or a jump to
    /// `miss`.
    fn hash_lookup(&mut self, miss: Label) {
        hash_lookup(self.e, miss);
    }
    pub(crate) fn runtime(&mut self, op: Op) {
        self.save_flags();
        self.runtime_operands(op);
        self.leave(self.with_length(exit::RUNTIME), u64::from(op.imm as u32), self.next_pc());
    }
    pub(crate) fn runtime_call(&mut self, op: Op) {
        self.save_flags();
        self.flags_home();
        self.runtime_operands(op);
        self.flush_scratch();
        self.e.store_imm(Size::Q, EXIT_ARG, op.imm);
        self.e.call_mem(CALL_RUNTIME);
        let undone = self.cold(ColdKind::Interpret);
        self.e.jcc(Cc::Ne, undone);
        self.boxes.forget();
    }
    /// Stores the arguments of the runtime.
    fn runtime_operands(&mut self, op: Op) {
        for (n, r) in [op.a, op.b].into_iter().enumerate() {
            if r.is_none() {
                continue;
            }
            if let Some(c) = self.block.const64(r) {
                self.store_const(arg(n), c);
            } else {
                let v = self.using(r);
                self.e.store(Size::Q, arg(n), v);
            }
        }
        self.unlock();
    }
    pub(crate) fn syscall(&mut self, op: Op) {
        self.save_flags();
        self.leave(self.with_length(exit::SYSCALL), u64::from(op.imm as u32), self.next_pc());
    }
    pub(crate) fn trap(&mut self, op: Op) {
        self.save_flags();
        let arg = u64::from(op.aux) | u64::from(op.imm as u32) << 32;
        self.leave(exit::TRAP, arg, self.pc());
    }
    pub(crate) fn has_code(&mut self, op: Op) {
        const _: () = assert!(CODE_COUNTS == 1 << 16);
        self.clobber();
        self.fixed(Gpr::RAX, op.a);
        self.unlock();
        self.flush_scratch();
        self.take(Gpr::RAX);
        self.take(Gpr::RDX);
        self.e.shift_imm(Shift::Shr, Size::D, Gpr::RAX, CODE_PIECE.ilog2() as u8);
        self.e.load(Size::Q, Gpr::RDX, CODE_COUNTS_AT);
        self.e.movzx(Size::W, Gpr::RAX, Gpr::RAX);
        self.e.load_zx(Size::B, Gpr::RAX, Mem::index(Gpr::RDX, Gpr::RAX, 0, 0));
        self.set(op.dst, Gpr::RAX);
    }
    /// Leaves with a reason, an argument and the guest's pc.
    pub(crate) fn leave(&mut self, reason: u32, argument: u64, pc: u64) {
        self.store_const(EXIT_ARG, argument);
        self.store_const(home(SLOT_PC), pc);
        self.leave_at_pc(reason);
    }
    fn leave_at_pc(&mut self, reason: u32) {
        self.e.store_imm(Size::D, EXIT_REASON, reason as i32);
        self.e.jmp_mem(LEAVE);
    }
    /// The rest of the current instruction is for the evaluator: leaves. The flags are home after
    /// this, for the sake of what follows.
    pub(crate) fn interpret(&mut self) {
        self.save_flags();
        self.leave(exit::INTERPRET, 0, self.pc());
    }
}

/// See [`Lower::hash_lookup`].
pub(crate) fn hash_lookup(e: &mut Emit, miss: Label) {
    // A load is in units of eight bytes at most, an entry has two.
    e.imul_imm(Size::D, Gpr::RCX, Gpr::RAX, HASH_FACTOR as i32);
    e.load(Size::Q, Gpr::RDX, HASH);
    e.shift_imm(Shift::Shr, Size::D, Gpr::RCX, 32 - HASH_ENTRIES.ilog2() as u8);
    e.alu(Alu::Add, Size::D, Gpr::RCX, Gpr::RCX);
    e.alu_load(Alu::Cmp, Size::Q, Gpr::RAX, HASH_PC);
    e.jcc(Cc::Ne, miss);
}

/// After a miss, finds guest address rax among what had to leave the hash: goes there, or to
/// `miss`. Destroys rcx and rdx.
pub(crate) fn displaced_lookup(e: &mut Emit, miss: Label) {
    e.mov_imm(Gpr::RCX, DISPLACED_FACTOR);
    e.imul(Size::Q, Gpr::RCX, Gpr::RAX);
    e.load(Size::Q, Gpr::RDX, HASH);
    e.shift_imm(Shift::Shr, Size::Q, Gpr::RCX, 64 - DISPLACED_ENTRIES.ilog2() as u8);
    // An empty entry looks like that of pc 0, whose index is 0.
    e.jcc(Cc::E, miss);
    e.alu(Alu::Add, Size::D, Gpr::RCX, Gpr::RCX);
    e.alu_load(Alu::Cmp, Size::Q, Gpr::RAX, HASH_PC.plus(DISPLACED));
    e.jcc(Cc::Ne, miss);
    e.jmp_mem(HASH_HOST.plus(DISPLACED));
}

const HASH_PC: Mem = Mem::index(Gpr::RDX, Gpr::RCX, 3, 0);
/// Where the entry that was found leads to.
pub(crate) const HASH_HOST: Mem = Mem::index(Gpr::RDX, Gpr::RCX, 3, 8);
/// Offset of the table behind the hash.
const DISPLACED: i32 = (HASH_ENTRIES * size_of::<HashEntry>()) as i32;
