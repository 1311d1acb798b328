//! The signal frame of arm64 (arch/arm64/kernel/signal.c, uapi/asm/sigcontext.h).
//!
//! From low to high addresses: siginfo, ucontext with sigcontext and its 4 KiB of records, then a
//! frame record (fp, lr) that continues the chain of the interrupted code.

use crate::abi::BadFrame;
use crate::signal::{AltStack, Delivery, sa};
use crate::task::Task;
use ir::state::{BTYPE_ANY, BTYPE_CALL, BTYPE_JUMP, FIRST_VEC, SLOT_BTYPE};
use memory::MemoryFault;

const INFO: usize = 128;
const UC_STACK: usize = INFO + 16;
const UC_SIGMASK: usize = INFO + 40;
const CONTEXT: usize = INFO + 176;
const REGS: usize = CONTEXT + 8;
const SP: usize = CONTEXT + 256;
const PC: usize = CONTEXT + 264;
const PSTATE: usize = CONTEXT + 272;
const RECORDS: usize = CONTEXT + 288;
const RECORDS_LEN: usize = 4096;
const FRAME: usize = RECORDS + RECORDS_LEN;
const FRAME_RECORD: u64 = 16;

const FPSIMD_MAGIC: u32 = 0x4650_8001;
const FPSIMD_LEN: u32 = 528;
const ESR_MAGIC: u32 = 0x4553_5201;
const ESR_LEN: u32 = 16;

/// Bits of PSTATE that must be clear for user code: mode, AArch32, masked exceptions.
const PSTATE_INVALID: u64 = 0x3df;

const FP: usize = 29;
const LR: usize = 30;

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

/// Appends a record's head; gives where its content goes.
fn record(frame: &mut [u8], at: &mut usize, magic: u32, len: u32) -> usize {
    put(frame, *at, &magic.to_le_bytes());
    put(frame, *at + 4, &len.to_le_bytes());
    let content = *at + 8;
    *at += len as usize;
    content
}

const BTYPE: usize = SLOT_BTYPE as usize;
/// The slot's values by PSTATE.BTYPE.
const BTYPES: [u64; 4] = [0, BTYPE_JUMP, BTYPE_CALL, BTYPE_ANY];

/// Builds the frame for a handler and makes the guest start it.
///
/// # Errors
/// If the stack cannot be written; then nothing has changed.
pub(crate) fn push_frame(task: &mut Task, delivery: &Delivery) -> Result<(), MemoryFault> {
    let top = (task.frame_top(&delivery.action) & !15).wrapping_sub(FRAME_RECORD);
    let base = top.wrapping_sub(FRAME as u64);
    // The last bytes are terminator and unused records: all zero, and not written.
    let mut frame = vec![0; RECORDS + FPSIMD_LEN as usize + ESR_LEN as usize + 8];
    fill(task, delivery, &mut frame);
    let state = task.state();
    let mut link = [0; 16];
    put_u64(&mut link, 0, state.int[FP]);
    put_u64(&mut link, 8, state.int[LR]);
    memory::write(top, &link)?;
    let skip = if delivery.action.flags & sa::SIGINFO == 0 { INFO } else { 0 };
    memory::write(base + skip as u64, &frame[skip..])?;

    let restorer = if delivery.action.flags & sa::RESTORER != 0 {
        delivery.action.restorer
    } else {
        task.process.identity.sigreturn
    };
    let sp_slot = task.process.abi.regs.sp as usize;
    // Handlers are entered as by a call.
    let branch = if task.process.engine.guest().guards() { BTYPE_CALL } else { 0 };
    let state = task.state_mut();
    state.int[0] = delivery.signo as u64;
    if delivery.action.flags & sa::SIGINFO != 0 {
        state.int[1] = base;
        state.int[2] = base + INFO as u64;
    }
    state.int[FP] = top;
    state.int[LR] = restorer;
    state.int[sp_slot] = base;
    state.set_pc(delivery.action.handler);
    state.int[BTYPE] = branch;
    Ok(())
}

