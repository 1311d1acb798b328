//! Loads and stores.

use super::registers::{BEFORE, F, Fault, IN_MEMORY, INDEFINITE, INVALID, Raised, Registers};
use super::{Job, Op};
use guest::Space;
use softfloat::wide::Wide;
use softfloat::{Format, Round};

/// The bytes of a memory operand.
pub(super) fn read(job: Job, space: &mut dyn Space) -> Result<u128, Fault> {
    let mut bytes = [0; 16];
    space.load(job.address, &mut bytes[..usize::from(job.size)]).map_err(Fault::Memory)?;
    Ok(u128::from_le_bytes(bytes))
}

/// Writes them.
pub(super) fn write(job: Job, space: &mut dyn Space, value: u128) -> Result<(), Fault> {
    // All of it is there, or nothing is written.
    read(job, space)
        .map_err(|Fault::Memory(fault)| Fault::Memory(guest::MemFault { write: true, ..fault }))?;
    let bytes = value.to_le_bytes();
    space.store(job.address, &bytes[..usize::from(job.size)]).map_err(Fault::Memory)
}

/// The format of so many bytes.
fn format(size: u8) -> Wide {
    match size {
        4 => Wide::narrow(Format::F32),
        8 => Wide::narrow(Format::F64),
        _ => F,
    }
}

/// A memory operand as a number of 80 bits, with the exceptions of making it one (a signalling NaN's is
/// raised by who uses it); None if there is none.
pub(super) fn operand(
    job: Job,
    r: &mut Registers<'_>,
    space: &mut dyn Space,
) -> Result<Option<(u128, u16)>, Fault> {
    use Op::*;
    if job.size == 0 {
        return Ok(None);
    }
    let raw = read(job, space)?;
    let integer = matches!(job.op, Ild | Iadd | Imul | Icom | Icomp | Isub | Isubr | Idiv | Idivr);
    let (value, raised) = if integer {
        let bits = u32::from(job.size) * 8;
        r.compute(Round::Nearest, |fp| fp.wide_from_int(F, raw as u64, true, bits))
    } else {
        let from = format(job.size);
        match not_a_number(from, raw) {
            Some(nan) => return Ok(Some((nan, 0))),
            None => r.compute(Round::Nearest, |fp| fp.wide_convert(from, F, raw)),
        }
    };
    Ok(Some((value, raised.bits)))
}

/// A NaN of another format as it is, which a conversion would make quiet.
fn not_a_number(from: Wide, raw: u128) -> Option<u128> {
    let field = (1 << from.exp) - 1;
    let fraction = raw & ((1 << from.frac) - 1);
    let nan = raw >> from.frac & field == field && fraction != 0;
    let sign = if raw & from.sign_bit() != 0 { F.sign_bit() } else { 0 };
    nan.then(|| sign | 0x7fff << 64 | 1 << 63 | fraction << (63 - from.frac))
}

/// FLD, FILD, FBLD.
pub(super) fn load(job: Job, r: &mut Registers<'_>, space: &mut dyn Space) -> Result<(), Fault> {
    let (value, bits) = match (job.op, job.size) {
        (Op::Bld, _) => (decimal(read(job, space)?), 0),
        (Op::Ld, 0) => {
            let empty = r.is_empty(job.to);
            if empty && !r.stack_fault(false) {
                return Ok(());
            }
            if empty {
                r.turn(7);
                r.set(0, INDEFINITE);
                return Ok(());
            }
            (r.raw(job.to), 0)
        }
        (Op::Ld, 10) => (read(job, space)?, 0),
        _ => {
            let (value, bits) = operand(job, r, space)?.unwrap_or((INDEFINITE, 0));
            let quiet = value | 1 << 62;
            let signalling =
                value >> 64 & 0x7fff == 0x7fff && value as u64 != 1 << 63 && quiet != value;
            if signalling { (quiet, bits | INVALID) } else { (value, bits) }
        }
    };
    if !r.is_empty(7) {
        r.push(value);
        return Ok(());
    }
    if r.raise(Raised { bits, up: false }, BEFORE) {
        r.push(value);
    }
    Ok(())
}

