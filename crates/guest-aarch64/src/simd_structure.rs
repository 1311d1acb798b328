//! Loads and stores of vector structures.
//!
//! Whole registers are loaded and then taken apart by permutations, as the elements of all of them
//! are consecutive in memory. Results go to temporaries first: no register may change before the
//! last load has succeeded.

use crate::field::{VReg, XSp, XZr};
use crate::simd_emit::{vreg_after, vty};
use crate::{Flow, Translator};
use ir::{Access, OpCode, Ref, Ty, VecOp};

/// An index for `Tbl1` that selects nothing.
const NONE: u8 = 0xff;

/// Indices into chunk `chunk` (16 bytes of the structures in memory) that gather register `reg` of
/// three; bytes of other chunks are left out.
fn gather_triple(bytes: usize, lane: u8, reg: usize, chunk: usize) -> u128 {
    let size = 1 << lane;
    let mut index = [NONE; 16];
    for (i, out) in index.iter_mut().enumerate().take(bytes) {
        let from = (i / size * 3 + reg) * size + i % size;
        if from / 16 == chunk {
            *out = (from % 16) as u8;
        }
    }
    u128::from_le_bytes(index)
}

/// Indices into register `reg` of three that place its bytes in chunk `chunk` of memory.
fn scatter_triple(lane: u8, reg: usize, chunk: usize) -> u128 {
    let size = 1 << lane;
    let mut index = [NONE; 16];
    for (i, out) in index.iter_mut().enumerate() {
        let at = chunk * 16 + i;
        let element = at / size;
        if element % 3 == reg {
            *out = (element / 3 * size + at % size) as u8;
        }
    }
    u128::from_le_bytes(index)
}

