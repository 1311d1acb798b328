//! The options of QEMU's command line and our own, one line each: what becomes of it here.

use linux::Options;

use super::Line;
use crate::interpret::pins;

/// What an option does.
pub(super) enum Effect {
    /// It takes effect.
    Apply(fn(&mut Line, Vec<u8>) -> Result<(), String>),
    /// There is nothing to do: what it tunes is not there, or what it asks for is so anyway.
    Nothing,
    /// What it asks for does not happen, and the program runs without. Said if it was typed; from the
    /// environment it would be said by every process, into what programs read of each other.
    Missing(&'static str),
    /// What it asks for is the purpose of the run and cannot be done: what to do instead.
    Refused(&'static str),
}

use Effect::{Apply, Missing, Nothing, Refused};

/// An option.
pub(super) struct Flag {
    /// Its names without dashes.
    pub(super) names: &'static [&'static str],
    /// What its value is called; empty: it has none.
    pub(super) value: &'static str,
    /// The variable of the environment with the same meaning; empty: none.
    pub(super) variable: &'static str,
    pub(super) effect: Effect,
    /// What it is for.
    pub(super) what: &'static str,
}

const fn flag(
    names: &'static [&'static str],
    value: &'static str,
    variable: &'static str,
    effect: Effect,
    what: &'static str,
) -> Flag {
    Flag { names, value, variable, effect, what }
}

/// Sets a field of the options.
fn set(line: &mut Line, change: impl FnOnce(&mut Options)) -> Result<(), String> {
    change(&mut line.options);
    Ok(())
}

const GDB: &str = "run gdb itself in the guest's root, where ptrace works: \
    anyarch run --root DIR -- gdb PROGRAM";
const PLUGIN: &str =
    "QEMU's plugins cannot be loaded; --dump ir,host,stats shows what is translated";

/// All of them, in the order in which they are listed.
#[rustfmt::skip]
pub(super) const FLAGS: &[Flag] = &[
    flag(&["h", "help"], "", "", Apply(|l, _| { l.answer(super::usage(&l.name)); Ok(()) }),
        "list the options"),
    flag(&["version"], "", "", Apply(|l, _| { l.answer(super::version(&l.name)); Ok(()) }),
        "show the version; QEMU_VERSION has no effect"),
    flag(&["L"], "path", "QEMU_LD_PREFIX", Apply(|l, v| set(l, |o| o.ld_prefix = Some(v))),
        "look for the loader and libraries below path first"),
    flag(&["E"], "var=value", "QEMU_SET_ENV", Apply(set_env),
        "set variables of the program's environment, separated by commas"),
    flag(&["U"], "var", "QEMU_UNSET_ENV", Apply(unset_env),
        "take variables out of it"),
    flag(&["0"], "argv0", "QEMU_ARGV0", Apply(|l, v| set(l, |o| o.argv0 = Some(v))),
        "set the program's argv[0]"),
    flag(&["r"], "uname", "QEMU_UNAME", Apply(|l, v| set(l, |o| o.uname = Some(v))),
        "show another release of the kernel"),
    flag(&["cpu"], "model", "QEMU_CPU", Apply(cpu),
        "choose the processor (-cpu help lists them)"),
    flag(&["s"], "size", "QEMU_STACK_SIZE", Apply(stack),
        "let the stack grow to size bytes (k, M), up to the hard limit"),
    flag(&["strace"], "", "QEMU_STRACE", Apply(|l, _| set(l, |o| o.strace = true)),
        "print system calls"),
    flag(&["D"], "logfile", "QEMU_LOG_FILENAME", Apply(|l, v| set(l, |o| o.log = Some(v))),
        "print system calls into a file (%d: process number)"),
    flag(&["d"], "item[,...]", "QEMU_LOG", Apply(log),
        "strace: print system calls; other items log nothing"),
    flag(&["dfilter"], "range[,...]", "QEMU_DFILTER", Apply(ranges), "nothing to filter"),
    flag(&["g"], "port", "QEMU_GDB", Refused(GDB), "refused: no gdb stub; gdb itself works in a root"),
    flag(&["plugin"], "file", "QEMU_PLUGIN", Refused(PLUGIN), "refused: QEMU's plugins cannot be loaded"),
    flag(&["trace"], "pattern", "QEMU_TRACE", Missing("there are no trace events"), "no effect"),
    flag(&["seed"], "number", "QEMU_RAND_SEED", Apply(seed), "no effect"),
    flag(&["perfmap"], "", "QEMU_PERFMAP", Missing("no map for perf is written"), "no effect"),
    flag(&["jitdump"], "", "QEMU_JITDUMP", Missing("no dump for perf is written"), "no effect"),
    flag(&["B"], "address", "QEMU_GUEST_BASE", Nothing, "no effect: addresses are the host's"),
    flag(&["R"], "size", "QEMU_RESERVED_VA", Apply(reserved), "no effect: nothing is reserved"),
    flag(&["t"], "map", "QEMU_RTSIG_MAP", Apply(signal_map), "no effect: all 64 signals are the program's"),
    flag(&["p"], "pagesize", "QEMU_PAGESIZE", Nothing, "no effect: pages are the host's"),
    flag(&["one-insn-per-tb", "singlestep"], "", "QEMU_ONE_INSN_PER_TB", Nothing, "no effect"),
    flag(&["tb-size"], "size", "QEMU_TB_SIZE", Apply(number), "no effect"),
    flag(&["execve"], "", "QEMU_EXECVE", Nothing, "no effect: what programs execute is always emulated"),
    flag(&["emulate"], "", "", Apply(|l, _| set(l, |o| o.hosts = true)),
        "emulate a program of this machine's own architecture, too"),
    flag(&["alone"], "", "ANYARCH_ALONE", Apply(|l, _| set(l, |o| o.alone = true)),
        "share no translations with other processes"),
    flag(&["dump"], "item[,...]", "ANYARCH_DUMP", Apply(dump),
        "show translations: ir, host, stats, ..."),
];

