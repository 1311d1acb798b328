//! The signal frame of x86_64 (arch/x86/kernel/signal_64.c, fpu/signal.c, uapi/asm/{ucontext,sigcontext}.h).
//!
//! From low to high addresses: the address that the handler returns to, ucontext, siginfo, then at a
//! multiple of 64 bytes the floating-point and vector registers as XSAVE stores them.

use super::flags::{self, DF, TF};
use super::{USER_CS, USER_DS, slot};
use crate::abi::BadFrame;
use crate::signal::{AltStack, Delivery, sa};
use crate::task::Task;
use guest::Capabilities;
use ir::State;
use memory::MemoryFault;

/// Below the stack pointer, of the function that is interrupted.
const RED_ZONE: u64 = 128;

const UC: usize = 8;
const UC_FLAGS: usize = UC;
const UC_STACK: usize = UC + 16;
/// `struct sigcontext`: first the registers of [`ORDER`], then rip, rflags.
const CONTEXT: usize = UC + 40;
const RIP: usize = CONTEXT + 16 * 8;
const RFLAGS: usize = RIP + 8;
/// cs, gs, fs and ss, 16 bits each.
const SELECTORS: usize = RFLAGS + 8;
const ERROR: usize = SELECTORS + 8;
const TRAP: usize = ERROR + 8;
const OLD_MASK: usize = TRAP + 8;
const CR2: usize = OLD_MASK + 8;
const FP_STATE: usize = CR2 + 8;
const UC_SIGMASK: usize = CONTEXT + 256;
const INFO: usize = UC_SIGMASK + 8;
const FRAME: usize = INFO + 128;

/// The registers in a frame.
const ORDER: [usize; 16] = [
    slot::R8,
    slot::R8 + 1,
    slot::R10,
    slot::R11,
    slot::R11 + 1,
    slot::R11 + 2,
    slot::R11 + 3,
    slot::R15,
    slot::RDI,
    slot::RSI,
    slot::RBP,
    slot::RBX,
    slot::RDX,
    slot::RAX,
    slot::RCX,
    slot::RSP,
];

/// `UC_FP_XSTATE`: the floating-point state is one of XSAVE.
const XSTATE: u64 = 1;
/// `UC_SIGCONTEXT_SS`, `UC_STRICT_RESTORE_SS`: the frame has ss.
const SS: u64 = 6;

/// Bytes that FXSAVE stores; and where it leaves room for software.
const FXSAVE: usize = 512;
const SOFTWARE: usize = 464;
/// What Linux puts there, and behind the state, if that is one of XSAVE.
const MAGIC1: u32 = 0x4650_5853;
const MAGIC2: u32 = 0x4650_5845;

/// Most bytes that a frame takes (`AT_MINSIGSTKSZ`).
pub(super) fn size(capabilities: &Capabilities) -> u64 {
    let state = if capabilities.context > FXSAVE as u64 { capabilities.context + 4 } else { 512 };
    // With padding for both alignments.
    FRAME as u64 + state + 64 + 16 + RED_ZONE
}

/// The components of the state that XSAVE stores, by their bits.
pub(super) fn components(task: &Task) -> u64 {
    match task.process.engine.guest().capabilities().context {
        0..=576 => 3,
        _ => 7,
    }
}

fn put(frame: &mut [u8], at: usize, bytes: &[u8]) {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
}

fn put_u64(frame: &mut [u8], at: usize, value: u64) {
    put(frame, at, &value.to_le_bytes());
}

fn get_u64(frame: &[u8], at: usize) -> u64 {
    let (low, high) = (get_u32(frame, at), get_u32(frame, at + 4));
    u64::from(low) | u64::from(high) << 32
}

fn get_u32(frame: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]])
}

/// Builds the frame for a handler and makes the guest start it.
///
/// # Errors
/// If the stack cannot be written, or there is nothing to return to; then nothing has changed.
pub(super) fn push_frame(task: &mut Task, delivery: &Delivery) -> Result<(), MemoryFault> {
    let guest = task.process.engine.guest();
    let mut top = task.frame_top(&delivery.action);
    if top == task.sp() {
        top = top.wrapping_sub(RED_ZONE);
    }
    if delivery.action.flags & sa::RESTORER == 0 {
        return Err(MemoryFault { addr: 0, signo: libc::SIGSEGV, code: 0 });
    }
    let state = extended(guest.context(task.state()), components(task));
    let state_at = top.wrapping_sub(state.len() as u64) & !63;
    let base = (state_at.wrapping_sub(FRAME as u64) & !15).wrapping_sub(8);
    let mut frame = [0; FRAME];
    fill(task, delivery, &mut frame);
    put_u64(&mut frame, 0, delivery.action.restorer);
    put_u64(&mut frame, UC_FLAGS, if state.len() > FXSAVE { XSTATE | SS } else { SS });
    put_u64(&mut frame, FP_STATE, state_at);
    memory::write(state_at, &state)?;
    let len = if delivery.action.flags & sa::SIGINFO == 0 { INFO } else { FRAME };
    memory::write(base, &frame[..len])?;

    let registers = task.state_mut();
    let flags = flags::get(registers) & !(DF | TF);
    registers.int[slot::FLAGS] &= !flags::RF;
    flags::set(registers, flags);
    registers.int[slot::RDI] = delivery.signo as u64;
    registers.int[slot::RSI] = base + INFO as u64;
    registers.int[slot::RDX] = base + UC as u64;
    registers.int[slot::RAX] = 0;
    registers.int[slot::RSP] = base;
    registers.set_pc(delivery.action.handler);
    guest.reset_context(registers);
    task.cpu.control_changed();
    Ok(())
}

