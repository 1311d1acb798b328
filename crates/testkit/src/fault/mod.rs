//! Random programs whose accesses fault, to compare the signal frames of translated code with those
//! of the evaluator.
//!
//! The programs install a handler that writes out siginfo, ucontext and the memory around the
//! inaccessible pages, and steps over the instruction. Every register, flag and byte of memory at
//! every fault is so compared.

mod case;
mod compare;
mod guest;
mod program;
pub mod value;

pub use case::{Case, Plan, near_boundary};
pub use compare::{Found, Options, run};
pub use guest::{Chooser, Guest};
pub use program::{CODE, LENGTHS, Program, Record, VECTORS};
