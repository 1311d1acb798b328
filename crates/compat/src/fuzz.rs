//! Everything here that reads text of others, for fuzzing: no input may make it panic.

use binfmt::{Entry, Rule};

use crate::{hex, systemd, update_binfmts};

/// A line for `register`.
pub fn register_line(bytes: &[u8]) {
    if let Ok(rule) = Rule::parse(bytes) {
        // What can be written can be read back.
        if let Ok(line) = rule.line() {
            let again = Rule::parse(line.as_bytes()).map(|r| r.line().ok());
            assert_eq!(again.ok().flatten(), Some(line), "{rule:?}");
        }
    }
    let _ = hex::expand(bytes);
}

/// A binfmt.d file.
pub fn binfmt_d(bytes: &[u8]) {
    for rule in systemd::rules(bytes) {
        assert!(!rule.text.is_empty() && rule.line > 0);
        let _ = Rule::parse(&rule.text);
    }
}

/// Files of update-binfmts: of its database and of packages.
pub fn update_binfmts(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let fields = update_binfmts::fields(&text);
    let formats = [
        update_binfmts::Format::parse(&text).ok(),
        update_binfmts::Format::of_fields(&fields).ok(),
    ];
    for format in formats.into_iter().flatten() {
        update_binfmts::takes(&format, bytes, Some("jar"));
        let _ = update_binfmts::Format::parse(&format.text());
        let _ = format.line("name", "/interpreter");
    }
}

/// The text of an entry.
pub fn entry(bytes: &[u8]) {
    if let Ok(entry) = Entry::parse("name", &String::from_utf8_lossy(bytes)) {
        let _ = (entry.matches(bytes), entry.guest(), entry.known_flags());
    }
}
