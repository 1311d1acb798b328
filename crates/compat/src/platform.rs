//! Platform names as container tools read them: `arm64`, `linux/arm64`, `linux/arm/v7`.

/// Operating systems that a single word may name.
const SYSTEMS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];

/// Architectures that a single word may name.
const ARCHITECTURES: &[&str] = &[
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "ppc64",
    "ppc64le",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

/// The architecture that `text` names, `host` being that of this machine; None where container
/// tools refuse the name.
pub(crate) fn architecture(text: &str, host: &str) -> Option<String> {
    if text.contains('*') {
        return None;
    }
    let parts: Vec<&str> = text.splitn(4, '/').collect();
    for (i, part) in parts.iter().enumerate() {
        let extra: &[char] = if i == 0 { &['_', '-'] } else { &['_', '-', '.'] };
        // The operating system may carry options, as `windows(10.0.17763)`.
        let word = if i == 0 { part.split('(').next().unwrap_or(part) } else { part };
        let known = |c: char| c.is_ascii_alphanumeric() || extra.contains(&c);
        if word.is_empty() || !word.chars().all(known) || (word != *part && !part.ends_with(')')) {
            return None;
        }
    }
    match parts[..] {
        [word] => {
            let system = word.to_ascii_lowercase();
            let system = if system == "macos" { "darwin" } else { &system };
            let system = system.split('(').next().unwrap_or(system);
            if SYSTEMS.contains(&system) {
                return Some(host.to_owned());
            }
            Some(normalized(word)).filter(|a| ARCHITECTURES.contains(&a.as_str()))
        }
        [_, architecture] | [_, architecture, _] => Some(normalized(architecture)),
        _ => None,
    }
}

fn normalized(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "i386" => "386",
        "x86_64" | "x86-64" => "amd64",
        "aarch64" => "arm64",
        "armhf" | "armel" => "arm",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_architectures() {
        for (text, expected) in [
            ("arm64", Some("arm64")),
            ("aarch64", Some("arm64")),
            ("linux/arm64", Some("arm64")),
            ("linux/arm/v7", Some("arm")),
            ("arm/v7", Some("v7")),
            ("linux", Some("amd64")),
            ("armhf", Some("arm")),
            ("x86_64", Some("amd64")),
            ("qemu-aarch64", None),
            ("qemu-*", None),
            ("", None),
            ("a/b/c/d", None),
            ("windows(10.0.17763)/amd64", Some("amd64")),
        ] {
            assert_eq!(architecture(text, "amd64").as_deref(), expected, "{text}");
        }
    }
}
