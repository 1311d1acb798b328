//! Rules as files of other tools.

use crate::rule::escape;
use crate::{Matcher, Result, Rule};

/// The text of a binfmt.d file, as systemd-binfmt and OpenRC's binfmt read it.
///
/// # Errors
/// As [`Rule::line`].
pub fn binfmt_d(rules: &[Rule]) -> Result<String> {
    let mut out = String::from("# binfmt.d(5), written by anyarch\n");
    for rule in rules {
        out += &rule.line()?;
        out.push('\n');
    }
    Ok(out)
}

/// The text of a format file of Debian's update-binfmts (`/usr/share/binfmts/NAME`).
///
/// # Errors
/// As [`Rule::check`].
pub fn update_binfmts(rule: &Rule) -> Result<String> {
    rule.check()?;
    let yes = |on: bool| if on { "yes" } else { "no" };
    let mut out = format!("package anyarch\ninterpreter {}\n", rule.interpreter);
    match &rule.matcher {
        Matcher::Magic { offset, magic, mask } => {
            out += &format!("magic {}\noffset {offset}\n", escape(magic));
            if !mask.is_empty() {
                out += &format!("mask {}\n", escape(mask));
            }
        }
        Matcher::Extension(e) => out += &format!("extension {e}\n"),
        Matcher::Other => {}
    }
    out += &format!(
        "credentials {}\npreserve {}\nfix_binary {}\n",
        yes(rule.flags.credentials),
        yes(rule.flags.preserve_argv0),
        yes(rule.flags.fix_binary)
    );
    Ok(out)
}

/// A shell script that registers `rules` with nothing but printf.
///
/// # Errors
/// As [`Rule::line`].
pub fn shell(rules: &[Rule], mount: &str) -> Result<String> {
    let mut out = String::from("#!/bin/sh\nset -e\n");
    let quote = |s: &str| format!("'{}'", s.replace('\'', "'\\''"));
    out += &format!("cd {}\n", quote(mount));
    for rule in rules {
        let name = quote(&rule.name);
        out += &format!("if [ -e {name} ]; then echo -1 > {name}; fi\n");
        out += &format!("printf %s {} > register\n", quote(&rule.line()?));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flags, GuestArch};

    #[test]
    fn the_formats_say_the_same() {
        let guest = GuestArch::find("arm64").expect("known");
        let rule = Rule::for_guest(guest, "/usr/bin/anyarch", Flags::ALL);
        let text = binfmt_d(std::slice::from_ref(&rule)).expect("valid");
        let line = text.lines().nth(1).expect("a rule");
        assert_eq!(Rule::parse(line.as_bytes()).ok(), Some(rule.clone()));
        let text = update_binfmts(&rule).expect("valid");
        assert!(text.contains("\ncredentials yes\npreserve yes\nfix_binary yes\n"), "{text}");
        assert!(text.contains("magic \\x7f\\x45"), "{text}");
        let text = shell(&[rule], "/m").expect("valid");
        assert!(text.contains("printf %s ':qemu-aarch64:M:0:"), "{text}");
    }
}
