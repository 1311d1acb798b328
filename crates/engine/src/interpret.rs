//! Guest memory for the evaluator.

use crate::cpu::{Access, Fault, current};
use crate::watch::{TRAP_HWBKPT, Watch};
use eval::{MemFault, Memory};
use guest::{Address, Effect, Guest, Space};
use ir::State;
use memory::MemoryFault;

/// The real guest memory.
pub(crate) struct GuestMemory<'a> {
    pub(crate) watches: &'a [Watch],
    pub(crate) guest: &'static dyn Guest,
    /// The last fault.
    pub(crate) fault: Option<MemoryFault>,
}

pub(crate) const SI_KERNEL: i32 = 0x80;
const SEGV_MAPERR: i32 = 1;

impl GuestMemory<'_> {
    /// Fails if the access is one that is watched.
    pub(crate) fn look(&mut self, addr: u64, size: usize, write: bool) -> Result<(), MemFault> {
        if self.watches.iter().any(|watch| watch.hit(addr, size, write)) {
            let fault = MemoryFault { signo: libc::SIGTRAP, code: TRAP_HWBKPT, addr };
            return Err(self.failed(fault, write));
        }
        Ok(())
    }
    pub(crate) fn failed(&mut self, fault: MemoryFault, write: bool) -> MemFault {
        self.fault = Some(fault);
        MemFault { addr: fault.addr, alignment: false, write }
    }
    /// The guest's fault, once the evaluator has reported one.
    pub(crate) fn describe(&self, addr: u64, write: bool) -> Fault {
        let access = Access::data(write);
        let segv = |code, addr| Fault { signo: libc::SIGSEGV, code, addr, access };
        match self.fault {
            Some(f) if f.code != SI_KERNEL => {
                Fault { signo: f.signo, code: f.code, addr: f.addr, access }
            }
            // The host's processor does not access such an address; the guest's may not know of that.
            Some(_) if self.guest.spec().address == Address::Canonical => segv(SI_KERNEL, 0),
            _ => segv(SEGV_MAPERR, addr),
        }
    }
}

/// For `State::runtime`. Nothing is watched where translated code runs.
pub(crate) unsafe extern "C" fn runtime(state: *mut State) -> u32 {
    let Some(cpu) = current() else { return 1 };
    // SAFETY: called by translated code with its state, which nobody else is using.
    let state = unsafe { &mut *state };
    let args = [state.args[0] as u64, state.args[1] as u64];
    let guest = cpu.engine().guest;
    let mut memory = GuestMemory { watches: &[], guest, fault: None };
    let effect = guest.runtime(state.exit_arg as u32, args, state, &mut memory);
    u32::from(effect != Effect::None)
}

impl Space for GuestMemory<'_> {
    fn load(&mut self, addr: u64, out: &mut [u8]) -> Result<(), guest::MemFault> {
        if matches!(out.len(), 1 | 2 | 4 | 8 | 16) {
            // Numbers are read at once.
            let value = Memory::load(self, addr, out.len()).map_err(runtime_fault)?;
            out.copy_from_slice(&value.to_le_bytes()[..out.len()]);
            return Ok(());
        }
        let addr = self.guest.canonical(addr);
        self.look(addr, out.len(), false).map_err(runtime_fault)?;
        memory::read(addr, out).map_err(|fault| runtime_fault(self.failed(fault, false)))
    }
    fn store(&mut self, addr: u64, bytes: &[u8]) -> Result<(), guest::MemFault> {
        if matches!(bytes.len(), 1 | 2 | 4 | 8 | 16) {
            // Numbers are written at once, or not at all.
            let mut value = [0; 16];
            value[..bytes.len()].copy_from_slice(bytes);
            let value = u128::from_le_bytes(value);
            return Memory::store(self, addr, bytes.len(), value).map_err(runtime_fault);
        }
        let addr = self.guest.canonical(addr);
        self.look(addr, bytes.len(), true).map_err(runtime_fault)?;
        memory::write(addr, bytes).map_err(|fault| runtime_fault(self.failed(fault, true)))
    }
}

/// A fault as the guest's runtime is told it.
fn runtime_fault(fault: MemFault) -> guest::MemFault {
    guest::MemFault { addr: fault.addr, write: fault.write }
}

impl Memory for GuestMemory<'_> {
    fn load(&mut self, addr: u64, size: usize) -> Result<u128, MemFault> {
        let addr = self.guest.canonical(addr);
        self.look(addr, size, false)?;
        let value = match size {
            1 => memory::read_u8(addr).map(u128::from),
            2 => memory::read_u16(addr).map(u128::from),
            4 => memory::read_u32(addr).map(u128::from),
            8 => memory::read_u64(addr).map(u128::from),
            _ => memory::read_u128(addr),
        };
        value.map_err(|fault| self.failed(fault, false))
    }
    fn store(&mut self, addr: u64, size: usize, value: u128) -> Result<(), MemFault> {
        let addr = self.guest.canonical(addr);
        self.look(addr, size, true)?;
        let done = match size {
            1 => memory::write_u8(addr, value as u8),
            2 => memory::write_u16(addr, value as u16),
            4 => memory::write_u32(addr, value as u32),
            8 => memory::write_u64(addr, value as u64),
            _ => memory::write_u128(addr, value),
        };
        done.map_err(|fault| self.failed(fault, true))
    }
    fn counter(&mut self) -> u64 {
        crate::clock::now(&mut ir::state::Clock::default())
    }
    fn host_time(&mut self, clock: i32) -> [u64; 2] {
        let (seconds, ns) = sys::clock::read(clock);
        [seconds as u64, ns as u64]
    }
    fn host_cpu(&mut self) -> [u64; 2] {
        sys::clock::cpu_and_node().map(u64::from)
    }
    fn compare_exchange(
        &mut self,
        addr: u64,
        size: usize,
        expected: u128,
        new: u128,
    ) -> Result<u128, MemFault> {
        let addr = self.guest.canonical(addr);
        self.look(addr, size, true)?;
        let old = if size == 16 {
            memory::compare_exchange_16(addr, expected, new)
        } else {
            memory::compare_exchange(addr, size as u8, expected as u64, new as u64).map(u128::from)
        };
        old.map_err(|fault| self.failed(fault, true))
    }
}
