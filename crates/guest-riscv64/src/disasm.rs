//! Text of instructions, as assemblers take it. The operands are in the table.

use crate::encoding::TABLE;
use isa::{Line, value};

/// Text of the instruction at the start of `code`, which is at `pc`, and its length.
pub fn disassemble(code: &[u8], pc: u64) -> (String, usize) {
    let Some((word, len)) = TABLE.encoding.word(code) else {
        return (".byte (incomplete)".into(), code.len());
    };
    let Some(line) = TABLE.find(word, len) else {
        return (format!(".insn {len}, {word:#0width$x}", width = 2 + len * 2), len);
    };
    (Insn { line, word, pc }.text(), len)
}

/// Names of the integer registers.
const X: [&str; 32] = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4",
    "a5", "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4",
    "t5", "t6",
];
/// Names of the floating-point registers.
const F: [&str; 32] = [
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2",
    "fa3", "fa4", "fa5", "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9",
    "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
];
/// Rounding modes.
const ROUNDING: [&str; 8] = ["rne", "rtz", "rdn", "rup", "rmm", "unknown", "unknown", "dyn"];
/// The constants of FLI.
const CONSTANTS: [&str; 32] = [
    "-1.0",
    "min",
    "1.52587890625e-05",
    "3.0517578125e-05",
    "0.00390625",
    "0.0078125",
    "0.0625",
    "0.125",
    "0.25",
    "0.3125",
    "0.375",
    "0.4375",
    "0.5",
    "0.625",
    "0.75",
    "0.875",
    "1.0",
    "1.25",
    "1.5",
    "1.75",
    "2.0",
    "2.5",
    "3.0",
    "4.0",
    "8.0",
    "16.0",
    "128.0",
    "256.0",
    "32768.0",
    "65536.0",
    "inf",
    "nan",
];

struct Insn {
    line: &'static Line,
    word: u64,
    pc: u64,
}

impl Insn {
    fn text(&self) -> String {
        let operands = self.line.text(|name| self.operand(name));
        // The usual rounding goes without saying, as does that there is no mask.
        let operands = operands.strip_suffix(",dyn").unwrap_or(&operands);
        let operands = operands.strip_suffix(',').unwrap_or(operands);
        match operands.is_empty() {
            true => self.mnemonic(),
            false => format!("{} {operands}", self.mnemonic()),
        }
    }

    /// A field, zero if there is none of this name.
    fn field(&self, name: &str) -> u64 {
        self.line.field(self.word, name).unwrap_or(0)
    }

    fn mnemonic(&self) -> String {
        let name = self.line.name.replace('_', ".");
        match self.line.name {
            "mop_r" | "mop_rr" => format!("{name}.{}", self.field("n")),
            _ if self.field("nf") != 0 => segments(&name, self.field("nf") + 1),
            "c_mop" => format!("{name}.{}", self.field("n") * 2 + 1),
            _ if self.line.field_named("aq").is_some() => {
                match (self.field("aq"), self.field("rl")) {
                    (0, 0) => name,
                    (1, 0) => name + ".aq",
                    (0, _) => name + ".rl",
                    _ => name + ".aqrl",
                }
            }
            _ => name,
        }
    }

    fn operand(&self, name: &str) -> String {
        let Some(field) = self.line.field_named(match name {
            "target" | "upper" => "imm",
            // A name that is shown as it is.
            name => name,
        }) else {
            // Compressed shifts have their amounts in the immediate.
            return match name {
                "shamt" => format!("{:#x}", self.field("imm")),
                name => name.to_owned(),
            };
        };
        let number = value(&field.parts, self.word);
        let register = |names: &[&str; 32]| {
            let short = field.width() == 3;
            names[number as usize + if short { 8 } else { 0 }].to_owned()
        };
        match name {
            "rd" | "rs1" | "rs2" => register(&X),
            "fd" | "fs1" | "fs2" | "fs3" => register(&F),
            "vd" | "vs1" | "vs2" | "vs3" => format!("v{number}"),
            "vm" => if number == 0 { "v0.t" } else { "" }.to_owned(),
            "vtype" => vector_type(number),
            "rm" => ROUNDING[number as usize].to_owned(),
            "constant" => CONSTANTS[number as usize].to_owned(),
            "csr" => csr(number),
            "pred" | "succ" => sets(number),
            "target" => format!("{:#x}", self.pc.wrapping_add_signed(field.signed(self.word))),
            "upper" => format!("{:#x}", field.signed(self.word) >> 12 & 0xf_ffff),
            "imm" if self.unsigned() => number.to_string(),
            "imm" => field.signed(self.word).to_string(),
            "shamt" => format!("{number:#x}"),
            _ => number.to_string(),
        }
    }

    /// Whether the immediate has no sign: offsets of compressed accesses, and C.ADDI4SPN.
    fn unsigned(&self) -> bool {
        let accesses = self.line.section == "C: loads and stores";
        self.line.bits == 16 && accesses
    }
}

/// The name of a vector load or store of segments.
fn segments(name: &str, fields: u64) -> String {
    let at = name.find('e').unwrap_or(2);
    match name.contains("xei") {
        true => format!("{}xseg{fields}{}", &name[..3], &name[4..]),
        false => format!("{}seg{fields}{}", &name[..at], &name[at..]),
    }
}

/// The operands of VSETVLI that are a vector type.
fn vector_type(bits: u64) -> String {
    const LMUL: [&str; 8] = ["m1", "m2", "m4", "m8", "", "mf8", "mf4", "mf2"];
    let (lmul, sew) = (LMUL[(bits & 7) as usize], bits >> 3 & 7);
    if lmul.is_empty() || sew > 3 || bits >> 8 != 0 {
        return bits.to_string();
    }
    let tail = if bits & 0x40 != 0 { "ta" } else { "tu" };
    let mask = if bits & 0x80 != 0 { "ma" } else { "mu" };
    format!("e{},{lmul},{tail},{mask}", 8 << sew)
}

/// The sets of a FENCE.
fn sets(bits: u64) -> String {
    if bits == 0 {
        return "unknown".into();
    }
    [(8, 'i'), (4, 'o'), (2, 'r'), (1, 'w')]
        .iter()
        .filter(|(b, _)| bits & b != 0)
        .map(|p| p.1)
        .collect()
}

/// The name of a control and status register.
fn csr(number: u64) -> String {
    match number {
        0x001 => "fflags".into(),
        0x002 => "frm".into(),
        0x003 => "fcsr".into(),
        0x008 => "vstart".into(),
        0x009 => "vxsat".into(),
        0x00a => "vxrm".into(),
        0x00f => "vcsr".into(),
        0xc00 => "cycle".into(),
        0xc01 => "time".into(),
        0xc02 => "instret".into(),
        0xc03..=0xc1f => format!("hpmcounter{}", number - 0xc00),
        0xc20 => "vl".into(),
        0xc21 => "vtype".into(),
        0xc22 => "vlenb".into(),
        _ => format!("{number:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_instructions() {
        let text = |word: u32| disassemble(&word.to_le_bytes(), 0x1000).0;
        assert_eq!(text(0xfe20_8ee3), "beq ra,sp,0xffc");
        assert_eq!(text(0x0005_0513), "addi a0,a0,0");
        assert_eq!(text(0x0aa5_a52f), "amoswap.w.rl a0,a0,(a1)");
        assert_eq!(text(0x0015_3503), "ld a0,1(a0)");
        assert_eq!(text(0x0ff0_000f), "fence iorw,iorw");
    }
}
