//! Which entry takes a file, and why the others do not.

use crate::{Entry, GuestArch, Matcher, Mismatch};

/// The first enabled entry of `entries`, which are in the kernel's order, that takes a file called
/// `path` that starts with `head`.
pub fn winner<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    path: &str,
    head: &[u8],
) -> Option<&'a Entry> {
    entries.into_iter().find(|e| e.enabled && e.matcher.compare(path, head).is_ok())
}

/// The one that takes programs of `guest`.
pub fn winner_for<'a>(entries: &'a [Entry], guest: &GuestArch) -> Option<&'a Entry> {
    winner(entries, "", &guest.magic())
}

/// The one that hides `of`: before it in `entries`, and taking its files.
pub fn outranking<'a>(entries: &'a [Entry], of: &Entry) -> Option<&'a Entry> {
    let Matcher::Magic { offset, magic, .. } = &of.matcher else { return None };
    let mut head = vec![0; *offset as usize];
    head.extend(magic);
    winner(entries.iter().take_while(|e| e.name != of.name), "", &head)
}

/// What an entry says to a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is the one that runs it.
    Wins,
    /// It would take the file, but another comes first.
    Outranked,
    /// It would take the file, but is disabled.
    Disabled,
    /// It does not match.
    NoMatch(Mismatch),
}

/// The verdict of each of `entries`, which are in the kernel's order, on a file called `path` that
/// starts with `head`.
pub fn verdicts(entries: &[Entry], path: &str, head: &[u8]) -> Vec<Verdict> {
    let mut found = false;
    let verdict = |e: &Entry| match e.matcher.compare(path, head) {
        Err(mismatch) => Verdict::NoMatch(mismatch),
        Ok(()) if !e.enabled => Verdict::Disabled,
        Ok(()) if found => Verdict::Outranked,
        Ok(()) => {
            found = true;
            Verdict::Wins
        }
    };
    entries.iter().map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flags, Rule};

    fn entry(name: &str, arch: &str, enabled: bool) -> Entry {
        let rule = Rule::for_guest(GuestArch::find(arch).expect("known"), "/x", Flags::ALL);
        let (interpreter, flags) = (rule.interpreter, rule.flags.to_string());
        Entry { name: name.into(), enabled, interpreter, flags, matcher: rule.matcher }
    }

    #[test]
    fn the_first_enabled_match_wins() {
        let entries =
            [entry("a", "s390x", true), entry("b", "arm64", false), entry("c", "arm64", true)];
        let both = [&entries[..], &[entry("d", "arm64", true)]].concat();
        let head = GuestArch::find("arm64").expect("known").magic();
        let v = verdicts(&both, "/bin/x", &head);
        assert!(matches!(v[0], Verdict::NoMatch(Mismatch::Byte { at: 5, .. })), "{v:?}");
        assert_eq!(v[1..], [Verdict::Disabled, Verdict::Wins, Verdict::Outranked]);
    }
}
