//! x86_64's signal frames (arch/x86/include/uapi/asm/sigcontext.h).

use asm::{Assembler, Reach, Reg, Width};
use guest_x86::decode::{Bits, decode};

use super::{fault_case, frame};
use crate::fault::{CODE, Guest, LENGTHS, VECTORS};

/// The registers of `struct sigcontext`, behind uc_flags, uc_link and uc_stack.
const REGISTERS: usize = 40;
const NAMES: [&str; 23] = [
    "r8",
    "r9",
    "r10",
    "r11",
    "r12",
    "r13",
    "r14",
    "r15",
    "rdi",
    "rsi",
    "rbp",
    "rbx",
    "rdx",
    "rax",
    "rcx",
    "rsp",
    "rip",
    "eflags",
    "selectors",
    "err",
    "trapno",
    "oldmask",
    "cr2",
];
const PC: usize = REGISTERS + 16 * 8;
/// The state of XSAVE, where siginfo and what aligns it leave it.
const STATE: usize = 448;
const ST: usize = STATE + 32;
const XMM: usize = STATE + 160;
const HIGH: usize = STATE + 576;
const END: usize = HIGH + 256;

/// Of faults.
pub(super) const GUEST: Guest = Guest {
    context: END,
    pc: PC,
    name,
    tolerate,
    kind,
    step,
    length: Some(length),
    load,
    nop: &[0x90],
    chooser: |seed| Box::new(fault_case::Chooser::new(seed)),
};

fn name(at: usize) -> String {
    match at {
        REGISTERS.. if at < REGISTERS + 8 * NAMES.len() => NAMES[(at - REGISTERS) / 8].into(),
        STATE => "x87 words".into(),
        _ if at == STATE + 24 => "mxcsr".into(),
        ST.. if at < XMM => format!("st{}+{}", (at - ST) / 16, at % 16),
        XMM.. if at < XMM + 256 => format!("xmm{}+{}", (at - XMM) / 16, at % 16),
        HIGH.. => format!("high{}+{}", (at - HIGH) / 16, at % 16),
        _ => format!("ucontext+{at}"),
    }
}

/// Where the auxiliary carry is undefined, evaluator and translated code may differ.
fn tolerate(context: &mut [u8]) {
    context[PC + 8] &= !0x10;
}

/// The processor has more state than the guest; where its x87 was last is not compared, nor are flags, of
/// which some are undefined.
fn kind(name: &str) -> Option<&'static str> {
    match name {
        "rip" => Some("rip"),
        "err" => Some("err"),
        "trapno" => Some("trapno"),
        "cr2" => Some("cr2"),
        "x87 words" | "mxcsr" | "eflags" => None,
        n if n.starts_with("ucontext") || n.starts_with("siginfo") => None,
        n if n.starts_with("st") => Some("st"),
        n if n.starts_with("xmm") || n.starts_with("high") => Some("vector"),
        n if n.starts_with('r') => Some("register"),
        _ => Some("signal"),
    }
}

/// Bytes of the instruction at the start of `code`; one if there is none.
fn length(code: &[u8]) -> usize {
    decode(code, Bits::B64).map_or(1, |insn| usize::from(insn.len))
}

/// Behind a breakpoint the pc is already.
fn step(a: &mut Assembler, pc: Reg, free: Reg) {
    let over = a.label();
    a.value(free, VECTORS);
    a.load(free, free, 0);
    a.load_of(Width::Word, free, free, 0);
    a.add_imm(free, free, -5);
    a.reach(Reach::Zero(free), over);
    a.value(free, LENGTHS - CODE);
    a.add(free, free, pc);
    a.load_of(Width::Byte, free, free, 0);
    a.add(pc, pc, free);
    a.place(over);
}

/// Loads all registers from the table at `address`.
fn load(a: &mut Assembler, address: u64) {
    a.value(0, address);
    frame::load_all(&mut a.code, fault_case::HIGH);
}
