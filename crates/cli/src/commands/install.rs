//! `anyarch install`.

use binfmt::probe::{Outcome, Report};
use binfmt::{Flags, GuestArch};
use clap::Args;

use super::options::{Options, Trying, code, select};
use super::persist;
use crate::json::Json;
use crate::registrar::{Action, Done, Pin, Registrar, Replace};
use crate::report::Failure;

/// Whose configuration `--persist` writes.
const ROOT: &str = "/";

#[derive(Args)]
pub(crate) struct Install {
    /// Architectures, by any of their names (default: all that anyarch emulates).
    #[arg(value_name = "ARCH")]
    architectures: Vec<String>,
    /// Register another emulator; {qemu} and {arch} stand for names of the architecture.
    #[arg(long, value_name = "PATH")]
    interpreter: Option<String>,
    /// Flags of the entries; auto: POCF, as far as the kernel knows them.
    #[arg(long, value_name = "LETTERS", default_value = "auto")]
    flags: String,
    /// What the kernel keeps (default: memfd, or path with --interpreter).
    #[arg(long)]
    pin: Option<Pin>,
    /// What to do about an entry of the same name that is not ours.
    #[arg(long, value_name = "WHEN", default_value = "broken", num_args = 0..=1,
          default_missing_value = "always")]
    replace: Replace,
    /// Register even the machine's own architecture, or an interpreter that is unsafe.
    #[arg(long)]
    force: bool,
    /// Do not test whether programs run.
    #[arg(long)]
    no_probe: bool,
    /// Exit with 0 even if the registration ends with this container or namespace.
    #[arg(long)]
    allow_volatile: bool,
    /// Also write the files that register again after a restart (see anyarch persist).
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, default_missing_value = "auto")]
    persist: Option<persist::Format>,
    /// Print the registrations without making them.
    #[arg(long, short = 'n')]
    dry_run: bool,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    trying: Trying,
}

/// Registers; every architecture's programs must execute afterwards, or the command fails.
///
/// # Errors
/// When nothing could be registered at all.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the command's result")]
pub(crate) fn install(arguments: &Install) -> Result<u8, Failure> {
    let guests = select(&arguments.architectures)?;
    let flags = match arguments.flags.as_str() {
        "auto" => Flags::for_kernel(binfmt::Kernel::running()),
        letters => Flags::parse(letters).map_err(|e| Failure::from(e).code(code::USAGE))?,
    };
    let instance = if arguments.dry_run {
        binfmt::Instance::to_be_at(&arguments.options.mount)
    } else {
        arguments.options.open()?
    };
    let own = arguments.interpreter.is_none();
    let registrar = Registrar {
        interpreter: arguments.interpreter.clone(),
        pin: arguments.pin.unwrap_or(if own { Pin::Memfd } else { Pin::Path }),
        flags,
        replace: arguments.replace,
        no_probe: arguments.no_probe,
        force: arguments.force,
        ..Registrar::new(&instance, arguments.trying.prober())
    };
    if arguments.dry_run {
        return dry_run(arguments, &registrar, &guests);
    }
    let mut results = Vec::new();
    for guest in guests {
        results.push((guest, registrar.register(guest)));
    }
    let good = results.iter().filter(|(_, r)| r.is_ok()).count();
    let lifetime = binfmt::mount::lifetime(instance.dir());
    let mut exit = match results.iter().find_map(|(_, r)| r.as_ref().err()) {
        None => 0,
        Some(_) if good > 0 => code::PARTIAL,
        Some(failure) => failure.exit_code(),
    };
    if exit == 0 && lifetime.is_volatile() && !arguments.allow_volatile {
        exit = code::VOLATILE;
    }
    let persisted = arguments.persist.filter(|_| good > 0);
    let mut written = Ok(None);
    if arguments.options.json {
        // What is registered is said even if this fails.
        written = persisted.map(|f| persist::write_quietly(f, ROOT.as_ref(), false)).transpose();
        let shown = written.as_ref().ok().cloned().flatten();
        println!("{}", json(&results, lifetime, shown).pretty());
    } else {
        for (_, result) in &results {
            match result {
                Ok(done) => println!("{}", describe(done)),
                Err(failure) => {
                    failure.print();
                }
            }
        }
    }
    if good > 0 && lifetime.is_volatile() && !arguments.allow_volatile {
        eprintln!("{}", volatile(lifetime));
    }
    written?;
    if let Some(format) = persisted.filter(|_| !arguments.options.json) {
        persist::write(format, ROOT.as_ref(), false)?;
    }
    Ok(exit)
}

