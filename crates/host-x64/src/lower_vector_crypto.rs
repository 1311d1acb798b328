//! SIMD: cryptography.

use crate::emit_sse::{VShift, op};
use crate::lower::Lower;
use crate::lower_vector::{Temps, VArgs};
use ir::VecOp;

impl Lower<'_> {
    pub(crate) fn vec_crypto(&mut self, v: &VArgs) -> bool {
        let features = self.host.features();
        let mut t = Temps::default();
        match v.code {
            VecOp::AesE | VecOp::AesD if features.aes => {
                // The host adds the key last, Arm first.
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let (p, zero) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.v3(op::PXOR, p, x, y);
                self.vzero(zero);
                let code = if v.code == VecOp::AesE { op::AESENCLAST } else { op::AESDECLAST };
                self.v3(code, p, p, zero);
                self.finish_v(t, v.dst, p);
                true
            }
            VecOp::AesMc if features.aes => {
                // The last decryption round undone by an encryption round leaves the mixing.
                let x = self.using_v(v.a);
                let (p, zero) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.vzero(zero);
                self.v3(op::AESDECLAST, p, x, zero);
                self.v3(op::AESENC, p, p, zero);
                self.finish_v(t, v.dst, p);
                true
            }
            VecOp::AesImc if features.aes => {
                let x = self.using_vm(v.a);
                let d = self.out_v(&mut t, v.dst);
                self.v2(op::AESIMC, d, x);
                self.finish_v(t, v.dst, d);
                true
            }
            VecOp::PMulL if v.lane == 3 && features.pclmul => {
                let (x, y) = (self.using_v(v.a), self.using_vm(v.b));
                let d = self.out_v(&mut t, v.dst);
                self.v3i(op::PCLMULQDQ, d, x, y, if v.param & 1 != 0 { 0x11 } else { 0 });
                self.finish_v(t, v.dst, d);
                true
            }
            VecOp::Rax1 => {
                let (x, y) = (self.using_vm(v.a), self.using_v(v.b));
                let (p, q) = (self.temp_v(&mut t), self.temp_v(&mut t));
                self.vshift(VShift::Sll, 3, p, y, 1);
                self.vshift(VShift::Srl, 3, q, y, 63);
                self.v3(op::POR, p, p, q);
                self.v3(op::PXOR, p, p, x);
                self.finish_v(t, v.dst, p);
                true
            }
            _ => false,
        }
    }
}
