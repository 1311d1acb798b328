//! Pointer authentication, with an algorithm of our own (FEAT_PACIMP): three rounds of AES under the
//! process's key over the pointer and the modifier, of which the bits that addresses leave free are
//! kept. As Linux has it, addresses have 48 bits, and the top byte of those of programs is theirs.

use crate::cpu::Features;
use crate::field::{XSp, XZr};
use crate::{Flow, Translator};
use guest::KeyRequest;
use ir::{Access, OpCode, Ref, State, Ty, VecOp};

/// Vector slots of the keys IA, IB, DA, DB, GA.
const SLOT_KEYS: u16 = 96;
const KEYS: u16 = 5;
/// Key GA.
const GENERIC: u16 = 4;
/// Slots of what the keys IA, IB, DA, DB may change: all bits, or none if the key is disabled.
const SLOT_ENABLED: u16 = 40;
/// The instructions' keys.
const IA: u16 = 0;
const DA: u16 = 2;
/// What the trap of a failed authentication says: the operand is illegal, not the instruction.
const ILLEGAL_OPERAND: i32 = 1;

/// A pointer taken apart.
struct Parts {
    /// The bits that hold the authentication code.
    code: Ref,
    /// The pointer without one.
    plain: Ref,
}

impl Translator<'_> {
    fn op2(&mut self, code: OpCode, a: Ref, b: Ref) -> Ref {
        let t = self.temp();
        self.ir.bin(code, Ty::I64, t, a, b);
        t
    }
    fn op2_imm(&mut self, code: OpCode, a: Ref, b: u64) -> Ref {
        let b = self.imm(b);
        self.op2(code, a, b)
    }
    fn parts(&mut self, pointer: Ref) -> Parts {
        let top = self.op2_imm(OpCode::Shl, pointer, 8);
        let sign = self.op2_imm(OpCode::Sar, top, 63);
        let high = self.op2_imm(OpCode::And, sign, 0xff << 56);
        let code = self.op2_imm(OpCode::Or, high, 0x7f << 48);
        let extension = self.op2(OpCode::And, sign, code);
        let address = self.op2(OpCode::AndNot, pointer, code);
        Parts { code, plain: self.op2(OpCode::Or, address, extension) }
    }
    /// The authentication code of `pointer`, all of its bits.
    fn hash(&mut self, pointer: Ref, modifier: Ref, key: u16) -> Ref {
        let mut block = self.temp();
        self.ir.bin(OpCode::VecFromPair, Ty::V128, block, pointer, modifier);
        let (key, none) = (Ref::slot(SLOT_KEYS + key), Ref::NONE);
        for _ in 0..3 {
            let (mixed, next) = (self.temp(), self.temp());
            self.vop(VecOp::AesE, Ty::V128, 0, 0, mixed, [block, key, none]);
            self.vop(VecOp::AesMc, Ty::V128, 0, 0, next, [mixed, none, none]);
            block = next;
        }
        let code = self.temp();
        self.ir.un_aux(OpCode::VecToInt, Ty::I64, code, block, 3 << 8);
        code
    }
    /// `pointer` with its code changed by the one that it should have.
    fn turned(&mut self, pointer: Ref, modifier: Ref, key: u16) -> (Ref, Ref) {
        let Parts { code, plain } = self.parts(pointer);
        let hash = self.hash(plain, modifier, key);
        let hash = self.op2(OpCode::And, hash, code);
        let hash = self.op2(OpCode::And, hash, Ref::slot(SLOT_ENABLED + key));
        (self.op2(OpCode::Xor, pointer, hash), plain)
    }
    fn sign(&mut self, dst: Ref, pointer: Ref, modifier: Ref, key: u16) -> Flow {
        let (signed, _) = self.turned(pointer, modifier, key);
        self.ir.mov(Ty::I64, dst, signed);
        Flow::Next
    }
    /// `pointer` without its code if that is right; else a trap, or without FEAT_FPAC a pointer that
    /// cannot be used.
    fn authenticated(&mut self, pointer: Ref, modifier: Ref, key: u16) -> Ref {
        let (result, plain) = self.turned(pointer, modifier, key);
        if !self.lacks(Features::FPAC) {
            let wrong = self.op2(OpCode::Xor, result, plain);
            let wrong = self.op2(OpCode::And, wrong, Ref::slot(SLOT_ENABLED + key));
            let (none, zero) = (Ref::NONE, self.imm(0));
            let trap = ir::state::TRAP_UNDEFINED;
            self.ir.emit(OpCode::Check, Ty::I64, none, wrong, zero, none, trap, ILLEGAL_OPERAND);
        }
        result
    }
    fn authenticate(&mut self, dst: Ref, pointer: Ref, modifier: Ref, key: u16) -> Flow {
        let result = self.authenticated(pointer, modifier, key);
        self.ir.mov(Ty::I64, dst, result);
        Flow::Next
    }

    /// PACIA, PACIB, PACDA, PACDB.
    pub(crate) fn pac(&mut self, d: bool, b: bool, rn: XSp, rd: XZr) -> Flow {
        let (pointer, dst, modifier) = (self.x(rd), self.x_out(rd), self.xsp(rn));
        self.sign(dst, pointer, modifier, key(d, b))
    }
    /// PACIZA, PACIZB, PACDZA, PACDZB.
    pub(crate) fn pac_zero(&mut self, d: bool, b: bool, rd: XZr) -> Flow {
        let (pointer, dst, modifier) = (self.x(rd), self.x_out(rd), self.imm(0));
        self.sign(dst, pointer, modifier, key(d, b))
    }
    /// AUTIA, AUTIB, AUTDA, AUTDB.
    pub(crate) fn aut(&mut self, d: bool, b: bool, rn: XSp, rd: XZr) -> Flow {
        let (pointer, dst, modifier) = (self.x(rd), self.x_out(rd), self.xsp(rn));
        self.authenticate(dst, pointer, modifier, key(d, b))
    }
    /// AUTIZA, AUTIZB, AUTDZA, AUTDZB.
    pub(crate) fn aut_zero(&mut self, d: bool, b: bool, rd: XZr) -> Flow {
        let (pointer, dst, modifier) = (self.x(rd), self.x_out(rd), self.imm(0));
        self.authenticate(dst, pointer, modifier, key(d, b))
    }
    /// XPACI, XPACD.
    pub(crate) fn xpac(&mut self, _d: bool, rd: XZr) -> Flow {
        let pointer = self.x(rd);
        let plain = self.parts(pointer).plain;
        let dst = self.x_out(rd);
        self.ir.mov(Ty::I64, dst, plain);
        Flow::Next
    }
    /// PACGA.
    pub(crate) fn pacga(&mut self, rm: XSp, rn: XZr, rd: XZr) -> Flow {
        let (a, modifier) = (self.x(rn), self.xsp(rm));
        let hash = self.hash(a, modifier, GENERIC);
        let (dst, mask) = (self.x_out(rd), self.imm(0xffff_ffff << 32));
        self.ir.bin(OpCode::And, Ty::I64, dst, hash, mask);
        Flow::Next
    }

    /// XPACLRI.
    pub(crate) fn xpaclri(&mut self) -> Flow {
        if self.lacks(Features::PAUTH) { Flow::Next } else { self.xpac(false, XZr(30)) }
    }
    /// PACIA1716, PACIB1716.
    pub(crate) fn paci1716(&mut self, b: bool) -> Flow {
        if self.lacks(Features::PAUTH) { Flow::Next } else { self.pac(false, b, XSp(16), XZr(17)) }
    }
    /// AUTIA1716, AUTIB1716.
    pub(crate) fn auti1716(&mut self, b: bool) -> Flow {
        if self.lacks(Features::PAUTH) { Flow::Next } else { self.aut(false, b, XSp(16), XZr(17)) }
    }
    /// PACIAZ, PACIASP, PACIBZ, PACIBSP.
    pub(crate) fn paci_z_sp(&mut self, b: bool, sp: bool) -> Flow {
        match sp {
            _ if self.lacks(Features::PAUTH) => Flow::Next,
            true => self.pac(false, b, XSp(31), XZr(30)),
            false => self.pac_zero(false, b, XZr(30)),
        }
    }
    /// AUTIAZ, AUTIASP, AUTIBZ, AUTIBSP.
    pub(crate) fn auti_z_sp(&mut self, b: bool, sp: bool) -> Flow {
        match sp {
            _ if self.lacks(Features::PAUTH) => Flow::Next,
            true => self.aut(false, b, XSp(31), XZr(30)),
            false => self.aut_zero(false, b, XZr(30)),
        }
    }

    /// The authenticated destination of a branch.
    fn destination(&mut self, rn: XZr, modifier: Ref, b: bool) -> Ref {
        let pointer = self.x(rn);
        self.authenticated(pointer, modifier, IA | u16::from(b))
    }
    /// BRAA, BRAB.
    pub(crate) fn bra(&mut self, b: bool, rn: XZr, rm: XSp) -> Flow {
        let modifier = self.xsp(rm);
        let to = self.destination(rn, modifier, b);
        self.jumps(rn);
        self.leave_to(to, 0)
    }
    /// BRAAZ, BRABZ.
    pub(crate) fn braz(&mut self, b: bool, rn: XZr) -> Flow {
        let modifier = self.imm(0);
        let to = self.destination(rn, modifier, b);
        self.jumps(rn);
        self.leave_to(to, 0)
    }
    /// BLRAA, BLRAB.
    pub(crate) fn blra(&mut self, b: bool, rn: XZr, rm: XSp) -> Flow {
        let modifier = self.xsp(rm);
        let to = self.destination(rn, modifier, b);
        self.call_to(to)
    }
    /// BLRAAZ, BLRABZ.
    pub(crate) fn blraz(&mut self, b: bool, rn: XZr) -> Flow {
        let modifier = self.imm(0);
        let to = self.destination(rn, modifier, b);
        self.call_to(to)
    }
    /// RETAA, RETAB.
    pub(crate) fn reta(&mut self, b: bool) -> Flow {
        let modifier = self.xsp(XSp(31));
        let to = self.destination(XZr(30), modifier, b);
        self.leave_to(to, 1)
    }
    /// LDRAA, LDRAB.
    pub(crate) fn ldra(&mut self, m: bool, s: u8, imm9: u32, w: bool, rn: XSp, rt: XZr) -> Flow {
        let (base, zero) = (self.xsp(rn), self.imm(0));
        let address = self.authenticated(base, zero, DA | u16::from(m));
        let offset = (i64::from(s) << 9 | i64::from(imm9)) << 54 >> 51;
        let address = self.op2_imm(OpCode::Add, address, offset.cast_unsigned());
        let value = self.temp();
        self.ir.ld(value, address, Ref::NONE, 0, Access::new(3));
        let dst = self.x_out(rt);
        self.ir.mov(Ty::I64, dst, value);
        if w {
            self.ir.mov(Ty::I64, base, address);
        }
        Flow::Next
    }
}

