//! What a process does with each signal.

use super::held::Held;
use super::{SIG_DFL, SIG_IGN, SYNCHRONOUS, bit, sa};
use crate::abi::Abi;
use crate::layout::{self, Sigaction, SigactionRestorer};
use crate::proc::PUBLISHED;
use engine::signals as host;
use memory::MemoryFault;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Number of signals.
const SIGNALS: usize = 64;

/// `struct sigaction` as the guest gave it: words for handler, flags, restorer (where the architecture
/// has one) and mask.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Action {
    /// Address, or `SIG_DFL`, `SIG_IGN`.
    pub handler: u64,
    /// `SA_*`.
    pub flags: u64,
    /// Where the handler returns to, with `SA_RESTORER`.
    pub restorer: u64,
    /// Further signals to be blocked in the handler.
    pub mask: u64,
}

impl Action {
    /// The one at `at`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn read(abi: &Abi, at: u64) -> Result<Self, MemoryFault> {
        if abi.restorer {
            let read: SigactionRestorer = layout::read(abi.model, at)?;
            let SigactionRestorer { handler, flags, restorer, mask } = read;
            Ok(Self { handler, flags, restorer, mask })
        } else {
            let Sigaction { handler, flags, mask } = layout::read(abi.model, at)?;
            Ok(Self { handler, flags, restorer: 0, mask })
        }
    }

    /// Writes it to `at`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write(self, abi: &Abi, at: u64) -> Result<(), MemoryFault> {
        let Self { handler, flags, restorer, mask } = self;
        if abi.restorer {
            layout::write(abi.model, at, SigactionRestorer { handler, flags, restorer, mask })
        } else {
            layout::write(abi.model, at, Sigaction { handler, flags, mask })
        }
    }

    /// Makes the host's action for `signo` the one that lets the guest have this one.
    fn apply(&self, signo: i32) {
        if SYNCHRONOUS & bit(signo) != 0 {
            return;
        }
        match self.handler {
            SIG_DFL => host::default(signo),
            SIG_IGN => host::ignore(signo),
            _ => host::catch(signo),
        }
        // The kernel then decides by the guest's flag whether a call that the host's handler
        // interrupted is made again, and whether children become zombies.
        let restart = if self.handler > SIG_IGN { sa::RESTART } else { 0 };
        let known = sa::NOCLDSTOP | sa::NOCLDWAIT | restart;
        sys::process::set_action_flags(signo, self.flags & known, known);
    }
}

/// The action of each signal.
#[derive(Clone, Copy)]
struct Table {
    actions: [Action; SIGNALS],
    /// Signals of which the host has to be asked whether they were ignored when the program started.
    /// (Most programs never care.)
    unknown: u64,
}

impl Table {
    fn get(&mut self, signo: i32) -> &mut Action {
        let action = &mut self.actions[signo as usize - 1];
        if self.unknown & bit(signo) != 0 {
            self.unknown &= !bit(signo);
            if sys::process::is_ignored(signo) {
                action.handler = SIG_IGN;
            }
        }
        action
    }

    /// Which signals are caught, and which ignored.
    fn sets(&mut self) -> (u64, u64) {
        let handlers: [_; SIGNALS] = core::array::from_fn(|n| self.get(n as i32 + 1).handler);
        let of = |wanted: fn(u64) -> bool| {
            let signals = (1..).zip(handlers);
            signals.filter(|&(_, h)| wanted(h)).fold(0, |set, (s, _)| set | bit(s))
        };
        (of(|h| h > SIG_IGN), of(|h| h == SIG_IGN))
    }
}

/// The actions of a process.
pub struct ProcessSignals {
    table: Mutex<Table>,
    /// Other processes are shown them: they are not a child's that runs in its parent's memory.
    published: bool,
    /// Signals that were sent to the process while all its threads block them.
    pub(crate) held: Held,
}

impl ProcessSignals {
    /// What a program starts with: everything default, but what was ignored stays ignored.
    /// `synchronous` are those synchronous signals that were ignored.
    pub fn inherited(synchronous: u64) -> Self {
        let mut table = Table { actions: [Action::default(); SIGNALS], unknown: !SYNCHRONOUS };
        for signo in (1..=SIGNALS as i32).filter(|&s| synchronous & bit(s) != 0) {
            table.get(signo).handler = SIG_IGN;
        }
        PUBLISHED.set_signals(0, synchronous);
        Self { table: Mutex::new(table), published: true, held: Held::new(true) }
    }

    /// A copy, for a process that shares no actions with this one.
    pub fn copy(&self) -> Self {
        Self { table: Mutex::new(*self.table()), published: false, held: Held::default() }
    }

    /// Held over a fork.
    pub fn fork_guard(&self) -> (impl Drop + '_, impl Drop + '_) {
        (self.table(), self.held.list())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The action of `signo` (1..=64).
    pub fn get(&self, signo: i32) -> Action {
        *self.table().get(signo)
    }

    /// Sets the action of `signo`, on the host as well; gives the old one.
    pub fn set(&self, signo: i32, action: Action) -> Action {
        let mut table = self.table();
        let old = core::mem::replace(table.get(signo), action);
        action.apply(signo);
        self.publish(&mut table, signo);
        old
    }

    /// The action of `signo`, which is delivered now: `SA_RESETHAND` takes effect.
    pub(super) fn take(&self, signo: i32) -> Action {
        let mut table = self.table();
        let action = *table.get(signo);
        if action.handler > SIG_IGN && action.flags & sa::RESETHAND != 0 {
            let reset = Action { handler: SIG_DFL, ..action };
            *table.get(signo) = reset;
            reset.apply(signo);
            self.publish(&mut table, signo);
        }
        action
    }

    /// The action of `signo` has changed.
    fn publish(&self, table: &mut Table, signo: i32) {
        if self.published && SYNCHRONOUS & bit(signo) != 0 {
            let (caught, ignored) = table.sets();
            PUBLISHED.set_signals(caught & SYNCHRONOUS, ignored & SYNCHRONOUS);
        }
    }

    /// Which signals are caught, and which ignored, for /proc.
    pub fn sets(&self) -> (u64, u64) {
        self.table().sets()
    }

    /// `CLONE_CLEAR_SIGHAND`: what is handled becomes default.
    pub fn clear_handlers(&self) {
        for signo in 1..=SIGNALS as i32 {
            if self.get(signo).handler > SIG_IGN {
                self.set(signo, Action::default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::{aarch64, riscv64};

    #[test]
    fn actions_have_four_words_or_three() {
        let action = Action { handler: 1, flags: 2, restorer: 3, mask: 4 };
        let words = [0_u64; 4];
        let at = words.as_ptr() as u64;
        let seen = || std::hint::black_box(words);
        let (with, without) = (&aarch64::ABI, &riscv64::ABI);
        action.write(with, at).unwrap();
        assert_eq!((seen(), Action::read(with, at).unwrap()), ([1, 2, 3, 4], action));
        action.write(without, at).unwrap();
        let expected = Action { restorer: 0, ..action };
        assert_eq!((seen(), Action::read(without, at).unwrap()), ([1, 2, 4, 4], expected));
    }
}
