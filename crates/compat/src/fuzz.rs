//! Everything here and in `binfmt` that reads text of the kernel or of others, for fuzzing: no
//! input may make it panic, and what is accepted can be written and read again. Each function says
//! whether it took the input.

use binfmt::interpreter::{self, Kind};
use binfmt::snapshot::Snapshot;
use binfmt::{Entry, GuestArch, Rule, conf};

use crate::{hex, update_binfmts};

/// A check, which says whether it took the input.
pub type Check = fn(&[u8]) -> bool;

/// What is fuzzed: its name and its check.
pub const TARGETS: [(&str, Check); 5] = [
    ("register-line", register_line),
    ("binfmt.d", binfmt_d),
    ("update-binfmts", update_binfmts),
    ("entry", entry),
    ("program", program),
];

/// A line for `register`.
///
/// # Panics
/// If what was accepted is not the same when written and read again.
pub fn register_line(bytes: &[u8]) -> bool {
    let _ = hex::expand(bytes);
    let Ok(rule) = Rule::parse(bytes) else { return false };
    if let Ok(line) = rule.line() {
        assert_eq!(Rule::parse(line.as_bytes()).ok(), Some(rule));
    }
    true
}

/// A binfmt.d file, or a snapshot.
///
/// # Panics
/// If a rule is empty, or what was accepted is not the same when written and read again.
pub fn binfmt_d(bytes: &[u8]) -> bool {
    let mut good = Vec::new();
    for rule in conf::rules(bytes) {
        assert!(!rule.text.is_empty() && rule.line > 0);
        good.extend(Rule::parse(&rule.text).ok().filter(|r| r.line().is_ok()));
    }
    if let Ok(text) = binfmt::formats::binfmt_d(&good) {
        let again = conf::rules(text.as_bytes());
        let again: Vec<Rule> = again.iter().filter_map(|r| Rule::parse(&r.text).ok()).collect();
        assert_eq!(again, good);
    }
    let snapshot = Snapshot::parse(&String::from_utf8_lossy(bytes));
    snapshot.is_ok_and(same_when_saved) || !good.is_empty()
}

/// Files of update-binfmts: of its database and of packages.
///
/// # Panics
/// If what was accepted is not the same when written and read again.
pub fn update_binfmts(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let fields = update_binfmts::fields(&text);
    let formats = [
        update_binfmts::Format::parse(&text).ok(),
        update_binfmts::Format::of_fields(&fields).ok(),
    ];
    let mut taken = false;
    for format in formats.into_iter().flatten() {
        taken = true;
        update_binfmts::takes(&format, bytes, Some("jar"));
        let _ = format.line("name", "/interpreter");
        let _ = update_binfmts::Format::parse(&format.text());
    }
    taken
}

/// The text of an entry.
///
/// # Panics
/// If what was accepted is not the same when saved and read again.
pub fn entry(bytes: &[u8]) -> bool {
    let Ok(entry) = Entry::parse("name", &String::from_utf8_lossy(bytes)) else { return false };
    let _ = (entry.matches(bytes), entry.guest());
    same_when_saved(Snapshot::of(&[entry]))
}

/// The head of a program.
pub fn program(bytes: &[u8]) -> bool {
    let _ = interpreter::loader(bytes);
    GuestArch::of_elf(bytes).is_some() || Kind::of_head(bytes) != Kind::Unknown
}

fn same_when_saved(snapshot: Snapshot) -> bool {
    if let Ok(text) = snapshot.text() {
        assert_eq!(Snapshot::parse(&text).ok(), Some(snapshot));
    }
    true
}
