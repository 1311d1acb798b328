//! Every form of the encoder against a disassembler.

use crate::emit::{Branch, Cc, Emit, Gpr, Mem, Size, Xmm};
use crate::{Alu, Bit, Bmi, Count, Shift, Unary};
use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};

/// Text of the instructions in `bytes`.
pub(crate) fn disassemble(bytes: &[u8]) -> Vec<String> {
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_space_after_operand_separator(true);
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_small_hex_numbers_in_decimal(true);
    options.set_branch_leading_zeros(false);
    options.set_rip_relative_addresses(false);
    let mut lines = Vec::new();
    for insn in &mut Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE) {
        let mut line = String::new();
        formatter.format(&insn, &mut line);
        lines.push(line);
        if insn.is_invalid() {
            break;
        }
    }
    lines
}

/// The one instruction that `f` emits.
fn one(f: impl FnOnce(&mut Emit)) -> String {
    let mut e = Emit::default();
    e.start();
    f(&mut e);
    let mut bytes = Vec::new();
    let insns = e.finish(&mut bytes);
    let lines = disassemble(&bytes);
    assert_eq!((lines.len(), insns), (1, 1), "{bytes:02x?} {lines:?}");
    lines[0].clone()
}

const NAMES: [[&str; 16]; 4] = [
    [
        "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b",
        "r13b", "r14b", "r15b",
    ],
    [
        "ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8w", "r9w", "r10w", "r11w", "r12w",
        "r13w", "r14w", "r15w",
    ],
    [
        "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d",
        "r12d", "r13d", "r14d", "r15d",
    ],
    [
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
        "r13", "r14", "r15",
    ],
];

fn name(size: Size, r: Gpr) -> &'static str {
    NAMES[size as usize][r.0 as usize]
}
fn lower_name(v: impl core::fmt::Debug) -> String {
    format!("{v:?}").to_lowercase()
}
fn gprs() -> impl Iterator<Item = Gpr> {
    (0..16).map(Gpr)
}
const SIZES: [Size; 4] = [Size::B, Size::W, Size::D, Size::Q];
const WIDE: [Size; 3] = [Size::W, Size::D, Size::Q];
const ALUS: [Alu; 8] =
    [Alu::Add, Alu::Or, Alu::Adc, Alu::Sbb, Alu::And, Alu::Sub, Alu::Xor, Alu::Cmp];

/// Memory operands of all shapes and their text.
fn memories() -> Vec<(Mem, String)> {
    let mut all = Vec::new();
    let text = |disp: i32| match disp {
        0 => String::new(),
        1.. => format!("+{}", hex(disp as u64)),
        _ => format!("-{}", hex(u64::from(disp.unsigned_abs()))),
    };
    for disp in [0, 8, -128, 128, 0x1234_5678, -0x1000] {
        for b in gprs() {
            let base = name(Size::Q, b);
            all.push((Mem::base(b, disp), format!("[{base}{}]", text(disp))));
            for i in [Gpr::RAX, Gpr::RBP, Gpr(12), Gpr(13), Gpr::R15] {
                let index = name(Size::Q, i);
                let scale = if b.0 % 2 == 0 { 0 } else { 3 };
                let scaled = if scale == 0 { index.to_owned() } else { format!("{index}*8") };
                let m = Mem::index(b, i, scale, disp);
                all.push((m, format!("[{base}+{scaled}{}]", text(disp))));
            }
        }
    }
    all.push((Mem::scaled(Gpr::RCX, 2, 64), "[rcx*4+0x40]".to_owned()));
    all.push((Mem::scaled(Gpr(12), 3, 0), "[r12*8]".to_owned()));
    all.push((Mem::absolute(0x1234), "[0x1234]".to_owned()));
    all
}

fn hex(v: u64) -> String {
    if v < 10 { v.to_string() } else { format!("0x{v:x}") }
}
const KEYWORD: [&str; 4] = ["byte ptr ", "word ptr ", "dword ptr ", "qword ptr "];

