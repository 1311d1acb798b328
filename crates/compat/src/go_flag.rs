//! Command lines as Go's `flag` package takes them: `-x`, `--x`, `-x=v`, `--x v`; the first
//! argument that is no flag ends them.

/// A flag of the program.
pub(crate) struct Flag {
    /// Its name without dashes.
    pub(crate) name: &'static str,
    /// Whether it is a switch.
    pub(crate) is_bool: bool,
    /// What the usage says of it.
    pub(crate) usage: &'static str,
    /// Its default, as the usage prints it, or empty.
    pub(crate) default: &'static str,
}

/// Why a command line was refused; both are printed before the usage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// `-h` or `-help`: exit code 0.
    Help,
    /// A mistake: exit code 2.
    Mistake(String),
}

/// Reads the flags: their index and value (`true` or `false` for switches).
pub(crate) fn parse(flags: &[Flag], arguments: &[String]) -> Result<Vec<(usize, String)>, Refusal> {
    let mut found = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let Some(text) = argument.strip_prefix('-') else { break };
        let text = text.strip_prefix('-').unwrap_or(text);
        if text.is_empty() {
            // "-" is an argument, "--" ends the flags.
            break;
        }
        if text.starts_with(['-', '=']) {
            return Err(Refusal::Mistake(format!("bad flag syntax: {argument}")));
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let Some(index) = flags.iter().position(|f| f.name == name) else {
            if name == "h" || name == "help" {
                return Err(Refusal::Help);
            }
            return Err(Refusal::Mistake(format!("flag provided but not defined: -{name}")));
        };
        let value = if flags[index].is_bool {
            let value = value.unwrap_or_else(|| "true".into());
            let Some(on) = boolean(&value) else {
                return Err(Refusal::Mistake(format!(
                    "invalid boolean value {value:?} for -{name}: parse error"
                )));
            };
            on.to_string()
        } else {
            match value.or_else(|| rest.next().cloned()) {
                Some(value) => value,
                None => {
                    return Err(Refusal::Mistake(format!("flag needs an argument: -{name}")));
                }
            }
        };
        found.push((index, value));
    }
    Ok(found)
}

/// Go's `strconv.ParseBool`.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The usage text; flags in the order of their names.
pub(crate) fn usage(program: &str, flags: &[Flag]) -> String {
    let mut sorted: Vec<&Flag> = flags.iter().collect();
    sorted.sort_by_key(|f| f.name);
    let mut text = format!("Usage of {program}:\n");
    for flag in sorted {
        let kind = if flag.is_bool { "" } else { " string" };
        text += &format!("  -{}{kind}\n    \t{}", flag.name, flag.usage);
        if !flag.default.is_empty() {
            text += &format!(" (default {:?})", flag.default);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Flag] = &[
        Flag { name: "install", is_bool: false, usage: "u", default: "" },
        Flag { name: "version", is_bool: true, usage: "v", default: "" },
    ];

    fn go(line: &str) -> Result<Vec<(usize, String)>, Refusal> {
        let arguments: Vec<String> = line.split(' ').map(Into::into).collect();
        parse(FLAGS, &arguments)
    }

    #[test]
    fn one_dash_or_two_with_or_without_equals() {
        for line in ["-install all", "--install all", "-install=all", "--install=all"] {
            assert_eq!(go(line), Ok(vec![(0, "all".into())]), "{line}");
        }
        assert_eq!(go("-version=false x --install y"), Ok(vec![(1, "false".into())]));
    }

    #[test]
    fn mistakes_read_as_in_go() {
        for (line, message) in [
            ("--nope", "flag provided but not defined: -nope"),
            ("--install", "flag needs an argument: -install"),
            ("---x", "bad flag syntax: ---x"),
            ("-version=maybe", "invalid boolean value \"maybe\" for -version: parse error"),
        ] {
            assert_eq!(go(line), Err(Refusal::Mistake(message.into())), "{line}");
        }
        assert_eq!(go("-h"), Err(Refusal::Help));
    }
}
