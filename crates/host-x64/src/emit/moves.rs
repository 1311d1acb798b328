//! The encoder's vector moves; arithmetic is in `sse`.

use crate::emit::{Code, Emit, Gpr, Imm, Mem, Size, Xmm};

impl Emit {
    /// `movaps d, s`.
    pub fn movaps(&mut self, d: Xmm, s: Xmm) {
        self.legacy_rr(Code::new(0, 1, 0x28, false), d.0, s.0, false, Imm::None);
    }
    /// `movaps d, [m]`: 16 aligned bytes.
    pub fn movaps_load(&mut self, d: Xmm, m: Mem) {
        self.legacy_rm(Code::new(0, 1, 0x28, false), d.0, m, false, false, Imm::None);
    }
    /// `movaps [m], s`.
    pub fn movaps_store(&mut self, m: Mem, s: Xmm) {
        self.legacy_rm(Code::new(0, 1, 0x29, false), s.0, m, false, false, Imm::None);
    }
    /// `movups d, [m]`.
    pub fn movups_load(&mut self, d: Xmm, m: Mem) {
        self.legacy_rm(Code::new(0, 1, 0x10, false), d.0, m, false, false, Imm::None);
    }
    /// `movups [m], s`.
    pub fn movups_store(&mut self, m: Mem, s: Xmm) {
        self.legacy_rm(Code::new(0, 1, 0x11, false), s.0, m, false, false, Imm::None);
    }
    /// `movss d, [m]`: zeros above.
    pub fn movss_load(&mut self, d: Xmm, m: Mem) {
        self.legacy_rm(Code::new(0xf3, 1, 0x10, false), d.0, m, false, false, Imm::None);
    }
    /// `movss [m], s`.
    pub fn movss_store(&mut self, m: Mem, s: Xmm) {
        self.legacy_rm(Code::new(0xf3, 1, 0x11, false), s.0, m, false, false, Imm::None);
    }
    /// `movsd d, [m]`: zeros above.
    pub fn movsd_load(&mut self, d: Xmm, m: Mem) {
        self.legacy_rm(Code::new(0xf2, 1, 0x10, false), d.0, m, false, false, Imm::None);
    }
    /// `movsd [m], s`.
    pub fn movsd_store(&mut self, m: Mem, s: Xmm) {
        self.legacy_rm(Code::new(0xf2, 1, 0x11, false), s.0, m, false, false, Imm::None);
    }
    /// `movq d, s`: low 64 bits, zeros above.
    pub fn movq(&mut self, d: Xmm, s: Xmm) {
        self.legacy_rr(Code::new(0xf3, 1, 0x7e, false), d.0, s.0, false, Imm::None);
    }
    /// `movd`/`movq d, s` from a general register (size D or Q), zeros above.
    pub fn mov_to_xmm(&mut self, size: Size, d: Xmm, s: Gpr) {
        let code = Code::new(0x66, 1, 0x6e, size == Size::Q);
        self.legacy_rr(code, d.0, s.0, false, Imm::None);
    }
    /// `movd`/`movq d, s` to a general register; D zeroes the upper half.
    pub fn mov_from_xmm(&mut self, size: Size, d: Gpr, s: Xmm) {
        let code = Code::new(0x66, 1, 0x7e, size == Size::Q);
        self.legacy_rr(code, s.0, d.0, false, Imm::None);
    }
    /// `pxor d, s`.
    pub fn pxor(&mut self, d: Xmm, s: Xmm) {
        self.legacy_rr(Code::new(0x66, 1, 0xef, false), d.0, s.0, false, Imm::None);
    }
    /// `pextrb/w/d/q d, s, lane`, zero-extended.
    pub fn pextr(&mut self, size: Size, d: Gpr, s: Xmm, lane: u8) {
        let op = [0x14, 0x15, 0x16, 0x16][size as usize];
        let code = Code::new(0x66, 3, op, size == Size::Q);
        self.legacy_rr(code, s.0, d.0, false, Imm::I8(lane as i8));
    }
    /// `pextrb/w/d/q [m], s, lane`.
    pub fn pextr_store(&mut self, size: Size, m: Mem, s: Xmm, lane: u8) {
        let op = [0x14, 0x15, 0x16, 0x16][size as usize];
        let code = Code::new(0x66, 3, op, size == Size::Q);
        self.legacy_rm(code, s.0, m, false, false, Imm::I8(lane as i8));
    }
    /// `pinsrb/w/d/q d, s, lane`.
    pub fn pinsr(&mut self, size: Size, d: Xmm, s: Gpr, lane: u8) {
        let code = match size {
            Size::B => Code::new(0x66, 3, 0x20, false),
            Size::W => Code::new(0x66, 1, 0xc4, false),
            _ => Code::new(0x66, 3, 0x22, size == Size::Q),
        };
        self.legacy_rr(code, d.0, s.0, false, Imm::I8(lane as i8));
    }
    /// `insertps d, s, imm`: source lane (bits 7..6) to lane (5..4), zeroed lanes (3..0).
    pub fn insertps(&mut self, d: Xmm, s: Xmm, imm: u8) {
        self.legacy_rr(Code::new(0x66, 3, 0x21, false), d.0, s.0, false, Imm::I8(imm as i8));
    }
}
