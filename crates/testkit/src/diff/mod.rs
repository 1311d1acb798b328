//! Differential testing of random instruction sequences.
//!
//! A [`program::Program`] is a static ELF executable made of many [`case::Case`]s. Each case loads
//! every register from its [`record`], executes its instructions, and stores every register back;
//! at the end the program writes all records to its standard output. The oracle, the product's
//! binary and the evaluator ([`evaluate`]) each make such records of the same program; [`compare`]
//! finds the first instruction after which they differ.

pub mod case;
pub mod compare;
pub mod coverage;
pub mod evaluate;
pub mod known;
pub mod program;
pub mod record;
pub mod runner;
pub mod value;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::program::Program;
    use super::runner::Runner;
    use crate::subject::SUBJECTS;

    #[test]
    fn blocks_do_what_their_instructions_do() {
        for subject in SUBJECTS {
            let mut chooser = (subject.chooser)(1, &|_| true);
            let cases: Vec<_> = (0..300).map(|n| chooser.case(n, 24)).collect();
            let run = |single| {
                let runner = Runner::Evaluator { single };
                runner.run(subject, &cases, 2, Path::new("")).expect("runs")
            };
            for (n, (blocks, singles)) in run(false).into_iter().zip(run(true)).enumerate() {
                let (blocks, singles) = (blocks.expect("a record"), singles.expect("a record"));
                let differences = subject.layout.differences(&blocks, &singles);
                assert_eq!(differences, Vec::<String>::new(), "{subject:?} case {n}");
            }
        }
    }

    #[test]
    fn programs_are_executables() {
        for subject in SUBJECTS {
            let mut chooser = (subject.chooser)(2, &|_| true);
            let cases = [chooser.case(0, 4)];
            let program = Program::new(subject, &cases, 1);
            let (first, end) = program.bounds[0];
            let code = cases[0].code().0;
            assert_eq!((end - first) as usize, code.len());
            assert!(program.code_at(first).starts_with(&code));
            let file = program.elf();
            assert_eq!(file[..4], *b"\x7fELF");
            assert_eq!(file[4096..4104], program.code[..8]);
        }
    }
}
