//! The loop around translated code.

use crate::cpu::{Access, Cpu, Exit, Fault, TRAPS};
use crate::interpret::{GuestMemory, SI_KERNEL};
use crate::translate::Place;
use crate::watch::TRAP_HWBKPT;
use core::sync::atomic::{Ordering, fence};
use eval::Outcome;
use guest::{Address, Effect, Mode};
use ir::state::{TRAP_ALONE, exit};
use std::time::Instant;

const BUS_ADRALN: i32 = 1;

impl Cpu {
    /// Runs guest code from the pc slot until something is to be done.
    pub fn run(&mut self) -> Exit {
        // The link that was just left through.
        let mut link = None;
        loop {
            if self.pending().load(Ordering::Relaxed) != 0 {
                return Exit::Interrupted;
            }
            if self.engine.options.interpret {
                if let Some(exit) = self.interpret() {
                    return exit;
                }
                continue;
            }
            let pc = self.state().pc();
            let known = self.map.find(pc);
            if known.is_none() && self.engine.sections.cover(pc) {
                link = None;
                if let Some(exit) = self.run_section(false) {
                    return exit;
                }
                continue;
            }
            let target = match known {
                Some(target) if link.is_none() => target,
                None if self.first_time(pc) => {
                    link = None;
                    let exit = self.evaluate();
                    self.look_for_section();
                    if let Some(exit) = exit {
                        return exit;
                    }
                    continue;
                }
                _ => match self.engine.resolve(self.map, self.place(pc), link.take(), self.epoch) {
                    Ok(target) => target,
                    Err(fault) => return Exit::Fault(fault),
                },
            };
            let host = self.engine.entry(target);
            if !self.enter(host) {
                continue;
            }
            if exit::reason(self.state().exit_reason) == exit::LINK {
                self.look_for_section();
                link = Some(self.state().exit_arg as u32);
            } else if let Some(exit) = self.left() {
                return exit;
            }
        }
    }

    /// Translated code was left by other means than a link; None if it is to go on.
    fn left(&mut self) -> Option<Exit> {
        let (reason, arg) = (self.state().exit_reason, self.state().exit_arg);
        let len = exit::length(reason);
        match exit::reason(reason) {
            exit::INDIRECT => self.indirect().map(Exit::Fault),
            exit::SYSCALL => {
                self.look_for_section();
                Some(Exit::Syscall { imm: arg as u32, len })
            }
            exit::TRAP => Some(self.trap(arg as u16, (arg >> 32) as u32)),
            exit::INTERPRET => {
                // (Where no byte of an address is free, such an access is a fault.)
                let free = self.engine.spec.address == Address::TopByteIgnored;
                if arg == exit::INVALID || arg == exit::TAGGED && free {
                    self.count_trap(arg == exit::TAGGED);
                }
                // (It may have begun single steps.)
                self.interpret().or_else(|| self.steps_itself().then_some(Exit::Interrupted))
            }
            exit::RUNTIME => {
                let args = [self.state().args[0] as u64, self.state().args[1] as u64];
                self.runtime(arg as u32, args, len)
            }
            exit::POLL => {
                self.shared.noticed();
                None
            }
            exit::CHANGED => {
                self.engine.found_changed(self.map, self.state().pc());
                None
            }
            exit::FAULT if self.engine.spec.refault => self.interpret(),
            _ => Some(Exit::Fault(self.shared.fault())),
        }
    }

    /// What a trap at pc is to the one who runs the guest.
    fn trap(&mut self, kind: u16, arg: u32) -> Exit {
        match kind {
            TRAP_ALONE => self.interpret().unwrap_or(Exit::Interrupted),
            _ => Exit::Trap { kind, arg },
        }
    }

    /// Whether the program has a trap after each of its instructions ([`guest::Spec::steps`]): they are to be
    /// run by [`Cpu::step`].
    pub fn steps_itself(&self) -> bool {
        let steps = self.engine.spec.steps;
        steps.is_some_and(|(slot, flag)| self.state().int[usize::from(slot)] & flag != 0)
    }

