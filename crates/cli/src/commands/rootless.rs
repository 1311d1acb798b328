//! `anyarch rootless`: registrations of an ordinary user (Linux 6.7), which the machine does not
//! see. Either in the namespaces of the user's running container engine, so that its containers
//! run foreign programs, or in new ones for a command.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitStatus, Output, Stdio};

use binfmt::pin::OWN_IMAGE;
use binfmt::{GuestArch, namespace};
use clap::{Args, Subcommand};
use rustix::process::{Gid, Pid, PidfdFlags, Uid, geteuid, pidfd_open};
use rustix::thread::{
    ThreadNameSpaceType, move_into_thread_name_spaces, set_thread_res_gid, set_thread_res_uid,
};

use super::options::code;
use crate::json::Json;
use crate::report::Failure;

#[derive(Args)]
pub(crate) struct Rootless {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the engines that run for this user, and what is registered in them.
    Status(Where),
    /// Register in the engines' namespaces.
    Install(Install),
    /// Remove our registrations and restore what they replaced.
    Remove(Remove),
    /// Run a command in new namespaces with all architectures registered.
    New(New),
}

#[derive(Args)]
struct Where {
    /// podman, docker or the id of a process in the namespaces (default: all that run).
    #[arg(long, value_name = "ENGINE|PID")]
    engine: Option<String>,
    /// Print JSON (docs/json.md describes it).
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Remove {
    #[command(flatten)]
    at: Where,
    /// Print what would be removed.
    #[arg(short = 'n', long)]
    dry_run: bool,
}

#[derive(Args)]
struct Install {
    #[command(flatten)]
    at: Where,
    /// Print what would be registered.
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Architectures (default: all that anyarch emulates).
    #[arg(value_name = "ARCH")]
    architectures: Vec<String>,
}

#[derive(Args)]
struct New {
    /// The command (default: /bin/sh).
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What a command passes to itself.
#[derive(Args)]
pub(crate) struct Enter {
    /// Use the instance that is in force there, do not mount one.
    #[arg(long)]
    look: bool,
    /// The process whose namespaces are entered, or `new`.
    at: String,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// A running engine: its name and a process in its namespaces.
#[derive(Debug, PartialEq, Eq)]
struct Engine {
    name: String,
    pid: u32,
}

/// Does it.
///
/// # Errors
/// When no engine runs, or its namespaces cannot be entered.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn rootless(arguments: &Rootless) -> Result<u8, Failure> {
    let (at, mut words): (&Where, Vec<OsString>) = match &arguments.command {
        Command::New(new) => {
            let mut words: Vec<OsString> = vec!["@enter".into(), "new".into()];
            let shell = [OsString::from("/bin/sh")];
            let command = if new.command.is_empty() { &shell[..] } else { &new.command[..] };
            words.extend(command.iter().cloned());
            let error = Process::new(OWN_IMAGE).args(words).exec();
            return Err(Failure::cannot("execute", OWN_IMAGE)(error));
        }
        Command::Status(at) => (at, vec!["status".into()]),
        Command::Remove(remove) => {
            let mut words: Vec<OsString> = vec!["uninstall".into()];
            words.extend(remove.dry_run.then(|| "--dry-run".into()));
            (&remove.at, words)
        }
        Command::Install(install) => {
            let mut words: Vec<OsString> = vec!["install".into(), "--allow-volatile".into()];
            words.extend(install.dry_run.then(|| "--dry-run".into()));
            words.extend(install.architectures.iter().map(OsString::from));
            (&install.at, words)
        }
    };
    words.extend(at.json.then(|| "--json".into()));
    let mut exit = 0;
    let mut done = Vec::new();
    for engine in &engines(at.engine.as_deref())? {
        let mut process = Process::new(OWN_IMAGE);
        process.args(["@enter", &engine.pid.to_string(), "--"]).args(&words);
        let failed = Failure::cannot("execute", OWN_IMAGE);
        let status = if at.json {
            let out = process.stderr(Stdio::inherit()).output().map_err(failed)?;
            done.push(engine.json(&out));
            out.status
        } else {
            println!("{} (process {}):", engine.name, engine.pid);
            process.status().map_err(failed)?
        };
        if !status.success() {
            exit = code_of(status);
        }
    }
    if at.json {
        let object = vec![("schema", "anyarch.rootless/1".into()), ("engines", Json::List(done))];
        println!("{}", Json::Object(object).pretty());
    }
    Ok(exit)
}

fn code_of(status: ExitStatus) -> u8 {
    status.code().map_or(code::NOT_REACHED, |c| c as u8)
}

impl Engine {
    /// What became of a command in its namespaces, which prints JSON if it gets that far.
    fn json(&self, out: &Output) -> Json {
        let text = String::from_utf8_lossy(&out.stdout).trim().to_owned();
        let result = if text.is_empty() { Json::Null } else { Json::Written(text) };
        Json::Object(vec![
            ("engine", self.name.clone().into()),
            ("pid", (self.pid as usize).into()),
            ("code", usize::from(code_of(out.status)).into()),
            ("result", result),
        ])
    }
}

/// The words that make this program do what follows them in the namespaces of a process.
pub(crate) fn look(pid: u32) -> Vec<String> {
    ["@enter", "--look", &pid.to_string(), "--"].map(str::to_owned).into()
}

/// Registers this program in the namespaces of a process.
///
/// # Errors
/// With what the registrar says there.
pub(crate) fn install_within(pid: u32, guest: &GuestArch) -> Result<(), Failure> {
    let out = Process::new(OWN_IMAGE)
        .args(["@enter", &pid.to_string(), "--", "install", "--allow-volatile"])
        .args(["--replace", "always", guest.name])
        .output()
        .map_err(Failure::cannot("execute", OWN_IMAGE))?;
    if out.status.success() {
        return Ok(());
    }
    Err(Failure::new(String::from_utf8_lossy(&out.stderr).trim_end().to_owned()))
}

/// The engines that are asked for, or all of this user that run.
fn engines(asked: Option<&str>) -> Result<Vec<Engine>, Failure> {
    let named = |name: &str| Engine { name: name.to_owned(), pid: 0 };
    if let Some(pid) = asked.and_then(|a| a.parse::<u32>().ok()) {
        return Ok(vec![Engine { pid, ..named("the namespaces") }]);
    }
    let known = ["podman", "docker"];
    if let Some(other) = asked.filter(|a| !known.contains(a)) {
        return Err(Failure::new(format!("`{other}` is neither podman, docker nor a process id"))
            .code(code::USAGE));
    }
    let wanted = |name: &&str| asked.is_none_or(|a| a == *name);
    let found: Vec<Engine> = known
        .into_iter()
        .filter(wanted)
        .filter_map(|name| Some(Engine { pid: running(name)?, ..named(name) }))
        .collect();
    if found.is_empty() {
        return Err(Failure::new("no rootless container engine runs for this user").help(
            "podman: start its namespaces with `podman unshare true`; or give --engine PID; or \
             anyarch rootless new -- COMMAND",
        ));
    }
    Ok(found)
}

/// A process in the namespaces of `engine`, if it runs.
fn running(engine: &str) -> Option<u32> {
    let uid = geteuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map_or_else(|| PathBuf::from(format!("/run/user/{uid}")), PathBuf::from);
    let files: Vec<PathBuf> = match engine {
        "podman" => vec![
            runtime.join("libpod/tmp/pause.pid"),
            format!("/tmp/storage-run-{uid}/libpod/tmp/pause.pid").into(),
            format!("/tmp/podman-run-{uid}/libpod/tmp/pause.pid").into(),
        ],
        _ => vec![runtime.join("dockerd-rootless/child_pid"), runtime.join("docker.pid")],
    };
    let pid = |file: &PathBuf| fs::read_to_string(file).ok()?.trim().parse::<u32>().ok();
    let lives = |pid: &u32| {
        let link = |who: &str| fs::read_link(format!("/proc/{who}/ns/user")).ok();
        // Only namespaces of the user's own: in the machine's, root's command is `install`.
        link(&pid.to_string()).is_some_and(|theirs| Some(theirs) != link("self"))
    };
    files.iter().filter_map(pid).find(lives)
}

/// Enters the namespaces, sees to it that their own instance is mounted, and does the rest of the
/// command line.
///
/// # Errors
/// When the namespaces cannot be entered or made, or the kernel is too old.
pub(crate) fn enter(arguments: &Enter) -> Result<u8, Failure> {
    let new = arguments.at == "new";
    if new {
        make()?;
    } else {
        join(&arguments.at)?;
    }
    if arguments.look {
        let error = Process::new(OWN_IMAGE).args(&arguments.words).exec();
        return Err(Failure::cannot("execute", OWN_IMAGE)(error));
    }
    let dir = Path::new(binfmt::instance::DEFAULT_MOUNT);
    let (instance, _) = binfmt::mount::open_own(dir).map_err(|e| {
        Failure::from(e)
            .help("user namespaces have an instance of their own since Linux 6.7")
            .code(code::NO_BINFMT)
    })?;
    let mut words = arguments.words.iter();
    let mut process = if new {
        let prober = super::probe::prober(std::time::Duration::from_secs(20));
        crate::registrar::Registrar::new(&instance, prober).register_all()?;
        Process::new(words.next().ok_or_else(|| Failure::new("no command"))?)
    } else {
        Process::new(OWN_IMAGE)
    };
    let error = process.args(words).exec();
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    Err(Failure::cannot("execute", process.get_program())(error).code(if missing {
        127
    } else {
        126
    }))
}

fn join(pid: &str) -> Result<(), Failure> {
    let number = pid.parse::<i32>().ok().and_then(Pid::from_raw);
    let number = number.ok_or_else(|| Failure::new(format!("`{pid}` is no process id")))?;
    let failed = |what: &str| format!("cannot {what} of process {pid}");
    let process = pidfd_open(number, PidfdFlags::empty())
        .map_err(|e| Failure::new(failed("get hold")).caused_by(e))?;
    use std::os::fd::AsFd as _;
    let both = ThreadNameSpaceType::USER | ThreadNameSpaceType::MOUNT;
    move_into_thread_name_spaces(process.as_fd(), both).map_err(|e| {
        Failure::new(failed("enter the namespaces"))
            .caused_by(e)
            .help("they must belong to this user, and not be the machine's own")
            .code(code::PRIVILEGE)
    })?;
    become_root()
}

/// Root of the machine has all rights in a user's namespaces, but no number there to make files
/// under.
fn become_root() -> Result<(), Failure> {
    const NOBODY: u32 = 65534;
    if geteuid().as_raw() != NOBODY {
        return Ok(());
    }
    let (uid, gid) = (Uid::ROOT, Gid::ROOT);
    set_thread_res_gid(gid, gid, gid)
        .and_then(|()| set_thread_res_uid(uid, uid, uid))
        .map_err(|e| Failure::new("cannot become root of the namespaces").caused_by(e))
}

/// New user and mount namespaces, in which this user is root.
fn make() -> Result<(), Failure> {
    namespace::unshare().map_err(|e| {
        Failure::from(e)
            .help(
                "see /proc/sys/user/max_user_namespaces, kernel.unprivileged_userns_clone and \
                 kernel.apparmor_restrict_unprivileged_userns",
            )
            .code(code::PRIVILEGE)
    })?;
    namespace::make_private("/".as_ref())
        .map_err(|e| Failure::new("cannot make mounts private").caused_by(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_checked() {
        assert_eq!(engines(Some("17")).map(|e| e[0].pid).ok(), Some(17));
        assert_eq!(engines(Some("lxc")).map_err(|f| f.exit_code()).err(), Some(code::USAGE));
    }
}