/// `NAME=value[,NAME=value...]`, as QEMU splits it.
fn list(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    value.split(|b| *b == b',').map(<[u8]>::to_vec)
}

fn set_env(line: &mut Line, value: Vec<u8>) -> Result<(), String> {
    if value.is_empty() {
        return Ok(());
    }
    if let Some(wrong) = list(&value).find(|item| !item.contains(&b'=')) {
        let wrong = String::from_utf8_lossy(&wrong);
        return Err(format!("`{wrong}` is no NAME=VALUE (a comma separates variables)"));
    }
    set(line, |o| o.set_env.extend(list(&value)))
}

fn unset_env(line: &mut Line, value: Vec<u8>) -> Result<(), String> {
    if let Some(wrong) = list(&value).find(|item| item.contains(&b'=')) {
        return Err(format!("`{}` is no variable's name", String::from_utf8_lossy(&wrong)));
    }
    set(line, |o| o.unset_env.extend(list(&value)))
}

fn cpu(line: &mut Line, value: Vec<u8>) -> Result<(), String> {
    let text = String::from_utf8_lossy(&value);
    if matches!(&*text, "help" | "?") {
        let mut answer = String::new();
        for arch in line.guests() {
            let mut names = (arch.models)();
            names.sort_unstable();
            let of = if line.guest.is_some() { String::new() } else { format!(" ({})", arch.name) };
            answer += &format!("Available CPUs{of}:\n  {}\n", names.join("\n  "));
        }
        line.answer(answer);
        return Ok(());
    }
    if text.split(',').next().is_none_or(str::is_empty) {
        return Err("the processor's name is missing: -cpu help lists them".into());
    }
    // The program, which decides, is not known yet.
    let takers = line.guests().iter().filter(|arch| (arch.make)(Some(&text)).is_ok());
    let absent: std::collections::BTreeSet<_> =
        takers.flat_map(|arch| (arch.absent)(&text)).collect();
    for what in absent {
        line.warn(format!("-cpu {what}"));
    }
    // Somebody who chooses a processor does not want this machine's.
    line.options.hosts = true;
    line.options.cpu = Some(value);
    Ok(())
}

/// A number as C reads it.
fn c_number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Checks a value that has no effect here: a typing error is told as QEMU tells it.
fn checked(value: &[u8], what: &str, right: impl Fn(&str) -> bool) -> Result<(), String> {
    let text = String::from_utf8_lossy(value);
    if right(&text) { Ok(()) } else { Err(format!("`{text}` is no {what}")) }
}

