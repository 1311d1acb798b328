//! One encoding.

/// Whether guests can execute an encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// By the function of the same name.
    Implemented,
    /// As a hint without effect.
    Nop,
    /// Not: it is undefined.
    Missing,
}

/// Neighbouring bits of a word that are part of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// Lowest bit in the word.
    pub lsb: u32,
    /// How many.
    pub width: u32,
    /// Where the lowest one stands in the value.
    pub at: u32,
}

impl Part {
    /// Its bits in the word.
    pub const fn mask(self) -> u64 {
        ((1 << self.width) - 1) << self.lsb
    }
    /// Puts its bits of `value` into a word of zeros.
    pub const fn insert(self, value: u64) -> u64 {
        value >> self.at << self.lsb & self.mask()
    }
}

/// The value of `parts` in `word`.
pub fn value(parts: &[Part], word: u64) -> u64 {
    parts.iter().fold(0, |v, p| v | (word & p.mask()) >> p.lsb << p.at)
}

/// A named field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Where its bits are, most significant bits of the word first.
    pub parts: Vec<Part>,
}

impl Field {
    /// Bits of the value, those below the lowest part included.
    pub fn width(&self) -> u32 {
        self.parts.iter().map(|p| p.at + p.width).max().unwrap_or(0)
    }
    /// Its bits of `word` as a number with sign.
    pub fn signed(&self, word: u64) -> i64 {
        let unused = 64 - self.width();
        (value(&self.parts, word) << unused).cast_signed() >> unused
    }
    /// A word with `value` in this field, zero elsewhere.
    pub fn insert(&self, value: u64) -> u64 {
        self.parts.iter().fold(0, |word, p| word | p.insert(value))
    }
}

/// What a constraint demands of its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Test {
    /// Not in this range (inclusive).
    Not(u32, u32),
    /// In this range (inclusive).
    In(u32, u32),
    /// At least one of these bits is set.
    Any(u32),
}

/// A demand on concatenated fields.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// Most significant first.
    pub parts: Vec<Part>,
    /// What the value must meet.
    pub test: Test,
}

impl Constraint {
    /// Whether `word` meets it.
    pub fn holds(&self, word: u64) -> bool {
        let value = value(&self.parts, word) as u32;
        match self.test {
            Test::Not(lo, hi) => value < lo || value > hi,
            Test::In(lo, hi) => value >= lo && value <= hi,
            Test::Any(mask) => value & mask != 0,
        }
    }
    /// The bits of the word that it depends on.
    pub fn bits(&self) -> u64 {
        self.parts.iter().fold(0, |bits, p| bits | p.mask())
    }
}

/// An encoding.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name, which is that of the function that translates it.
    pub name: &'static str,
    /// The group it is listed in.
    pub section: &'static str,
    /// Features that it needs: of each entry one of the alternatives. None for the baseline.
    pub features: Vec<Vec<&'static str>>,
    /// The feature that only words with this property need.
    pub sometimes: Option<(&'static str, Constraint)>,
    /// Whether guests can execute it.
    pub status: Status,
    /// Bits of the whole instruction.
    pub bits: u32,
    /// Fixed bits.
    pub mask: u64,
    /// Their values.
    pub value: u64,
    /// Ignored bits that should be one.
    pub ones: u64,
    /// The fields, most significant first.
    pub fields: Vec<Field>,
    /// What else a word must meet.
    pub constraints: Vec<Constraint>,
    /// The function that translates it, if it has another name, and what that is told.
    pub function: Option<(&'static str, &'static str)>,
    /// The operands in assembly; empty if there are none, or nobody has written them down.
    pub operands: &'static str,
    /// The manual's heading.
    pub heading: &'static str,
}

impl Line {
    /// Whether guests can execute it.
    pub fn implemented(&self) -> bool {
        self.status != Status::Missing
    }
    /// Bytes of the whole instruction.
    pub fn bytes(&self) -> usize {
        self.bits as usize / 8
    }
    /// Whether this line describes `word` (there may be a more specific one).
    pub fn matches(&self, word: u64) -> bool {
        word & self.mask == self.value && self.constraints.iter().all(|c| c.holds(word))
    }
    /// The field of this name.
    pub fn field_named(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }
    /// The value of a field of `word`.
    pub fn field(&self, word: u64, name: &str) -> Option<u64> {
        Some(value(&self.field_named(name)?.parts, word))
    }
    /// `word` with a field set, if there is one of this name.
    pub fn with(&self, word: u64, name: &str, value: u64) -> u64 {
        let Some(field) = self.field_named(name) else { return word };
        let mask = field.parts.iter().fold(0, |mask, p| mask | p.mask());
        word & !mask | field.insert(value)
    }
    /// The first feature it asks for; empty for the baseline.
    pub fn feature(&self) -> &'static str {
        self.features.first().map_or("", |any| any[0])
    }
    /// The features, as documents name them; empty for the baseline.
    pub fn feature_text(&self) -> String {
        self.features.iter().map(|any| any.join(" or ")).collect::<Vec<_>>().join(", ")
    }
    /// The operands of `word` as text: `operand` gives each name's, all else stays as it is.
    pub fn text(&self, mut operand: impl FnMut(&str) -> String) -> String {
        let mut text = String::new();
        let mut rest = self.operands;
        while let Some(first) = rest.chars().next() {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = match is_name(first) {
                true => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
                false => first.len_utf8(),
            };
            let (token, tail) = rest.split_at(end);
            text += &if is_name(first) { operand(token) } else { token.to_owned() };
            rest = tail;
        }
        text
    }
}
