//! Reads the lines (the grammar is at the head of the module).

use super::row::{
    Access, Flags, Kind, Map, Mark, Modrm, OperandRule, Prefix, Row, Size, Suffix, Vex,
};
use crate::Status;

/// Appends what `text` says to `rows`.
///
/// # Errors
/// What is wrong, with the line's number.
pub fn parse(text: &'static str, rows: &mut Vec<Row>) -> Result<(), String> {
    let mut section = "";
    for (number, text) in text.lines().enumerate() {
        let text = text.trim();
        if let Some(title) = text.strip_prefix('[') {
            section = title.trim_end_matches(']');
        } else if !text.is_empty() && !text.starts_with('#') {
            let row = row(text, section);
            rows.push(row.map_err(|error| format!("line {}: {error}: {text}", number + 1))?);
        }
    }
    let mut names = std::collections::HashSet::new();
    match rows.iter().find(|row| !names.insert(row.name)) {
        Some(twice) => Err(format!("there are two lines {}", twice.name)),
        None => Ok(()),
    }
}

fn row(text: &'static str, section: &'static str) -> Result<Row, String> {
    let (text, heading) = text.split_once('#').ok_or("it has no mnemonic")?;
    let mut words = text.split_whitespace();
    let mut row = Row {
        name: words.next().ok_or("it has no name")?,
        section,
        vex: None,
        prefix: None,
        map: Map::Short,
        w: None,
        opcode: 0,
        suffix: Suffix::Nothing,
        modrm: Modrm::None,
        operands: Vec::new(),
        implied: Vec::new(),
        flags: Flags::default(),
        features: Vec::new(),
        marks: Vec::new(),
        status: Status::Implemented,
        function: None,
        heading: heading.trim(),
    };
    let mut bytes = 0;
    let mut first = true;
    for word in words {
        // A group of encodings is named first, if at all; `0f` looks like an opcode.
        if std::mem::take(&mut first) && (word == "0f" || word.len() > 2) && group(word, &mut row) {
            continue;
        }
        if let Some(middle) = word.strip_prefix('/') {
            row.modrm = match middle {
                "r" => Modrm::Any,
                digit => Modrm::Middle(digit.parse().map_err(|_| "no such ModRM")?),
            };
        } else if let Some((opcode, suffix)) = opcode(word) {
            match bytes {
                0 => (row.opcode, row.suffix) = (opcode, suffix),
                _ => row.modrm = Modrm::Whole(opcode),
            }
            bytes += 1;
        } else {
            other(word, &mut row)?;
        }
    }
    if bytes == 0 || bytes > 2 {
        return Err("it has no opcode, or too many".into());
    }
    if !row.opcode.is_multiple_of(row.suffix.opcodes()) {
        return Err("the suffix does not fit the opcode".into());
    }
    Ok(row)
}

/// Reads `vx.66.0f.w0`; whether it is one.
fn group(word: &str, row: &mut Row) -> bool {
    let mut known = true;
    for part in word.split('.') {
        if let Some(vex) = Vex::named(part) {
            row.vex = Some(vex);
        } else if let Some(prefix) = Prefix::named(part) {
            row.prefix = Some(prefix);
        } else if let Some(map) = Map::named(part) {
            row.map = map;
        } else if part == "w0" || part == "w1" {
            row.w = Some(part == "w1");
        } else {
            known = false;
        }
    }
    known
}

/// Reads `80`, `40+r`.
fn opcode(word: &str) -> Option<(u8, Suffix)> {
    let (byte, suffix) = word.split_once('+').unwrap_or((word, ""));
    let value = u8::from_str_radix(byte, 16).ok().filter(|_| byte.len() == 2)?;
    Some((value, Suffix::named(suffix)?))
}

/// Reads operands, flags, features, marks and the function.
fn other(word: &'static str, row: &mut Row) -> Result<(), String> {
    if let Some(feature) = word.strip_prefix('@') {
        row.features.push(feature);
    } else if let Some(function) = word.strip_prefix('>') {
        row.function = Some(function.split_once(':').unwrap_or((function, "")));
    } else if let Some((set, flags)) = word.split_once('=') {
        add_flags(set, flags, &mut row.flags)?;
    } else if let Some((access, operand)) = word.split_once(':') {
        let implied = access.starts_with('*');
        let rule = operand_rule(access.trim_start_matches('*'), operand)?;
        if implied { &mut row.implied } else { &mut row.operands }.push(rule);
    } else if let Some(mark) = Mark::named(word) {
        row.marks.push(mark);
    } else {
        match word {
            "k0" => row.flags.kept_at_zero = true,
            "!missing" => row.status = Status::Missing,
            "!nop" => row.status = Status::Nop,
            _ => return Err(format!("`{word}` means nothing")),
        }
    }
    Ok(())
}

fn operand_rule(access: &str, operand: &str) -> Result<OperandRule, String> {
    let access = Access {
        read: access.contains('r'),
        write: access.contains('w'),
        perhaps: access.contains('c'),
    };
    // The longest kind that is a prefix, where the rest is a size.
    let found = Kind::ALL.iter().filter_map(|(kind, word)| {
        let size = Size::named(operand.strip_prefix(word)?)?;
        Some((word.len(), *kind, size))
    });
    let (_, kind, size) =
        found.max_by_key(|(len, ..)| *len).ok_or(format!("`{operand}` is no operand"))?;
    Ok(OperandRule { access, kind, size })
}

fn add_flags(set: &str, letters: &'static str, flags: &mut Flags) -> Result<(), String> {
    match (set, letters) {
        ("x", _) => {
            flags.exceptions = letters;
            return Ok(());
        }
        ("r", "cc") => {
            flags.condition = true;
            return Ok(());
        }
        _ => {}
    }
    let mut bits = 0;
    for letter in letters.chars() {
        let bit = match letter {
            'C' => 0,
            'P' => 2,
            'A' => 4,
            'Z' => 6,
            'S' => 7,
            'I' => 9,
            'D' => 10,
            'O' => 11,
            '0'..='3' => 12 + letter as u16 - '0' as u16,
            _ => return Err(format!("`{letter}` is no flag")),
        };
        bits |= 1 << bit;
    }
    match set {
        "r" => flags.read |= bits,
        "w" => flags.written |= bits,
        "0" => flags.zero |= bits,
        "1" => flags.one |= bits,
        "u" => flags.undefined |= bits,
        _ => return Err(format!("`{set}=` means nothing")),
    }
    Ok(())
}