    /// Runs one guest instruction; None if there is nothing to be done after it.
    pub fn step(&mut self) -> Option<Exit> {
        if self.pending().load(Ordering::Relaxed) != 0 {
            return Some(Exit::Interrupted);
        }
        let pc = self.state().pc();
        let told = core::mem::take(&mut self.told_at) == Some(pc);
        let mut watches = self.watches.iter();
        if watches.any(|watch| watch.stops_at(pc) && !(watch.goes_on && told)) {
            self.told_at = Some(pc);
            let (signo, code) = (libc::SIGTRAP, TRAP_HWBKPT);
            return Some(Exit::Fault(Fault { signo, code, addr: pc, access: Access::Fetch }));
        }
        match self.interpret() {
            Some(Exit::Fault(hit)) if hit.code == TRAP_HWBKPT && self.watches_go_on() => {
                let watches = core::mem::take(&mut self.watches);
                let exit = self.interpret();
                self.watches = watches;
                Some(exit.unwrap_or(Exit::Fault(hit)))
            }
            exit => exit,
        }
    }

    fn watches_go_on(&self) -> bool {
        self.watches.iter().any(|watch| watch.goes_on)
    }

    /// A floating-point operation at pc has trapped, or left for the same reason, or a `tagged` address
    /// has. A few are cheaper than a test at every operation; many are not.
    fn count_trap(&mut self, tagged: bool) {
        const MANY: u8 = 16;
        let pc = self.state().pc();
        let entry = &mut self.traps[(pc >> self.engine.spec.insn_align) as usize % TRAPS];
        if entry.0 != pc {
            *entry = (pc, 0);
        }
        entry.1 += 1;
        if entry.1 >= MANY {
            *entry = (0, 0);
            self.engine.avoid_traps(pc, tagged);
        }
    }

    /// After an indirect branch that was not in the hash: enters it there.
    fn indirect(&mut self) -> Option<Fault> {
        let engine = self.engine;
        let pc = engine.guest.canonical(self.state().pc());
        self.state_mut().set_pc(pc);
        let target = match self.map.find(pc) {
            Some(target) => target,
            // The run loop has it evaluated.
            None if self.is_new(pc) || engine.sections.cover(pc) => return None,
            None => match engine.resolve(self.map, self.place(pc), None, self.epoch) {
                Ok(target) => target,
                Err(fault) => return Some(fault),
            },
        };
        // (If a flush has come since, the epoch says so before the hash is used.)
        let displaced = self.shared.remember(pc, engine.entry(target));
        fence(Ordering::SeqCst);
        if engine.is_dead(target) {
            self.shared.forget(pc);
        }
        // (It may have been translated anew in the meantime, so its pc alone says nothing.)
        if let Some(pc) = displaced
            && self.map.find(pc).is_none_or(|target| {
                engine.is_dead(target) || !self.shared.has_displaced(pc, engine.entry(target))
            })
        {
            self.shared.forget(pc);
        }
        None
    }

    /// What is to be translated at `pc`, which the thread has reached.
    fn place(&self, pc: u64) -> Place {
        Place { pc, hint: self.engine.guest.hint(self.state()) }
    }
    /// Whether the evaluator is to run what is at `pc`, which has no translation.
    fn is_new(&self, pc: u64) -> bool {
        self.firsts.has(pc) && !self.engine.has_family()
    }

    /// As [`Cpu::is_new`], but only once.
    fn first_time(&mut self, pc: u64) -> bool {
        let new = self.is_new(pc);
        if new {
            self.firsts.take(pc);
        }
        new
    }

    /// Runs the instruction at pc by the evaluator.
    fn interpret(&mut self) -> Option<Exit> {
        self.engine.interpreted.fetch_add(1, Ordering::Relaxed);
        let exit =
            self.run_by_evaluator(Mode { key: self.map.key, single: true, ..Mode::default() });
        self.look_for_section();
        exit
    }

    /// Runs the instructions from pc to the next branch by the evaluator.
    fn evaluate(&mut self) -> Option<Exit> {
        let (key, changing) = (self.map.key, self.engine.is_plastic(self.state().pc()));
        self.run_by_evaluator(Mode { key, brief: true, changing, ..Mode::default() })
    }