#[test]
fn two_registers() {
    for d in gprs() {
        for s in gprs() {
            for size in SIZES {
                let (dn, sn) = (name(size, d), name(size, s));
                for op in ALUS {
                    let text = format!("{} {dn}, {sn}", lower_name(op));
                    assert_eq!(one(|e| e.alu(op, size, d, s)), text);
                }
                assert_eq!(one(|e| e.mov(size, d, s)), format!("mov {dn}, {sn}"));
                assert_eq!(one(|e| e.test(size, d, s)), format!("test {dn}, {sn}"));
            }
            for size in [Size::D, Size::Q] {
                let (dn, sn) = (name(size, d), name(size, s));
                let imul3 = |imm: &str| {
                    // The disassembler leaves out a repeated operand.
                    let s = if s == d { String::new() } else { format!("{sn}, ") };
                    format!("imul {dn}, {s}{imm}")
                };
                let checks = [
                    (one(|e| e.imul(size, d, s)), format!("imul {dn}, {sn}")),
                    (one(|e| e.imul_imm(size, d, s, 5)), imul3("5")),
                    (one(|e| e.imul_imm(size, d, s, 500)), imul3("0x1f4")),
                    (one(|e| e.shrd(size, d, s, 9)), format!("shrd {dn}, {sn}, 9")),
                    (one(|e| e.shld(size, d, s, 9)), format!("shld {dn}, {sn}, 9")),
                    (one(|e| e.rorx(size, d, s, 17)), format!("rorx {dn}, {sn}, 0x11")),
                    (one(|e| e.bt(size, d, s)), format!("bt {dn}, {sn}")),
                    (one(|e| e.cmov(Cc::Ge, size, d, s)), format!("cmovge {dn}, {sn}")),
                ];
                for (got, want) in checks {
                    assert_eq!(got, want);
                }
                use Count::{Bsf, Bsr, Lzcnt, Popcnt, Tzcnt};
                for op in [Popcnt, Lzcnt, Tzcnt, Bsr, Bsf] {
                    let text = format!("{} {dn}, {sn}", lower_name(op));
                    assert_eq!(one(|e| e.count(op, size, d, s)), text);
                }
            }
            for from in SIZES {
                let sn = name(from, s);
                let to = if from == Size::Q { Size::Q } else { Size::D };
                let mov = if from < Size::D { "movzx" } else { "mov" };
                let text = format!("{mov} {}, {sn}", name(to, d));
                assert_eq!(one(|e| e.movzx(from, d, s)), text);
                for to in [Size::D, Size::Q] {
                    if from < to {
                        let mov = if from == Size::D { "movsxd" } else { "movsx" };
                        let text = format!("{mov} {}, {sn}", name(to, d));
                        assert_eq!(one(|e| e.movsx(from, to, d, s)), text);
                    }
                }
                let to = if from == Size::Q { Size::Q } else { Size::D };
                let text = format!("crc32 {}, {sn}", name(to, d));
                assert_eq!(one(|e| e.crc32(from, d, s)), text);
            }
        }
    }
}

#[test]
fn vex() {
    for d in gprs() {
        for a in gprs() {
            let b = Gpr((d.0 + 3 * a.0 + 1) % 16);
            for size in [Size::D, Size::Q] {
                let (dn, an, bn) = (name(size, d), name(size, a), name(size, b));
                use Bmi::{Andn, Bextr, Bzhi, Mulx, Pdep, Pext, Sarx, Shlx, Shrx};
                for op in [Andn, Pext, Pdep, Mulx] {
                    let text = format!("{} {dn}, {an}, {bn}", lower_name(op));
                    assert_eq!(one(|e| e.bmi(op, size, d, a, b)), text);
                }
                for op in [Shlx, Shrx, Sarx, Bextr, Bzhi] {
                    let text = format!("{} {dn}, {bn}, {an}", lower_name(op));
                    assert_eq!(one(|e| e.bmi(op, size, d, a, b)), text);
                }
            }
        }
    }
}

