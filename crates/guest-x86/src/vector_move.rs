//! Moves of vectors.

use crate::decode::{Insn, Operand};
use crate::operand::register;
use crate::translator::Translator;
use crate::vector::{high, is_wide, low};
use guest::Flow;
use ir::{OpCode, Ref, Ty, VecOp};

impl Translator<'_> {
    /// Stores a vector or the low part of one.
    fn store_part(&mut self, i: &Insn, size: u16, value: Ref) {
        let address = self.vector_address(i, size);
        self.store_vector(value, address, size as u8);
    }
    /// A whole register: to it, or to memory.
    pub(crate) fn vector_move(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        match (to, from) {
            (Operand::Vec { n, .. }, Operand::Mem { size }) if size < 32 => {
                let address = self.vector_address(i, size);
                self.load_vector(low(n), address, size as u8);
                self.clear_high(i, n);
            }
            (Operand::Mem { size: 32 }, Operand::Vec { n, .. }) => {
                let address = self.vector_address(i, 32);
                let behind = self.behind_vector(address);
                self.store_vector(low(n), address, 16);
                self.store_vector(high(n), behind, 16);
            }
            (Operand::Mem { size }, Operand::Vec { .. } | Operand::Mmx { .. }) => {
                let value = self.vector(i, from);
                self.store_part(i, size, value);
                if let Operand::Mmx { .. } = from {
                    self.use_mmx();
                }
            }
            (Operand::Vec { .. } | Operand::Mmx { .. }, _) => {
                let from = self.halves(i, from);
                self.define_vector(i, false, |t, half, dst| t.ir.mov(Ty::V128, dst, from[half]));
            }
            _ => return Flow::Undefined,
        }
        Flow::Next
    }
    /// MOVSS, MOVSD and MOVQ with memory, MOVQ between registers and of MMX: what is above becomes zero.
    pub(crate) fn vector_part(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        match (to, from) {
            (Operand::Vec { n, .. }, Operand::Mem { size }) => {
                let address = self.address(i);
                self.load_vector(low(n), address, size as u8);
                self.clear_high(i, n);
            }
            (Operand::Mem { size }, _) => {
                let value = self.vector(i, from);
                self.store_part(i, size, value);
                if let Operand::Mmx { .. } = from {
                    self.use_mmx();
                }
            }
            (Operand::Vec { n, .. }, Operand::Mmx { .. }) => {
                let from = self.vector(i, from);
                self.ir.mov(Ty::V64, low(n), from);
                self.use_mmx();
            }
            _ => {
                let from = self.vector(i, from);
                self.define_vector(i, false, |t, _, dst| t.ir.mov(Ty::V64, dst, from));
                if let Operand::Mmx { .. } = i.operands[0] {
                    self.use_mmx();
                }
            }
        }
        Flow::Next
    }
    /// MOVHPS, MOVHPD to memory.
    pub(crate) fn movhps_store(&mut self, i: &Insn) -> Flow {
        let from = self.vector(i, i.operands[1]);
        let upper = self.vec1(VecOp::High, 3, 0, from);
        self.store_part(i, 8, upper);
        Flow::Next
    }
    /// MOVD, MOVQ from a general register or memory.
    pub(crate) fn movd_load(&mut self, i: &Insn) -> Flow {
        let from = i.operands[1];
        let value = match from {
            Operand::Reg { n: from, size } => {
                let ty = if size == 8 { Ty::F64 } else { Ty::F32 };
                if let Operand::Vec { n, .. } = i.operands[0] {
                    self.ir.un(OpCode::IntToVec, ty, low(n), register(from));
                    self.clear_high(i, n);
                    return Flow::Next;
                }
                self.make_un(OpCode::IntToVec, ty, register(from), 0)
            }
            _ => self.vector(i, from),
        };
        self.define_vector(i, false, |t, _, dst| t.ir.mov(Ty::V128, dst, value));
        Flow::Next
    }
    /// MOVD, MOVQ to a general register or memory.
    pub(crate) fn movd_store(&mut self, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let value = self.vector(i, from);
        match to {
            Operand::Reg { n: to, size } => {
                let lane = if size == 8 { 3 } else { 2 };
                self.ir.un_aux(OpCode::VecToInt, Ty::I64, register(to), value, lane << 8);
            }
            Operand::Mem { size } => self.store_part(i, size, value),
            _ => return Flow::Undefined,
        }
        if let Operand::Mmx { .. } = from {
            self.use_mmx();
        }
        Flow::Next
    }
    /// The signs of lanes to a general register.
    fn signs(&mut self, lane: u16, i: &Insn) -> Flow {
        let [Operand::Reg { n: to, .. }, from, ..] = i.operands else { return Flow::Undefined };
        let mut from_halves = self.halves(i, from);
        if let Operand::Mmx { .. } = from {
            from_halves[0] = self.vec1(VecOp::Low, 3, 0, from_halves[0]);
        }
        if !is_wide(from) {
            self.ir.un_aux(OpCode::VecMask, Ty::I64, register(to), from_halves[0], lane);
        } else {
            let [lower, upper] =
                from_halves.map(|half| self.make_un(OpCode::VecMask, Ty::I64, half, lane));
            let count: u16 = 16 >> lane;
            let field = count | count << 8;
            self.ir.bin_aux(OpCode::Bfi, Ty::I64, register(to), lower, upper, field);
        }
        if let Operand::Mmx { .. } = from {
            self.use_mmx();
        }
        Flow::Next
    }
    /// PMOVMSKB.
    pub(crate) fn pmovmskb(&mut self, i: &Insn) -> Flow {
        self.signs(0, i)
    }
    /// MOVMSKPS.
    pub(crate) fn movmskps(&mut self, i: &Insn) -> Flow {
        self.signs(2, i)
    }
    /// MOVMSKPD.
    pub(crate) fn movmskpd(&mut self, i: &Insn) -> Flow {
        self.signs(3, i)
    }
    fn extract(&mut self, lane: u8, i: &Insn) -> Flow {
        let [to, from, ..] = i.operands;
        let of_mmx = matches!(from, Operand::Mmx { .. });
        let lanes = if of_mmx { 4 } else { 16 >> lane };
        let value = self.vector(i, from);
        let number = i.imm as u16 & (lanes - 1);
        let aux = number | u16::from(lane) << 8;
        match to {
            Operand::Reg { n, .. } => {
                self.ir.un_aux(OpCode::VecToInt, Ty::I64, register(n), value, aux);
            }
            Operand::Mem { .. } => {
                let value = self.make_un(OpCode::VecToInt, Ty::I64, value, aux);
                let address = self.address(i);
                self.store(value, address, 1 << lane);
            }
            _ => return Flow::Undefined,
        }
        if of_mmx {
            self.use_mmx();
        }
        Flow::Next
    }
    /// PEXTRB.
    pub(crate) fn pextrb(&mut self, i: &Insn) -> Flow {
        self.extract(0, i)
    }
    /// PEXTRW.
    pub(crate) fn pextrw(&mut self, i: &Insn) -> Flow {
        self.extract(1, i)
    }
    /// EXTRACTPS.
    pub(crate) fn extractps(&mut self, i: &Insn) -> Flow {
        self.extract(2, i)
    }
    /// PEXTRD, PEXTRQ.
    pub(crate) fn pextrd(&mut self, i: &Insn) -> Flow {
        self.extract(if i.operand_size == 8 { 3 } else { 2 }, i)
    }
    fn insert(&mut self, lane: u8, i: &Insn) -> Flow {
        let vectors =
            i.operands.iter().filter(|o| matches!(o, Operand::Vec { .. } | Operand::Mmx { .. }));
        let Some(&into) = vectors.clone().next_back() else { return Flow::Undefined };
        let from =
            i.operands.into_iter().find(|o| matches!(o, Operand::Reg { .. } | Operand::Mem { .. }));
        let from = match from {
            Some(Operand::Reg { n, .. }) => register(n),
            Some(_) => {
                let address = self.address(i);
                self.load(address, 1 << lane)
            }
            None => return Flow::Undefined,
        };
        let lanes = if let Operand::Mmx { .. } = into { 4 } else { 16 >> lane };
        let into = self.vector(i, into);
        let number = i.imm as i32 & (lanes - 1);
        self.define_vector(i, false, |t, _, dst| {
            t.vec_to(dst, VecOp::InsInt, lane, number, [into, from, Ref::NONE]);
        });
        Flow::Next
    }
    /// PINSRB.
    pub(crate) fn pinsrb(&mut self, i: &Insn) -> Flow {
        self.insert(0, i)
    }
    /// PINSRW.
    pub(crate) fn pinsrw(&mut self, i: &Insn) -> Flow {
        self.insert(1, i)
    }
    /// PINSRD, PINSRQ.
    pub(crate) fn pinsrd(&mut self, i: &Insn) -> Flow {
        self.insert(if i.operand_size == 8 { 3 } else { 2 }, i)
    }
    /// VZEROUPPER.
    pub(crate) fn vzeroupper(&mut self, i: &Insn) -> Flow {
        for n in 0..16 {
            self.clear_high(i, n);
        }
        Flow::Next
    }
    /// VZEROALL.
    pub(crate) fn vzeroall(&mut self, i: &Insn) -> Flow {
        let zero = self.ir.vconst(0);
        for n in 0..16 {
            self.ir.mov(Ty::V128, low(n), zero);
        }
        self.vzeroupper(i)
    }
    /// EMMS: the x87's registers are empty.
    pub(crate) fn emms(&mut self, _: &Insn) -> Flow {
        self.use_mmx();
        let zero = self.imm(0);
        self.ir.mov(Ty::I64, Ref::slot(crate::state::SLOT_X87_TAGS), zero);
        Flow::Next
    }
}
