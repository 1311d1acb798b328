//! Writing JSON.

use std::fmt::Write as _;

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(&'static str, Self)>),
    /// A value that is JSON already.
    Written(String),
}

impl Json {
    /// A list of anything that is a value.
    pub(crate) fn list<T: Into<Self>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// Indented by two spaces, as Go's `MarshalIndent` does.
    pub(crate) fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Self::Number(n) => {
                let _ = write!(out, "{n}");
            }
            Self::Text(t) => string(out, t),
            // No text in it has a line break: those are escaped.
            Self::Written(text) => {
                for (i, line) in text.trim().lines().enumerate() {
                    if i > 0 {
                        new_line(out, 0, depth);
                    }
                    out.push_str(line);
                }
            }
            Self::List(items) if items.is_empty() => out.push_str("[]"),
            Self::Object(items) if items.is_empty() => out.push_str("{}"),
            Self::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    new_line(out, i, depth + 1);
                    item.write(out, depth + 1);
                }
                new_line(out, 0, depth);
                out.push(']');
            }
            Self::Object(items) => {
                out.push('{');
                for (i, (key, item)) in items.iter().enumerate() {
                    new_line(out, i, depth + 1);
                    string(out, key);
                    out.push_str(": ");
                    item.write(out, depth + 1);
                }
                new_line(out, 0, depth);
                out.push('}');
            }
        }
    }
}

fn new_line(out: &mut String, index: usize, depth: usize) {
    out.push_str(if index > 0 { ",\n" } else { "\n" });
    out.extend(std::iter::repeat_n("  ", depth));
}

fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

impl From<bool> for Json {
    fn from(v: bool) -> Self {
        Self::Bool(v)
    }
}
impl From<usize> for Json {
    fn from(v: usize) -> Self {
        Self::Number(v as i64)
    }
}
impl From<&str> for Json {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}
impl From<String> for Json {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}
impl From<&String> for Json {
    fn from(v: &String) -> Self {
        Self::Text(v.clone())
    }
}
impl<T: Into<Self>> From<Option<T>> for Json {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_as_go_writes_it() {
        let v = Json::Object(vec![
            ("supported", Json::list(["linux/amd64"])),
            ("none", Json::Null),
            ("empty", Json::List(Vec::new())),
            ("text", "a\"\\\n\u{1}".into()),
            ("n", 3_usize.into()),
        ]);
        assert_eq!(
            v.pretty(),
            "{\n  \"supported\": [\n    \"linux/amd64\"\n  ],\n  \"none\": null,\n  \"empty\": [],\n  \
             \"text\": \"a\\\"\\\\\\n\\u0001\",\n  \"n\": 3\n}"
        );
    }

    #[test]
    fn what_is_written_is_indented() {
        let inner = Json::Object(vec![("a", Json::list(["b\nc"]))]).pretty();
        let with = |value| Json::Object(vec![("result", value)]).pretty();
        let same = Json::Object(vec![("a", Json::list(["b\nc"]))]);
        assert_eq!(with(Json::Written(inner)), with(same));
    }
}
