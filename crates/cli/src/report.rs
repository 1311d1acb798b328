//! How failures of our own set-up are shown: `error:`, `caused by:`, `help:`.

use std::error::Error;
use std::path::Path;

/// Something that a person must be told.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    causes: Vec<String>,
    help: Option<String>,
    code: u8,
}

impl Failure {
    /// A failure with exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), causes: Vec::new(), help: None, code: 1 }
    }
    /// What makes a failure of an error: `action` could not be done to `path`.
    pub(crate) fn cannot<E: Error>(action: &str, path: impl AsRef<Path>) -> impl FnOnce(E) -> Self {
        move |e| Self::new(format!("cannot {action} {}", path.as_ref().display())).caused_by(e)
    }
    /// Adds the chain of `error`.
    pub(crate) fn caused_by(mut self, error: impl Error) -> Self {
        self.causes.push(error.to_string());
        let mut source = error.source();
        while let Some(e) = source {
            self.causes.push(e.to_string());
            source = e.source();
        }
        self
    }
    /// Adds a cause in words, if there is one.
    pub(crate) fn caused_by_text(mut self, text: Option<impl Into<String>>) -> Self {
        self.causes.extend(text.map(Into::into));
        self
    }
    /// Its exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        self.code
    }
    /// All of it on one line.
    pub(crate) fn line(&self) -> String {
        let parts: Vec<&str> = std::iter::once(&self.message)
            .chain(&self.causes)
            .map(String::as_str)
            .filter(|s| !s.is_empty())
            .collect();
        parts.join(": ")
    }
    /// What to do about it.
    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
    /// Another exit code.
    pub(crate) fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }
    /// Prints it and returns the exit code.
    #[expect(clippy::print_stderr, reason = "the one place where failures are printed")]
    pub(crate) fn print(&self) -> u8 {
        eprintln!("error: {}", self.message);
        for cause in &self.causes {
            eprintln!("caused by: {cause}");
        }
        if let Some(help) = &self.help {
            eprintln!("help: {help}");
        }
        self.code
    }
}

/// From now on one line tells that standard output cannot be written, and a reader that has read enough
/// (`| head`) ends us silently, as other commands: `print!` makes a panic of both.
pub(crate) fn expect_failing_output() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or_default();
        let Some(cause) = text.strip_prefix("failed printing to stdout: ") else {
            return others(info);
        };
        let broken = std::io::Error::from(rustix::io::Errno::PIPE).to_string();
        let code = if cause == broken {
            128 + rustix::process::Signal::PIPE.as_raw() as u8
        } else {
            let failure = Failure::new("cannot write to standard output");
            failure.caused_by_text(Some(cause)).print()
        };
        std::process::exit(i32::from(code));
    }));
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let failure = Self::new(error.to_string());
        match error.source() {
            Some(source) => failure.caused_by(source),
            None => failure,
        }
    }
}
