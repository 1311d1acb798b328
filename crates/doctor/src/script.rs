//! Scripts: the line that names their interpreter, as the kernel reads it (fs/binfmt_script.c).

use std::path::Path;

use binfmt::interpreter::SCRIPT_LINE;
use binfmt::root::Root;

use crate::{Finding, Fix, code};

/// The first line of a script.
pub(crate) struct Line {
    /// The interpreter's path.
    pub(crate) interpreter: String,
    /// What it is given before the script's path.
    argument: String,
    /// Whether it is longer than what the kernel reads.
    cut: bool,
}

/// The line of the script that begins with `head`; None if it is no script.
pub(crate) fn line(head: &[u8]) -> Option<Line> {
    let read = &head[..head.len().min(SCRIPT_LINE)];
    let text = read.strip_prefix(b"#!")?;
    let end = text.iter().position(|b| *b == b'\n');
    let text = String::from_utf8_lossy(&text[..end.unwrap_or(text.len())]).into_owned();
    let text = text.trim_matches([' ', '\t']);
    let (interpreter, argument) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    Some(Line {
        interpreter: interpreter.to_owned(),
        argument: argument.trim_matches([' ', '\t']).to_owned(),
        cut: end.is_none() && head.len() > SCRIPT_LINE && argument.is_empty(),
    })
}

/// What is wrong with the line of the script `about`, which is at `shown` for the user; None if its
/// interpreter is to be looked at.
pub(crate) fn judge(root: &Root, line: &Line, about: &str, shown: &Path) -> Option<Finding> {
    let finding = |evidence: String, fix: String| {
        Some(Finding::new(code::BAD_SCRIPT, about).evidence(evidence).fix(Fix::Command(fix)))
    };
    let Line { interpreter, argument, .. } = line;
    let last = if argument.is_empty() { interpreter } else { argument };
    if last.ends_with('\r') {
        let text = match argument.is_empty() {
            true => format!("the kernel looks for {interpreter:?}"),
            false => format!("{interpreter} is given the argument {argument:?}"),
        };
        let fix = format!("sed -i 's/\\r$//' {}", shown.display());
        return finding(format!("its first line ends in CR LF: {text}"), fix);
    }
    if interpreter.is_empty() {
        let text = "its first line is #! without an interpreter: ENOEXEC";
        return finding(text.into(), "name one: #!/bin/sh".into());
    }
    if line.cut {
        let text = format!("its first line is longer than {SCRIPT_LINE} bytes: ENOEXEC");
        return finding(text, "name the interpreter by a shorter path, or by a link".into());
    }
    if let Err(e) = root.find(&root.absolute(interpreter.as_ref())) {
        let text = format!("its interpreter {interpreter} cannot be found: {e}");
        let fix = format!("put it into {}, or name another", root.path().display());
        return finding(text, fix);
    }
    let name = Path::new(interpreter).file_name().unwrap_or_default();
    if name == "env" && !argument.starts_with('-') && !argument.contains(['/', '=', ' ']) {
        let mut dirs = search_path(root);
        if !argument.is_empty() && !dirs.any(|dir| root.has(&Path::new(&dir).join(argument))) {
            let text =
                format!("{interpreter} does not find {argument} in {}", root.path().display());
            return finding(text, format!("install {argument} there"));
        }
    }
    None
}

/// Where programs are looked for: as here, or where every root has them.
fn search_path(root: &Root) -> impl Iterator<Item = String> {
    const USUAL: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let own = std::env::var("PATH").ok().filter(|_| root.is_own());
    let dirs: Vec<String> = own.as_deref().unwrap_or(USUAL).split(':').map(str::to_owned).collect();
    dirs.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_kernel_does() {
        let read = |text: &str| line(text.as_bytes()).map(|l| (l.interpreter, l.argument, l.cut));
        let of = |i: &str, a: &str| Some((i.to_owned(), a.to_owned(), false));
        assert_eq!(read("#!/bin/sh\nx"), of("/bin/sh", ""));
        assert_eq!(read("#! \t/bin/sh -e  x \ny"), of("/bin/sh", "-e  x"));
        assert_eq!(read("#!/bin/sh\r\n"), of("/bin/sh\r", ""));
        assert_eq!(read("#!/usr/bin/env sh\r\n"), of("/usr/bin/env", "sh\r"));
        assert_eq!(read("#!\n"), of("", ""));
        assert_eq!(read("#"), None);
        let long = format!("#!/{}\n", "x".repeat(SCRIPT_LINE));
        assert!(line(long.as_bytes()).is_some_and(|l| l.cut));
    }
}
