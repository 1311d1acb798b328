//! Files' code: which file it is of, and where all of a family put it.
//!
//! Translations of the same file's code at the same address are executed by all of a family
//! ([`engine::Image`]). So processes of a family put the same file where the others have it. Where that is
//! is random for each family; the rest of a process's memory is at random places of its own.

use super::place::PROGRAMS_END;
use super::{MapRequest, Mm, Space, prot};
use core::sync::atomic::Ordering;
use engine::Image;
use libc::{MAP_ANONYMOUS, MAP_DENYWRITE};
use std::os::fd::RawFd;
use std::sync::PoisonError;
use std::time::{SystemTime, UNIX_EPOCH};
use sys::raw;

/// A file that was changed so many seconds ago at most may change again without a trace: times of files
/// are not exact.
const SETTLED: i64 = 3;
/// File systems in memory do not note when a file is changed by way of a mapping.
const IN_MEMORY: [i128; 3] = [0x0102_1994, 0x8584_58f6, 0x9584_58f6];
/// That the place is one of a reservation: loaders make one for a file that is linked for large pages.
const RESERVED: u64 = 1 << 63;

/// A file's code that the guest has never been able to change.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileCode {
    start: u64,
    end: u64,
    /// Tells the file and where it is mapped from all others.
    file: u64,
}

impl FileCode {
    fn image(&self) -> Image {
        let id = hash(&[self.file, self.start, self.end]).max(1);
        Image { start: self.start, end: self.end, id }
    }
}

/// All that are known.
#[derive(Debug, Default)]
pub(super) struct Images(Vec<FileCode>);

impl Images {
    fn find(&self, addr: u64) -> Option<Image> {
        let code = self.0.iter().find(|code| (code.start..code.end).contains(&addr));
        code.map(FileCode::image)
    }
    /// Takes `start..end` out; false if nothing was there.
    fn cut(&mut self, start: u64, end: u64) -> bool {
        let overlaps = |code: &FileCode| code.start < end && start < code.end;
        let Some(first) = self.0.iter().position(overlaps) else { return false };
        for code in self.0.split_off(first) {
            if overlaps(&code) {
                let parts = [(code.start, start.max(code.start)), (end.min(code.end), code.end)];
                let parts = parts.into_iter().filter(|(start, end)| start < end);
                self.0.extend(parts.map(|(start, end)| FileCode { start, end, ..code }));
            } else {
                self.0.push(code);
            }
        }
        true
    }
}

impl Mm {
    /// [`Mm::note_image`] of what the loader has mapped.
    pub(crate) fn adopt_image(&self, start: u64, end: u64, fd: RawFd, offset: u64) {
        self.note_image(&self.space(), (start, end), fd, offset);
    }

    /// Files of the family are put below `top` from now on.
    pub(crate) fn place_files_below(&self, top: u64) {
        self.space().files_top = top;
    }

    /// Where the family puts a file that takes `len` bytes.
    pub(crate) fn file_place(&self, len: u64) -> Option<u64> {
        let top = self.space().files_top;
        self.family_place(top, len, len)
    }

    /// The same for a mapping that has no place yet, if it is a loader's.
    pub(super) fn request_place(&self, top: u64, request: &MapRequest) -> Option<u64> {
        let MapRequest { addr, len, prot, fd, offset, .. } = *request;
        if top == 0 || addr != 0 || prot & prot::WRITE != 0 || !request.is_private() {
            return None;
        }
        // (The flag means nothing; glibc's loader sets it in all that it maps.)
        let loads = request.has(MAP_DENYWRITE);
        if request.has(MAP_ANONYMOUS) {
            let for_file = loads && prot == 0;
            return for_file.then(|| self.family_place(top, len | RESERVED, len)).flatten();
        }
        let mut magic = [0; 4];
        let mut is_elf = || raw::pread(fd, &mut magic, 0) == Ok(4) && magic == *b"\x7fELF";
        let is_first = offset == 0 && (loads || is_elf());
        is_first.then(|| self.family_place(top, len, len)).flatten()
    }

    fn family_place(&self, top: u64, what: u64, len: u64) -> Option<u64> {
        if top == 0 {
            return None;
        }
        top.checked_sub(self.engine.family_place(what, len)?)
    }

    /// Notes that the executable `start..end` is what is in `fd` from `offset` on, if it is where others of the
    /// family have it too.
    pub(super) fn note_image(&self, space: &Space, range: (u64, u64), fd: RawFd, offset: u64) {
        let (start, end) = range;
        let placed =
            start < PROGRAMS_END || space.files_top.wrapping_sub(end) < engine::FAMILY_PLACES_LEN;
        if placed
            && self.engine.share_fd().is_some()
            && !self.all_plastic.load(Ordering::SeqCst)
            && let Some(file) = identity(fd, offset.wrapping_sub(start))
        {
            let mut images = self.images.write().unwrap_or_else(PoisonError::into_inner);
            images.0.push(FileCode { start, end, file });
        }
    }

