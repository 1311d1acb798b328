//! Classic BPF as `seccomp` uses it: checked once, then run over a call's description.

/// `struct sock_filter`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Instruction {
    pub(crate) code: u16,
    pub(crate) jt: u8,
    pub(crate) jf: u8,
    pub(crate) k: u32,
}

impl Instruction {
    /// From the guest's bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let k = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        let code = u16::from_le_bytes([bytes[0], bytes[1]]);
        Self { code, jt: bytes[2], jf: bytes[3], k }
    }
}

/// Words of `struct seccomp_data`: number, architecture, address, six arguments.
pub(crate) const DATA_WORDS: usize = 16;
/// Longest program (`BPF_MAXINSNS`).
pub(crate) const MAX: usize = 4096;
const SCRATCH: usize = 16;

mod code {
    pub(super) const LD_W_ABS: u16 = 0x20;
    pub(super) const LD_W_LEN: u16 = 0x80;
    pub(super) const LDX_W_LEN: u16 = 0x81;
    pub(super) const LD_IMM: u16 = 0x00;
    pub(super) const LDX_IMM: u16 = 0x01;
    pub(super) const LD_MEM: u16 = 0x60;
    pub(super) const LDX_MEM: u16 = 0x61;
    pub(super) const ST: u16 = 0x02;
    pub(super) const STX: u16 = 0x03;
    pub(super) const JA: u16 = 0x05;
    pub(super) const RET_K: u16 = 0x06;
    pub(super) const RET_A: u16 = 0x16;
    pub(super) const TAX: u16 = 0x07;
    pub(super) const TXA: u16 = 0x87;
    pub(super) const NEG: u16 = 0x84;
    /// Class of arithmetic; bit 3 = with X; bits 4..8 = operation.
    pub(super) const ALU: u16 = 0x04;
    /// Class of conditional jumps.
    pub(super) const JMP: u16 = 0x05;
    pub(super) const X: u16 = 0x08;
}

/// Whether `program` is one that the kernel accepts (net/core/filter.c `bpf_check_classic`,
/// kernel/seccomp.c `seccomp_check_filter`).
pub(crate) fn check(program: &[Instruction]) -> bool {
    let n = program.len();
    let last_returns = program.last().is_some_and(|i| matches!(i.code, code::RET_K | code::RET_A));
    if n == 0 || n > MAX || !last_returns {
        return false;
    }
    let allowed = |(pc, i): (usize, &Instruction)| {
        let room = n - pc - 1;
        match i.code {
            code::LD_W_ABS => i.k % 4 == 0 && (i.k as usize) < DATA_WORDS * 4,
            code::LD_MEM | code::LDX_MEM | code::ST | code::STX => (i.k as usize) < SCRATCH,
            code::LD_W_LEN | code::LDX_W_LEN | code::LD_IMM | code::LDX_IMM => true,
            code::RET_K | code::RET_A | code::TAX | code::TXA | code::NEG => true,
            code::JA => (i.k as usize) < room,
            c if c & 7 == code::ALU => match (c & 0xf0, c & code::X) {
                (0x30, 0) => i.k != 0,
                (0x60 | 0x70, 0) => i.k < 32,
                // Not the remainder.
                (op, _) => op <= 0xa0 && !matches!(op, 0x80 | 0x90) && c & 0xff00 == 0,
            },
            c if c & 7 == code::JMP && c & 0xff00 == 0 => {
                matches!(c & 0xf0, 0x10..=0x40) && usize::from(i.jt.max(i.jf)) < room
            }
            _ => false,
        }
    };
    program.iter().enumerate().all(allowed) && reads_what_it_wrote(program)
}

/// Whether on every way to a load from scratch memory there is a store to it (net/core/filter.c
/// `check_load_and_stores`). Jumps lead forward only, and into the program.
fn reads_what_it_wrote(program: &[Instruction]) -> bool {
    // The words that are written on all jumps to an instruction, and on the way to this one.
    let mut by_jumps = vec![u16::MAX; program.len()];
    let mut written = 0_u16;
    program.iter().enumerate().all(|(pc, i)| {
        written &= by_jumps[pc];
        match i.code {
            code::ST | code::STX => written |= 1 << i.k,
            code::LD_MEM | code::LDX_MEM => return written >> i.k & 1 != 0,
            c if c & 7 == code::JMP => {
                let distances = match c {
                    code::JA => [i.k as usize; 2],
                    _ => [i.jt, i.jf].map(usize::from),
                };
                for distance in distances {
                    by_jumps[pc + 1 + distance] &= written;
                }
                written = u16::MAX;
            }
            _ => {}
        }
        true
    })
}

