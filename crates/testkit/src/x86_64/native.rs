//! Instructions on this processor: what any way to emulate them is compared with.

use guest_x86::cpu::Features;
use guest_x86::decode::{Insn, Op};
use guest_x86::encoding;
use isa::opcode::Mark;
use isa::{Rng, Status};
use sys::arch::native::{AT, JOBS, Job, Machine};

use super::choose;
pub use super::choose::Pool;

/// The lines that can be compared: those of 64-bit mode whose effects are in registers and memory.
pub fn lines() -> impl Iterator<Item = Op> {
    Op::ALL.iter().copied().filter(|op| {
        let row = encoding::row(*op);
        let privileged = row.function.is_some_and(|(name, _)| name == "privileged");
        !row.has(Mark::Not64)
            && !row.has(Mark::NotNative)
            && row.status != Status::Nop
            && !privileged
    })
}

/// States of one instruction, before and after.
pub struct Sample {
    /// The instruction.
    pub insn: Insn,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Before.
    pub before: Vec<Job>,
    /// After.
    pub after: Vec<Job>,
}

/// Runs a random instruction of `op` in `count` random states; None if there is none.
///
/// # Errors
/// If there can be no child process.
pub fn sample(
    machine: &mut Machine,
    op: Op,
    count: usize,
    pool: &Pool,
    rng: &mut Rng,
) -> std::io::Result<Option<Sample>> {
    let Some((insn, bytes)) = choose::instruction(op, rng) else { return Ok(None) };
    let before: Vec<Job> =
        (0..count.min(JOBS)).map(|_| choose::job(&insn, &bytes, pool, rng)).collect();
    let mut after = before.clone();
    machine.run(&mut after)?;
    if op != Op::Int3 {
        after.iter_mut().for_each(landed);
    }
    Ok(Some(Sample { insn, bytes, before, after }))
}

/// A branch that found a breakpoint or nothing at its destination has done what it does.
fn landed(job: &mut Job) {
    let registers = &mut job.registers;
    let elsewhere = registers.pc != AT;
    match registers.signal {
        libc::SIGTRAP if elsewhere => {
            registers.signal = 0;
            registers.pc -= 1;
        }
        libc::SIGSEGV if elsewhere && registers.address == registers.pc => registers.signal = 0,
        _ => {}
    }
}

/// The flags that an instruction leaves undefined.
pub fn undefined_flags(insn: &Insn) -> u64 {
    u64::from(insn.op.row().flags.undefined & 0xfff)
}

/// The lines that are translated.
pub fn translated() -> impl Iterator<Item = Op> {
    lines().filter(|op| encoding::row(*op).function.is_some())
}

/// What this processor has, as /proc/cpuinfo names it.
///
/// # Errors
/// If that cannot be read.
pub fn features() -> std::io::Result<Features> {
    let text = std::fs::read_to_string("/proc/cpuinfo")?;
    let flags = text.lines().find_map(|line| line.strip_prefix("flags")?.split_once(':'));
    Ok(Features::named_in(flags.map_or("", |(_, flags)| flags)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether this processor may not have it.
    fn lacking(op: Op) -> bool {
        !["", "sse", "sse2", "x87", "mmx"]
            .contains(encoding::row(op).features.first().unwrap_or(&""))
    }

    #[test]
    fn states_of_every_line_come_back() {
        let Some(mut machine) = Machine::new() else { return };
        let mut rng = Rng::new(1);
        let pool = Pool::new(&mut rng);
        let mut wrong = Vec::new();
        for op in lines() {
            let (mut ran, mut came_back) = (0, 0);
            for _ in 0..8 {
                let sample =
                    sample(&mut machine, op, 32, &pool, &mut rng).expect("there is a child");
                let Some(sample) = sample else { continue };
                ran += sample.after.len();
                came_back += sample.after.iter().filter(|j| j.registers.signal == 0).count();
                if sample.after.iter().any(|job| job.registers.signal == libc::SIGKILL) {
                    wrong.push(format!("{op:?} hangs: {:02x?}", sample.bytes));
                }
            }
            let traps = matches!(op, Op::Int3 | Op::Ud0 | Op::Ud1 | Op::Ud2);
            // (Quotients of random operands seldom fit, and frames of random sizes leave the stack.)
            if came_back * 5 < ran && !traps && !lacking(op) {
                wrong.push(format!("{op:?}: {came_back} of {ran}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
