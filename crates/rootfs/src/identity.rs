//! Who the new user namespace's users are.

use std::fs;

use rustix::process::{getegid, geteuid};

use crate::Result;

/// Writes the uid and gid maps of process `pid`, which is alone in a new user namespace.
///
/// A process with authority over all identities it can see maps every one of them to itself
/// (package managers change owners, services their users); an ordinary user becomes root alone.
///
/// # Errors
/// When the kernel refuses both kinds of map.
pub(crate) fn write_maps(pid: u32) -> Result<()> {
    if geteuid().is_root() {
        let all = |file: &str| {
            let own = fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
            fs::write(format!("/proc/{pid}/{file}"), same_identities(&own))
        };
        if all("uid_map").is_ok() && all("gid_map").is_ok() {
            return Ok(());
        }
    }
    Ok(binfmt::namespace::map_root(&pid.to_string(), (geteuid(), getegid()))?)
}

/// From the text of a namespace's own map, the map of a child with the same identities: the
/// middle column counts in the parent, which is where we are.
fn same_identities(own: &str) -> String {
    let mut map = String::new();
    for line in own.lines() {
        let mut columns = line.split_whitespace();
        if let (Some(first), Some(_), Some(count)) =
            (columns.next(), columns.next(), columns.next())
        {
            map += &format!("{first} {first} {count}\n");
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::same_identities;

    #[test]
    fn keeps_the_inner_numbers() {
        assert_eq!(same_identities("         0          0 4294967295\n"), "0 0 4294967295\n");
        assert_eq!(same_identities(" 0 1000 1\n 1 100000 65536\n"), "0 0 1\n1 1 65536\n");
    }
}