#[test]
fn one_register() {
    for r in gprs() {
        for size in SIZES {
            let n = name(size, r);
            for op in ALUS {
                let text = format!("{} {n}, 0x12", lower_name(op));
                assert_eq!(one(|e| e.alu_imm(op, size, r, 0x12)), text);
                if size >= Size::D {
                    let text = format!("{} {n}, 0x12345", lower_name(op));
                    assert_eq!(one(|e| e.alu_imm(op, size, r, 0x12345)), text);
                }
            }
            assert_eq!(one(|e| e.test_imm(size, r, 0x40)), format!("test {n}, 0x40"));
            use Unary::{Div, Idiv, Imul, Mul, Neg, Not};
            for op in [Not, Neg, Mul, Imul, Div, Idiv] {
                let text = format!("{} {n}", lower_name(op));
                assert_eq!(one(|e| e.unary(op, size, r)), text);
            }
            use Shift::{Rol, Ror, Sar, Shl, Shr};
            for op in [Rol, Ror, Shl, Shr, Sar] {
                let op_name = lower_name(op);
                assert_eq!(one(|e| e.shift_imm(op, size, r, 1)), format!("{op_name} {n}, 1"));
                assert_eq!(one(|e| e.shift_imm(op, size, r, 7)), format!("{op_name} {n}, 7"));
                assert_eq!(one(|e| e.shift_cl(op, size, r)), format!("{op_name} {n}, cl"));
            }
        }
        for size in WIDE {
            use Bit::{Bt, Btc, Btr, Bts};
            for op in [Bt, Bts, Btr, Btc] {
                let text = format!("{} {}, 3", lower_name(op), name(size, r));
                assert_eq!(one(|e| e.bit_imm(op, size, r, 3)), text);
            }
        }
        let (d, q) = (name(Size::D, r), name(Size::Q, r));
        assert_eq!(one(|e| e.bswap(Size::D, r)), format!("bswap {d}"));
        assert_eq!(one(|e| e.bswap(Size::Q, r)), format!("bswap {q}"));
        assert_eq!(one(|e| e.setcc(Cc::Np, r)), format!("setnp {}", name(Size::B, r)));
        assert_eq!(one(|e| e.mov_imm(r, 0xffff_fff0)), format!("mov {d}, 0xfffffff0"));
        assert_eq!(one(|e| e.mov_imm(r, !0)), format!("mov {q}, 0xffffffffffffffff"));
        assert_eq!(one(|e| e.mov_imm(r, 1 << 40)), format!("mov {q}, 0x10000000000"));
        assert_eq!(one(|e| e.push(r)), format!("push {q}"));
        assert_eq!(one(|e| e.pop(r)), format!("pop {q}"));
        assert_eq!(one(|e| e.jmp_reg(r)), format!("jmp {q}"));
    }
}

