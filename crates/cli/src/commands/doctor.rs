//! `anyarch doctor` and `anyarch repair`.

use std::path::PathBuf;

use binfmt::Instance;
use binfmt::root::Root;
use clap::Args;
use doctor::{Code, Engine, Finding, Fix, Severity, Subject};

use super::options::{Options, Trying, code, glob, refused, select};
use super::persist;
use crate::json::Json;
use crate::registrar::{Registrar, Replace};
use crate::report::Failure;

#[derive(Args)]
pub(crate) struct Doctor {
    /// A program that does not run.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The root file system that FILE is in; without FILE: one in which nothing runs.
    #[arg(long, value_name = "DIR")]
    rootfs: Option<PathBuf>,
    /// Root directory of the machine's configuration files (default: /).
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Architectures that should run.
    #[arg(long, value_name = "ARCH")]
    arch: Vec<String>,
    /// A container engine in which foreign programs do not run.
    #[arg(long, value_name = "ENGINE")]
    engine: Option<Which>,
    /// Repair what can be repaired automatically.
    #[arg(long)]
    fix: bool,
    /// With --fix: print what would be done.
    #[arg(long, short = 'n', requires = "fix")]
    dry_run: bool,
    /// Explain a code such as E-NOENTRY.
    #[arg(long, value_name = "CODE", conflicts_with_all = ["file", "fix", "engine"])]
    explain: Option<String>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    trying: Trying,
}

/// A container engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Which {
    Docker,
    Podman,
    Buildkit,
    #[value(alias = "kubernetes")]
    K8s,
}

impl From<Which> for Engine {
    fn from(which: Which) -> Self {
        match which {
            Which::Docker => Self::Docker,
            Which::Podman => Self::Podman,
            Which::Buildkit => Self::Buildkit,
            Which::K8s => Self::Kubernetes,
        }
    }
}

#[derive(Args)]
pub(crate) struct Repair {
    /// Entries, by name or glob (default: all).
    #[arg(value_name = "NAME|GLOB")]
    names: Vec<String>,
    /// Print what would be done.
    #[arg(long, short = 'n')]
    dry_run: bool,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    trying: Trying,
}

/// How many repairs one call may make: each is followed by a new examination.
const REPAIRS_MAX: usize = 100;

/// Examines, explains, repairs.
///
/// # Errors
/// When a repair fails, or a code is unknown.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn doctor(arguments: &Doctor) -> Result<u8, Failure> {
    if let Some(name) = &arguments.explain {
        return explain(name, arguments.options.json);
    }
    for dir in [&arguments.rootfs, &arguments.root].into_iter().flatten() {
        if !dir.is_dir() {
            let text = format!("{} is no directory", dir.display());
            return Err(Failure::new(text).code(code::USAGE));
        }
    }
    let mut subject = Subject {
        file: arguments.file.clone(),
        root: arguments.rootfs.clone(),
        wanted: match &arguments.arch[..] {
            [] => Vec::new(),
            names => select(names)?,
        },
        engine: arguments.engine.map(Engine::from),
        ..subject(&arguments.options, &arguments.trying, arguments.root.clone())
    };
    let fixed = match arguments.fix {
        true => apply(&mut subject, |_| true, arguments.dry_run, arguments.options.json)?,
        false => Vec::new(),
    };
    let findings = doctor::examine(&subject);
    if arguments.options.json {
        println!("{}", json(&findings, &fixed).pretty());
    } else {
        for finding in &findings {
            println!("{}", describe(finding));
        }
        let count = |s| findings.iter().filter(|f| f.severity == s).count();
        match (count(Severity::Error), count(Severity::Warning)) {
            (0, 0) => println!("nothing is wrong"),
            (e, w) => println!(
                "{}, {}; anyarch doctor --explain CODE says more",
                counted(e, "error"),
                counted(w, "warning")
            ),
        }
    }
    let bad = findings.iter().any(|f| f.severity == Severity::Error);
    Ok(if bad { code::NOT_REACHED } else { 0 })
}

