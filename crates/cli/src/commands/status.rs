//! `anyarch status`.

use binfmt::interpreter::Kind;
use binfmt::mount::Lifetime;
use binfmt::precedence::outranking;
use binfmt::probe::{self, Report};
use binfmt::{Entry, GuestArch, Instance};
use clap::{Args, ValueEnum};

use super::options::{Options, Trying, entries_named, owner, shown};
use crate::json::Json;
use crate::report::Failure;

/// Whether to try the entries.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Probe {
    /// Only read the entries.
    None,
    /// Run a program of each architecture.
    Fast,
}

#[derive(Args)]
pub(crate) struct Status {
    /// Entries, by name, glob or architecture (default: all).
    #[arg(value_name = "ARCH|NAME|GLOB")]
    names: Vec<String>,
    /// Whether to test what is registered.
    #[arg(long, value_name = "HOW", default_value = "fast")]
    probe: Probe,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    trying: Trying,
}

/// One line of the table.
struct Line<'a> {
    order: usize,
    entry: &'a Entry,
    guest: Option<&'static GuestArch>,
    /// The entry that comes before it and takes its files.
    outranked_by: Option<String>,
    probe: Option<Report>,
    /// What the kernel runs, if it is this entry.
    in_kernel: Option<String>,
    stale: Option<bool>,
}

/// Shows all entries in the kernel's order.
///
/// # Errors
/// When the instance cannot be read.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn status(arguments: &Status) -> Result<u8, Failure> {
    let instance = arguments.options.open()?;
    let entries = instance.entries()?;
    let lines = lines(arguments, &instance, &entries)?;
    let lifetime = binfmt::mount::lifetime(instance.dir());
    if arguments.options.json {
        println!("{}", json(&instance, &entries, &lines, lifetime).pretty());
        return Ok(0);
    }
    println!(
        "{:<3} {:<20} {:<9} {:<9} {:<6} {:<36} {:<8} NOTE",
        "#", "NAME", "ARCH", "STATE", "FLAGS", "INTERPRETER", "PROBE"
    );
    for line in &lines {
        println!("{}", row(line));
    }
    if entries.is_empty() {
        println!("nothing is registered: anyarch install");
    }
    println!(
        "kernel {} · {} · {} · {}{}",
        kernel_release(),
        if binfmt::mount::in_first_user_namespace() {
            "the machine's user namespace"
        } else {
            "a user namespace of its own"
        },
        match lifetime {
            Lifetime::Machine => "entries last until a restart",
            Lifetime::Container => "entries vanish with this container",
            Lifetime::UserNamespace => "entries vanish with this namespace",
        },
        match super::persist::present(std::path::Path::new("/")).first() {
            Some(file) => format!("made again by {}", file.display()),
            None => "not made again after it (anyarch persist write)".into(),
        },
        if instance.enabled() {
            ""
        } else {
            " · binfmt_misc is disabled as a whole (anyarch enable --all)"
        }
    );
    Ok(0)
}

fn lines<'a>(
    arguments: &Status,
    instance: &Instance,
    entries: &'a [Entry],
) -> Result<Vec<Line<'a>>, Failure> {
    let chosen = match &arguments.names[..] {
        [] => entries.iter().collect(),
        names => entries_named(entries, names)?,
    };
    let prober = arguments.trying.prober();
    let all_enabled = instance.enabled();
    let mut lines = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        if !chosen.contains(&entry) {
            continue;
        }
        let guest = entry.guest();
        let outranked_by = outranking(entries, entry).map(|e| e.name.clone());
        let mut line = Line {
            order: i + 1,
            entry,
            guest,
            outranked_by,
            probe: None,
            in_kernel: None,
            stale: None,
        };
        let in_force = entry.enabled && all_enabled && line.outranked_by.is_none();
        if let (Probe::Fast, true, Some(guest)) = (arguments.probe, in_force, guest) {
            line.probe = Some(prober.fresh_root(guest));
            if let Ok(handler) = probe::handler(&prober, guest) {
                let path = std::path::Path::new(&entry.interpreter);
                line.stale = match entry.has('F') && !entry.is_pinned() {
                    true => handler.same_as(path).ok().map(|same| !same),
                    false => None,
                };
                line.in_kernel = Some(handler.exe);
            }
        }
        lines.push(line);
    }
    Ok(lines)
}

