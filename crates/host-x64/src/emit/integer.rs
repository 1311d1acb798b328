//! The encoder's integer and control instructions.

use crate::emit::{Cc, Code, Emit, Gpr, Imm, Mem, Size};

/// The eight two-operand arithmetic instructions, in the order of their opcodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "the manual's names")]
pub enum Alu {
    Add,
    Or,
    Adc,
    Sbb,
    And,
    Sub,
    Xor,
    Cmp,
}

/// Shifts and rotates, by their ModRM extension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "the manual's names")]
pub enum Shift {
    Rol = 0,
    Ror = 1,
    Rcl = 2,
    Rcr = 3,
    Shl = 4,
    Shr = 5,
    Sar = 7,
}

/// One-operand instructions of opcode F6/F7, by their ModRM extension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "the manual's names")]
pub enum Unary {
    Not = 2,
    Neg = 3,
    Mul = 4,
    Imul = 5,
    Div = 6,
    Idiv = 7,
}

/// Bit tests of opcode 0F BA, by their ModRM extension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "the manual's names")]
pub enum Bit {
    Bt = 4,
    Bts = 5,
    Btr = 6,
    Btc = 7,
}

/// Bit counts and scans `op reg, reg`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the manual's names")]
pub enum Count {
    Popcnt,
    Lzcnt,
    Tzcnt,
    Bsr,
    Bsf,
}

/// VEX-encoded instructions `op d, a, b` where b is the ModRM register and a the VEX one, or
/// (for the ones marked so) the reverse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the manual's names")]
pub enum Bmi {
    /// d = !a & b.
    Andn,
    /// d = b << a.
    Shlx,
    /// d = b >> a.
    Shrx,
    /// d = b >> a, arithmetic.
    Sarx,
    /// d = field of b; a = start | length << 8.
    Bextr,
    /// d = b with bits from a upwards cleared.
    Bzhi,
    Pext,
    Pdep,
    /// d:a = rdx * b.
    Mulx,
}

/// A byte register that can only be named with a REX prefix (spl, bpl, sil, dil).
const fn needs_rex(size: Size, r: Gpr) -> bool {
    matches!(size, Size::B) && r.0 >= 4 && r.0 < 8
}

fn imm_sized(size: Size, imm: i32) -> Imm {
    match size {
        Size::B => Imm::I8(imm as i8),
        Size::W => Imm::I16(imm as i16),
        _ => Imm::I32(imm),
    }
}

