//! Makes the tables of system calls from `isa/linux.calls`.

use crate::structs_codegen;
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// How a call is served.
enum Level {
    Passed,
    Follows(String),
    Emulated(String),
    Partial(String, String),
    Refused(String, String),
    /// By another call: its name, then what its arguments are.
    As(String),
}

/// The guests' columns: name, and that of the table of its numbers.
const GUESTS: [(&str, &str); 3] =
    [("arm64", "AARCH64"), ("riscv64", "RISCV64"), ("x86_64", "X86_64")];
/// The column that is also the host's.
const X86_64: usize = 2;

/// From this number on a call has the same number on all architectures.
const SAME: u32 = 424;

/// One line of the file.
struct Call {
    name: String,
    guests: [Option<u32>; GUESTS.len()],
    types: Vec<String>,
    level: Level,
}

/// What is generated: path from the root, content.
pub(crate) fn files(root: &Path) -> Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(root.join("isa/linux.calls"))?;
    let calls = parse(&text)?;
    let structs = std::fs::read_to_string(root.join("isa/linux.structs"))?;
    Ok(vec![
        (
            "crates/linux/src/layout/structs.rs".into(),
            structs_codegen::structs(&structs, &pointed_to(&calls))?,
        ),
        ("crates/linux/src/calls/table.rs".into(), table(&calls)?),
        ("crates/linux/src/abi/numbers.rs".into(), all_numbers(&calls)?),
        ("docs/calls.md".into(), document(&calls)),
    ])
}

/// Writes what is generated; with `check`, only says whether something differs.
pub(crate) fn run(root: &Path, check: bool) -> Result<()> {
    for (path, content) in files(root)? {
        let at = root.join(&path);
        if std::fs::read_to_string(&at).is_ok_and(|old| old == content) {
            continue;
        }
        ensure!(!check, "{path} is not what `cargo xtask codegen` makes");
        std::fs::create_dir_all(at.parent().context("no parent")?)?;
        std::fs::write(&at, content).with_context(|| path.clone())?;
        println!("{path}");
    }
    Ok(())
}

/// The structures that arguments point to.
fn pointed_to(calls: &[Call]) -> BTreeSet<&str> {
    let types = calls.iter().flat_map(|call| &call.types);
    let named = types.filter_map(|t| t.split_once(':').filter(|(way, _)| *way != "flags"));
    let names = named.map(|(_, name)| name.split_once('*').map_or(name, |(name, _)| name));
    // (Arrays of buffers have a type of their own.)
    names.filter(|name| !["bits", "mask", "siginfo"].contains(name)).chain(["iovec"]).collect()
}

fn parse(text: &str) -> Result<Vec<Call>> {
    let lines = text.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#'));
    lines.map(|(n, line)| parse_line(line).with_context(|| format!("line {}", n + 1))).collect()
}

fn parse_line(line: &str) -> Result<Call> {
    let (head, rest) = line.split_once('(').context("no `(`")?;
    let (types, level) = rest.split_once(')').context("no `)`")?;
    let head: Vec<_> = head.split_whitespace().collect();
    let [name, arm64, riscv64, x86_64] = head[..] else { bail!("not `name arm64 riscv64 x86_64`") };
    let number = |text: &str| -> Result<Option<u32>> {
        if text == "-" { Ok(None) } else { Ok(Some(text.parse()?)) }
    };
    let types = types.split(',').map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    Ok(Call {
        name: name.into(),
        guests: [number(arm64)?, number(riscv64)?, number(x86_64)?],
        types: types.collect(),
        level: parse_level(level.trim())?,
    })
}

fn parse_level(text: &str) -> Result<Level> {
    if text == "passed" {
        return Ok(Level::Passed);
    }
    let (word, rest) = text.split_once(' ').context("level without argument")?;
    let quoted = || -> Result<(String, String)> {
        let (what, why) = rest.split_once(' ').context("no text")?;
        let why = why.strip_prefix('"').and_then(|w| w.strip_suffix('"')).context("no quotes")?;
        Ok((what.into(), why.into()))
    };
    Ok(match word {
        "as" => Level::As(rest.into()),
        "follows" => Level::Follows(rest.into()),
        "emulated" => Level::Emulated(rest.into()),
        "partial" => quoted().map(|(f, why)| Level::Partial(f, why))?,
        "refused" => quoted().map(|(errno, why)| Level::Refused(errno, why))?,
        _ => bail!("unknown level {word}"),
    })
}

