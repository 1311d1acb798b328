//! Lowering of a block: one pass backwards for liveness, one forwards that emits.
//!
//! The state is canonical wherever anybody can see it, which is where an operation may fault, branch
//! or leave: a pinned slot is in its register, the others in their homes. `regs` moves values,
//! `flags` the condition flags; the `lower_*` files have the operations. Rare paths go to the
//! unit's end ([`Cold`]).

pub(crate) mod control;
pub(crate) mod flags;
pub(crate) mod float;
mod integer;
mod memory;
mod moves;
pub(crate) mod values;
mod vector;
mod widths;

use crate::X64;
use crate::emit::{Emit, Gpr, Label, Mem, Size, Xmm};
use crate::lower::control::scan::ScanCode;
use crate::lower::flags::Flags;
use crate::lower::float::canonical::Boxes;
use crate::lower::float::quiet::Quiet;
use crate::lower::integer::divide::RareDivision;
use crate::lower::values::{Scratch, Temp};
use crate::lower::widths::Widths;
use core::cell::Cell;
use core::mem::offset_of;
use host::{Code, FaultPoint, FlagsAt};
use ir::state::exit;
use ir::{Block, ExitKind, FpRules, Modifier, Op, OpCode, Ref, SWAP, State, Ty, VecOp, WRAP32};

/// Code to be emitted at the unit's end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cold {
    /// The stub of link `n` of this unit.
    Link(u32),
    /// Entry `n` of [`Lower::cold_others`].
    Other(u32),
}

/// Code to be emitted at the unit's end that is not the stub of a link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ColdCode {
    pub(crate) label: Label,
    pub(crate) kind: ColdKind,
    pub(crate) flags: Flags,
    pub(crate) guest: u32,
}

/// What cold code does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ColdKind {
    /// Saves the flags, then a linkable jump to `pc`.
    Jump { pc: u64, save: bool },
    /// The stub of looped link `n`: saves the flags, then a linkable jump.
    Unloop(u32),
    /// Lets the evaluator run the current instruction.
    Interpret,
    /// The same, as its operand is out of range.
    Invalid,
    /// A hash miss: rax = where to go.
    Indirect,
    /// A hash miss of a call: rax = where to go; returns to the label.
    IndirectCall(Label),
    /// Division by zero or minus one: rax = dividend.
    Divide { rare: RareDivision, back: Label },
    /// A full fence, then back.
    Fence(Label),
    /// Puts the default NaN in a register, then back.
    Canonical { x: Xmm, double: bool, back: Label },
    /// The same for all lanes of a vector that are NaNs, which are ones in another register.
    CanonicalLanes { x: Xmm, nans: Xmm, dst: Ref, double: bool, back: Label },
    /// The same for the sum of the operation at an index, unless that may be invalid.
    CanonicalSum { at: u32, sum: Xmm, back: Label },
    /// A signalling comparison of a quiet NaN; then back.
    Unordered { back: Label },
    /// What the operation at an index needs; then back.
    Quiet { what: Quiet, at: u32, back: Label },
    /// Skips turns of loop `n` of [`Lower::scans`].
    Scan(u32),
    /// Puts constant flags (a flag word, C as the host wants it) into the host's flags.
    LoadFlags { word: u32, back: Label },
}

/// What is kept from block to block to save allocations.
#[derive(Default, Debug)]
struct Buffers {
    emit: Emit,
    live: Vec<u8>,
    temps: Vec<Temp>,
    labels: Vec<InBlock>,
    cold: Vec<Cold>,
    cold_others: Vec<ColdCode>,
}

/// A label of the block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InBlock {
    pub(crate) label: Label,
    /// Who needs the flags there.
    pub(crate) live: u8,
}

/// A second copy of a block that loops to its own start. The first copy expects the flags at home;
/// this one expects them where the loop's end has them, so that they are not saved each time round
/// only because something may fault before they are replaced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Again {
    pub(crate) label: Label,
    pub(crate) flags: Flags,
}

/// Operations in a block that is worth a second copy.
const AGAIN_MAX: usize = 160;

/// What loops are aligned to: a line of the host's cache of instructions.
const LINE: usize = 64;

