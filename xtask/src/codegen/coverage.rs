//! `docs/coverage-GUEST.md`: which encodings guests can execute.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use std::path::Path;

use super::Guest;
use isa::{Line, Status};

/// Counts of encodings.
#[derive(Default)]
struct Count {
    done: usize,
    total: usize,
}

impl Count {
    fn add(&mut self, line: &Line) {
        self.total += 1;
        self.done += usize::from(line.status != Status::Missing);
    }
}

/// What was found out about encodings.
pub(super) struct Evidence {
    /// Lines `COUNT NAME`: how often the oracle executed it too; comments start with `#`.
    pub(super) executed: String,
    /// Lines `NAME ALL V2`: what hosts with everything and of x86-64-v2 do.
    pub(super) lowering: String,
}

/// The lines of `text` that are no comments, as words.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|l| !l.starts_with('#')).map(|l| l.split_whitespace().collect())
}

/// By name: how often an encoding was executed, and what hosts do for it.
type Notes<'a> = BTreeMap<&'a str, String>;

impl Evidence {
    /// Reads the files of a guest; one that is not there says nothing.
    pub(super) fn read(root: &Path, guest: &str) -> Self {
        let read = |what: &str| {
            let path = root.join(format!("isa/{guest}-{what}.txt"));
            std::fs::read_to_string(path).unwrap_or_default()
        };
        Self { executed: read("executed"), lowering: read("lowering") }
    }
    fn notes(&self) -> Notes<'_> {
        let mut notes = Notes::new();
        for row in rows(&self.executed).filter(|row| row.len() >= 2 && row[0] != "0") {
            let by = if row.len() > 2 { " against the evaluator alone" } else { "" };
            notes.insert(row[1], format!("; executed {} times{by}", row[0]));
        }
        for row in rows(&self.lowering).filter(|row| row.len() == 3) {
            let what = |word: &str| match word {
                "native" | "helper" => word.to_owned(),
                share => format!("helper for {share} of its forms"),
            };
            let note = match (row[1], row[2]) {
                (all, v2) if all == v2 => format!("; {}", what(all)),
                (all, v2) => format!("; {} ({} on x86-64-v2)", what(all), what(v2)),
            };
            notes.entry(row[0]).or_default().push_str(&note);
        }
        notes
    }
    /// The comments of both, as a paragraph, and the totals.
    fn text(&self, lines: &[Line]) -> String {
        let mut text = String::from("\n## Executed against the oracle\n\n");
        for line in self.executed.lines().filter_map(|l| l.strip_prefix('#')) {
            let _ = writeln!(text, "{}", line.trim());
        }
        let done: BTreeMap<&str, u64> = rows(&self.executed)
            .filter_map(|row| Some((*row.get(1)?, row.first()?.parse().ok()?)))
            .collect();
        let enough = |line: &&Line| done.get(line.name).is_some_and(|n| *n >= ENOUGH);
        let implemented = || lines.iter().filter(|l| l.status != Status::Missing);
        let _ = writeln!(
            text,
            "\n{} of the {} implemented encodings were executed at least {ENOUGH} times, {} of them against \
             the evaluator alone.",
            implemented().filter(enough).count(),
            implemented().count(),
            rows(&self.executed).filter(|row| row.len() > 2).count()
        );
        if implemented().any(|l| !enough(&l)) {
            text.push_str("The others:\n\n");
        }
        for line in implemented().filter(|l| !enough(l)) {
            let count = done.get(line.name).copied().unwrap_or(0);
            let _ = writeln!(text, "- `{}`: {count} times", line.name);
        }
        text.push_str(
            "\n## What hosts do\n\n\
             `native` means instructions of the host for all forms, `helper` a call of the evaluator or the\n\
             runtime. What is native may still call it for operands that are rare: misaligned atomic accesses,\n\
             signalling NaNs, results that are NaNs, conversions out of range.\n\
             Found by translating 400 random words of each encoding (`testkit lowering`).\n\n\
             | host | native | some forms by helper | helper |\n|---|---:|---:|---:|\n",
        );
        for (column, host) in [(1, "AVX2, BMI2, FMA, F16C, AES, PCLMUL, SHA"), (2, "x86-64-v2")] {
            let count = |wanted: &str| {
                rows(&self.lowering).filter(|r| r.len() == 3 && r[column] == wanted).count()
            };
            let (native, helper) = (count("native"), count("helper"));
            let all = rows(&self.lowering).filter(|r| r.len() == 3).count();
            let _ = writeln!(text, "| {host} | {native} | {} | {helper} |", all - native - helper);
        }
        text
    }
}

/// How often each encoding is to be executed.
const ENOUGH: u64 = 1000;

/// The text of the document.
pub(super) fn generate(guest: &Guest, lines: &[Line], evidence: &Evidence) -> String {
    let mut sections = Vec::<(&str, Count)>::new();
    let mut features = BTreeMap::<&str, Count>::new();
    let mut all = Count::default();
    for line in lines {
        if sections.last().is_none_or(|(name, _)| *name != line.section) {
            sections.push((line.section, Count::default()));
        }
        sections.last_mut().expect("just pushed").1.add(line);
        let feature = match line.feature() {
            "" => guest.baseline,
            feature => feature,
        };
        features.entry(feature).or_default().add(line);
        all.add(line);
    }
    let sources: Vec<_> = guest.sources.iter().map(|path| format!("`{path}`")).collect();
    let mut text = format!(
        "# Coverage of the {} instruction set\n\n\
         Generated by `cargo xtask codegen` from {}: do not edit.\n\
         An encoding is one line there; it may stand for several sizes and forms. What is missing is\n\
         undefined to the guest (SIGILL), and not advertised in {}.\n",
        guest.title,
        sources.join(" and "),
        guest.advertised,
    );
    let _ = writeln!(text, "\nIn all {} of {} encodings are implemented.\n", all.done, all.total);
    text.push_str("## By section\n\n| section | implemented | of |\n|---|---:|---:|\n");
    for (name, count) in &sections {
        let _ = writeln!(text, "| {name} | {} | {} |", count.done, count.total);
    }
    text.push_str("\n## By feature\n\n| feature | implemented | of |\n|---|---:|---:|\n");
    for (name, count) in &features {
        let _ = writeln!(text, "| {name} | {} | {} |", count.done, count.total);
    }
    if !evidence.executed.is_empty() {
        text.push_str(&evidence.text(lines));
    }
    text.push_str("\n## Implemented\n");
    list(&mut text, lines, &evidence.notes(), |status| status != Status::Missing);
    text.push_str("\n## Missing\n");
    list(&mut text, lines, &Notes::new(), |status| status == Status::Missing);
    text
}

/// Appends the wanted lines' headings by section.
fn list(text: &mut String, lines: &[Line], notes: &Notes<'_>, wanted: impl Fn(Status) -> bool) {
    let mut section = "";
    for line in lines.iter().filter(|l| wanted(l.status)) {
        if line.section != section {
            section = line.section;
            let _ = writeln!(text, "\n### {section}\n");
        }
        let feature = match line.feature_text() {
            none if none.is_empty() => none,
            features => format!(" ({features})"),
        };
        let note = notes.get(line.name).map_or("", String::as_str);
        let nop = if line.status == Status::Nop { ", does nothing" } else { "" };
        let _ = writeln!(text, "- `{}`: {}{feature}{nop}{note}", line.name, line.heading);
    }
}
