//! Runs single blocks on the real host, to compare lowered code with the evaluator.

use crate::cpu::{Cpu, Fault};
use crate::engine::Engine;
use crate::options::Options;
use core::sync::atomic::Ordering;
use guest::Guest;
use ir::state::exit;
use ir::{Block, State};
use std::io;

/// How a block was left; see [`ir::state::exit`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Left {
    /// One of `ir::state::exit`.
    pub reason: u32,
    /// Its argument; for `LINK` the index among the links of the block.
    pub arg: u64,
    /// The fault, if `reason` says so.
    pub fault: Option<Fault>,
}

/// A block that [`Runner::lower`] has lowered.
#[derive(Clone, Copy, Debug)]
pub struct Lowered(crate::map::Target);

/// Runs blocks, one after the other, on the thread that made it.
#[derive(Debug)]
pub struct Runner {
    cpu: Cpu,
}

impl Runner {
    /// Blocks are lowered with the pins of `guest`.
    ///
    /// # Errors
    /// If memory is short.
    pub fn new(guest: &'static dyn Guest, options: Options) -> io::Result<Self> {
        let mut cpu = Cpu::new(Engine::new(guest, options)?)?;
        cpu.make_current();
        Ok(Self { cpu })
    }
    /// Lowers `block` and runs it from its start to its first exit on the registers of `state`.
    pub fn run(&mut self, block: &Block, state: &mut State) -> Left {
        let lowered = self.lower(block);
        self.run_lowered(lowered, state)
    }
    /// Lowers `block`, to be run several times before others are.
    pub fn lower(&mut self, block: &Block) -> Lowered {
        let engine = self.cpu.engine;
        Lowered(engine.publish(&mut engine.lock(), block, self.cpu.map.key))
    }
    /// Runs what was lowered last.
    pub fn run_lowered(&mut self, lowered: Lowered, state: &mut State) -> Left {
        self.run_unit(lowered.0, state)
    }
    /// The host code of `block`.
    pub fn host_code(&mut self, block: &Block) -> Vec<u8> {
        let mut code = host::Code::default();
        self.cpu.engine.host.lower(block, 0, &mut code);
        code.bytes
    }
    fn run_unit(&mut self, target: crate::map::Target, state: &mut State) -> Left {
        let engine = self.cpu.engine;
        let first_link =
            engine.tables.units.get(target.unit).map_or(0, |u| u64::from(u.first_link));
        let to = self.cpu.state_mut();
        to.int = state.int;
        to.vec = state.vec;
        to.flags = state.flags;
        to.spill = state.spill;
        self.cpu.update_control();
        self.cpu.invalidate_returns();
        self.cpu.epoch = engine.epoch.load(Ordering::SeqCst);
        while !self.cpu.enter(engine.entry(target)) {
            self.cpu.pending().store(0, Ordering::SeqCst);
        }
        let from = self.cpu.state();
        state.int = from.int;
        state.vec = from.vec;
        state.flags = from.flags;
        state.args = from.args;
        state.exit_reason = exit::reason(from.exit_reason);
        state.exit_arg = from.exit_arg;
        let reason = exit::reason(from.exit_reason);
        let arg = if reason == exit::LINK { from.exit_arg - first_link } else { from.exit_arg };
        Left { reason, arg, fault: (reason == exit::FAULT).then(|| self.cpu.shared.fault()) }
    }
}
