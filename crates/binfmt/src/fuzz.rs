//! Everything here that reads text of the kernel or of others, for fuzzing: no input may make it
//! panic, and what is accepted can be written again.

use crate::interpreter::{self, Kind};
use crate::snapshot::Snapshot;
use crate::{Entry, GuestArch, Rule};

/// Any bytes as a registration, an entry, a snapshot and a program.
///
/// # Panics
/// If something that was accepted is not the same when written and read again.
pub fn check(bytes: &[u8]) {
    register_line(bytes);
    entry(bytes);
    snapshot(bytes);
    let _ = (GuestArch::of_elf(bytes), interpreter::loader(bytes), Kind::of_head(bytes));
}

/// A line for `register`; whether it is one.
///
/// # Panics
/// If it is not the same when written and read again.
pub fn register_line(bytes: &[u8]) -> bool {
    let Ok(rule) = Rule::parse(bytes) else { return false };
    if let Ok(line) = rule.line() {
        assert_eq!(Rule::parse(line.as_bytes()).ok(), Some(rule));
    }
    true
}

/// The text of an entry; whether it is one.
///
/// # Panics
/// If it is not the same when saved and read again.
pub fn entry(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Ok(entry) = Entry::parse("name", &text) else { return false };
    let _ = (entry.matches(bytes), entry.guest(), entry.rule());
    let saved = Snapshot::of(std::slice::from_ref(&entry));
    if let Ok(text) = saved.text() {
        assert_eq!(Snapshot::parse(&text).ok(), Some(saved));
    }
    true
}

/// A snapshot; whether it is one.
///
/// # Panics
/// If it is not the same when written and read again.
pub fn snapshot(bytes: &[u8]) -> bool {
    let Ok(snapshot) = Snapshot::parse(&String::from_utf8_lossy(bytes)) else { return false };
    if let Ok(text) = snapshot.text() {
        assert_eq!(Snapshot::parse(&text).ok(), Some(snapshot));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flags, guests::GUESTS};
    use std::time::{Duration, Instant};

    /// Xorshift: the same sequence for the same seed.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % n.max(1) as u64) as usize
        }
    }

    fn seeds() -> Vec<Vec<u8>> {
        let mut seeds = vec![
            b"enabled\ninterpreter /usr/bin/qemu-arm\nflags: POCF\noffset 0\nmagic 7f45\nmask ff00\n"
                .to_vec(),
            b"disabled\ninterpreter /x\nflags: \nextension .jar\n".to_vec(),
            b":jar:E::jar::/usr/bin/java:".to_vec(),
            std::fs::read("/bin/sh").map(|b| b[..b.len().min(4096)].to_vec()).unwrap_or_default(),
        ];
        for guest in GUESTS {
            let rule = Rule::for_guest(guest, "/usr/bin/anyarch", Flags::ALL);
            let line = rule.line().expect("valid");
            seeds.push(format!("enabled {line}\ndisabled {line}\n").into_bytes());
            seeds.push(line.into_bytes());
            seeds.extend(crate::probe::build(guest));
        }
        seeds
    }

    /// 300 ms, or ANYARCH_FUZZ_SECONDS.
    #[test]
    fn mutated_input_is_survived() {
        let seconds = std::env::var("ANYARCH_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok());
        let time = seconds.map_or(Duration::from_millis(300), Duration::from_secs);
        let (seeds, start) = (seeds(), Instant::now());
        let (mut random, mut runs) = (Random(0x9e37_79b9_7f4a_7c15), 0_u64);
        while start.elapsed() < time {
            let mut bytes = seeds[random.below(seeds.len())].clone();
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                match random.below(5) {
                    0 if !bytes.is_empty() => bytes[at] = random.below(256) as u8,
                    1 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
                    2 => bytes.truncate(at),
                    3 => bytes.insert(at, b":\\x\n \0POCFTEM0/"[random.below(14)]),
                    _ => {
                        let to = (at + random.below(40)).min(bytes.len());
                        let part = bytes[at.min(to)..to].to_vec();
                        let into = random.below(bytes.len());
                        bytes.splice(into..into, part);
                    }
                }
            }
            check(&bytes);
            runs += 1;
        }
        println!("{runs} inputs");
    }
}
