//! All entries of an instance as text, and making them again.
//!
//! A line an entry, in the kernel's order (the first wins): `enabled` or `disabled`, a space, and
//! the line that registers it. So a person can read it, and a shell can restore it from the last
//! line to the first.

use crate::{Entry, Error, Instance, Result, Rule};

/// First line of the text.
const HEADER: &str = "# binfmt_misc entries, first match first (anyarch snapshot 1)";

/// The entries of an instance, in the kernel's order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    /// Each with whether it was enabled.
    pub rules: Vec<(bool, Rule)>,
    /// Names of entries that cannot be written as a line (a kind or flag of a newer kernel).
    pub unknown: Vec<String>,
}

/// What restoring does, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Removes an entry.
    Remove(String),
    /// Registers a rule, on top of the others.
    Add(Rule),
    /// Enables or disables an entry.
    Enable(String, bool),
}

impl Snapshot {
    /// Of `entries`.
    pub fn of(entries: &[Entry]) -> Self {
        let mut snapshot = Self::default();
        for entry in entries {
            match entry.rule() {
                Some(rule) => snapshot.rules.push((entry.enabled, rule)),
                None => snapshot.unknown.push(entry.name.clone()),
            }
        }
        snapshot
    }

    /// The text.
    ///
    /// # Errors
    /// [`Error::Rule`] for an entry that no line could make.
    pub fn text(&self) -> Result<String> {
        let mut out = format!("{HEADER}\n");
        for (enabled, rule) in &self.rules {
            let state = if *enabled { "enabled" } else { "disabled" };
            out += &format!("{state} {}\n", rule.line()?);
        }
        for name in &self.unknown {
            out += &format!("# not saved: {name}\n");
        }
        Ok(out)
    }

    /// Reads what [`Self::text`] wrote.
    ///
    /// # Errors
    /// [`Error::Snapshot`] with the line's number.
    pub fn parse(text: &str) -> Result<Self> {
        let mut snapshot = Self::default();
        for (number, line) in text.lines().enumerate() {
            if let Some(name) = line.strip_prefix("# not saved: ") {
                snapshot.unknown.push(name.to_owned());
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = |why: String| Error::Snapshot(format!("line {}: {why}", number + 1));
            let (enabled, rule) = match line.split_once(' ') {
                Some(("enabled", rule)) => (true, rule),
                Some(("disabled", rule)) => (false, rule),
                _ => return Err(bad("it starts with neither `enabled` nor `disabled`".into())),
            };
            let rule = Rule::parse(rule.as_bytes()).map_err(|e| bad(e.to_string()))?;
            snapshot.rules.push((enabled, rule));
        }
        Ok(snapshot)
    }

    /// The steps from `now` to this. What is at the bottom of both stays untouched; everything
    /// above must be made again, as the kernel adds only on top.
    pub fn plan(&self, now: &[Entry]) -> Vec<Step> {
        let same = |e: &Entry, r: &Rule| e.rule().as_ref() == Some(r);
        let kept = now.iter().rev().zip(self.rules.iter().rev());
        let kept = kept.take_while(|(e, (_, r))| same(e, r)).count();
        let mut steps = Vec::new();
        for e in &now[..now.len() - kept] {
            steps.push(Step::Remove(e.name.clone()));
        }
        let above = &self.rules[..self.rules.len() - kept];
        for (enabled, rule) in above.iter().rev() {
            steps.push(Step::Add(rule.clone()));
            if !enabled {
                steps.push(Step::Enable(rule.name.clone(), false));
            }
        }
        let below = &now[now.len() - kept..];
        for (e, (enabled, _)) in below.iter().zip(&self.rules[self.rules.len() - kept..]) {
            if e.enabled != *enabled {
                steps.push(Step::Enable(e.name.clone(), *enabled));
            }
        }
        steps
    }
}

/// Does `steps`; `translate` gives the rule to register for one whose interpreter was pinned.
///
/// # Errors
/// At the first step that the kernel refuses.
pub fn apply(instance: &Instance, steps: &[Step], translate: impl Fn(&Rule) -> Rule) -> Result<()> {
    for step in steps {
        match step {
            Step::Remove(name) => instance.unregister(name)?,
            Step::Add(rule) => instance.register(&translate(rule))?,
            Step::Enable(name, on) => instance.set_enabled(name, *on)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flags, GuestArch};

    fn rule(arch: &str) -> Rule {
        Rule::for_guest(GuestArch::find(arch).expect("known"), "/usr/bin/x", Flags::ALL)
    }

    fn entry(arch: &str, enabled: bool) -> Entry {
        let r = rule(arch);
        let flags = r.flags.to_string();
        Entry { name: r.name, enabled, interpreter: r.interpreter, flags, matcher: r.matcher }
    }

    #[test]
    fn text_and_back() {
        let entries = [entry("arm64", true), entry("s390x", false)];
        let snapshot = Snapshot::of(&entries);
        let text = snapshot.text().expect("writable");
        assert!(text.lines().nth(2).is_some_and(|l| l.starts_with("disabled :qemu-s390x:M:")));
        assert_eq!(Snapshot::parse(&text).ok(), Some(snapshot.clone()));
        assert!(snapshot.plan(&entries).is_empty());
        assert!(Snapshot::parse("enabled nonsense").is_err());
        assert!(Snapshot::parse("nonsense").is_err());
    }

    #[test]
    fn what_is_below_stays() {
        let old = Snapshot::of(&[entry("arm64", true), entry("s390x", true), entry("arm", true)]);
        let now = [entry("riscv64", true), entry("s390x", false), entry("arm", true)];
        assert_eq!(
            old.plan(&now),
            [
                Step::Remove("qemu-riscv64".into()),
                Step::Add(rule("arm64")),
                Step::Enable("qemu-s390x".into(), true),
            ]
        );
    }
}
