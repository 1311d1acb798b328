//! `anyarch export`: registrations in the forms of other tools.

use std::fs;
use std::path::PathBuf;

use binfmt::{Flags, Rule, formats};
use clap::{Args, ValueEnum};

use super::options::{code, select};
use crate::json::Json;
use crate::report::Failure;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// binfmt.d(5).
    Systemd,
    /// Format files of update-binfmts(8).
    Debian,
    /// The lines for the kernel's register file.
    Raw,
    /// A shell script that registers.
    Sh,
}

#[derive(Args)]
pub(crate) struct Export {
    /// Architectures (default: all that anyarch emulates).
    #[arg(value_name = "ARCH")]
    architectures: Vec<String>,
    /// The format.
    #[arg(long)]
    format: Format,
    /// The interpreter's path; {qemu} and {arch} stand for names of the architecture.
    #[arg(long, value_name = "PATH", default_value = "/usr/bin/anyarch")]
    interpreter: String,
    /// Flags of the entries.
    #[arg(long, value_name = "POCF", default_value = "POCF")]
    flags: String,
    /// Prefix of the entries' names.
    #[arg(long, value_name = "PREFIX", default_value = "qemu-")]
    name_prefix: String,
    /// Print JSON (docs/json.md describes it).
    #[arg(long)]
    json: bool,
    /// Write files into this directory instead of to standard output.
    #[arg(long, value_name = "DIR", conflicts_with = "json")]
    out: Option<PathBuf>,
}

/// Prints or writes.
///
/// # Errors
/// When a file cannot be written.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn export(arguments: &Export) -> Result<u8, Failure> {
    let flags = Flags::parse(&arguments.flags).map_err(|e| Failure::from(e).code(code::USAGE))?;
    let rules: Vec<Rule> = select(&arguments.architectures)?
        .into_iter()
        .map(|g| Rule {
            name: format!("{}{}", arguments.name_prefix, g.qemu),
            ..Rule::for_guest(g, &g.fill(&arguments.interpreter), flags)
        })
        .collect();
    let mut files: Vec<(String, String)> = Vec::new();
    match arguments.format {
        Format::Systemd => files.push(("zz-anyarch.conf".into(), formats::binfmt_d(&rules)?)),
        Format::Sh => {
            let text = formats::shell(&rules, binfmt::instance::DEFAULT_MOUNT)?;
            files.push(("anyarch-register.sh".into(), text));
        }
        Format::Raw => {
            let lines: Result<Vec<String>, _> = rules.iter().map(Rule::line).collect();
            files.push(("anyarch.register".into(), lines?.join("\n") + "\n"));
        }
        Format::Debian => {
            for rule in &rules {
                files.push((rule.name.clone(), formats::update_binfmts(rule)?));
            }
        }
    }
    if arguments.json {
        let file = |(name, text): &(String, String)| {
            Json::Object(vec![("name", name.into()), ("text", text.into())])
        };
        let list = Json::List(files.iter().map(file).collect());
        let object = vec![("schema", "anyarch.export/1".into()), ("files", list)];
        println!("{}", Json::Object(object).pretty());
        return Ok(0);
    }
    for (name, text) in files {
        match &arguments.out {
            Some(dir) => {
                let path = dir.join(&name);
                fs::write(&path, text).map_err(Failure::cannot("write", &path))?;
                println!("{}", path.display());
            }
            None if arguments.format == Format::Debian => println!("# {name}\n{text}"),
            None => print!("{text}"),
        }
    }
    Ok(0)
}
