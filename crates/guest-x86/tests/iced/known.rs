//! What may differ, with reasons.

use std::collections::HashMap;

use guest_x86::decode::{Attributes, Insn, Op, Operand, Prefixes};
use iced_x86::{Code, CodeSize, DecoderOptions, Instruction};
use isa::Status;
use isa::opcode::{Kind, Mark, OperandRule, Row};

/// Of the other decoder.
pub(crate) const OPTIONS: u32 = DecoderOptions::NONE;

/// Features of every processor of these modes.
pub(crate) const BASE: [&str; 12] = [
    "cpuid",
    "pause",
    "intel8086",
    "intel186",
    "intel286",
    "intel386",
    "intel486",
    "x64",
    "intel8086_only",
    "intel286_only",
    "intel386_only",
    "multibytenop",
];

/// The other decoder's name of a feature of ours.
pub(crate) fn feature(ours: &str) -> &str {
    match ours {
        "sse41" => "sse4_1",
        "sse42" => "sse4_2",
        "cx16" => "cmpxchg16b",
        "lahf" => "",
        ours => ours,
    }
}

/// Features that guests' processors do not have: their instructions are undefined.
const MISSING: &str = "rtm hle hle_or_rtm vmx smx svm smm cet_ibt cet_ss mpx tbm xop fma4 lwp sse4a d3now d3nowext \
    monitor monitorx invpcid invlpgb sev_es sev_snp skinit_or_svm skinit clzero mcommit rdpru ptwrite waitpkg \
    enqcmd movdiri movdir64b pconfig uintr kl aeskle wide_kl hreset invept invvpid amx_tile amx_int8 amx_bf16 \
    amx_fp16 amx_complex tdx pku tsxldtrk msrlist wrmsrns rao_int fred lkgs padlock_ace padlock_phe padlock_pmm \
    padlock_rng padlock_gmi sgx1 smap xsaves sha512 sm3 sm4 avx_vnni avx_ifma avx_ne_convert avx_vnni_int8 \
    avx_vnni_int16 rmpquery prefetchiti tse oss padlock_undoc";

/// Which instructions are declared missing.
#[derive(Default)]
pub(crate) struct Missing {
    known: HashMap<Code, bool>,
}

impl Missing {
    /// Whether one is.
    pub(crate) fn is(&mut self, theirs: &Instruction) -> bool {
        // Intel's processors have these in 64-bit mode only.
        let amd = matches!(theirs.code(), Code::Syscall | Code::Sysretd);
        let in_32 = theirs.code_size() == CodeSize::Code32;
        amd && in_32
            || *self.known.entry(theirs.code()).or_insert_with(|| {
                theirs.cpuid_features().iter().any(|f| {
                    let name = format!("{f:?}").to_lowercase();
                    name.starts_with("avx512") || MISSING.split_whitespace().any(|m| m == name)
                })
            })
    }
}

/// Whether ours decodes what the other decoder does not: hints, which do nothing on processors that do
/// not have what they are for.
pub(crate) fn more(row: &Row) -> bool {
    row.status == Status::Nop
}

/// Whether a difference is known.
pub(crate) fn difference(insn: &Insn, row: &Row, theirs: &Instruction, kind: &str) -> bool {
    let hint = row.status == Status::Nop;
    let privileged = row.function.is_some_and(|(name, _)| name == "privileged");
    let flags = ["reads", "writes", "clears", "sets", "undefines"].contains(&kind);
    let count = row.flags.kept_at_zero && insn.operands.contains(&Operand::Imm);
    // F3 90 with REX.B is an exchange of r8, as processors execute it.
    let pause = insn.op == Op::XchgRA && theirs.code() == iced_x86::Code::Pause;
    match kind {
        _ if pause => true,
        // The other decoder names reserved hints so, and finds no use of what they name.
        "mnemonic" => hint && format!("{:?}", theirs.mnemonic()) == "Reservednop",
        // The manual says that these of MMX came with SSE2.
        "features" if matches!(insn.op, Op::PaddqMmx) => true,
        "features" => hint || privileged,
        // It names all registers of what saves and restores them.
        "register" if ["x87", "state"].contains(&row.section) => true,
        "register" if matches!(insn.op, Op::Ud0 | Op::Ud1) => true,
        "register" => {
            hint || privileged || matches!(insn.op, Op::Pusha | Op::Popa) || zeroing(insn)
        }
        // The other decoder looks at the number of bits in the instruction.
        _ if flags => count || zeroing(insn),
        "access 0" | "access 1" | "access 2" => {
            let masked = ["vmaskmov", "vpmaskmov"].iter().any(|name| row.name.starts_with(name));
            // How often strings are accessed depends on the count, what these do on a mask.
            zeroing(insn)
                || masked
                || matches!(insn.op, Op::Pdep | Op::Pext)
                || row.has(Mark::Repeat)
        }
        _ => false,
    }
}

/// Whether it sets a register to zero, which the other decoder knows not to read it.
fn zeroing(insn: &Insn) -> bool {
    let [a, b, c, _] = insn.operands;
    a == b || b == c && !matches!(b, Operand::Imm | Operand::None)
}

/// Whether an implied operand is not there in this instruction.
pub(crate) fn absent(insn: &Insn, rule: &OperandRule) -> bool {
    let repeats = insn.op.row().attributes.any(Attributes::REPEAT);
    let prefix = insn.prefixes.any(Prefixes::REP | Prefixes::REPNE);
    repeats && !prefix && rule.kind == Kind::Cx
}

/// Whether a string instruction steps its registers.
pub(crate) fn steps(insn: &Insn) -> bool {
    insn.op.row().attributes.any(guest_x86::decode::Attributes::REPEAT)
}
