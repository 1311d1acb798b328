//! What can be chosen when an engine is made, and what it counts.

/// Which host instruction-set extensions are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FeatureLevel {
    /// Whatever the processor has.
    #[default]
    Auto,
    /// Nothing beyond SSE4.2 and POPCNT.
    Sse42,
    /// AVX2, BMI, FMA; nothing beyond.
    Avx2,
}

/// Choices.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of address space for translated code.
    pub cache_size: usize,
    /// Map the code twice (writable, executable) although one mapping would be allowed.
    pub dual_mapping: bool,
    /// Host extensions.
    pub features: FeatureLevel,
    /// Hold a random choice of guest registers in the host's, not the guest's preferences: whatever
    /// depends on those fails then.
    pub pins: Option<u64>,
    /// Pass each unit's IR to `sink`.
    pub dump_ir: bool,
    /// Pass each unit's host code to `sink`.
    pub dump_host: bool,
    /// Measure the time spent in each stage of translation.
    pub timing: bool,
    /// Translate nothing to host code: every instruction is run by the evaluator. Very slow; tells
    /// whether a wrong result comes from the back end.
    pub interpret: bool,
    /// Let the evaluator run code that is reached for the first time: most code of a short program
    /// runs once, and translating it takes longer. Unless a family has it translated already.
    pub evaluate_first: bool,
    /// Leave translated code at every poll, direct and indirect branch, as if signals came all the
    /// time and nothing were linked.
    pub stress: bool,
    /// Receives dumps.
    pub sink: fn(&str),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_size: 128 << 20,
            dual_mapping: false,
            features: FeatureLevel::Auto,
            pins: None,
            dump_ir: false,
            dump_host: false,
            timing: false,
            interpret: false,
            evaluate_first: false,
            stress: false,
            sink: |_| {},
        }
    }
}

/// Counts since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Units translated or found.
    pub units: u64,
    /// Of these, units that other processes of the family had translated.
    pub shared: u64,
    /// Guest instructions in them.
    pub guest_insns: u64,
    /// Host instructions in them.
    pub host_insns: u64,
    /// Bytes of host code in them.
    pub host_bytes: u64,
    /// Nanoseconds in decoding and translating to IR (with `Options::timing`).
    pub decode_ns: u64,
    /// Nanoseconds in lowering.
    pub lower_ns: u64,
    /// Nanoseconds in copying to the cache and entering in tables.
    pub publish_ns: u64,
    /// Single instructions run by the evaluator.
    pub interpreted: u64,
    /// Blocks run by the evaluator, and the instructions in them (with `Options::timing`).
    pub evaluated: u64,
    /// The instructions in them.
    pub evaluated_insns: u64,
    /// Nanoseconds that took.
    pub evaluated_ns: u64,
    /// Links patched.
    pub links: u64,
    /// Units dropped by invalidation.
    pub invalidated: u64,
    /// Of these, units that were used again.
    pub taken_back: u64,
    /// Times the whole cache was emptied.
    pub flushes: u64,
}

impl Stats {
    /// A unit of so many guest instructions, host instructions and bytes.
    pub(crate) fn count(&mut self, insns: u32, host_insns: u32, bytes: u32) {
        self.units += 1;
        self.guest_insns += u64::from(insns);
        self.host_insns += u64::from(host_insns);
        self.host_bytes += u64::from(bytes);
    }
}
