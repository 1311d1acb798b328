//! Text of instructions for logs: the manual's assembly for common ones, else the name of the
//! encoding with its fields.

use crate::encoding::find;
use isa::Line;

/// Text of the instruction `word` at `pc`.
pub fn disassemble(word: u32, pc: u64) -> String {
    let Some(line) = find(word) else {
        return format!(".word {word:#010x}");
    };
    let insn = Insn { line, word, pc };
    insn.manual().unwrap_or_else(|| insn.generic())
}

/// Condition codes.
const COND: [&str; 16] = [
    "eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv",
];
/// Shift types.
const SHIFT: [&str; 4] = ["lsl", "lsr", "asr", "ror"];
/// Extend types.
const EXTEND: [&str; 8] = ["uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx"];

struct Insn {
    line: &'static Line,
    word: u32,
    pc: u64,
}

impl Insn {
    /// A field, zero if there is none of this name.
    fn f(&self, name: &str) -> u32 {
        self.line.field(self.word.into(), name).unwrap_or(0) as u32
    }

    /// A signed field.
    fn s(&self, name: &str) -> i64 {
        self.line.field_named(name).map_or(0, |f| f.signed(self.word.into()))
    }

    fn has(&self, name: &str) -> bool {
        self.line.field_named(name).is_some()
    }

    /// The register in a field; 31 is zero.
    fn r(&self, name: &str, wide: bool) -> String {
        match (self.f(name), wide) {
            (31, true) => "xzr".into(),
            (31, false) => "wzr".into(),
            (n, true) => format!("x{n}"),
            (n, false) => format!("w{n}"),
        }
    }

    /// The register in a field; 31 is SP.
    fn rsp(&self, name: &str, wide: bool) -> String {
        match (self.f(name), wide) {
            (31, true) => "sp".into(),
            (31, false) => "wsp".into(),
            _ => self.r(name, wide),
        }
    }

    /// Address of a branch.
    fn target(&self, offset: i64) -> String {
        format!("{:#x}", self.pc.wrapping_add_signed(offset * 4))
    }

    /// Name and fields.
    fn generic(&self) -> String {
        let mut text = self.line.name.to_owned();
        for name in self.line.fields.iter().map(|f| f.name) {
            let value = self.f(name);
            let vector =
                self.line.section.contains("SIMD") || self.line.section.contains("floating");
            text += &match name {
                "rd" | "rn" | "rm" | "ra" | "rt" | "rt2" | "rs" => {
                    let bank = if vector { 'v' } else { 'x' };
                    format!(" {name}={bank}{value}")
                }
                _ => format!(" {name}={value}"),
            };
        }
        text
    }

    /// The manual's assembly, where it is known here.
    fn manual(&self) -> Option<String> {
        let name = self.line.name;
        let sf = self.f("sf") != 0;
        let (stem, form) = name.split_once('_').unwrap_or((name, ""));
        let section = self.line.section;
        Some(match section {
            "data processing: immediate" => self.immediate(stem, form, sf)?,
            "data processing: register" => self.register(stem, form, sf)?,
            "branches" => self.branch(name, sf)?,
            "hints" if self.line.fields.is_empty() => self.line.heading.to_lowercase(),
            "system" => match name {
                "svc" | "brk" => format!("{name} #{:#x}", self.f("imm16")),
                "mrs" => format!("mrs {}, {}", self.r("rt", true), self.system_register()),
                "msr_reg" => format!("msr {}, {}", self.system_register(), self.r("rt", true)),
                _ => return None,
            },
            "AdvSIMD: three registers of the same type" => self.same(stem, form)?,
            _ if section.starts_with("load and store: ") && !section.contains("structures") => {
                self.load_store(name)?
            }
            _ => return None,
        })
    }

