//! Loads and stores of segments that are next to each other: as whole registers, whose bytes are then sorted.

use super::super::VLEN;
use super::active::bytes;
use super::memory::Transfer;
use super::{Direct, v};
use crate::translator::Translator;
use ir::vec_op::VecOp;
use ir::{Access, Ref};

const NONE: Ref = Ref::NONE;
/// The number of no byte.
const NOWHERE: u32 = 0xff;
const BYTES: u32 = VLEN / 8;

/// Where the elements of segments are.
#[derive(Clone, Copy)]
struct Layout {
    size: u32,
    fields: u32,
    /// Elements of a field.
    count: u32,
}

impl Layout {
    /// Bytes of all.
    fn total(self) -> u32 {
        self.size * self.fields * self.count
    }
    /// Where in memory byte `n` of the group of `field` is.
    fn in_memory(self, field: u32, n: u32) -> Option<u32> {
        let element = n / self.size;
        let at = (element * self.fields + field) * self.size + n % self.size;
        (element < self.count).then_some(at)
    }
    /// The field to which a byte in memory belongs, and which byte of its group it is.
    fn in_groups(self, at: u32) -> Option<(u32, u32)> {
        let (segment, rest) = (at / (self.size * self.fields), at % (self.size * self.fields));
        let (field, byte) = (rest / self.size, rest % self.size);
        (at < self.total()).then_some((field, segment * self.size + byte))
    }
}

impl Translator<'_> {
    /// For `count` elements of each field.
    pub(super) fn direct_segments(&mut self, d: Direct, t: Transfer, count: u32) -> bool {
        self.begin(d);
        let layout = Layout { size: t.width / 8, fields: t.fields.into(), count };
        match t.store {
            true => self.store_segments(d, t, layout),
            false => self.load_segments(d, t, layout),
        }
        true
    }
    /// Bytes of `sources` where `from` says: the number of the source, and of the byte in it.
    fn sorted(&mut self, sources: &[Ref], from: impl Fn(u32) -> Option<(u32, u32)>) -> Ref {
        let mut all: Option<Ref> = None;
        for (n, &source) in sources.iter().enumerate() {
            let here = |byte| from(byte).filter(|&(source, _)| source == n as u32);
            if !(0..BYTES).any(|byte| here(byte).is_some()) {
                continue;
            }
            let at = self.ir.vconst(bytes(|byte| here(byte).map_or(NOWHERE, |(_, at)| at)));
            let some = self.lanes_to_temp(VecOp::Tbl1, 0, 0, [source, at, NONE]);
            all = Some(match all {
                None => some,
                Some(others) => self.lanes_to_temp(VecOp::Or, 0, 0, [others, some, NONE]),
            });
        }
        all.unwrap_or_else(|| self.ir.vconst(0))
    }
    fn load_segments(&mut self, d: Direct, t: Transfer, layout: Layout) {
        let mut loaded = Vec::new();
        for at in (0..layout.total()).step_by(BYTES as usize) {
            let (offset, left) = (at as i32, layout.total() - at);
            loaded.push(if left >= BYTES {
                let whole = self.temp();
                self.ir.ld_v(whole, t.base, NONE, offset, Access::new(4));
                whole
            } else {
                let zero = self.ir.vconst(0);
                self.loaded_pieces(zero, t.base, offset, left)
            });
        }
        let elements = self.elements(d, t.width);
        for field in 0..t.fields {
            for r in 0..t.regs {
                let active = self.active(elements, r);
                let first = u32::from(r) * BYTES;
                let value = self.sorted(&loaded, |n| {
                    let at = layout.in_memory(field.into(), first + n)?;
                    Some((at / BYTES, at % BYTES))
                });
                self.put(v(d.vd() + field * t.regs + r), value, active);
            }
        }
    }
    fn store_segments(&mut self, d: Direct, t: Transfer, layout: Layout) {
        let sources: Vec<Ref> = (0..t.fields * t.regs).map(|n| v(d.vd() + n)).collect();
        for at in (0..layout.total()).step_by(BYTES as usize) {
            let value = self.sorted(&sources, |n| {
                let (field, byte) = layout.in_groups(at + n)?;
                Some((field * u32::from(t.regs) + byte / BYTES, byte % BYTES))
            });
            match layout.total() - at {
                BYTES.. => self.ir.st_v(value, t.base, NONE, at as i32, Access::new(4)),
                left => self.store_pieces(value, t.base, at as i32, left),
            }
        }
    }
}
