//! `#!` lines, as fs/binfmt_script.c reads them.

/// What the kernel reads of a file to decide (`BINPRM_BUF_SIZE`).
const BUF_SIZE: usize = 256;

/// The interpreter of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Script<'a> {
    /// Its path.
    pub(super) interp: &'a [u8],
    /// Its argument: the rest of the line, in one.
    pub(super) arg: Option<&'a [u8]>,
}

fn blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Reads the first line of a file that starts with `head`; None if it is no script (`ENOEXEC`).
pub(super) fn parse(head: &[u8]) -> Option<Script<'_>> {
    let buf = &head[..head.len().min(BUF_SIZE)];
    let line = buf.strip_prefix(b"#!")?;
    let line = match line.iter().position(|&b| b == b'\n') {
        Some(end) => &line[..end],
        None => {
            // A cut line will do if at least the path is whole. A shorter file is padded with
            // zero bytes, which end the path too.
            let start = line.iter().position(|&b| !blank(b))?;
            let whole = line[start..].iter().any(|&b| blank(b) || b == 0);
            if head.len() >= BUF_SIZE && !whole {
                return None;
            }
            // The kernel keeps the last byte of its buffer for a zero.
            if buf.len() == BUF_SIZE { &line[..line.len() - 1] } else { line }
        }
    };
    let line = line.trim_ascii_end_blank();
    let start = line.iter().position(|&b| !blank(b))?;
    let line = &line[start..];
    let end = line.iter().position(|&b| blank(b) || b == 0).unwrap_or(line.len());
    let (interp, rest) = line.split_at(end);
    if interp.is_empty() {
        return None;
    }
    let rest = if rest.first() == Some(&0) { &[] } else { rest };
    let arg = rest.iter().position(|&b| !blank(b)).map(|at| &rest[at..]);
    let arg = arg.map(|arg| &arg[..arg.iter().position(|&b| b == 0).unwrap_or(arg.len())]);
    Some(Script { interp, arg: arg.filter(|arg| !arg.is_empty()) })
}

/// Trimming of what the kernel trims: blanks only.
trait TrimBlank {
    fn trim_ascii_end_blank(&self) -> &[u8];
}

impl TrimBlank for [u8] {
    fn trim_ascii_end_blank(&self) -> &[u8] {
        let end = self.iter().rposition(|&b| !blank(b)).map_or(0, |at| at + 1);
        &self[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(head: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
        parse(head).map(|s| (s.interp, s.arg))
    }

    #[test]
    fn lines_are_split_as_the_kernel_does() {
        assert_eq!(split(b"#!/bin/sh\nexit"), Some((&b"/bin/sh"[..], None)));
        assert_eq!(split(b"#! \t/bin/sh -e -u \t\n"), Some((&b"/bin/sh"[..], Some(&b"-e -u"[..]))));
        assert_eq!(split(b"#!/bin/sh"), Some((&b"/bin/sh"[..], None)));
        assert_eq!(split(b"#!\n/bin/sh"), None);
        assert_eq!(split(b"#!   \n"), None);
        assert_eq!(split(b"#"), None);
        assert_eq!(split(b"echo"), None);
        assert_eq!(split(b"#!/bin/sh\0junk -x\n"), Some((&b"/bin/sh"[..], None)));
    }

    #[test]
    fn a_cut_path_is_refused_and_a_cut_argument_is_not() {
        let mut long = b"#!/".to_vec();
        long.resize(300, b'a');
        assert_eq!(split(&long), None);
        let mut long = b"#!/bin/sh ".to_vec();
        long.resize(300, b'a');
        let (interp, arg) = split(&long).unwrap();
        assert_eq!((interp, arg.unwrap().len()), (&b"/bin/sh"[..], 245));
    }
}