/// The variant of `strace::Arg` for a type.
fn arg(text: &str) -> String {
    let camel = |t: &str| -> String {
        let words = t.split('_').map(|w| w[..1].to_uppercase() + &w[1..]);
        words.collect()
    };
    let (kind, count) = text.split_once('*').unwrap_or((text, ""));
    let count = match count.strip_prefix('=') {
        Some(fixed) => format!("Count::Fixed({fixed})"),
        None => format!("Count::Argument({count})"),
    };
    match kind.split_once(':') {
        Some(("flags", set)) => format!("Arg::Flags(Set::{})", camel(set)),
        Some((way, "siginfo")) => format!("Arg::Siginfo(Way::{})", camel(way)),
        Some((way, name @ ("bits" | "mask"))) => {
            format!("Arg::{}(Way::{}, {count})", camel(name), camel(way))
        }
        Some((way, name)) if kind == text => {
            format!("Arg::{}(Layout::{})", camel(way), camel(name))
        }
        Some((way, name)) => {
            format!("Arg::Array(Way::{}, Layout::{}, {count})", camel(way), camel(name))
        }
        None if kind == "message" => "Arg::Messages(None)".into(),
        None if kind == "messages" => format!("Arg::Messages(Some({count}))"),
        None => format!("Arg::{}", camel(text)),
    }
}

/// The host's number of a call: the C library knows it by name.
fn host_number(call: &Call) -> Result<String> {
    let x86_64 = call.guests[X86_64].with_context(|| format!("{}: not on the host", call.name))?;
    Ok(if x86_64 >= SAME { x86_64.to_string() } else { format!("libc::SYS_{}", call.name) })
}

/// The function that serves a call.
fn function(name: &str) -> String {
    let module = if name.starts_with("abi::") { "crate" } else { "super" };
    format!("{module}::{name}")
}

/// The `Lookup` of `N [if|unless A:BITS]`.
fn lookup(call: &Call, how: &str) -> Result<String> {
    let words: Vec<_> = how.split_whitespace().collect();
    let (path, when) = words.split_first().context("no argument")?;
    let path: usize = path.parse()?;
    let dirfd = path.checked_sub(1).filter(|&before| call.types[before] == "dirfd");
    let (bits, follow) = match when {
        [] => ("0:0", false),
        ["if", bits] => (*bits, true),
        ["unless", bits] => (*bits, false),
        _ => bail!("`{how}` is not `N [if|unless A:BITS]`"),
    };
    let (flags, bits) = bits.split_once(':').context("no `:`")?;
    Ok(format!(
        "Lookup {{ dirfd: {dirfd:?}, path: {path}, flags: {flags}, bits: {bits}, follow: {follow} }}"
    ))
}

/// The `Action` of `NAME ARGUMENT...`: a digit is an argument of the call, `cwd` and `=VALUE` are values;
/// what is left out is zero.
fn other_call(calls: &[Call], how: &str) -> Result<String> {
    let mut words = how.split_whitespace();
    let name = words.next().context("no call")?;
    let index = calls.iter().position(|call| call.name == name);
    let index = index.with_context(|| format!("there is no {name}"))?;
    let mut given: Vec<_> = words
        .map(|word| match word.strip_prefix('=') {
            Some(value) => format!("Given::Value({value})"),
            None if word == "cwd" => "Given::CurrentDirectory".to_owned(),
            None => format!("Given::Argument({word})"),
        })
        .collect();
    given.resize(6, "Given::Value(0)".into());
    Ok(format!("Action::As({index}, [{}])", given.join(", ")))
}

fn table(calls: &[Call]) -> Result<String> {
    let mut out = String::from(
        "//! Generated from isa/linux.calls by `cargo xtask codegen`: every system call.\n\n\
         use super::{Action, Call, Given, Lookup};\nuse crate::layout::Layout;\nuse crate::strace::{Arg, Count, Set, Way};\nuse sys::Errno;\n\n\
         /// Marks a number without a call.\npub(crate) const NONE: u16 = u16::MAX;\n\n\
         /// All calls.\n#[rustfmt::skip]\npub(crate) static CALLS: [Call; ",
    );
    writeln!(out, "{}] = [", calls.len())?;
    for call in calls {
        let action = match &call.level {
            Level::Passed => format!("Action::Passed({})", host_number(call)?),
            Level::Follows(how) => {
                format!("Action::Follows({}, {})", host_number(call)?, lookup(call, how)?)
            }
            Level::Emulated(f) | Level::Partial(f, _) => {
                format!("Action::Emulated({})", function(f))
            }
            Level::Refused(errno, _) => format!("Action::Refused(Errno::{errno})"),
            Level::As(how) => other_call(calls, how)?,
        };
        let types: Vec<_> = call.types.iter().map(|t| arg(t)).collect();
        let types = types.join(", ");
        writeln!(
            out,
            "    Call {{ name: \"{}\", args: &[{types}], action: {action} }},",
            call.name
        )?;
    }
    out.push_str("];\n");
    Ok(out)
}

fn all_numbers(calls: &[Call]) -> Result<String> {
    let mut out = String::from(
        "//! Generated from isa/linux.calls by `cargo xtask codegen`: each guest's numbers of the system calls.\n\n\
         use crate::calls::NONE;\n",
    );
    for (index, (guest, table)) in GUESTS.into_iter().enumerate() {
        numbers(&mut out, table, guest, calls, |c| c.guests[index])?;
    }
    Ok(out)
}

