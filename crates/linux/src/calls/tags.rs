//! Tagged addresses: architectures whose processors ignore the top byte of addresses let system
//! calls take such ones (Documentation/arch/arm64/tagged-address-abi.rst).
//!
//! Calls that only name memory (`mprotect`, `madvise` ...) take them always, those that access it
//! only if the thread has asked for that by `PR_SET_TAGGED_ADDR_CTRL`. What would let one place have
//! two names (`mmap`, `brk`, the new address of `mremap`, shared memory) takes none.

use super::{Args, Call, Result};
use crate::strace::Arg;
use crate::task::Task;
use sys::Errno;

/// The bits of a tag. An address whose next bit is set is none of the user's.
const TAG: u64 = 0xff << 56;
const KERNEL: u64 = 1 << 55;
/// `PR_TAGGED_ADDR_ENABLE`.
const ENABLE: u64 = 1;

/// Calls that name memory by their first argument.
const NAMING: [&str; 13] = [
    "munmap",
    "mremap",
    "mprotect",
    "pkey_mprotect",
    "madvise",
    "msync",
    "mincore",
    "mlock",
    "mlock2",
    "munlock",
    "mseal",
    "mbind",
    "set_mempolicy_home_node",
];
/// Calls whose addresses may not have tags.
const WITHOUT: [&str; 5] = ["mmap", "brk", "mremap", "shmat", "shmdt"];

/// Most buffers of a vector (`UIO_MAXIOV`).
const VECTOR_MAX: u64 = 1024;
/// Size of `struct iovec`.
const IOVEC: usize = 16;
/// Most words that `futex_waitv` waits for.
const FUTEXES_MAX: u64 = 128;
/// `struct msghdr`, in words; the kernel changes the second and the last two.
const HEADER: usize = 7;
const VECTOR: usize = 2;
const VECTOR_LEN: usize = 3;
const POINTERS: [usize; 2] = [0, 4];
const RESULTS: [usize; 3] = [1, 5, 6];

/// Whether `address` has a tag. (Small negative numbers have none.)
pub(super) fn has(address: u64) -> bool {
    address & TAG != 0 && address & KERNEL == 0
}

/// `address` without its tag, for a call that accesses memory on behalf of `task`.
pub(super) fn strip(task: &Task, address: u64) -> u64 {
    if task.takes_tags { untag(address) } else { address }
}

pub(super) fn untag(address: u64) -> u64 {
    if has(address) { address & !TAG } else { address }
}

/// `prctl(PR_SET_TAGGED_ADDR_CTRL)`.
pub(crate) fn set(task: &mut Task, args: &[u64]) -> Result {
    if args[0] & !ENABLE != 0 || args[1..].iter().any(|&unused| unused != 0) {
        return Err(Errno::EINVAL);
    }
    task.takes_tags = args[0] & ENABLE != 0;
    Ok(0)
}

/// `prctl(PR_GET_TAGGED_ADDR_CTRL)`.
pub(crate) fn get(task: &Task, args: &[u64]) -> Result {
    if args.iter().any(|&unused| unused != 0) {
        return Err(Errno::EINVAL);
    }
    Ok(u64::from(task.takes_tags))
}

/// What replaces addresses of a call in memory.
#[derive(Default)]
pub(super) struct Copies {
    vectors: Vec<Vec<u8>>,
    headers: Option<Headers>,
    /// Words that were changed where the guest has them: address and old value.
    changed: Vec<(u64, u64)>,
}

/// Headers of messages.
struct Headers {
    words: Vec<u64>,
    /// Words of one.
    size: usize,
    /// Where the guest has them.
    at: u64,
}

/// The arguments of `call` for the host, which knows no tags. They are good as long as the copies.
pub(super) fn remove(task: &Task, call: &Call, mut args: Args) -> (Args, Copies) {
    let mut copies = Copies::default();
    let tagged = |(_, (arg, value)): &(usize, (&Arg, &mut u64))| arg.is_address() && has(**value);
    for (index, (_, value)) in call.args.iter().zip(&mut args).enumerate().filter(tagged) {
        let naming = index == 0 && NAMING.contains(&call.name);
        if naming || task.takes_tags && !WITHOUT.contains(&call.name) {
            *value = untag(*value);
        }
    }
    if task.takes_tags {
        for (index, _) in call.args.iter().enumerate().filter(|(_, arg)| **arg == Arg::Iovec) {
            args[index] = copies.vector(args[index], args[index + 1]);
        }
        match call.name {
            "sendmsg" | "recvmsg" => args[1] = copies.messages(args[1], 1, HEADER),
            // Each with its length.
            "sendmmsg" | "recvmmsg" => args[1] = copies.messages(args[1], args[2], HEADER + 1),
            "io_submit" => args[2] = copies.submissions(args[2], args[1]),
            "futex_waitv" => args[0] = copies.futexes(args[0], args[1]),
            // (A number has none of these bits.)
            "ioctl" => args[2] = untag(args[2]),
            _ => {}
        }
    }
    (args, copies)
}

impl Copies {
    /// The vector of `len` buffers at `at`, or a copy without tags.
    pub(super) fn vector(&mut self, at: u64, len: u64) -> u64 {
        if len > VECTOR_MAX {
            return at;
        }
        let Ok(mut bytes) = ::memory::read_vec(at, len as usize * IOVEC) else { return at };
        let mut tagged = false;
        for base in bytes.chunks_exact_mut(IOVEC) {
            // The tag is the last byte of the first word.
            if base[7] != 0 {
                let address = base[..8].iter().rev().fold(0, |word, &b| word << 8 | u64::from(b));
                base[..8].copy_from_slice(&untag(address).to_le_bytes());
                tagged = true;
            }
        }
        if !tagged {
            return at;
        }
        self.vectors.push(bytes);
        self.vectors[self.vectors.len() - 1].as_ptr() as u64
    }

