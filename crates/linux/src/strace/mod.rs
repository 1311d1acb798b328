//! `--strace`: the guest's system calls as strace(1) prints them, one line each, on standard error
//! or into a file, by one write.

mod names;

pub(crate) use names::Set;

use crate::abi::Abi;
use crate::calls::{Action, Call};
use crate::layout::Layout;
use crate::process::place;
use crate::signal::Info;
use crate::task::Task;
use std::fmt::Write;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use sys::{Errno, raw};

/// Longest part of a string that is printed.
const STRING: usize = 64;
/// Most strings of an array.
const STRINGS: usize = 16;
/// Most buffers of a vector.
const BUFFERS: usize = 8;

/// Type of an argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Arg {
    /// Descriptor.
    Fd,
    /// Descriptor of a directory, or `AT_FDCWD`.
    Dirfd,
    /// Path.
    Path,
    /// Other string.
    Str,
    /// Address that the call does not access, or only as 32-bit words.
    Addr,
    /// 32-bit number.
    Int,
    /// Without sign.
    Uint,
    /// 64-bit number.
    Long,
    /// 64 bits.
    Hex,
    /// Length.
    Size,
    /// Offset.
    Off,
    /// File mode.
    Mode,
    /// Signal.
    Sig,
    /// Process.
    Pid,
    /// Bytes that the call reads; the next argument is their number.
    Inbuf,
    /// Bytes that the call writes; its result is their number.
    Outbuf,
    /// Array of strings.
    Argv,
    /// Signal set that the call reads.
    Sigset,
    /// `struct sockaddr`; the next argument is its length.
    Sockaddr,
    /// Array of buffers; the next argument is its length.
    Iovec,
    /// Flags or a constant.
    Flags(Set),
    /// Structure that the call reads.
    In(Layout),
    /// Structure that it writes.
    Out(Layout),
    /// Structure that it reads and writes.
    Inout(Layout),
    /// Structures.
    Array(Way, Layout, Count),
    /// Words of bits; their number counts bits.
    Bits(Way, Count),
    /// Words of bits; their number counts bytes.
    Mask(Way, Count),
    /// What is told of a signal.
    Siginfo(Way),
    /// A `struct msghdr` that the call reads, or several with the length of what was sent.
    Messages(Option<Count>),
    /// A `struct sockaddr` that the call writes; the next argument points to its length.
    Peer,
    /// Bytes that are the same for all guests.
    Bytes,
    /// What the call's function reads and writes as the guest lays it out.
    Own,
    /// What another argument decides.
    Data,
}

impl Arg {
    /// Whether it points to something.
    pub(crate) const fn is_address(self) -> bool {
        !matches!(
            self,
            Self::Fd
                | Self::Dirfd
                | Self::Int
                | Self::Uint
                | Self::Long
                | Self::Hex
                | Self::Size
                | Self::Off
                | Self::Mode
                | Self::Sig
                | Self::Pid
                | Self::Flags(_)
        )
    }
}

/// What a call does with what an argument points to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// Reads it.
    In,
    /// Writes it.
    Out,
    /// Both.
    Inout,
}

impl Way {
    /// Whether it is read.
    pub(crate) const fn reads(self) -> bool {
        !matches!(self, Self::Out)
    }
    /// Whether it is written.
    pub(crate) const fn writes(self) -> bool {
        !matches!(self, Self::In)
    }
}

/// How many there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Count {
    /// Always as many.
    Fixed(u8),
    /// As many as this argument says.
    Argument(u8),
}

/// Prints for one thread.
pub struct Trace {
    tid: i32,
    to: RawFd,
    abi: &'static Abi,
}

/// A line being put together.
pub(crate) struct Line {
    text: String,
    /// Arguments that were not printed yet, as they are results.
    from: usize,
    to: RawFd,
    abi: &'static Abi,
}

