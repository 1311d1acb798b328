//! Differential testing of random instruction sequences.
//!
//! A [`program::Program`] is a static ELF executable made of many [`case::Case`]s. Each case loads
//! every register from its [`record`], executes its instructions, and stores every register back;
//! at the end the program writes all records to its standard output. The oracle, the product's
//! binary and the evaluator ([`evaluate`]) each make such records of the same program; [`compare`]
//! finds the first instruction after which they differ.

use guest_aarch64::{Aarch64, Cpu};

pub mod asm;
pub mod case;
pub mod choose;
pub mod compare;
pub mod coverage;
pub mod elf;
pub mod evaluate;
mod idiom;
pub mod known;
pub mod program;
pub mod record;
pub mod runner;
mod special;

/// The guest of the evaluator, as [`runner::CPU`] says.
pub(crate) fn guest() -> Aarch64 {
    Aarch64::new(Cpu::parse(runner::CPU).unwrap_or(Cpu::PLAIN), |_| false)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::choose::Chooser;
    use super::program::Program;
    use super::runner::Runner;

    #[test]
    fn blocks_do_what_their_instructions_do() {
        let mut chooser = Chooser::new(1, |_| true);
        let cases: Vec<_> = (0..300).map(|n| chooser.case(n, 24)).collect();
        let run =
            |single| Runner::Evaluator { single }.run(&cases, 2, Path::new("")).expect("runs");
        for (n, (blocks, singles)) in run(false).into_iter().zip(run(true)).enumerate() {
            let (blocks, singles) = (blocks.expect("a record"), singles.expect("a record"));
            assert_eq!(blocks.differences(&singles), Vec::<String>::new(), "case {n}");
        }
    }

    #[test]
    fn programs_are_executables() {
        let mut chooser = Chooser::new(2, |line| line.name == "add_imm");
        let cases = [chooser.case(0, 4)];
        let program = Program::new(&cases, 1);
        let (first, end) = program.bounds[0];
        assert_eq!((end - first) / 4, cases[0].code().0.len() as u64);
        assert_eq!(program.word(first), Some(cases[0].code().0[0]));
        let file = program.elf();
        assert_eq!(file[..4], *b"\x7fELF");
        assert_eq!(file[4096..4100], program.words[0].to_le_bytes());
    }
}
