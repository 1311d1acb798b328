//! Random and damaged text for everything here that reads text: nothing panics. The same
//! functions are fuzzed for longer by the targets in `fuzz/`.

use crate::fake::Fake;
use crate::{Personality, fuzz};

/// A small generator, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

const SEEDS: [&[u8]; 6] = [
    b":qemu-aarch64:M:0:\\x7fELF\\x02\\x01:\\xff\\xff\\xff\\xff\\xff\\xff:/usr/bin/q:POCF\n",
    b"# comment\n; other\n:a:E::jar::/usr/bin/jexec:\n|b|M||ab||/i|F",
    b"package p\ninterpreter /i\nmagic \\x7fELF\nmask \\xff\\xff\\xff\\xff\noffset 12\nfix_binary yes\n",
    b"pk\nmagic\n0\n\\x01\\x02\n\\xff\\xfe\n/bin/true\n\nyes\nyes\nyes\n",
    b"enabled\ninterpreter /i\nflags: POCF\noffset 0\nmagic 7f454c46\nmask ffffffff\n",
    b"disabled\ninterpreter /i\nflags: \nextension .jar\n",
];

/// A seed with bytes changed, cut, doubled, or joined with another.
fn damaged(random: &mut Random) -> Vec<u8> {
    let mut text = SEEDS[random.below(SEEDS.len())].to_vec();
    for _ in 0..random.below(6) {
        let at = random.below(text.len() + 1);
        match random.below(5) {
            0 if at < text.len() => text[at] = random.below(256) as u8,
            1 => text.truncate(at),
            2 => text.insert(at, b":\n \\x0-"[random.below(7)]),
            3 => {
                let tail = text[at..].to_vec();
                text.extend(tail);
            }
            _ => text.extend(SEEDS[random.below(SEEDS.len())]),
        }
        text.truncate(4096);
    }
    text
}

#[test]
fn damaged_files_never_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..20_000 {
        let text = damaged(&mut random);
        fuzz::register_line(&text);
        fuzz::binfmt_d(&text);
        fuzz::update_binfmts(&text);
        fuzz::entry(&text);
    }
}

#[test]
fn odd_command_lines_never_panic() {
    const WORDS: [&str; 34] = [
        "--install",
        "all",
        "arm64,,*",
        "--uninstall",
        "qemu-[",
        "--mount=",
        "--version=x",
        "-s",
        "--",
        "-p",
        "yes",
        "-l",
        "-r",
        "--reset",
        "--systemd",
        "ALL",
        "--exportdir",
        "/x",
        "-",
        "",
        "--cat-config",
        "--import",
        "--magic",
        "\\x",
        "--find",
        "a",
        "--offset=9",
        "-c",
        "---",
        "-h",
        "linux/arm/v7/x",
        "é",
        "-é",
        "--enable",
    ];
    const NAMES: [&str; 8] = [
        "binfmt",
        "register",
        "qemu-binfmt-conf.sh",
        "systemd-binfmt",
        "update-binfmts",
        "arch-test",
        "anyarch",
        "qemu-",
    ];
    let mut random = Random(42);
    for _ in 0..5_000 {
        let mut line = vec![NAMES[random.below(NAMES.len())].to_owned()];
        for _ in 0..random.below(6) {
            line.push(WORDS[random.below(WORDS.len())].to_owned());
        }
        let mut m = Fake::new().file("/x/y", "z").file("a", ":b:M::c::/d:");
        if let Some(personality) = Personality::of(&line) {
            personality.run(&mut m, &line);
        }
    }
}
