//! No guest instruction needs more registers than the back end has, with any operands, on any
//! host, whichever guest registers are in the host's. If one did, the evaluator would execute it:
//! right, but slow.

use guest::{Guest, Key, Mode, code_at, peek_word};
use guest_aarch64::{Aarch64, KEY_EXACT, disassemble};
use host::{Code, Host, random_pins};
use host_x64::{Features, X64};
use ir::Block;
use testkit::subject::SUBJECTS;

/// Cases to try; ANYARCH_CASES overrides.
fn cases() -> usize {
    std::env::var("ANYARCH_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1500)
}

#[test]
fn registers_suffice() {
    let features =
        [Features::default(), Features { sha: false, fma: false, ..Features::ALL }, Features::ALL];
    let mut hosts = features.map(|features| {
        X64::new(features, Aarch64::PLAIN.spec().int_pins, Aarch64::PLAIN.spec().vec_pins)
    });
    let seed = std::env::var("ANYARCH_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(5);
    let mut chooser = (SUBJECTS[0].chooser)(seed, &|_| true);
    let (mut block, mut code) = (Block::default(), Code::default());
    let mut blocks = 0;
    for n in 0..cases() {
        if n % 100 == 50 {
            let [int, vec] = random_pins(seed + n as u64);
            hosts = features.map(|features| X64::new(features, &int, &vec));
        }
        let bytes = chooser.case(n % 1000, 24).code().0;
        let words: Vec<_> = bytes.as_chunks().0.iter().map(|&w| u32::from_le_bytes(w)).collect();
        let mut fetch = code_at(0, &words);
        for key in [Key(0), KEY_EXACT] {
            let mut pc = 0;
            while peek_word(&mut fetch, pc).is_some() {
                block.clear();
                let mode = Mode { key, ..Mode::default() };
                Aarch64::PLAIN.translate(&mut fetch, pc, mode, &mut block);
                for host in &hosts {
                    host.lower(&block, 0, &mut code);
                    let text = || -> Vec<String> {
                        let at = pc as usize / 4;
                        let words = &words[at..at + block.len as usize / 4];
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
