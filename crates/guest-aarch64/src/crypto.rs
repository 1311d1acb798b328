//! Cryptographic instructions: AES, SHA-1, SHA-256, SHA-512, SHA-3, SM3, SM4.

use crate::field::VReg;
use crate::{Flow, Translator};
use ir::{Ref, Ty, VecOp};

// rd = op(rn, rm, rd).
macro_rules! three {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            self.v3(VecOp::$op, Ty::V128, 2, 0, [rn, rm, rd])
        }
    )* } };
}
// rd = op(rn, rm).
macro_rules! two_sources {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rm: VReg, rn: VReg, rd: VReg) -> Flow {
            self.v2(VecOp::$op, Ty::V128, 3, 0, [rn, rm, rd])
        }
    )* } };
}
// rd = op(rn, -, rd).
macro_rules! update {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rn: VReg, rd: VReg) -> Flow {
            let (a, c) = (self.v(rn), self.v(rd));
            self.vop(VecOp::$op, Ty::V128, 2, 0, c, [a, Ref::NONE, c]);
            Flow::Next
        }
    )* } };
}
// rd = op(rn).
macro_rules! one {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rn: VReg, rd: VReg) -> Flow {
            self.v1(VecOp::$op, Ty::V128, 0, 0, rn, rd)
        }
    )* } };
}
// rd = op(rn, rm, ra).
macro_rules! four {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rm: VReg, ra: VReg, rn: VReg, rd: VReg) -> Flow {
            let abc = [rn, rm, ra].map(|r| self.v(r));
            let dst = self.v(rd);
            self.vop(VecOp::$op, Ty::V128, 3, 0, dst, abc);
            Flow::Next
        }
    )* } };
}
// rd = op(rn, lane `imm2` of rm, rd).
macro_rules! indexed {
    ($($name:ident $op:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rm: VReg, imm2: u8, rn: VReg, rd: VReg) -> Flow {
            self.v3(VecOp::$op, Ty::V128, 2, i32::from(imm2), [rn, rm, rd])
        }
    )* } };
}

one! { aesmc AesMc; aesimc AesImc; sha1h Sha1H; }
three! {
    sha1c Sha1C; sha1p Sha1P; sha1m Sha1M; sha1su0 Sha1Su0;
    sha256h Sha256H; sha256h2 Sha256H2; sha256su1 Sha256Su1;
    sha512h Sha512H; sha512h2 Sha512H2; sha512su1 Sha512Su1;
    sm3partw1 Sm3PartW1; sm3partw2 Sm3PartW2;
}
update! { sha1su1 Sha1Su1; sha256su0 Sha256Su0; sha512su0 Sha512Su0; sm4e Sm4E; }
two_sources! { rax1 Rax1; sm4ekey Sm4EKey; }
four! { eor3 Eor3; bcax Bcax; sm3ss1 Sm3Ss1; }
indexed! { sm3tt1a Sm3Tt1a; sm3tt1b Sm3Tt1b; sm3tt2a Sm3Tt2a; sm3tt2b Sm3Tt2b; }

impl Translator<'_> {
    /// AESE: rd is the state, rn the round key.
    pub(crate) fn aese(&mut self, rn: VReg, rd: VReg) -> Flow {
        self.v2(VecOp::AesE, Ty::V128, 0, 0, [rd, rn, rd])
    }
    /// AESD.
    pub(crate) fn aesd(&mut self, rn: VReg, rd: VReg) -> Flow {
        self.v2(VecOp::AesD, Ty::V128, 0, 0, [rd, rn, rd])
    }
    /// XAR: exclusive OR and rotate right.
    pub(crate) fn xar(&mut self, rm: VReg, imm6: u8, rn: VReg, rd: VReg) -> Flow {
        self.v2(VecOp::Xar, Ty::V128, 3, i32::from(imm6), [rn, rm, rd])
    }
}
