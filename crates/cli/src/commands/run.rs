//! `anyarch run`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use binfmt::GuestArch;
use clap::Args;

use crate::report::Failure;

/// PATH of the command unless `--env` says otherwise.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[derive(Args, Clone)]
pub(crate) struct Arguments {
    /// The directory that holds the foreign root file system.
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// Mount the root read-only.
    #[arg(long)]
    read_only: bool,
    /// Set an environment variable for the command (NAME alone: with its current value).
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    env: Vec<OsString>,
    /// Make a file or directory of this machine visible inside; `:ro` makes it read-only.
    #[arg(long, short, value_name = "HOST[:INSIDE[:ro]]")]
    volume: Vec<OsString>,
    /// Working directory inside the root.
    #[arg(long, short, value_name = "DIR", default_value = "/")]
    workdir: PathBuf,
    /// Give the command no network except loopback.
    #[arg(long)]
    no_network: bool,
    /// Do not use binfmt_misc: start all programs through this binary.
    #[arg(long)]
    no_binfmt: bool,
    /// Emulate programs of this machine's own architecture, too, without binfmt_misc.
    #[arg(long)]
    emulate: bool,
    /// Register another static emulator instead of this program.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["no_binfmt", "emulate"])]
    interpreter: Option<PathBuf>,
    /// The command and its arguments (default: /bin/sh).
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Arguments {
    fn spec(&self) -> Result<rootfs::Spec, Failure> {
        let root = self.root.canonicalize().map_err(|e| {
            Failure::cannot("use the root", &self.root)(e)
                .help("--root takes the directory that holds a foreign root file system")
                .code(125)
        })?;
        if let Some(path) = &self.interpreter {
            let file = std::fs::metadata(path)
                .map_err(|e| Failure::cannot("use the interpreter", path)(e).code(125))?;
            if !file.is_file() || file.permissions().mode() & 0o111 == 0 {
                return Err(Failure::new(format!("{} is no program", path.display()))
                    .help("--interpreter takes a static emulator that may be executed")
                    .code(125));
            }
        }
        Ok(rootfs::Spec {
            root,
            command: self.command.clone(),
            env: self.environment()?,
            cwd: self.workdir.clone(),
            read_only: self.read_only,
            binds: self.volume.iter().map(|v| bind(v)).collect::<Result<_, _>>()?,
            guests: binfmt::guests::GUESTS
                .iter()
                .filter(|g: &&GuestArch| g.emulated && !self.no_binfmt && !self.emulate)
                .collect(),
            interpreter: self.interpreter.clone(),
            no_network: self.no_network,
        })
    }

    fn environment(&self) -> Result<Vec<(OsString, OsString)>, Failure> {
        let mut env: Vec<(OsString, OsString)> =
            vec![("PATH".into(), PATH.into()), ("HOME".into(), "/root".into())];
        env.extend(std::env::var_os("TERM").map(|v| ("TERM".into(), v)));
        for item in &self.env {
            let mut parts = item.as_bytes().splitn(2, |&b| b == b'=').map(OsStr::from_bytes);
            let name = parts.next().unwrap_or_default();
            if name.is_empty() {
                return Err(Failure::new(format!("--env {}: the name is missing", item.display()))
                    .help("--env takes NAME=VALUE, or NAME for its current value")
                    .code(2));
            }
            let value = parts.next().map_or_else(|| std::env::var_os(name), |v| Some(v.into()));
            env.retain(|(n, _)| n != name);
            env.extend(value.map(|v| (name.into(), v)));
        }
        Ok(env)
    }

    /// The same arguments again, for the next stage.
    fn repeat(&self, stage: &str) -> Vec<OsString> {
        let mut all: Vec<OsString> = vec![stage.into(), "--root".into(), self.root.clone().into()];
        for (flag, on) in [
            ("--read-only", self.read_only),
            ("--no-network", self.no_network),
            ("--no-binfmt", self.no_binfmt),
            ("--emulate", self.emulate),
        ] {
            all.extend(on.then(|| flag.into()));
        }
        if let Some(path) = &self.interpreter {
            all.extend(["--interpreter".into(), path.into()]);
        }
        for e in &self.env {
            all.extend(["--env".into(), e.clone()]);
        }
        for v in &self.volume {
            all.extend(["--volume".into(), v.into()]);
        }
        all.extend(["--workdir".into(), self.workdir.clone().into(), "--".into()]);
        all.extend(self.command.iter().cloned());
        all
    }
}

fn bind(text: &OsStr) -> Result<(PathBuf, PathBuf, bool), Failure> {
    let shown = text.display();
    let wrong = |why: &str| Failure::new(format!("--volume {shown}: {why}")).code(2);
    let mut parts = text.as_bytes().split(|&b| b == b':').map(OsStr::from_bytes);
    let host = parts.next().unwrap_or_default();
    let inside = parts.next().unwrap_or(host);
    let mode = parts.next();
    let read_only = match mode.map(OsStr::as_bytes) {
        None | Some(b"rw") => false,
        Some(b"ro") => true,
        Some(_) => {
            let mode = mode.unwrap_or_default().display();
            return Err(wrong(&format!("`{mode}` is neither ro nor rw")));
        }
    };
    if parts.next().is_some() {
        return Err(wrong("more than three parts").help("--volume takes HOST[:INSIDE[:ro]]"));
    }
    if !Path::new(inside).is_absolute() {
        let inside = inside.display();
        return Err(wrong(&format!("the path inside, `{inside}`, does not start with /")));
    }
    if !Path::new(inside).components().any(|c| matches!(c, std::path::Component::Normal(_))) {
        return Err(wrong("nothing can be bound at / itself")
            .help("--root takes the directory that is to be /"));
    }
    let host = Path::new(host).canonicalize().map_err(|e| {
        let host = Path::new(host).display();
        Failure::new(format!("--volume {shown}: cannot use {host}")).caused_by(e).code(125)
    })?;
    Ok((host, inside.into(), read_only))
}

/// What the user called.
pub(crate) fn outside(arguments: &Arguments) -> Result<u8, Failure> {
    rootfs::run(&arguments.spec()?, &arguments.repeat("@namespace"))
        .map_err(|e| Failure::from(e).code(125))
}

/// The owner of the namespaces.
pub(crate) fn namespace(arguments: &Arguments) -> Result<u8, Failure> {
    rootfs::own_namespaces(&arguments.spec()?, &arguments.repeat("@init"))
        .map_err(|e| Failure::from(e).code(125))
}

/// The first process inside.
pub(crate) fn init(arguments: &Arguments) -> Result<u8, Failure> {
    let options: &[OsString] = if arguments.emulate { &["--emulate".into()] } else { &[] };
    rootfs::init(&arguments.spec()?, options).map_err(|e| Failure::from(e).code(125))
}