    /// What is known of the code at `addr`.
    pub(super) fn find_image(&self, addr: u64) -> Option<Image> {
        self.images.read().unwrap_or_else(PoisonError::into_inner).find(addr)
    }

    /// What is in `start..end` is not what it was. False if nothing was known of it.
    pub(super) fn forget_images(&self, start: u64, end: u64) -> bool {
        self.images.write().unwrap_or_else(PoisonError::into_inner).cut(start, end)
    }

    /// Code may have been changed anywhere, by means that nobody sees here.
    pub(crate) fn any_code_changed(&self) {
        self.forget_images(0, u64::MAX);
        self.engine.invalidate(0, 1 << 48);
    }
}

/// A number that only this file has, mapped with `shift` between addresses and offsets; none if it may change
/// without getting another.
fn identity(fd: RawFd, shift: u64) -> Option<u64> {
    let stat = raw::fstat(fd).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    let settled = |time: i64| {
        let until = time.checked_add(SETTLED).and_then(|until| u64::try_from(until).ok());
        until.is_some_and(|until| until < now)
    };
    let regular = stat.st_mode & libc::S_IFMT == libc::S_IFREG;
    let in_memory = raw::fstatfs(fd).map_or(true, |fs| IN_MEMORY.contains(&i128::from(fs.f_type)));
    if !regular || in_memory || !settled(stat.st_ctime) || !settled(stat.st_mtime) {
        return None;
    }
    let times = [stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec];
    let [mtime, mtime_nsec, ctime, ctime_nsec] = times.map(i64::cast_unsigned);
    let size = stat.st_size.cast_unsigned();
    Some(hash(&[stat.st_dev, stat.st_ino, size, mtime, mtime_nsec, ctime, ctime_nsec, shift]))
}

fn hash(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |hash: u64, part| {
        let mixed = (hash.rotate_left(25) ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ mixed >> 31
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    fn code(images: &Images, addr: u64) -> Option<(u64, u64)> {
        images.find(addr).map(|image| (image.start, image.end))
    }

    #[test]
    fn what_changes_is_cut_out() {
        let other = FileCode { start: 0xa000, end: 0xb000, file: 8 };
        let mut images = Images(vec![FileCode { start: 0x1000, end: 0x9000, file: 7 }, other]);
        let whole = images.find(0x1000).unwrap().id;
        assert!(!images.cut(0x9000, 0xa000) && !images.cut(0, 0x1000));
        assert_eq!(images.find(0x8fff).unwrap().id, whole);
        assert!(images.cut(0x3000, 0x4000));
        assert_eq!(code(&images, 0x2fff), Some((0x1000, 0x3000)));
        assert_eq!([code(&images, 0x3000), code(&images, 0x3fff)], [None, None]);
        assert_eq!(code(&images, 0x4000), Some((0x4000, 0x9000)));
        let [low, high] = [0x1000, 0x4000].map(|at| images.find(at).unwrap().id);
        assert!(low != high && low != whole && high != whole);
        assert_eq!(code(&images, 0xa000), Some((0xa000, 0xb000)));
        assert!(images.cut(0x2000, 0xa800));
        assert_eq!([code(&images, 0x1000), code(&images, 0x5000)], [Some((0x1000, 0x2000)), None]);
        assert_eq!(code(&images, 0xa800), Some((0xa800, 0xb000)));
        assert!(images.cut(0, u64::MAX) && !images.cut(0, u64::MAX));
    }

    #[test]
    fn only_files_that_have_settled_are_told_apart() {
        let own = std::fs::File::open("/proc/self/exe").unwrap();
        // (A test may be run as soon as it is built.)
        let start = std::time::Instant::now();
        while identity(own.as_raw_fd(), 0).is_none() && start.elapsed().as_secs() < 10 {
            std::thread::sleep(core::time::Duration::from_millis(100));
        }
        let id = identity(own.as_raw_fd(), 0);
        assert!(id.is_some() && id == identity(own.as_raw_fd(), 0));
        assert_ne!(id, identity(own.as_raw_fd(), 4096), "mapped elsewhere");
        let path = std::env::current_exe().unwrap().with_extension("settled");
        std::fs::write(&path, b"new").unwrap();
        let new = std::fs::File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(identity(new.as_raw_fd(), 0), None, "it was written just now");
        let memory = raw::memfd(c"test").unwrap();
        assert_eq!(identity(memory.as_raw_fd(), 0), None);
    }
}