    fn system_register(&self) -> String {
        let (op1, op2) = (self.f("op1"), self.f("op2"));
        match (self.f("o0"), op1, self.f("crn"), self.f("crm"), op2) {
            (1, 3, 13, 0, 2) => "tpidr_el0".into(),
            (1, 3, 4, 2, 0) => "nzcv".into(),
            (1, 3, 4, 4, 0) => "fpcr".into(),
            (1, 3, 4, 4, 1) => "fpsr".into(),
            (1, 3, 14, 0, 2) => "cntvct_el0".into(),
            (1, 3, 0, 0, 7) => "dczid_el0".into(),
            (1, 3, 0, 0, 1) => "ctr_el0".into(),
            (o0, _, n, m, _) => format!("s{}_{op1}_c{n}_c{m}_{op2}", o0 + 2),
        }
    }

    fn immediate(&self, stem: &str, form: &str, sf: bool) -> Option<String> {
        let rd = self.r("rd", sf);
        Some(match (stem, form) {
            ("add" | "sub" | "adds" | "subs", "imm") => {
                let rd = if stem.ends_with('s') { rd } else { self.rsp("rd", sf) };
                let shift = if self.f("sh") != 0 { ", lsl #12" } else { "" };
                format!("{stem} {rd}, {}, #{}{shift}", self.rsp("rn", sf), self.f("imm12"))
            }
            ("and" | "orr" | "eor" | "ands", _) => {
                let rd = if stem == "ands" { rd } else { self.rsp("rd", sf) };
                match logical_immediate(self.f("n"), self.f("immr"), self.f("imms"), sf) {
                    Some(imm) => format!("{stem} {rd}, {}, #{imm:#x}", self.r("rn", sf)),
                    None => return None,
                }
            }
            ("movz" | "movn" | "movk", _) => match self.f("hw") {
                0 => format!("{stem} {rd}, #{:#x}", self.f("imm16")),
                hw => format!("{stem} {rd}, #{:#x}, lsl #{}", self.f("imm16"), hw * 16),
            },
            ("sbfm" | "bfm" | "ubfm", _) => format!(
                "{stem} {rd}, {}, #{}, #{}",
                self.r("rn", sf),
                self.f("immr"),
                self.f("imms")
            ),
            ("extr", _) => format!(
                "extr {rd}, {}, {}, #{}",
                self.r("rn", sf),
                self.r("rm", sf),
                self.f("imms")
            ),
            ("adr" | "adrp", _) => {
                let offset = self.s("immhi") << 2 | i64::from(self.f("immlo"));
                let address = if stem == "adr" {
                    self.pc.wrapping_add_signed(offset)
                } else {
                    (self.pc & !0xfff).wrapping_add_signed(offset << 12)
                };
                format!("{stem} {}, {address:#x}", self.r("rd", true))
            }
            _ => return None,
        })
    }

    fn register(&self, stem: &str, form: &str, sf: bool) -> Option<String> {
        let (rd, rn, rm) = (self.r("rd", sf), self.r("rn", sf), self.r("rm", sf));
        Some(match form {
            "shift" => match self.f("imm6") {
                0 if self.f("shift") == 0 => format!("{stem} {rd}, {rn}, {rm}"),
                n => format!("{stem} {rd}, {rn}, {rm}, {} #{n}", SHIFT[self.f("shift") as usize]),
            },
            "ext" => {
                let rd = if stem.ends_with('s') { rd } else { self.rsp("rd", sf) };
                let option = self.f("option");
                let rm = self.r("rm", option & 3 == 3);
                let amount = self.f("imm3");
                let extend = EXTEND[option as usize];
                format!("{stem} {rd}, {}, {rm}, {extend} #{amount}", self.rsp("rn", sf))
            }
            _ if stem.starts_with("ccm") => {
                let second = if form == "imm" { format!("#{}", self.f("imm5")) } else { rm };
                let cond = COND[self.f("cond") as usize];
                format!("{stem} {rn}, {second}, #{}, {cond}", self.f("nzcv"))
            }
            _ => match stem {
                "csel" | "csinc" | "csinv" | "csneg" => {
                    format!("{stem} {rd}, {rn}, {rm}, {}", COND[self.f("cond") as usize])
                }
                "madd" | "msub" => format!("{stem} {rd}, {rn}, {rm}, {}", self.r("ra", sf)),
                "smaddl" | "smsubl" | "umaddl" | "umsubl" => {
                    let (rd, ra) = (self.r("rd", true), self.r("ra", true));
                    format!("{stem} {rd}, {rn}, {rm}, {ra}")
                }
                "smulh" | "umulh" => {
                    let (rn, rm) = (self.r("rn", true), self.r("rm", true));
                    format!("{stem} {}, {rn}, {rm}", self.r("rd", true))
                }
                "crc32" | "crc32c" => {
                    let size = ["b", "h", "w", "x"][self.f("sz") as usize];
                    let (rd, rn) = (self.r("rd", false), self.r("rn", false));
                    format!("{stem}{size} {rd}, {rn}, {rm}")
                }
                "rev" => {
                    let wide = form == "x";
                    format!("rev {}, {}", self.r("rd", wide), self.r("rn", wide))
                }
                "rev32" => format!("rev32 {}, {}", self.r("rd", true), self.r("rn", true)),
                _ if !self.has("sf") => return None,
                _ if self.has("rm") => format!("{stem} {rd}, {rn}, {rm}"),
                _ => format!("{stem} {rd}, {rn}"),
            },
        })
    }

