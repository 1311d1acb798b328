//! The signal frame of riscv64 (arch/riscv/kernel/signal.c, uapi/asm/{ucontext,sigcontext}.h).
//!
//! From low to high addresses: siginfo, ucontext with the integer registers and a union of 528 bytes. At
//! the start of the union are the floating-point registers; its last bytes are the head of the first
//! record of further state, which goes on behind the ucontext.

use super::{VLENB, fcsr, has_vectors, set_fcsr, set_vector_state, slot};
use crate::abi::BadFrame;
use crate::signal::{AltStack, Delivery};
use crate::task::Task;
use ir::State;
use memory::MemoryFault;

const INFO: usize = 128;
const UC_STACK: usize = INFO + 16;
const UC_SIGMASK: usize = INFO + 40;
const CONTEXT: usize = INFO + 176;
/// pc, then x1 to x31.
const REGS: usize = CONTEXT;
const FP: usize = REGS + 32 * 8;
const FCSR: usize = FP + 32 * 8;
/// A word that must be zero.
const RESERVED: usize = FP + 516;
/// The head of the first record: magic, size.
const RECORDS: usize = FP + 520;
const HEAD: usize = 8;
/// End of siginfo and ucontext.
const FRAME: usize = FP + 528;

const V_MAGIC: u32 = 0x5346_5457;
/// vstart, vl, vtype, vcsr, vlenb, the address of the registers.
const V_STATE: usize = 48;
const V_LEN: usize = HEAD + V_STATE + 32 * VLENB as usize;

/// Length of a frame, in multiples of 16 bytes.
pub(super) const fn size(vectors: bool) -> u64 {
    // With further records there is one that ends them.
    let records = if vectors { V_LEN + HEAD } else { 0 };
    ((FRAME + records) as u64).next_multiple_of(16)
}

fn put(frame: &mut [u8], at: usize, bytes: &[u8]) {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
}

fn put_u64(frame: &mut [u8], at: usize, value: u64) {
    put(frame, at, &value.to_le_bytes());
}

fn get_u32(frame: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]])
}

fn get_u64(frame: &[u8], at: usize) -> u64 {
    u64::from(get_u32(frame, at)) | u64::from(get_u32(frame, at + 4)) << 32
}

fn vectors(task: &Task) -> bool {
    has_vectors(&task.process.engine.guest().capabilities())
}

/// Builds the frame for a handler and makes the guest start it.
///
/// # Errors
/// If the stack cannot be written; then nothing has changed.
pub(super) fn push_frame(task: &mut Task, delivery: &Delivery) -> Result<(), MemoryFault> {
    let vectors = vectors(task);
    let size = size(vectors);
    let base = task.frame_top(&delivery.action).wrapping_sub(size) & !15;
    let mut frame = vec![0; size as usize];
    put(&mut frame, 0, &delivery.info.0);
    let alt = &task.signals.alt_stack;
    alt.put(task.process.abi.model, alt.flags, &mut frame[UC_STACK..]);
    put_u64(&mut frame, UC_SIGMASK, delivery.mask);
    store(task.state(), &mut frame);
    put(&mut frame, FCSR, &fcsr(task).to_le_bytes());
    if vectors {
        store_vectors(task.state(), base, &mut frame);
    }
    memory::write(base, &frame)?;

    let sigreturn = task.process.identity.sigreturn;
    let state = task.state_mut();
    let args = [delivery.signo as u64, base, base + INFO as u64];
    state.int[slot::A0..slot::A0 + 3].copy_from_slice(&args);
    state.int[slot::RA] = sigreturn;
    state.int[slot::SP] = base;
    state.set_pc(delivery.action.handler & !1);
    Ok(())
}

fn store(state: &State, frame: &mut [u8]) {
    put_u64(frame, REGS, state.pc());
    for n in 1..32 {
        put_u64(frame, REGS + 8 * n, state.int[n]);
    }
    for n in 0..32 {
        put_u64(frame, FP + 8 * n, state.vec[slot::F0 + n] as u64);
    }
}

/// The record of the vector registers; the frame is at `base`. The record that ends all is zero.
fn store_vectors(state: &State, base: u64, frame: &mut [u8]) {
    put(frame, RECORDS, &V_MAGIC.to_le_bytes());
    put(frame, RECORDS + 4, &(V_LEN as u32).to_le_bytes());
    let at = RECORDS + HEAD;
    let data = at + V_STATE;
    let slots = [slot::VSTART, slot::VL, slot::VTYPE, slot::VCSR].map(|slot| state.int[slot]);
    let words = slots.into_iter().chain([VLENB, base + data as u64]);
    for (n, word) in words.enumerate() {
        put_u64(frame, at + 8 * n, word);
    }
    for n in 0..32 {
        put(frame, data + VLENB as usize * n, &state.vec[slot::V0 + n].to_le_bytes());
    }
}

