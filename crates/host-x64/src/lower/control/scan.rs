//! Loops that search memory ([`ir::scan`]): 64 bytes at a time instead of one turn.
//!
//! The branch back to the loop's start goes here first: it skips turns that would only go on, and
//! then lets the loop's own code do what comes next. It stays within pages of which the last turn
//! has read the byte before, so that nothing is read that the loop might not have reached.

use crate::emit::sse::op;
use crate::emit::{Branch, Cc, Gpr, Label, Mem, Size, Xmm};
use crate::lower::cold::ColdKind;
use crate::lower::flags::{FLAGS, Flags, Test as FlagTest};
use crate::lower::liveness::is_loop;
use crate::lower::values::{XmmOrMem, home};
use crate::lower::vector::splat;
use crate::lower::{Lower, arg};
use crate::{Alu, Count, Unary};
use host::Link;
use ir::OpCode;
use ir::scan::{Bound, Scan, Stream, Test, With, find};
use ir::state::flag;

/// Bytes looked at at once: of a vector, and in a turn of the loop that does it.
const PIECE: i32 = 16;
const CHUNK: i32 = 4 * PIECE;
/// Smallest distance of two addresses of which the processor knows that they are not protected
/// alike.
const PAGE: i32 = 4096;
/// How many bytes may be looked at.
const LIMIT: Mem = arg(0);
/// Where the last chunk may begin.
const LAST: Mem = arg(1);
/// What bytes are compared with, if it is in an integer register.
const VALUE: Mem = arg(2);
/// The bytes that end the loop are zero here.
const FOUND: Xmm = Xmm(15);
const OTHER: Xmm = Xmm(14);

/// A loop that searches memory, to be emitted.
#[derive(Clone, Debug)]
pub(crate) struct ScanCode {
    scan: Scan,
    /// Its first operation.
    start: usize,
    /// Its label, if it is not the block's start.
    label: Option<i32>,
}

