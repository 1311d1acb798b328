//! Selectors, as far as a 64-bit program of Linux can use them: there are its own segments of code and data,
//! that of 32-bit code, and the one that holds the number of a processor.

use crate::decode::{Insn, Operand, Segment};
use crate::runtime;
use crate::state::RSP;
use crate::translator::Translator;
use guest::{Effect, Flow};
use ir::state::TRAP_PROTECTION;
use ir::{Access, Cond, OpCode, Ref, State, Ty};

/// The selector of the stack.
const STACK: u64 = 0x2b;
/// Those that segment registers take, with the lowest two bits set: none, 32-bit code, data, code, the number of
/// a processor.
const LOADABLE: [u64; 5] = [3, 0x23, 0x2b, 0x33, 0x7b];
/// What the kernel puts in the place of CR0's low half, where user mode may not see it (UMIP), of the task
/// register, and of the addresses of the two tables.
const CR0: u64 = 0x8005_0033;
const TASK: u64 = 0x40;
const GDT: u64 = 0xffff_ffff_fffe_0000;
const IDT: u64 = 0xffff_ffff_ffff_0000;

/// What LAR, LSL, VERR and VERW ask.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Rights,
    Limit,
    Readable,
    Writable,
}

const QUESTIONS: [Question; 4] =
    [Question::Rights, Question::Limit, Question::Readable, Question::Writable];

/// Access rights and limit of a segment that user mode may know of.
fn descriptor(selector: u64) -> Option<(u64, u64)> {
    match selector & 0xfffc {
        0x20 => Some((0x00cf_fb00, 0xffff_ffff)),
        0x28 => Some((0x00cf_f300, 0xffff_ffff)),
        0x30 => Some((0x00af_fb00, 0xffff_ffff)),
        0x78 => Some((0x0040_f500, 0)),
        _ => None,
    }
}

/// The runtime's part: argument 0 is the selector; argument 1 the question, the register and its size.
pub(crate) fn run([selector, what]: [u64; 2], state: &mut State) -> Effect {
    const ZERO: u32 = 1 << 30;
    // Not code, and what of data says that it may be written.
    const KIND: u64 = 0x0a00;
    const WRITABLE: u64 = 0x0200;
    let question = QUESTIONS[(what & 3) as usize];
    let found = descriptor(selector)
        .filter(|(rights, _)| question != Question::Writable || rights & KIND == WRITABLE);
    let flags = state.six_flags() & !ZERO;
    state.set_six_flags(flags | if found.is_some() { ZERO } else { 0 });
    let value = found.and_then(|(rights, limit)| match question {
        Question::Rights => Some(rights),
        Question::Limit => Some(limit),
        _ => None,
    });
    if let Some(value) = value {
        let register = &mut state.int[(what >> 8 & 15) as usize];
        let kept = if what >> 16 == 2 { *register & !0xffff } else { 0 };
        *register = kept | if what >> 16 == 2 { value & 0xffff } else { value };
    }
    Effect::None
}

