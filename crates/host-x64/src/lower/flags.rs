//! Where the guest's flags are, and moving them.
//!
//! They can be in the host's flags (with the carry in one of two polarities, or as a
//! floating-point compare leaves them), in their home `State::flags`, or be left out as a recipe
//! when only a fault would need them. Several of these may hold at once.

use crate::Alu;
use crate::emit::{Cc, Gpr, Mem, Size};
use crate::lower::Lower;
use crate::lower::liveness::READER;
use crate::lower::values::spill_mem;
use core::mem::offset_of;
use host::{FlagsAt, Recipe};
use ir::{Cond, Op, OpCode, Ref, State};

/// What the host's flags mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// After an addition or logic: CF = C.
    Add,
    /// After a subtraction: CF = !C.
    Sub,
    /// After `ucomis a, b`.
    Float,
    /// After `ucomis b, a`.
    FloatSwapped,
}

/// Where the flags are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flags {
    /// In the host's flags.
    pub(crate) host: Option<Kind>,
    /// In their home; also claimed while nobody needs them.
    pub(crate) home: bool,
    /// Computable.
    pub(crate) recipe: Option<Recipe>,
    /// Its number in the unit, once used.
    index: Option<u16>,
}

impl Flags {
    pub(crate) const HOME: Self = Self { host: None, home: true, recipe: None, index: None };
    /// Nowhere but in the host's, with an inverted carry.
    pub(crate) const HOST: Self =
        Self { host: Some(Kind::Sub), home: false, recipe: None, index: None };

    /// Nobody needs them any more.
    #[inline]
    pub(crate) fn forget(&mut self) {
        (self.host, self.home, self.recipe, self.index) = (None, true, None, None);
    }
    /// Only in the host's flags, as a floating-point compare leaves them.
    pub(crate) const fn in_float_form(&self) -> bool {
        matches!(self.host, Some(Kind::Float | Kind::FloatSwapped)) && !self.home
    }
}

impl Flags {
    /// The flags in the host's or as a recipe of slots, if their home is stale: what a loop may
    /// start with.
    pub(crate) fn for_again(self) -> Option<Self> {
        let intact = |r: &Recipe| r.a < Recipe::SPILL && r.b.is_none_or(|b| b < Recipe::SPILL);
        let recipe = self.recipe.filter(intact);
        let known = self.host.is_some() || recipe.is_some();
        (known && !self.home).then_some(Self { recipe, index: None, ..self })
    }
    /// Without those in the host's.
    pub(crate) fn without_host(self) -> Self {
        Self { host: None, ..self }
    }
    /// Whether they are in the same places.
    pub(crate) fn same(self, other: Self) -> bool {
        (self.host, self.home, self.recipe) == (other.host, other.home, other.recipe)
    }
}

/// What the host's flags are needed for within the current operation.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct HostFlags {
    /// They hold something that the operation still needs.
    pub(super) busy: bool,
    /// Start and end of the last compare, for macro-fusion.
    pub(super) compare: Option<(u32, u32)>,
    /// The last value that is 1 just if the host's flags, as they are at a position of the code, pass a
    /// test, and else 0.
    pub(super) truth: Option<(Ref, Test, u32)>,
    /// The last addition, if the host's carry, as it is at a position of the code, is that of it.
    pub(super) carry: Option<(Op, u32)>,
}

/// Where the flags are at labels that only branches from above lead to which leave the host's flags alone:
/// where the first of these branches has them. By label; those that do not fit have them at home.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct LabelFlags {
    /// Those that a branch has led to.
    known: u64,
    /// Those where they are in the host's, as [`Kind::Sub`].
    host: u64,
}

/// A test of the host's flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Test {
    /// True.
    Always,
    /// One condition.
    One(Cc),
    /// Both.
    And(Cc, Cc),
    /// Either.
    Or(Cc, Cc),
}

