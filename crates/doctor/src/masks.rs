//! Whether an entry takes all programs of its architecture, and no others.

use binfmt::{Entry, GuestArch, Matcher, Rule};

use crate::code::{self, Code};
use crate::{Finding, Fix};

/// Adds what is wrong with the mask of an entry in force for `guest`.
pub(crate) fn examine(entry: &Entry, guest: &'static GuestArch, findings: &mut Vec<Finding>) {
    let magic = guest.magic();
    let refuses = |change: &[(usize, u8)]| {
        let mut head = magic.clone();
        for (at, byte) in change {
            head[*at] = *byte;
        }
        !entry.matches(&head)
    };
    let mut add = |code: &'static Code, evidence: &str| {
        let finding = Finding::new(code, &entry.name).evidence(evidence);
        findings.push(match tolerant(entry, guest) {
            Some(rule) => finding.fix(Fix::Register(rule)),
            None => finding.fix(crate::install(guest)),
        });
    };
    let versions = matches!(guest.machine, 8 | 258);
    if versions && (1..=5).any(|v| refuses(&[(8, v)])) {
        add(code::MASK_ABIVERSION, "a program with EI_ABIVERSION 1 to 5 does not match");
    }
    if refuses(&[(8, b'A'), (9, b'I'), (10, 2)]) {
        add(code::MASK_PAD, "a program with `AI` 02 in bytes 8 to 10 does not match");
    }
    if let Some((mask, value)) = guest.abi_flags {
        let mut other = magic.clone();
        let flags = (value ^ mask).to_be_bytes();
        for (i, byte) in flags.iter().enumerate() {
            let at = if magic[5] == 1 { 39 - i } else { 36 + i };
            other[at] = *byte;
        }
        if entry.matches(&other) {
            add(code::MASK_MIPS, "programs with and without EF_MIPS_ABI2 in e_flags match");
        }
    }
}

/// The same entry with our mask; None if it cannot be registered again.
fn tolerant(entry: &Entry, guest: &GuestArch) -> Option<Rule> {
    let rule = entry.rule().filter(|_| !entry.is_pinned())?;
    std::path::Path::new(&rule.interpreter).exists().then(|| Rule {
        matcher: Matcher::Magic { offset: 0, magic: guest.magic(), mask: guest.mask() },
        ..rule
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(arch: &str, mask: Vec<u8>) -> (Entry, &'static GuestArch) {
        let guest = GuestArch::find(arch).expect("known");
        let mut magic = guest.magic();
        magic.truncate(mask.len());
        let matcher = Matcher::Magic { offset: 0, magic, mask };
        let (name, interpreter) = ("qemu".to_owned(), "/bin/sh".to_owned());
        (Entry { name, enabled: true, interpreter, flags: "F".into(), matcher }, guest)
    }

    fn codes(arch: &str, mask: Vec<u8>) -> Vec<&'static str> {
        let (entry, guest) = entry(arch, mask);
        let mut findings = Vec::new();
        examine(&entry, guest, &mut findings);
        findings.iter().map(|f| f.code.name).collect()
    }

    #[test]
    fn our_masks_are_clean() {
        for guest in binfmt::guests::GUESTS {
            assert!(codes(guest.name, guest.mask()).is_empty(), "{}", guest.name);
        }
    }

    #[test]
    fn the_masks_of_others_are_recognised() {
        let mut qemu = vec![0xff; 20];
        qemu[7] = 0;
        qemu[16] = 0xfe;
        assert_eq!(codes("arm64", qemu.clone()), ["E-MASK-PAD"]);
        assert_eq!(codes("loong64", qemu.clone()), ["E-MASK-ABIVERSION", "E-MASK-PAD"]);
        qemu[8..16].fill(0);
        assert_eq!(codes("mipsle", qemu), ["E-MASK-MIPS"]);
    }
}