    fn branch(&self, name: &str, sf: bool) -> Option<String> {
        Some(match name {
            "b" | "bl" => format!("{name} {}", self.target(self.s("imm26"))),
            "b_cond" | "bc_cond" => {
                let stem = name.trim_end_matches("_cond");
                let cond = COND[self.f("cond") as usize];
                format!("{stem}.{cond} {}", self.target(self.s("imm19")))
            }
            "cbz" | "cbnz" => {
                format!("{name} {}, {}", self.r("rt", sf), self.target(self.s("imm19")))
            }
            "tbz" | "tbnz" => {
                let bit = self.f("b5") << 5 | self.f("b40");
                let rt = self.r("rt", bit > 31);
                format!("{name} {rt}, #{bit}, {}", self.target(self.s("imm14")))
            }
            "ret" if self.f("rn") == 30 => "ret".into(),
            "br" | "blr" | "ret" => format!("{name} {}", self.r("rn", true)),
            _ => return None,
        })
    }

    /// The vector arrangements of three equal registers.
    fn same(&self, stem: &str, form: &str) -> Option<String> {
        if form != "v" || !self.has("q") || self.has("rot") {
            return None;
        }
        let q = self.f("q") as usize;
        let arrangement = if self.has("size") {
            [["8b", "16b"], ["4h", "8h"], ["2s", "4s"], ["1d", "2d"]][self.f("size") as usize][q]
        } else if self.has("sz") {
            [["2s", "4s"], ["1d", "2d"]][self.f("sz") as usize][q]
        } else if matches!(stem, "and" | "bic" | "orr" | "orn" | "eor" | "bsl" | "bit" | "bif") {
            ["8b", "16b"][q]
        } else {
            return None;
        };
        if stem.ends_with("dot") {
            return None;
        }
        let v = |name| format!("v{}.{arrangement}", self.f(name));
        Some(format!("{stem} {}, {}, {}", v("rd"), v("rn"), v("rm")))
    }

