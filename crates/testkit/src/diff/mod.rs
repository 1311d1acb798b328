//! Differential testing of random instruction sequences.
//!
//! A [`program::Program`] is a static ELF executable made of many [`case::Case`]s. Each case loads
//! every register from its [`record`], executes its instructions, and stores every register back;
//! at the end the program writes all records to its standard output. The oracle, the product's
//! binary and the evaluator ([`evaluate`]) each make such records of the same program; [`compare`]
//! finds the first instruction after which they differ.

pub mod asm;
pub mod case;
pub mod choose;
pub mod compare;
pub mod elf;
pub mod evaluate;
pub mod known;
pub mod program;
pub mod record;
pub mod runner;
