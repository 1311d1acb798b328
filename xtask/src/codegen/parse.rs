//! The grammar of `.isa` files: one line an encoding (explained at the head of `isa/aarch64.isa`).

use std::collections::HashSet;

use anyhow::{Context, Result, bail, ensure};

/// Whether guests can execute an encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// By the function of the same name.
    Implemented,
    /// As a hint without effect.
    Nop,
    /// Not: it is undefined.
    Missing,
}

/// A named field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) lsb: u32,
    pub(crate) width: u32,
}

/// What a constraint demands of its value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Test {
    /// Not in this range (inclusive).
    Not(u32, u32),
    /// In this range (inclusive).
    In(u32, u32),
    /// At least one of these bits is set.
    Any(u32),
}

/// A demand on concatenated fields.
#[derive(Clone, Debug)]
pub(crate) struct Constraint {
    /// (lsb, width), most significant first.
    pub(crate) parts: Vec<(u32, u32)>,
    pub(crate) test: Test,
}

impl Constraint {
    /// Whether `word` meets it.
    pub(crate) fn holds(&self, word: u32) -> bool {
        let value =
            self.parts.iter().fold(0, |v, &(lsb, w)| v << w | (word >> lsb) & ((1 << w) - 1));
        match self.test {
            Test::Not(lo, hi) => value < lo || value > hi,
            Test::In(lo, hi) => value >= lo && value <= hi,
            Test::Any(mask) => value & mask != 0,
        }
    }

    /// The bits of the word that it depends on.
    fn bits(&self) -> u32 {
        self.parts.iter().fold(0, |bits, &(lsb, w)| bits | ((1 << w) - 1) << lsb)
    }
}

/// An encoding.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) section: String,
    /// Empty for the baseline, Armv8.0.
    pub(crate) feature: String,
    /// The feature that only words with this property need.
    pub(crate) sometimes: Option<(String, Constraint)>,
    pub(crate) status: Status,
    pub(crate) mask: u32,
    pub(crate) value: u32,
    /// Ignored bits that should be one.
    pub(crate) ones: u32,
    pub(crate) fields: Vec<Field>,
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) heading: String,
}

/// Appends the lines of the file `name` with content `text` to `lines`.
pub(crate) fn parse(name: &str, text: &str, lines: &mut Vec<Line>) -> Result<()> {
    let mut section = String::new();
    for (number, text) in text.lines().enumerate() {
        let text = text.trim();
        if let Some(title) = text.strip_prefix('[') {
            section = title.trim_end_matches(']').to_owned();
        } else if !text.is_empty() && !text.starts_with('#') {
            let line = parse_line(text, &section)
                .with_context(|| format!("{name}:{}: {text}", number + 1))?;
            lines.push(line);
        }
    }
    Ok(())
}

/// Parses one encoding.
fn parse_line(text: &str, section: &str) -> Result<Line> {
    let (body, heading) = text.split_once('#').context("no heading")?;
    let mut words = body.split_whitespace();
    let mut line = Line {
        name: words.next().context("no name")?.to_owned(),
        section: section.to_owned(),
        feature: String::new(),
        sometimes: None,
        status: Status::Implemented,
        mask: 0,
        value: 0,
        ones: 0,
        fields: Vec::new(),
        constraints: Vec::new(),
        heading: heading.trim().to_owned(),
    };
    let mut at = 32u32;
    let mut demands = Vec::new();
    let mut sometimes = None;
    for word in words {
        if let Some((feature, demand)) = word.strip_prefix('@').and_then(|w| w.split_once('?')) {
            sometimes = Some((feature.to_owned(), demand));
        } else if let Some(feature) = word.strip_prefix('@') {
            line.feature = feature.to_owned();
        } else if word == "!missing" {
            line.status = Status::Missing;
        } else if word == "!nop" {
            line.status = Status::Nop;
        } else if let Some(demand) = word.strip_prefix('{') {
            demands.push(demand.trim_end_matches('}'));
        } else if let Some((name, width)) = word.split_once(':') {
            let width = width.parse::<u32>().context("width")?;
            at = at.checked_sub(width).context("more than 32 bits")?;
            line.fields.push(Field { name: name.to_owned(), lsb: at, width });
        } else {
            for c in word.chars() {
                at = at.checked_sub(1).context("more than 32 bits")?;
                match c {
                    '0' | '1' => {
                        line.mask |= 1 << at;
                        line.value |= u32::from(c == '1') << at;
                    }
                    'x' => {}
                    'i' => line.ones |= 1 << at,
                    _ => bail!("`{word}` is neither bits nor a field"),
                }
            }
        }
    }
    ensure!(at == 0, "{at} bits are missing");
    if let Some((feature, demand)) = sometimes {
        line.sometimes = Some((feature, constraint(&line, demand)?));
    }
    for demand in demands {
        line.constraints.push(constraint(&line, demand).with_context(|| format!("`{demand}`"))?);
    }
    Ok(line)
}

/// Parses `a:b!=3` and its like.
fn constraint(line: &Line, text: &str) -> Result<Constraint> {
    let at = text.find(['!', '=', '<', '&']).context("no operator")?;
    let (fields, test) = text.split_at(at);
    let parts = fields
        .split(':')
        .map(|name| {
            let field = line.fields.iter().find(|f| f.name == name).context("no such field")?;
            Ok((field.lsb, field.width))
        })
        .collect::<Result<Vec<_>>>()?;
    let number = |text: &str| text.parse::<u32>().context("number");
    let test = if let Some(value) = test.strip_prefix("!=") {
        let (lo, hi) = value.split_once("..").unwrap_or((value, value));
        Test::Not(number(lo)?, number(hi)?)
    } else if let Some(value) = test.strip_prefix('=') {
        let (lo, hi) = value.split_once("..").unwrap_or((value, value));
        Test::In(number(lo)?, number(hi)?)
    } else if let Some(value) = test.strip_prefix('<') {
        Test::In(0, number(value)? - 1)
    } else {
        Test::Any(number(&test[1..])?)
    };
    Ok(Constraint { parts, test })
}

/// Refuses names used twice and words that two lines claim with equal right.
pub(crate) fn check(lines: &[Line]) -> Result<()> {
    let mut names = HashSet::new();
    for (i, a) in lines.iter().enumerate() {
        ensure!(names.insert(&a.name), "the name {} is used twice", a.name);
        for b in &lines[..i] {
            if overlap(a, b) && !more_specific(a, b) && !more_specific(b, a) {
                ensure!(disjoint(a, b), "{} and {} overlap", a.name, b.name);
            }
        }
    }
    Ok(())
}

/// Whether fixed bits allow a word that matches both.
pub(crate) fn overlap(a: &Line, b: &Line) -> bool {
    (a.value ^ b.value) & a.mask & b.mask == 0
}

/// Whether `a` fixes all the bits that `b` fixes, and more.
pub(crate) fn more_specific(a: &Line, b: &Line) -> bool {
    a.mask != b.mask && a.mask & b.mask == b.mask
}

/// Whether constraints forbid every word that matches both.
fn disjoint(a: &Line, b: &Line) -> bool {
    let all: Vec<_> = a.constraints.iter().chain(&b.constraints).collect();
    let fixed = a.mask | b.mask;
    let free = all.iter().fold(0, |bits, c| bits | c.bits()) & !fixed;
    // Every subset of `free`.
    let mut subset = 0u32;
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
