//! Splits a command line as getopt_long(3) and getopt(1) do: options and operands in any order,
//! long names abbreviated, `-oVALUE` and `--option=VALUE`.

/// One long or short option.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    /// The short letter, if it has one.
    pub(crate) short: Option<char>,
    /// The long name, if it has one.
    pub(crate) long: &'static str,
    /// Whether it takes a value.
    pub(crate) value: bool,
}

/// Makes a row of an option table.
pub(crate) const fn option(short: Option<char>, long: &'static str, value: bool) -> Spec {
    Spec { short, long, value }
}

/// A part of the command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Item {
    /// An option (its index in the table) with its value.
    Option(usize, Option<String>),
    /// An operand.
    Operand(String),
    /// Something wrong; the text that getopt prints after `PROGRAM: `.
    Wrong(String),
}

/// How getopt treats operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// Options may follow operands.
    Permuted,
    /// The first operand ends the options.
    Posix,
}

/// Splits `arguments` (the program's name is not among them).
pub(crate) fn split(specs: &[Spec], arguments: &[String], order: Order) -> Vec<Item> {
    let mut items = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            items.extend(rest.cloned().map(Item::Operand));
            break;
        }
        if let Some(name) = argument.strip_prefix("--") {
            items.push(long(specs, name, &mut rest));
        } else if let Some(letters) = argument.strip_prefix('-').filter(|l| !l.is_empty()) {
            short(specs, letters, &mut rest, &mut items);
        } else {
            items.push(Item::Operand(argument.clone()));
            if order == Order::Posix {
                items.extend(rest.cloned().map(Item::Operand));
                break;
            }
        }
    }
    items
}

fn long(specs: &[Spec], text: &str, rest: &mut std::slice::Iter<'_, String>) -> Item {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let exact = specs.iter().position(|s| !s.long.is_empty() && s.long == name);
    let starting = || {
        let mut found = specs.iter().enumerate().filter(|(_, s)| s.long.starts_with(name));
        let first = found.next();
        match (first, found.next()) {
            (Some((index, _)), None) => Ok(index),
            (None, _) => Err(format!("unrecognized option '--{name}'")),
            (Some(_), Some(_)) => {
                let all: String = specs
                    .iter()
                    .filter(|s| s.long.starts_with(name))
                    .map(|s| format!(" '--{}'", s.long))
                    .collect();
                Err(format!("option '--{name}' is ambiguous; possibilities:{all}"))
            }
        }
    };
    let index = match exact.map_or_else(starting, Ok) {
        Ok(index) => index,
        Err(message) => return Item::Wrong(message),
    };
    let spec = specs[index];
    match (spec.value, value) {
        (false, Some(_)) => {
            Item::Wrong(format!("option '--{}' doesn't allow an argument", spec.long))
        }
        (true, None) => match rest.next() {
            Some(value) => Item::Option(index, Some(value.clone())),
            None => Item::Wrong(format!("option '--{}' requires an argument", spec.long)),
        },
        (_, value) => Item::Option(index, value),
    }
}

fn short(
    specs: &[Spec],
    letters: &str,
    rest: &mut std::slice::Iter<'_, String>,
    items: &mut Vec<Item>,
) {
    for (at, letter) in letters.char_indices() {
        let Some(index) = specs.iter().position(|s| s.short == Some(letter)) else {
            items.push(Item::Wrong(format!("invalid option -- '{letter}'")));
            continue;
        };
        if !specs[index].value {
            items.push(Item::Option(index, None));
            continue;
        }
        let attached = &letters[at + letter.len_utf8()..];
        let value = if attached.is_empty() { rest.next().cloned() } else { Some(attached.into()) };
        items.push(match value {
            Some(value) => Item::Option(index, Some(value)),
            None => Item::Wrong(format!("option requires an argument -- '{letter}'")),
        });
        return;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[Spec] =
        &[option(Some('p'), "persistent", true), option(Some('h'), "help", false)];

    fn items(line: &str) -> Vec<Item> {
        let arguments: Vec<String> = line.split(' ').map(Into::into).collect();
        split(SPECS, &arguments, Order::Permuted)
    }

    #[test]
    fn all_spellings_are_one_option() {
        for line in ["-p yes", "-pyes", "--persistent yes", "--persistent=yes", "--pers yes"] {
            assert_eq!(items(line), [Item::Option(0, Some("yes".into()))], "{line}");
        }
        assert_eq!(
            items("a -h -- -p"),
            [Item::Operand("a".into()), Item::Option(1, None), Item::Operand("-p".into())]
        );
    }

    #[test]
    fn mistakes_are_named_as_getopt_does() {
        for (line, message) in [
            ("--nope", "unrecognized option '--nope'"),
            ("-x", "invalid option -- 'x'"),
            ("--persistent", "option '--persistent' requires an argument"),
            ("-p", "option requires an argument -- 'p'"),
            ("--help=1", "option '--help' doesn't allow an argument"),
        ] {
            assert_eq!(items(line), [Item::Wrong(message.into())], "{line}");
        }
    }
}
