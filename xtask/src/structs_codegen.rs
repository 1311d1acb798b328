//! Makes the structures of system calls from `isa/linux.structs`.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fmt::Write;

/// One line of the file.
struct Struct {
    name: String,
    fields: Vec<Field>,
    test: bool,
}

/// What is no field.
const ALIGN: &str = "_:align";

struct Field {
    name: String,
    kind: String,
    count: Option<usize>,
}

/// What is generated from the text of the file; calls have pointers to the structures `pointed_to`.
pub(crate) fn structs(text: &str, pointed_to: &BTreeSet<&str>) -> Result<String> {
    let lines = text.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#'));
    let mut out = String::from(
        "//! Generated from isa/linux.structs by `cargo xtask codegen`: structures of system calls.\n\n\
         use super::{Cursor, Struct};\n",
    );
    let mut names = BTreeSet::new();
    for (n, line) in lines {
        let parsed = parse(line, &names).with_context(|| format!("line {}", n + 1))?;
        write_struct(&mut out, &parsed)?;
        ensure!(names.insert(parsed.name.clone()), "line {}: {} twice", n + 1, parsed.name);
    }
    for name in pointed_to {
        ensure!(names.contains(*name), "a call has a pointer to {name}, which is not declared");
    }
    write_layouts(&mut out, pointed_to)?;
    Ok(out)
}

/// The structures that arguments of calls point to.
fn write_layouts(out: &mut String, names: &BTreeSet<&str>) -> Result<()> {
    out.push_str(
        "\n/// A structure that an argument of a call points to.\n\
         #[derive(Clone, Copy, PartialEq, Eq, Debug)]\n\
         pub(crate) enum Layout {\n",
    );
    for name in names {
        writeln!(out, "    {},", camel(name))?;
    }
    out.push_str(
        "}\n\nimpl Layout {\n    /// What is done with it.\n    \
         pub(super) const fn shape(self) -> super::Shape {\n        match self {\n",
    );
    for name in names {
        let name = camel(name);
        writeln!(out, "            Self::{name} => super::Shape::of::<{name}>(),")?;
    }
    out.push_str("        }\n    }\n}\n");
    Ok(())
}

fn camel(name: &str) -> String {
    name.split('_').map(|w| w[..1].to_uppercase() + &w[1..]).collect()
}

fn parse(line: &str, known: &BTreeSet<String>) -> Result<Struct> {
    let mut words: Vec<_> = line.split_whitespace().collect();
    let test = words.last() == Some(&"test");
    if test {
        words.pop();
    }
    let (name, fields) = words.split_first().context("no name")?;
    let field = |text: &&str| -> Result<Field> {
        let (name, kind) = text.split_once(':').with_context(|| format!("`{text}` has no type"))?;
        let (kind, count) = match kind.split_once('*') {
            Some((kind, count)) => (kind, Some(count.parse()?)),
            None => (kind, None),
        };
        let fits = number(kind).is_some() || known.contains(kind) || *text == ALIGN;
        ensure!(fits, "unknown type {kind}");
        Ok(Field { name: name.into(), kind: kind.into(), count })
    };
    let fields: Vec<_> = fields.iter().map(field).collect::<Result<_>>()?;
    ensure!(!fields.is_empty(), "no fields");
    Ok(Struct { name: (*name).into(), fields, test })
}

/// The type of a number's value.
fn number(kind: &str) -> Option<&str> {
    Some(match kind {
        "long" => "i64",
        "ulong" | "ptr" => "u64",
        "u16" | "i32" | "u32" | "u64" | "i64" => kind,
        _ => return None,
    })
}

/// The type of a field's value.
fn rust_type(kind: &str) -> String {
    number(kind).map_or_else(|| camel(kind), str::to_owned)
}

/// The method of `Cursor` for a field.
fn method(kind: &str) -> &str {
    match kind {
        "long" => "signed_word",
        "ulong" | "ptr" => "word",
        _ if number(kind).is_some() => "number",
        _ => "structure",
    }
}

