//! The first stack: arguments, environment, auxiliary vector, as fs/binfmt_elf.c lays them out.
//!
//! ```text
//! top   8 zero bytes
//!       path of the program (AT_EXECFN), environment strings, argument strings
//!       platform string, 16 random bytes
//!       (16-byte alignment)
//!       auxiliary vector
//!       environment pointers, 0
//!       argument pointers, 0
//! sp -> argc
//! ```

use crate::abi::Abi;
use crate::elf;
use crate::layout::Model;
use guest::Capabilities;

/// `AT_*` types.
pub(crate) mod at {
    pub(crate) const PHDR: u64 = 3;
    pub(crate) const PHENT: u64 = 4;
    pub(crate) const PHNUM: u64 = 5;
    pub(crate) const PAGESZ: u64 = 6;
    pub(crate) const BASE: u64 = 7;
    pub(crate) const FLAGS: u64 = 8;
    pub(crate) const ENTRY: u64 = 9;
    pub(crate) const UID: u64 = 11;
    pub(crate) const EUID: u64 = 12;
    pub(crate) const GID: u64 = 13;
    pub(crate) const EGID: u64 = 14;
    pub(crate) const PLATFORM: u64 = 15;
    pub(crate) const HWCAP: u64 = 16;
    pub(crate) const CLKTCK: u64 = 17;
    pub(crate) const SECURE: u64 = 23;
    pub(crate) const RANDOM: u64 = 25;
    pub(crate) const HWCAP2: u64 = 26;
    pub(crate) const RSEQ_FEATURE_SIZE: u64 = 27;
    pub(crate) const RSEQ_ALIGN: u64 = 28;
    pub(crate) const EXECFN: u64 = 31;
    pub(crate) const SYSINFO_EHDR: u64 = 33;
    pub(crate) const MINSIGSTKSZ: u64 = 51;
}

/// What goes on the first stack.
#[derive(Clone, Debug)]
pub struct Contents<'a> {
    /// Arguments.
    pub argv: &'a [Vec<u8>],
    /// Environment.
    pub envp: &'a [Vec<u8>],
    /// Path that was executed.
    pub exec_fn: &'a [u8],
    /// 16 random bytes for `AT_RANDOM`.
    pub random: [u8; 16],
    /// Address of the program headers, their number.
    pub phdrs: (u64, u16),
    /// Where the loader is, or 0.
    pub base: u64,
    /// Entry point of the program.
    pub entry: u64,
    /// What the processor can do.
    pub capabilities: Capabilities,
    /// `AT_RSEQ_FEATURE_SIZE`, `AT_RSEQ_ALIGN`, if the host has them.
    pub rseq: Option<(u64, u64)>,
    /// Address of the vDSO.
    pub vdso: u64,
    /// Real and effective user, real and effective group.
    pub ids: [u64; 4],
    /// Privileges differ from the caller's.
    pub secure: bool,
}

/// The first stack.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Its bytes, from `sp` up.
    pub bytes: Vec<u8>,
    /// Stack pointer.
    pub sp: u64,
    /// Range of the argument strings.
    pub args: (u64, u64),
    /// Range of the environment strings.
    pub env: (u64, u64),
    /// Offset of the auxiliary vector in `bytes`, its length.
    pub auxv: (usize, usize),
}

/// Bytes that the strings and pointers take, without the auxiliary vector (`E2BIG` is decided by
/// it).
pub fn size(argv: &[Vec<u8>], envp: &[Vec<u8>]) -> u64 {
    argv.iter().chain(envp).map(|text| text.len() as u64 + 9).sum()
}

/// Lays out the first stack so that it ends at `top`, a multiple of 16.
pub fn build(abi: &Abi, contents: &Contents<'_>, top: u64) -> Image {
    let form = Form { model: abi.model, page: abi.kind.addresses.page, platform: abi.platform };
    lay_out(form, &(abi.auxv)(&contents.capabilities), contents, top)
}