thread_local! {
    static BUFFERS: Cell<Option<Box<Buffers>>> = const { Cell::new(None) };
}

/// A lowering in progress.
#[derive(Debug)]
pub(crate) struct Lower<'a> {
    pub(crate) host: &'a X64,
    pub(crate) block: &'a Block,
    pub(crate) code: &'a mut Code,
    pub(crate) first_link: u32,
    pub(crate) e: &'a mut Emit,
    /// Index of the current operation.
    pub(crate) at: usize,
    /// The current operation.
    pub(crate) op: Op,
    /// Who needs the flags before operation n: 0 nobody, [`FAULT`] or [`READER`]; [`LAST_USE`] if it
    /// is the last to mention a temporary, [`REPLACED`] if what it writes is.
    pub(crate) live: &'a mut Vec<u8>,
    pub(crate) temps: &'a mut Vec<Temp>,
    pub(crate) labels: &'a mut Vec<InBlock>,
    pub(crate) cold: &'a mut Vec<Cold>,
    pub(crate) cold_others: &'a mut Vec<ColdCode>,
    pub(crate) scratch: Scratch,
    pub(crate) flags: Flags,
    /// The host's flags hold something the current operation still needs.
    pub(crate) flags_busy: bool,
    /// Byte offset of the current guest instruction.
    pub(crate) guest: u32,
    /// Start and end of the last compare, for macro-fusion.
    pub(crate) compare: Option<(u32, u32)>,
    /// Operations to skip: done by an earlier one.
    pub(crate) skip: usize,
    /// Who needs the flags at the block's start.
    pub(crate) start_need: u8,
    /// The block's start, if something branches there.
    pub(crate) start: Option<Label>,
    /// Loops that search memory.
    pub(crate) scans: Vec<ScanCode>,
    /// Where branches back to the block's start go that have the flags in the host's.
    pub(crate) again: Option<Again>,
    /// In the second copy of a loop.
    pub(crate) second: bool,
    /// How much of the vector operands counts.
    pub(crate) widths: Widths,
    /// Which values are known to be boxed.
    pub(crate) boxes: Boxes,
    /// A full fence is to come before the next load.
    pub(crate) fence_due: bool,
    /// Offsets of instructions that are left to the evaluator.
    given_up: &'a [u32],
    /// Offset of the instruction for which registers have run out: what has been emitted is void.
    stuck: Option<u32>,
}

/// The flags are needed if an operation faults.
const FAULT: u8 = 1;
/// The flags are needed by an operation or at an exit.
pub(crate) const READER: u8 = 2 | FAULT;
/// In [`Lower::live`].
pub(crate) const LAST_USE: u8 = 0x80;
/// In [`Lower::live`]: the slot that the operation writes is written again before anybody could see
/// it in its home.
pub(crate) const REPLACED: u8 = 0x40;
/// Only those slots can be [`REPLACED`]; helpers may look at others.
const REPLACEABLE: u16 = 32;

/// No operation to skip.
const NO_SKIP: usize = usize::MAX;
/// Instead of an instruction's offset: the whole block.
const WHOLE: u32 = u32::MAX;

/// Lowers `block` into `code`. Instructions for which registers run out are left to the evaluator:
/// the block is lowered once more for each.
pub(crate) fn lower(host: &X64, block: &Block, first_link: u32, code: &mut Code) {
    let mut given_up = Vec::new();
    while let Err(guest) = attempt(host, block, first_link, code, &given_up) {
        given_up.push(if given_up.contains(&guest) { WHOLE } else { guest });
    }
    code.given_up = given_up.len() as u32;
}

