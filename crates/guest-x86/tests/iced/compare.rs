//! One instruction in both decoders.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::known;
use crate::operand;
use guest_x86::decode::{Bits, Insn, Op, Operand, Prefixes, Undecoded, decode};
use iced_x86::{Code, Decoder, Instruction, InstructionInfoFactory, OpAccess, OpKind, Register};
use isa::Status;
use isa::opcode::{Access, Kind, OperandRule, Row};

/// Where the code is.
const AT: u64 = 0x40_0000;

/// Kinds of differences, with what they are in this instruction.
type Wrong = Vec<(String, String)>;

/// What has been found.
pub(crate) struct Comparison {
    rows: Vec<Row>,
    info: InstructionInfoFactory,
    /// Differences: what, how often, an example.
    found: BTreeMap<String, (u64, String)>,
    missing: known::Missing,
    /// How often each line was seen with an instruction of the other decoder.
    pairs: HashMap<(Op, Code), u64>,
    /// How often each line was seen.
    seen: Vec<u64>,
    compared: u64,
}

impl Comparison {
    pub(crate) fn new() -> Self {
        let mut rows = Vec::new();
        let text = include_str!("../../src/generated/table.isa");
        isa::opcode::parse(text, &mut rows).expect("the table is right");
        rows.retain(|row| row.status != Status::Missing);
        assert_eq!(rows.len(), Op::ALL.len());
        Self {
            seen: vec![0; rows.len()],
            rows,
            info: InstructionInfoFactory::new(),
            missing: known::Missing::default(),
            pairs: HashMap::new(),
            found: BTreeMap::new(),
            compared: 0,
        }
    }

    /// Fails if there are differences, or lines of those that pass `wanted` that were not seen.
    pub(crate) fn finish(self, wanted: impl Fn(&Row) -> bool) {
        let rows = self.rows.iter().zip(&self.seen);
        let unseen = rows.filter(|(row, seen)| **seen == 0 && wanted(row));
        let mut text: Vec<String> =
            unseen.map(|(row, _)| format!("{} was not seen", row.name)).collect();
        text.extend(
            self.found
                .iter()
                .map(|(what, (count, example))| format!("{what} ({count}, {example})")),
        );
        assert!(text.is_empty(), "of {} instructions:\n{}", self.compared, text.join("\n"));
    }

    fn report(&mut self, what: String, detail: &str, code: &[u8]) {
        let bytes = || code.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ");
        let example = || format!("{detail}: {}", bytes());
        let entry = self.found.entry(what).or_insert_with(|| (0, example()));
        entry.0 += 1;
    }

    /// Compares the instruction at the start of `code`.
    pub(crate) fn compare(&mut self, code: &[u8], bits: Bits) {
        self.compared += 1;
        let mode = if bits == Bits::B64 { 64 } else { 32 };
        let mut decoder = Decoder::with_ip(mode, code, AT, known::OPTIONS);
        let theirs = decoder.decode();
        let ours = decode(code, bits);
        let valid = !theirs.is_invalid() && !self.missing.is(&theirs);
        match ours {
            Err(Undecoded::Incomplete) if code.len() < 15 => {
                if valid {
                    self.report(format!("{:?}: incomplete", theirs.code()), "", code);
                }
            }
            Err(error) if valid => {
                self.report(format!("{:?}: {error:?}", theirs.code()), "", code);
            }
            Err(_) => {}
            Ok(insn) if !valid => {
                if !known::more(&self.rows[insn.op as usize]) {
                    self.report(format!("{:?} is none: {:?}", insn.op, theirs.code()), "", code);
                }
            }
            Ok(insn) => {
                self.seen[insn.op as usize] += 1;
                for (kind, what) in self.differences(&insn, &theirs, bits) {
                    let row = &self.rows[insn.op as usize];
                    if !known::difference(&insn, row, &theirs, &kind) {
                        let what = format!("{:?}: {what}", theirs.code());
                        self.report(format!("{:?}: {kind}", insn.op), &what, code);
                    }
                }
            }
        }
    }