impl Lower<'_> {
    /// If the current operation branches back to the start of a loop that searches memory, the
    /// number of that loop.
    pub(crate) fn scan_at(&mut self, dest: i32) -> Option<u32> {
        let (start, label) = if dest < 0 {
            self.turns.start.filter(|_| is_loop(self.block, dest))?;
            (0, None)
        } else {
            let label = self.labels[dest as usize];
            self.e.bound(label)?;
            let is_it = |op: &ir::Op| op.code == OpCode::Label && op.imm == dest;
            (self.block.ops.iter().position(is_it)? + 1, Some(dest))
        };
        if !self.avx() {
            // The other forms of the instructions have operands in memory only if these are aligned.
            return None;
        }
        let mut scan = find(self.block, start, self.at)?;
        for n in 0..scan.tests.len() {
            // Bytes that are tested for zero too come first, to be read only once.
            let zero = |stream| scan.tests.contains(&Test::Equal(stream, With::Byte(0)));
            if let Test::Differ(a, b) = scan.tests[n]
                && !zero(a)
                && zero(b)
            {
                scan.tests[n] = Test::Differ(b, a);
            }
        }
        let mut values = scan.tests.iter().filter_map(register);
        let first = values.next();
        if values.any(|slot| Some(slot) != first) {
            return None;
        }
        let registers = scan.streams.iter().filter(|s| self.stream_base(s).is_none()).count();
        if registers > 2 {
            return None;
        }
        self.scans.push(ScanCode { scan, start, label });
        Some(self.scans.len() as u32 - 1)
    }
    /// Who needs the flags at the start of loop `n`.
    fn scan_need(&self, n: u32) -> u8 {
        match self.scans[n as usize].label {
            Some(label) => self.live.at_label(label),
            None => self.live.at_start(),
        }
    }
    /// Branches to loop `n` if `test` holds, unless the flags would be lost.
    pub(crate) fn branch_to_scan(&mut self, n: u32, test: FlagTest) -> bool {
        let FlagTest::One(cc) = test else { return false };
        if let Some(slot) = self.scans[n as usize].scan.flags_of
            && self.scan_need(n) > 0
        {
            let kept = self.flags.recipe;
            if !kept.is_some_and(|r| r.kind == 3 && !r.w32 && r.a == slot && r.b.is_none()) {
                return false;
            }
        }
        if self.scans[n as usize].label.is_some() {
            let label = self.cold(ColdKind::Scan(n));
            self.e.jcc(cc, label);
            return true;
        }
        let link = self.code.links.len() as u32;
        let label = self.cold(ColdKind::Scan(n));
        self.cold(ColdKind::Unloop(link));
        let at = self.e.patchable(Branch::Jcc(cc), Some(label), self.fused());
        let pc = self.block.pc;
        self.code.links.push(Link { at, stub: 0, number: 0, pc, looped: true });
        true
    }

    /// The register of a stream's base, if that is its whole address.
    fn stream_base(&self, s: &Stream) -> Option<Gpr> {
        self.host.int_pin(s.base).filter(|_| s.index.is_none())
    }
    /// `alu r, slot`.
    fn alu_slot(&mut self, alu: Alu, r: Gpr, slot: u16) {
        match self.host.int_pin(slot) {
            Some(pin) => self.e.alu(alu, Size::Q, r, pin),
            None => self.e.alu_load(alu, Size::Q, r, home(slot)),
        }
    }
    /// `r = slot`.
    fn load_slot(&mut self, r: Gpr, slot: u16) {
        match self.host.int_pin(slot) {
            Some(pin) => self.e.mov(Size::Q, r, pin),
            None => self.e.load(Size::Q, r, home(slot)),
        }
    }

    /// The code of loop `n`: skips turns, then goes to the loop's start.
    pub(crate) fn scan(&mut self, n: u32) {
        let ScanCode { scan, start, label } = self.scans[n as usize].clone();
        let first = self.block.ops[start..].iter().find(|op| op.code == OpCode::Insn);
        self.guest = first.map_or(0, |op| op.imm as u32);
        match (scan.flags_of, scan.flags) {
            _ if self.scan_need(n) == 0 => {}
            (Some(_), _) => (self.flags.host, self.flags.home) = (None, false),
            (_, Some(nzcv)) => {
                self.e.store_imm(Size::D, FLAGS, flag::from_nzcv(nzcv) as i32);
            }
            _ => {
                self.save_flags();
                self.unlock();
            }
        }
        if scan.flags_of.is_none() || self.scan_need(n) == 0 {
            self.flags = Flags::HOME;
        }
        let out = self.e.new_label();
        let (streams, limit) = self.scan_limit(&scan, out);
        let [chunk, piece, end, found, skip] = [(); 5].map(|()| self.e.new_label());
        let zero = self.e.constant(0);
        let test = |this: &mut Self, found: Label| {
            this.v3(op::PCMPEQ[0], FOUND, FOUND, zero);
            this.v2(op::PTEST, FOUND, FOUND);
            this.e.jcc(Cc::Ne, found);
        };
        // Most strings are short.
        self.e.alu(Alu::Xor, Size::D, Gpr::RAX, Gpr::RAX);
        self.scan_piece(&scan, &streams, 0);
        test(self, found);
        match limit {
            Some(r) => self.e.mov(Size::Q, Gpr::RAX, r),
            None => self.e.load(Size::Q, Gpr::RAX, LIMIT),
        }
        self.e.alu_imm(Alu::Sub, Size::Q, Gpr::RAX, CHUNK);
        self.e.store(Size::Q, LAST, Gpr::RAX);
        self.e.alu_imm(Alu::Cmp, Size::Q, Gpr::RAX, PIECE);
        self.e.mov_imm(Gpr::RAX, PIECE as u64);
        self.e.jcc(Cc::L, piece);
        self.e.bind(chunk);
        for offset in (0..CHUNK).step_by(PIECE as usize) {
            self.scan_piece(&scan, &streams, offset);
        }
        test(self, piece);
        self.e.alu_imm(Alu::Add, Size::Q, Gpr::RAX, CHUNK);
        self.e.alu_load(Alu::Cmp, Size::Q, Gpr::RAX, LAST);
        self.e.jcc(Cc::Be, chunk);
        // What is left, or the chunk that ends the loop, piece by piece.
        self.e.bind(piece);
        match limit {
            Some(r) => self.e.alu(Alu::Cmp, Size::Q, Gpr::RAX, r),
            None => self.e.alu_load(Alu::Cmp, Size::Q, Gpr::RAX, LIMIT),
        }
        self.e.jcc(Cc::Ae, end);
        self.scan_piece(&scan, &streams, 0);
        test(self, found);
        self.e.alu_imm(Alu::Add, Size::Q, Gpr::RAX, PIECE);
        self.e.jmp(piece);
        // The next turn may fault, which shows what the last one has written.
        self.e.bind(end);
        self.e.alu_imm(Alu::Sub, Size::Q, Gpr::RAX, scan.stride.into());
        self.e.jmp(skip);
        // The turn that the first such byte belongs to.
        self.e.bind(found);
        self.e.pmovmskb(Gpr::RCX, FOUND);
        self.e.count(Count::Tzcnt, Size::D, Gpr::RCX, Gpr::RCX);
        self.e.alu(Alu::Add, Size::Q, Gpr::RAX, Gpr::RCX);
        if scan.stride > 1 {
            self.e.alu_imm(Alu::And, Size::Q, Gpr::RAX, -i32::from(scan.stride));
        }
        if scan.two {
            self.e.mov_imm(Gpr::RCX, 0);
            self.e.alu_imm(Alu::Sub, Size::Q, Gpr::RAX, scan.stride.into());
            self.e.cmov(Cc::B, Size::Q, Gpr::RAX, Gpr::RCX);
        }
        self.e.bind(skip);
        for &(slot, down) in &scan.moves {
            let alu = if down { Alu::Sub } else { Alu::Add };
            match self.host.int_pin(slot) {
                Some(pin) => self.e.alu(alu, Size::Q, pin, Gpr::RAX),
                None => self.e.alu_store(alu, Size::Q, home(slot), Gpr::RAX),
            }
        }
        self.e.bind(out);
        // Those of the last turn that was skipped.
        self.save_flags();
        self.unlock();
        let to = label.map_or(self.turns.start, |n| Some(self.labels[n as usize]));
        if let Some(to) = to {
            self.e.jmp(to);
        }
    }
    /// Computes how far to look, at least one piece, and the addresses of the streams, to which rax
    /// is to be added; or goes to `out`. The limit is in a register if there is one.
    fn scan_limit(&mut self, scan: &Scan, out: Label) -> (Vec<Mem>, Option<Gpr>) {
        for &(slot, value) in &scan.guards {
            self.e.mov_imm(Gpr::RAX, value);
            self.alu_slot(Alu::Cmp, Gpr::RAX, slot);
            self.e.jcc(Cc::Ne, out);
        }
        if let Some(slot) = scan.tests.iter().find_map(register) {
            self.load_slot(Gpr::RAX, slot);
            self.e.alu_imm(Alu::Cmp, Size::Q, Gpr::RAX, 0xff);
            self.e.jcc(Cc::A, out);
            self.e.mov_to_xmm(Size::D, OTHER, Gpr::RAX);
            self.v2(op::PBROADCAST[0], OTHER, OTHER);
            self.e.movaps_store(VALUE, OTHER);
        }
        let mut free = [Gpr::RCX, Gpr::RDX].into_iter();
        let mut streams = Vec::with_capacity(scan.streams.len());
        for s in &scan.streams {
            let base = match self.stream_base(s) {
                Some(pin) => pin,
                None => {
                    let Some(r) = free.next() else { break };
                    self.load_slot(r, s.base);
                    if let Some(index) = s.index {
                        self.alu_slot(Alu::Add, r, index);
                    }
                    r
                }
            };
            streams.push(Mem::index(base, Gpr::RAX, 0, s.disp));
        }
        let limit = free.next_back();
        for (n, &stream) in streams.iter().enumerate() {
            // To the page's end; none if the next turn is the first to read there.
            self.e.lea(Size::D, Gpr::RAX, stream.without_index());
            self.e.unary(Unary::Neg, Size::D, Gpr::RAX);
            self.e.alu_imm(Alu::And, Size::D, Gpr::RAX, PAGE - 1);
            self.scan_at_most(limit, n == 0);
        }
        for &bound in &scan.bounds {
            match bound {
                Bound::Count { slot, less } => {
                    self.load_slot(Gpr::RAX, slot);
                    if less != 0 {
                        self.e.alu_imm(Alu::Sub, Size::Q, Gpr::RAX, i32::from(less));
                    }
                }
                Bound::End { slot, plus, end } => {
                    // The last turn has gone on, so that this much is left at least.
                    let stride = i32::from(scan.stride);
                    self.load_slot(Gpr::RAX, end);
                    self.alu_slot(Alu::Sub, Gpr::RAX, slot);
                    self.e.alu_imm(Alu::Add, Size::Q, Gpr::RAX, stride - plus as i32);
                    self.e.alu_imm(Alu::Sub, Size::Q, Gpr::RAX, stride);
                    self.e.jcc(Cc::Be, out);
                }
            }
            self.scan_at_most(limit, false);
        }
        let (least, limited) = (PIECE.max(scan.stride.into()), limit.unwrap_or(Gpr::RAX));
        self.e.alu_imm(Alu::And, Size::Q, limited, -least);
        if i32::from(scan.stride) < PIECE {
            self.e.jcc(Cc::E, out);
        } else {
            // Four turns at most: not worth the while.
            self.e.alu_imm(Alu::Cmp, Size::Q, limited, CHUNK);
            self.e.jcc(Cc::B, out);
        }
        if limit.is_none() {
            self.e.store(Size::Q, LIMIT, Gpr::RAX);
        }
        (streams, limit)
    }
    /// The limit (and rax, if it is in memory) becomes the lesser of both.
    fn scan_at_most(&mut self, limit: Option<Gpr>, first: bool) {
        match limit {
            Some(r) if first => self.e.mov(Size::Q, r, Gpr::RAX),
            Some(r) => {
                self.e.alu(Alu::Cmp, Size::Q, Gpr::RAX, r);
                self.e.cmov(Cc::B, Size::Q, r, Gpr::RAX);
            }
            None => {
                if !first {
                    self.e.alu_load(Alu::Cmp, Size::Q, Gpr::RAX, LIMIT);
                    self.e.cmov_load(Cc::A, Size::Q, Gpr::RAX, LIMIT);
                }
                self.e.store(Size::Q, LIMIT, Gpr::RAX);
            }
        }
    }
    /// Makes those bytes of [`FOUND`] zero for which a test applies in the piece at `offset`. Behind
    /// the first piece they stay zero where they are.
    fn scan_piece(&mut self, scan: &Scan, streams: &[Mem], offset: i32) {
        let mut first = offset == 0;
        for (n, stream) in streams.iter().enumerate() {
            let from = stream.plus(offset);
            let mut rest = scan.tests.iter().filter(|&&test| match test {
                Test::Equal(_, With::Byte(0)) => false,
                Test::Equal(m, _) | Test::Unequal(m, _) | Test::Differ(m, _) => m == n,
            });
            // A test for zero needs the bytes as they are; another may share them.
            if scan.tests.contains(&Test::Equal(n, With::Byte(0))) {
                let shared = rest.next();
                if shared.is_none() && !first {
                    self.fault();
                    self.v3(op::PMINU[0], FOUND, FOUND, from);
                    continue;
                }
                let bytes = if first { FOUND } else { OTHER };
                self.fault();
                self.e.movups_load(bytes, from);
                if !first {
                    self.v3(op::PMINU[0], FOUND, FOUND, OTHER);
                }
                first = false;
                if let Some(&test) = shared {
                    self.scan_test(test, streams, offset, OTHER, bytes);
                    self.v3(op::PMINU[0], FOUND, FOUND, OTHER);
                }
            }
            for &test in rest {
                let to = if first { FOUND } else { OTHER };
                self.fault();
                if let Test::Equal(_, with) = test
                    && let XmmOrMem::Reg(value) = self.scan_value(with)
                {
                    self.v3(op::PXOR, to, value, from);
                } else {
                    self.e.movups_load(to, from);
                    self.scan_test(test, streams, offset, to, to);
                }
                if !first {
                    self.v3(op::PMINU[0], FOUND, FOUND, OTHER);
                }
                first = false;
            }
        }
    }
    /// Makes bytes of `to` zero for which `test` applies to `bytes` of its first stream.
    fn scan_test(&mut self, test: Test, streams: &[Mem], offset: i32, to: Xmm, bytes: Xmm) {
        match test {
            Test::Equal(_, with) => {
                let value = self.scan_value(with);
                self.v3(op::PXOR, to, bytes, value);
            }
            Test::Unequal(_, with) => {
                let value = self.scan_value(with);
                self.v3(op::PCMPEQ[0], to, bytes, value);
            }
            Test::Differ(_, n) => {
                self.fault();
                self.v3(op::PCMPEQ[0], to, bytes, streams[n].plus(offset));
            }
        }
    }
    /// The value that bytes are compared with, in every byte.
    fn scan_value(&mut self, with: With) -> XmmOrMem {
        match with {
            With::Byte(c) => self.e.constant(splat(c.into(), 8, 128)).into(),
            With::Vector(slot) => match self.host.vec_pin(slot) {
                Some(x) => x.into(),
                None => home(slot).into(),
            },
            With::Register(_) => VALUE.into(),
        }
    }
}

/// The integer slot with whose value `test` compares.
fn register(test: &Test) -> Option<u16> {
    match test {
        Test::Equal(_, With::Register(slot)) | Test::Unequal(_, With::Register(slot)) => {
            Some(*slot)
        }
        _ => None,
    }
}
