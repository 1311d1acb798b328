//! Control words, the environment and all of the state in memory.

use super::memory::{read, write};
use super::registers::{Fault, Registers};
use super::{Job, Op};
use crate::state::{SLOT_X87_DATA, SLOT_X87_OPCODE, SLOT_X87_PC};
use guest::Space;

/// Bytes of the environment, and of a register.
const ENVIRONMENT: usize = 28;
const REGISTER: usize = 10;

pub(super) fn run(job: Job, r: &mut Registers<'_>, space: &mut dyn Space) -> Result<(), Fault> {
    match job.op {
        Op::Ldcw => {
            let control = read(job, space)?;
            r.set_control(control as u16);
        }
        Op::Stcw => write(job, space, r.control().into())?,
        Op::Stsw if job.size == 0 => {
            let status = u64::from(r.status());
            r.state.int[0] = r.state.int[0] & !0xffff | status;
        }
        Op::Stsw => write(job, space, r.status().into())?,
        Op::Stenv | Op::Save => {
            let bytes = bytes(job, r);
            space.store(job.address, &bytes).map_err(Fault::Memory)?;
            if job.op == Op::Save {
                r.initialize();
            } else {
                r.set_control(r.control() | 63);
            }
        }
        _ => {
            let mut bytes = [0; ENVIRONMENT + 8 * REGISTER];
            let len = usize::from(job.size);
            space.load(job.address, &mut bytes[..len]).map_err(Fault::Memory)?;
            restore(&bytes[..len], r);
        }
    }
    Ok(())
}

/// Where the fields are: the forms of 16 bits are half as wide, and have no opcode.
fn stride(len: usize) -> usize {
    if len == ENVIRONMENT || len == ENVIRONMENT + 8 * REGISTER { 4 } else { 2 }
}

fn bytes(job: Job, r: &Registers<'_>) -> Vec<u8> {
    let len = usize::from(job.size);
    let stride = stride(len);
    let mut out = vec![0; len];
    let int = |slot: u16| r.state.int[usize::from(slot)] as u32;
    let high = if stride == 4 { 0xffff_0000 } else { 0 };
    let fields = [
        u32::from(r.control()) | high,
        u32::from(r.status()) | high,
        u32::from(tag_word(r)) | high,
        int(SLOT_X87_PC),
        int(SLOT_X87_OPCODE) << 16,
        int(SLOT_X87_DATA),
        high,
    ];
    for (n, field) in fields.into_iter().enumerate() {
        let field = field.to_le_bytes();
        out[n * stride..(n + 1) * stride].copy_from_slice(&field[..stride]);
    }
    if len > ENVIRONMENT {
        for n in 0..8 {
            let at = 7 * stride + REGISTER * usize::from(n);
            out[at..at + REGISTER].copy_from_slice(&r.raw(n).to_le_bytes()[..REGISTER]);
        }
    }
    out
}

fn restore(bytes: &[u8], r: &mut Registers<'_>) {
    let stride = stride(bytes.len());
    let word = |n: usize| u16::from_le_bytes([bytes[n * stride], bytes[n * stride + 1]]);
    let wide = |n: usize| {
        let mut field = [0; 4];
        field[..stride].copy_from_slice(&bytes[n * stride..(n + 1) * stride]);
        u64::from(u32::from_le_bytes(field))
    };
    r.set_status(word(1));
    r.set_control(word(0));
    let tags = word(2);
    let full = (0..8).filter(|n| tags >> (2 * n) & 3 != 3).fold(0, |all, n| all | 1 << n);
    for (slot, value) in
        [(SLOT_X87_PC, wide(3)), (SLOT_X87_OPCODE, wide(4) >> 16 & 0x7ff), (SLOT_X87_DATA, wide(5))]
    {
        r.state.int[usize::from(slot)] = value;
    }
    for n in 0..8u8 {
        let at = 7 * stride + REGISTER * usize::from(n);
        if let Some(register) = bytes.get(at..at + REGISTER) {
            let mut value = [0; 16];
            value[..REGISTER].copy_from_slice(register);
            r.set(n, u128::from_le_bytes(value));
        }
    }
    r.set_tags(full);
}

/// Two bits a register: a number, zero, another value, empty.
fn tag_word(r: &Registers<'_>) -> u16 {
    (0..8u8).fold(0, |all, n| {
        let physical = (r.top() + n) & 7;
        let value = r.raw(n);
        let (exponent, significand) = (value >> 64 & 0x7fff, value as u64);
        let tag = match (r.is_empty(n), exponent, significand) {
            (true, ..) => 3,
            (_, 0, 0) => 1,
            (_, 0 | 0x7fff, _) => 2,
            _ if significand >> 63 == 0 => 2,
            _ => 0,
        };
        all | tag << (2 * physical)
    })
}
