//! Reads `.isa` files (the grammar is at the head of the crate).

use std::collections::HashSet;

use crate::line::{Constraint, Field, Line, Part, Status, Test};

/// What a file says.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The encodings, in order.
    pub lines: Vec<Line>,
    /// For each length in bits: the bits that tell groups of encodings apart.
    pub classes: Vec<(u32, Vec<Part>)>,
}

/// Appends what `text` says to `source`.
///
/// # Errors
/// What is wrong, with the line's number.
pub fn parse(text: &'static str, source: &mut Source) -> Result<(), String> {
    let mut section = "";
    for (number, text) in text.lines().enumerate() {
        let text = text.trim();
        let at = |error: String| format!("line {}: {error}: {text}", number + 1);
        if let Some(title) = text.strip_prefix('[') {
            section = title.trim_end_matches(']');
        } else if let Some(class) = text.strip_prefix("%class ") {
            source.classes.push(parse_class(class).map_err(at)?);
        } else if !text.is_empty() && !text.starts_with('#') {
            source.lines.push(parse_line(text, section).map_err(at)?);
        }
    }
    Ok(())
}

/// Reads `32 28:25`.
fn parse_class(text: &str) -> Result<(u32, Vec<Part>), String> {
    let (bits, ranges) = text.split_once(' ').ok_or("no bits")?;
    let mut parts = Vec::new();
    let mut at = 0;
    for (lsb, width) in ranges_of(ranges.trim())?.into_iter().rev() {
        parts.insert(0, Part { lsb, width, at });
        at += width;
    }
    Ok((number(bits)?, parts))
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

/// Reads `12|10:5` into lowest bits and widths.
fn ranges_of(text: &str) -> Result<Vec<(u32, u32)>, String> {
    let range = |text: &str| {
        let (high, low) = text.split_once(':').unwrap_or((text, text));
        let (high, low) = (number(high)?, number(low)?);
        Ok((low, (high + 1).checked_sub(low).ok_or("the range is empty")?))
    };
    text.split('|').map(range).collect()
}

/// A piece of a word: the number of its bits, and what they are.
enum Piece {
    Bits(&'static str),
    /// Name, and where each range stands in the value.
    Field(&'static str, Vec<(u32, u32)>),
}

impl Piece {
    fn parse(word: &'static str) -> Result<Self, String> {
        if let Some((name, ranges)) = word.strip_suffix(']').and_then(|w| w.split_once('[')) {
            return Ok(Self::Field(name, ranges_of(ranges)?));
        }
        if let Some((name, width)) = word.split_once(':') {
            return Ok(Self::Field(name, vec![(0, number(width)?)]));
        }
        match word.chars().all(|c| "01xi".contains(c)) {
            true => Ok(Self::Bits(word)),
            false => Err(format!("`{word}` is neither bits nor a field")),
        }
    }
    fn bits(&self) -> u32 {
        match self {
            Self::Bits(text) => text.len() as u32,
            Self::Field(_, ranges) => ranges.iter().map(|r| r.1).sum(),
        }
    }
}

/// Parses one encoding.
fn parse_line(text: &'static str, section: &'static str) -> Result<Line, String> {
    let (body, heading) = text.split_once('#').ok_or("no heading")?;
    let mut words = body.split_whitespace();
    let mut line = Line {
        name: words.next().ok_or("no name")?,
        section,
        features: Vec::new(),
        sometimes: None,
        status: Status::Implemented,
        bits: 0,
        mask: 0,
        value: 0,
        ones: 0,
        fields: Vec::new(),
        constraints: Vec::new(),
        function: None,
        operands: "",
        heading: heading.trim(),
    };
    let mut demands = Vec::new();
    let mut sometimes = None;
    let mut pieces = Vec::new();
    for word in words {
        if let Some(feature) = word.strip_prefix('@') {
            match feature.split_once('?') {
                Some(both) => sometimes = Some(both),
                None => line.features.push(feature.split('|').collect()),
            }
        } else if let Some(function) = word.strip_prefix('>') {
            line.function = Some(function.split_once(':').ok_or("no variant")?);
        } else if let Some(operands) = word.strip_prefix('=') {
            line.operands = operands;
        } else if word == "!missing" {
            line.status = Status::Missing;
        } else if word == "!nop" {
            line.status = Status::Nop;
        } else if let Some(demand) = word.strip_prefix('{') {
            demands.push(demand.trim_end_matches('}'));
        } else {
            pieces.push(Piece::parse(word)?);
        }
    }
    line.bits = pieces.iter().map(Piece::bits).sum();
    if !matches!(line.bits, 16 | 32 | 48) {
        return Err(format!("{} bits", line.bits));
    }
    place(&mut line, &pieces);
    if let Some((feature, demand)) = sometimes {
        line.sometimes = Some((feature, constraint(&line, demand)?));
    }
    for demand in demands {
        let constraint = constraint(&line, demand)?;
        line.constraints.push(constraint);
    }
    Ok(line)
}

/// Puts the pieces, which fill it, into the line's word.
fn place(line: &mut Line, pieces: &[Piece]) {
    let mut lsb = line.bits;
    for piece in pieces {
        match piece {
            Piece::Bits(text) => {
                for c in text.chars() {
                    lsb -= 1;
                    match c {
                        'x' => {}
                        'i' => line.ones |= 1 << lsb,
                        _ => {
                            line.mask |= 1 << lsb;
                            line.value |= u64::from(c == '1') << lsb;
                        }
                    }
                }
            }
            Piece::Field(name, ranges) => {
                let mut parts = Vec::new();
                for &(at, width) in ranges {
                    lsb -= width;
                    parts.push(Part { lsb, width, at });
                }
                match line.fields.iter_mut().find(|f| f.name == *name) {
                    Some(field) => field.parts.append(&mut parts),
                    None => line.fields.push(Field { name, parts }),
                }
            }
        }
    }
}

/// Parses `a:b!=3` and its like.
fn constraint(line: &Line, text: &str) -> Result<Constraint, String> {
    let at = text.find(['!', '=', '<', '&']).ok_or("no operator")?;
    let (fields, test) = text.split_at(at);
    let mut parts = Vec::new();
    let mut above = 0;
    for name in fields.split(':').rev() {
        let field = line.field_named(name).ok_or_else(|| format!("no field {name}"))?;
        let shifted = field.parts.iter().map(|p| Part { at: p.at + above, ..*p });
        parts.splice(0..0, shifted);
        above += field.width();
    }
    let range = |text: &str| {
        let (lo, hi) = text.split_once("..").unwrap_or((text, text));
        Ok::<_, String>((number(lo)?, number(hi)?))
    };
    let test = if let Some(value) = test.strip_prefix("!=") {
        let (lo, hi) = range(value)?;
        Test::Not(lo, hi)
    } else if let Some(value) = test.strip_prefix('=') {
        let (lo, hi) = range(value)?;
        Test::In(lo, hi)
    } else if let Some(value) = test.strip_prefix('<') {
        Test::In(0, number(value)?.checked_sub(1).ok_or("nothing is below 0")?)
    } else {
        Test::Any(number(&test[1..])?)
    };
    Ok(Constraint { parts, test })
}

/// Refuses names used twice, lengths without a class, and words that two lines claim with equal
/// right.
///
/// # Errors
/// What is wrong.
pub fn check(source: &Source) -> Result<(), String> {
    let mut names = HashSet::new();
    for (i, a) in source.lines.iter().enumerate() {
        if !names.insert(a.name) {
            return Err(format!("the name {} is used twice", a.name));
        }
        if !source.classes.iter().any(|c| c.0 == a.bits) {
            return Err(format!("{}: no %class for {} bits", a.name, a.bits));
        }
        for b in &source.lines[..i] {
            let nested = more_specific(a, b) || more_specific(b, a);
            if overlap(a, b) && !nested && !disjoint(a, b) {
                return Err(format!("{} and {} overlap", a.name, b.name));
            }
        }
    }
    Ok(())
}

/// Whether fixed bits allow a word that matches both.
pub fn overlap(a: &Line, b: &Line) -> bool {
    a.bits == b.bits && (a.value ^ b.value) & a.mask & b.mask == 0
}

/// Whether `a` fixes all the bits that `b` fixes, and more.
pub fn more_specific(a: &Line, b: &Line) -> bool {
    a.mask != b.mask && a.mask & b.mask == b.mask
}

/// Whether constraints forbid every word that matches both.
fn disjoint(a: &Line, b: &Line) -> bool {
    let all: Vec<_> = a.constraints.iter().chain(&b.constraints).collect();
    let fixed = a.mask | b.mask;
    let free = all.iter().fold(0, |bits, c| bits | c.bits()) & !fixed;
    // Every subset of `free`.
    let mut subset = 0u64;
    loop {
        let word = a.value | b.value | subset;
        if all.iter().all(|c| c.holds(word)) {
            return false;
        }
        subset = subset.wrapping_sub(free) & free;
        if subset == 0 {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::value;

    fn lines(text: &'static str) -> Source {
        let mut source = Source::default();
        parse(text, &mut source).expect("well-formed");
        source
    }

    #[test]
    fn scattered_immediates_are_one_field() {
        let source = lines(
            "%class 32 6:2\n[branches]\n\
             beq imm[12|10:5] rs2:5 rs1:5 000 imm[4:1|11] 1100011 @A|B =rs1,rs2,target # BEQ",
        );
        let line = &source.lines[0];
        let imm = line.field_named("imm").expect("a field");
        assert_eq!((imm.width(), line.fields.len(), line.bits), (13, 3, 32));
        // beq x1, x2, -4
        let word = 0xfe20_8ee3;
        assert!(line.matches(word));
        assert_eq!(imm.signed(word), -4);
        assert_eq!(imm.insert(value(&imm.parts, word)), word & 0xfe00_0f80);
        assert_eq!(line.text(|name| format!("<{name}>")), "<rs1>,<rs2>,<target>");
        assert_eq!(line.feature_text(), "A or B");
        assert_eq!(source.classes[0].1[0].lsb, 2);
    }

    #[test]
    fn constraints_concatenate_fields() {
        let source = lines("%class 16 15:13\na a:4 b:4 00000001 {a:b!=18..255} {b&3} # A");
        let line = &source.lines[0];
        assert!(line.matches(0x1101) && !line.matches(0x2101) && !line.matches(0x1001));
    }

    #[test]
    fn wrong_lines_are_refused() {
        for text in [
            "a 0000 # short",
            "a 000000000000000 z # no bits",
            "a 0000000000000000",
            "a b:16 {c=1} # no field",
            "a b:16 {b<0} # empty",
        ] {
            assert!(parse(text, &mut Source::default()).is_err(), "{text}");
        }
        let twice = lines("%class 16 15:13\na 0000000000000000 # A\na 0000000000000001 # B");
        assert!(check(&twice).is_err());
        let both = lines("%class 16 15:13\na 0 b:15 # A\nc d:15 0 # C");
        assert!(check(&both).is_err());
        let apart = lines("%class 16 15:13\na 0 b:15 {b&1} # A\nc d:15 0 # C");
        assert!(check(&apart).is_ok());
    }
}
