//! `anyarch persist`: registrations that come back after a restart.

use std::path::{Path, PathBuf};

use binfmt::guests::emulated;
use binfmt::root::Root;
use binfmt::{Flags, Kernel, Rule, conf, formats};
use clap::{Args, Subcommand, ValueEnum};

use super::options::{code, own_name};
use crate::json::Json;
use crate::report::Failure;

/// Whose files to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    /// Whatever this system uses.
    Auto,
    /// systemd-binfmt's binfmt.d.
    Systemd,
    /// Debian's binfmt-support.
    Debian,
    /// OpenRC's binfmt service, which reads binfmt.d.
    Openrc,
    /// A core service of runit (Void).
    Runit,
    /// The boot command of WSL.
    Wsl,
    /// A DaemonSet of Kubernetes.
    Daemonset,
    /// A service of Docker Compose.
    Compose,
    /// NixOS's configuration.
    Nixos,
}

#[derive(Args)]
pub(crate) struct Persist {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the files, and the commands to run afterwards.
    Show(Which),
    /// Print the files and write them.
    Write(Change),
    /// Remove the files that we wrote.
    Remove(Change),
}

#[derive(Args)]
struct Change {
    #[command(flatten)]
    which: Which,
    /// Only print what would be done.
    #[arg(long, short = 'n')]
    dry_run: bool,
}

#[derive(Args)]
struct Which {
    /// Whose files.
    #[arg(long, default_value = "auto")]
    format: Format,
    /// The root directory that they belong to.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Print JSON (docs/json.md describes it).
    #[arg(long)]
    json: bool,
}

/// In every file of ours.
const MARK: &str = "written by anyarch";

/// The files of a format by their paths in the root, and how they take effect.
struct Files {
    root: Root,
    files: Vec<(PathBuf, String)>,
    /// Text that belongs into a file of the user's.
    snippet: Option<String>,
    then: String,
    /// What makes the removal take effect at once.
    undo: String,
}

/// Shows, writes or removes.
///
/// # Errors
/// When a file cannot be written, or is not ours.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn persist(arguments: &Persist) -> Result<u8, Failure> {
    let (which, dry_run) = match &arguments.command {
        Command::Show(which) => (which, true),
        Command::Write(Change { which, dry_run }) => (which, *dry_run),
        Command::Remove(Change { which, dry_run }) => return remove(which, *dry_run),
    };
    if which.json {
        println!("{}", write_quietly(which.format, &which.root, dry_run)?.pretty());
    } else {
        write(which.format, &which.root, dry_run)?;
    }
    Ok(0)
}

/// The path under which this program will be found after a restart.
fn own_path() -> Result<String, Failure> {
    let path = std::env::current_exe()
        .map_err(|e| Failure::new("cannot tell where this program is").caused_by(e))?;
    let text = path.display().to_string();
    if text.starts_with("/memfd:") || text.ends_with(" (deleted)") {
        return Err(Failure::new("this program has no file that would be there after a restart")
            .help("copy it to /usr/local/bin/anyarch and run it from there"));
    }
    Ok(text)
}

/// The rules as they are to be after a restart, where names that others use in their files are
/// not `free`: ours come after them, so first with the kernel, and do not take their places.
fn rules(interpreter: &str, free: impl Fn(&str) -> bool) -> Vec<Rule> {
    let rule = |guest| {
        let rule = Rule::for_guest(guest, interpreter, Flags::for_kernel(Kernel::running()));
        let name = if free(&rule.name) { rule.name } else { own_name(guest) };
        Rule { name, ..rule }
    };
    emulated().into_iter().map(rule).collect()
}

/// Names of the entries in files of binfmt.d that are not ours.
fn names_in_binfmt_d(root: &Root) -> Vec<String> {
    let texts = conf::files(root).into_iter().filter_map(|path| root.read(&path).ok());
    let others = texts.filter(|text| !is_ours(&String::from_utf8_lossy(text)));
    others.flat_map(|text| conf::rules(&text)).map(|rule| rule.name).collect()
}

/// What this system has.
fn detect(root: &Root) -> Format {
    let has = |p: &str| root.has(p.as_ref());
    if has("usr/lib/systemd/systemd-binfmt") || has("lib/systemd/systemd-binfmt") {
        Format::Systemd
    } else if has("usr/sbin/update-binfmts") {
        Format::Debian
    } else if has("sbin/openrc") || has("usr/sbin/openrc") {
        Format::Openrc
    } else if has("etc/runit/core-services") {
        Format::Runit
    } else {
        Format::Systemd
    }
}

