//! Operands: reading, writing, addresses.

use crate::decode::{Insn, Memory, Operand, Segment};
use crate::state::SLOT_GS;
use crate::translator::Translator;
use ir::state::SLOT_TP;
use ir::{Access, Modifier, OpCode, Ref, Ty};

/// The address of a memory operand, as accesses take it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    base: Ref,
    index: Ref,
    shift: u8,
    offset: i32,
    /// Of 32 bits.
    wrap: bool,
    /// An access must be aligned.
    aligned: bool,
}

impl Address {
    /// Whether it has 32 bits.
    pub(crate) const fn wraps(self) -> bool {
        self.wrap
    }
    /// The address `by` bytes behind, if a displacement can say so.
    pub(crate) fn offset(self, by: i32) -> Option<Self> {
        Some(Self { offset: self.offset.checked_add(by)?, ..self })
    }
    /// The same, for accesses that must be aligned.
    pub(crate) const fn aligned(self) -> Self {
        Self { aligned: true, ..self }
    }
}

/// The type of operations on `size` bytes that set flags.
pub(crate) const fn narrow(size: u8) -> Ty {
    match size {
        1 => Ty::I8,
        2 => Ty::I16,
        4 => Ty::I32,
        _ => Ty::I64,
    }
}

/// The type of other operations on `size` bytes.
pub(crate) const fn wide(size: u8) -> Ty {
    if size == 8 { Ty::I64 } else { Ty::I32 }
}

/// The general register of this number.
pub(crate) const fn register(n: u8) -> Ref {
    Ref::slot(n as u16)
}