impl Translator<'_> {
    fn ask(&mut self, question: Question, from: Operand, to: (u8, u8), i: &Insn) -> Flow {
        let selector = self.zero_extended(i, from, 2);
        let what = self.imm(question as u64 | u64::from(to.0) << 8 | u64::from(to.1) << 16);
        self.runtime(runtime::SELECTOR, selector, what)
    }
    fn ask_for(&mut self, question: Question, i: &Insn) -> Flow {
        let [Operand::Reg { n, size }, from, ..] = i.operands else { return Flow::Undefined };
        self.ask(question, from, (n, size), i)
    }
    /// LAR.
    pub(crate) fn lar(&mut self, i: &Insn) -> Flow {
        self.ask_for(Question::Rights, i)
    }
    /// LSL.
    pub(crate) fn lsl(&mut self, i: &Insn) -> Flow {
        self.ask_for(Question::Limit, i)
    }
    /// VERR.
    pub(crate) fn verr(&mut self, i: &Insn) -> Flow {
        self.ask(Question::Readable, i.operands[0], (0, 0), i)
    }
    /// VERW.
    pub(crate) fn verw(&mut self, i: &Insn) -> Flow {
        self.ask(Question::Writable, i.operands[0], (0, 0), i)
    }
    fn constant(&mut self, value: u64, i: &Insn) -> Flow {
        let value = self.imm(value);
        self.put(i, i.operands[0], value);
        Flow::Next
    }
    /// SLDT: there is no local table.
    pub(crate) fn sldt(&mut self, i: &Insn) -> Flow {
        self.constant(0, i)
    }
    /// STR.
    pub(crate) fn str(&mut self, i: &Insn) -> Flow {
        self.constant(TASK, i)
    }
    /// SMSW.
    pub(crate) fn smsw(&mut self, i: &Insn) -> Flow {
        self.constant(CR0, i)
    }
    fn table(&mut self, base: u64, i: &Insn) -> Flow {
        let at = self.address(i);
        let (limit, base) = (self.imm(0), self.imm(base));
        self.store(limit, at, 2);
        let behind = self.behind(at, 2);
        self.store(base, behind, 8);
        Flow::Next
    }
    /// SGDT.
    pub(crate) fn sgdt(&mut self, i: &Insn) -> Flow {
        self.table(GDT, i)
    }
    /// SIDT.
    pub(crate) fn sidt(&mut self, i: &Insn) -> Flow {
        self.table(IDT, i)
    }

    /// A protection fault unless segment register `n` takes this selector.
    pub(crate) fn check_selector(&mut self, n: u8, selector: Ref) {
        if n == 2 {
            let stack = self.imm(STACK);
            return self.check(TRAP_PROTECTION, selector, stack);
        }
        let segment = self.make_imm(OpCode::Or, Ty::I64, selector, 3);
        let mut fits = self.imm(0);
        for loadable in LOADABLE {
            let loadable = self.imm(loadable);
            let this = self.set_compare(Cond::Eq, Ty::I64, segment, loadable);
            fits = self.make(OpCode::Or, Ty::I64, fits, this);
        }
        let one = self.imm(1);
        self.check(TRAP_PROTECTION, fits, one);
    }
    /// The base of FS or GS is that of its new segment.
    pub(crate) fn clear_base(&mut self, n: u8) {
        if n >= 4 {
            let zero = self.imm(0);
            let base = Self::base(if n == 4 { Segment::Fs } else { Segment::Gs });
            self.ir.mov(Ty::I64, base, zero);
        }
    }
    fn load_far(&mut self, n: u8, i: &Insn) -> Flow {
        let at = self.address(i);
        let size = i.operand_size;
        let offset = self.load(at, size);
        let behind = self.behind(at, size.into());
        let selector = self.load(behind, 2);
        self.check_selector(n, selector);
        self.clear_base(n);
        self.put(i, i.operands[0], offset);
        Flow::Next
    }
    /// LSS.
    pub(crate) fn lss(&mut self, i: &Insn) -> Flow {
        self.load_far(2, i)
    }
    /// LFS.
    pub(crate) fn lfs(&mut self, i: &Insn) -> Flow {
        self.load_far(4, i)
    }
    /// LGS.
    pub(crate) fn lgs(&mut self, i: &Insn) -> Flow {
        self.load_far(5, i)
    }
    /// POP of FS or GS.
    pub(crate) fn pop_segment(&mut self, i: &Insn) -> Flow {
        let Operand::Seg { n } = i.operands[0] else { return Flow::Undefined };
        let selector = self.on_stack(0, 2);
        self.check_selector(n, selector);
        self.clear_base(n);
        let bytes = self.imm(i.operand_size.into());
        self.ir.bin(OpCode::Add, Ty::I64, RSP, RSP, bytes);
        Flow::Next
    }

    /// `size` bytes at rsp + `offset`.
    fn on_stack(&mut self, offset: i32, size: u8) -> Ref {
        let value = self.temp();
        let access = Access::new(size.trailing_zeros() as u8);
        self.ir.ld(value, RSP, Ref::NONE, offset, access);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(question: Question, selector: u64) -> (bool, u64) {
        let mut state = State::new();
        run([selector, question as u64 | 4 << 16], &mut state);
        (state.six_flags() >> 30 & 1 != 0, state.int[0])
    }

    /// What a processor under Linux answers.
    #[test]
    fn segments_are_known() {
        assert_eq!(ask(Question::Rights, 0x33), (true, 0x00af_fb00));
        assert_eq!(ask(Question::Rights, 0x2b), (true, 0x00cf_f300));
        assert_eq!(ask(Question::Limit, 0x23), (true, 0xffff_ffff));
        assert_eq!(ask(Question::Limit, 0x10), (false, 0));
        let writable = [0x2b, 0x33, 0x7b, 0].map(|s| ask(Question::Writable, s).0);
        assert_eq!(writable, [true, false, false, false]);
        assert!(ask(Question::Readable, 0x7b).0);
    }
}
