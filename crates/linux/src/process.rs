//! What the tasks of a process share.

use crate::abi::Abi;
use crate::identity::Identity;
use crate::mm::Mm;
use crate::options::Options;
use crate::signal::ProcessSignals;
use engine::Engine;

/// A guest process. It lives as long as the host process, so it is never freed: tasks have a
/// `&'static Process`. A fork gets a copy with the rest of the memory.
pub struct Process {
    /// What is particular to the guest's architecture.
    pub abi: &'static Abi,
    /// Translates and runs its code.
    pub engine: &'static Engine,
    /// Its memory.
    pub mm: Mm,
    /// What program it is: path, arguments, auxiliary vector.
    pub identity: Identity,
    /// How the user wants it to be run.
    pub options: Options,
    /// Signal actions.
    pub signals: ProcessSignals,
}