/// What of the architecture decides what the stack looks like.
#[derive(Clone, Copy)]
struct Form {
    model: Model,
    page: u64,
    platform: Option<&'static str>,
}

/// Where the strings are, from the lowest address up.
struct Strings {
    random: u64,
    platform: u64,
    args: u64,
    env: u64,
    exec_fn: u64,
}

impl Strings {
    fn below(top: u64, platform: Option<&str>, contents: &Contents<'_>) -> Self {
        let len = |list: &[Vec<u8>]| list.iter().map(|s| s.len() as u64 + 1).sum::<u64>();
        // (Below a pointer of the kernel, which has 64 bits.)
        let exec_fn = top - 8 - (contents.exec_fn.len() as u64 + 1);
        let env = exec_fn - len(contents.envp);
        let args = env - len(contents.argv);
        let platform = args - platform.map_or(0, |name| name.len() as u64 + 1);
        Self { random: platform - 16, platform, args, env, exec_fn }
    }
}

/// The auxiliary vector: `own` entries of the architecture among those that all have.
fn auxv(
    Form { model, page, platform }: Form,
    own: &[(u64, u64)],
    contents: &Contents<'_>,
    strings: &Strings,
) -> Vec<(u64, u64)> {
    let mut entries = vec![(at::SYSINFO_EHDR, contents.vdso)];
    entries.extend(own);
    entries.extend([
        (at::HWCAP, contents.capabilities.hwcap[0]),
        (at::PAGESZ, page),
        (at::CLKTCK, 100),
        (at::PHDR, contents.phdrs.0),
        (at::PHENT, elf::program_header_len(model)),
        (at::PHNUM, u64::from(contents.phdrs.1)),
        (at::BASE, contents.base),
        (at::FLAGS, 0),
        (at::ENTRY, contents.entry),
        (at::UID, contents.ids[0]),
        (at::EUID, contents.ids[1]),
        (at::GID, contents.ids[2]),
        (at::EGID, contents.ids[3]),
        (at::SECURE, u64::from(contents.secure)),
        (at::RANDOM, strings.random),
        (at::EXECFN, strings.exec_fn),
    ]);
    entries.extend(platform.map(|_| (at::PLATFORM, strings.platform)));
    if let Some((size, align)) = contents.rseq {
        entries.extend([(at::RSEQ_FEATURE_SIZE, size), (at::RSEQ_ALIGN, align)]);
    }
    entries.push((0, 0));
    entries
}

