//! SIMD: cryptography.

use crate::emit::sse::{VShift, op};
use crate::emit::{Code, Imm, Mem, Xmm};
use crate::lower::Lower;
use crate::lower::vector::{Temps, VArgs, save_area, splat};
use ir::{OpCode, VecOp};

impl Lower<'_> {
    pub(crate) fn vec_crypto(&mut self, v: &VArgs) -> bool {
        let features = self.host.features();
        let mut t = Temps::default();
        match v.code {
            VecOp::AesE | VecOp::AesD if features.aes => {
                // The host adds the key last, Arm first. A round's second half follows mostly.
                let encrypt = v.code == VecOp::AesE;
                let second = if encrypt { VecOp::AesMc } else { VecOp::AesImc };
                let code = match (self.followed_by(v, second), encrypt) {
                    (true, true) => op::AESENC,
                    (true, false) => op::AESDEC,
                    (false, true) => op::AESENCLAST,
                    (false, false) => op::AESDECLAST,
                };
                let zero = self.e.constant(0);
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let p = self.temp_v(&mut t);
                self.v3(op::PXOR, p, x, y);
                self.v3(code, p, p, zero);
                self.finish_v(t, v.dst, p);
            }
            VecOp::AesMc if features.aes => {
                // The last decryption round undone by an encryption round leaves the mixing.
                let zero = self.e.constant(0);
                let x = self.using_v(v.a);
                let p = self.temp_v(&mut t);
                self.v3(op::AESDECLAST, p, x, zero);
                self.v3(op::AESENC, p, p, zero);
                self.finish_v(t, v.dst, p);
            }
            VecOp::AesImc if features.aes => {
                let x = self.using_vm(v.a);
                let d = self.out_v(&mut t, v.dst);
                self.v2(op::AESIMC, d, x);
                self.finish_v(t, v.dst, d);
            }
            VecOp::PMulL if v.lane == 3 && features.pclmul => {
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let d = self.out_v(&mut t, v.dst);
                self.v3i(op::PCLMULQDQ, d, x, y, if v.param & 1 != 0 { 0x11 } else { 0 });
                self.finish_v(t, v.dst, d);
            }
            VecOp::Rax1 => {
                let (x, y) = (self.using_vm(v.a), self.using_v(v.b));
                let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.vshift(VShift::Sll, 3, p, y, 1);
                self.vshift(VShift::Srl, 3, q, y, 63);
                self.v3(op::POR, p, p, q);
                self.v3(op::PXOR, p, p, x);
                self.finish_v(t, v.dst, p);
            }
            VecOp::Sha256H | VecOp::Sha256H2 if features.sha => self.sha256_rounds(v),
            VecOp::Sha256Rounds if features.sha => self.sha256_two(v),
            VecOp::Sha256Su0 if features.sha => {
                let (z, x) = (self.using_vm(v.c), self.using_v(v.a));
                let p = self.temp_v(&mut t);
                self.vmov(p, z);
                self.e.sse_rr(op::SHA256MSG1, p, x, Imm::None);
                self.finish_v(t, v.dst, p);
            }
            VecOp::Sha256Su1 if features.sha => {
                let (x, y, z) = (self.using_vm(v.a), self.using_v(v.b), self.using_vm(v.c));
                let p = self.temp_v(&mut t);
                self.v3i(op::PALIGNR, p, y, x, 4);
                self.v3(op::PADD[2], p, p, z);
                self.e.sse_rr(op::SHA256MSG2, p, y, Imm::None);
                self.finish_v(t, v.dst, p);
            }
            VecOp::Sha1C if features.sha => self.sha1_rounds(v, 0, 0x5a82_7999),
            VecOp::Sha1P if features.sha => self.sha1_rounds(v, 1, 0x6ed9_eba1),
            VecOp::Sha1M if features.sha => self.sha1_rounds(v, 2, 0x8f1b_bcdc),
            VecOp::Sha1H => {
                let x = self.using_v(v.a);
                let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.vshift(VShift::Sll, 2, p, x, 30);
                self.vshift(VShift::Srl, 2, q, x, 2);
                self.v3(op::POR, p, p, q);
                self.zero_above(p, p, 32);
                self.finish_v(t, v.dst, p);
            }
            VecOp::Sha1Su0 => {
                let (x, y, z) = (self.using_v(v.a), self.using_vm(v.b), self.using_vm(v.c));
                let p = self.temp_v(&mut t);
                self.v3i(op::PALIGNR, p, x, z, 8);
                self.v3(op::PXOR, p, p, z);
                self.v3(op::PXOR, p, p, y);
                self.finish_v(t, v.dst, p);
            }
            VecOp::Sha1Su1 => {
                let (x, z) = (self.using_v(v.a), self.using_vm(v.c));
                let (p, q, r) = (self.temp_v(&mut t), self.temp_v(&mut t), self.temp_v(&mut t));
                self.vshift(VShift::SrlBytes, 3, p, x, 4);
                self.v3(op::PXOR, p, p, z);
                // The last word takes the first one's new value too.
                self.vshift(VShift::SllBytes, 3, r, p, 12);
                self.vshift(VShift::Srl, 2, q, p, 31);
                self.vshift(VShift::Sll, 2, p, p, 1);
                self.v3(op::POR, p, p, q);
                self.vshift(VShift::Sll, 2, q, r, 2);
                self.vshift(VShift::Srl, 2, r, r, 30);
                self.v3(op::PXOR, p, p, q);
                self.v3(op::PXOR, p, p, r);
                self.finish_v(t, v.dst, p);
            }
            _ => return false,
        }
        true
    }
    /// Whether the next instruction is `second` on the result of this one, in place; then it is
    /// skipped.
    fn followed_by(&mut self, v: &VArgs, second: VecOp) -> bool {
        let ops = &self.block.ops[self.at + 1..];
        let [insn, op, ..] = ops else { return false };
        let follows = insn.code == OpCode::Insn
            && op.code == OpCode::Vec
            && op.aux == second as u16
            && (op.a, op.dst) == (v.dst, v.dst)
            && v.dst.as_slot().is_some();
        if follows {
            self.skip = self.at + 2;
        }
        follows
    }
    /// Four rounds of SHA-256. The host's registers hold f, e, b, a and h, g, d, c; it takes its
    /// words in xmm0.
    fn sha256_rounds(&mut self, v: &VArgs) {
        let second = v.code == VecOp::Sha256H2;
        const LOW: u8 = 0x11;
        const HIGH: u8 = 0xbb;
        let (abcd, efgh) = if second { (v.a, v.c) } else { (v.c, v.a) };
        let mut t = Temps::default();
        let (x, y) = (self.using_v(abcd), self.using_v(efgh));
        let w = self.using_vm(v.b);
        let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
        self.shuffle_pair(p, y, x, HIGH);
        self.shuffle_pair(q, y, x, LOW);
        let words = Xmm(0);
        let area: Mem = save_area(3);
        self.e.movaps_store(area, words);
        self.vmov(words, w);
        self.e.sse_rr(op::SHA256RNDS2, p, q, Imm::None);
        self.v2i(op::PSHUFD, words, words, 0x0e);
        self.e.sse_rr(op::SHA256RNDS2, q, p, Imm::None);
        self.e.movaps_load(words, area);
        self.v3i(op::SHUFPS, q, q, p, if second { LOW } else { HIGH });
        self.finish_v(t, v.dst, q);
    }
    /// Two rounds, whose words are elsewhere than in xmm0.
    fn sha256_two(&mut self, v: &VArgs) {
        let mut t = Temps::default();
        let (z, x, w) = (self.using_vm(v.a), self.using_v(v.b), self.using_vm(v.c));
        let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
        let (words, area) = (Xmm(0), save_area(3));
        self.vmov(p, z);
        // (It may be that of the words, or they may be an operand.)
        self.vmov(q, x);
        self.e.movaps_store(area, words);
        self.vmov(words, w);
        self.e.sse_rr(op::SHA256RNDS2, p, q, Imm::None);
        self.e.movaps_load(words, area);
        self.finish_v(t, v.dst, p);
    }
    /// `shufps` with a destination of its own.
    fn shuffle_pair(&mut self, d: Xmm, a: Xmm, b: Xmm, order: u8) {
        self.v3i(op::SHUFPS, d, a, b, order);
    }
    /// Four rounds of SHA-1. The host adds the round constant itself, and has the words in the
    /// other order.
    fn sha1_rounds(&mut self, v: &VArgs, function: u8, constant: u32) {
        const REVERSED: u8 = 0x1b;
        const RNDS4: Code = op::SHA1RNDS4;
        let k = self.e.constant(splat(u64::from(constant), 32, 128));
        let mut t = Temps::default();
        let (x, y, z) = (self.using_v(v.a), self.using_vm(v.b), self.using_vm(v.c));
        let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
        self.zero_above(p, x, 32);
        self.v3(op::PADD[2], p, p, y);
        self.v3(op::PSUB[2], p, p, k);
        self.v2i(op::PSHUFD, p, p, REVERSED);
        self.v2i(op::PSHUFD, q, z, REVERSED);
        self.e.sse_rr(RNDS4, q, p, Imm::I8(function as i8));
        self.v2i(op::PSHUFD, q, q, REVERSED);
        self.finish_v(t, v.dst, q);
    }
}