/// Takes registers from the frame at the stack pointer. Gives mask and alternate stack.
///
/// # Errors
/// If the frame is not one that Linux accepts; registers may have changed.
pub(super) fn pop_frame(task: &mut Task) -> Result<(u64, AltStack), BadFrame> {
    let base = task.sp();
    let frame = memory::read_vec(base, FRAME)?;
    let state = task.state_mut();
    // SRET takes the lowest bit for zero.
    state.set_pc(get_u64(&frame, REGS) & !1);
    for n in 1..32 {
        state.int[n] = get_u64(&frame, REGS + 8 * n);
    }
    for n in 0..32 {
        state.vec[slot::F0 + n] = u128::from(get_u64(&frame, FP + 8 * n));
    }
    set_fcsr(task, get_u32(&frame, FCSR));
    if get_u32(&frame, RESERVED) != 0 {
        return Err(BadFrame);
    }
    load_records(task, base + RECORDS as u64)?;
    let alt = AltStack::get(task.process.abi.model, &frame[UC_STACK..]);
    Ok((get_u64(&frame, UC_SIGMASK), alt))
}

/// Takes what the records from `at` on have.
fn load_records(task: &mut Task, mut at: u64) -> Result<(), BadFrame> {
    loop {
        let (magic, len) = (memory::read_u32(at)?, memory::read_u32(at.wrapping_add(4))?);
        match (magic, len as usize) {
            (0, 0) => return Ok(()),
            (V_MAGIC, V_LEN) if vectors(task) => load_vectors(task, at + HEAD as u64)?,
            _ => return Err(BadFrame),
        }
        at = at.wrapping_add(u64::from(len));
    }
}

/// Takes the vector registers from the record's state at `at`, which says where they are.
fn load_vectors(task: &mut Task, at: u64) -> Result<(), BadFrame> {
    let head = memory::read_vec(at, V_STATE)?;
    let data = memory::read_vec(get_u64(&head, 40), 32 * VLENB as usize)?;
    let state = task.state_mut();
    set_vector_state(state, core::array::from_fn(|n| get_u64(&head, 8 * n)));
    for (n, bytes) in data.chunks_exact(VLENB as usize).enumerate() {
        state.vec[slot::V0 + n] =
            u128::from(get_u64(bytes, 0)) | u128::from(get_u64(bytes, 8)) << 64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The offsets that the kernel's headers give (`offsetof`, riscv64-linux-gnu-gcc).
    #[test]
    fn the_layout_is_the_kernels() {
        assert_eq!((UC_STACK - INFO, UC_SIGMASK - INFO, CONTEXT - INFO), (16, 40, 176));
        assert_eq!((FP - CONTEXT, FCSR - FP, FRAME - INFO), (256, 256, 960));
        assert_eq!((RESERVED - FP, RECORDS - FP), (516, 520));
        assert_eq!((size(false), size(true)), (1088, 1664));
        assert_eq!((RECORDS + HEAD) % 16, 0);
    }

    #[test]
    fn registers_are_where_they_belong() {
        let mut state = State::new();
        state.set_pc(0x1234);
        state.int[1..32].copy_from_slice(&core::array::from_fn::<_, 31, _>(|n| n as u64 + 1));
        state.vec[slot::F0 + 31] = 0x3ff;
        state.vec[slot::V0 + 31] = 0xabcd << 64 | 0x77;
        (state.int[slot::VL], state.int[slot::VTYPE]) = (3, 0xd8);
        let mut frame = vec![0; size(true) as usize];
        store(&state, &mut frame);
        store_vectors(&state, 0x10_0000, &mut frame);
        assert_eq!((get_u64(&frame, REGS), get_u64(&frame, REGS + 31 * 8)), (0x1234, 31));
        assert_eq!(get_u64(&frame, FP + 31 * 8), 0x3ff);
        let record = RECORDS + HEAD;
        assert_eq!((get_u64(&frame, record + 8), get_u64(&frame, record + 16)), (3, 0xd8));
        assert_eq!(get_u64(&frame, record + 40), 0x10_0000 + record as u64 + 48);
        let last = record + V_STATE + 31 * 16;
        assert_eq!((get_u64(&frame, last), get_u64(&frame, last + 8)), (0x77, 0xabcd));
        assert_eq!(get_u64(&frame, RECORDS + V_LEN), 0);
    }
}