fn lay_out(form: Form, own: &[(u64, u64)], contents: &Contents<'_>, top: u64) -> Image {
    let Form { model, platform, .. } = form;
    let strings = Strings::below(top, platform, contents);
    let entries = auxv(form, own, contents, &strings);
    let pointers = 1 + contents.argv.len() + 1 + contents.envp.len() + 1;
    let words = pointers + entries.len() * 2;
    let sp = (strings.random - (words * model.word) as u64) & !15;

    let mut bytes = Vec::with_capacity((top - sp) as usize);
    model.put_word(&mut bytes, contents.argv.len() as u64);
    for (list, start) in [(contents.argv, strings.args), (contents.envp, strings.env)] {
        let mut at = start;
        for text in list {
            model.put_word(&mut bytes, at);
            at += text.len() as u64 + 1;
        }
        model.put_word(&mut bytes, 0);
    }
    let auxv = (bytes.len(), entries.len() * 2 * model.word);
    for &(kind, value) in &entries {
        model.put_word(&mut bytes, kind);
        model.put_word(&mut bytes, value);
    }
    bytes.resize((strings.random - sp) as usize, 0);
    bytes.extend(contents.random);
    let exec_fn_text = [contents.exec_fn];
    let all = platform
        .map(str::as_bytes)
        .into_iter()
        .chain(contents.argv.iter().map(Vec::as_slice))
        .chain(contents.envp.iter().map(Vec::as_slice))
        .chain(exec_fn_text);
    for text in all {
        bytes.extend(text);
        bytes.push(0);
    }
    bytes.extend([0; 8]);
    let Strings { args, env, exec_fn, .. } = strings;
    Image { bytes, sp, args: (args, env), env: (env, exec_fn), auxv }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::models::{BIG64, LITTLE32};

    /// A stack that has been laid out, as the program sees it.
    struct Seen<'a> {
        model: Model,
        image: &'a Image,
    }

    impl Seen<'_> {
        fn number(&self, addr: u64, size: usize) -> u64 {
            let bytes = &self.image.bytes[(addr - self.image.sp) as usize..][..size];
            let add = |number, &byte: &u8| number << 8 | u64::from(byte);
            match self.model.big_endian {
                true => bytes.iter().fold(0, add),
                false => bytes.iter().rev().fold(0, add),
            }
        }
        /// Word `n` from the stack pointer up.
        fn word(&self, n: usize) -> u64 {
            self.number(self.image.sp + (n * self.model.word) as u64, self.model.word)
        }
        fn text(&self, addr: u64) -> &[u8] {
            let rest = &self.image.bytes[(addr - self.image.sp) as usize..];
            rest.split(|&byte| byte == 0).next().unwrap()
        }
    }

    #[test]
    fn everything_is_where_the_pointers_say() {
        let argv = [b"prog".to_vec(), b"one".to_vec()];
        let envp = [b"A=1".to_vec()];
        let contents = Contents {
            argv: &argv,
            envp: &envp,
            exec_fn: b"/bin/prog",
            random: [7; 16],
            phdrs: (0x40_0040, 9),
            base: 0x7000_0000,
            entry: 0x40_1000,
            capabilities: Capabilities { hwcap: [3, 4], ..Capabilities::default() },
            rseq: Some((28, 32)),
            vdso: 0x8000_0000,
            ids: [1, 2, 3, 4],
            secure: false,
        };
        let top = 0xc000_0000;
        for (model, header) in [(Model::LP64, 56), (BIG64, 56), (LITTLE32, 32)] {
            let form = Form { model, page: 0x4000, platform: Some("the-name") };
            let image = lay_out(form, &[(at::HWCAP2, 4)], &contents, top);
            assert_eq!(image.sp % 16, 0);
            assert_eq!(image.sp + image.bytes.len() as u64, top);
            let seen = Seen { model, image: &image };
            assert_eq!(seen.word(0), 2);
            assert_eq!(
                (seen.text(seen.word(1)), seen.text(seen.word(2))),
                (&b"prog"[..], &b"one"[..])
            );
            assert_eq!((seen.word(3), seen.word(5)), (0, 0));
            assert_eq!(seen.text(seen.word(4)), b"A=1");
            let mut auxv = std::collections::BTreeMap::new();
            let mut n = image.auxv.0 / model.word;
            assert_eq!(n, 6);
            while seen.word(n) != 0 {
                auxv.insert(seen.word(n), seen.word(n + 1));
                n += 2;
            }
            assert_eq!((n + 2) * model.word, image.auxv.0 + image.auxv.1);
            assert_eq!(seen.text(auxv[&at::EXECFN]), b"/bin/prog");
            assert_eq!(seen.text(auxv[&at::PLATFORM]), b"the-name");
            assert_eq!((auxv[&at::HWCAP], auxv[&at::HWCAP2]), (3, 4));
            assert_eq!((auxv[&at::PHENT], auxv[&at::EUID]), (header, 2));
            assert_eq!(auxv[&at::PAGESZ], 0x4000);
            assert_eq!(seen.number(auxv[&at::RANDOM], 8), 0x0707_0707_0707_0707);
            assert_eq!((auxv[&at::RSEQ_FEATURE_SIZE], auxv[&at::RSEQ_ALIGN]), (28, 32));
            assert_eq!(
                (seen.text(image.args.0), seen.text(image.env.0)),
                (&b"prog"[..], &b"A=1"[..])
            );
            assert_eq!(seen.number(top - 8, 8), 0);
        }
    }
}