/// Repairs entries.
///
/// # Errors
/// When a repair fails.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn repair(arguments: &Repair) -> Result<u8, Failure> {
    let mut subject = subject(&arguments.options, &arguments.trying, None);
    let names = &arguments.names;
    if let Ok(instance) = Instance::at(&subject.mount) {
        super::options::entries_named(&instance.entries()?, names)?;
    }
    let chosen = |f: &Finding| {
        let about = f.about.as_deref().unwrap_or_default();
        let configuration = f.fix.as_ref().is_some_and(Fix::is_configuration);
        // Neither is about an entry that is there.
        let other = [doctor::code::NO_ENTRY, doctor::code::ENVIRONMENT].contains(&f.code);
        !configuration && !other && names.is_empty() || names.iter().any(|n| glob(n, about))
    };
    let done = apply(&mut subject, chosen, arguments.dry_run, arguments.options.json)?;
    let left: Vec<Finding> = doctor::examine(&subject)
        .into_iter()
        .filter(|f| chosen(f) && f.about.is_some() && f.severity > Severity::Note)
        .collect();
    if arguments.options.json {
        println!("{}", json(&left, &done).pretty());
    } else {
        if done.is_empty() {
            println!("there is nothing to repair");
        }
        for finding in left.iter().filter(|_| !arguments.dry_run) {
            println!("{}", describe(finding));
        }
    }
    let bad = left.iter().any(|f| f.severity == Severity::Error);
    Ok(if bad && !arguments.dry_run { code::NOT_REACHED } else { 0 })
}

/// The machine and its entries, with its configuration below `system`.
fn subject(options: &Options, trying: &Trying, system: Option<PathBuf>) -> Subject {
    let mut subject = Subject {
        mount: options.mount.clone(),
        prober: trying.prober(),
        within: super::probe::within,
        file: None,
        root: None,
        system,
        wanted: Vec::new(),
        engine: None,
        kernel: binfmt::Kernel::running(),
        persisted: Vec::new(),
        environment: crate::emulate::complaints(),
    };
    subject.persisted = persist::present(subject.system());
    subject
}

/// Applies the automatic fixes of the findings that `chosen` takes, each followed by a new
/// examination, as one repair may change what the others find. Returns what was done.
#[expect(clippy::print_stdout, reason = "says what it does")]
fn apply(
    subject: &mut Subject,
    chosen: impl Fn(&Finding) -> bool,
    dry_run: bool,
    quiet: bool,
) -> Result<Vec<String>, Failure> {
    let mut done: Vec<String> = Vec::new();
    let mut tried: Vec<Fix> = Vec::new();
    for _ in 0..REPAIRS_MAX {
        let findings = doctor::examine(subject);
        let next =
            findings.iter().filter(|f| f.severity > Severity::Note && chosen(f)).find_map(|f| {
                f.fix.as_ref().filter(|x| x.is_automatic() && !tried.contains(x)).map(|x| (f, x))
            });
        let Some((finding, fix)) = next else { break };
        let mut steps = vec![(finding, fix.clone())];
        tried.push(fix.clone());
        if let Fix::MountAndInstall(_) = fix {
            // The mount hides the entries that the findings about other architectures are about.
            for other in findings.iter().filter(|f| f.severity > Severity::Note && chosen(f)) {
                if let Some(again @ Fix::MountAndInstall(guest)) = &other.fix
                    && !tried.contains(again)
                {
                    steps.push((other, Fix::Install(guest)));
                    tried.push(again.clone());
                }
            }
        }
        for (finding, fix) in steps {
            let about = finding.about.as_deref().unwrap_or_default();
            let text = format!("{} {about}: {}", finding.code.name, fix.command());
            if !quiet {
                println!("{}{text}", if dry_run { "would fix " } else { "fixing " });
            }
            if !dry_run {
                one(subject, &fix)?;
            }
            done.push(text);
        }
        subject.persisted = persist::present(subject.system());
    }
    Ok(done)
}