fn write_struct(out: &mut String, parsed: &Struct) -> Result<()> {
    let camel: String = parsed.name.split('_').map(|w| w[..1].to_uppercase() + &w[1..]).collect();
    let cfg = if parsed.test { "#[cfg(test)]\n" } else { "" };
    write!(out, "\n/// `struct {}`.\n{cfg}", parsed.name)?;
    writeln!(out, "#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]")?;
    writeln!(out, "pub(crate) struct {camel} {{")?;
    for field in parsed.fields.iter().filter(|f| !f.name.starts_with('_')) {
        let kind = rust_type(&field.kind);
        let kind = field.count.map_or_else(|| kind.clone(), |n| format!("[{kind}; {n}]"));
        writeln!(out, "    pub(crate) {}: {kind},", field.name)?;
    }
    writeln!(out, "}}\n\n{cfg}impl Struct for {camel} {{")?;
    writeln!(out, "    fn visit(&mut self, cursor: &mut Cursor<'_>) {{")?;
    for Field { name, kind, count } in &parsed.fields {
        if kind == "align" {
            writeln!(out, "        cursor.align_word();")?;
            continue;
        }
        let method = method(kind);
        match (name.strip_prefix('_'), count) {
            (None, None) => writeln!(out, "        cursor.{method}(&mut self.{name});")?,
            (None, Some(_)) => writeln!(
                out,
                "        self.{name}.iter_mut().for_each(|part| cursor.{method}(part));"
            )?,
            (Some(_), count) => {
                let kind = rust_type(kind);
                for _ in 0..count.unwrap_or(1) {
                    writeln!(out, "        cursor.{method}(&mut {{ 0_{kind} }});")?;
                }
            }
        }
    }
    let shown: Vec<_> = parsed.fields.iter().filter(|f| !f.name.starts_with('_')).collect();
    let show = |Field { name, kind, count }: &&Field| match (number(kind), count) {
        (None, None) => format!("{name}={{}}"),
        (None, Some(_)) => unreachable!("arrays are of numbers"),
        (Some(_), Some(_)) => format!("{name}={{:?}}"),
        (Some(_), None) if kind == "ptr" => format!("{name}={{:#x}}"),
        (Some(_), None) => format!("{name}={{}}"),
    };
    let pattern: Vec<_> = shown.iter().map(show).collect();
    let value = |Field { name, kind, .. }: &&Field| match number(kind) {
        Some(_) => format!("self.{name}"),
        None => format!("self.{name}.show()"),
    };
    let values: Vec<_> = shown.iter().map(value).collect();
    writeln!(out, "    }}\n    fn show(&self) -> String {{")?;
    if let [Field { name, .. }] = shown[..]
        && name == "value"
    {
        // As strace(1) shows a number that is pointed to.
        writeln!(out, "        format!(\"[{{}}]\", self.value)")?;
    } else {
        writeln!(
            out,
            "        format!(\"{{{{{}}}}}\", {})",
            pattern.join(", "),
            values.join(", ")
        )?;
    }
    writeln!(out, "    }}\n}}")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_a_struct() {
        let none = BTreeSet::new();
        let text = structs("# head\npair  first:long _pad:u32 rest:u64*2  test\n", &none).unwrap();
        for part in [
            "#[cfg(test)]\n#[derive",
            "pub(crate) struct Pair {\n    pub(crate) first: i64,\n    pub(crate) rest: [u64; 2],\n}",
            "cursor.signed_word(&mut self.first);\n        cursor.number(&mut { 0_u32 });",
            "format!(\"{{first={}, rest={:?}}}\", self.first, self.rest)",
            "self.rest.iter_mut().for_each(|part| cursor.number(part));",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(structs("pair  first:int\n", &none).is_err());
        assert!(structs("pair\n", &none).is_err());
        assert!(structs("a b:u64\na b:u64\n", &none).is_err());
        assert!(structs("a b:u64\n", &BTreeSet::from(["c"])).is_err());
        let text = structs("a b:u64\nc d:a\n", &BTreeSet::from(["c"])).unwrap();
        assert!(text.contains("cursor.structure(&mut self.d);") && text.contains("Self::C =>"));
    }
}