impl Test {
    /// The opposite; `Always` has none.
    pub(crate) const fn invert(self) -> Self {
        match self {
            Self::Always => Self::Always,
            Self::One(c) => Self::One(c.invert()),
            Self::And(a, b) => Self::Or(a.invert(), b.invert()),
            Self::Or(a, b) => Self::And(a.invert(), b.invert()),
        }
    }
}

/// The home of the flags.
pub(crate) const FLAGS: Mem = Mem::state(offset_of!(State, flags) as i32);

/// The test for `cond` when the host's flags are as `kind` says; None: the carry has the wrong
/// polarity for a single test.
const fn test_of(kind: Kind, cond: Cond) -> Option<Test> {
    Some(Test::One(match (kind, cond) {
        (_, Cond::Al | Cond::Nv) => return Some(Test::Always),
        (Kind::Float | Kind::FloatSwapped, _) => return Some(float_test(kind, cond)),
        (_, Cond::Pe) => Cc::P,
        (_, Cond::Po) => Cc::Np,
        (_, Cond::Eq) => Cc::E,
        (_, Cond::Ne) => Cc::Ne,
        (_, Cond::Mi) => Cc::S,
        (_, Cond::Pl) => Cc::Ns,
        (_, Cond::Vs) => Cc::O,
        (_, Cond::Vc) => Cc::No,
        (_, Cond::Ge) => Cc::Ge,
        (_, Cond::Lt) => Cc::L,
        (_, Cond::Gt) => Cc::G,
        (_, Cond::Le) => Cc::Le,
        (Kind::Sub, Cond::Hs) | (Kind::Add, Cond::Lo) => Cc::Ae,
        (Kind::Sub, Cond::Lo) | (Kind::Add, Cond::Hs) => Cc::B,
        (Kind::Sub, Cond::Hi) => Cc::A,
        (Kind::Sub, Cond::Ls) => Cc::Be,
        (Kind::Add, _) => return None,
    }))
}

/// After `ucomis`: unordered sets ZF, PF and CF; less CF; equal ZF.
const fn float_test(kind: Kind, cond: Cond) -> Test {
    use Test::{And, One, Or};
    let swapped = matches!(kind, Kind::FloatSwapped);
    match (cond, swapped) {
        (Cond::Eq, _) => And(Cc::E, Cc::Np),
        (Cond::Ne, _) => Or(Cc::Ne, Cc::P),
        (Cond::Vs, _) => One(Cc::P),
        (Cond::Vc, _) => One(Cc::Np),
        (Cond::Hs | Cond::Pl, false) => Or(Cc::Ae, Cc::P),
        (Cond::Lo | Cond::Mi, false) => And(Cc::B, Cc::Np),
        (Cond::Hi, false) => Or(Cc::A, Cc::P),
        (Cond::Ls, false) => And(Cc::Be, Cc::Np),
        (Cond::Ge, false) => One(Cc::Ae),
        (Cond::Lt, false) => One(Cc::B),
        (Cond::Gt, false) => One(Cc::A),
        (Cond::Le, false) => One(Cc::Be),
        (Cond::Hs | Cond::Pl, true) => One(Cc::Be),
        (Cond::Lo | Cond::Mi, true) => One(Cc::A),
        (Cond::Hi, true) => One(Cc::B),
        (Cond::Ls, true) => One(Cc::Ae),
        (Cond::Ge, true) => And(Cc::Be, Cc::Np),
        (Cond::Lt, true) => Or(Cc::A, Cc::P),
        (Cond::Gt, true) => And(Cc::B, Cc::Np),
        (Cond::Le, true) => Or(Cc::Ae, Cc::P),
        // (Comparisons that give a parity leave it in the host's flags as it is.)
        (Cond::Al | Cond::Nv | Cond::Pe | Cond::Po, _) => Test::Always,
    }
}

