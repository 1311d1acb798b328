//! Convenience for translators: appends operations to a [`Block`], folding trivial cases.

use crate::block::{Block, Exit, near};
use crate::op::{Op, OpCode, Ref, Ty};
use crate::parameter::{Access, Cond, Modifier};
use crate::vec_op::VecOp;

/// Appends to a block. `Deref`s to nothing: all access is through methods.
#[derive(Debug)]
pub struct Builder<'b> {
    /// The block being built.
    pub block: &'b mut Block,
}

impl<'b> Builder<'b> {
    /// Appends to `block`.
    pub fn new(block: &'b mut Block) -> Self {
        Self { block }
    }
    /// A fresh temporary.
    pub fn temp(&mut self) -> Ref {
        let n = self.block.temps;
        self.block.temps += 1;
        Ref::temp(n)
    }
    /// A 64-bit constant.
    pub fn iconst(&mut self, v: u64) -> Ref {
        self.vconst(u128::from(v))
    }
    /// A 64-bit constant that the instruction makes of its own address: another one if the block
    /// were elsewhere.
    pub fn address(&mut self, v: u64) -> Ref {
        self.pooled(u128::from(v))
    }
    /// A 128-bit constant.
    pub fn vconst(&mut self, v: u128) -> Ref {
        let pc = self.block.pc;
        self.block.unmovable |= near(pc, v as u64) | near(pc, (v >> 64) as u64);
        self.pooled(v)
    }
    fn pooled(&mut self, v: u128) -> Ref {
        let c = &mut self.block.consts;
        c.push(v);
        Ref::constant((c.len() - 1) as u16)
    }
    /// The value of a constant operand's low 64 bits.
    pub fn known(&self, r: Ref) -> Option<u64> {
        self.block.const64(r)
    }
    /// Appends `op` as it is.
    pub fn push(&mut self, op: Op) {
        self.block.writes_flags |= op.code.writes_flags();
        self.block.ops.push(op);
    }
    /// Appends an operation with explicit destination.
    #[expect(clippy::too_many_arguments, reason = "the fields of an Op")]
    pub fn emit(
        &mut self,
        code: OpCode,
        ty: Ty,
        dst: Ref,
        a: Ref,
        b: Ref,
        c: Ref,
        aux: u16,
        imm: i32,
    ) {
        self.push(Op { code, ty, dst, a, b, c, aux, imm });
    }
    /// `dst = code(a)`.
    pub fn un(&mut self, code: OpCode, ty: Ty, dst: Ref, a: Ref) {
        self.emit(code, ty, dst, a, Ref::NONE, Ref::NONE, 0, 0);
    }
    /// `dst = code(a)` with aux.
    pub fn un_aux(&mut self, code: OpCode, ty: Ty, dst: Ref, a: Ref, aux: u16) {
        self.emit(code, ty, dst, a, Ref::NONE, Ref::NONE, aux, 0);
    }
    /// `dst = code(a, b)`.
    pub fn bin(&mut self, code: OpCode, ty: Ty, dst: Ref, a: Ref, b: Ref) {
        self.emit(code, ty, dst, a, b, Ref::NONE, 0, 0);
    }
    /// `dst = code(a, modifier(b))`.
    pub fn bin_mod(&mut self, code: OpCode, ty: Ty, dst: Ref, a: Ref, b: Ref, m: Modifier) {
        self.emit(code, ty, dst, a, b, Ref::NONE, m.encode(), 0);
    }
    /// `dst = code(a, b)` with aux.
    pub fn bin_aux(&mut self, code: OpCode, ty: Ty, dst: Ref, a: Ref, b: Ref, aux: u16) {
        self.emit(code, ty, dst, a, b, Ref::NONE, aux, 0);
    }
    /// `dst = code(a, b, c)` with aux.
    #[expect(clippy::too_many_arguments, reason = "the fields of an Op")]
    pub fn ter(&mut self, code: OpCode, ty: Ty, dst: Ref, a: Ref, b: Ref, c: Ref, aux: u16) {
        self.emit(code, ty, dst, a, b, c, aux, 0);
    }
    /// `dst = a`.
    pub fn mov(&mut self, ty: Ty, dst: Ref, a: Ref) {
        if a.as_const().is_some() {
            self.block.moved_to |= 1 << (dst.0 & 63);
        }
        self.un(if ty.is_int() { OpCode::Mov } else { OpCode::MovV }, ty, dst, a);
    }
    /// A vector operation; `imm` as [`VecOp`] says.
    #[expect(clippy::too_many_arguments, reason = "the fields of an Op")]
    pub fn vec(&mut self, op: VecOp, ty: Ty, dst: Ref, a: Ref, b: Ref, c: Ref, imm: i32) {
        self.emit(OpCode::Vec, ty, dst, a, b, c, op as u16, imm);
    }
    /// Integer load.
    pub fn ld(&mut self, dst: Ref, base: Ref, index: Ref, disp: i32, access: Access) {
        self.emit(OpCode::Ld, Ty::I64, dst, base, index, Ref::NONE, access.encode(), disp);
    }
    /// Integer store.
    pub fn st(&mut self, value: Ref, base: Ref, index: Ref, disp: i32, access: Access) {
        self.block.stored |= u64::from(access.size == 3) << (value.0 & 63);
        self.emit(OpCode::St, Ty::I64, Ref::NONE, base, index, value, access.encode(), disp);
    }
    /// Vector load.
    pub fn ld_v(&mut self, dst: Ref, base: Ref, index: Ref, disp: i32, access: Access) {
        self.emit(OpCode::LdV, Ty::V128, dst, base, index, Ref::NONE, access.encode(), disp);
    }
    /// Vector store.
    pub fn st_v(&mut self, value: Ref, base: Ref, index: Ref, disp: i32, access: Access) {
        self.emit(OpCode::StV, Ty::V128, Ref::NONE, base, index, value, access.encode(), disp);
    }
    /// Marks the start of the instruction at byte `offset` of the block.
    pub fn insn(&mut self, offset: u32) {
        let mut op = Op::new(OpCode::Insn, Ty::I64);
        op.imm = offset as i32;
        self.push(op);
        self.block.insns += 1;
    }
    /// A new label's number; place it with [`Builder::place`].
    pub fn label(&mut self) -> i32 {
        let n = self.block.labels;
        self.block.labels += 1;
        i32::from(n)
    }
    /// Places a label here.
    pub fn place(&mut self, label: i32) {
        let mut op = Op::new(OpCode::Label, Ty::I64);
        op.imm = label;
        self.push(op);
    }
    /// Raises a trap at the current instruction.
    pub fn trap(&mut self, kind: u16, argument: i32) {
        self.push(Op { aux: kind, imm: argument, ..Op::new(OpCode::Trap, Ty::I64) });
    }
    /// Leaves to run operation `number` of the guest's own.
    pub fn runtime(&mut self, number: u32, a: Ref, b: Ref) {
        self.emit(OpCode::Runtime, Ty::I64, Ref::NONE, a, b, Ref::NONE, 0, number as i32);
    }
    /// A point where signals are delivered.
    pub fn poll(&mut self) {
        self.push(Op::new(OpCode::Poll, Ty::I64));
    }
    /// Registers a direct exit; the result is usable as a branch destination (negative).
    pub fn exit(&mut self, exit: Exit) -> i32 {
        self.block.exits.push(exit);
        -(self.block.exits.len() as i32)
    }
    /// Branch to `dest` (label or exit) if the flags satisfy `cond`.
    pub fn br_cond(&mut self, cond: Cond, dest: i32) {
        self.emit(
            OpCode::BrCond,
            Ty::I64,
            Ref::NONE,
            Ref::NONE,
            Ref::NONE,
            Ref::NONE,
            cond as u16,
            dest,
        );
    }
    /// Branch to `dest` if `a cond b`.
    pub fn br_cmp(&mut self, ty: Ty, cond: Cond, a: Ref, b: Ref, dest: i32) {
        self.emit(OpCode::BrCmp, ty, Ref::NONE, a, b, Ref::NONE, cond as u16, dest);
    }
    /// Branch to `dest` if bit `bit` of `a` is `set`.
    pub fn br_bit(&mut self, a: Ref, bit: u8, set: bool, dest: i32) {
        let aux = u16::from(bit) | u16::from(set) << 8;
        self.emit(OpCode::BrBit, Ty::I64, Ref::NONE, a, Ref::NONE, Ref::NONE, aux, dest);
    }
    /// Unconditional branch to a label of this block.
    pub fn br(&mut self, label: i32) {
        self.emit(OpCode::Br, Ty::I64, Ref::NONE, Ref::NONE, Ref::NONE, Ref::NONE, 0, label);
    }
    /// Leaves through `dest`, an exit made by [`Builder::exit`].
    pub fn exit_direct(&mut self, dest: i32) {
        debug_assert!(dest < 0);
        self.emit(OpCode::ExitDirect, Ty::I64, Ref::NONE, Ref::NONE, Ref::NONE, Ref::NONE, 0, dest);
    }
}