/// The state with what Linux adds to it.
fn extended(mut state: Vec<u8>, components: u64) -> Vec<u8> {
    let len = state.len();
    if len > FXSAVE {
        put(&mut state, SOFTWARE, &MAGIC1.to_le_bytes());
        put(&mut state, SOFTWARE + 4, &(len as u32 + 4).to_le_bytes());
        put_u64(&mut state, SOFTWARE + 8, components);
        put(&mut state, SOFTWARE + 16, &(len as u32).to_le_bytes());
        state.extend(MAGIC2.to_le_bytes());
    }
    state
}

fn fill(task: &Task, delivery: &Delivery, frame: &mut [u8]) {
    let state = task.state();
    let alt = &task.signals.alt_stack;
    alt.put(task.process.abi.model, alt.flags, &mut frame[UC_STACK..]);
    store(state, frame);
    let (address, syndrome) = task.signals.last_fault;
    put_u64(frame, ERROR, syndrome & 0xffff_ffff);
    put_u64(frame, TRAP, syndrome >> 32);
    put_u64(frame, CR2, address);
    put_u64(frame, OLD_MASK, delivery.mask);
    put_u64(frame, UC_SIGMASK, delivery.mask);
    put(frame, INFO, &delivery.info.0);
}

/// The registers of integers.
fn store(state: &State, frame: &mut [u8]) {
    for (n, slot) in ORDER.into_iter().enumerate() {
        put_u64(frame, CONTEXT + 8 * n, state.int[slot]);
    }
    put_u64(frame, RIP, state.pc());
    put_u64(frame, RFLAGS, flags::get(state));
    put_u64(frame, SELECTORS, USER_CS | USER_DS << 48);
}

/// Takes registers from the frame below the stack pointer (the handler has popped its first word). Gives
/// mask and alternate stack.
///
/// # Errors
/// If the frame is not one that Linux accepts; registers may have changed.
pub(super) fn pop_frame(task: &mut Task) -> Result<(u64, AltStack), BadFrame> {
    let base = task.sp().wrapping_sub(8);
    let frame = memory::read_vec(base, INFO)?;
    let state = task.state_mut();
    for (n, slot) in ORDER.into_iter().enumerate() {
        state.int[slot] = get_u64(&frame, CONTEXT + 8 * n);
    }
    state.set_pc(get_u64(&frame, RIP));
    let kept = flags::get(state) & !flags::RESTORED;
    flags::set(state, kept | get_u64(&frame, RFLAGS) & flags::RESTORED);
    state.int[slot::CALL] = u64::MAX;
    load_context(task, get_u64(&frame, FP_STATE))?;
    let alt = AltStack::get(task.process.abi.model, &frame[UC_STACK..]);
    Ok((get_u64(&frame, UC_SIGMASK), alt))
}

/// Takes the floating-point and vector registers from the state at `at`; their initial values if that is
/// zero.
fn load_context(task: &mut Task, at: u64) -> Result<(), BadFrame> {
    let guest = task.process.engine.guest();
    if at == 0 {
        guest.reset_context(task.state_mut());
    } else {
        let mut state = memory::read_vec(at, FXSAVE)?;
        let len = guest.capabilities().context as usize;
        let whole = get_u32(&state, SOFTWARE) == MAGIC1
            && get_u32(&state, SOFTWARE + 16) as usize == len
            && memory::read_u32(at + len as u64)? == MAGIC2;
        if whole {
            state = memory::read_vec(at, len)?;
        }
        if !guest.set_context(task.state_mut(), &state) {
            return Err(BadFrame);
        }
    }
    task.cpu.control_changed();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offsets that the kernel's headers give (`offsetof`).
    #[test]
    fn the_layout_is_the_kernels() {
        assert_eq!((RIP - CONTEXT, RFLAGS - CONTEXT, SELECTORS - CONTEXT), (128, 136, 144));
        assert_eq!((ERROR - CONTEXT, CR2 - CONTEXT, FP_STATE - CONTEXT), (152, 176, 184));
        assert_eq!((CONTEXT - UC, UC_SIGMASK - UC, INFO, FRAME), (40, 296, 312, 440));
    }

    #[test]
    fn registers_are_where_they_belong() {
        let mut state = State::new();
        state.int[..16].copy_from_slice(&core::array::from_fn::<_, 16, _>(|n| n as u64 + 1));
        state.set_pc(0x1234);
        let mut frame = [0; FRAME];
        store(&state, &mut frame);
        assert_eq!((get_u64(&frame, CONTEXT), get_u64(&frame, CONTEXT + 64)), (9, 8));
        assert_eq!((get_u64(&frame, CONTEXT + 120), get_u64(&frame, RIP)), (5, 0x1234));
        assert_eq!(get_u64(&frame, SELECTORS), 0x002b_0000_0000_0033);
    }

    #[test]
    fn the_state_says_what_it_is() {
        let state = extended(vec![0; 832], 7);
        assert_eq!((state.len(), get_u32(&state, 464), get_u32(&state, 468)), (836, MAGIC1, 836));
        assert_eq!((get_u32(&state, 480), get_u32(&state, 832)), (832, MAGIC2));
        assert_eq!(extended(vec![0; 512], 3).len(), 512);
    }
}