/// Lowers all of `block` but the instructions at the offsets in `given_up`.
///
/// # Errors
/// The offset of an instruction for which there are not enough registers.
fn attempt(
    host: &X64,
    block: &Block,
    first_link: u32,
    code: &mut Code,
    given_up: &[u32],
) -> Result<(), u32> {
    let mut buffers = BUFFERS.take().unwrap_or_default();
    let Buffers { emit, live, temps, labels, cold, cold_others } = &mut *buffers;
    code.clear();
    let mut lower = Lower {
        host,
        block,
        first_link,
        e: emit,
        at: 0,
        op: Op::new(OpCode::Insn, Ty::I64),
        live,
        temps,
        labels,
        cold,
        cold_others,
        scratch: Scratch::default(),
        flags: Flags::HOME,
        flags_busy: false,
        guest: 0,
        compare: None,
        skip: NO_SKIP,
        start_need: 0,
        start: None,
        scans: Vec::new(),
        again: None,
        second: false,
        widths: Widths::default(),
        boxes: Boxes::default(),
        fence_due: false,
        given_up,
        stuck: None,
        code,
    };
    lower.e.start();
    lower.analyse();
    lower.run();
    let result = lower.stuck.map_or(Ok(()), Err);
    if result.is_ok() {
        lower.find_addresses();
        lower.code.host_insns = lower.e.finish(&mut lower.code.bytes);
    }
    BUFFERS.set(Some(buffers));
    result
}

/// Whether a fault of `code` shows the flags to the guest. Floating-point operations only leave to
/// the evaluator, which then goes on: flags that nothing reads afterwards do not matter. Nor do they
/// in the frame of a signal that arrives at a poll: it may have arrived at any other instruction.
const fn shows_flags(code: OpCode) -> bool {
    code.may_fault() && !code.is_float() && !matches!(code, OpCode::Vec | OpCode::Poll)
}

/// What an operation means for who needs the flags before it.
#[derive(Clone, Copy)]
struct Need {
    /// Mask of those that need them after it and still do before it.
    keep: u8,
    /// Who needs them at least.
    least: u8,
    control: Control,
    /// All if nobody sees the slots in their homes there.
    unseen: u32,
}

#[derive(Clone, Copy)]
enum Control {
    None,
    Label,
    /// Also who needs them at the destination.
    Branch,
}

/// By operation.
const NEEDS: [Need; OpCode::ALL.len()] = {
    let mut needs =
        [Need { keep: READER, least: 0, control: Control::None, unseen: 0 }; OpCode::ALL.len()];
    let mut n = 0;
    while n < needs.len() {
        let (code, need) = (OpCode::ALL[n], &mut needs[n]);
        let goes = matches!(
            code,
            OpCode::Label | OpCode::Br | OpCode::BrCond | OpCode::BrCmp | OpCode::BrBit
        );
        if !goes && !code.may_fault() && !code.ends_block() {
            need.unseen = u32::MAX;
        }
        match code {
            OpCode::Label => need.control = Control::Label,
            OpCode::BrCmp | OpCode::BrBit => need.control = Control::Branch,
            OpCode::Br | OpCode::ExitDirect => {
                (need.keep, need.control) = (0, Control::Branch);
            }
            _ if code.reads_flags() || code.ends_block() => need.least = READER,
            _ => {
                need.keep = if code.writes_flags() { 0 } else { READER };
                need.least = if shows_flags(code) { FAULT } else { 0 };
            }
        }
        n += 1;
    }
    needs
};

