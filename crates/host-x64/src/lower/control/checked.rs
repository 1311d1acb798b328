//! Comparing guest code that may change when a unit is entered.

use crate::Alu;
use crate::emit::{Cc, Gpr, Label, Mem, Size};
use crate::lower::Lower;
use crate::lower::cold::ColdKind;

impl Lower<'_> {
    /// Leaves if the guest code is not what the block was made of ([`ir::Block::checked`]).
    pub(super) fn check_code(&mut self) {
        let code = &self.block.checked;
        if code.is_empty() {
            return;
        }
        self.guest = 0;
        let changed = self.cold(ColdKind::Changed);
        self.e.mov_imm(Gpr::RAX, self.block.pc);
        let (words, rest) = code.as_chunks::<8>();
        for (n, word) in (0..).zip(words) {
            self.e.mov_imm(Gpr::RCX, u64::from_le_bytes(*word));
            self.check_piece(Size::Q, 8 * n, None, changed);
        }
        let at = 8 * words.len() as i32;
        if let (Some(last), false) = (code.last_chunk::<8>(), rest.is_empty()) {
            // (Some bytes are compared again.)
            self.e.mov_imm(Gpr::RCX, u64::from_le_bytes(*last));
            return self.check_piece(Size::Q, code.len() as i32 - 8, None, changed);
        }
        let mut done = 0;
        for size in [Size::D, Size::W, Size::B] {
            let len = size.bits() as usize / 8;
            if rest.len() - done >= len {
                let bytes = rest[done..done + len].iter().rev();
                let value = bytes.fold(0_u32, |value, &byte| value << 8 | u32::from(byte));
                let value = (value << (32 - size.bits())) as i32 >> (32 - size.bits());
                self.check_piece(size, at + done as i32, Some(value), changed);
                done += len;
            }
        }
    }
    /// Compares what is `at` bytes behind the code's start with a value or with rcx.
    fn check_piece(&mut self, size: Size, at: i32, value: Option<i32>, changed: Label) {
        let memory = Mem::base(Gpr::RAX, at);
        self.fault();
        match value {
            Some(value) => self.e.alu_mem_imm(Alu::Cmp, size, memory, value),
            None => self.e.alu_load(Alu::Cmp, size, Gpr::RCX, memory),
        }
        self.e.jcc(Cc::Ne, changed);
    }
}
