//! This machine, as the other tools' command lines see it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use binfmt::GuestArch;
use binfmt::mount::{Lifetime, lifetime};
use binfmt::pin::Pinned;
use compat::Machine;
use rustix::fs::{Access, access};
use rustix::mount::UnmountFlags;

/// How long a program that is tried may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The machine. Keeps our image open between registering and the end.
#[derive(Default)]
pub(super) struct Host {
    image: Option<Pinned>,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the tools print through this")]
impl Machine for Host {
    fn out(&mut self, text: &str) {
        print!("{text}");
        let _ = io::stdout().flush();
    }

    fn err(&mut self, text: &str) {
        if !(text.starts_with("hint: ") && self.strict()) {
            eprint!("{text}");
        }
    }

    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn strict(&self) -> bool {
        ["ANYARCH_COMPAT", "COMPAT"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|v| v == "strict"))
    }

    fn write(&mut self, path: &Path, text: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        match file.write(text)? {
            n if n == text.len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(dir)?;
        Ok(entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect())
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn executable(&self, path: &Path) -> bool {
        access(path, Access::EXEC_OK).is_ok()
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn writable(&self, path: &Path) -> bool {
        access(path, Access::WRITE_OK).is_ok()
    }

    fn create(&mut self, path: &Path, text: &[u8]) -> io::Result<()> {
        fs::write(path, text)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn mount(&mut self, dir: &Path) -> io::Result<()> {
        Ok(binfmt::mount::mount(dir)?)
    }

    fn unmount(&mut self, dir: &Path) -> io::Result<()> {
        Ok(rustix::mount::unmount(dir, UnmountFlags::empty())?)
    }

    fn is_volatile(&self, dir: &Path) -> bool {
        // In a user namespace's own instance the entries last as long as what they are for.
        lifetime(dir) == Lifetime::Container
    }

    fn own_image(&mut self) -> io::Result<String> {
        if self.image.is_none() {
            self.image = Some(Pinned::own()?);
        }
        Ok(self.image.as_ref().map(Pinned::path).unwrap_or_default())
    }

    fn executes(&mut self, guest: &GuestArch, root: Option<&Path>) -> bool {
        let prober = crate::commands::probe::prober(TIMEOUT);
        let report = match root {
            Some(root) => {
                let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
                prober.in_root(guest, root.as_os_str())
            }
            None => prober.fresh_root(guest),
        };
        report.outcome.is_ok()
    }

    fn uname_machine(&self) -> String {
        rustix::system::uname().machine().to_string_lossy().into_owned()
    }

    fn amd64_level(&self) -> u8 {
        sys::arch::levels().map_or(0, |bits| bits.count_ones() as u8 - 1)
    }

    fn list_long(&self, dir: &Path) -> String {
        list_long(dir).unwrap_or_else(|e| format!("ls: {}: {e}\n", dir.display()))
    }

    fn run(&mut self, program: &Path, argument: &Path) -> bool {
        let mut command = Command::new(program);
        command.arg(argument).stdin(Stdio::null());
        command.status().is_ok_and(|s| s.success())
    }
}

/// The directory's entries as `ls -la` of the original's image shows them, sorted by name.
fn list_long(dir: &Path) -> io::Result<String> {
    let mut names: Vec<String> = vec![".".into(), "..".into()];
    names.extend(fs::read_dir(dir)?.flatten().filter_map(|e| e.file_name().into_string().ok()));
    names.sort_unstable();
    let mut out = String::from("total 0\n");
    for name in names {
        let Ok(m) = fs::symlink_metadata(dir.join(&name)) else { continue };
        let kind = if m.is_dir() { 'd' } else { '-' };
        let bits = m.permissions().mode();
        let rwx: String = (0..9)
            .map(|i| if bits >> (8 - i) & 1 == 1 { ['r', 'w', 'x'][i % 3] } else { '-' })
            .collect();
        let owner = |id: u32| if id == 0 { "root".into() } else { id.to_string() };
        out += &format!(
            "{kind}{rwx} {:>4} {:<8} {:<8} {:>9} {} {name}\n",
            m.nlink(),
            owner(m.uid()),
            owner(m.gid()),
            m.len(),
            date(m.mtime())
        );
    }
    Ok(out)
}

/// `Nov 21 15:00`, in UTC.
fn date(seconds: i64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The Gregorian calendar, years counted from March.
    let since = days + 719_468;
    let of_era = since.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let name = MONTHS[((month + 2) % 12) as usize];
    format!("{name} {day:>2} {:02}:{:02}", rest / 3600, rest % 3600 / 60)
}

#[cfg(test)]
mod tests {
    use super::{date, list_long};

    #[test]
    fn dates_are_the_calendars() {
        assert_eq!(date(0), "Jan  1 00:00");
        assert_eq!(date(1_709_251_199), "Feb 29 23:59");
        assert_eq!(date(1_700_000_000), "Nov 14 22:13");
    }

    #[test]
    fn directories_are_listed_with_themselves() {
        let text = list_long(std::path::Path::new("/proc/self/ns")).expect("readable");
        assert!(text.lines().nth(1).is_some_and(|l| l.starts_with('d') && l.ends_with(" .")));
    }
}