impl Task {
    /// The means to print, if that is wanted.
    pub(crate) fn trace(&self) -> Option<Trace> {
        let process = self.process;
        let to = process.log.as_ref().map_or(libc::STDERR_FILENO, AsRawFd::as_raw_fd);
        process.options.strace.then_some(Trace { tid: self.tid, to, abi: process.abi })
    }
}

/// Opens the file at `path` to append to it, out of the guest's way. None if that is impossible.
pub(crate) fn open(path: &[u8]) -> Option<OwnedFd> {
    let pid = std::process::id().to_string();
    let mut name = Vec::new();
    for (n, part) in path.split(|&b| b == b'%').enumerate() {
        match part.strip_prefix(b"d") {
            Some(rest) if n > 0 => name.extend([pid.as_bytes(), rest].concat()),
            _ => name.extend([&b"%"[..usize::from(n > 0)], part].concat()),
        }
    }
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
    let fd = raw::openat(libc::AT_FDCWD, &name, flags, 0o644).ok()?;
    Some(place(fd.as_raw_fd()).unwrap_or(fd))
}

fn print(to: RawFd, mut text: String) {
    text.push('\n');
    // Nothing can be done if no one listens.
    let _ = raw::write(to, text.as_bytes());
}

impl Trace {
    /// What can be said before the call. Calls that may not return are printed now.
    pub(crate) fn enter(&self, call: Option<&Call>, nr: u64, args: [u64; 6]) -> Line {
        let mut line = Line { text: format!("{} ", self.tid), from: 0, to: self.to, abi: self.abi };
        let Some(call) = call else {
            let _ =
                write!(line.text, "syscall_{nr}({:#x}, {:#x}, {:#x}", args[0], args[1], args[2]);
            return line;
        };
        let _ = write!(line.text, "{}(", call.name);
        for (n, ty) in call.args.iter().enumerate() {
            if matches!(ty, Arg::Outbuf | Arg::Out(_)) {
                line.from = n;
                return line;
            }
            line.argument(call, args, n);
        }
        line.from = call.args.len();
        if matches!(call.name, "execve" | "execveat" | "exit" | "exit_group" | "rt_sigreturn") {
            print(self.to, format!("{})", line.text));
        }
        line
    }

    /// A signal is delivered.
    pub(crate) fn signal(&self, signo: i32, info: &Info) {
        let name = signal_name(signo);
        let code = info.code();
        let rest =
            if code > 0 && matches!(name.as_str(), "SIGSEGV" | "SIGBUS" | "SIGILL" | "SIGTRAP") {
                format!("si_addr={:#x}", info.addr())
            } else {
                let (pid, uid) = info.sender();
                format!("si_pid={pid}, si_uid={uid}")
            };
        let tid = self.tid;
        let text = format!("{tid} --- {name} {{si_signo={name}, si_code={code}, {rest}}} ---");
        print(self.to, text);
    }
}

impl Line {
    fn argument(&mut self, call: &Call, args: [u64; 6], n: usize) {
        if n > 0 {
            self.text.push_str(", ");
        }
        let next = args.get(n + 1).copied().unwrap_or(0);
        let value = match call.args[n] {
            Arg::Flags(Set::Open) => self.abi.open_flags.to_host(args[n]),
            _ => args[n],
        };
        if let Arg::In(layout) | Arg::Out(layout) | Arg::Inout(layout) = call.args[n]
            && let Some(text) = layout.show(self.abi.model, value)
        {
            return self.text.push_str(&text);
        }
        argument(&mut self.text, call.args[n], value, next);
    }

