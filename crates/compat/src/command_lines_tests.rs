//! Odd command lines: every two words that mean something to one of the tools, behind each of
//! their names, with up to three more behind them. Nothing panics.

use crate::Personality;
use crate::fake::Fake;

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

#[test]
fn odd_command_lines_never_panic() {
    for (i, name) in NAMES.iter().enumerate() {
        for (j, first) in WORDS.iter().enumerate() {
            for second in 0..WORDS.len() {
                let rest = WORDS.iter().cycle().skip(second).take(1 + (i + j + second) % 4);
                let line = [name, first].into_iter().chain(rest);
                let line: Vec<String> = line.map(|word| (*word).to_owned()).collect();
                let mut m = Fake::new().file("/x/y", "z").file("a", ":b:M::c::/d:");
                if let Some(personality) = Personality::of(&line) {
                    personality.run(&mut m, &line);
                }
            }
        }
    }
}
