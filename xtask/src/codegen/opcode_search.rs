//! The tables by which a decoder finds the line of an opcode (`guest-x86/src/decode/search.rs` says how).

use std::collections::HashMap;
use std::fmt::Write as _;

use super::opcode::camel;
use anyhow::{Result, ensure};
use isa::opcode::{Map, Mark, Modrm, Prefix, Row, Vex};

/// Entries with a ModRM byte, and those that are split by it.
const MODRM: u16 = 0x8000;
const SPLIT: u16 = 0x4000;
/// More candidates than these are split by the middle field of ModRM.
const CANDIDATES_MAX: usize = 3;
/// Bits of the key.
const REGISTER: u16 = 1 << 5;
const MIDDLE: u32 = 6;

/// A line that an opcode may mean: bits of the key that matter, their values, its number.
type Candidate = (u16, u16, usize);

#[derive(Default)]
struct Tables {
    candidates: Vec<(Candidate, bool)>,
    splits: Vec<[u16; 16]>,
    /// Lists that are there already.
    lists: HashMap<Vec<Candidate>, u16>,
}

/// The text of the tables.
pub(super) fn search(rows: &[&Row]) -> Result<String> {
    let mut tables = Tables::default();
    // Number 0 is no list.
    tables.candidates.push(((0, 0, 0), true));
    let mut maps = [[0u16; 256]; 7];
    for (map, entries) in maps.iter_mut().enumerate() {
        for (opcode, entry) in entries.iter_mut().enumerate() {
            *entry = tables.entry(rows, map, opcode)?;
        }
    }
    let mut text = String::from("\n#[rustfmt::skip]\n");
    let _ = writeln!(
        text,
        "pub(crate) static CANDIDATES: [Candidate; {}] = [",
        tables.candidates.len()
    );
    for ((mask, value, number), last) in &tables.candidates {
        let op = camel(rows[*number].name);
        let _ = writeln!(
            text,
            "    Candidate {{ mask: {mask:#06x}, value: {value:#06x}, op: Op::{op}, last: {last} }},"
        );
    }
    let _ = writeln!(
        text,
        "];\n\n#[rustfmt::skip]\npub(crate) static SPLITS: [[u16; 16]; {}] = [",
        tables.splits.len()
    );
    for split in &tables.splits {
        let _ = writeln!(text, "    {split:?},");
    }
    text.push_str("];\n\n#[rustfmt::skip]\npub(crate) static MAPS: [[u16; 256]; 7] = [\n");
    for map in &maps {
        text.push_str("    [\n");
        for line in map.chunks(16) {
            let words: Vec<_> = line.iter().map(|entry| format!("{entry:#06x}")).collect();
            let _ = writeln!(text, "        {},", words.join(", "));
        }
        text.push_str("    ],\n");
    }
    text.push_str("];\n");
    Ok(text)
}

impl Tables {
    /// The entry of an opcode.
    fn entry(&mut self, rows: &[&Row], map: usize, opcode: usize) -> Result<u16> {
        let has = |row: &Row| {
            let first = usize::from(row.opcode);
            let vex = if row.vex.is_some() { 3 } else { 0 };
            let maps = [Map::Short, Map::Two, Map::Three38, Map::Three3a];
            let number = maps.iter().position(|m| *m == row.map).unwrap_or(0) + vex;
            number == map && (first..first + usize::from(row.suffix.opcodes())).contains(&opcode)
        };
        let numbers: Vec<usize> = (0..rows.len()).filter(|n| has(rows[*n])).collect();
        let Some(first) = numbers.first() else { return Ok(0) };
        let with_modrm = rows[*first].modrm != Modrm::None;
        for number in &numbers {
            let row = rows[*number];
            ensure!((row.modrm != Modrm::None) == with_modrm, "{}: ModRM or not?", row.name);
        }
        let mut all: Vec<Candidate> = numbers.iter().map(|n| candidate(rows[*n], *n)).collect();
        all.sort_by_key(|c| std::cmp::Reverse(c.0.count_ones()));
        for (n, (mask, value, number)) in all.iter().enumerate() {
            let same = all[..n].iter().find(|c| c.0 == *mask && c.1 == *value);
            if let Some((.., twin)) = same {
                anyhow::bail!("{} and {} are the same", rows[*number].name, rows[*twin].name);
            }
        }
        if !with_modrm {
            return self.list(&all);
        }
        if all.len() <= CANDIDATES_MAX {
            return Ok(self.list(&all)? | MODRM);
        }
        let mut split = [0; 16];
        for (n, entry) in split.iter_mut().enumerate() {
            let key = (n as u16 & 7) << MIDDLE | if n >= 8 { REGISTER } else { 0 };
            let known = REGISTER | 7 << MIDDLE;
            let fits = |c: &&Candidate| (c.1 ^ key) & c.0 & known == 0;
            let rest = |c: &Candidate| (c.0 & !known, c.1 & !known, c.2);
            let list: Vec<Candidate> = all.iter().filter(fits).map(rest).collect();
            *entry = if list.is_empty() { 0 } else { self.list(&list)? };
        }
        let at = self.splits.iter().position(|s| *s == split).unwrap_or_else(|| {
            self.splits.push(split);
            self.splits.len() - 1
        });
        Ok(at as u16 | MODRM | SPLIT)
    }

    /// Where a list of candidates is.
    fn list(&mut self, list: &[Candidate]) -> Result<u16> {
        if let Some(at) = self.lists.get(list) {
            return Ok(*at);
        }
        let at = self.candidates.len() as u16;
        ensure!(at < SPLIT, "there are too many candidates");
        for (n, candidate) in list.iter().enumerate() {
            self.candidates.push((*candidate, n + 1 == list.len()));
        }
        self.lists.insert(list.to_vec(), at);
        Ok(at)
    }
}

/// What a line demands of the key.
fn candidate(row: &Row, number: usize) -> Candidate {
    let (mut mask, mut value) = (0, 0);
    let mut demand = |at: u32, bits: u16, wanted: u16| {
        mask |= bits << at;
        value |= wanted << at;
    };
    match row.prefix {
        None => {}
        Some(Prefix::None) => demand(1, 3, 0),
        Some(Prefix::NoRepeat) => demand(1, 1, 0),
        Some(Prefix::Size) => demand(1, 3, 2),
        Some(Prefix::F3) => demand(0, 3, 2),
        Some(Prefix::F2) => demand(0, 3, 3),
    }
    if let Some(w) = row.w {
        demand(3, 1, w.into());
    }
    match row.vex {
        Some(Vex::V128) => demand(4, 1, 0),
        Some(Vex::V256) => demand(4, 1, 1),
        _ => {}
    }
    match row.modrm {
        Modrm::None | Modrm::Any => {}
        Modrm::Middle(middle) => demand(MIDDLE, 7, middle.into()),
        Modrm::Whole(byte) => {
            demand(MIDDLE, 7, (byte >> 3 & 7).into());
            demand(9, 7, (byte & 7).into());
            demand(5, 1, (byte >= 0xc0).into());
        }
    }
    if let Some(memory) = row.memory() {
        demand(5, 1, (!memory).into());
    }
    if row.has(Mark::NoB) {
        demand(12, 1, 0);
    }
    if row.has(Mark::Not64) {
        demand(13, 1, 0);
    }
    if row.has(Mark::Only64) {
        demand(13, 1, 1);
    }
    (mask, value, number)
}
