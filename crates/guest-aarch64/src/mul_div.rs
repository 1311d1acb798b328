//! Multiplications.

use crate::field::XZr;
use crate::{Flow, Translator};
use ir::{OpCode, Ty};

impl Translator<'_> {
    /// `rd = ra ± product(rn, rm)`; without `ra` just the product.
    #[expect(clippy::too_many_arguments, reason = "the fields of the encoding")]
    fn multiply(
        &mut self,
        product: OpCode,
        sum: OpCode,
        sf: bool,
        rm: XZr,
        ra: XZr,
        rn: XZr,
        rd: XZr,
    ) -> Flow {
        if rd.0 == 31 {
            return Flow::Next;
        }
        let (a, b, c, dst, ty) = (self.x(rn), self.x(rm), self.x(ra), self.x_out(rd), Self::ty(sf));
        if ra.0 == 31 && sum == OpCode::Add {
            self.ir.bin(product, ty, dst, a, b);
        } else {
            let t = self.temp();
            self.ir.bin(product, ty, t, a, b);
            self.ir.bin(sum, ty, dst, c, t);
        }
        Flow::Next
    }
    /// MADD.
    pub(crate) fn madd(&mut self, sf: bool, rm: XZr, ra: XZr, rn: XZr, rd: XZr) -> Flow {
        self.multiply(OpCode::Mul, OpCode::Add, sf, rm, ra, rn, rd)
    }
    /// MSUB.
    pub(crate) fn msub(&mut self, sf: bool, rm: XZr, ra: XZr, rn: XZr, rd: XZr) -> Flow {
        self.multiply(OpCode::Mul, OpCode::Sub, sf, rm, ra, rn, rd)
    }
    /// SMADDL.
    pub(crate) fn smaddl(&mut self, rm: XZr, ra: XZr, rn: XZr, rd: XZr) -> Flow {
        self.multiply(OpCode::MulWideS, OpCode::Add, true, rm, ra, rn, rd)
    }
    /// SMSUBL.
    pub(crate) fn smsubl(&mut self, rm: XZr, ra: XZr, rn: XZr, rd: XZr) -> Flow {
        self.multiply(OpCode::MulWideS, OpCode::Sub, true, rm, ra, rn, rd)
    }
    /// UMADDL.
    pub(crate) fn umaddl(&mut self, rm: XZr, ra: XZr, rn: XZr, rd: XZr) -> Flow {
        self.multiply(OpCode::MulWideU, OpCode::Add, true, rm, ra, rn, rd)
    }
    /// UMSUBL.
    pub(crate) fn umsubl(&mut self, rm: XZr, ra: XZr, rn: XZr, rd: XZr) -> Flow {
        self.multiply(OpCode::MulWideU, OpCode::Sub, true, rm, ra, rn, rd)
    }
    fn high(&mut self, code: OpCode, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        let (a, b, dst) = (self.x(rn), self.x(rm), self.x_out(rd));
        self.ir.bin(code, Ty::I64, dst, a, b);
        Flow::Next
    }
    /// SMULH.
    pub(crate) fn smulh(&mut self, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        self.high(OpCode::MulHiS, rm, rn, rd)
    }
    /// UMULH.
    pub(crate) fn umulh(&mut self, rm: XZr, rn: XZr, rd: XZr) -> Flow {
        self.high(OpCode::MulHiU, rm, rn, rd)
    }
}
