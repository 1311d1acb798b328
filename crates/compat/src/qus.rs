//! dbhi/qus: its register.sh, and the variant of qemu-binfmt-conf.sh that it runs, whose switches
//! take no values and whose operands are the processors.

use std::path::Path;

use crate::conf_targets::{TARGETS, Target};
use crate::getopt::{self, Item, Order, Spec, option};
use crate::qemu_conf::{Into, Plan};
use crate::{Code, Machine};

const OPTIONS: &[Spec] = &[
    option(Some('t'), "test", false),
    option(Some('r'), "clear", false),
    option(Some('d'), "debian", false),
    option(Some('s'), "systemd", false),
    option(Some('Q'), "path", true),
    option(Some('F'), "suffix", true),
    option(Some('e'), "exportdir", true),
    option(Some('h'), "help", false),
    option(Some('c'), "credential", false),
    option(Some('p'), "persistent", false),
];

/// Where the image has its emulators.
const BIN_DIR: &str = "/qus/bin";

/// register.sh; `arguments[0]` is the program's name.
pub fn run(m: &mut dyn Machine, arguments: &[String]) -> u8 {
    let arguments = arguments.get(1..).unwrap_or_default();
    // All behind the last `--` is the other script's.
    let at = arguments.iter().rposition(|a| a == "--");
    let (own, inner) = match at {
        Some(at) => (&arguments[..at], &arguments[at + 1..]),
        None => (arguments, &[][..]),
    };
    let (mut list, mut is_static) = (false, false);
    for argument in own {
        match argument.as_str() {
            "-h" | "--help" | "-help" => {
                usage(m);
                return 0;
            }
            "-l" | "--list" | "-list" => list = true,
            "-s" | "--static" | "-static" => is_static = true,
            "-i" | "--interactive" | "-interactive" => {
                m.err("hint: -i needs the shell of the original's image\n");
                return Code::Usage.number();
            }
            other if other.starts_with('-') => {
                let letter: String = other.chars().skip(1).take(1).collect();
                m.err(&format!("Invalid option: -{letter}\n"));
                return m.exit_code(1, Code::Usage);
            }
            // The first operand ends the options.
            _ => break,
        }
    }
    let dir = m.setting("QEMU_BIN_DIR").unwrap_or_else(|| BIN_DIR.into());
    let mut all = vec![format!("--path={dir}")];
    all.extend(inner.iter().cloned());
    if is_static {
        all.extend(["--suffix".into(), "-static".into()]);
    }
    m.out(&format!("cat ./qemu-binfmt-conf.sh | sh -s -- {}\n", all.join(" ")));
    let code = conf(m, &all);
    if list && code == 0 {
        let text = m.list_long(Path::new(crate::MOUNT));
        m.out(&text);
    }
    code
}

fn usage(m: &mut dyn Machine) {
    m.out(
        "Usage: register.sh [--help][--interactive][--list][--static][-- ARGS]\n\n\
         Registers interpreters with binfmt_misc. --list shows what is registered, --static adds\n\
         `--suffix -static` to ARGS. ARGS: [TARGET...] [--persistent] [--credential] [--clear]\n\
         [--test] [--path DIR] [--suffix SUFFIX] [--systemd|--debian] [--exportdir DIR]\n",
    );
}

fn conf(m: &mut dyn Machine, arguments: &[String]) -> u8 {
    let set = |m: &dyn Machine, name: &str, default: &str| {
        m.setting(name).unwrap_or_else(|| default.into())
    };
    let mut plan = Plan {
        targets: Vec::new(),
        into: Into::Kernel,
        export_dir: m.setting("EXPORTDIR"),
        path: set(m, "QEMU_PATH", "/usr/local/bin"),
        suffix: set(m, "QEMU_SUFFIX", ""),
        credential: set(m, "QEMU_CREDENTIAL", "no"),
        persistent: set(m, "QEMU_PERSISTENT", "no"),
        preserve_argv0: None,
        ignore_family: false,
    };
    let mut clear = set(m, "QEMU_CLEAR", "no") == "yes";
    let mut test = set(m, "QEMU_TEST", "no") == "yes";
    let mut operands = Vec::new();
    for item in getopt::split(OPTIONS, arguments, Order::Permuted) {
        let (index, value) = match item {
            Item::Option(index, value) => (index, value.unwrap_or_default()),
            Item::Operand(operand) => {
                operands.push(operand);
                continue;
            }
            Item::Wrong(message) => {
                m.err(&format!("getopt: {message}\n"));
                continue;
            }
        };
        match OPTIONS[index].long {
            "test" => test = true,
            "clear" => clear = true,
            "debian" => plan.export(Into::Debian),
            "systemd" => plan.export(Into::Systemd),
            "path" => plan.path = value,
            "suffix" => plan.suffix = value,
            "exportdir" => plan.export_dir = Some(value),
            "credential" => plan.credential = "yes".into(),
            "persistent" => plan.persistent = "yes".into(),
            _ => {
                usage(m);
                return m.exit_code(1, Code::Done);
            }
        }
    }
    if operands.is_empty() {
        let listed = m.var("QEMU_TARGETS").unwrap_or_default();
        operands = listed.split_whitespace().map(String::from).collect();
    }
    let asked = !operands.is_empty();
    if let Err(code) = plan.check(m) {
        return code;
    }
    if test && !clear && !asked {
        return 0;
    }
    plan.targets = match select(&operands) {
        Ok(targets) => targets,
        Err(name) => {
            m.err(&format!("ERROR: unknown CPU \"{name}\"\n"));
            usage(m);
            return m.exit_code(1, Code::Usage);
        }
    };
    match (test, clear) {
        (true, _) => 0,
        (false, true) if plan.into != Into::Kernel => {
            m.err("ERROR: option clear not implemented for this mode yet\n");
            usage(m);
            m.exit_code(1, Code::Usage)
        }
        (false, true) => remove(m, &plan.targets),
        (false, false) => plan.register_all(m, asked),
    }
}

/// The processors of that name; this list is older than Hexagon and LoongArch, which are only
/// taken by name.
fn select(names: &[String]) -> Result<Vec<&'static Target>, String> {
    if names.is_empty() {
        let newer = ["hexagon", "loongarch64"];
        return Ok(TARGETS.iter().filter(|t| !newer.contains(&t.name)).collect());
    }
    names.iter().map(|n| Target::find(n).ok_or_else(|| n.clone())).collect()
}

fn remove(m: &mut dyn Machine, targets: &[&Target]) -> u8 {
    let mut result = 0;
    for target in targets {
        let path = Path::new(crate::MOUNT).join(format!("qemu-{}", target.name));
        if m.exists(&path) && m.write(&path, b"-1").is_err() {
            m.err(&format!("sh: can't create {}: Permission denied\n", path.display()));
            result = Code::NotReached.number();
        }
    }
    if m.strict() { 0 } else { result }
}

#[cfg(test)]
#[path = "qus_tests.rs"]
mod tests;
