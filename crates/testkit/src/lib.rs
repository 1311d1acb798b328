//! Tools that test the product; never shipped.
//!
//! [`diff`] runs random instructions under an oracle and under the product, and compares all
//! registers and memory afterwards. [`fault`] compares the signal frames of faults.
//! [`elf_fuzz`] mutates programs. [`intrinsics`] calls all intrinsics of a C
//! compiler. [`lowering`] lists what the host does natively. [`confined`] executes programs of the
//! machine's own architecture.

mod aarch64;
pub mod confined;
pub mod diff;
pub mod elf_fuzz;
pub mod fault;
pub mod intrinsics;
pub mod lowering;
mod riscv64;
pub mod subject;
pub mod x86_64;
