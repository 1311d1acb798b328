//! Compressed instructions: each does what an instruction of 32 bits does.

use crate::field::{FReg, XReg};
use crate::{Flow, Translator};

const ZERO: XReg = XReg::ZERO;
const SP: XReg = XReg::SP;

macro_rules! load {
    ($($name:ident $sp:ident $full:ident $reg:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, imm: u16, rs1: XReg, rd: $reg) -> Flow {
            self.$full(imm.into(), rs1, rd)
        }
        pub(crate) fn $sp(&mut self, imm: u16, rd: $reg) -> Flow {
            self.$full(imm.into(), SP, rd)
        }
    )* } };
}
macro_rules! store {
    ($($name:ident $sp:ident $full:ident $reg:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, imm: u16, rs1: XReg, rs2: $reg) -> Flow {
            self.$full(imm.into(), rs2, rs1)
        }
        pub(crate) fn $sp(&mut self, imm: u16, rs2: $reg) -> Flow {
            self.$full(imm.into(), rs2, SP)
        }
    )* } };
}
macro_rules! two {
    ($($name:ident $full:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rd: XReg, rs2: XReg) -> Flow {
            self.$full(rs2, rd, rd)
        }
    )* } };
}
macro_rules! one {
    ($($name:ident $full:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, rd: XReg) -> Flow {
            self.$full(rd, rd)
        }
    )* } };
}
macro_rules! immediate {
    ($($name:ident $full:ident $ty:ident;)*) => { impl Translator<'_> { $(
        pub(crate) fn $name(&mut self, imm: $ty, rd: XReg) -> Flow {
            self.$full(imm, rd, rd)
        }
    )* } };
}
load! { c_lw c_lwsp lw XReg; c_ld c_ldsp ld XReg; c_fld c_fldsp fld FReg; }
store! { c_sw c_swsp sw XReg; c_sd c_sdsp sd XReg; c_fsd c_fsdsp fsd FReg; }
two! {
    c_add add; c_sub sub; c_xor xor; c_or or; c_and and; c_subw subw; c_addw addw; c_mul mul;
}
one! { c_sext_b sext_b; c_zext_h zext_h; c_sext_h sext_h; }
immediate! {
    c_addi addi i64; c_addiw addiw i64; c_andi andi i64;
    c_slli slli u64; c_srli srli u64; c_srai srai u64;
}

impl Translator<'_> {
    /// C.LBU.
    pub(crate) fn c_lbu(&mut self, rs1: XReg, imm: u16, rd: XReg) -> Flow {
        self.lbu(imm.into(), rs1, rd)
    }
    /// C.LHU.
    pub(crate) fn c_lhu(&mut self, rs1: XReg, imm: u16, rd: XReg) -> Flow {
        self.lhu(imm.into(), rs1, rd)
    }
    /// C.LH.
    pub(crate) fn c_lh(&mut self, rs1: XReg, imm: u16, rd: XReg) -> Flow {
        self.lh(imm.into(), rs1, rd)
    }
    /// C.SB.
    pub(crate) fn c_sb(&mut self, rs1: XReg, imm: u16, rs2: XReg) -> Flow {
        self.sb(imm.into(), rs2, rs1)
    }
    /// C.SH.
    pub(crate) fn c_sh(&mut self, rs1: XReg, imm: u16, rs2: XReg) -> Flow {
        self.sh(imm.into(), rs2, rs1)
    }
    /// C.ADDI4SPN.
    pub(crate) fn c_addi4spn(&mut self, imm: u16, rd: XReg) -> Flow {
        self.addi(imm.into(), SP, rd)
    }
    /// C.ADDI16SP.
    pub(crate) fn c_addi16sp(&mut self, imm: i64) -> Flow {
        self.addi(imm, SP, SP)
    }
    /// C.NOP.
    pub(crate) fn c_nop(&mut self, _imm: i64) -> Flow {
        Flow::Next
    }
    /// C.LI.
    pub(crate) fn c_li(&mut self, imm: i64, rd: XReg) -> Flow {
        self.addi(imm, ZERO, rd)
    }
    /// C.LUI.
    pub(crate) fn c_lui(&mut self, imm: i32, rd: XReg) -> Flow {
        self.lui(imm, rd)
    }
    /// C.MV.
    pub(crate) fn c_mv(&mut self, rd: XReg, rs2: XReg) -> Flow {
        self.add(rs2, ZERO, rd)
    }
    /// C.ZEXT.B.
    pub(crate) fn c_zext_b(&mut self, rd: XReg) -> Flow {
        self.andi(0xff, rd, rd)
    }
    /// C.ZEXT.W.
    pub(crate) fn c_zext_w(&mut self, rd: XReg) -> Flow {
        self.add_uw(ZERO, rd, rd)
    }
    /// C.NOT.
    pub(crate) fn c_not(&mut self, rd: XReg) -> Flow {
        self.xori(-1, rd, rd)
    }
    /// C.MOP.n: nothing.
    pub(crate) fn c_mop(&mut self, _n: u8) -> Flow {
        Flow::Next
    }
    /// C.J.
    pub(crate) fn c_j(&mut self, imm: i32) -> Flow {
        self.jal(imm, ZERO)
    }
    /// C.BEQZ.
    pub(crate) fn c_beqz(&mut self, imm: i32, rs1: XReg) -> Flow {
        self.beq(imm, ZERO, rs1)
    }
    /// C.BNEZ.
    pub(crate) fn c_bnez(&mut self, imm: i32, rs1: XReg) -> Flow {
        self.bne(imm, ZERO, rs1)
    }
    /// C.JR.
    pub(crate) fn c_jr(&mut self, rs1: XReg) -> Flow {
        self.jalr(0, rs1, ZERO)
    }
    /// C.JALR.
    pub(crate) fn c_jalr(&mut self, rs1: XReg) -> Flow {
        self.jalr(0, rs1, XReg::RA)
    }
    /// C.EBREAK.
    pub(crate) fn c_ebreak(&mut self) -> Flow {
        self.ebreak()
    }
}