#[test]
fn memory() {
    for (m, text) in memories() {
        for r in [Gpr::RAX, Gpr::RSI, Gpr(13)] {
            for size in SIZES {
                let n = name(size, r);
                let full = name(if size == Size::Q { Size::Q } else { Size::D }, r);
                let kw = KEYWORD[size as usize];
                let sized = format!("{kw}{text}");
                let zx = if size < Size::D {
                    format!("movzx {full}, {sized}")
                } else {
                    format!("mov {full}, {text}")
                };
                let checks = [
                    (one(|e| e.load(size, r, m)), format!("mov {n}, {text}")),
                    (one(|e| e.store(size, m, r)), format!("mov {text}, {n}")),
                    (one(|e| e.store_imm(size, m, 5)), format!("mov {sized}, 5")),
                    (one(|e| e.alu_mem_imm(Alu::And, size, m, 5)), format!("and {sized}, 5")),
                    (one(|e| e.test_mem_imm(size, m, 5)), format!("test {sized}, 5")),
                    (one(|e| e.load_zx(size, r, m)), zx),
                    (one(|e| e.alu_load(Alu::Sub, size, r, m)), format!("sub {n}, {text}")),
                    (one(|e| e.alu_store(Alu::Or, size, m, r)), format!("or {text}, {n}")),
                    (one(|e| e.lock_alu(Alu::Or, size, m, r)), format!("lock or {text}, {n}")),
                    (one(|e| e.xchg_mem(size, m, r)), format!("xchg {text}, {n}")),
                    (one(|e| e.lock_xadd(size, m, r)), format!("lock xadd {text}, {n}")),
                    (one(|e| e.lock_cmpxchg(size, m, r)), format!("lock cmpxchg {text}, {n}")),
                ];
                for (got, want) in checks {
                    assert_eq!(got.replace("xacquire ", ""), want);
                }
                if size >= Size::D {
                    let got = one(|e| e.lea(size, r, m));
                    assert_eq!(got, format!("lea {n}, {text}"));
                    let got = one(|e| e.cmov_load(Cc::L, size, r, m));
                    assert_eq!(got, format!("cmovl {n}, {text}"));
                    let got = one(|e| e.movbe_load(size, r, m));
                    assert_eq!(got, format!("movbe {n}, {text}"));
                    let got = one(|e| e.movbe_store(size, m, r));
                    assert_eq!(got, format!("movbe {text}, {n}"));
                }
                for to in [Size::D, Size::Q] {
                    if size < to {
                        let mov = if size == Size::D { "movsxd" } else { "movsx" };
                        let got = one(|e| e.load_sx(size, to, r, m));
                        let sized = if size == Size::D { &text } else { &sized };
                        assert_eq!(got, format!("{mov} {}, {sized}", name(to, r)));
                    }
                }
            }
        }
        let checks = [
            (one(|e| e.lock_alu_imm(Alu::Or, m, 0)), format!("lock or dword ptr {text}, 0")),
            (one(|e| e.lock_cmpxchg16b(m)), format!("lock cmpxchg16b {text}")),
            (one(|e| e.jmp_mem(m)), format!("jmp qword ptr {text}")),
            (one(|e| e.call_mem(m)), format!("call qword ptr {text}")),
            (one(|e| e.ldmxcsr(m)), format!("ldmxcsr {text}")),
            (one(|e| e.mul_load(m)), format!("mul qword ptr {text}")),
            (one(|e| e.lfence()), "lfence".to_owned()),
            (one(|e| e.rdtsc()), "rdtsc".to_owned()),
            (one(|e| e.stmxcsr(m)), format!("stmxcsr {text}")),
        ];
        for (got, want) in checks {
            let got = got.replace("dword ptr", "PTR").replace("qword ptr", "PTR");
            let got =
                got.replace("xmmword ptr ", "").replace("lock cmpxchg16b PTR", "lock cmpxchg16b");
            let got = got.replace("mxcsr PTR ", "mxcsr ");
            assert_eq!(got, want.replace("dword ptr", "PTR").replace("qword ptr", "PTR"));
        }
    }
}

#[test]
fn vector_moves() {
    for (m, text) in memories().into_iter().step_by(7) {
        for x in [Xmm(0), Xmm(7), Xmm(8), Xmm(15)] {
            let n = format!("xmm{}", x.0);
            let checks = [
                (one(|e| e.movaps_load(x, m)), format!("movaps {n}, {text}")),
                (one(|e| e.movaps_store(m, x)), format!("movaps {text}, {n}")),
                (one(|e| e.movups_load(x, m)), format!("movups {n}, {text}")),
                (one(|e| e.movups_store(m, x)), format!("movups {text}, {n}")),
                (one(|e| e.movss_load(x, m)), format!("movss {n}, dword ptr {text}")),
                (one(|e| e.movss_store(m, x)), format!("movss dword ptr {text}, {n}")),
                (one(|e| e.movsd_load(x, m)), format!("movsd {n}, qword ptr {text}")),
                (one(|e| e.movsd_store(m, x)), format!("movsd qword ptr {text}, {n}")),
                (
                    one(|e| e.pextr_store(Size::B, m, x, 0)),
                    format!("pextrb byte ptr {text}, {n}, 0"),
                ),
                (
                    one(|e| e.pextr_store(Size::W, m, x, 1)),
                    format!("pextrw word ptr {text}, {n}, 1"),
                ),
            ];
            for (got, want) in checks {
                let strip = |s: &str| {
                    ["xmmword ptr ", "dword ptr ", "qword ptr ", "byte ptr ", "word ptr "]
                        .iter()
                        .fold(s.to_owned(), |s, k| s.replace(k, ""))
                };
                assert_eq!(strip(&got), strip(&want));
            }
        }
    }
    for x in (0..16).map(Xmm) {
        for y in (0..16).map(Xmm) {
            let (xn, yn) = (format!("xmm{}", x.0), format!("xmm{}", y.0));
            assert_eq!(one(|e| e.movaps(x, y)), format!("movaps {xn}, {yn}"));
            assert_eq!(one(|e| e.movq(x, y)), format!("movq {xn}, {yn}"));
            assert_eq!(one(|e| e.pxor(x, y)), format!("pxor {xn}, {yn}"));
            assert_eq!(one(|e| e.insertps(x, y, 14)), format!("insertps {xn}, {yn}, 0xe"));
        }
        for r in gprs() {
            let (xn, d, q) = (format!("xmm{}", x.0), name(Size::D, r), name(Size::Q, r));
            assert_eq!(one(|e| e.mov_to_xmm(Size::D, x, r)), format!("movd {xn}, {d}"));
            assert_eq!(one(|e| e.mov_to_xmm(Size::Q, x, r)), format!("movq {xn}, {q}"));
            assert_eq!(one(|e| e.mov_from_xmm(Size::D, r, x)), format!("movd {d}, {xn}"));
            assert_eq!(one(|e| e.mov_from_xmm(Size::Q, r, x)), format!("movq {q}, {xn}"));
            assert_eq!(one(|e| e.pextr(Size::B, r, x, 3)), format!("pextrb {d}, {xn}, 3"));
            assert_eq!(one(|e| e.pextr(Size::Q, r, x, 1)), format!("pextrq {q}, {xn}, 1"));
            assert_eq!(one(|e| e.pinsr(Size::W, x, r, 3)), format!("pinsrw {xn}, {d}, 3"));
            assert_eq!(one(|e| e.pinsr(Size::Q, x, r, 1)), format!("pinsrq {xn}, {q}, 1"));
        }
    }
}