fn files(format: Format, root: &Path) -> Result<Files, Failure> {
    let root = Root::open(root).map_err(|e| {
        Failure::cannot("use the root", root)(e)
            .help("--root takes the directory that the machine's files are in")
            .code(code::USAGE)
    })?;
    let format = if format == Format::Auto { detect(&root) } else { format };
    let own = own_path()?;
    let binfmt_d = |root: &Root| -> Result<Vec<(PathBuf, String)>, Failure> {
        let taken = names_in_binfmt_d(root);
        let rules = rules(&own, |name| !taken.iter().any(|t| t == name));
        // Behind the files of others: what is registered last comes first.
        Ok(vec![("etc/binfmt.d/zz-anyarch.conf".into(), formats::binfmt_d(&rules)?)])
    };
    let snippet = |root, text: String, then: &str| Files {
        root,
        files: Vec::new(),
        snippet: Some(text),
        then: then.to_owned(),
        undo: String::new(),
    };
    let undo = || "the entries stay until a restart; at once: anyarch uninstall".to_owned();
    let image = "anyarch";
    Ok(match format {
        Format::Auto | Format::Systemd => Files {
            files: binfmt_d(&root)?,
            root,
            snippet: None,
            then: "systemctl restart systemd-binfmt  (it removes all other registrations first)"
                .into(),
            undo: undo(),
        },
        Format::Openrc => Files {
            files: binfmt_d(&root)?,
            root,
            snippet: None,
            then: "rc-update add binfmt boot && rc-service binfmt restart".into(),
            undo: undo(),
        },
        Format::Debian => debian(&own, root)?,
        Format::Runit => Files {
            root,
            files: vec![(
                "etc/runit/core-services/99-anyarch.sh".into(),
                format!("# {MARK}\n{own} install --allow-volatile\n"),
            )],
            snippet: None,
            then: "it takes effect at the next start".into(),
            undo: undo(),
        },
        Format::Wsl => snippet(
            root,
            format!("# {MARK}, for /etc/wsl.conf\n[boot]\ncommand={own} install\n"),
            "put it into /etc/wsl.conf, then: wsl --shutdown",
        ),
        Format::Daemonset => snippet(
            root,
            format!(include_str!("persist/daemonset.yaml"), mark = MARK, image = image),
            "kubectl apply -f -",
        ),
        Format::Compose => snippet(
            root,
            format!(include_str!("persist/compose.yaml"), mark = MARK, image = image),
            "docker compose up -d",
        ),
        Format::Nixos => {
            let mut text = format!("# {MARK}\n{{\n");
            for rule in rules(&own, |_| true) {
                let binfmt::Matcher::Magic { magic, mask, .. } = &rule.matcher else { continue };
                text += &format!(
                    "  boot.binfmt.registrations.{} = {{\n    interpreter = \"{own}\";\n    \
                     magicOrExtension = ''{}'';\n    mask = ''{}'';\n    \
                     preserveArgvZero = true;\n    openBinary = true;\n    \
                     matchCredentials = true;\n    fixBinary = true;\n    \
                     wrapInterpreterInShell = false;\n  }};\n",
                    rule.name,
                    binfmt::rule::escape(magic),
                    binfmt::rule::escape(mask)
                );
            }
            text += "}\n";
            snippet(root, text, "import it in configuration.nix, then: nixos-rebuild switch")
        }
    })
}

/// Format files for update-binfmts. It keeps no order between formats: others for the same programs
/// must leave its database.
fn debian(own: &str, root: Root) -> Result<Files, Failure> {
    let dir = Path::new("usr/share/binfmts");
    let taken = |name: &str| text(&root, &dir.join(name)).is_some_and(|t| !is_ours(&t));
    let rules = rules(own, |name| !taken(name));
    let (mut files, mut then, mut undo) = (Vec::new(), Vec::new(), Vec::new());
    for (rule, guest) in rules.iter().zip(emulated()) {
        let name = &rule.name;
        files.push((dir.join(name), formats::update_binfmts(rule)?));
        let other = Rule::for_guest(guest, own, Flags::ALL).name;
        undo.push(format!("update-binfmts --package anyarch --remove {name} {own}"));
        if *name != other {
            then.push(format!("update-binfmts --unimport {other}"));
            undo.push(format!("update-binfmts --import {other}"));
        }
        then.push(format!("update-binfmts --import {name}"));
    }
    Ok(Files { root, files, snippet: None, then: then.join("; "), undo: undo.join("; ") })
}