impl Emit {
    /// `op d, s`.
    pub fn alu(&mut self, op: Alu, size: Size, d: Gpr, s: Gpr) {
        let rex = needs_rex(size, d) || needs_rex(size, s);
        self.legacy_rr(Code::sized(0, (op as u8) << 3, size), s.0, d.0, rex, Imm::None);
    }
    /// `op d, imm`.
    pub fn alu_imm(&mut self, op: Alu, size: Size, d: Gpr, imm: i32) {
        let rex = needs_rex(size, d);
        if size == Size::B {
            self.legacy_rr(Code::sized(0, 0x80, size), op as u8, d.0, rex, imm_sized(size, imm));
        } else if let Ok(imm) = i8::try_from(imm) {
            self.legacy_rr(Code::wide(0, 0x83, size), op as u8, d.0, rex, Imm::I8(imm));
        } else if d == Gpr::RAX && size >= Size::D {
            let op = u64::from((op as u8) << 3 | 5);
            let (bytes, len) = if size == Size::Q { (op << 8 | 0x48, 2) } else { (op, 1) };
            self.raw_imm(bytes, len, u64::from(imm as u32), 4);
        } else {
            let imm = imm_sized(size, imm);
            self.legacy_rr(Code::wide(0, 0x81, size), op as u8, d.0, rex, imm);
        }
    }
    /// `op d, [m]`.
    pub fn alu_load(&mut self, op: Alu, size: Size, d: Gpr, m: Mem) {
        let rex = needs_rex(size, d);
        self.legacy_rm(Code::sized(0, (op as u8) << 3 | 2, size), d.0, m, rex, false, Imm::None);
    }
    /// `op [m], s`.
    pub fn alu_store(&mut self, op: Alu, size: Size, m: Mem, s: Gpr) {
        let rex = needs_rex(size, s);
        self.legacy_rm(Code::sized(0, (op as u8) << 3, size), s.0, m, rex, false, Imm::None);
    }
    /// `lock op [m], s`.
    pub fn lock_alu(&mut self, op: Alu, size: Size, m: Mem, s: Gpr) {
        let rex = needs_rex(size, s);
        self.legacy_rm(Code::sized(0, (op as u8) << 3, size), s.0, m, rex, true, Imm::None);
    }
    /// `lock op dword [m], imm8`.
    pub fn lock_alu_imm(&mut self, op: Alu, m: Mem, imm: i8) {
        self.legacy_rm(Code::wide(0, 0x83, Size::D), op as u8, m, false, true, Imm::I8(imm));
    }
    /// `op [m], imm`.
    pub fn alu_mem_imm(&mut self, op: Alu, size: Size, m: Mem, imm: i32) {
        match i8::try_from(imm) {
            Ok(imm) if size != Size::B => {
                let code = Code::wide(0, 0x83, size);
                self.legacy_rm(code, op as u8, m, false, false, Imm::I8(imm));
            }
            _ => {
                let code = Code::sized(0, 0x80, size);
                self.legacy_rm(code, op as u8, m, false, false, imm_sized(size, imm));
            }
        }
    }
    /// `test a, b`.
    pub fn test(&mut self, size: Size, a: Gpr, b: Gpr) {
        let rex = needs_rex(size, a) || needs_rex(size, b);
        self.legacy_rr(Code::sized(0, 0x84, size), b.0, a.0, rex, Imm::None);
    }
    /// `test a, imm`.
    pub fn test_imm(&mut self, size: Size, a: Gpr, imm: i32) {
        if a == Gpr::RAX && size != Size::W {
            match size {
                Size::B => self.raw_imm(0xa8, 1, u64::from(imm as u8), 1),
                Size::Q => self.raw_imm(0xa948, 2, u64::from(imm as u32), 4),
                _ => self.raw_imm(0xa9, 1, u64::from(imm as u32), 4),
            }
            return;
        }
        let imm = imm_sized(size, imm);
        self.legacy_rr(Code::sized(0, 0xf6, size), 0, a.0, needs_rex(size, a), imm);
    }
    /// `test [m], imm`.
    pub fn test_mem_imm(&mut self, size: Size, m: Mem, imm: i32) {
        let code = Code::sized(0, 0xf6, size);
        self.legacy_rm(code, 0, m, false, false, imm_sized(size, imm));
    }

    // --- moves