#[test]
fn without_operands() {
    let checks = [
        (one(Emit::lahf), "lahf"),
        (one(Emit::sahf), "sahf"),
        (one(Emit::cmc), "cmc"),
        (one(Emit::ret), "ret"),
        (one(Emit::ud2), "ud2"),
        (one(|e| e.sign_to_rdx(Size::D)), "cdq"),
        (one(|e| e.sign_to_rdx(Size::Q)), "cqo"),
        (one(|e| e.xchg(Size::D, Gpr::RCX, Gpr::R8)), "xchg ecx, r8d"),
    ];
    for (got, want) in checks {
        assert_eq!(got, want);
    }
    for n in 1..=8 {
        let text = one(|e| e.nop(n));
        assert!(text.contains("nop") || text == "xchg ax, ax", "{text}");
    }
}

#[test]
fn branches_and_pool() {
    let mut e = Emit::default();
    e.start();
    let (top, end) = (e.new_label(), e.new_label());
    e.bind(top);
    e.nop(3);
    e.jcc(Cc::E, end);
    let short = e.jcc_short(Cc::A);
    let from = e.position();
    e.alu(Alu::Cmp, Size::Q, Gpr::RBX, Gpr::RSI);
    let at = e.patchable(Branch::Jcc(Cc::B), Some(end), Some(from));
    assert_eq!(at % 4, 0);
    e.bind_short(short);
    let at = e.patchable(Branch::Call, Some(end), None);
    assert_eq!(at % 4, 0);
    e.jmp(top);
    let m = e.constant(0x1234);
    e.movaps_load(Xmm(14), m);
    e.bind(end);
    e.ret();
    let mut bytes = Vec::new();
    e.finish(&mut bytes);
    let text = disassemble(&bytes);
    let code = text.iter().position(|l| l == "ret").unwrap();
    let end_at = bytes.iter().rposition(|&b| b == 0xc3).unwrap();
    assert_eq!(bytes.len() % 16, 0);
    assert_eq!(bytes[bytes.len() - 16..][..2], [0x34, 0x12]);
    let end_text = format!("0x{end_at:x}");
    let calls: Vec<_> = text[..code].iter().filter(|l| l.ends_with(&end_text)).collect();
    assert_eq!(calls.len(), 3, "{text:#?}");
    let compare = text.iter().position(|l| l == "cmp rbx, rsi").unwrap();
    assert!(text[compare + 1].starts_with("jb"), "{text:#?}");
    assert!(text.contains(&"jmp short 0".to_owned()), "{text:#?}");
}
