//! What is told of translations: dumps of units, statistics.

use crate::engine::Engine;
use crate::options::Stats;
use core::sync::atomic::Ordering;
use host::Code;
use ir::Block;
use std::time::Instant;

impl Engine {
    /// What has been counted.
    pub fn stats(&self) -> Stats {
        let mut stats = self.lock().stats;
        stats.interpreted = self.interpreted.load(Ordering::Relaxed);
        stats
    }
    pub(crate) fn dump(&self, block: &Block, code: &Code) {
        use core::fmt::Write;
        let mut text = format!(
            "unit {:#x}, {} instructions, {} host\n",
            block.pc, block.insns, code.host_insns
        );
        if self.options.dump_ir {
            for op in &block.ops {
                if op.code == ir::OpCode::Insn {
                    let pc = block.pc.wrapping_add(op.imm as u64);
                    let mut code = [0; 16];
                    let left = block.len as usize - op.imm as usize;
                    let code = &mut code[..left.min(self.spec.insn_max.into())];
                    let _ = memory::read(pc, code);
                    let _ = writeln!(text, "{pc:#x}: {}", self.guest.disassemble(code, pc).0);
                } else {
                    let _ = writeln!(text, "    {op:?}");
                }
            }
            let _ = writeln!(text, "    consts {:x?} exits {:x?}", block.consts, block.exits);
        }
        if self.options.dump_host {
            text.push_str(&self.host.describe(&code.bytes));
            text.push('\n');
        }
        (self.options.sink)(&text);
    }
    /// With `Options::timing`, passes the statistics to the sink: for when the program ends.
    pub fn report(&self) {
        if !self.options.timing {
            return;
        }
        let s = self.stats();
        // Each measurement contains one reading of the clock.
        let clock = clock_ns();
        let per = |ns: u64, times: u64| {
            (ns as f64 - times as f64 * clock).max(0.0) / s.guest_insns.max(1) as f64
        };
        let own = s.units - s.shared;
        (self.options.sink)(&format!(
            "{} units ({} shared), {} guest and {} host instructions in {} bytes, {} links, {} interpreted\n\
             ns per guest instruction: {:.0} to translate, {:.0} to lower, {:.0} to publish\n\
             evaluated: {} instructions in {} blocks, {:.0} ns per instruction\n",
            s.units,
            s.shared,
            s.guest_insns,
            s.host_insns,
            s.host_bytes,
            s.links,
            s.interpreted,
            per(s.decode_ns, own),
            per(s.lower_ns, own),
            per(s.publish_ns, s.units),
            s.evaluated_insns,
            s.evaluated,
            s.evaluated_ns as f64 / s.evaluated_insns.max(1) as f64
        ));
    }
}

/// What reading the clock takes, when nothing comes in between.
fn clock_ns() -> f64 {
    const TIMES: u32 = 64;
    let batch = |_| {
        let start = Instant::now();
        for _ in 0..TIMES {
            core::hint::black_box(Instant::now());
        }
        start.elapsed()
    };
    let best = (0..32).map(batch).min().unwrap_or_default();
    best.as_nanos() as f64 / f64::from(TIMES)
}