    /// `mov d, s`. The B and W forms keep the upper bits of d.
    pub fn mov(&mut self, size: Size, d: Gpr, s: Gpr) {
        let rex = needs_rex(size, d) || needs_rex(size, s);
        self.legacy_rr(Code::sized(0, 0x88, size), s.0, d.0, rex, Imm::None);
    }
    /// `d = imm`, flags kept, shortest form.
    pub fn mov_imm(&mut self, d: Gpr, imm: u64) {
        let low = u64::from(d.0 & 7);
        if let Ok(imm) = u32::try_from(imm) {
            if d.0 < 8 {
                self.raw_imm(0xb8 + low, 1, u64::from(imm), 4);
            } else {
                self.raw_imm((0xb8 + low) << 8 | 0x41, 2, u64::from(imm), 4);
            }
        } else if let Ok(imm) = i32::try_from(imm as i64) {
            self.legacy_rr(Code::wide(0, 0xc7, Size::Q), 0, d.0, false, Imm::I32(imm));
        } else {
            self.raw_imm((0xb8 + low) << 8 | 0x48 | u64::from(d.0 >> 3), 2, imm, 8);
            self.note_wide();
        }
    }
    /// `mov d, [m]`. The B and W forms keep the upper bits of d.
    pub fn load(&mut self, size: Size, d: Gpr, m: Mem) {
        let rex = needs_rex(size, d);
        self.legacy_rm(Code::sized(0, 0x8a, size), d.0, m, rex, false, Imm::None);
    }
    /// `mov [m], s`.
    pub fn store(&mut self, size: Size, m: Mem, s: Gpr) {
        let rex = needs_rex(size, s);
        self.legacy_rm(Code::sized(0, 0x88, size), s.0, m, rex, false, Imm::None);
    }
    /// `mov [m], imm` (sign-extended to 64 bits in the Q form).
    pub fn store_imm(&mut self, size: Size, m: Mem, imm: i32) {
        let code = Code::sized(0, 0xc6, size);
        self.legacy_rm(code, 0, m, false, false, imm_sized(size, imm));
    }
    /// Zero-extends the low `from` of s into all of d.
    pub fn movzx(&mut self, from: Size, d: Gpr, s: Gpr) {
        match from {
            Size::B | Size::W => {
                let code = Code::new(0, 1, 0xb6 + from as u8, false);
                self.legacy_rr(code, d.0, s.0, needs_rex(from, s), Imm::None);
            }
            _ => self.mov(from, d, s),
        }
    }
    /// Zero-extending load of `from`.
    pub fn load_zx(&mut self, from: Size, d: Gpr, m: Mem) {
        match from {
            Size::B | Size::W => {
                let code = Code::new(0, 1, 0xb6 + from as u8, false);
                self.legacy_rm(code, d.0, m, false, false, Imm::None);
            }
            _ => self.load(from, d, m),
        }
    }
    /// Sign-extends the low `from` of s to `to` (D or Q; D zeroes the rest).
    pub fn movsx(&mut self, from: Size, to: Size, d: Gpr, s: Gpr) {
        let w = to == Size::Q;
        match from {
            Size::B | Size::W => {
                let code = Code::new(0, 1, 0xbe + from as u8, w);
                self.legacy_rr(code, d.0, s.0, needs_rex(from, s), Imm::None);
            }
            Size::D if w => self.legacy_rr(Code::new(0, 0, 0x63, w), d.0, s.0, false, Imm::None),
            _ => self.mov(to, d, s),
        }
    }
    /// Sign-extending load of `from` to `to`.
    pub fn load_sx(&mut self, from: Size, to: Size, d: Gpr, m: Mem) {
        let w = to == Size::Q;
        match from {
            Size::B | Size::W => {
                let code = Code::new(0, 1, 0xbe + from as u8, w);
                self.legacy_rm(code, d.0, m, false, false, Imm::None);
            }
            Size::D if w => {
                self.legacy_rm(Code::new(0, 0, 0x63, w), d.0, m, false, false, Imm::None);
            }
            _ => self.load(to, d, m),
        }
    }
    /// The prefix by which the next instruction's address is one of 32 bits.
    pub fn addr32(&mut self) {
        self.byte(0x67);
    }
    /// `lea d, m` (D zeroes the upper half).
    pub fn lea(&mut self, size: Size, d: Gpr, m: Mem) {
        self.legacy_rm(Code::wide(0, 0x8d, size), d.0, m, false, false, Imm::None);
    }
    /// `movbe d, [m]`.
    pub fn movbe_load(&mut self, size: Size, d: Gpr, m: Mem) {
        self.legacy_rm(Code::wide(2, 0xf0, size), d.0, m, false, false, Imm::None);
    }
    /// `movbe [m], s`.
    pub fn movbe_store(&mut self, size: Size, m: Mem, s: Gpr) {
        self.legacy_rm(Code::wide(2, 0xf1, size), s.0, m, false, false, Imm::None);
    }
    /// `bswap d`.
    pub fn bswap(&mut self, size: Size, d: Gpr) {
        let rex = 0x40 | u64::from(size == Size::Q) << 3 | u64::from(d.0 >> 3);
        let bytes = 0x0f | (0xc8 + u64::from(d.0 & 7)) << 8;
        if rex == 0x40 { self.raw(bytes, 2) } else { self.raw(bytes << 8 | rex, 3) }
    }