fn fill(task: &Task, delivery: &Delivery, frame: &mut [u8]) {
    let state = task.state();
    put(frame, 0, &delivery.info.0);
    let alt = &task.signals.alt_stack;
    alt.put(task.process.abi.model, alt.flags, &mut frame[UC_STACK..]);
    put_u64(frame, UC_SIGMASK, delivery.mask);
    let (address, syndrome) = task.signals.last_fault;
    put_u64(frame, CONTEXT, address);
    for n in 0..31 {
        put_u64(frame, REGS + 8 * n, state.int[n]);
    }
    put_u64(frame, SP, task.sp());
    put_u64(frame, PC, state.pc());
    let kind = BTYPES.iter().position(|&kind| kind == state.int[BTYPE]).unwrap_or(0);
    put_u64(frame, PSTATE, u64::from(task.cpu.nzcv()) | (kind as u64) << 10);
    let mut at = RECORDS;
    let fpsimd = record(frame, &mut at, FPSIMD_MAGIC, FPSIMD_LEN);
    put(frame, fpsimd, &(task.cpu.fpsr() as u32).to_le_bytes());
    put(frame, fpsimd + 4, &(task.cpu.fpcr() as u32).to_le_bytes());
    for n in 0..32 {
        put(frame, fpsimd + 8 + 16 * n, &state.vec[n].to_le_bytes());
    }
    if syndrome != 0 {
        let esr = record(frame, &mut at, ESR_MAGIC, ESR_LEN);
        put_u64(frame, esr, syndrome);
    }
}

/// Takes registers from the frame at the stack pointer. Gives mask and alternate stack.
///
/// # Errors
/// If the frame is not one that Linux accepts; registers may have changed.
pub(crate) fn pop_frame(task: &mut Task) -> Result<(u64, AltStack), BadFrame> {
    let base = task.sp();
    if !base.is_multiple_of(16) {
        return Err(BadFrame);
    }
    let frame = memory::read_vec(base, FRAME)?;
    let fpsimd = find_fpsimd(&frame[RECORDS..])? + RECORDS;
    let pstate = get_u64(&frame, PSTATE);
    if pstate & PSTATE_INVALID != 0 {
        return Err(BadFrame);
    }
    let sp_slot = task.process.abi.regs.sp as usize;
    let state = task.state_mut();
    for n in 0..31 {
        state.int[n] = get_u64(&frame, REGS + 8 * n);
    }
    state.int[sp_slot] = get_u64(&frame, SP);
    state.set_pc(get_u64(&frame, PC));
    state.int[BTYPE] = BTYPES[(pstate >> 10 & 3) as usize];
    for n in 0..32 {
        let at = fpsimd + 8 + 16 * n;
        let high = u128::from(get_u64(&frame, at + 8));
        state.vec[n] = u128::from(get_u64(&frame, at)) | high << 64;
    }
    const { assert!(FIRST_VEC == 64) };
    task.cpu.set_nzcv(pstate as u32 & 0xf000_0000);
    task.cpu.set_fpsr(u64::from(get_u32(&frame, fpsimd)));
    task.cpu.set_fpcr(u64::from(get_u32(&frame, fpsimd + 4)));
    let alt = AltStack::get(task.process.abi.model, &frame[UC_STACK..]);
    Ok((get_u64(&frame, UC_SIGMASK), alt))
}

/// Where the content of the FPSIMD record starts; checks all records.
fn find_fpsimd(records: &[u8]) -> Result<usize, BadFrame> {
    let (mut at, mut found) = (0, None);
    loop {
        if at + 8 > records.len() {
            return Err(BadFrame);
        }
        let (magic, len) = (get_u32(records, at), get_u32(records, at + 4));
        match (magic, len) {
            (0, 0) => return found.ok_or(BadFrame),
            (FPSIMD_MAGIC, FPSIMD_LEN) if found.is_none() => found = Some(at + 8),
            (ESR_MAGIC, _) => {}
            _ => return Err(BadFrame),
        }
        if len < 8 || len % 16 != 0 || at + len as usize > records.len() {
            return Err(BadFrame);
        }
        at += len as usize;
    }
}

