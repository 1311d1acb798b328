//! `anyarch run`.

use std::ffi::OsString;
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
    volume: Vec<String>,
    /// Working directory inside the root.
    #[arg(long, short, value_name = "DIR", default_value = "/")]
    workdir: PathBuf,
    /// Give the command no network except loopback.
    #[arg(long)]
    no_network: bool,
    /// Do not use binfmt_misc: start all programs through this binary.
    #[arg(long)]
    no_binfmt: bool,
    /// Register another static emulator instead of this program.
    #[arg(long, value_name = "PATH", conflicts_with = "no_binfmt")]
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
            env: self.environment(),
            cwd: self.workdir.clone(),
            read_only: self.read_only,
            binds: self.volume.iter().map(|v| bind(v)).collect::<Result<_, _>>()?,
            guests: binfmt::guests::GUESTS
                .iter()
                .filter(|g: &&GuestArch| g.emulated && !self.no_binfmt)
                .collect(),
            interpreter: self.interpreter.clone(),
            no_network: self.no_network,
        })
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let mut env: Vec<(OsString, OsString)> =
            vec![("PATH".into(), PATH.into()), ("HOME".into(), "/root".into())];
        env.extend(std::env::var_os("TERM").map(|v| ("TERM".into(), v)));
        for item in &self.env {
            let bytes = item.as_encoded_bytes();
            let text = String::from_utf8_lossy(bytes);
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.into())),
                None => (text.to_string(), std::env::var_os(text.as_ref())),
            };
            env.retain(|(n, _)| n.to_str() != Some(&name));
            env.extend(value.map(|v| (name.into(), v)));
        }
        env
    }

    /// The same arguments again, for the next stage.
    fn repeat(&self, stage: &str) -> Vec<OsString> {
        let mut all: Vec<OsString> = vec![stage.into(), "--root".into(), self.root.clone().into()];
        for (flag, on) in [
            ("--read-only", self.read_only),
            ("--no-network", self.no_network),
            ("--no-binfmt", self.no_binfmt),
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

fn bind(text: &str) -> Result<(PathBuf, PathBuf, bool), Failure> {
    let mut parts = text.split(':');
    let host = parts.next().unwrap_or_default();
    let inside = parts.next().unwrap_or(host);
    let read_only = match parts.next() {
        None | Some("rw") => false,
        Some("ro") => true,
        Some(other) => {
            return Err(
                Failure::new(format!("--volume {text}: `{other}` is neither ro nor rw")).code(2)
            );
        }
    };
    if !Path::new(inside).is_absolute() {
        return Err(Failure::new(format!(
            "--volume {text}: the path inside, `{inside}`, does not start with /"
        ))
        .code(2));
    }
    if !Path::new(inside).components().any(|c| matches!(c, std::path::Component::Normal(_))) {
        return Err(Failure::new(format!("--volume {text}: nothing can be bound at / itself"))
            .help("--root takes the directory that is to be /")
            .code(2));
    }
    let host = PathBuf::from(host);
    let host = host.canonicalize().map_err(|e| {
        Failure::new(format!("--volume {text}: cannot use {}", host.display()))
            .caused_by(e)
            .code(125)
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
    rootfs::init(&arguments.spec()?, &[]).map_err(|e| Failure::from(e).code(125))
}