impl Translator<'_> {
    /// The base of a segment.
    fn segment_base(&self, segment: Segment) -> Ref {
        Ref::slot(if segment == Segment::Fs { SLOT_TP } else { SLOT_GS })
    }

    /// The address of the memory operand.
    pub(crate) fn address(&mut self, i: &Insn) -> Address {
        let Memory { base, index, scale, rip, displacement } = i.memory;
        let wrap = i.address_size == 4;
        let mut address = Address {
            base: Ref::NONE,
            index: Ref::NONE,
            shift: 0,
            offset: 0,
            wrap,
            aligned: false,
        };
        if rip {
            let at = self.next_pc.wrapping_add(displacement as u64);
            address.base = self.ir.address(at);
        } else {
            match (base, i32::try_from(displacement)) {
                (Some(base), Ok(offset)) => {
                    (address.base, address.offset) = (register(base), offset);
                }
                (None, Ok(offset)) if i.segment.is_some() && index.is_none() => {
                    address.offset = offset;
                }
                _ => address.base = self.imm(displacement as u64),
            }
        }
        if let Some(index) = index {
            (address.index, address.shift) = (register(index), scale);
        }
        if let Some(segment) = i.segment {
            self.add_segment(segment, &mut address);
        }
        address
    }
    fn add_segment(&mut self, segment: Segment, address: &mut Address) {
        let base = self.segment_base(segment);
        if address.base.is_none() {
            address.base = base;
            address.wrap = false;
            return;
        }
        let mut offset = self.sum(*address, Ty::I64);
        if address.wrap {
            offset = self.make_un(OpCode::Mov, Ty::I32, offset, 0);
        }
        *address =
            Address { base, index: offset, shift: 0, offset: 0, wrap: false, aligned: false };
    }
    /// The address as a value, without the displacement of accesses.
    fn sum(&mut self, address: Address, ty: Ty) -> Ref {
        let mut sum = address.base;
        if !address.index.is_none() {
            let t = self.temp();
            let modifier = Modifier::Lsl(address.shift);
            self.ir.bin_mod(OpCode::Add, ty, t, sum, address.index, modifier);
            sum = t;
        }
        if address.offset != 0 {
            sum = self.make_imm(OpCode::Add, ty, sum, address.offset as u64);
        }
        sum
    }
    /// The address as a number, for operations that take no more.
    pub(crate) fn plain_address(&mut self, i: &Insn) -> Ref {
        let address = self.address(i);
        self.value_of(address)
    }
    /// The same of an address.
    pub(crate) fn value_of(&mut self, address: Address) -> Ref {
        let ty = if address.wrap { Ty::I32 } else { Ty::I64 };
        let sum = self.sum(address, ty);
        let simple = address.index.is_none() && address.offset == 0;
        if simple && address.wrap { self.make_un(OpCode::Mov, Ty::I32, sum, 0) } else { sum }
    }
    /// The offset of the memory operand in its segment, to register or temporary `dst`.
    pub(crate) fn effective_address(&mut self, dst: Ref, ty: Ty, i: &Insn) {
        let i = Insn { segment: None, ..*i };
        let mut address = self.address(&i);
        let ty = if address.wrap { Ty::I32 } else { ty };
        if address.index.is_none() {
            if address.offset == 0 {
                return self.ir.mov(ty, dst, address.base);
            }
            let offset = self.imm(address.offset as u64);
            return self.ir.bin(OpCode::Add, ty, dst, address.base, offset);
        }
        let offset = core::mem::take(&mut address.offset);
        let first = if offset == 0 { dst } else { self.temp() };
        let modifier = Modifier::Lsl(address.shift);
        self.ir.bin_mod(OpCode::Add, ty, first, address.base, address.index, modifier);
        if offset != 0 {
            let offset = self.imm(offset as u64);
            self.ir.bin(OpCode::Add, ty, dst, first, offset);
        }
    }

    fn access(address: Address, size: u8) -> Access {
        let mut access = Access::new(size.trailing_zeros() as u8);
        (access.shift, access.wrap32) = (address.shift, address.wrap);
        access.aligned = address.aligned;
        access
    }
    /// Loads `size` bytes, zero-extended.
    pub(crate) fn load(&mut self, address: Address, size: u8) -> Ref {
        let t = self.temp();
        let access = Self::access(address, size);
        self.ir.ld(t, address.base, address.index, address.offset, access);
        t
    }
    /// Loads `size` bytes to `dst`, sign-extended to `to` bytes or zero-extended (`to` = 0).
    pub(crate) fn load_to(&mut self, dst: Ref, address: Address, size: u8, to: u8) {
        let access = Access { sext: to * 8, ..Self::access(address, size) };
        self.ir.ld(dst, address.base, address.index, address.offset, access);
    }
    /// Stores the low `size` bytes of `value`.
    pub(crate) fn store(&mut self, value: Ref, address: Address, size: u8) {
        let access = Self::access(address, size);
        self.ir.st(value, address.base, address.index, address.offset, access);
    }
    /// Loads `size` bytes of a vector, zeros above.
    pub(crate) fn load_vector(&mut self, dst: Ref, address: Address, size: u8) {
        let access = Self::access(address, size);
        self.ir.ld_v(dst, address.base, address.index, address.offset, access);
    }
    /// Stores the low `size` bytes of a vector.
    pub(crate) fn store_vector(&mut self, value: Ref, address: Address, size: u8) {
        let access = Self::access(address, size);
        self.ir.st_v(value, address.base, address.index, address.offset, access);
    }
    /// The address `offset` bytes behind another.
    pub(crate) fn behind(&self, address: Address, offset: i32) -> Address {
        Address { offset: address.offset.wrapping_add(offset), ..address }
    }
    /// The address in a register, for accesses through it.
    pub(crate) fn through(&self, base: Ref, wrap: bool) -> Address {
        Address { base, index: Ref::NONE, shift: 0, offset: 0, wrap, aligned: false }
    }

    /// An operand's value. Bits above its size are undefined if it is a register.
    pub(crate) fn value(&mut self, i: &Insn, operand: Operand) -> Ref {
        match operand {
            Operand::Reg { n, .. } => register(n),
            Operand::High { n } => {
                let field = 8 | 8 << 8;
                self.make_un(OpCode::Ubfx, Ty::I64, register(n), field)
            }
            Operand::Mem { size } => {
                let address = self.address(i);
                self.load(address, size as u8)
            }
            _ => self.imm(i.imm as u64),
        }
    }
    /// An operand's value, zero-extended from `size` bytes to 64 bits.
    pub(crate) fn zero_extended(&mut self, i: &Insn, operand: Operand, size: u8) -> Ref {
        let value = self.value(i, operand);
        if !matches!(operand, Operand::Reg { .. }) && !matches!(operand, Operand::Imm) {
            return value;
        }
        self.zero_extend(value, size)
    }
    /// The low `size` bytes of a value.
    pub(crate) fn zero_extend(&mut self, value: Ref, size: u8) -> Ref {
        match size {
            1 => self.make_un(OpCode::ZExt8, Ty::I64, value, 0),
            2 => self.make_un(OpCode::ZExt16, Ty::I64, value, 0),
            4 => self.make_un(OpCode::Mov, Ty::I32, value, 0),
            _ => value,
        }
    }
    /// The low `size` bytes of a value, sign-extended to 64 bits.
    pub(crate) fn sign_extend(&mut self, value: Ref, size: u8) -> Ref {
        match size {
            1 => self.make_un(OpCode::SExt8, Ty::I64, value, 0),
            2 => self.make_un(OpCode::SExt16, Ty::I64, value, 0),
            4 => self.make_un(OpCode::SExt32, Ty::I64, value, 0),
            _ => value,
        }
    }

    /// Where the result of an operation for a register operand goes: the register if it is written as a
    /// whole, otherwise a temporary, which [`Self::put_narrow`] puts there.
    pub(crate) fn result(&mut self, operand: Operand) -> Ref {
        match operand {
            Operand::Reg { n, size: 4 | 8 } => register(n),
            _ => self.temp(),
        }
    }
    /// Completes what [`Self::result`] has begun.
    pub(crate) fn put_narrow(&mut self, operand: Operand, value: Ref) {
        let (n, field) = match operand {
            Operand::Reg { n, size: 1 } => (n, 8 << 8),
            Operand::Reg { n, size: 2 } => (n, 16 << 8),
            Operand::High { n } => (n, 8 | 8 << 8),
            _ => return,
        };
        let register = register(n);
        self.ir.bin_aux(OpCode::Bfi, Ty::I64, register, register, value, field);
    }
    /// Writes the low bytes of a value to an operand.
    pub(crate) fn put(&mut self, i: &Insn, operand: Operand, value: Ref) {
        match operand {
            Operand::Reg { n, size: size @ (4 | 8) } => self.ir.mov(wide(size), register(n), value),
            Operand::Mem { size } => {
                let address = self.address(i);
                self.store(value, address, size as u8);
            }
            operand => self.put_narrow(operand, value),
        }
    }
}

/// Whether an operand is in memory.
pub(crate) const fn is_memory(operand: Operand) -> bool {
    matches!(operand, Operand::Mem { .. })
}