/// Runs a checked program.
pub(crate) fn run(program: &[Instruction], data: &[u32; DATA_WORDS]) -> u32 {
    let (mut a, mut x, mut pc) = (0_u32, 0_u32, 0_usize);
    let mut memory = [0_u32; SCRATCH];
    while let Some(i) = program.get(pc) {
        pc += 1;
        let operand = if i.code & code::X != 0 { x } else { i.k };
        match i.code {
            code::LD_W_ABS => a = data[i.k as usize / 4],
            code::LD_W_LEN => a = DATA_WORDS as u32 * 4,
            code::LDX_W_LEN => x = DATA_WORDS as u32 * 4,
            code::LD_IMM => a = i.k,
            code::LDX_IMM => x = i.k,
            code::LD_MEM => a = memory[i.k as usize],
            code::LDX_MEM => x = memory[i.k as usize],
            code::ST => memory[i.k as usize] = a,
            code::STX => memory[i.k as usize] = x,
            code::RET_K => return i.k,
            code::RET_A => return a,
            code::TAX => x = a,
            code::TXA => a = x,
            code::NEG => a = a.wrapping_neg(),
            code::JA => pc += i.k as usize,
            c if c & 7 == code::ALU => match arithmetic(c & 0xf0, a, operand) {
                Some(value) => a = value,
                // Division by a zero X ends the program with 0.
                None => return 0,
            },
            c => {
                let taken = match c & 0xf0 {
                    0x10 => a == operand,
                    0x20 => a > operand,
                    0x30 => a >= operand,
                    _ => a & operand != 0,
                };
                pc += usize::from(if taken { i.jt } else { i.jf });
            }
        }
    }
    0
}

fn arithmetic(operation: u16, a: u32, b: u32) -> Option<u32> {
    Some(match operation {
        0x00 => a.wrapping_add(b),
        0x10 => a.wrapping_sub(b),
        0x20 => a.wrapping_mul(b),
        0x30 => a.checked_div(b)?,
        0x40 => a | b,
        0x50 => a & b,
        0x60 => a.wrapping_shl(b),
        0x70 => a.wrapping_shr(b),
        _ => a ^ b,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn op(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
        Instruction { code, jt, jf, k }
    }

    #[test]
    fn programs_are_checked() {
        assert!(check(&[op(6, 0, 0, 1)]));
        assert!(!check(&[]));
        assert!(!check(&[op(0x20, 0, 0, 0)]));
        assert!(!check(&[op(0x20, 0, 0, 64), op(6, 0, 0, 0)]));
        assert!(!check(&[op(0x15, 1, 0, 0), op(6, 0, 0, 0)]));
        assert!(!check(&[op(0x34, 0, 0, 0), op(6, 0, 0, 0)]));
        assert!(!check(&[op(0x28, 0, 0, 0), op(6, 0, 0, 0)]));
        assert!(!check(&[op(0x94, 0, 0, 3), op(6, 0, 0, 0)]));
    }

    #[test]
    fn what_is_read_was_written_on_every_way() {
        let (load, store, end) = (op(0x60, 0, 0, 3), op(2, 0, 0, 3), op(6, 0, 0, 0));
        assert!(!check(&[load, end]));
        assert!(check(&[store, load, end]));
        assert!(!check(&[op(0x15, 1, 0, 1), store, load, end]));
        assert!(check(&[store, op(0x15, 1, 0, 1), end, load, end]));
        assert!(!check(&[op(5, 0, 0, 1), store, load, end]));
    }

    #[test]
    fn a_program_tells_numbers_apart() {
        let program = [
            op(0x20, 0, 0, 0),
            op(0x15, 1, 0, 63),
            op(6, 0, 0, 0x7fff_0000),
            op(0x20, 0, 0, 16),
            op(0x54, 0, 0, 0xf0),
            op(0x16, 0, 0, 0),
        ];
        assert!(check(&program));
        let mut data = [0; DATA_WORDS];
        assert_eq!(run(&program, &data), 0x7fff_0000);
        (data[0], data[4]) = (63, 0x123);
        assert_eq!(run(&program, &data), 0x20);
    }
}
