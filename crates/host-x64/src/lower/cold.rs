//! Code of rare paths, which goes to the unit's end: stubs of links, and whatever else would only be in
//! the way.

use crate::Alu;
use crate::emit::Branch;
use crate::emit::{Gpr, Label, Mem, Size, Xmm};
use crate::lower::Lower;
use crate::lower::control::{LEAVE_INDIRECT, LEAVE_LINK};
use crate::lower::flags::{Flags, HostFlags};
use crate::lower::float::quiet::Quiet;
use crate::lower::integer::divide::RareDivision;
use ir::Ref;
use ir::state::exit;

/// What is to be emitted at the unit's end.
#[derive(Default, Debug)]
pub(crate) struct Cold {
    queue: Vec<Next>,
    others: Vec<ColdCode>,
}

impl Cold {
    /// Forgets the last block's.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.others.clear();
    }
    /// Asks for the stub of link `n` of this unit.
    pub(super) fn link(&mut self, n: u32) {
        self.queue.push(Next::Link(n));
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// The stub of link `n` of this unit.
    Link(u32),
    /// Entry `n` of [`Cold::others`].
    Other(u32),
}

/// Code that is not the stub of a link.
#[derive(Clone, Copy, Debug)]
struct ColdCode {
    label: Label,
    kind: ColdKind,
    flags: Flags,
    guest: u32,
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
    /// The guest code is another one.
    Changed,
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
    /// Clears the host's sticky bits of floating point, then back.
    ClearSticky { back: Label },
    /// A signalling comparison of a quiet NaN; then back.
    Unordered { back: Label },
    /// What the operation at an index needs; then back.
    Quiet { what: Quiet, at: u32, back: Label },
    /// Skips turns of loop `n` of [`Lower::scans`].
    Scan(u32),
    /// Puts constant flags (a flag word, C as the host wants it) into the host's flags.
    LoadFlags { word: u32, back: Label },
}

impl Lower<'_> {
    /// Emits all cold code, also that which cold code needs itself.
    pub(super) fn cold_code(&mut self) {
        let mut n = 0;
        while let Some(&next) = self.cold.queue.get(n)
            && !self.is_stuck()
        {
            match next {
                Next::Link(n) => self.link_stub(n),
                Next::Other(n) => {
                    let cold = self.cold.others[n as usize];
                    self.other_cold_code(&cold);
                }
            }
            n += 1;
        }
    }
    /// New cold code with the flags as they are now.
    pub(super) fn cold(&mut self, kind: ColdKind) -> Label {
        let label = self.e.new_label();
        self.cold.queue.push(Next::Other(self.cold.others.len() as u32));
        self.cold.others.push(ColdCode { label, kind, flags: self.flags, guest: self.guest });
        label
    }
    /// The stub of link `n`.
    fn link_stub(&mut self, n: u32) {
        let link = &mut self.code.links[n as usize];
        let at = self.e.position();
        link.stub = at;
        // (Behind the opcode.)
        link.number = at + 1;
        let pc = link.pc;
        self.e.lead_here(link.at);
        self.e.mov_imm(Gpr::RAX, u64::from(self.first_link + n));
        self.e.mov_imm(Gpr::RDX, pc);
        self.e.raw(LEAVE_LINK, 6);
    }
    fn other_cold_code(&mut self, cold: &ColdCode) {
        self.flags = cold.flags;
        self.host_flags = HostFlags::default();
        self.guest = cold.guest;
        self.op.a = Ref::NONE;
        self.op.b = Ref::NONE;
        self.op.c = Ref::NONE;
        self.reset_scratch();
        self.e.bind(cold.label);
        match cold.kind {
            ColdKind::Jump { pc, save } => {
                if save {
                    self.save_flags();
                }
                self.link(Branch::Jmp, pc);
            }
            ColdKind::Unloop(n) => {
                self.code.links[n as usize].stub = self.e.position();
                self.save_flags();
                self.link(Branch::Jmp, self.block.pc);
            }
            ColdKind::Interpret => self.interpret(),
            ColdKind::Scan(n) => self.scan(n),
            ColdKind::Invalid => {
                self.save_flags();
                self.leave(exit::INTERPRET, exit::INVALID, self.pc());
            }
            ColdKind::Changed => self.leave(exit::CHANGED, 0, self.block.pc),
            ColdKind::Indirect => self.e.jmp_mem(LEAVE_INDIRECT),
            ColdKind::IndirectCall(landing) => {
                self.e.lea(Size::Q, Gpr::RDX, Mem::label(landing));
                self.e.push(Gpr::RDX);
                self.e.jmp_mem(LEAVE_INDIRECT);
            }
            ColdKind::Canonical { x, double, back } => self.load_default_nan(x, double, back),
            ColdKind::CanonicalLanes { x, nans, dst, double, back } => {
                self.load_default_nans(x, nans, dst, double, back);
            }
            ColdKind::CanonicalSum { at, sum, back } => self.canonical_sum(at, sum, back),
            ColdKind::ClearSticky { back } => self.clear_sticky(back),
            ColdKind::Unordered { back } => self.unordered(back),
            ColdKind::Quiet { what, at, back } => self.quiet_cold_code(what, at, back),
            ColdKind::Fence(back) => {
                self.full_fence();
                self.e.jmp(back);
            }
            ColdKind::Divide { rare, back } => self.divide_rarely(rare, back),
            ColdKind::LoadFlags { word, back } => {
                self.e.mov_imm(Gpr::RAX, u64::from(word));
                self.e.alu_imm(Alu::Add, Size::B, Gpr::RAX, 0x7f);
                self.e.sahf();
                self.e.jmp(back);
            }
        }
    }
}