impl Translator<'_> {
    /// Adds `rm`, or `bytes` if that is register 31, to the base.
    pub(crate) fn post_index(&mut self, rn: XSp, rm: XZr, bytes: i64, flow: Flow) -> Flow {
        let base = self.xsp(rn);
        let step = if rm.0 == 31 { self.imm(bytes as u64) } else { self.x(rm) };
        self.ir.bin(OpCode::Add, Ty::I64, base, base, step);
        flow
    }
    /// Loads `1 << scale` bytes at `rn + disp` into a temporary.
    fn chunk(&mut self, rn: XSp, disp: i32, scale: u8) -> Ref {
        let (base, t) = (self.xsp(rn), self.temp());
        self.ir.ld_v(t, base, Ref::NONE, disp, Access::new(scale));
        t
    }
    fn chunks(&mut self, q: bool, count: u8, rn: XSp) -> Vec<Ref> {
        let scale = 3 + u8::from(q);
        (0..i32::from(count)).map(|i| self.chunk(rn, i << scale, scale)).collect()
    }
    fn store_chunks(&mut self, q: bool, values: &[Ref], rn: XSp) -> Flow {
        let scale = 3 + u8::from(q);
        let base = self.xsp(rn);
        for (i, &value) in values.iter().enumerate() {
            self.ir.st_v(value, base, Ref::NONE, (i as i32) << scale, Access::new(scale));
        }
        Flow::Next
    }
    fn registers<const N: usize>(&self, rt: VReg) -> [Ref; N] {
        core::array::from_fn(|i| self.v(vreg_after(rt, i)))
    }
    /// A permutation of two vectors.
    fn permute(&mut self, op: VecOp, q: bool, lane: u8, a: Ref, b: Ref) -> Ref {
        self.vt(op, vty(q), lane, 0, [a, b, Ref::NONE])
    }

    /// LD1 (multiple structures).
    pub(crate) fn load_consecutive(
        &mut self,
        q: bool,
        _size: u8,
        count: u8,
        rn: XSp,
        rt: VReg,
    ) -> Flow {
        if count == 1 {
            let (base, dst) = (self.xsp(rn), self.v(rt));
            self.ir.ld_v(dst, base, Ref::NONE, 0, Access::new(3 + u8::from(q)));
            return Flow::Next;
        }
        let t = self.chunks(q, count, rn);
        self.vmov_list(rt, &t);
        Flow::Next
    }
    /// ST1 (multiple structures).
    pub(crate) fn store_consecutive(
        &mut self,
        q: bool,
        _size: u8,
        count: u8,
        rn: XSp,
        rt: VReg,
    ) -> Flow {
        let values = self.registers::<4>(rt);
        self.store_chunks(q, &values[..usize::from(count)], rn)
    }
    /// LD2 (multiple structures).
    pub(crate) fn load_pairs(&mut self, q: bool, lane: u8, count: u8, rn: XSp, rt: VReg) -> Flow {
        let t = self.chunks(q, count, rn);
        let even = self.permute(VecOp::Uzp1, q, lane, t[0], t[1]);
        let odd = self.permute(VecOp::Uzp2, q, lane, t[0], t[1]);
        self.vmov_list(rt, &[even, odd]);
        Flow::Next
    }
    /// ST2 (multiple structures).
    pub(crate) fn store_pairs(&mut self, q: bool, lane: u8, _count: u8, rn: XSp, rt: VReg) -> Flow {
        let [a, b] = self.registers(rt);
        let low = self.permute(VecOp::Zip1, q, lane, a, b);
        let high = self.permute(VecOp::Zip2, q, lane, a, b);
        self.store_chunks(q, &[low, high], rn)
    }
    /// LD4 (multiple structures).
    pub(crate) fn load_quads(&mut self, q: bool, lane: u8, count: u8, rn: XSp, rt: VReg) -> Flow {
        let t = self.chunks(q, count, rn);
        let mut out = [Ref::NONE; 4];
        for (i, op) in [VecOp::Uzp1, VecOp::Uzp2].into_iter().enumerate() {
            let low = self.permute(op, q, lane, t[0], t[1]);
            let high = self.permute(op, q, lane, t[2], t[3]);
            out[i] = self.permute(VecOp::Uzp1, q, lane, low, high);
            out[i + 2] = self.permute(VecOp::Uzp2, q, lane, low, high);
        }
        self.vmov_list(rt, &out);
        Flow::Next
    }
    /// ST4 (multiple structures).
    pub(crate) fn store_quads(&mut self, q: bool, lane: u8, _count: u8, rn: XSp, rt: VReg) -> Flow {
        let [a, b, c, d] = self.registers(rt);
        let mut out = [Ref::NONE; 4];
        for (i, op) in [VecOp::Zip1, VecOp::Zip2].into_iter().enumerate() {
            let even = self.permute(op, q, lane, a, c);
            let odd = self.permute(op, q, lane, b, d);
            out[2 * i] = self.permute(VecOp::Zip1, q, lane, even, odd);
            out[2 * i + 1] = self.permute(VecOp::Zip2, q, lane, even, odd);
        }
        self.store_chunks(q, &out, rn)
    }
    /// The bytes that the tables select by their constant indices, together.
    fn lookup(&mut self, tables: &[(Ref, u128)]) -> Ref {
        let mut result = Ref::NONE;
        for &(table, index) in tables {
            if index == u128::MAX {
                continue;
            }
            let index = self.vimm(index);
            let t = self.vt(VecOp::Tbl1, Ty::V128, 0, 0, [table, index, Ref::NONE]);
            result = if result.is_none() {
                t
            } else {
                self.vt(VecOp::Or, Ty::V128, 3, 0, [result, t, Ref::NONE])
            };
        }
        result
    }
    /// LD3 (multiple structures): 48 bytes, or 24 as 16 and 8.
    pub(crate) fn load_triples(
        &mut self,
        q: bool,
        lane: u8,
        _count: u8,
        rn: XSp,
        rt: VReg,
    ) -> Flow {
        let bytes = if q { 16 } else { 8 };
        let chunks = if q {
            self.chunks(true, 3, rn)
        } else {
            vec![self.chunk(rn, 0, 4), self.chunk(rn, 16, 3)]
        };
        let out: [Ref; 3] = core::array::from_fn(|reg| {
            let tables: Vec<_> = chunks
                .iter()
                .enumerate()
                .map(|(chunk, &t)| (t, gather_triple(bytes, lane, reg, chunk)))
                .collect();
            self.lookup(&tables)
        });
        self.vmov_list(rt, &out);
        Flow::Next
    }
    /// ST3 (multiple structures).
    pub(crate) fn store_triples(
        &mut self,
        q: bool,
        lane: u8,
        _count: u8,
        rn: XSp,
        rt: VReg,
    ) -> Flow {
        let regs = self.registers::<3>(rt);
        let count = if q { 3 } else { 2 };
        let out: Vec<_> = (0..count)
            .map(|chunk| {
                let tables: [_; 3] =
                    core::array::from_fn(|reg| (regs[reg], scatter_triple(lane, reg, chunk)));
                self.lookup(&tables)
            })
            .collect();
        let base = self.xsp(rn);
        for (i, &value) in out.iter().enumerate() {
            let scale = if !q && i == 1 { 3 } else { 4 };
            self.ir.st_v(value, base, Ref::NONE, i as i32 * 16, Access::new(scale));
        }
        Flow::Next
    }

    /// `count` consecutive elements as integers in temporaries.
    fn elements(&mut self, lane: u8, count: u8, rn: XSp) -> Vec<Ref> {
        let base = self.xsp(rn);
        (0..i32::from(count))
            .map(|i| {
                let t = self.temp();
                self.ir.ld(t, base, Ref::NONE, i << lane, Access::new(lane));
                t
            })
            .collect()
    }
    /// LD1 to LD4 (single structure).
    pub(crate) fn load_lane(&mut self, lane: u8, index: u8, count: u8, rn: XSp, rt: VReg) -> Flow {
        let values = self.elements(lane, count, rn);
        let param = i32::from(index);
        if let [value] = values[..] {
            let dst = self.v(rt);
            self.vop(VecOp::InsInt, Ty::V128, lane, param, dst, [dst, value, Ref::NONE]);
            return Flow::Next;
        }
        let mut out = Vec::new();
        for (i, &value) in values.iter().enumerate() {
            let reg = self.v(vreg_after(rt, i));
            out.push(self.vt(VecOp::InsInt, Ty::V128, lane, param, [reg, value, Ref::NONE]));
        }
        self.vmov_list(rt, &out);
        Flow::Next
    }
    /// ST1 to ST4 (single structure).
    pub(crate) fn store_lane(&mut self, lane: u8, index: u8, count: u8, rn: XSp, rt: VReg) -> Flow {
        let base = self.xsp(rn);
        for i in 0..count {
            let reg = self.v(vreg_after(rt, usize::from(i)));
            let disp = i32::from(i) << lane;
            if index == 0 {
                self.ir.st_v(reg, base, Ref::NONE, disp, Access::new(lane));
                continue;
            }
            let t = self.temp();
            let aux = u16::from(index) | u16::from(lane) << 8;
            self.ir.un_aux(OpCode::VecToInt, Ty::I64, t, reg, aux);
            self.ir.st(t, base, Ref::NONE, disp, Access::new(lane));
        }
        Flow::Next
    }
    /// LD1R to LD4R.
    pub(crate) fn load_replicated(
        &mut self,
        q: bool,
        lane: u8,
        count: u8,
        rn: XSp,
        rt: VReg,
    ) -> Flow {
        let values = self.elements(lane, count, rn);
        if let [value] = values[..] {
            let dst = self.v(rt);
            self.vop(VecOp::DupInt, vty(q), lane, 0, dst, [value, Ref::NONE, Ref::NONE]);
            return Flow::Next;
        }
        let out: Vec<_> = values
            .iter()
            .map(|&v| self.vt(VecOp::DupInt, vty(q), lane, 0, [v, Ref::NONE, Ref::NONE]))
            .collect();
        self.vmov_list(rt, &out);
        Flow::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triples_are_gathered_and_scattered() {
        // Register 1 of byte triples: bytes 1, 4, 7, 10, 13 of the first chunk.
        let index = gather_triple(16, 0, 1, 0).to_le_bytes();
        assert_eq!(index[..6], [1, 4, 7, 10, 13, NONE]);
        assert_eq!(gather_triple(16, 0, 1, 1).to_le_bytes()[4..7], [NONE, 0, 3]);
        // The second half of a doubleword register is not loaded.
        assert_eq!(
            gather_triple(8, 2, 2, 1).to_le_bytes()[..8],
            [NONE, NONE, NONE, NONE, 4, 5, 6, 7]
        );
        assert_eq!(
            scatter_triple(3, 2, 1),
            u128::from_le_bytes([
                0, 1, 2, 3, 4, 5, 6, 7, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE
            ])
        );
    }
}
