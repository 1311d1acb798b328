//! The files of binfmt.d: lines that the kernel will refuse.

use binfmt::root::Root;
use binfmt::{Kernel, Rule, conf};

use crate::code;
use crate::{Finding, Fix};

/// Adds what is wrong with the files below `root` for a kernel.
pub(crate) fn examine(root: &Root, kernel: Kernel, findings: &mut Vec<Finding>) {
    for path in conf::files(root) {
        for rule in conf::rules(&root.read(&path).unwrap_or_default()) {
            let about = format!("{}:{}", root.outside(&path).display(), rule.line);
            findings.extend(examine_line(&rule.text, &about, kernel));
        }
    }
}

fn examine_line(line: &[u8], about: &str, kernel: Kernel) -> Option<Finding> {
    let delimiter = line.first()?;
    let flags = line.rsplit(|b| b == delimiter).next().unwrap_or_default();
    let flags: Vec<char> = flags.iter().map(|b| char::from(*b)).collect();
    let since = |c: &char| Kernel::of_flag(*c);
    let shown = String::from_utf8_lossy(line).into_owned();
    let newest = flags.iter().filter_map(|c| Some((c, since(c)?))).max_by_key(|(_, k)| *k);
    match newest {
        Some((flag, since)) if kernel < since => Some(
            Finding::new(code::KERNEL_OLD, about)
                .evidence(format!("flag {flag} needs Linux {since}, this is {kernel}: {shown}"))
                .fix(Fix::Command(format!("remove the flag {flag} from that line"))),
        ),
        // Flags of newer kernels that we do not know.
        Some(('L' | 'D', _)) => None,
        _ => {
            let error = Rule::parse(line).err()?;
            Some(
                Finding::new(code::BAD_CONF, about)
                    .evidence(format!("{error}: {shown}"))
                    .fix(Fix::Command(format!("correct or remove {about}"))),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_judged_for_the_kernel() {
        let judge = |line: &str, kernel| {
            let rule = conf::rules(line.as_bytes()).into_iter().next()?;
            examine_line(&rule.text, "x.conf:1", kernel).map(|f| f.code.name)
        };
        let (old, new) = (Kernel::new(4, 4), Kernel::new(6, 12));
        assert_eq!(judge("# comment", old), None);
        assert_eq!(judge("", old), None);
        assert_eq!(judge(":a:M::b::/x:F", new), None);
        assert_eq!(judge(":a:M::b::/x:F", old), Some("E-KERNELOLD"));
        assert_eq!(judge(":a:M::b::/x:OFT", new), Some("E-KERNELOLD"));
        assert_eq!(judge(":a:M::b::/x:CL", Kernel::new(7, 3)), None);
        assert_eq!(judge(":a:M::b:/xyz:", new), Some("E-BADCONF"));
    }
}
