//! The arguments by which we tell ourselves what to run.

use crate::options::Options;

/// Second argument of an emulator started by itself.
pub const MARKER: &[u8] = b"--anyarch-exec";
/// How many arguments come before the guest's.
pub const ARGUMENTS: usize = 4;
/// Between options.
const SEPARATOR: u8 = 0x1f;

/// What OPTIONS say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inherited {
    /// The program's descriptor.
    pub fd: i32,
    /// The emulator's own descriptor, where it cannot be opened by name any more.
    pub own: Option<i32>,
    /// The descriptor of the memory that translations are shared in.
    pub share: Option<i32>,
    /// What CPUID says (`sys::arch::cpuid`).
    pub cpuid: Option<[u32; 2]>,
    /// Descriptors of which the guest reads something else than the host has there.
    pub views: Vec<i32>,
    /// The program was given as a descriptor, without a path.
    pub unnamed: bool,
    /// The options of the caller.
    pub options: Options,
}

/// Our own arguments, up to the guest's.
pub(super) fn arguments(
    options: &Options,
    fd: i32,
    own: Option<i32>,
    share: Option<i32>,
    views: &[i32],
    unnamed: bool,
    exec_fn: Vec<u8>,
) -> Vec<Vec<u8>> {
    let [own, share] = [own, share].map(|fd| fd.map(|fd| fd.to_string()));
    let views: Vec<_> = views.iter().map(i32::to_string).collect();
    let views = views.join(",");
    let mut text = format!("fd={fd}").into_bytes();
    let mut add = |name: &[u8], value: Option<&[u8]>| {
        if let Some(value) = value {
            text.push(SEPARATOR);
            text.extend(name);
            text.push(b'=');
            text.extend(value);
        }
    };
    add(b"own", own.as_deref().map(str::as_bytes));
    add(b"share", share.as_deref().map(str::as_bytes));
    let [one, seven] = sys::arch::cpuid();
    add(b"cpuid", Some(format!("{one:x}.{seven:x}").as_bytes()));
    add(b"views", (!views.is_empty()).then_some(views.as_bytes()));
    add(b"trap", options.trap_blocked.map(|blocked| if blocked { &b"1"[..] } else { b"0" }));
    add(b"unnamed", unnamed.then_some(b"1"));
    add(b"L", options.ld_prefix.as_deref());
    add(b"cpu", options.cpu.as_deref());
    add(b"cpuof", options.cpu_machine.as_deref());
    add(b"dump", options.dump.as_deref());
    add(b"uname", options.uname.as_deref());
    add(b"alone", options.alone.then_some(b"1"));
    add(b"strace", options.strace.then_some(b"1"));
    add(
        b"mdwe",
        (options.mdwe != 0).then(|| options.mdwe.to_string()).as_deref().map(str::as_bytes),
    );
    add(b"log", options.log.as_deref());
    add(b"trace", options.trace.as_deref().map(to_hex).as_deref());
    add(b"seccomp", options.seccomp.as_deref().map(to_hex).as_deref());
    vec![b"anyarch".to_vec(), MARKER.to_vec(), text, exec_fn]
}

fn to_hex(bytes: &[u8]) -> Vec<u8> {
    let digit = |n: u8| b"0123456789abcdef"[usize::from(n & 15)];
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |c: u8| (c as char).to_digit(16).map(|n| n as u8);
    text.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

/// The program's descriptor in OPTIONS.
pub(crate) fn program(text: &[u8]) -> Option<i32> {
    read(text).map(|inherited| inherited.fd)
}

/// Reads OPTIONS. None if they are malformed.
pub fn read(text: &[u8]) -> Option<Inherited> {
    let mut options = Options::default();
    let (mut fd, mut own, mut share, mut cpuid) = (None, None, None, None);
    let (mut views, mut unnamed) = (Vec::new(), false);
    let number = |value: &[u8]| str::from_utf8(value).ok()?.parse::<i32>().ok();
    for item in text.split(|&b| b == SEPARATOR) {
        let at = item.iter().position(|&b| b == b'=')?;
        let (name, value) = (&item[..at], &item[at + 1..]);
        match name {
            b"fd" => fd = number(value),
            b"own" => own = number(value),
            b"share" => share = number(value),
            b"cpuid" => {
                let mut words = str::from_utf8(value).ok()?.split('.');
                let mut word = || u32::from_str_radix(words.next()?, 16).ok();
                cpuid = Some([word()?, word()?]);
            }
            b"unnamed" => unnamed = value == b"1",
            b"views" => views = value.split(|&b| b == b',').filter_map(number).collect(),
            b"L" => options.ld_prefix = Some(value.to_vec()),
            b"cpu" => options.cpu = Some(value.to_vec()),
            b"cpuof" => options.cpu_machine = Some(value.to_vec()),
            b"dump" => options.dump = Some(value.to_vec()),
            b"uname" => options.uname = Some(value.to_vec()),
            b"trap" => options.trap_blocked = Some(value == b"1"),
            b"alone" => options.alone = value == b"1",
            b"strace" => options.strace = value == b"1",
            b"mdwe" => options.mdwe = number(value)? as u64,
            b"log" => options.log = Some(value.to_vec()),
            b"trace" => options.trace = Some(from_hex(value)?),
            b"seccomp" => options.seccomp = Some(from_hex(value)?),
            _ => return None,
        }
    }
    Some(Inherited { fd: fd?, own, share, cpuid, views, unnamed, options })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_of_one_architecture() {
        let mut options = Options { cpu: Some(b"max".to_vec()), ..Options::default() };
        assert_eq!(options.model("riscv64"), Some(&b"max"[..]));
        options.cpu_machine = Some(b"aarch64".to_vec());
        assert_eq!((options.model("riscv64"), options.model("aarch64")), (None, Some(&b"max"[..])));
    }

    #[test]
    fn options_survive_an_exec() {
        let options = Options {
            ld_prefix: Some(b"/opt/root".to_vec()),
            cpu: Some(b"max".to_vec()),
            cpu_machine: Some(b"aarch64".to_vec()),
            strace: true,
            log: Some(b"/tmp/log".to_vec()),
            alone: true,
            mdwe: 1,
            trap_blocked: Some(true),
            seccomp: Some(vec![0, 31, 61, 255]),
            ..Options::default()
        };
        let arguments =
            arguments(&options, 7, Some(900), Some(901), &[5, 8], true, b"/bin/true".to_vec());
        assert_eq!(arguments.len(), ARGUMENTS);
        assert_eq!(arguments[1], MARKER);
        assert_eq!(program(&arguments[2]), Some(7));
        let (own, share, cpuid) = (Some(900), Some(901), Some(sys::arch::cpuid()));
        let views = vec![5, 8];
        let expected = Inherited { fd: 7, own, share, cpuid, views, unnamed: true, options };
        assert_eq!(read(&arguments[2]), Some(expected));
        assert_eq!(read(b"junk"), None);
    }
}
