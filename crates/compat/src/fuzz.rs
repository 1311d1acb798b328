//! Everything here that reads text of others, for fuzzing: no input may make it panic.

use binfmt::Entry;

use crate::{hex, systemd, update_binfmts};

/// A line for `register`.
pub fn register_line(bytes: &[u8]) {
    for rule in systemd::rules(bytes) {
        let _ = rule.name.len();
    }
    let _ = hex::expand(bytes);
}

/// A binfmt.d file.
pub fn binfmt_d(bytes: &[u8]) {
    let _ = systemd::rules(bytes);
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