    fn load_store(&self, name: &str) -> Option<String> {
        let (stem, form) = name.split_once('_').unwrap_or((name, ""));
        let vector = stem.ends_with('v');
        let stem = stem.trim_end_matches('v');
        let base = self.rsp("rn", true);
        if self.has("imm7") {
            return self.pair(stem, form, vector, &base);
        }
        if !self.has("size") {
            return None;
        }
        let size = self.f("size");
        let scale = if vector { self.f("q") << 2 | size } else { size };
        let signed = if stem.ends_with("s64") || stem.ends_with("s32") { "s" } else { "" };
        let mnemonic = stem.trim_end_matches("s64").trim_end_matches("s32");
        let (suffix, register) = if vector {
            let bank = ["b", "h", "s", "d", "q"].get(scale as usize)?;
            (String::new(), format!("{bank}{}", self.f("rt")))
        } else {
            let wide = stem.ends_with("s64") || signed.is_empty() && size == 3;
            let letter = match size {
                0 => "b",
                1 => "h",
                2 if !signed.is_empty() => "w",
                _ => "",
            };
            (format!("{signed}{letter}"), self.r("rt", wide))
        };
        let address = if self.has("option") {
            let option = self.f("option");
            let rm = self.r("rm", option & 1 != 0);
            let extend = if option == 3 { "lsl" } else { EXTEND[option as usize] };
            let amount = if self.f("s") != 0 { scale } else { 0 };
            format!("[{base}, {rm}, {extend} #{amount}]")
        } else if self.has("imm12") {
            format!("[{base}, #{}]", self.f("imm12") << scale)
        } else {
            match form {
                "post" => format!("[{base}], #{}", self.s("imm9")),
                "pre" => format!("[{base}, #{}]!", self.s("imm9")),
                _ => format!("[{base}, #{}]", self.s("imm9")),
            }
        };
        Some(format!("{mnemonic}{suffix} {register}, {address}"))
    }

    fn pair(&self, stem: &str, form: &str, vector: bool, base: &str) -> Option<String> {
        let (bank, scale) = if vector {
            (["s", "d", "q"].get(self.f("opc") as usize).copied()?, self.f("opc") + 2)
        } else if stem == "ldpsw" {
            ("x", 2)
        } else if self.has("x") {
            (if self.f("x") != 0 { "x" } else { "w" }, self.f("x") + 2)
        } else {
            return None;
        };
        let register = |name| match self.f(name) {
            31 if !vector => format!("{bank}zr"),
            n => format!("{bank}{n}"),
        };
        let offset = self.s("imm7") << scale;
        let address = match form {
            "post" => format!("[{base}], #{offset}"),
            "pre" => format!("[{base}, #{offset}]!"),
            _ => format!("[{base}, #{offset}]"),
        };
        Some(format!("{stem} {}, {}, {address}", register("rt"), register("rt2")))
    }
}

/// DecodeBitMasks() for the immediate of a logical instruction.
fn logical_immediate(n: u32, immr: u32, imms: u32, wide: bool) -> Option<u64> {
    let length = (n << 6 | !imms & 0x3f).checked_ilog2()?;
    if length == 0 {
        return None;
    }
    let size = 1u32 << length;
    let (s, r) = (imms & (size - 1), immr & (size - 1));
    if s == size - 1 {
        return None;
    }
    let mask = u64::MAX >> (64 - size);
    let ones = (1u64 << (s + 1)) - 1;
    let element = if r == 0 { ones } else { (ones >> r | ones << (size - r)) & mask };
    let value = (0..64 / size).fold(0, |v, i| v | element << (i * size));
    Some(if wide { value } else { value & 0xffff_ffff })
}

#[cfg(test)]
mod tests {
    use super::disassemble;

    #[test]
    fn text_is_the_manuals() {
        for (word, text) in [
            (0x9100_1420, "add x0, x1, #5"),
            (0xd101_03ff, "sub sp, sp, #64"),
            (0x9240_1c20, "and x0, x1, #0xff"),
            (0xd280_0020, "movz x0, #0x1"),
            (0xa9be_7bfd, "stp x29, x30, [sp, #-32]!"),
            (0xf940_0c41, "ldr x1, [x2, #24]"),
            (0x3840_1420, "ldrb w0, [x1], #1"),
            (0xb861_d840, "ldr w0, [x2, w1, sxtw #2]"),
            (0x3dc0_0420, "ldr q0, [x1, #16]"),
            (0x5400_0040, "b.eq 0x1008"),
            (0xd65f_03c0, "ret"),
            (0x4ea2_8420, "add v0.4s, v1.4s, v2.4s"),
            (0xd53b_d040, "mrs x0, tpidr_el0"),
            (0xd400_0001, "svc #0x0"),
            (0xd503_201f, "nop"),
            (0xffff_ffff, ".word 0xffffffff"),
        ] {
            assert_eq!(disassemble(word, 0x1000), text);
        }
    }
}
