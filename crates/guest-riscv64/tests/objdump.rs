//! The disassembler against that of binutils, where there is one.

use std::collections::BTreeMap;
use std::process::Command;

use guest_riscv64::{disassemble, encoding::TABLE};
use isa::{Generator, Line};

const OBJDUMP: &str = "riscv64-linux-gnu-objdump";

/// What it is told that the processor has: all of ours that binutils 2.40 knows.
const EXTENSIONS: &str = "rv64imafdc_zicsr_zifencei_zihintpause_zba_zbb_zbs_zbc_zbkb_zbkc_zbkx_zknd_zkne_\
    zknh_zksed_zksh_zicbom_zicboz_zicbop_zfh_zawrs_v";

/// Extensions that binutils 2.40 does not know.
const NEWER: [&str; 18] = [
    "Zabha",
    "Zacas",
    "Zfa",
    "Zfbfmin",
    "Zicond",
    "Zimop",
    "Zcb",
    "Zcmop",
    "Zvbb",
    "Zvbc",
    "Zvkg",
    "Zvkned",
    "Zvknha",
    "Zvksed",
    "Zvksh",
    "Zvfbfmin",
    "Zvfbfwma",
    "Zihintntl",
];

/// Whether binutils has another text for a line, for a reason.
fn differs(line: &Line, ours: &str, theirs: &str) -> bool {
    let unknown = theirs.starts_with(".4byte") || theirs.starts_with(".2byte");
    match line.name {
        _ if unknown && line.features.iter().flatten().any(|f| NEWER.contains(f)) => true,
        // Hints, by the names of what they are a special case of.
        "c_nop" | "c_slli" | "c_srli" | "c_srai" => {
            theirs.contains("zero") || theirs.contains("64")
        }
        _ if line.name.starts_with("ntl") || line.section.starts_with("vDSO") => true,
        // Names of registers that are none of user mode.
        name if name.starts_with("csrr") => true,
        // Reserved forms.
        name if name.starts_with("fence") => unknown,
        // Exact conversions need no rounding mode.
        "fcvt_d_s" | "fcvt_d_w" | "fcvt_d_wu" | "fcvt_s_h" | "fcvt_d_h" => {
            unknown || ours.strip_suffix(",rne") == Some(theirs)
        }
        _ => false,
    }
}

/// The disassembly of what is assembled from `source`.
fn listing(source: &str) -> String {
    let stem = std::env::temp_dir().join(format!("objdump-{}", std::process::id()));
    let (text, object) = (stem.with_extension("s"), stem.with_extension("o"));
    std::fs::write(&text, source).expect("a file");
    let march = format!("-march={EXTENSIONS}");
    let mut assembler = Command::new("riscv64-linux-gnu-as");
    assembler.arg(march).arg(&text).arg("-o").arg(&object);
    assert!(assembler.status().expect("the assembler").success());
    let out = Command::new(OBJDUMP)
        .args(["-d", "-M", "no-aliases", "-j", ".text"])
        .arg(&object)
        .output()
        .expect("objdump");
    std::fs::remove_file(&text).expect("the source");
    std::fs::remove_file(&object).expect("the object");
    String::from_utf8(out.stdout).expect("text")
}

#[test]
fn texts_are_those_of_objdump() {
    if Command::new(OBJDUMP).arg("--version").output().is_err() {
        println!("SKIP texts_are_those_of_objdump: no {OBJDUMP}");
        return;
    }
    let mut generator = Generator::new(&TABLE, 5, |_| true);
    let mut bytes = Vec::new();
    let mut names = BTreeMap::new();
    let mut assembly = String::new();
    for line in TABLE.lines() {
        for _ in 0..40 {
            let Some(word) = generator.word_of(line) else { continue };
            names.insert(bytes.len() as u64, line);
            assembly += &format!(".insn {word:#x}\n");
            bytes.extend(TABLE.encoding.bytes(word, line.bytes()));
        }
    }
    let text = listing(&assembly);
    let (mut compared, mut wrong) = (0, BTreeMap::new());
    for line in text.lines() {
        let mut columns = line.split('\t');
        let (Some(at), Some(_), Some(mnemonic)) = (columns.next(), columns.next(), columns.next())
        else {
            continue;
        };
        let at = u64::from_str_radix(at.trim().trim_end_matches(':'), 16).expect("an address");
        let Some(line) = names.get(&at) else { continue };
        let operands = columns.next().unwrap_or("").split(['#', '<']).next().unwrap_or("").trim();
        let theirs = format!("{} {operands}", mnemonic.trim()).trim().to_owned();
        let ours = disassemble(&bytes[at as usize..], at).0;
        compared += 1;
        // Addresses are without a prefix there.
        let same = ours.replace("0x", "") == theirs.replace("0x", "");
        if !same && !differs(line, &ours, &theirs) {
            wrong.entry(line.name).or_insert((ours, theirs));
        }
    }
    assert!(compared > 10_000, "{compared}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
