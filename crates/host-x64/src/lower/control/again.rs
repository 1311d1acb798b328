//! Blocks that loop to their own start.

use crate::emit::{Branch, Label};
use crate::lower::cold::ColdKind;
use crate::lower::flags::{Flags, HostFlags, Test};
use crate::lower::liveness::{FAULT, NOBODY, READER, is_loop};
use crate::lower::values::Copies;
use crate::lower::{Lower, NO_SKIP};
use host::Link;
use ir::{Op, Ref};

/// Operations in a block that is worth a second copy.
const AGAIN_MAX: usize = 160;

/// What loops are aligned to: a line of the host's cache of instructions.
const LINE: usize = 64;

/// A second copy of a block that loops to its own start. The first copy expects the flags at home;
/// this one expects them where the loop's end has them, so that they are not saved each time round
/// only because something may fault before they are replaced. It also expects the copies of slots in
/// scratch registers that the loop's end has: so a value that each turn computes from that of the last
/// does not go through memory.
#[derive(Clone, Copy, Debug)]
struct Again {
    label: Label,
    flags: Flags,
    copies: Copies,
}

/// Where branches to the block's own start go.
#[derive(Default, Debug)]
pub(crate) struct Turns {
    /// The block's start, if something branches there.
    pub(crate) start: Option<Label>,
    /// Where those go that have the flags in the host's.
    again: Option<Again>,
    /// In the second copy.
    second: bool,
}

impl Lower<'_> {
    /// Emits the block, and its second copy if the first branches to it.
    pub(crate) fn turns(&mut self) {
        if self.block.exits.iter().any(|exit| exit.pc == self.block.pc) {
            let start = self.e.new_label();
            self.e.bind(start);
            self.turns.start = Some(start);
        }
        self.check_code();
        self.operations();
        let Some(again) = self.turns.again else { return };
        if self.is_stuck() {
            return;
        }
        self.turns.second = true;
        self.flags = again.flags;
        self.host_flags = HostFlags::default();
        self.boxes.forget();
        self.skip = NO_SKIP;
        self.values.start(self.block);
        self.values.start_with(again.copies);
        for label in self.labels.iter_mut() {
            *label = self.e.new_label();
        }
        self.e.align(LINE);
        self.e.bind(again.label);
        self.operations();
    }
    /// Whether a branch destination is the block's own start and at most faults need the flags there.
    pub(crate) fn may_go_again(&self, dest: i32) -> bool {
        // (Code that may change is compared in each turn.)
        is_loop(self.block, dest)
            && self.block.checked.is_empty()
            && self.need_at(dest) <= FAULT
            && self.block.ops.len() <= AGAIN_MAX
    }
    /// Branches to the block's second copy if the flags are as that one expects them, or if it
    /// does not exist yet.
    pub(super) fn go_again(&mut self, branch: Branch) -> bool {
        let dead = self.live.at_start() == NOBODY;
        let known = if dead { Some(Flags::HOME) } else { self.flags.for_again() };
        let Some(flags) = known else { return false };
        let before = self.turns.again;
        let again = match before {
            Some(again) if !again.flags.same(flags) || !self.load_copies(again.copies) => {
                return false;
            }
            Some(again) => again,
            None if self.turns.second => return false,
            None => {
                let copies = self.useful_copies();
                if dead && copies.is_empty() {
                    return false;
                }
                let label = self.e.new_label();
                *self.turns.again.insert(Again { label, flags, copies })
            }
        };
        let n = self.code.links.len() as u32;
        let now = core::mem::replace(&mut self.flags, flags);
        self.cold(ColdKind::Unloop(n));
        self.flags = now;
        let at = self.e.patchable(branch, Some(again.label), self.fused());
        self.code.links.push(Link { at, stub: 0, number: 0, pc: self.block.pc, looped: true });
        true
    }
    /// Whether a compare-and-branch to `dest`, the block's own start, can leave the flags as a
    /// recipe: then it gives up what the host's flags hold.
    pub(super) fn may_go_again_flagless(&mut self, dest: i32) -> bool {
        if !self.may_go_again(dest) || self.live.at_start() == NOBODY {
            return false;
        }
        let left = self.flags.without_host();
        let fits = left.for_again().is_some_and(|flags| match self.turns.again {
            Some(again) => again.flags.same(flags),
            None => !self.turns.second,
        });
        let dies = self.need_after() < READER;
        if fits && dies {
            self.flags = left;
        }
        fits && dies
    }
    /// The copies that the block uses before it writes the slots.
    fn useful_copies(&self) -> Copies {
        let block = self.block;
        self.values.copies(|slot| {
            let slot = Ref::slot(slot);
            let mentions = |op: &&Op| [op.a, op.b, op.c, op.dst].contains(&slot);
            let first = block.ops.iter().find(mentions);
            first.is_some_and(|op| [op.a, op.b, op.c].contains(&slot))
        })
    }
    /// Branches to the block's second copy or to `dest`.
    pub(super) fn branch_again(&mut self, again: bool, test: Test, dest: i32) {
        let again = again || self.may_go_again(dest) && self.live.at_start() == NOBODY;
        if let (true, Test::One(cc)) = (again, test)
            && self.go_again(Branch::Jcc(cc))
        {
            return;
        }
        self.branch(test, dest);
    }
}
