//! Files below a root directory that somebody else has made. Its links must lead nowhere outside of
//! it, its pipes must not block, and its devices must not be opened.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat, openat2,
    readlinkat, renameat, unlinkat,
};
use rustix::io::Errno;

/// How many links the kernel follows in one path.
const LINKS_MAX: usize = 40;

/// A root directory, open. Paths are looked up in it as they would be after chroot(2), whether they
/// begin with a slash or not. In the machine's own root, `/`, `/proc/PID/root` and its like lead to
/// a process's files as usual.
#[derive(Debug)]
pub struct Root {
    dir: OwnedFd,
    path: PathBuf,
}

/// What [`Root::make`] creates where there is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Make {
    /// A directory.
    Directory,
    /// An empty file.
    File,
}

impl Root {
    /// The root at `path`, whose own links are followed.
    ///
    /// # Errors
    /// When it is no directory, or cannot be looked at.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { dir: openat(CWD, path, flags, Mode::empty())?, path: path.to_owned() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory itself.
    pub fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// `path`, which is in this root, as the machine's programs would call it.
    pub fn outside(&self, path: &Path) -> PathBuf {
        self.path.join(below(path))
    }

    /// `path` from the top of this root: what the user typed is relative to the working directory
    /// if the root is the machine's own.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        let own = self.is_own().then(|| std::path::absolute(path).ok()).flatten();
        own.unwrap_or_else(|| Path::new("/").join(path))
    }

    /// Whether this is the machine's own root.
    pub fn is_own(&self) -> bool {
        self.path == Path::new("/")
    }

    /// What `path` leads to, only to be looked at (`O_PATH`).
    ///
    /// # Errors
    /// When there is no such file, or a link leads to a process's files (`/proc/PID/root`).
    pub fn find(&self, path: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let path = below(path);
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        if self.is_own() {
            return Ok(openat(&self.dir, path, flags, Mode::empty())?);
        }
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        match openat2(&self.dir, path, flags, Mode::empty(), resolve) {
            // Before Linux 5.6 or in a sandbox that does not know it; a directory was moved.
            Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => self.walk(path, None),
            found => Ok(found?),
        }
    }

    /// Whether `path` leads to a file of any kind.
    pub fn has(&self, path: &Path) -> bool {
        self.find(path).is_ok()
    }

    /// The regular file that `path` leads to, open for reading.
    ///
    /// # Errors
    /// When it cannot be read, or is a pipe, a device or a directory.
    pub fn file(&self, path: &Path) -> io::Result<File> {
        reopen(&self.find(path)?)
    }

    /// The text of the regular file that `path` leads to.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than any configuration file.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        const LARGEST: u64 = 1 << 20;
        let mut text = Vec::new();
        match self.file(path)?.take(LARGEST + 1).read_to_end(&mut text)? as u64 {
            0..=LARGEST => Ok(text),
            _ => Err(io::ErrorKind::FileTooLarge.into()),
        }
    }

    /// The names in the directory that `path` leads to; none where that is no directory.
    pub fn names(&self, path: &Path) -> Vec<OsString> {
        let Ok(dir) = self.find(path) else { return Vec::new() };
        let listing = fs::read_dir(through(dir.as_fd())).into_iter().flatten().flatten();
        listing.map(|item| item.file_name()).collect()
    }

    /// What `path` leads to; what is missing on the way, and its end, is created, but nothing in the
    /// directories `kept` at the top.
    ///
    /// # Errors
    /// When it cannot be created; `EXDEV` when it would be in one of `kept`.
    pub fn make(&self, path: &Path, what: Make, kept: &[&str]) -> io::Result<OwnedFd> {
        self.walk(below(path), Some((what, kept)))
    }

    /// The directory `name` at the top; None if it is missing, a link or a file.
    pub fn top_directory(&self, name: &str) -> Option<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&self.dir, name, flags, Mode::empty()).ok()
    }

    /// The directory `name` at the top, created if it is missing; None where that is impossible.
    pub fn make_top_directory(&self, name: &str) -> Option<OwnedFd> {
        let _ = create(self.dir.as_fd(), name.as_ref(), Make::Directory);
        self.top_directory(name)
    }

    /// Writes the file `path` as a whole or not at all. If it is a link, the link is replaced.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn replace(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        let (dir, name) = self.parent(path, Some(Make::Directory))?;
        let mut new = name.clone();
        new.push(".anyarch-new");
        let _ = unlinkat(&dir, &new, AtFlags::empty());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(&dir, &new, flags, Mode::from_raw_mode(0o644))?;
        File::from(file).write_all(text)?;
        Ok(renameat(&dir, &new, &dir, &name)?)
    }

    /// Removes the file `path`, the link if it is one.
    ///
    /// # Errors
    /// When that is refused.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        let (dir, name) = self.parent(path, None)?;
        Ok(unlinkat(dir, name, AtFlags::empty())?)
    }

    /// The directory of `path`, and its name there.
    fn parent(&self, path: &Path, make: Option<Make>) -> io::Result<(OwnedFd, OsString)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        let dir = path.parent().unwrap_or(Path::new(""));
        Ok((self.walk(below(dir), make.map(|make| (make, &[][..])))?, name))
    }

    /// Follows `path` one name at a time, so that no link is followed by the kernel; creates what
    /// is missing, and the kind of `make` at the end; as in [`Root::make`].
    fn walk(&self, path: &Path, make: Option<(Make, &[&str])>) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut rest = Vec::new();
        push(&mut rest, path);
        // The directories from the root to where we are: `..` goes back to one that was seen.
        let mut stack: Vec<OwnedFd> = Vec::new();
        let (mut top, mut links) = (OsString::new(), 0);
        while let Some(name) = rest.pop() {
            if name == "/" {
                stack.clear();
                continue;
            }
            if name == ".." {
                stack.pop();
                continue;
            }
            let dir = stack.last().map_or(self.dir.as_fd(), OwnedFd::as_fd);
            let found = match (openat(dir, &name, flags, Mode::empty()), make) {
                (Err(Errno::NOENT), Some((end, kept))) => {
                    if !stack.is_empty() && kept.iter().any(|&kept| top == kept) {
                        return Err(Errno::XDEV.into());
                    }
                    let what = if rest.is_empty() { end } else { Make::Directory };
                    create(dir, &name, what)?;
                    openat(dir, &name, flags, Mode::empty())
                }
                (found, _) => found,
            }?;
            if FileType::from_raw_mode(fstat(&found)?.st_mode) != FileType::Symlink {
                if stack.is_empty() {
                    top = name;
                }
                stack.push(found);
                continue;
            }
            links += 1;
            if links > LINKS_MAX {
                return Err(Errno::LOOP.into());
            }
            let link = OsString::from_vec(readlinkat(&found, "", Vec::new())?.into_bytes());
            push(&mut rest, Path::new(&link));
        }
        match stack.pop() {
            Some(found) => Ok(found),
            None => Ok(self.dir.try_clone()?),
        }
    }
}