    /// Completes the line and prints it.
    pub(crate) fn leave(
        &mut self,
        call: Option<&Call>,
        args: [u64; 6],
        result: &Result<u64, Errno>,
    ) {
        if let Some(call) = call {
            for n in self.from..call.args.len() {
                match (call.args[n], result) {
                    (Arg::Out(_), Err(_)) => {
                        if n > 0 {
                            self.text.push_str(", ");
                        }
                        pointer(&mut self.text, args[n]);
                    }
                    (Arg::Outbuf, Ok(len)) => {
                        if n > 0 {
                            self.text.push_str(", ");
                        }
                        bytes(&mut self.text, args[n], *len as usize);
                    }
                    _ => self.argument(call, args, n),
                }
            }
            if call.name == "rt_sigreturn" && result.is_ok() {
                return;
            }
        }
        self.text.push_str(") = ");
        match result {
            Ok(value) if *value > 1 << 31 => write!(self.text, "{value:#x}").unwrap_or_default(),
            Ok(value) => write!(self.text, "{value}").unwrap_or_default(),
            Err(errno @ Errno::ERESTARTSYS) => {
                write!(self.text, "? {errno:?} (to be made again)").unwrap_or_default();
            }
            Err(errno) => write!(self.text, "-1 {errno:?} ({errno})").unwrap_or_default(),
        }
        if matches!(call.map(|c| &c.action), Some(Action::Refused(_)) | None) {
            self.text.push_str(" [not supported]");
        }
        print(self.to, core::mem::take(&mut self.text));
    }
}

fn argument(out: &mut String, ty: Arg, value: u64, next: u64) {
    let result = match ty {
        Arg::Dirfd if value as i32 == libc::AT_FDCWD => write!(out, "AT_FDCWD"),
        Arg::Fd | Arg::Dirfd | Arg::Int | Arg::Pid => write!(out, "{}", value as i32),
        Arg::Uint => write!(out, "{}", value as u32),
        Arg::Long | Arg::Off => write!(out, "{}", value as i64),
        Arg::Size => write!(out, "{value}"),
        Arg::Mode => write!(out, "{:#o}", value as u32),
        Arg::Sig => write!(out, "{}", signal_name(value as i32)),
        Arg::Hex => write!(out, "{value:#x}"),
        Arg::Addr
        | Arg::Outbuf
        | Arg::In(_)
        | Arg::Out(_)
        | Arg::Inout(_)
        | Arg::Array(..)
        | Arg::Bits(..)
        | Arg::Mask(..)
        | Arg::Siginfo(_)
        | Arg::Messages(_)
        | Arg::Peer
        | Arg::Bytes
        | Arg::Own
        | Arg::Data => return pointer(out, value),
        Arg::Flags(set) => return set.text(out, value),
        Arg::Path | Arg::Str => return string(out, value),
        Arg::Inbuf => return bytes(out, value, next as usize),
        Arg::Argv => return strings(out, value),
        Arg::Iovec => return buffers(out, value, next as usize),
        Arg::Sigset => return set_of_signals(out, value),
        Arg::Sockaddr => return address(out, value, next as usize),
    };
    result.unwrap_or_default();
}

fn pointer(out: &mut String, value: u64) {
    if value == 0 { out.push_str("NULL") } else { write!(out, "{value:#x}").unwrap_or_default() }
}

fn quoted(out: &mut String, text: &[u8], cut: bool) {
    out.push('"');
    for &byte in text {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            b'"' | b'\\' => out.extend(['\\', byte as char]),
            b' '..=b'~' => out.push(byte as char),
            _ => write!(out, "\\{byte:o}").unwrap_or_default(),
        }
    }
    out.push('"');
    if cut {
        out.push_str("...");
    }
}

fn string(out: &mut String, at: u64) {
    match memory::read_cstr(at, 4096) {
        Ok(Some(text)) => quoted(out, &text, false),
        _ => pointer(out, at),
    }
}

fn bytes(out: &mut String, at: u64, len: usize) {
    let shown = len.min(STRING);
    match memory::read_vec(at, shown) {
        Ok(data) if at != 0 => quoted(out, &data, shown < len),
        _ => pointer(out, at),
    }
}

