//! `testkit binfmt`: damaged text for everything that reads text of the kernel or of other tools,
//! and damaged heads of programs.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use binfmt::guests::GUESTS;
use binfmt::{Flags, Rule, formats};
use compat::fuzz::Check;
use isa::Rng;

/// What it takes.
pub(crate) const USAGE: &str = "\
testkit binfmt [options]  damages registrations, configuration files and entries
  --only NAME       register-line, binfmt.d, update-binfmts, entry or program (all in turn)
  --seed N          first seed (1)
  --seconds S       how long each (60)
  --keep DIR        where input that breaks something goes";

/// Runs it.
pub(crate) fn binfmt(arguments: &[String]) -> Result<()> {
    let (mut seed, mut seconds, mut only) = (1, 60, None);
    let mut keep = std::env::temp_dir();
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        let value = rest.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--seed" => seed = value.parse()?,
            "--seconds" => seconds = value.parse()?,
            "--only" => only = Some(value.as_str()),
            "--keep" => keep = PathBuf::from(value),
            _ => bail!("unknown option {name}\n{USAGE}"),
        }
    }
    let all = compat::fuzz::TARGETS;
    let chosen: Vec<_> = all.into_iter().filter(|(n, _)| only.is_none_or(|o| o == *n)).collect();
    ensure!(!chosen.is_empty(), "there is no such target\n{USAGE}");
    for (name, check) in chosen {
        target(name, check, seed, Duration::from_secs(seconds), &keep);
    }
    Ok(())
}

/// What is being tried, for the message when it panics.
static INPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Keeps the input before the panic goes its way.
fn keep_input(keep: PathBuf) {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        usual(info);
        let input = INPUT.lock().map_or_else(|e| e.into_inner().clone(), |i| i.clone());
        match std::fs::write(&keep, input) {
            Ok(()) => eprintln!("the input is in {}", keep.display()),
            Err(e) => eprintln!("cannot write {}: {e}", keep.display()),
        }
    }));
}

/// Fuzzes one; the first panic ends the program.
fn target(name: &str, check: Check, seed: u64, budget: Duration, keep: &Path) {
    keep_input(keep.join(format!("{name}-{seed}")));
    let (begin, mut damager) = (Instant::now(), Damager::new(seed));
    let (mut inputs, mut taken) = (0_u64, 0);
    while begin.elapsed() < budget {
        inputs += 1000;
        taken += damager.try_out(check, 1000);
    }
    println!(
        "{name}: {inputs} inputs, {taken} of them taken, no panic, seed {seed}, {:.0} s",
        begin.elapsed().as_secs_f64()
    );
}

/// Makes input from text that means something.
struct Damager {
    pool: Vec<Vec<u8>>,
    /// How many of the pool are not made here.
    seeds: usize,
    rng: Rng,
}

impl Damager {
    fn new(seed: u64) -> Self {
        let pool = seeds();
        Self { seeds: pool.len(), pool, rng: Rng::new(seed) }
    }

    /// Checks so many inputs; how many of them were taken.
    fn try_out(&mut self, check: Check, inputs: u64) -> u64 {
        let mut taken = 0;
        for _ in 0..inputs {
            let input = damage(&mut self.rng, &self.pool);
            if let Ok(mut shown) = INPUT.lock() {
                shown.clone_from(&input);
            }
            if !check(&input) {
                continue;
            }
            taken += 1;
            // What was taken is damaged further, so that mutations add up.
            if self.rng.one_in(64) {
                let at = self.seeds + self.rng.below(256) as usize;
                if at < self.pool.len() { self.pool[at] = input } else { self.pool.push(input) }
            }
        }
        taken
    }
}