/// Bit of the flag word that `cond` or its opposite tests alone.
const fn single_bit(cond: Cond) -> Option<u32> {
    use ir::state::flag;
    match cond {
        Cond::Eq | Cond::Ne => Some(flag::Z),
        Cond::Hs | Cond::Lo => Some(flag::C),
        Cond::Mi | Cond::Pl => Some(flag::N),
        Cond::Vs | Cond::Vc => Some(flag::V),
        _ => None,
    }
}

impl Lower<'_> {
    /// Who needs the flags that hold while the current operation runs.
    fn need(&self) -> u8 {
        let op = self.op.code;
        let branch = matches!(
            op,
            OpCode::BrCond | OpCode::BrCmp | OpCode::BrBit | OpCode::Br | OpCode::ExitDirect
        );
        if op.may_fault() || branch || op.ends_block() {
            self.live.before(self.at)
        } else {
            self.live.after(self.at)
        }
    }
    /// Who needs the flags after the current operation.
    pub(crate) fn need_after(&self) -> u8 {
        self.live.after(self.at)
    }
    /// To be called before emitting host instructions that destroy the host's flags, and before
    /// asking for operands. Operations that read the flags must have done so.
    #[inline]
    pub(crate) fn clobber(&mut self) {
        if self.flags.host.is_some() {
            self.clobber_host();
        }
    }
    #[inline(never)]
    fn clobber_host(&mut self) {
        // What reads them next may as well compute them once more.
        if self.must_save() && (self.flags.recipe.is_none() || self.next_cond().is_none()) {
            self.save_flags();
        }
        self.flags.host = None;
    }
    /// Whether [`Lower::clobber`] would cost anything: then forms that keep the host's flags are
    /// better.
    pub(crate) fn must_save(&self) -> bool {
        self.flags.host.is_some()
            && !self.flags.home
            && match self.need() {
                0 => false,
                1 => self.flags.recipe.is_none(),
                _ => true,
            }
    }
    /// Declares that the current operation has set the guest's flags in the host's.
    pub(crate) fn flags_host(&mut self, kind: Kind, recipe: Option<Recipe>) {
        self.flags = Flags { host: Some(kind), home: false, recipe, index: None };
    }
    /// Declares that the current operation has written the flags' home.
    pub(crate) fn flags_home(&mut self) {
        self.flags = Flags::HOME;
    }
    /// Declares that the flags are left out.
    pub(crate) fn flags_recipe(&mut self, recipe: Recipe) {
        self.flags = Flags { host: None, home: false, recipe: Some(recipe), index: None };
    }
    /// Puts the flags into their home, keeping them where they are too. Needs rax, so it comes
    /// before operands are asked for. Changes the polarity of the carry in the host's flags.
    #[inline]
    pub(crate) fn save_flags(&mut self) {
        if !self.flags.home {
            self.save_flags_home();
        }
    }
    #[inline(never)]
    fn save_flags_home(&mut self) {
        match self.flags.host {
            None => {
                if self.flags.recipe.is_some() {
                    self.compute_recipe();
                    self.save_flags();
                }
            }
            Some(Kind::Float | Kind::FloatSwapped) => self.save_float_flags(),
            Some(kind) => {
                self.take(Gpr::RAX);
                if kind == Kind::Sub {
                    self.e.cmc();
                    self.flags.host = Some(Kind::Add);
                }
                self.e.lahf();
                self.e.setcc(Cc::O, Gpr::RAX);
                self.e.store(Size::D, FLAGS, Gpr::RAX);
                self.release(Gpr::RAX);
                self.flags.home = true;
            }
        }
    }
    fn save_float_flags(&mut self) {
        use ir::state::flag::{C, N, V, Z};
        let swapped = self.flags.host == Some(Kind::FloatSwapped);
        let (less, greater) = (u64::from(N), u64::from(C));
        let (first, carry) = if swapped { (less, greater) } else { (greater, less) };
        let (r, s) = (self.scratch(), self.scratch());
        self.e.mov_imm(r, first);
        for (cc, v) in [(Cc::B, carry), (Cc::E, u64::from(Z | C)), (Cc::P, u64::from(C | V))] {
            self.e.mov_imm(s, v);
            self.e.cmov(cc, Size::D, r, s);
        }
        self.e.store(Size::D, FLAGS, r);
        self.release(r);
        self.release(s);
        self.flags.home = true;
    }
    /// Computes a recipe into the host's flags.
    fn compute_recipe(&mut self) {
        let Some(recipe) = self.flags.recipe else { return };
        let size = if recipe.w32 { Size::D } else { Size::Q };
        let a = self.recipe_operand(recipe.a);
        let b = match recipe.b {
            Some(b) => self.recipe_operand(b),
            None => {
                let b = self.scratch();
                self.e.mov_imm(b, recipe.imm);
                b
            }
        };
        let kind = match recipe.kind {
            0 => {
                self.e.alu(Alu::Cmp, size, a, b);
                Kind::Sub
            }
            1 | 3 | 4 => {
                let s = self.scratch();
                self.e.mov(Size::Q, s, a);
                let op = if recipe.kind == 4 { Alu::Sub } else { Alu::Add };
                self.e.alu(op, size, s, b);
                match recipe.kind {
                    1 => Kind::Add,
                    3 => {
                        self.e.alu(Alu::Cmp, size, s, b);
                        Kind::Sub
                    }
                    _ => {
                        self.e.alu(Alu::Add, size, s, b);
                        Kind::Add
                    }
                }
            }
            _ => {
                self.e.test(size, a, b);
                Kind::Add
            }
        };
        self.flags.host = Some(kind);
        self.unlock();
    }
    fn recipe_operand(&mut self, n: u16) -> Gpr {
        if n < Recipe::SPILL {
            return self.using(Ref::slot(n));
        }
        let r = self.scratch();
        self.e.load(Size::Q, r, spill_mem(n - Recipe::SPILL));
        r
    }
    /// Before an operation that writes slot `s`: keeps the old value if the flags' recipe needs
    /// it, or drops the recipe.
    pub(crate) fn keep_recipe_operand(&mut self, s: u16) {
        let Some(mut recipe) = self.flags.recipe else { return };
        if recipe.a != s && recipe.b != Some(s) {
            return;
        }
        let op = self.op.code;
        // Then only this operation itself may look at them, which it does before it writes.
        let last = self.need_after() == 0 || op.writes_flags();
        let looks = op.may_fault() || op.reads_flags();
        if self.flags.home || last && !looks {
            self.flags.recipe = None;
            return;
        }
        if last {
            return;
        }
        if self.flags.host.is_some() && self.need_after() == READER {
            self.flags.recipe = None;
            return;
        }
        let r = self.using(Ref::slot(s));
        let n = if recipe.a == s { 0 } else { 1 };
        let spill = crate::lower::values::RECIPE_SPILL + n;
        self.e.store(Size::Q, spill_mem(spill), r);
        self.unlock();
        if recipe.a == s {
            recipe.a = Recipe::SPILL + spill;
        }
        if recipe.b == Some(s) {
            recipe.b = Some(Recipe::SPILL + spill);
        }
        self.flags.recipe = Some(recipe);
        self.flags.index = None;
    }
    /// Where the flags are if they are not at home, for a fault point at this place.
    pub(crate) fn flags_at(&mut self) -> FlagsAt {
        match (self.flags.host, self.flags.recipe) {
            (Some(Kind::Add), _) => FlagsAt::HostAdd,
            (Some(Kind::Sub), _) => FlagsAt::HostSub,
            (_, Some(recipe)) => {
                let n = self.flags.index.unwrap_or_else(|| {
                    self.code.recipes.push(recipe);
                    self.code.recipes.len() as u16 - 1
                });
                self.flags.index = Some(n);
                FlagsAt::Recipe(n)
            }
            _ => {
                debug_assert!(false, "flags lost at {:?}", self.op);
                FlagsAt::Home
            }
        }
    }
    /// Makes the host's flags answer `cond` until the end of the operation (or longer). Comes
    /// before operands are asked for; what follows must not destroy the host's flags before the
    /// test is used.
    pub(crate) fn test_for(&mut self, cond: Cond) -> Test {
        if matches!(cond, Cond::Al | Cond::Nv) {
            return Test::Always;
        }
        self.host_flags.busy = true;
        if self.flags.host.is_none() {
            if !self.flags.home {
                self.compute_recipe();
            } else if self.need_after() == READER || single_bit(cond).is_none() {
                self.load_flags();
            } else if let Some(bit) = single_bit(cond) {
                let r = self.scratch();
                self.e.load(Size::D, r, FLAGS);
                self.e.test_imm(Size::D, r, bit as i32);
                self.release(r);
                let set = cond as u8 & 1 == 0;
                return Test::One(if set { Cc::Ne } else { Cc::E });
            }
        }
        let Some(kind) = self.flags.host else {
            self.out_of_registers();
            return Test::Always;
        };
        test_of(kind, cond).unwrap_or_else(|| {
            self.e.cmc();
            self.flags.host = Some(Kind::Sub);
            Test::One(if cond == Cond::Hi { Cc::A } else { Cc::Be })
        })
    }
    /// Loads the home into the host's flags.
    pub(crate) fn load_flags(&mut self) {
        self.take(Gpr::RAX);
        self.e.load(Size::D, Gpr::RAX, FLAGS);
        // Overflow from bit 0: 1 + 0x7f overflows, 0 + 0x7f does not.
        self.e.alu_imm(Alu::Add, Size::B, Gpr::RAX, 0x7f);
        self.e.sahf();
        self.release(Gpr::RAX);
        self.flags.host = Some(Kind::Add);
    }
    /// Makes CF the carry with the polarity of `kind` (`Add` or `Sub`), before an `adc` or `sbb`.
    pub(crate) fn carry_as(&mut self, kind: Kind) {
        self.host_flags.busy = true;
        match self.flags.host {
            Some(Kind::Float | Kind::FloatSwapped) => {
                self.save_flags();
                self.load_flags();
            }
            Some(_) => {}
            None if self.flags.home => self.load_flags(),
            None => self.compute_recipe(),
        }
        if self.flags.host != Some(kind) {
            self.e.cmc();
            self.flags.host = Some(kind);
        }
    }
    /// Whether the flags are in the host's at label `n`, to which the current operation branches.
    pub(crate) fn flags_stay_for(&mut self, n: i32) -> bool {
        let bit = 1u64.checked_shl(n as u32).unwrap_or(0);
        if bit == 0 || !self.live.host_flags_reach(n) {
            return false;
        }
        if self.label_flags.known & bit == 0 {
            self.label_flags.known |= bit;
            let only_host =
                matches!(self.flags.host, Some(Kind::Add | Kind::Sub)) && !self.flags.home;
            self.label_flags.host |= if only_host { bit } else { 0 };
        }
        self.label_flags.host & bit != 0
    }
    /// The same at the label itself.
    pub(crate) fn flags_have_stayed_for(&self, n: i32) -> bool {
        self.label_flags.host & 1u64.checked_shl(n as u32).unwrap_or(0) != 0
    }
    /// The condition that the next reader of the flags asks for, if there is one before they are
    /// replaced.
    pub(crate) fn next_cond(&self) -> Option<Cond> {
        for op in &self.block.ops[self.at + 1..] {
            match op.code {
                OpCode::BrCond
                | OpCode::Sel
                | OpCode::SelInc
                | OpCode::SelInv
                | OpCode::SelNeg
                | OpCode::SetCond
                | OpCode::SetMask
                | OpCode::CcmpSub
                | OpCode::CcmpAdd
                | OpCode::FCcmp => return Some(Cond::from_u8(op.aux as u8)),
                c if c.reads_flags() || c.writes_flags() || c.ends_block() => return None,
                OpCode::Label => return None,
                _ => {}
            }
        }
        None
    }
}