    fn run_by_evaluator(&mut self, mode: Mode) -> Option<Exit> {
        let engine = self.engine;
        let start = engine.options.timing.then(Instant::now);
        let pc = engine.guest.canonical(self.state().pc());
        self.state_mut().set_pc(pc);
        if engine.sections.cover(pc) {
            return self.run_section(true);
        }
        let mut block = core::mem::take(&mut self.block);
        block.clear();
        let mut fetcher = engine.fetcher(self.map, pc);
        engine.decode(&mut fetcher, pc, mode, &mut block);
        if engine.publishes_new(&block) {
            self.block = block;
            return self.run_by_evaluator(mode);
        }
        let exit = if block.insns == 0 {
            Some(Exit::Fault(engine.fetch_fault(&mut fetcher, pc)))
        } else {
            let watches = core::mem::take(&mut self.watches);
            let mut memory = GuestMemory { watches: &watches, guest: engine.guest, fault: None };
            let outcome = eval::run(&block, self.state_mut(), &mut memory);
            let fault = memory.fault;
            self.watches = watches;
            self.after_evaluation(&block, outcome, fault)
        };
        if let Some(start) = start
            && mode.brief
        {
            let stats = &mut engine.lock().stats;
            stats.evaluated += 1;
            stats.evaluated_insns += u64::from(block.insns);
            stats.evaluated_ns += start.elapsed().as_nanos() as u64;
        }
        self.block = block;
        exit
    }

    /// What is to be done after the evaluation of `block`.
    pub(crate) fn after_evaluation(
        &mut self,
        block: &ir::Block,
        outcome: Outcome,
        fault: Option<memory::MemoryFault>,
    ) -> Option<Exit> {
        match outcome {
            Outcome::Exit(_) => {
                if block.ops.last().is_some_and(ir::Op::is_return) {
                    self.returned();
                }
                None
            }
            Outcome::Call { .. } => {
                self.called();
                None
            }
            Outcome::Syscall(imm) => {
                Some(Exit::Syscall { imm: imm as u32, len: block.last_length() })
            }
            Outcome::Trap { kind, arg } => Some(self.trap(kind, arg as u32)),
            Outcome::Runtime { op, args } => self.runtime(op as u32, args, block.last_length()),
            Outcome::Fault(at)
                if at.alignment && self.engine.spec.address == Address::Canonical =>
            {
                let fault = Fault {
                    signo: libc::SIGSEGV,
                    code: SI_KERNEL,
                    addr: 0,
                    access: Access::data(at.write),
                };
                Some(Exit::Fault(fault))
            }
            Outcome::Fault(at) if at.alignment => {
                let (signo, code) = (libc::SIGBUS, BUS_ADRALN);
                Some(Exit::Fault(Fault {
                    signo,
                    code,
                    addr: at.addr,
                    access: Access::data(at.write),
                }))
            }
            Outcome::Fault(at) => {
                let memory = GuestMemory { watches: &[], guest: self.engine.guest, fault };
                Some(Exit::Fault(memory.describe(at.addr, at.write)))
            }
        }
    }

    /// Executes operation `op` of the guest for an instruction of `len` bytes, which pc is behind.
    fn runtime(&mut self, op: u32, args: [u64; 2], len: u8) -> Option<Exit> {
        let guest = self.engine.guest;
        let watches = core::mem::take(&mut self.watches);
        let mut memory = GuestMemory { watches: &watches, guest, fault: None };
        let effect = guest.runtime(op, args, self.state_mut(), &mut memory);
        let fault = memory.fault;
        self.watches = watches;
        match effect {
            Effect::None => {}
            Effect::Control => self.update_control(),
            Effect::Invalidate { start, len } => {
                self.engine.code_changed(self.engine.guest.canonical(start), len);
            }
            Effect::InvalidateWritable => self.engine.any_code_changed(),
            Effect::Yield => std::thread::yield_now(),
            Effect::Trap { kind, argument } => {
                let pc = self.state().pc().wrapping_sub(len.into());
                self.state_mut().set_pc(pc);
                return Some(Exit::Trap { kind, arg: argument });
            }
            Effect::Fault(at) => {
                let pc = self.state().pc().wrapping_sub(len.into());
                self.state_mut().set_pc(pc);
                let memory = GuestMemory { watches: &[], guest, fault };
                return Some(Exit::Fault(memory.describe(at.addr, at.write)));
            }
        }
        None
    }
}