fn strings(out: &mut String, at: u64) {
    let mut list = Vec::new();
    for n in 0..=STRINGS as u64 {
        match memory::read_u64(at.wrapping_add(8 * n)) {
            Ok(0) if at != 0 => break,
            Ok(_) if n == STRINGS as u64 => list.push("...".to_owned()),
            Ok(pointer) if at != 0 => {
                let mut text = String::new();
                string(&mut text, pointer);
                list.push(text);
            }
            _ => return pointer(out, at),
        }
    }
    write!(out, "[{}]", list.join(", ")).unwrap_or_default();
}

fn buffers(out: &mut String, at: u64, len: usize) {
    let mut list = Vec::new();
    for n in 0..len.min(BUFFERS) as u64 {
        let entry = at.wrapping_add(16 * n);
        let (Ok(base), Ok(len)) = (memory::read_u64(entry), memory::read_u64(entry + 8)) else {
            return pointer(out, at);
        };
        list.push(format!("{{{base:#x}, {len}}}"));
    }
    write!(out, "[{}]", list.join(", ")).unwrap_or_default();
}

fn set_of_signals(out: &mut String, at: u64) {
    let Ok(set) = memory::read_u64(at) else { return pointer(out, at) };
    // As strace does: the shorter list.
    let (set, sign) = if set.count_ones() > 32 { (!set, "~") } else { (set, "") };
    let names = (1..=64).filter(|s| set >> (s - 1) & 1 != 0).map(signal_name);
    let names: Vec<_> = names.map(|n| n.trim_start_matches("SIG").to_owned()).collect();
    write!(out, "{sign}[{}]", names.join(" ")).unwrap_or_default();
}

fn address(out: &mut String, at: u64, len: usize) {
    let Ok(data) = memory::read_vec(at, len.min(110)) else { return pointer(out, at) };
    let result = match data[..] {
        [1, 0, ref path @ ..] => {
            let name = path.split(|&b| b == 0).next().unwrap_or_default();
            let name = if path.first() == Some(&0) { &path[1..] } else { name };
            write!(out, "{{AF_UNIX, {:?}}}", String::from_utf8_lossy(name))
        }
        [2, 0, p, q, a, b, c, d, ..] => {
            write!(out, "{{AF_INET, {a}.{b}.{c}.{d}:{}}}", u16::from_be_bytes([p, q]))
        }
        _ => return pointer(out, at),
    };
    result.unwrap_or_default();
}

/// The name of a signal.
pub(crate) fn signal_name(signo: i32) -> String {
    const NAMES: [&str; 32] = [
        "0",
        "SIGHUP",
        "SIGINT",
        "SIGQUIT",
        "SIGILL",
        "SIGTRAP",
        "SIGABRT",
        "SIGBUS",
        "SIGFPE",
        "SIGKILL",
        "SIGUSR1",
        "SIGSEGV",
        "SIGUSR2",
        "SIGPIPE",
        "SIGALRM",
        "SIGTERM",
        "SIGSTKFLT",
        "SIGCHLD",
        "SIGCONT",
        "SIGSTOP",
        "SIGTSTP",
        "SIGTTIN",
        "SIGTTOU",
        "SIGURG",
        "SIGXCPU",
        "SIGXFSZ",
        "SIGVTALRM",
        "SIGPROF",
        "SIGWINCH",
        "SIGIO",
        "SIGPWR",
        "SIGSYS",
    ];
    match usize::try_from(signo) {
        Ok(n) if n < NAMES.len() => NAMES[n].to_owned(),
        Ok(32) => "SIGRTMIN".to_owned(),
        Ok(n @ 33..=64) => format!("SIGRT_{}", n - 32),
        _ => signo.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted() {
        let mut out = String::new();
        quoted(&mut out, b"a\"\n\x01", true);
        assert_eq!(out, r#""a\"\n\1"..."#);
    }

    #[test]
    fn signals_have_names() {
        assert_eq!((signal_name(11).as_str(), signal_name(64).as_str()), ("SIGSEGV", "SIGRT_32"));
    }
}