/// The key of the instructions' bits.
fn key(d: bool, b: bool) -> u16 {
    u16::from(d) << 1 | u16::from(b)
}

/// Executes `request`; None if it is not allowed.
pub(crate) fn keys(
    random: fn(&mut [u8]) -> bool,
    request: KeyRequest,
    state: &mut State,
) -> Option<u64> {
    let enabled = |key: u16| usize::from(SLOT_ENABLED + key);
    match request {
        KeyRequest::Reset(which) if which >> KEYS == 0 => {
            let all = (1 << KEYS) - 1;
            let which = if which == 0 { all } else { which };
            for key in (0..KEYS).filter(|key| which >> key & 1 != 0) {
                let mut bytes = [0; 16];
                random(&mut bytes);
                state.vec[usize::from(SLOT_KEYS + key - ir::state::FIRST_VEC)] =
                    u128::from_le_bytes(bytes);
            }
            Some(0)
        }
        KeyRequest::Enable { which, on } if which >> GENERIC == 0 && on & !which == 0 => {
            for key in (0..GENERIC).filter(|key| which >> key & 1 != 0) {
                state.int[enabled(key)] = if on >> key & 1 != 0 { u64::MAX } else { 0 };
            }
            Some(0)
        }
        KeyRequest::Enabled => {
            Some((0..GENERIC).map(|key| (state.int[enabled(key)] & 1) << key).sum())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Aarch64, Cpu};
    use guest::{Guest as _, Mode};

    fn guest(model: &str) -> (Aarch64, State) {
        let random = |bytes: &mut [u8]| {
            bytes.iter_mut().zip(3..).for_each(|(b, n): (_, u8)| *b = n.wrapping_mul(91));
            true
        };
        let guest = Aarch64::new(Cpu::parse(model).unwrap(), random);
        let mut state = State::new();
        guest.start(&mut state);
        (guest, state)
    }
    fn step(guest: &Aarch64, state: &mut State, word: u32) -> eval::Outcome {
        let mut block = ir::Block::default();
        let mode = Mode { single: true, ..Mode::default() };
        guest.translate(&mut |_| Some(word), 0x1000, mode, &mut block);
        eval::run(&block, state, &mut eval::NoMemory)
    }
    const PACIA_1_2: u32 = 0xdac1_0041;
    const AUTIA_1_2: u32 = 0xdac1_1041;
    const AUTIB_1_2: u32 = 0xdac1_1441;
    const XPACI_1: u32 = 0xdac1_43e1;

    #[test]
    fn what_was_signed_is_authentic() {
        let (guest, mut state) = guest("max");
        for pointer in [0x12_3456_7890, 0xaa00_7fff_ffff_fff8, 0, u64::MAX, 0xffff_8000_0000_1230] {
            state.int[1] = pointer;
            state.int[2] = 0x1234;
            step(&guest, &mut state, PACIA_1_2);
            let signed = state.int[1];
            step(&guest, &mut state, AUTIA_1_2);
            assert_eq!(state.int[1], pointer);
            state.int[1] = signed;
            step(&guest, &mut state, XPACI_1);
            assert_eq!(state.int[1], pointer);
        }
        state.int[1] = 0x12_3456_7890;
        step(&guest, &mut state, PACIA_1_2);
        let signed = state.int[1];
        assert_eq!(signed & !(0x7f << 48), 0x12_3456_7890);
        state.int[1] ^= 1 << 50;
        let outcome = step(&guest, &mut state, AUTIA_1_2);
        assert!(matches!(outcome, eval::Outcome::Trap { kind: 0, arg: 1 }));
        assert_eq!(state.int[1], signed ^ 1 << 50);
    }

    #[test]
    fn without_fpac_a_wrong_pointer_is_unusable() {
        let (guest, mut state) = guest("neoverse-v1");
        state.int[1] = 0x12_3456_7890;
        step(&guest, &mut state, PACIA_1_2);
        state.int[2] ^= 1;
        assert!(matches!(step(&guest, &mut state, AUTIA_1_2), eval::Outcome::Exit(_)));
        assert_ne!(state.int[1] >> 48, 0);
    }

    #[test]
    fn disabled_keys_change_nothing() {
        let (guest, mut state) = guest("max");
        assert_eq!(guest.keys(KeyRequest::Enabled, &mut state), Some(15));
        let request = KeyRequest::Enable { which: 2, on: 0 };
        assert_eq!(guest.keys(request, &mut state), Some(0));
        assert_eq!(guest.keys(KeyRequest::Enabled, &mut state), Some(13));
        state.int[1] = 0x12_3456_7890;
        assert!(matches!(step(&guest, &mut state, AUTIB_1_2), eval::Outcome::Exit(_)));
        assert_eq!(state.int[1], 0x12_3456_7890);
        assert_eq!(guest.keys(KeyRequest::Reset(32), &mut state), None);
        assert_eq!(guest.keys(KeyRequest::Enable { which: 1, on: 2 }, &mut state), None);
    }

    #[test]
    fn hints_are_nothing_without_the_feature() {
        let (guest, mut state) = guest("default");
        state.int[30] = 0x12_3456_7890;
        for word in [0xd503_233f, 0xd503_23bf, 0xd503_20ff] {
            assert!(matches!(step(&guest, &mut state, word), eval::Outcome::Exit(_)));
            assert_eq!(state.int[30], 0x12_3456_7890);
        }
        assert!(matches!(step(&guest, &mut state, PACIA_1_2), eval::Outcome::Trap { .. }));
        assert_eq!(guest.keys(KeyRequest::Enabled, &mut state), None);
    }
}