fn numbers(
    out: &mut String,
    name: &str,
    guest: &str,
    calls: &[Call],
    number: impl Fn(&Call) -> Option<u32>,
) -> Result<()> {
    let mut of = BTreeMap::new();
    for (index, call) in calls.iter().enumerate() {
        if let Some(nr) = number(call) {
            ensure!(of.insert(nr, index).is_none(), "{guest}: number {nr} twice");
        }
    }
    let len = of.keys().last().map_or(0, |last| last + 1);
    write!(out, "\n/// Index in `CALLS` of each number of {guest}.\n#[rustfmt::skip]\n")?;
    write!(out, "pub(crate) static {name}: [u16; {len}] = [")?;
    for nr in 0..len {
        out.push_str(if nr % 16 == 0 { "\n    " } else { " " });
        match of.get(&nr) {
            Some(index) => write!(out, "{index},")?,
            None => out.push_str("NONE,"),
        }
    }
    out.push_str("\n];\n");
    Ok(())
}

fn document(calls: &[Call]) -> String {
    let mut out = String::from(
        "<!-- Generated from isa/linux.calls by `cargo xtask codegen`. -->\n\n# System calls\n\n",
    );
    let count = |f: fn(&Level) -> bool| calls.iter().filter(|c| f(&c.level)).count();
    out += &format!(
        "{} calls: {} passed to the host's kernel as they are, {} emulated, {} partly, \
         {} refused.\n\n| call | {} | level | remark |\n|---|{}---|---|\n",
        calls.len(),
        count(|l| matches!(l, Level::Passed | Level::Follows(_))),
        count(|l| matches!(l, Level::Emulated(_) | Level::As(_))),
        count(|l| matches!(l, Level::Partial(..))),
        count(|l| matches!(l, Level::Refused(..))),
        GUESTS.map(|(guest, _)| guest).join(" | "),
        "---|".repeat(GUESTS.len()),
    );
    for call in calls {
        let (level, remark) = match &call.level {
            Level::Passed | Level::Follows(_) => ("passed", String::new()),
            Level::Emulated(_) => ("emulated", String::new()),
            Level::As(how) => {
                let name = how.split_whitespace().next().unwrap_or_default();
                ("emulated", format!("as `{name}`"))
            }
            Level::Partial(_, why) => ("partial", format!("missing: {why}")),
            Level::Refused(errno, why) => ("refused", format!("`{errno}`: {why}")),
        };
        let nr = |nr: Option<u32>| nr.map_or_else(|| "-".into(), |nr| nr.to_string());
        let numbers = call.guests.map(nr).join(" | ");
        out += &format!("| `{}` | {numbers} | {level} | {remark} |\n", call.name);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood() {
        let call =
            parse_line("dup3  24 - 292  (fd, flags:open)  partial file::dup3 \"no x\"").unwrap();
        assert_eq!(call.guests, [Some(24), None, Some(292)]);
        assert_eq!(host_number(&call).unwrap(), "libc::SYS_dup3");
        assert_eq!(arg(&call.types[1]), "Arg::Flags(Set::Open)");
        for (text, expected) in [
            ("in:rlimit64", "Arg::In(Layout::Rlimit64)"),
            ("inout:pollfd*1", "Arg::Array(Way::Inout, Layout::Pollfd, Count::Argument(1))"),
            ("out:int*=2", "Arg::Array(Way::Out, Layout::Int, Count::Fixed(2))"),
            ("in:mask*1", "Arg::Mask(Way::In, Count::Argument(1))"),
            ("out:siginfo", "Arg::Siginfo(Way::Out)"),
            ("messages*2", "Arg::Messages(Some(Count::Argument(2)))"),
        ] {
            assert_eq!(arg(text), expected);
        }
        assert!(matches!(call.level, Level::Partial(f, why) if f == "file::dup3" && why == "no x"));
        assert!(parse_line("dup3  24 24 292  (fd)  maybe").is_err());
        let call =
            parse_line("x  1 1 2  (dirfd, path, flags:at)  follows 1 unless 2:0x100").unwrap();
        let Level::Follows(how) = &call.level else { panic!("another level") };
        let expected = "Lookup { dirfd: Some(0), path: 1, flags: 2, bits: 0x100, follow: false }";
        assert_eq!(lookup(&call, how).unwrap(), expected);
        assert!(lookup(&call, "1 perhaps").is_err());
        let expected = "Action::As(0, [Given::CurrentDirectory, Given::Argument(1), Given::Value(5), \
                        Given::Value(0), Given::Value(0), Given::Value(0)])";
        assert_eq!(other_call(core::slice::from_ref(&call), "x cwd 1 =5").unwrap(), expected);
        assert!(other_call(&[call], "y 0").is_err());
    }
}