    // --- arithmetic

    /// `not`, `neg`, `mul`, `imul`, `div`, `idiv` of one register.
    pub fn unary(&mut self, op: Unary, size: Size, r: Gpr) {
        let rex = needs_rex(size, r);
        self.legacy_rr(Code::sized(0, 0xf6, size), op as u8, r.0, rex, Imm::None);
    }
    /// `imul d, s`.
    pub fn imul(&mut self, size: Size, d: Gpr, s: Gpr) {
        self.legacy_rr(Code::wide(1, 0xaf, size), d.0, s.0, false, Imm::None);
    }
    /// `imul d, s, imm`.
    pub fn imul_imm(&mut self, size: Size, d: Gpr, s: Gpr, imm: i32) {
        match i8::try_from(imm) {
            Ok(imm) => self.legacy_rr(Code::wide(0, 0x6b, size), d.0, s.0, false, Imm::I8(imm)),
            Err(_) => {
                let imm = imm_sized(size, imm);
                self.legacy_rr(Code::wide(0, 0x69, size), d.0, s.0, false, imm);
            }
        }
    }
    /// `cdq` or `cqo`.
    pub fn sign_to_rdx(&mut self, size: Size) {
        if size == Size::Q { self.raw(0x9948, 2) } else { self.raw(0x99, 1) }
    }
    /// `op r, n`; n is taken modulo the width, 0 emits nothing.
    pub fn shift_imm(&mut self, op: Shift, size: Size, r: Gpr, n: u8) {
        let rex = needs_rex(size, r);
        match n {
            0 => {}
            1 => self.legacy_rr(Code::sized(0, 0xd0, size), op as u8, r.0, rex, Imm::None),
            _ => {
                let code = Code::sized(0, 0xc0, size);
                self.legacy_rr(code, op as u8, r.0, rex, Imm::I8(n as i8));
            }
        }
    }
    /// `op r, cl`.
    pub fn shift_cl(&mut self, op: Shift, size: Size, r: Gpr) {
        let rex = needs_rex(size, r);
        self.legacy_rr(Code::sized(0, 0xd2, size), op as u8, r.0, rex, Imm::None);
    }
    /// `inc r`, or `dec r`.
    pub fn step(&mut self, down: bool, size: Size, r: Gpr) {
        let rex = needs_rex(size, r);
        self.legacy_rr(Code::sized(0, 0xfe, size), u8::from(down), r.0, rex, Imm::None);
    }
    /// `shld d, s, cl`, or `shrd d, s, cl`.
    pub fn shift_pair_cl(&mut self, right: bool, size: Size, d: Gpr, s: Gpr) {
        let opcode = if right { 0xad } else { 0xa5 };
        self.legacy_rr(Code::wide(1, opcode, size), s.0, d.0, false, Imm::None);
    }
    /// `shrd d, s, n`: d = s:d >> n.
    pub fn shrd(&mut self, size: Size, d: Gpr, s: Gpr, n: u8) {
        self.legacy_rr(Code::wide(1, 0xac, size), s.0, d.0, false, Imm::I8(n as i8));
    }
    /// `shld d, s, n`: d = d:s << n, high half.
    pub fn shld(&mut self, size: Size, d: Gpr, s: Gpr, n: u8) {
        self.legacy_rr(Code::wide(1, 0xa4, size), s.0, d.0, false, Imm::I8(n as i8));
    }
    /// `rorx d, s, n`: rotate right, flags kept.
    pub fn rorx(&mut self, size: Size, d: Gpr, s: Gpr, n: u8) {
        let code = Code::new(0xf2, 3, 0xf0, size == Size::Q);
        self.vex_rr(code, false, d.0, 0, s.0, Imm::I8(n as i8));
    }
    /// A BMI instruction; see [`Bmi`] for the operands.
    pub fn bmi(&mut self, op: Bmi, size: Size, d: Gpr, a: Gpr, b: Gpr) {
        let (prefix, opcode) = match op {
            Bmi::Andn => (0, 0xf2),
            Bmi::Shlx => (0x66, 0xf7),
            Bmi::Shrx => (0xf2, 0xf7),
            Bmi::Sarx => (0xf3, 0xf7),
            Bmi::Bextr => (0, 0xf7),
            Bmi::Bzhi => (0, 0xf5),
            Bmi::Pext => (0xf3, 0xf5),
            Bmi::Pdep => (0xf2, 0xf5),
            Bmi::Mulx => (0xf2, 0xf6),
        };
        let code = Code::new(prefix, 2, opcode, size == Size::Q);
        self.vex_rr(code, false, d.0, a.0, b.0, Imm::None);
    }
    /// `mulx high, low, [m]`: high:low = rdx * [m].
    pub fn mulx_load(&mut self, size: Size, high: Gpr, low: Gpr, m: Mem) {
        let code = Code::new(0xf2, 2, 0xf6, size == Size::Q);
        self.vex_rm(code, false, high.0, low.0, m, Imm::None);
    }
    /// `bt`, `bts`, `btr`, `btc` with an immediate bit number.
    pub fn bit_imm(&mut self, op: Bit, size: Size, r: Gpr, n: u8) {
        self.legacy_rr(Code::wide(1, 0xba, size), op as u8, r.0, false, Imm::I8(n as i8));
    }
    /// `bt r, n`.
    pub fn bt(&mut self, size: Size, r: Gpr, n: Gpr) {
        self.legacy_rr(Code::wide(1, 0xa3, size), n.0, r.0, false, Imm::None);
    }
    /// A bit count or scan.
    pub fn count(&mut self, op: Count, size: Size, d: Gpr, s: Gpr) {
        let (prefix, opcode) = match op {
            Count::Popcnt => (0xf3, 0xb8),
            Count::Lzcnt => (0xf3, 0xbd),
            Count::Tzcnt => (0xf3, 0xbc),
            Count::Bsr => (0, 0xbd),
            Count::Bsf => (0, 0xbc),
        };
        let code = Code::new(prefix, 1, opcode, size == Size::Q);
        self.legacy_rr(code, d.0, s.0, false, Imm::None);
    }
    /// `crc32 d, s` over `size` bytes of s (polynomial of CRC32C).
    pub fn crc32(&mut self, size: Size, d: Gpr, s: Gpr) {
        let op = if size == Size::B { 0xf0 } else { 0xf1 };
        if size == Size::W {
            // The operand-size prefix comes before F2, which must be next to REX.
            let rex = 0x40 | u64::from(d.0 >> 3) << 2 | u64::from(s.0 >> 3);
            let modrm = u64::from(0xc0 | (d.0 & 7) << 3 | s.0 & 7);
            if rex == 0x40 {
                self.raw(0x00f1_380f_f266 | modrm << 40, 6);
            } else {
                self.raw(0xf138_0f00_f266 | rex << 16 | modrm << 48, 7);
            }
            return;
        }
        let code = Code::new(0xf2, 2, op, size == Size::Q);
        self.legacy_rr(code, d.0, s.0, needs_rex(size, s), Imm::None);
    }