/// Text of every kind, of every architecture.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = [
        "enabled\ninterpreter /usr/bin/qemu-arm\nflags: POCF\noffset 0\nmagic 7f45\nmask ff00\n",
        "disabled\ninterpreter /x\nflags: \nextension .jar\n",
        "enabled\ninterpreter /x\nflags: OFT\nbpf name\nbpf-interpreter +a /b\n",
        "# comment\n; other\n:a:E::jar::/usr/bin/jexec:\n|b|M||ab||/i|F\n",
        "package p\ninterpreter /i\nextension jar\ndetector /d\n",
        "package p\ninterpreter /i\nmagic \\x7fELF\nmask \\xff\\xff\\xff\\xff\noffset 12\nfix_binary yes\n",
        "pk\nmagic\n0\n\\x01\\x02\n\\xff\\xfe\n/bin/true\n\nyes\nyes\nyes\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    for guest in GUESTS {
        let rule = Rule::for_guest(guest, "/usr/bin/anyarch", Flags::ALL);
        let Ok(line) = rule.line() else { continue };
        let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
        seeds.push(
            format!(
                "enabled\ninterpreter /proc/self/fd/3\nflags: POCF\noffset 0\nmagic {}\nmask {}\n",
                hex(&guest.magic()),
                hex(&guest.mask())
            )
            .into_bytes(),
        );
        seeds.push(format!("enabled {line}\ndisabled {line}\n").into_bytes());
        seeds.extend(formats::binfmt_d(std::slice::from_ref(&rule)).map(String::into_bytes));
        seeds.extend(formats::update_binfmts(&rule).map(String::into_bytes));
        seeds.push(line.into_bytes());
        seeds.extend(binfmt::probe::build(guest));
    }
    let shell = std::fs::read("/bin/sh").unwrap_or_default();
    seeds.push(shell.into_iter().take(LENGTH_MAX).collect());
    seeds
}

/// What means something to one of the parsers.
const WORDS: [&[u8]; 34] = [
    b":",
    b"\n",
    b"\0",
    b"\\x",
    b"\\x00",
    b"\\",
    b"#",
    b";",
    b"|",
    b"M",
    b"E",
    b"B",
    b"P",
    b"O",
    b"C",
    b"F",
    b"T",
    b"L",
    b"D",
    b"-1",
    b"256",
    b"4294967296",
    b"enabled",
    b"disabled",
    b"interpreter ",
    b"flags: ",
    b"offset ",
    b"magic ",
    b"mask ",
    b"extension .",
    b"register",
    b"/proc/self/fd/3",
    b"yes\n",
    b"\xff\xfe",
];

/// Longest input: a little more than the kernel's longest line.
const LENGTH_MAX: usize = 4096;

/// One of `pool` with one to eight changes.
fn damage(rng: &mut Rng, pool: &[Vec<u8>]) -> Vec<u8> {
    let pick = |rng: &mut Rng| pool[rng.below(pool.len() as u64) as usize].clone();
    let mut text = pick(rng);
    for _ in 0..1 + rng.below(8) {
        let at = rng.below(text.len() as u64 + 1) as usize;
        let to = (at + rng.below(40) as usize).min(text.len());
        let part = text[at..to].to_vec();
        match rng.below(10) {
            0 if at < text.len() => text[at] = rng.next() as u8,
            1 if at < text.len() => text[at] ^= 1 << rng.below(8),
            2 => text.truncate(at),
            3 | 4 => {
                let word = WORDS[rng.below(WORDS.len() as u64) as usize];
                text.splice(at..at, word.iter().copied());
            }
            5 => drop(text.drain(at..to)),
            6 => {
                let into = rng.below(text.len() as u64 + 1) as usize;
                text.splice(into..into, part);
            }
            7 => {
                // The delimiter everywhere, or any byte.
                let (from, new) = (text.first().copied().unwrap_or(b':'), rng.next() as u8);
                text.iter_mut().filter(|b| **b == from).for_each(|b| *b = new);
            }
            8 => {
                let other = pick(rng);
                let from = rng.below(other.len() as u64 + 1) as usize;
                text.truncate(at);
                text.extend(&other[from..]);
            }
            _ => {
                let times = rng.below(60) as usize;
                text.splice(at..at, part.repeat(times));
            }
        }
        text.truncate(LENGTH_MAX);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_input_is_survived() {
        for (name, check) in compat::fuzz::TARGETS {
            let taken = Damager::new(1).try_out(check, 10_000);
            assert!(taken > 20, "{name}: only {taken} were taken");
        }
    }
}