/// The exception syndrome of a fault, for `esr_context`: class, instruction length, whether it was
/// a write, and the kind of fault.
pub(crate) fn syndrome(task: &Task, fault: &engine::Fault) -> u64 {
    const INSTRUCTION_ABORT: u64 = 0x20 << 26;
    const DATA_ABORT: u64 = 0x24 << 26;
    const IL: u64 = 1 << 25;
    const TRANSLATION: u64 = 0x07;
    const PERMISSION: u64 = 0x0f;
    const ALIGNMENT: u64 = 0x21;
    const SEGV_ACCERR: i32 = 2;
    const BUS_ADRALN: i32 = 1;
    let kind = match (fault.signo, fault.code) {
        (libc::SIGSEGV, SEGV_ACCERR) => PERMISSION,
        (libc::SIGSEGV, _) => TRANSLATION,
        (libc::SIGBUS, BUS_ADRALN) => ALIGNMENT,
        (libc::SIGBUS, _) => TRANSLATION,
        _ => return 0,
    };
    let pc = task.state().pc();
    if fault.addr == pc {
        return INSTRUCTION_ABORT | IL | kind;
    }
    let write = memory::read_u32(pc).is_ok_and(is_store);
    DATA_ABORT | IL | u64::from(write) << 6 | kind
}

/// Whether a load or store instruction writes (Arm ARM C4.1.94, loads and stores).
fn is_store(word: u32) -> bool {
    let field = |at: u32, len: u32| word >> at & ((1 << len) - 1);
    if field(22, 10) == 0b11_0101_0100 {
        return true; // DC ZVA and other system instructions
    }
    match (field(27, 3), field(24, 2)) {
        // Exclusives, ordered and compare-and-swap.
        (0b001, 0b00) if field(29, 1) == 0 || field(28, 1) == 0 => {
            field(22, 1) == 0 || field(21, 1) == 1 && field(23, 1) == 1
        }
        // SIMD structures.
        (0b001, _) if field(26, 1) == 1 => field(22, 1) == 0,
        (0b101, _) => field(22, 1) == 0,
        (0b111, 0b00) if field(21, 1) == 1 && field(10, 2) == 0 => true, // atomic memory operations
        (0b111, _) => matches!(field(22, 2), 0b00) || field(26, 1) == 1 && field(22, 2) == 0b10,
        _ => field(22, 1) == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_linux_s() {
        // offsetof, from a program compiled for arm64.
        assert_eq!((CONTEXT, REGS, SP, PC, PSTATE, RECORDS), (304, 312, 560, 568, 576, 592));
        assert_eq!(FRAME, 4688);
    }

    #[test]
    fn records_are_checked() {
        let mut records = vec![0; RECORDS_LEN];
        assert!(find_fpsimd(&records).is_err());
        let mut at = 0;
        record(&mut records, &mut at, ESR_MAGIC, ESR_LEN);
        record(&mut records, &mut at, FPSIMD_MAGIC, FPSIMD_LEN);
        assert_eq!(find_fpsimd(&records).ok(), Some(24));
        record(&mut records, &mut at, FPSIMD_MAGIC, FPSIMD_LEN);
        assert!(find_fpsimd(&records).is_err());
        put(&mut records, 0, &[1, 2, 3, 4]);
        assert!(find_fpsimd(&records).is_err());
    }

    #[test]
    fn stores_are_told_from_loads() {
        let stores = [0xf900_0041, 0xa9bf_7bfd, 0x3d80_0000, 0xb820_0041, 0xc8a0_7c41, 0x4c00_0000];
        let loads = [0xf940_0041, 0xa8c1_7bfd, 0x3dc0_0000, 0xb940_0041, 0x4c40_0000, 0xc85f_7c41];
        for word in stores {
            assert!(is_store(word), "{word:#x}");
        }
        for word in loads {
            assert!(!is_store(word), "{word:#x}");
        }
    }
}
