//! Rules that are counted: names of architectures where none belongs, long functions, `cfg(target_arch)`,
//! assembly, constants for the size of a page.

use super::known::Counts;

/// Most lines of a function.
const FUNCTION_LINES_MAX: usize = 70;

/// Crates, or parts of them, that know no guest, and those that know no host either.
const NEUTRAL: &[&str] = &[
    "crates/ir/",
    "crates/softfloat/",
    "crates/eval/",
    "crates/guest/",
    "crates/isa/",
    "crates/host/",
    "crates/engine/",
    "crates/memory/",
    "crates/sys/",
    "crates/linux/",
    "crates/rootfs/",
    "crates/testkit/src/",
];
/// What in them is an architecture's, and the table of those that are tested.
const OWN: &[&str] = &[
    "crates/linux/src/abi/",
    "crates/sys/src/arch/",
    "crates/engine/src/host.rs",
    "crates/testkit/src/aarch64/",
    "crates/testkit/src/riscv64/",
    "crates/testkit/src/x86_64/",
    "crates/testkit/src/lib.rs",
    "crates/testkit/src/subject.rs",
    "/generated/",
];
/// Names of architectures.
const NAMES: &[&str] = &[
    "aarch64", "arm64", "riscv", "x86", "x64", "i386", "amd64", "s390", "ppc64", "powerpc", "mips",
    "loong", "mxcsr",
];
/// Where `cfg(target_arch)` belongs: one tree of each host's own code, the choice of the host, and the
/// comparison of a guest with the processor itself.
const CHOICE: &[&str] = &[
    "crates/sys/src/arch/",
    "crates/engine/src/host.rs",
    "crates/testkit/src/x86_64/mod.rs",
    "crates/testkit/tests/native.rs",
];
/// Where assembly belongs.
const ASSEMBLY: &[&str] = &["crates/sys/src/arch/"];

/// Counts what a source file breaks.
pub(super) fn count(name: &str, text: &str, found: &mut Counts) {
    if !name.starts_with("crates/") || name.contains("/generated/") {
        return;
    }
    let mut add = |rule: &str, count: usize| {
        if count > 0 {
            found.insert((rule.to_owned(), name.to_owned()), count);
        }
    };
    let code: Vec<&str> = text.lines().map(without_comment).collect();
    let lines = |test: &dyn Fn(&str) -> bool| code.iter().filter(|line| test(line)).count();
    let within = |places: &[&str]| places.iter().any(|place| name.contains(place));
    if within(NEUTRAL) && !within(OWN) {
        add("architecture", lines(&|line| names_architecture(line)));
    }
    if !within(CHOICE) {
        add("target_arch", lines(&|line| line.contains("target_arch")));
    }
    if !within(ASSEMBLY) {
        add("asm", lines(&|line| line.contains("asm!(")));
    }
    add("page", lines(&|line| line.contains("const PAGE:") || line.contains("const PAGE_SIZE:")));
    let longest = functions(text).max().unwrap_or(0);
    if longest > FUNCTION_LINES_MAX {
        add("function", longest);
    }
}

/// A line without its comment. (That of a string with two slashes is cut as well.)
fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

fn names_architecture(line: &str) -> bool {
    // (0x64 and 0x86 are numbers.)
    let line = line.to_ascii_lowercase().replace("0x", "0_");
    NAMES.iter().any(|name| line.contains(name))
}

/// The lengths of the functions in formatted code: up to the brace that stands as far left as the head.
fn functions(text: &str) -> impl Iterator<Item = usize> {
    let lines: Vec<&str> = text.lines().collect();
    let heads: Vec<usize> = (0..lines.len()).filter(|&n| is_head(lines[n])).collect();
    heads.into_iter().map(move |start| {
        let indent = lines[start].len() - lines[start].trim_start().len();
        let is_end = |line: &str| line.trim_end() == format!("{:indent$}}}", "");
        let one_line = lines[start].trim_end().ends_with(['}', ';']);
        if one_line { 1 } else { 1 + lines[start..].iter().position(|l| is_end(l)).unwrap_or(0) }
    })
}

fn is_head(line: &str) -> bool {
    let mut words = line.trim_start().split(' ');
    let prefix = |w: &str| {
        w.starts_with("pub") || ["const", "unsafe", "extern", "\"C\"", "async", "in"].contains(&w)
    };
    words.find(|w| !prefix(w)).is_some_and(|w| w == "fn")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(name: &str, text: &str) -> Vec<(String, usize)> {
        let mut found = Counts::new();
        count(name, text, &mut found);
        found.into_iter().map(|((rule, _), count)| (rule, count)).collect()
    }

    #[test]
    fn architectures_are_found_where_none_belongs() {
        let text = "// aarch64\nlet name = \"aarch64\";\n";
        let one = vec![("architecture".to_owned(), 1)];
        assert_eq!(counted("crates/engine/src/run.rs", text), one);
        assert_eq!(counted("crates/linux/src/elf.rs", "const RISCV: u16 = 243;\n"), one);
        assert_eq!(counted("crates/linux/src/abi/aarch64/mod.rs", text), []);
        assert_eq!(counted("crates/guest-aarch64/src/lib.rs", text), []);
        assert!(counted("crates/isa/src/line.rs", "const FS: u8 = 0x64;\n").is_empty());
    }

    #[test]
    fn long_functions_are_found() {
        let body = "        work();\n".repeat(69);
        let text = format!("impl A {{\n    pub(crate) fn long(&self) {{\n{body}    }}\n}}\n");
        assert_eq!(counted("crates/cli/src/main.rs", &text), [("function".to_owned(), 71)]);
        assert_eq!(counted("crates/cli/src/main.rs", &text.replacen("work", "x", 1)).len(), 1);
        let short = text.replacen("        work();\n", "", 1);
        assert_eq!(counted("crates/cli/src/main.rs", &short), []);
    }

    #[test]
    fn choices_of_hosts_and_pages_are_found() {
        let text = "#[cfg(target_arch = \"s\")]\nconst PAGE: u64 = 4096;\n";
        let both = [("page".to_owned(), 1), ("target_arch".to_owned(), 1)];
        assert_eq!(counted("crates/cli/src/main.rs", text), both);
        assert_eq!(counted("crates/sys/src/arch/x86_64.rs", text), both[..1]);
    }
}