/// Does what `fix` says.
fn one(subject: &Subject, fix: &Fix) -> Result<(), Failure> {
    let dir = &subject.mount;
    let mount = || binfmt::mount::mount(dir).map_err(Failure::cannot("mount binfmt_misc at", dir));
    let instance = || Instance::at(dir).map_err(Failure::from);
    let install = |guest| {
        let instance = instance()?;
        let registrar = Registrar {
            // What does not work in every root is replaced, though it may in an empty one.
            replace: Replace::Always,
            ..Registrar::new(&instance, subject.prober.clone())
        };
        registrar.register(guest).map(drop)
    };
    match fix {
        Fix::Mount => mount(),
        Fix::MountAndInstall(guest) => mount().and_then(|()| install(guest)),
        Fix::EnableAll => instance()?.set_all_enabled(true).map_err(refused),
        Fix::Enable(name) => instance()?.set_enabled(name, true).map_err(refused),
        Fix::Register(rule) => instance()?.replace(rule).map_err(refused),
        Fix::Remove(name) => instance()?.unregister(name).map_err(refused),
        Fix::Install(guest) => install(guest),
        Fix::InstallWithin(pid, guest) => super::rootless::install_within(*pid, guest),
        Fix::Persist => {
            persist::write_quietly(persist::Format::Auto, subject.system(), false).map(drop)
        }
        Fix::Write { root, path, text } => Root::open(root)
            .and_then(|root| root.replace(path.as_ref(), text.as_bytes()))
            .map_err(Failure::cannot("write", root.join(path))),
        Fix::Command(_) => Ok(()),
    }
}

/// `1 error`, `2 errors`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn describe(finding: &Finding) -> String {
    let about = finding.about.as_ref().map(|a| format!(" {a}")).unwrap_or_default();
    let mut text = format!(
        "{}[{}]{about}: {}",
        finding.severity.word(),
        finding.code.name,
        finding.code.title
    );
    for evidence in &finding.evidence {
        text += &format!("\n  found: {evidence}");
    }
    let why = finding.code.why.split(". ").next().unwrap_or_default();
    text += &format!("\n  why: {}.", why.trim_end_matches('.'));
    if let Some(fix) = &finding.fix {
        text += &format!("\n  fix: {}", fix.command());
    }
    text
}

fn json(findings: &[Finding], fixed: &[String]) -> Json {
    let one = |f: &Finding| {
        Json::Object(vec![
            ("code", f.code.name.into()),
            ("severity", f.severity.word().into()),
            ("about", f.about.as_ref().into()),
            ("summary", f.code.title.into()),
            ("evidence", Json::list(f.evidence.iter())),
            ("why", f.code.why.into()),
            ("fix", f.fix.as_ref().map(Fix::command).into()),
            ("automatic", f.fix.as_ref().is_some_and(Fix::is_automatic).into()),
        ])
    };
    Json::Object(vec![
        ("schema", "anyarch.doctor/1".into()),
        ("fixed", Json::list(fixed)),
        ("findings", Json::List(findings.iter().map(one).collect())),
    ])
}

#[expect(clippy::print_stdout, reason = "the command's result")]
fn explain(name: &str, json: bool) -> Result<u8, Failure> {
    let Some(found) = Code::find(name) else {
        let all: Vec<&str> = doctor::code::CODES.iter().map(|c| c.name).collect();
        return Err(Failure::new(format!("there is no code `{name}`"))
            .help(format!("the codes are: {}", all.join(" ")))
            .code(code::USAGE));
    };
    if json {
        let object = vec![
            ("schema", "anyarch.explain/1".into()),
            ("code", found.name.into()),
            ("title", found.title.into()),
            ("why", found.why.into()),
        ];
        println!("{}", Json::Object(object).pretty());
    } else {
        println!("{}: {}\n\n{}", found.name, found.title, wrap(found.why));
    }
    Ok(0)
}

/// Breaks lines at 78 columns.
fn wrap(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        if column + word.len() > 78 {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
        }
        out += word;
        column += word.len() + 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken() {
        let text = wrap(&"word ".repeat(40));
        assert!(text.lines().count() == 3 && text.lines().all(|l| l.len() <= 78), "{text}");
    }
}
