//! Groups that no single line makes: branches, calls, loops, traps.

use asm::x86_64 as x64;
use guest_x86::decode::Op;
use isa::Rng;

use super::operands::{Place, set};
use crate::diff::case::{Branch, Group, Hop};
use crate::diff::record::COUNTER;

const RSP: u8 = 4;

/// Whether [`branch`] makes these.
pub(super) fn is_branch(op: Op) -> bool {
    matches!(op, Op::JmpRm | Op::CallRm | Op::Ret | Op::RetImm)
}

/// Puts the distance into the last four bytes of a branch that begins with the byte 0f, or is one byte shorter.
fn near(code: &mut [u8], hop: Hop) {
    let end = hop.at + if code[hop.at] == 0x0f { 6 } else { 5 };
    put(code, end - 4, end, hop);
}

/// Into a byte; a branch that is too far goes nowhere.
fn short(code: &mut [u8], hop: Hop) {
    let distance = hop.to as i64 - (hop.at as i64 + 2);
    code[hop.at + 1] = i8::try_from(distance).unwrap_or(0).cast_unsigned();
}

/// Into the `lea` that is just before the branch.
fn address(code: &mut [u8], hop: Hop) {
    put(code, hop.at - 4, hop.at, hop);
}

/// Into the `lea` before a `push` of one byte and the branch.
fn pushed(code: &mut [u8], hop: Hop) {
    put(code, hop.at - 5, hop.at - 1, hop);
}

fn put(code: &mut [u8], at: usize, from: usize, hop: Hop) {
    let distance = hop.to as i64 - from as i64;
    code[at..at + 4].copy_from_slice(&(distance as i32).to_le_bytes());
}

/// `lea register, [rip + 0]`.
fn lea(code: &mut Vec<u8>, register: u8) {
    code.extend([0x48 | register >> 3 << 2, 0x8d, (register & 7) << 3 | 5, 0, 0, 0, 0]);
}

/// A branch over some groups, of any kind.
pub(super) fn branch(rng: &mut Rng, place: Place) -> Group {
    let mut code = Vec::new();
    let mut skip = rng.below(4) as isize;
    let stack = place.target(rng) & !7;
    let condition = rng.below(16) as u8;
    // Not rsp.
    let register = [0, 1, 2, 3, 5, 6, 7][rng.below(7) as usize];
    let last;
    let set_distance: fn(&mut [u8], Hop) = match rng.below(16) {
        0..7 => {
            last = 0;
            code.extend([0x0f, 0x80 | condition, 0, 0, 0, 0]);
            near
        }
        7 | 8 => {
            last = 0;
            skip = rng.below(3) as isize;
            code.extend([0x70 | condition, 0]);
            short
        }
        9 => {
            last = 0;
            code.extend([0xe9, 0, 0, 0, 0]);
            near
        }
        // loopne, loope, loop, jrcxz; or jmp.
        10 | 11 => {
            last = 0;
            skip = rng.below(3) as isize;
            code.extend([[0xe0, 0xe1, 0xe2, 0xe3, 0xeb][rng.below(5) as usize], 0]);
            short
        }
        12 => {
            set(&mut code, RSP, stack);
            last = code.len();
            code.extend([0xe8, 0, 0, 0, 0]);
            near
        }
        // jmp and call of a register.
        13 | 14 => {
            set(&mut code, RSP, stack);
            lea(&mut code, register);
            last = code.len();
            let call = rng.one_in(2);
            code.extend([0xff, if call { 0xd0 } else { 0xe0 } | register]);
            address
        }
        _ => {
            set(&mut code, RSP, stack);
            lea(&mut code, register);
            code.push(0x50 | register);
            last = code.len();
            match rng.one_in(2) {
                true => code.push(0xc3),
                false => code.extend([0xc2, rng.below(64) as u8, 0]),
            }
            pushed
        }
    };
    Group { code, last, branch: Some(Branch { set: set_distance, skip }) }
}

/// A call that does not exist, or something that traps.
pub(super) fn group(rng: &mut Rng) -> Group {
    let mut code = Vec::new();
    if !rng.one_in(8) {
        set(&mut code, 0, 0xf000 + rng.below(0x800));
        let last = code.len();
        // syscall; then rcx and r11 are the pc and flags: xor ecx, ecx; xor r11d, r11d
        code.extend([0x0f, 0x05, 0x31, 0xc9, 0x45, 0x31, 0xdb]);
        return Group { code, last, branch: None };
    }
    trap(rng)
}

/// A conditional branch, or one that is none, over some groups.
pub(super) fn forward(rng: &mut Rng) -> Group {
    let skip = rng.below(4) as isize;
    let code = match rng.below(4) {
        0 => vec![0xe9, 0, 0, 0, 0],
        _ => vec![0x0f, 0x80 | rng.below(16) as u8, 0, 0, 0, 0],
    };
    Group { code, last: 0, branch: Some(Branch { set: near, skip }) }
}

/// Something that traps.
pub(super) fn trap(rng: &mut Rng) -> Group {
    let traps: [&[u8]; 9] = [
        &[0xcc],
        &[0xcd, 3],
        &[0xcd, 0x21],
        &[0x0f, 0x0b],
        // What is no instruction in 64-bit mode.
        &[0x06],
        &[0xd6],
        // hlt, in al, dx; mov cr0, rax
        &[0xf4],
        &[0xec],
        &[0x0f, 0x22, 0xc0],
    ];
    let code = traps[rng.below(traps.len() as u64) as usize].to_vec();
    Group { code, last: 0, branch: None }
}

/// Goes back a few groups, at most seven times in a case.
pub(super) fn loop_end(rng: &mut Rng, record: u64) -> Group {
    let counter = record as u32 + COUNTER as u32;
    let mut code = Vec::new();
    // inc qword [counter]; cmp qword [counter], 8; jb
    x64::absolute(&mut code, &[0xff], 0, counter);
    x64::absolute(&mut code, &[0x83], 7, counter);
    code.push(8);
    let last = code.len();
    code.extend([0x0f, 0x82, 0, 0, 0, 0]);
    let skip = -1 - rng.below(4) as isize;
    Group { code, last, branch: Some(Branch { set: near, skip }) }
}