    // --- conditions and flags

    /// `setcc d` (low byte).
    pub fn setcc(&mut self, cc: Cc, d: Gpr) {
        let code = Code::new(0, 1, 0x90 | cc as u8, false);
        self.legacy_rr(code, 0, d.0, needs_rex(Size::B, d), Imm::None);
    }
    /// `cmovcc d, s`.
    pub fn cmov(&mut self, cc: Cc, size: Size, d: Gpr, s: Gpr) {
        self.legacy_rr(Code::wide(1, 0x40 | cc as u8, size), d.0, s.0, false, Imm::None);
    }
    /// `cmovcc d, [m]`.
    pub fn cmov_load(&mut self, cc: Cc, size: Size, d: Gpr, m: Mem) {
        let code = Code::wide(1, 0x40 | cc as u8, size);
        self.legacy_rm(code, d.0, m, false, false, Imm::None);
    }
    /// `lahf`.
    pub fn lahf(&mut self) {
        self.raw(0x9f, 1);
    }
    /// `sahf`.
    pub fn sahf(&mut self) {
        self.raw(0x9e, 1);
    }
    /// `cmc`.
    pub fn cmc(&mut self) {
        self.raw(0xf5, 1);
    }

    // --- atomics

    /// `xchg [m], r`.
    pub fn xchg_mem(&mut self, size: Size, m: Mem, r: Gpr) {
        let rex = needs_rex(size, r);
        self.legacy_rm(Code::sized(0, 0x86, size), r.0, m, rex, false, Imm::None);
    }
    /// `xchg a, b`.
    pub fn xchg(&mut self, size: Size, a: Gpr, b: Gpr) {
        self.legacy_rr(Code::sized(0, 0x86, size), b.0, a.0, false, Imm::None);
    }
    /// `lock xadd [m], r`.
    pub fn lock_xadd(&mut self, size: Size, m: Mem, r: Gpr) {
        let rex = needs_rex(size, r);
        self.legacy_rm(Code::sized(1, 0xc0, size), r.0, m, rex, true, Imm::None);
    }
    /// `lock cmpxchg [m], r` (compares with rax).
    pub fn lock_cmpxchg(&mut self, size: Size, m: Mem, r: Gpr) {
        let rex = needs_rex(size, r);
        self.legacy_rm(Code::sized(1, 0xb0, size), r.0, m, rex, true, Imm::None);
    }
    /// `lock cmpxchg16b [m]`.
    pub fn lock_cmpxchg16b(&mut self, m: Mem) {
        self.legacy_rm(Code::new(0, 1, 0xc7, true), 1, m, false, true, Imm::None);
    }

