//! Reference semantics of the IR.