/// FST and its like.
pub(super) fn store(job: Job, r: &mut Registers<'_>, space: &mut dyn Space) -> Result<(), Fault> {
    let pops = matches!(job.op, Op::Stp | Op::Istp | Op::Isttp | Op::Bstp);
    if job.size == 0 {
        let empty = r.is_empty(0);
        if empty && !r.stack_fault(false) {
            return Ok(());
        }
        let value = if empty { INDEFINITE } else { r.raw(0) };
        r.set(job.to, value);
        r.set_c1(false);
    } else {
        let (value, raised) = stored(job, r);
        let before = r.status();
        let done = match raised {
            None => r.stack_fault(false),
            Some(raised) => r.raise(raised, IN_MEMORY),
        };
        if !done {
            return Ok(());
        }
        if let Err(fault) = write(job, space, value) {
            r.set_status(before);
            return Err(fault);
        }
    }
    if pops {
        r.pop();
    }
    Ok(())
}

/// What is stored, and what that raises; None if there is nothing.
fn stored(job: Job, r: &mut Registers<'_>) -> (u128, Option<Raised>) {
    let a = r.raw(0);
    let (empty, mode) = (r.is_empty(0), r.rounding());
    let bits = u32::from(job.size) * 8;
    let (value, raised) = match job.op {
        Op::St | Op::Stp if empty => {
            let to = format(job.size);
            (to.default_nan(true), Raised::default())
        }
        Op::St | Op::Stp if job.size == 10 => (a, Raised::default()),
        Op::St | Op::Stp => {
            let to = format(job.size);
            r.compute(mode, |fp| fp.wide_convert(F, to, a))
        }
        Op::Bstp if empty => (NO_DECIMAL, Raised::default()),
        Op::Bstp => to_decimal(r, a, mode),
        _ if empty => (1 << (bits - 1), Raised::default()),
        op => {
            let mode = if op == Op::Isttp { Round::Zero } else { mode };
            integer(r, a, bits, mode)
        }
    };
    (value, (!empty).then_some(raised))
}

/// An integer, and whether its magnitude was rounded up.
fn integer(r: &mut Registers<'_>, a: u128, bits: u32, mode: Round) -> (u128, Raised) {
    r.compute(mode, |fp| u128::from(fp.wide_to_int(F, a, true, bits, fp.mode())))
}

/// What FBSTP stores for what has not 18 digits.
const NO_DECIMAL: u128 = 0xffff_c000_0000_0000_0000;
const DIGITS: u32 = 18;

/// A number of 18 decimal digits.
fn decimal(raw: u128) -> u128 {
    let digits = (0..DIGITS)
        .rev()
        .fold(0u64, |all, n| all.wrapping_mul(10).wrapping_add((raw >> (4 * n) & 15) as u64));
    let mut fp = softfloat::Fp::new(softfloat::FpControl::new(softfloat::rules::X87));
    let sign = raw & F.sign_bit();
    fp.wide_from_int(F, digits, false, 64) | sign
}

fn to_decimal(r: &mut Registers<'_>, a: u128, mode: Round) -> (u128, Raised) {
    let (value, raised) = integer(r, a, 64, mode);
    let mut magnitude = (value as u64).cast_signed().unsigned_abs();
    if raised.bits & INVALID != 0 || magnitude >= 10u64.pow(DIGITS) {
        return (NO_DECIMAL, Raised { bits: INVALID, up: false });
    }
    let mut digits = a & F.sign_bit();
    for n in 0..DIGITS {
        digits |= u128::from(magnitude % 10) << (4 * n);
        magnitude /= 10;
    }
    (digits, raised)
}