    // --- control

    /// `jmp [m]`.
    pub fn jmp_mem(&mut self, m: Mem) {
        self.legacy_rm(Code::new(0, 0, 0xff, false), 4, m, false, false, Imm::None);
    }
    /// `jmp r`.
    pub fn jmp_reg(&mut self, r: Gpr) {
        self.legacy_rr(Code::new(0, 0, 0xff, false), 4, r.0, false, Imm::None);
    }
    /// `call [m]`.
    pub fn call_mem(&mut self, m: Mem) {
        self.legacy_rm(Code::new(0, 0, 0xff, false), 2, m, false, false, Imm::None);
    }
    /// `ret`.
    pub fn ret(&mut self) {
        self.raw(0xc3, 1);
    }
    /// `push r`.
    pub fn push(&mut self, r: Gpr) {
        let op = u64::from(0x50 + (r.0 & 7));
        if r.0 < 8 { self.raw(op, 1) } else { self.raw(op << 8 | 0x41, 2) }
    }
    /// `pop r`.
    pub fn pop(&mut self, r: Gpr) {
        let op = u64::from(0x58 + (r.0 & 7));
        if r.0 < 8 { self.raw(op, 1) } else { self.raw(op << 8 | 0x41, 2) }
    }
    /// `ud2`.
    pub fn ud2(&mut self) {
        self.raw(0x0b0f, 2);
    }
    /// `lfence`.
    pub fn lfence(&mut self) {
        self.raw(0xe8_ae0f, 3);
    }
    /// `rdtsc`.
    pub fn rdtsc(&mut self) {
        self.raw(0x310f, 2);
    }
    /// `mul qword [m]`.
    pub fn mul_load(&mut self, m: Mem) {
        self.legacy_rm(Code::new(0, 0, 0xf7, true), 4, m, false, false, Imm::None);
    }
    /// `ldmxcsr [m]`.
    pub fn ldmxcsr(&mut self, m: Mem) {
        self.legacy_rm(Code::new(0, 1, 0xae, false), 2, m, false, false, Imm::None);
    }
    /// `stmxcsr [m]`.
    pub fn stmxcsr(&mut self, m: Mem) {
        self.legacy_rm(Code::new(0, 1, 0xae, false), 3, m, false, false, Imm::None);
    }
}