impl Lower<'_> {
    /// Last uses of temporaries and who needs the flags where.
    fn analyse(&mut self) {
        let ops = &self.block.ops;
        self.temps.clear();
        self.temps.resize(self.block.temps.into(), Temp::UNUSED);
        self.live.clear();
        self.live.resize(ops.len() + 1, 0);
        self.cold.clear();
        self.cold_others.clear();
        self.labels.clear();
        for _ in 0..self.block.labels {
            let label = self.e.new_label();
            self.labels.push(InBlock { label, live: READER });
        }
        self.start_need = 0;
        let start = self.pass_backwards::<true>();
        if start > 0 && (1..=self.block.exits.len()).any(|n| self.is_loop(-(n as i32))) {
            // From below, until it does not change.
            self.start_need = start;
            self.start_need = self.start_need.max(self.pass_backwards::<false>());
            self.pass_backwards::<false>();
        }
    }
    /// Who needs the flags where, and the first time where temporaries are used last; gives who
    /// needs the flags at the start.
    fn pass_backwards<const FIRST: bool>(&mut self) -> u8 {
        for label in self.labels.iter_mut() {
            // Not seen yet by the backward pass: that of a backward branch.
            label.live = READER;
        }
        let block = self.block;
        let mut needs = core::mem::take(self.live);
        let mut live = READER;
        let (ops, before) = (&block.ops[..], &mut needs[..block.ops.len()]);
        let temps = FIRST && block.temps != 0;
        // Slots that are written further on, before anybody could see them.
        let mut replaced = 0u32;
        for i in (0..ops.len()).rev() {
            let op = &ops[i];
            let rule = NEEDS[op.code as usize];
            live = live & rule.keep | rule.least;
            match rule.control {
                Control::None => {}
                Control::Label => self.labels[op.imm as usize].live = live,
                Control::Branch => live |= self.dest_need(op.imm),
            }
            let last = match FIRST {
                true if temps && op.mentions_temps() => self.last_uses(op, i as u32),
                true => 0,
                false => before[i] & (LAST_USE | REPLACED),
            };
            before[i] = live | last;
            if FIRST {
                if op.dst.0 < REPLACEABLE {
                    before[i] |= (replaced >> op.dst.0 & 1) as u8 * REPLACED;
                    replaced |= 1 << op.dst.0;
                }
                replaced &= rule.unseen;
            }
        }
        *self.live = needs;
        live
    }
    /// Notes which temporaries operation `at` is the last to mention; [`LAST_USE`] if there are any.
    fn last_uses(&mut self, op: &Op, at: u32) -> u8 {
        let mut bit = 0;
        for r in [op.a, op.b, op.c, op.dst] {
            if let Some(t) = r.as_temp()
                && let temp = &mut self.temps[t as usize]
                && temp.last == 0
            {
                temp.last = at;
                bit = LAST_USE;
            }
        }
        if let Some(t) = op.dst.as_temp() {
            self.temps[t as usize].vector = op.result_is_vector();
        }
        bit
    }
    /// Whether a branch destination is the block's own start.
    pub(crate) fn is_loop(&self, dest: i32) -> bool {
        dest < 0 && {
            let exit = self.block.exits[(-1 - dest) as usize];
            exit.pc == self.block.pc && exit.kind == ExitKind::Jump
        }
    }
    /// Whether a branch destination is the block's own start and only faults need the flags there.
    pub(crate) fn may_go_again(&self, dest: i32) -> bool {
        self.is_loop(dest) && self.dest_need(dest) == FAULT && self.block.ops.len() <= AGAIN_MAX
    }
    /// Who needs the flags at a branch destination.
    pub(crate) fn dest_need(&self, dest: i32) -> u8 {
        if dest >= 0 {
            self.labels[dest as usize].live
        } else if self.block.exits[(-1 - dest) as usize].flags_dead {
            0
        } else if self.is_loop(dest) {
            self.start_need
        } else {
            READER
        }
    }
    /// Finds what depends on where the guest code is: of the 64-bit immediates, those that look
    /// like addresses near it, if nothing else does.
    fn find_addresses(&mut self) {
        let block = self.block;
        if self.code.private || block.unmovable || block.pc < ir::MOVABLE_FROM {
            return;
        }
        let expected = |v: u64| {
            let exits = |e: &ir::Exit| {
                e.pc == v || matches!(e.kind, ExitKind::Call { return_pc } if return_pc == v)
            };
            v.wrapping_sub(block.pc) <= u64::from(block.len)
                || block.consts.contains(&u128::from(v))
                || block.exits.iter().any(exits)
        };
        for (at, v) in self.e.wide_immediates() {
            if ir::near(block.pc, v) {
                if !expected(v) {
                    // Computed of ordinary constants.
                    return self.code.addresses.clear();
                }
                self.code.addresses.push(at);
            }
        }
        self.code.movable = true;
    }
    fn run(&mut self) {
        if self.block.exits.iter().any(|exit| exit.pc == self.block.pc) {
            let start = self.e.new_label();
            self.e.bind(start);
            self.start = Some(start);
        }
        self.operations();
        if let Some(again) = self.again
            && self.stuck.is_none()
        {
            self.second = true;
            self.flags = again.flags;
            self.boxes.forget();
            self.compare = None;
            self.skip = NO_SKIP;
            self.forget_temps();
            for label in self.labels.iter_mut() {
                label.label = self.e.new_label();
            }
            self.e.align(LINE);
            self.e.bind(again.label);
            self.operations();
        }
        let mut n = 0;
        while let Some(&cold) = self.cold.get(n)
            && self.stuck.is_none()
        {
            self.cold_code(cold);
            n += 1;
        }
    }
    /// There is no register left for the current operation. What is emitted after this does not
    /// matter, but it must not fail either.
    pub(crate) fn out_of_registers(&mut self) {
        self.stuck.get_or_insert(self.guest);
    }
    /// Whether [`Lower::out_of_registers`] has been called.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck.is_some()
    }
    /// Whether no instruction is left to the evaluator, which would see all slots in their homes.
    pub(crate) fn translates_all(&self) -> bool {
        self.given_up.is_empty()
    }
    /// Leaves the current instruction, which is about to begin, to the evaluator, if that has to
    /// be. It does not come back to what follows.
    fn gives_up(&mut self) -> bool {
        let gives_up = self.given_up.contains(&self.guest);
        if gives_up {
            self.emit_due_fence();
            self.interpret();
            self.unlock();
            self.compare = None;
        }
        gives_up
    }
    #[inline(never)]
    fn operations(&mut self) {
        if self.given_up.contains(&WHOLE) {
            return self.interpret();
        }
        let block = self.block;
        let some_given_up = !self.given_up.is_empty();
        let mut gives_up = false;
        self.at = 0;
        // (Through the reference, operations are copied in one piece.)
        for (i, op) in block.ops.iter().enumerate() {
            if op.code == OpCode::Insn {
                self.guest = op.imm as u32;
                if some_given_up {
                    gives_up = self.gives_up();
                }
                continue;
            }
            if self.skip == i || gives_up && op.code != OpCode::Label {
                continue;
            }
            self.at = i;
            self.op = *op;
            if self.fence_due {
                self.fence_before(op.code);
            }
            if self.flags.recipe.is_some()
                && let Some(s) = op.dst.as_slot()
            {
                self.keep_recipe_operand(s);
            }
            if self.flags.in_float_form() && op.code.may_fault() {
                // Fault points cannot describe these.
                self.save_flags();
                self.unlock();
            }
            self.op(*op);
            if self.block.fp.boxed {
                self.boxes.follow(*op);
            }
            self.flags_busy = false;
            self.unlock();
            if self.live[i] & LAST_USE != 0 {
                self.drop_temps();
            }
            if self.need_after() == 0 {
                self.flags.forget();
            }
        }
        if gives_up || !block.ops.get(self.at).is_some_and(|op| op.code.ends_block()) {
            self.e.ud2();
        }
    }
    /// One operation.
    #[inline(always)]
    fn op(&mut self, op: Op) {
        match op.code {
            OpCode::Insn => self.guest = op.imm as u32,
            OpCode::Label => self.label(op.imm),
            OpCode::Mov => self.int_mov(op),
            OpCode::Add => self.add(op),
            OpCode::Sub => self.sub(op),
            OpCode::And
            | OpCode::Or
            | OpCode::Xor
            | OpCode::AndNot
            | OpCode::OrNot
            | OpCode::XorNot => self.logic(op),
            OpCode::AddS | OpCode::SubS | OpCode::AndS | OpCode::AndNotS => self.flag_setting(op),
            OpCode::Adc | OpCode::Sbc | OpCode::AdcS | OpCode::SbcS => self.with_carry(op),
            OpCode::Mul => self.mul(op),
            OpCode::MulHiS | OpCode::MulHiU => self.mul_high(op),
            OpCode::MulWideS | OpCode::MulWideU => self.mul_wide(op),
            OpCode::DivS | OpCode::DivU | OpCode::RemS | OpCode::RemU => self.divide(op),
            OpCode::DivWideU | OpCode::RemWideU => self.divide_wide(op),
            OpCode::MulHiSU if op.ty == Ty::I64 => self.mul_high_mixed(op),
            OpCode::OrcB => self.or_combine(op),
            OpCode::Brev8 => self.reverse_bits_of_bytes(op),
            OpCode::Xperm8 => self.permute_bytes(op),
            OpCode::ClMul | OpCode::ClMulH | OpCode::ClMulR => {
                if !self.mul_carryless(op) {
                    self.helper(op);
                }
            }
            OpCode::SelCmp => self.select_compared(op),
            OpCode::DivWideS
            | OpCode::RemWideS
            | OpCode::DivWideBad
            | OpCode::MulHiSU
            | OpCode::Xperm4 => self.helper(op),
            OpCode::FBox => self.box_value(op),
            OpCode::FClass | OpCode::FCmpSet | OpCode::FCopySign => {
                if !(self.is_canonical() && self.canonical(op)) {
                    self.helper(op);
                }
            }
            OpCode::Shl | OpCode::Shr | OpCode::Sar | OpCode::Ror => self.shift(op),
            OpCode::Not => self.not(op),
            OpCode::Clz | OpCode::Cls | OpCode::Ctz | OpCode::Popcnt => self.bit_count(op),
            OpCode::Abs => self.abs(op),
            OpCode::MaxS | OpCode::MinS | OpCode::MaxU | OpCode::MinU => self.min_max(op),
            OpCode::Rbit => self.reverse_bits(op),
            OpCode::Rev | OpCode::Rev16 | OpCode::Rev32 => self.reverse_bytes(op),
            OpCode::SExt8 | OpCode::SExt16 | OpCode::SExt32 | OpCode::ZExt8 | OpCode::ZExt16 => {
                self.extend(op);
            }
            OpCode::Ubfx | OpCode::Sbfx => self.field_extract(op),
            OpCode::Ubfiz | OpCode::Sbfiz => self.field_place(op),
            OpCode::Bfi | OpCode::Bfxil => self.field_insert(op),
            OpCode::Extr => self.extract_pair(op),
            OpCode::Crc32c => self.crc32c(op),
            OpCode::Crc32 => self.crc32(op),
            OpCode::Counter => self.counter(op),
            OpCode::HostTime => self.host_time(op),
            OpCode::HasCode => self.has_code(op),
            OpCode::Sel | OpCode::SelInc | OpCode::SelInv | OpCode::SelNeg => self.select_op(op),
            OpCode::SetCond | OpCode::SetMask => self.set_cond(op),
            OpCode::CcmpSub | OpCode::CcmpAdd => self.ccmp(op),
            OpCode::ReadFlags => self.read_flags(op),
            OpCode::WriteFlags => self.write_flags(op),
            OpCode::SetCmp => self.set_cmp(op),
            OpCode::Cas | OpCode::LdEx | OpCode::StEx
                if op.is_16_bytes() && op.aux & (SWAP | WRAP32) != 0 =>
            {
                self.out_of_registers();
            }
            OpCode::Ld => self.ld(op),
            OpCode::St => self.st(op),
            OpCode::LdV => self.ld_v(op),
            OpCode::StV => self.st_v(op),
            OpCode::Rmw => self.rmw(op),
            OpCode::Cas => self.cas(op),
            OpCode::LdEx => self.ld_ex(op),
            OpCode::StEx => self.st_ex(op),
            OpCode::ClrEx => self.clr_ex(),
            OpCode::Fence => self.fence(op),
            OpCode::ZeroBlock => self.zero_block(op),
            OpCode::FAdd
            | OpCode::FSub
            | OpCode::FMul
            | OpCode::FNMul
            | OpCode::FDiv
            | OpCode::FSqrt
            | OpCode::FMax
            | OpCode::FMin
            | OpCode::FMaxNm
            | OpCode::FMinNm
            | OpCode::FMulAdd
            | OpCode::FRound
            | OpCode::FRoundInt
            | OpCode::FCvt
            | OpCode::FToInt
            | OpCode::FToIntV
            | OpCode::IntToF
            | OpCode::IntVToF
            | OpCode::FJcvt
            | OpCode::FCmp
            | OpCode::FCcmp => {
                // Integers become the same numbers under every control.
                let any = matches!(op.code, OpCode::IntToF | OpCode::IntVToF);
                let exact = !any && self.is_exact();
                if !match () {
                    () if self.is_canonical() => self.canonical(op),
                    () if self.block.fp != FpRules::default() => false,
                    () if exact => self.quiet(op),
                    () => self.lower_fp(op),
                } {
                    self.helper(op);
                }
            }
            OpCode::FAbs | OpCode::FNeg => {
                if !self.lower_fp(op) {
                    self.helper(op);
                }
            }
            OpCode::ReadFpStatus | OpCode::WriteFpStatus => self.helper(op),
            OpCode::IntToVec => self.int_to_vec(op),
            OpCode::VecToInt => self.vec_to_int(op),
            OpCode::VecMask => self.vec_mask(op),
            OpCode::VecFromPair => self.vec_from_pair(op),
            OpCode::MovV => self.mov_v(op),
            OpCode::Vec => {
                let v = VecOp::from_u16(op.aux);
                // (Among the controls of guests with one NaN is a rounding that the host does not have.)
                let single =
                    v == VecOp::IntToF && ir::vec_op::lane(op.imm) >= 2 && !self.is_canonical();
                let exact = v.is_float() && !single && self.is_exact();
                if !match () {
                    () if v.is_float() && self.is_canonical() => !exact && self.canonical_lanes(op),
                    () if self.other_rules(op) => false,
                    () if exact => self.quiet(op),
                    () => self.lower_vec(op),
                } {
                    self.helper(op);
                }
            }
            OpCode::Br => self.br(op.imm),
            OpCode::BrCond => self.br_cond(op),
            OpCode::BrCmp => self.br_cmp(op),
            OpCode::BrBit => self.br_bit(op),
            OpCode::Poll => self.poll(),
            OpCode::Check => self.check(op),
            OpCode::ExitDirect => self.exit_direct(op),
            OpCode::ExitIndirect => self.exit_indirect(op),
            OpCode::CallIndirect => self.call_indirect(op),
            OpCode::Syscall => {
                self.save_flags();
                self.leave(
                    self.with_length(exit::SYSCALL),
                    u64::from(op.imm as u32),
                    self.next_pc(),
                );
            }
            OpCode::Trap => {
                self.save_flags();
                let arg = u64::from(op.aux) | u64::from(op.imm as u32) << 32;
                self.leave(exit::TRAP, arg, self.pc());
            }
            OpCode::Runtime => self.runtime(op),
        }
    }
    /// Records that the next host instruction may fault.
    #[inline]
    pub(crate) fn fault(&mut self) {
        let flags = if self.flags.home { FlagsAt::Home } else { self.flags_at() };
        let host = self.e.position();
        self.code.faults.push(FaultPoint { host, guest: self.guest, flags });
    }
    /// Guest address of the current instruction.
    pub(crate) fn pc(&self) -> u64 {
        self.block.pc.wrapping_add(u64::from(self.guest))
    }
    /// Guest address after the block.
    pub(crate) fn next_pc(&self) -> u64 {
        self.block.pc.wrapping_add(u64::from(self.block.len))
    }
    /// `reason` with the length of the current instruction, the last of the block.
    pub(crate) fn with_length(&self, reason: u32) -> u32 {
        exit::with_length(reason, self.block.len - self.guest)
    }
    /// Operand size of an integer operation.
    pub(crate) fn size(op: Op) -> Size {
        if op.ty == Ty::I64 { Size::Q } else { Size::D }
    }
    /// The modifier of operand b.
    pub(crate) fn modifier(op: Op) -> Modifier {
        Modifier::decode(op.aux)
    }
    /// New cold code with the flags as they are now.
    pub(crate) fn cold(&mut self, kind: ColdKind) -> Label {
        let label = self.e.new_label();
        self.cold.push(Cold::Other(self.cold_others.len() as u32));
        self.cold_others.push(ColdCode { label, kind, flags: self.flags, guest: self.guest });
        label
    }

    /// Whether the evaluator is to do the floating point of the current instruction.
    pub(crate) fn is_exact(&self) -> bool {
        self.block.fp_exact || self.block.trapping.contains(&self.guest)
    }
    /// Lets the evaluator do a pure operation: the generic path for everything that is not lowered
    /// natively. Operands go to `State::args`, the result comes back there.
    pub(crate) fn helper(&mut self, op: Op) {
        let (reads, writes) = (op.code.reads_flags(), op.code.writes_flags());
        if reads {
            self.save_flags();
        }
        self.clobber();
        self.helper_operands(op);
        self.unlock();
        self.flush_scratch();
        let plain = if self.other_rules(op) {
            self.call_helper(op);
            None
        } else {
            let plain = if self.is_exact() { self.plain(op) } else { None }
                .or_else(|| self.uniform_shift(op))
                .or_else(|| self.estimate(op));
            if plain.is_some() || !self.in_args(op) {
                self.call_helper(op);
            }
            plain
        };
        if let Some(done) = plain {
            self.e.bind(done);
        }
        if writes {
            self.flags_home();
        }
        self.helper_result(op.dst);
    }
    /// Whether `op` is floating point by rules for which nothing is lowered natively.
    fn other_rules(&self, op: Op) -> bool {
        let vector = op.code == OpCode::Vec && VecOp::from_u16(op.aux).is_float();
        (vector || op.code.is_float()) && self.block.fp != FpRules::default()
    }
    /// Calls the helper for `op`, whose operands are in `State::args`. Destroys rax.
    pub(crate) fn call_helper(&mut self, op: Op) {
        for (n, word) in op.encode_for_helper(self.block.fp).into_iter().enumerate() {
            let to = Mem::state(offset_of!(State, helper_op) as i32 + n as i32 * 8);
            match i32::try_from(word as i64) {
                Ok(imm) => self.e.store_imm(Size::Q, to, imm),
                Err(_) => {
                    self.e.mov_imm(Gpr::RAX, word);
                    self.e.store(Size::Q, to, Gpr::RAX);
                }
            }
        }
        let status = matches!(op.code, OpCode::ReadFpStatus | OpCode::WriteFpStatus);
        let stub = if status {
            offset_of!(State, call_helper_status)
        } else {
            offset_of!(State, call_helper)
        };
        self.e.call_mem(Mem::state(stub as i32));
    }
    /// Stores the operands of `op` in `State::args`.
    pub(crate) fn helper_operands(&mut self, op: Op) {
        for (n, r) in [op.a, op.b, op.c].into_iter().enumerate() {
            self.helper_operand(arg(n), r);
        }
    }
    fn helper_operand(&mut self, to: Mem, r: Ref) {
        if r.is_none() {
            return;
        }
        if let Some(c) = self.block.constant(r) {
            self.store_const(to, c as u64);
            return self.store_const(to.plus(8), (c >> 64) as u64);
        }
        if self.is_vector(r) {
            let x = self.using_v(r);
            self.e.movaps_store(to, x);
            self.release_v(x);
        } else {
            let v = self.using(r);
            self.e.store(Size::Q, to, v);
            self.release(v);
            self.e.store_imm(Size::Q, to.plus(8), 0);
        }
    }
    pub(crate) fn helper_result(&mut self, dst: Ref) {
        if dst.is_none() {
            return;
        }
        if self.is_vector(dst) {
            let d = self.define_v(dst);
            self.e.movaps_load(d, arg(0));
            self.set_v(dst, d);
        } else {
            let d = self.define(dst);
            self.e.load(Size::Q, d, arg(0));
            self.set(dst, d);
        }
    }
    /// Stores a 64-bit constant, using a scratch register if need be.
    pub(crate) fn store_const(&mut self, to: Mem, v: u64) {
        if let Ok(imm) = i32::try_from(v as i64) {
            return self.e.store_imm(Size::Q, to, imm);
        }
        let r = self.scratch();
        self.e.mov_imm(r, v);
        self.e.store(Size::Q, to, r);
        self.release(r);
    }
}

/// `State::args[n]`.
pub(crate) const fn arg(n: usize) -> Mem {
    Mem::state(offset_of!(State, args) as i32 + n as i32 * 16)
}