fn number(_: &mut Line, value: Vec<u8>) -> Result<(), String> {
    checked(&value, "number", |text| c_number(text).is_some())
}

fn seed(line: &mut Line, value: Vec<u8>) -> Result<(), String> {
    number(line, value)?;
    line.warn("-seed has no effect: random numbers do not follow from it".into());
    Ok(())
}

fn reserved(_: &mut Line, value: Vec<u8>) -> Result<(), String> {
    checked(&value, "number of bytes (k, M, G)", |text| {
        c_number(text.strip_suffix(['k', 'K', 'M', 'G']).unwrap_or(text)).is_some()
    })
}

/// `START..END`, `START+LENGTH` or `START-LENGTH`, separated by commas.
fn ranges(_: &mut Line, value: Vec<u8>) -> Result<(), String> {
    let is_range = |text: &str| {
        let parts = ["..", "+", "-"].into_iter().find_map(|sign| text.split_once(sign));
        parts.is_some_and(|(a, b)| c_number(a).is_some() && c_number(b).is_some())
    };
    checked(&value, "list of ranges (START..END)", |text| text.split(',').all(is_range))
}

/// Groups of three numbers.
fn signal_map(_: &mut Line, value: Vec<u8>) -> Result<(), String> {
    checked(&value, "map of signals (GUEST HOST COUNT)", |text| {
        let words: Vec<_> = text.split_whitespace().map(c_number).collect();
        words.len().is_multiple_of(3) && words.iter().all(Option::is_some)
    })
}

/// QEMU's form of a number of bytes.
fn stack(line: &mut Line, value: Vec<u8>) -> Result<(), String> {
    let text = String::from_utf8_lossy(&value).into_owned();
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1 << 10),
        Some(b'M') => (&text[..text.len() - 1], 1 << 20),
        _ => (&text[..], 1),
    };
    let size = c_number(digits).and_then(|n| n.checked_mul(unit)).filter(|n| *n > 0);
    line.stack = Some(size.ok_or_else(|| format!("`{text}` is no number of bytes (k, M)"))?);
    Ok(())
}

/// Items of `-d` that have nothing to tell here, or change nothing that is told.
const QUIET: [&str; 10] = [
    "cpu_reset",
    "guest_errors",
    "invalid_mem",
    "mmu",
    "nochain",
    "page",
    "pcall",
    "plugin",
    "tid",
    "unimp",
];
/// Items that show what QEMU translates and executes.
const OTHERS: [&str; 9] =
    ["out_asm", "in_asm", "op", "op_opt", "op_ind", "int", "exec", "cpu", "fpu"];

fn log(line: &mut Line, value: Vec<u8>) -> Result<(), String> {
    for item in String::from_utf8_lossy(&value).split(',').filter(|item| !item.is_empty()) {
        match item {
            "strace" => line.options.strace = true,
            "help" | "?" => line.answer(format!(
                "Log items (comma separated):\nstrace          print system calls\n\
                 The others of QEMU are taken and log nothing ({}, {});\n\
                 --dump ir,host shows what is translated.\n",
                OTHERS.join(", "),
                QUIET.join(", ")
            )),
            _ if QUIET.contains(&item) => {}
            _ if OTHERS.contains(&item) || item == "vpu" || item.starts_with("trace:") => {
                line.warn(format!("-d {item} logs nothing: --dump ir,host shows translations"));
            }
            _ => return Err(format!("it does not know `{item}`: -d help lists what it knows")),
        }
    }
    Ok(())
}

fn dump(line: &mut Line, value: Vec<u8>) -> Result<(), String> {
    let known = crate::interpret::DUMPS;
    let mut items = value.split(|&b| b == b',').filter(|item| !item.is_empty());
    if let Some(item) = items.find(|item| !known.contains(item) && pins(item).is_none()) {
        let known: Vec<_> = known.iter().map(|d| String::from_utf8_lossy(d)).collect();
        let item = String::from_utf8_lossy(item);
        return Err(format!("it does not know `{item}`: it takes a list of {}", known.join(", ")));
    }
    line.options.dump = Some(value);
    Ok(())
}