    /// The `count` message headers at `at`, `size` words apart, or copies without tags.
    fn messages(&mut self, at: u64, count: u64, size: usize) -> u64 {
        let total = count.min(VECTOR_MAX) as usize * size;
        let word = |n: usize| ::memory::read_u64(at + 8 * n as u64);
        let words: core::result::Result<Vec<u64>, _> = (0..total).map(word).collect();
        let Ok(mut words) = words else { return at };
        let before = words.clone();
        for header in words.chunks_exact_mut(size) {
            header[VECTOR] = untag(header[VECTOR]);
            header[VECTOR] = self.vector(header[VECTOR], header[VECTOR_LEN]);
            for pointer in POINTERS {
                header[pointer] = untag(header[pointer]);
            }
        }
        if words == before {
            return at;
        }
        let copy = words.as_mut_ptr() as u64;
        self.headers = Some(Headers { words, size, at });
        copy
    }

    /// The `count` pointers to `struct iocb` at `at`, or a copy without tags. What these point to is
    /// changed in its place, as the kernel tells results by its address.
    fn submissions(&mut self, at: u64, count: u64) -> u64 {
        const OPERATION: u64 = 16;
        const BUFFER: u64 = 24;
        const LEN: u64 = 32;
        /// `IOCB_CMD_PREADV`, `IOCB_CMD_PWRITEV`.
        const VECTORS: [u16; 2] = [7, 8];
        let pointers = (0..count.min(VECTOR_MAX)).map(|n| ::memory::read_u64(at + 8 * n));
        let mut copy = Vec::new();
        for pointer in pointers {
            let Ok(pointer) = pointer.map(untag) else { return at };
            copy.extend(pointer.to_le_bytes());
            let Ok(buffer) = ::memory::read_u64(pointer + BUFFER) else { continue };
            let mut plain = untag(buffer);
            if ::memory::read_u16(pointer + OPERATION).is_ok_and(|code| VECTORS.contains(&code)) {
                plain = self.vector(plain, ::memory::read_u64(pointer + LEN).unwrap_or(0));
            }
            if plain != buffer && ::memory::write_u64(pointer + BUFFER, plain).is_ok() {
                self.changed.push((pointer + BUFFER, buffer));
            }
        }
        self.vectors.push(copy);
        self.vectors[self.vectors.len() - 1].as_ptr() as u64
    }

    /// The `count` words that are waited for at `at` (`struct futex_waitv`), or a copy without tags.
    fn futexes(&mut self, at: u64, count: u64) -> u64 {
        const SIZE: usize = 24;
        const ADDRESS: core::ops::Range<usize> = 8..16;
        let Ok(mut bytes) = ::memory::read_vec(at, count.min(FUTEXES_MAX) as usize * SIZE) else {
            return at;
        };
        for futex in bytes.chunks_exact_mut(SIZE) {
            let address = &mut futex[ADDRESS];
            let word = address.iter().rev().fold(0, |word, &b| word << 8 | u64::from(b));
            address.copy_from_slice(&untag(word).to_le_bytes());
        }
        self.vectors.push(bytes);
        self.vectors[self.vectors.len() - 1].as_ptr() as u64
    }

    /// Gives the guest what the kernel wrote to copies.
    pub(super) fn finish(self) {
        for (at, old) in self.changed {
            let _ = ::memory::write_u64(at, old);
        }
        let Some(Headers { words, size, at }) = self.headers else { return };
        for (n, header) in words.chunks_exact(size).enumerate() {
            let at = at + 8 * (n * size) as u64;
            for result in RESULTS {
                let _ = ::memory::write_u64(at + 8 * result as u64, header[result]);
            }
            // How much was sent or received, of one of several messages.
            if let Some(&len) = header.get(HEADER) {
                let _ = ::memory::write_u32(at + 8 * HEADER as u64, len as u32);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_the_users_alone() {
        assert_eq!(untag(0x4200_0000_0000_1000), 0x1000);
        assert_eq!(untag(u64::MAX), u64::MAX);
        let mut copies = Copies::default();
        let vector = [0x100_u64 << 48 | 0x5000, 7, 0x6000, 8];
        let copy = copies.vector(vector.as_ptr() as u64, 2);
        assert_ne!(copy, vector.as_ptr() as u64);
        assert_eq!(::memory::read_u64(copy), Ok(0x5000));
        assert_eq!(::memory::read_u64(copy + 16), Ok(0x6000));
        let mut block = [0_u64; 8];
        (block[3], block[4]) = (0x42 << 56 | 0x7000, 9);
        let block = std::hint::black_box(&mut block);
        let list = [0x17_u64 << 56 | block.as_ptr() as u64];
        let copy = copies.submissions(list.as_ptr() as u64, 1);
        assert_eq!(::memory::read_u64(copy), Ok(block.as_ptr() as u64));
        assert_eq!(std::hint::black_box(&*block)[3], 0x7000);
        Copies { changed: core::mem::take(&mut copies.changed), ..Copies::default() }.finish();
        assert_eq!(std::hint::black_box(&*block)[3], 0x42 << 56 | 0x7000);
        let plain = [0x5000_u64, 7];
        assert_eq!(copies.vector(plain.as_ptr() as u64, 1), plain.as_ptr() as u64);
    }
}