/// Creates `name` in `dir`.
fn create(dir: BorrowedFd<'_>, name: &OsStr, what: Make) -> rustix::io::Result<()> {
    match what {
        Make::Directory => mkdirat(dir, name, Mode::from_raw_mode(0o755)),
        Make::File => {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            openat(dir, name, flags, Mode::from_raw_mode(0o644)).map(drop)
        }
    }
}

/// Puts the names of `path` on top of `rest`, the first as the last.
fn push(rest: &mut Vec<OsString>, path: &Path) {
    let names = path.components().filter(|c| *c != Component::CurDir);
    let names: Vec<OsString> = names.map(|c| c.as_os_str().to_owned()).collect();
    rest.extend(names.into_iter().rev());
}

/// `path` without the slash at its start.
fn below(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

/// A name of the file that `fd` has open, for calls that take paths.
pub fn through(fd: BorrowedFd<'_>) -> PathBuf {
    format!("/proc/self/fd/{}", fd.as_raw_fd()).into()
}

/// Opens a file that was found with `O_PATH` for reading, if it is a regular one: opening a pipe
/// waits for a writer, and opening a device may have an effect.
fn reopen(found: &OwnedFd) -> io::Result<File> {
    match FileType::from_raw_mode(fstat(found)?.st_mode) {
        FileType::RegularFile => File::open(through(found.as_fd())),
        FileType::Directory => Err(Errno::ISDIR.into()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
    }
}

/// The regular file at `path` of the machine, open for reading; pipes and devices are refused.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn open_regular(path: &Path) -> io::Result<File> {
    reopen(&openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    /// A root whose links all want to get out, next to what they want to reach.
    fn hostile(name: &str) -> (PathBuf, Root) {
        let dir = std::env::temp_dir().join(format!("anyarch-root-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        let root = dir.join("root");
        fs::create_dir_all(root.join("real/deep")).expect("made");
        fs::create_dir_all(dir.join("outside")).expect("made");
        fs::write(dir.join("outside/secret"), "outside").expect("written");
        fs::write(root.join("real/file"), "inside").expect("written");
        let outside = dir.join("outside");
        for (to, at) in [
            (outside.as_path(), "absolute"),
            (Path::new("../outside"), "relative"),
            (Path::new("../../../../../../../../outside"), "real/up"),
            (Path::new("/real"), "good"),
            (Path::new("../real/deep"), "good-relative"),
            (Path::new("loop"), "loop"),
            (Path::new("/nowhere/at/all"), "dangling"),
            (Path::new("good-relative/../up"), "chain"),
        ] {
            symlink(to, root.join(at)).expect("linked");
        }
        let root = Root::open(&root).expect("it is there");
        (dir, root)
    }

    fn inode(fd: &OwnedFd) -> u64 {
        fstat(fd).expect("open").st_ino
    }

    /// Both ways to look a path up agree with each other, and stay inside.
    #[test]
    fn links_stay_in_the_root() {
        let (dir, root) = hostile("links");
        let same = |path: &str| {
            let found = root.find(path.as_ref()).map(|fd| inode(&fd));
            let walked = root.walk(below(path.as_ref()), None).map(|fd| inode(&fd));
            assert_eq!(found.as_ref().ok(), walked.as_ref().ok(), "{path}");
            found
        };
        for path in ["absolute", "/relative/secret", "real/up", "chain/secret", "dangling", "loop"]
        {
            assert!(same(path).is_err(), "{path} leads somewhere");
        }
        let of = |path: &str| fs::metadata(root.path().join(path)).expect("there").ino();
        assert_eq!(same("/good/file").expect("inside"), of("real/file"));
        assert_eq!(same("good-relative/..").expect("inside"), of("real"));
        assert_eq!(same("../../..").expect("inside"), of("."));
        assert_eq!(same("").expect("inside"), of("."));
        assert_eq!(root.read("good/./file".as_ref()).expect("read"), b"inside");
        fs::remove_dir_all(dir).expect("removed");
    }

    #[test]
    fn what_is_made_is_inside() {
        let (dir, root) = hostile("make");
        for path in ["absolute/made/deep", "relative/new", "real/up/x", "dangling/y", "/a/b/../c"] {
            root.make(path.as_ref(), Make::Directory, &[]).expect("made");
            assert!(root.has(path.as_ref()), "{path}");
        }
        root.make("chain/file".as_ref(), Make::File, &[]).expect("made");
        // Nothing is made in what is kept, by whatever way.
        symlink("/top-kept/self", root.path().join("real/into")).expect("linked");
        for path in ["real/into/x", "top-kept/x/y", "real/../top-kept/x"] {
            let refused = root.make(path.as_ref(), Make::Directory, &["top-kept"]);
            assert_eq!(refused.unwrap_err().raw_os_error(), Some(Errno::XDEV.raw_os_error()));
        }
        assert!(root.names("top-kept".as_ref()).is_empty());
        root.make("real/top-kept/x".as_ref(), Make::Directory, &["top-kept"]).expect("made");
        assert!(root.make("loop/x".as_ref(), Make::Directory, &[]).is_err());
        assert!(root.make("good/file/x".as_ref(), Make::Directory, &[]).is_err());
        root.replace("absolute/etc/conf".as_ref(), b"text").expect("written");
        assert_eq!(root.read("absolute/etc/conf".as_ref()).expect("read"), b"text");
        symlink(dir.join("outside/secret"), root.path().join("real/link")).expect("linked");
        root.replace("real/link".as_ref(), b"new").expect("written");
        root.remove("absolute/etc/conf".as_ref()).expect("removed");
        assert!(root.make_top_directory("absolute").is_none());
        assert!(root.top_directory("top").is_none() && root.make_top_directory("top").is_some());
        let names: Vec<_> = fs::read_dir(dir.join("outside")).expect("there").flatten().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        assert_eq!(fs::read(dir.join("outside/secret")).expect("there"), b"outside");
        assert!(root.has("nowhere/at/all".as_ref()));
        fs::remove_dir_all(dir).expect("removed");
    }

    #[test]
    fn pipes_and_devices_are_not_opened() {
        let (dir, root) = hostile("pipes");
        let pipe = root.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|s| s.success()), "mkfifo");
        assert!(root.file("pipe".as_ref()).is_err() && open_regular(&pipe).is_err());
        assert!(root.file("real".as_ref()).is_err());
        assert!(open_regular("/dev/zero".as_ref()).is_err());
        let own = Root::open("/".as_ref()).expect("there");
        assert!(own.has("/proc/self/exe".as_ref()) && own.file("proc/self/exe".as_ref()).is_ok());
        fs::remove_dir_all(dir).expect("removed");
    }
}
