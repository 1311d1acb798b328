//! No guest instruction needs more registers than the back end has, with any operands, on any
//! host. If one did, the evaluator would execute it: right, but slow.

use guest::{Fetch, Guest, Mode};
use guest_aarch64::{Aarch64, disassemble};
use host::{Code, Features, Host};
use host_x64::X64;
use ir::Block;
use testkit::diff::choose::Chooser;

struct Words(Vec<u32>);

impl Fetch for Words {
    fn word(&mut self, pc: u64) -> Option<u32> {
        self.0.get(pc as usize / 4).copied()
    }
}

/// Cases to try; ANYARCH_CASES overrides.
fn cases() -> usize {
    std::env::var("ANYARCH_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1500)
}

#[test]
fn registers_suffice() {
    let all = Features {
        avx2: true,
        bmi2: true,
        fma: true,
        aes: true,
        pclmul: true,
        sha: true,
        f16c: true,
    };
    let hosts = [Features::default(), Features { sha: false, fma: false, ..all }, all]
        .map(|features| X64::new(features, Aarch64::PLAIN.int_pins(), Aarch64::PLAIN.vec_pins()));
    let seed = std::env::var("ANYARCH_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(5);
    let mut chooser = Chooser::new(seed, |_| true);
    let (mut block, mut code) = (Block::default(), Code::default());
    let mut blocks = 0;
    for n in 0..cases() {
        let mut words = Words(chooser.case(n % 1000, 24).code().0);
        for exact in [false, true] {
            let mut pc = 0;
            while words.word(pc).is_some() {
                block.clear();
                let mode = Mode { single: false, fp_exact: exact };
                Aarch64::PLAIN.translate(&mut words, pc, mode, &mut block);
                for host in &hosts {
                    host.lower(&block, 0, &mut code);
                    let text = || -> Vec<String> {
                        let at = pc as usize / 4;
                        let words = &words.0[at..at + block.len as usize / 4];
                        words.iter().map(|&word| disassemble(word, 0)).collect()
                    };
                    assert_eq!(code.given_up, 0, "{:?}: {:#?}", host, text());
                }
                blocks += 1;
                pc += u64::from(block.len.max(4));
            }
        }
    }
    assert!(blocks > cases());
}