    /// What differs.
    fn differences(&mut self, insn: &Insn, theirs: &Instruction, bits: Bits) -> Wrong {
        let mut wrong = Wrong::new();
        if usize::from(insn.len) != theirs.len() {
            wrong.push(("length".into(), format!("{} is {}", insn.len, theirs.len())));
        }
        let row = &self.rows[insn.op as usize];
        let seen = self.pairs.entry((insn.op, theirs.code())).or_default();
        *seen += 1;
        // What does not depend on operands is compared often enough.
        if *seen < 100 {
            mnemonic(insn, row, theirs, &mut wrong);
            features(row, theirs, &mut wrong);
        }
        flags(insn, theirs, &mut wrong);
        prefixes(insn, theirs, &mut wrong);
        let count = theirs.op_count();
        if row.operands.len() != count as usize {
            wrong.push(("operand count".into(), format!("{} is {count}", row.operands.len())));
            return wrong;
        }
        let info = self.info.info(theirs);
        for n in 0..count {
            let ours = insn.operands[n as usize];
            if let Err(what) = operand::compare(insn, ours, theirs, n, AT) {
                wrong.push((format!("operand {n}"), what));
            }
            let access = access(info.op_access(n));
            let rule = row.operands[n as usize].access;
            let is_value = matches!(
                theirs.op_kind(n),
                OpKind::Register | OpKind::Memory | OpKind::MemoryESDI | OpKind::MemoryESEDI
            );
            if is_value && !same_access(rule, access) {
                wrong.push((format!("access {n}"), format!("{rule:?} is {access:?}")));
            }
        }
        implied(insn, row, theirs, info.used_registers(), bits, &mut wrong);
        wrong
    }
}

fn access(access: OpAccess) -> Access {
    let (read, write, perhaps) = match access {
        OpAccess::Read => (true, false, false),
        OpAccess::CondRead => (true, false, true),
        OpAccess::Write => (false, true, false),
        OpAccess::CondWrite => (false, true, true),
        OpAccess::ReadWrite => (true, true, false),
        OpAccess::ReadCondWrite => (true, true, true),
        _ => (false, false, false),
    };
    Access { read, write, perhaps }
}

/// Whether accesses are the same: what is written perhaps is read as well, in effect.
fn same_access(ours: Access, theirs: Access) -> bool {
    let kept = |a: Access| (a.read || a.perhaps && a.write, a.write);
    kept(ours) == kept(theirs)
}

/// Whether the mnemonic is one of the line's.
fn mnemonic(insn: &Insn, row: &Row, theirs: &Instruction, wrong: &mut Wrong) {
    let name = format!("{:?}", theirs.mnemonic()).to_uppercase();
    let ours = guest_x86::disasm::mnemonic(insn, row.heading).to_uppercase();
    if ours != name {
        wrong.push(("mnemonic".into(), format!("{ours} is {name}")));
    }
}

fn flags(insn: &Insn, theirs: &Instruction, wrong: &mut Wrong) {
    use iced_x86::RflagsBits as B;
    let bits = |theirs: u32| {
        [
            (B::CF, 0),
            (B::PF, 2),
            (B::AF, 4),
            (B::ZF, 6),
            (B::SF, 7),
            (B::IF, 9),
            (B::DF, 10),
            (B::OF, 11),
            (B::C0, 12),
            (B::C1, 13),
            (B::C2, 14),
            (B::C3, 15),
        ]
        .iter()
        .fold(0u16, |all, (flag, bit)| all | u16::from(theirs & flag != 0) << bit)
    };
    let flags = &insn.op.row().flags;
    let pairs = [
        ("reads", insn.flags_read(), theirs.rflags_read()),
        ("writes", flags.written, theirs.rflags_written()),
        ("clears", flags.zero, theirs.rflags_cleared()),
        ("sets", flags.one, theirs.rflags_set()),
        ("undefines", flags.undefined, theirs.rflags_undefined()),
    ];
    for (what, ours, theirs) in pairs {
        if ours != bits(theirs) {
            wrong.push((what.into(), format!("flags {ours:#x}, not {:#x}", bits(theirs))));
        }
    }
}

fn features(row: &Row, theirs: &Instruction, wrong: &mut Wrong) {
    let mut names: Vec<String> = theirs
        .cpuid_features()
        .iter()
        .map(|f| format!("{f:?}").to_lowercase())
        .map(|name| if name.starts_with("fpu") { String::from("x87") } else { name })
        .filter(|name| !known::BASE.contains(&name.as_str()))
        .collect();
    names.sort();
    let mut ours: Vec<String> = row.features.iter().map(|f| known::feature(f).to_owned()).collect();
    ours.retain(|name| !name.is_empty());
    ours.sort();
    if ours != names {
        wrong.push(("features".into(), format!("{ours:?} are {names:?}")));
    }
}