fn row(line: &Line<'_>) -> String {
    let e = line.entry;
    let interpreter = match line.in_kernel.as_deref().and_then(|x| x.strip_prefix("/memfd:")) {
        Some(name) => format!("{} (in kernel)", name.trim_end_matches(" (deleted)")),
        None => shown(&e.interpreter, 36),
    };
    let tried = match &line.probe {
        Some(r) if r.outcome.is_ok() => format!("ok {:.0}ms", r.time.as_secs_f64() * 1e3),
        Some(r) => r.outcome.word().into(),
        None => "-".into(),
    };
    let mut notes = vec![owner(e).to_owned()];
    if let Some(other) = &line.outranked_by {
        notes.push(format!("outranked by {other}"));
    }
    if line.stale == Some(true) {
        notes.push("stale: the file on disk differs (anyarch repair)".into());
    }
    let state = if e.enabled { "enabled" } else { "disabled" };
    let arch = line.guest.map_or("-", |g| g.name);
    format!(
        "{:<3} {:<20} {arch:<9} {state:<9} {:<6} {interpreter:<36} {tried:<8} {}",
        line.order,
        e.name,
        e.flags,
        notes.join(", ")
    )
}

/// The kernel's release, as uname -r prints it.
pub(crate) fn kernel_release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

fn json(instance: &Instance, all: &[Entry], lines: &[Line<'_>], lifetime: Lifetime) -> Json {
    let native = GuestArch::host().map(|g| format!("linux/{}", g.platform));
    let ran = lines.iter().filter(|l| l.probe.as_ref().is_some_and(|p| p.outcome.is_ok()));
    let supported = ran.filter_map(|l| l.guest).map(|g| format!("linux/{}", g.platform));
    let mut emulators: Vec<&String> = all.iter().filter(|e| e.enabled).map(|e| &e.name).collect();
    emulators.sort();
    Json::Object(vec![
        ("schema", "anyarch.status/1".into()),
        ("supported", Json::list(native.into_iter().chain(supported))),
        ("emulators", Json::list(emulators)),
        (
            "kernel",
            Json::Object(vec![
                ("release", kernel_release().into()),
                ("features", Json::list(binfmt::Kernel::running().features())),
                ("global_enabled", instance.enabled().into()),
            ]),
        ),
        (
            "instance",
            Json::Object(vec![
                ("mount", instance.dir().display().to_string().into()),
                ("first_user_namespace", binfmt::mount::in_first_user_namespace().into()),
                ("lifetime", lifetime.word().into()),
                ("volatile", lifetime.is_volatile().into()),
            ]),
        ),
        ("entries", Json::List(lines.iter().map(entry_json).collect())),
        (
            "persistence",
            Json::list(
                super::persist::present(std::path::Path::new("/"))
                    .iter()
                    .map(|p| p.display().to_string()),
            ),
        ),
    ])
}

fn entry_json(line: &Line<'_>) -> Json {
    let e = line.entry;
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let mut object = vec![
        ("name", (&e.name).into()),
        ("order", line.order.into()),
        ("arch", line.guest.map(|g| g.name).into()),
        ("enabled", e.enabled.into()),
    ];
    match &e.matcher {
        binfmt::Matcher::Magic { offset, magic, mask } => object.extend([
            ("type", "magic".into()),
            ("offset", Json::Number(i64::from(*offset))),
            ("magic", hex(magic).into()),
            ("mask", hex(mask).into()),
        ]),
        binfmt::Matcher::Extension(x) => {
            object.extend([("type", "extension".into()), ("extension", x.into())]);
        }
        binfmt::Matcher::Other => object.push(("type", "other".into())),
    }
    let kind = (!e.is_pinned()).then(|| Kind::of(std::path::Path::new(&e.interpreter)).word());
    object.extend([
        ("flags", (&e.flags).into()),
        (
            "interpreter",
            Json::Object(vec![
                ("path", (&e.interpreter).into()),
                ("kind", kind.into()),
                ("in_kernel", line.in_kernel.as_ref().into()),
                ("stale", line.stale.into()),
            ]),
        ),
        ("owner", owner(e).into()),
        ("outranked_by", line.outranked_by.as_ref().into()),
        ("probe", line.probe.as_ref().map_or(Json::Null, probe_json)),
    ]);
    Json::Object(object)
}

/// A probe's result.
pub(crate) fn probe_json(report: &Report) -> Json {
    Json::Object(vec![
        ("result", report.outcome.word().into()),
        ("detail", report.outcome.to_string().into()),
        ("ms", Json::Number(report.time.as_millis() as i64)),
    ])
}
