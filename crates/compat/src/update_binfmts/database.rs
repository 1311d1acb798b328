//! The files: one of ten lines for each installed format, and those of packages with a keyword in
//! front of each value.

use std::collections::BTreeMap;

/// A format. Values are kept as text, as the files have them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Format {
    pub(crate) package: String,
    pub(crate) kind: String,
    pub(crate) offset: Option<String>,
    pub(crate) magic: Option<String>,
    pub(crate) mask: Option<String>,
    pub(crate) interpreter: String,
    pub(crate) detector: String,
    pub(crate) credentials: String,
    pub(crate) preserve: String,
    pub(crate) fix_binary: String,
}

/// Names that cannot be those of formats.
pub(crate) fn is_reserved(name: &str) -> bool {
    [".", "..", "register", "status"].contains(&name)
}

impl Format {
    /// Reads a file of the database.
    ///
    /// # Errors
    /// The name of the line that is missing.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut lines = text.lines().map(|l| l.trim_end().to_owned());
        let mut need = |name: &'static str| lines.next().ok_or(name);
        let package = need("package")?;
        let kind = need("type")?;
        let offset = Some(need("offset")?);
        let magic = Some(need("magic")?);
        let mask = Some(need("mask")?);
        let interpreter = need("interpreter")?;
        let mut rest = || lines.next().unwrap_or_default();
        Ok(Self {
            package,
            kind,
            offset,
            magic,
            mask,
            interpreter,
            detector: rest(),
            credentials: rest(),
            preserve: rest(),
            fix_binary: rest(),
        })
    }

    /// The text of its file.
    pub(crate) fn text(&self) -> String {
        self.rows().iter().map(|(_, value)| format!("{value}\n")).collect()
    }

    /// Its values with their names.
    pub(crate) fn rows(&self) -> [(&'static str, &str); 10] {
        fn text(value: &Option<String>) -> &str {
            value.as_deref().unwrap_or_default()
        }
        [
            ("package", &self.package),
            ("type", &self.kind),
            ("offset", text(&self.offset)),
            ("magic", text(&self.magic)),
            ("mask", text(&self.mask)),
            ("interpreter", &self.interpreter),
            ("detector", &self.detector),
            ("credentials", &self.credentials),
            ("preserve", &self.preserve),
            ("fix_binary", &self.fix_binary),
        ]
    }

    /// Whether both take the same files.
    pub(crate) fn takes_the_same(&self, other: &Self) -> bool {
        self.rows()[1..5] == other.rows()[1..5]
    }

    /// The line to write to `register`, with `interpreter` in it.
    pub(crate) fn line(&self, name: &str, interpreter: &str) -> String {
        let yes = |value: &str, letter| if value == "yes" { letter } else { "" };
        let kind = if self.kind == "magic" { 'M' } else { 'E' };
        let [_, _, (_, offset), (_, magic), (_, mask), ..] = self.rows();
        format!(
            ":{name}:{kind}:{offset}:{magic}:{mask}:{interpreter}:{}{}{}\n",
            yes(&self.credentials, "C"),
            yes(&self.preserve, "P"),
            yes(&self.fix_binary, "F")
        )
    }

    /// Settles what kind it is, and the defaults.
    ///
    /// # Errors
    /// What contradicts itself.
    pub(crate) fn settle(mut self, extension: Option<String>) -> Result<Self, String> {
        match (&self.magic, extension) {
            (Some(_), Some(_)) if self.kind.is_empty() => {
                return Err("can't use both --magic and --extension".into());
            }
            (None, None) => return Err("either --magic or --extension is required".into()),
            (_, Some(extension)) if self.kind.is_empty() || self.kind == "extension" => {
                self.kind = "extension".into();
                self.magic = Some(extension);
                for (value, name) in [(&self.mask, "mask"), (&self.offset, "offset")] {
                    if value.is_some() {
                        return Err(format!("can't use --{name} with --extension"));
                    }
                }
            }
            _ => self.kind = "magic".into(),
        }
        self.mask.get_or_insert_default();
        if self.offset.as_deref().is_none_or(str::is_empty) {
            self.offset = Some("0".into());
        }
        Ok(self)
    }

    /// The format that a package's file describes, from its [`fields`].
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub(crate) fn of_fields(fields: &BTreeMap<String, String>) -> Result<Self, String> {
        let get = |name: &str| fields.get(name).cloned();
        let text = |name: &str| get(name).unwrap_or_default();
        let format = Self {
            package: text("package"),
            kind: text("type"),
            offset: get("offset"),
            magic: get("magic"),
            mask: get("mask"),
            interpreter: text("interpreter"),
            detector: text("detector"),
            credentials: text("credentials"),
            preserve: text("preserve"),
            fix_binary: text("fix_binary"),
        };
        format.settle(get("extension"))
    }
}

/// The keywords and values of a package's file. A later line wins.
pub(crate) fn fields(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim_end();
            let (key, value) = line.split_once(' ')?;
            Some((key.to_ascii_lowercase(), value.to_owned()))
        })
        .collect()
}