fn prefixes(insn: &Insn, theirs: &Instruction, wrong: &mut Wrong) {
    let locked = insn.prefixes.any(Prefixes::LOCK);
    if locked != theirs.has_lock_prefix() {
        wrong.push(("lock".into(), locked.to_string()));
    }
    let row = insn.op.row();
    if row.attributes.any(guest_x86::decode::Attributes::REPEAT) {
        let repeats = insn.prefixes.any(Prefixes::REP | Prefixes::REPNE);
        if repeats != (theirs.has_rep_prefix() || theirs.has_repne_prefix()) {
            wrong.push(("repeats".into(), repeats.to_string()));
        }
    }
}

/// Compares all registers that are read and written.
fn implied(
    insn: &Insn,
    row: &Row,
    theirs: &Instruction,
    used: &[iced_x86::UsedRegister],
    bits: Bits,
    wrong: &mut Wrong,
) {
    if theirs.code() == Code::Xlat_m8 {
        return;
    }
    let mut registers = BTreeMap::<Register, (bool, bool)>::new();
    let mut add = |register: Register, read: bool, write: bool| {
        let entry = registers.entry(register.full_register()).or_default();
        *entry = (entry.0 | read, entry.1 | write);
    };
    let width = if bits == Bits::B64 { 8 } else { 4 };
    let operands = row.operands.iter().zip(insn.operands);
    for (rule, operand) in operands {
        if let Some(register) = operand::register(operand) {
            add(register, rule.access.read, rule.access.write);
        }
    }
    for rule in row.implied.iter().filter(|rule| !known::absent(insn, rule)) {
        if let Some(register) = implied_register(rule) {
            add(register, rule.access.read, rule.access.write);
        }
    }
    if insn.operands.iter().any(|o| matches!(o, Operand::Mem { .. })) {
        let vector = insn.op.row().attributes.any(guest_x86::decode::Attributes::VECTOR_INDEX);
        let index = |n| if vector { operand::vector(n) } else { operand::general(n, width) };
        insn.memory.base.into_iter().for_each(|n| add(operand::general(n, width), true, false));
        insn.memory.index.into_iter().for_each(|n| add(index(n), true, false));
    }
    for operand in insn.operands {
        match operand {
            Operand::Src { .. } => add(Register::RSI, true, known::steps(insn)),
            Operand::Dst { .. } => add(Register::RDI, true, known::steps(insn)),
            _ => {}
        }
    }
    let mut other = BTreeMap::<Register, (bool, bool)>::new();
    let mut perhaps = BTreeSet::new();
    for register in used {
        let access = access(register.access());
        if access.perhaps {
            perhaps.insert(register.register().full_register());
        }
        let name = register.register();
        if name.is_segment_register() || name.is_st() || name.is_cr() || name.is_dr() {
            continue;
        }
        let entry = other.entry(name.full_register()).or_default();
        *entry = (entry.0 | access.read, entry.1 | access.write);
    }
    let counted = |r: &Register| !r.is_segment_register() && !r.is_st() && !r.is_cr() && !r.is_dr();
    registers.retain(|r, access| counted(r) && *access != (false, false));
    other.retain(|_, access| *access != (false, false));
    let both: BTreeSet<Register> = registers.keys().chain(other.keys()).copied().collect();
    for register in both {
        let of = |all: &BTreeMap<_, (bool, bool)>| all.get(&register).copied().unwrap_or_default();
        let (ours, theirs) = (of(&registers), of(&other));
        // What is written perhaps is read as well, in effect.
        if ours != theirs && !(ours.1 && theirs.1 && perhaps.contains(&register)) {
            wrong.push(("register".into(), format!("{register:?} {ours:?} is {theirs:?}")));
        }
    }
}

fn implied_register(rule: &OperandRule) -> Option<Register> {
    Some(match rule.kind {
        Kind::Ah | Kind::Ax => Register::RAX,
        Kind::Cx => Register::RCX,
        Kind::Dx => Register::RDX,
        Kind::Bx => Register::RBX,
        Kind::Sp => Register::RSP,
        Kind::Bp => Register::RBP,
        Kind::Si => Register::RSI,
        Kind::Di => Register::RDI,
        Kind::R11 => Register::R11,
        Kind::V0 => Register::XMM0,
        _ => return None,
    })
}