/// Prints the files of `format`, and writes them unless `dry_run`.
///
/// # Errors
/// When a file cannot be written or is somebody else's.
#[expect(clippy::print_stdout, reason = "what is written is shown first")]
pub(crate) fn write(format: Format, root: &Path, dry_run: bool) -> Result<(), Failure> {
    let all = files(format, root)?;
    for (path, text) in &all.files {
        println!("# {}\n{}\n", all.root.outside(path).display(), text.trim_end());
    }
    if let Some(text) = &all.snippet {
        println!("{}\n", text.trim_end());
    }
    for (path, text) in all.files.iter().filter(|_| !dry_run) {
        put_ours(&all.root, path, text)?;
        println!("# written: {}", all.root.outside(path).display());
    }
    println!("# then: {}", all.then);
    Ok(())
}

/// Writes the files of `format` unless `dry_run`, and describes them.
///
/// # Errors
/// When a file cannot be written or is somebody else's.
pub(crate) fn write_quietly(format: Format, root: &Path, dry_run: bool) -> Result<Json, Failure> {
    let all = files(format, root)?;
    let mut list = Vec::new();
    for (path, text) in all.files {
        if !dry_run {
            put_ours(&all.root, &path, &text)?;
        }
        list.push(Json::Object(vec![
            ("path", all.root.outside(&path).display().to_string().into()),
            ("text", text.into()),
            ("written", (!dry_run).into()),
        ]));
    }
    Ok(Json::Object(vec![
        ("schema", "anyarch.persist/1".into()),
        ("files", Json::List(list)),
        ("snippet", all.snippet.into()),
        ("then", all.then.into()),
    ]))
}

fn is_ours(text: &str) -> bool {
    text.contains(MARK) || text.starts_with("package anyarch\n")
}

fn not_ours(path: &Path) -> Failure {
    Failure::new(format!("{} is not ours", path.display())).help("move it away first")
}

/// Writes a file unless it is somebody else's.
fn put_ours(root: &Root, path: &Path, new: &str) -> Result<(), Failure> {
    if text(root, path).is_some_and(|old| !is_ours(&old)) {
        return Err(not_ours(&root.outside(path)));
    }
    root.replace(path, new.as_bytes()).map_err(|e| {
        let denied = e.kind() == std::io::ErrorKind::PermissionDenied;
        let failure = Failure::cannot("write", root.outside(path))(e);
        failure.code(if denied { code::PRIVILEGE } else { code::NOT_REACHED })
    })
}

/// The text of a file, if there is one.
fn text(root: &Root, path: &Path) -> Option<String> {
    String::from_utf8(root.read(path).ok()?).ok()
}

#[expect(clippy::print_stdout, reason = "the command's result")]
fn remove(which: &Which, dry_run: bool) -> Result<u8, Failure> {
    let all = files(which.format, &which.root)?;
    let mut removed = Vec::new();
    for (path, _) in all.files {
        let Some(text) = text(&all.root, &path) else { continue };
        let shown = all.root.outside(&path);
        if !is_ours(&text) {
            return Err(not_ours(&shown));
        }
        if !dry_run {
            all.root.remove(&path).map_err(Failure::cannot("remove", &shown))?;
        }
        removed.push(shown.display().to_string());
    }
    if which.json {
        let object = vec![
            ("schema", "anyarch.persist/1".into()),
            ("removed", Json::list(&removed)),
            ("dry_run", dry_run.into()),
            ("then", all.undo.into()),
        ];
        println!("{}", Json::Object(object).pretty());
        return Ok(0);
    }
    for path in &removed {
        println!("{path}: {}", if dry_run { "would be removed" } else { "removed" });
    }
    if removed.is_empty() {
        println!("there is nothing of ours to remove");
    } else if !all.undo.is_empty() {
        println!("# then: {}", all.undo);
    }
    Ok(0)
}

/// The files of ours that are there, of packages as well, for the doctor and for status.
pub(crate) fn present(root: &Path) -> Vec<PathBuf> {
    let Ok(root) = Root::open(root) else { return Vec::new() };
    let dirs =
        conf::DIRECTORIES.into_iter().chain(["usr/share/binfmts", "etc/runit/core-services"]);
    let paths = dirs.flat_map(|d| root.names(d.as_ref()).into_iter().map(|n| Path::new(d).join(n)));
    let ours = |path: &PathBuf| text(&root, path).is_some_and(|t| is_ours(&t));
    let mut files: Vec<PathBuf> = paths.filter(ours).map(|path| root.outside(&path)).collect();
    files.sort();
    files
}
