//! What is x86_64's in the tests: its instructions are compared with this processor.

mod choose;
pub mod compare;
pub mod emulate;
mod fit;
pub mod native;
mod state;