/// Prints what would be done.
#[expect(clippy::print_stdout, reason = "the command's result")]
fn dry_run(
    arguments: &Install,
    registrar: &Registrar<'_>,
    guests: &[&'static GuestArch],
) -> Result<u8, Failure> {
    let mut list = Vec::new();
    let mut bad = Vec::new();
    for guest in guests {
        let planned = registrar.plan(guest).and_then(|(r, a)| Ok((r.line()?, r, a)));
        match planned {
            Ok((line, rule, action)) => {
                if !arguments.options.json {
                    println!(
                        "{}: would be registered as {}{}",
                        guest.name,
                        rule.name,
                        match &action {
                            Action::Registered => String::new(),
                            Action::Replaced(line) => format!(", in the place of: {line}"),
                            Action::Outranks(name) => format!(", before {name}, which stays"),
                        }
                    );
                    println!("  {line}");
                }
                list.push(Json::Object(vec![
                    ("arch", guest.name.into()),
                    ("ok", true.into()),
                    ("name", (&rule.name).into()),
                    ("flags", rule.flags.to_string().into()),
                    ("interpreter", (&rule.interpreter).into()),
                    ("action", action.word().into()),
                    ("line", line.into()),
                ]));
            }
            Err(failure) => {
                if !arguments.options.json {
                    failure.print();
                }
                list.push(failed(guest, &failure));
                bad.push(failure.exit_code());
            }
        }
    }
    let persisted = arguments.persist.filter(|_| bad.len() < guests.len());
    if arguments.options.json {
        let written = persisted.map(|f| persist::write_quietly(f, ROOT.as_ref(), true));
        let object = vec![
            ("schema", "anyarch.install/1".into()),
            ("dry_run", true.into()),
            ("results", Json::List(list)),
            ("persist", written.transpose()?.into()),
        ];
        println!("{}", Json::Object(object).pretty());
    } else if let Some(format) = persisted {
        persist::write(format, ROOT.as_ref(), true)?;
    }
    Ok(match bad.first() {
        None => 0,
        Some(_) if bad.len() < guests.len() => code::PARTIAL,
        Some(code) => *code,
    })
}

fn failed(guest: &GuestArch, failure: &Failure) -> Json {
    Json::Object(vec![
        ("arch", guest.name.into()),
        ("ok", false.into()),
        ("error", failure.line().into()),
        ("exit_code", usize::from(failure.exit_code()).into()),
    ])
}

/// The warning about a registration that does not stay.
pub(crate) fn volatile(lifetime: binfmt::mount::Lifetime) -> String {
    match lifetime {
        binfmt::mount::Lifetime::UserNamespace => "warning[E-VOLATILE]: the registration lasts as \
            long as this user namespace\nhelp: --allow-volatile if that is what you want"
            .into(),
        _ => "warning[E-VOLATILE]: the registration vanishes when this container ends, for its \
            binfmt_misc is mounted nowhere else (Linux 6.7)\n\
            help: run the container with -v /proc/sys/fs/binfmt_misc:/binfmt_misc and add \
            --mount /binfmt_misc, or keep one alive: anyarch hold; --allow-volatile if that is what you \
            want"
            .into(),
    }
}

fn describe(done: &Done) -> String {
    let Done { guest, rule, action, probe, in_memory, noted } = done;
    let what = match action {
        Action::Registered => String::new(),
        Action::Replaced(line) => {
            let back = if *noted { "" } else { ", and write that line to register" };
            let name = &rule.name;
            format!("\n  in the place of: {line}\n  to get it back: anyarch uninstall {name}{back}")
        }
        Action::Outranks(name) => {
            format!("\n  before {name}, which stays and takes over again on uninstall")
        }
    };
    let held = if *in_memory { ", held in memory" } else { "" };
    let tried = match probe {
        Some(Report { outcome: Outcome::Ok, time, .. }) => {
            format!("a program ran in {:.1} ms", time.as_secs_f64() * 1e3)
        }
        Some(report) => format!("not tried: {}", report.outcome),
        None => "not tried".into(),
    };
    format!(
        "{}: registered as {} (flags {}{held}); {tried}{what}",
        guest.name, rule.name, rule.flags
    )
}

fn json(
    results: &[(&'static GuestArch, Result<Done, Failure>)],
    lifetime: binfmt::mount::Lifetime,
    persist: Option<Json>,
) -> Json {
    let one = |(guest, result): &(&'static GuestArch, Result<Done, Failure>)| match result {
        Ok(done) => Json::Object(vec![
            ("arch", guest.name.into()),
            ("ok", true.into()),
            ("name", (&done.rule.name).into()),
            ("flags", done.rule.flags.to_string().into()),
            ("interpreter", (&done.rule.interpreter).into()),
            ("held_in_memory", done.in_memory.into()),
            ("action", done.action.word().into()),
            ("probe", done.probe.as_ref().map(|p| p.outcome.word()).into()),
        ]),
        Err(failure) => failed(guest, failure),
    };
    Json::Object(vec![
        ("schema", "anyarch.install/1".into()),
        ("results", Json::List(results.iter().map(one).collect())),
        ("lifetime", lifetime.word().into()),
        ("volatile", lifetime.is_volatile().into()),
        ("persist", persist.into()),
    ])
}
