//! Every code of the doctor: it is not found in a healthy set-up, it is found with evidence when it
//! is provoked, and where the doctor says that it can repair it, `--fix` does and nothing is found
//! any more; otherwise what it tells a person to do helps, as far as a test can do that.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use binfmt::{Instance, Matcher, Rule};
use it::Lab;
use it::entries::{self, empty_dir, guest, program, qemu, rule};
use it::namespace::{expect, inside};
use rustix::mount::MountFlags;

/// Where a code is provoked.
struct Scene {
    instance: Instance,
    dir: PathBuf,
}

/// How the doctor is called then.
#[derive(Default)]
struct Call {
    /// Its options.
    options: Vec<String>,
    /// A script that ends in `exec "$@"`, instead of calling it directly.
    through: Option<String>,
    /// What a person does about it.
    by_hand: Option<Box<dyn Fn()>>,
    /// Why it cannot be provoked here.
    skipped: Option<&'static str>,
}

/// What puts it right.
#[derive(PartialEq, Eq)]
enum Mend {
    /// `doctor --fix`.
    Fix,
    /// A person.
    Hand,
}

use Mend::{Fix, Hand};

fn call(options: &[&str]) -> Call {
    Call { options: options.iter().map(|&o| o.into()).collect(), ..Call::default() }
}

impl Call {
    fn through(mut self, script: &str) -> Self {
        self.through = Some(script.into());
        self
    }
    fn by_hand(mut self, action: impl Fn() + 'static) -> Self {
        self.by_hand = Some(Box::new(action));
        self
    }
    /// The doctor's findings, as text; with `--fix` first, if that is asked for. Both happen in the
    /// same namespaces.
    fn findings(&self, fix: bool) -> Vec<Finding> {
        let doctor = Lab::open().anyarch.display().to_string();
        let (own, through) = (r#"exec "$@""#.to_owned(), self.through.clone());
        let script = format!("set -e; {}", through.unwrap_or(own));
        let twice = r#""$0" doctor --fix "$@" >/dev/null || true; exec "$0" doctor "$@""#;
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]);
        match fix {
            true => command.args(["sh", "-c", twice, &doctor]),
            false => command.args([&doctor, "doctor"]),
        };
        let out = command.args(&self.options).output().expect("sh starts");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let ended = text.contains("nothing is wrong") || text.contains("--explain CODE says more");
        assert!(ended, "{text}{}", String::from_utf8_lossy(&out.stderr));
        parse(&text)
    }
}

/// A finding as it is printed.
#[derive(Debug)]
struct Finding {
    severity: String,
    code: String,
    evidence: usize,
    fix: Option<String>,
}

fn parse(text: &str) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for line in text.lines() {
        if line.starts_with("  found: ")
            && let Some(last) = findings.last_mut()
        {
            last.evidence += 1;
        } else if let Some(fix) = line.strip_prefix("  fix: ")
            && let Some(last) = findings.last_mut()
        {
            last.fix = Some(fix.to_owned());
        } else if let Some((severity, rest)) = line.split_once('[')
            && let Some((code, _)) = rest.split_once(']')
            && ["error", "warning", "note"].contains(&severity)
        {
            let (severity, code) = (severity.to_owned(), code.to_owned());
            findings.push(Finding { severity, code, evidence: 0, fix: None });
        }
    }
    findings
}

/// Errors and warnings among them, without those that the call's own script causes.
fn bad(findings: &[Finding]) -> Vec<&str> {
    let counts = findings.iter().filter(|f| f.severity != "note" && f.code != "E-NNP");
    counts.map(|f| f.code.as_str()).collect()
}

fn case(test: &str, code: &str, mend: &Mend, provoke: fn(&Scene) -> Call) {
    inside(test, |instance| {
        let dir = empty_dir(&format!("code-{test}"));
        let healthy = call(&[]).findings(false);
        let missing = vec!["E-NOENTRY"; binfmt::guests::emulated().len()];
        assert_eq!(bad(&healthy), missing, "before anything was done: {healthy:?}");
        let call = provoke(&Scene { instance, dir });
        if let Some(why) = call.skipped {
            println!("SKIP {test}: {why}");
            return;
        }
        let found = call.findings(false);
        let Some(finding) = found.iter().find(|f| f.code == code) else {
            panic!("{code} is not among {found:?}")
        };
        assert!(finding.evidence > 0, "without evidence: {finding:?}");
        assert!(finding.fix.is_some(), "without advice: {finding:?}");
        match mend {
            Fix => {
                let left = call.findings(true);
                assert!(bad(&left).is_empty(), "after --fix: {left:?}");
                assert!(left.iter().all(|f| f.code != code), "after --fix: {left:?}");
            }
            Hand => {
                if let Some(action) = &call.by_hand {
                    action();
                    let left = call.findings(false);
                    assert!(left.iter().all(|f| f.code != code), "done by hand: {left:?}");
                }
            }
        }
    });
}

/// The cases: a test's name, the code, what mends it, and how it is provoked.
macro_rules! cases {
    ($($test:ident $code:literal $mend:ident $provoke:expr;)*) => {
        $(#[test] fn $test() { case(stringify!($test), $code, &$mend, $provoke); })*
        /// The codes that are provoked here.
        const PROVOKED: &[&str] = &[$($code),*];
    };
}

/// Provoked in another way: the page size is the kernel's, and an automount needs the machine's
/// root.
const ELSEWHERE: [(&str, &str); 2] = [
    ("W-PAGESIZE", "doctor::system::larger_pages_are_noticed"),
    ("E-AUTOMOUNT", "an_automount_that_nobody_triggers"),
];

#[test]
fn every_code_has_a_case() {
    for code in doctor::code::CODES.iter().map(|c| c.name) {
        let here = PROVOKED.contains(&code);
        let elsewhere = ELSEWHERE.iter().any(|(c, _)| *c == code);
        assert!(here || elsewhere, "no test provokes {code}");
    }
    for code in PROVOKED {
        assert!(doctor::Code::find(code).is_some(), "there is no {code}");
    }
}

/// An autofs whose daemon is gone, at another directory, in a mount namespace. Nothing is written.
#[test]
fn an_automount_that_nobody_triggers() {
    let dir = Lab::open().scratch("code-automount");
    let at = dir.display();
    let script = format!(
        "exec 5> >(true); sleep 0.2; mount -t autofs -o \
         fd=5,pgrp=1,minproto=5,maxproto=5,direct x '{at}' || exit 77; exec 5>&-; \
         exec timeout 20 '{}' doctor --mount '{at}'",
        Lab::open().anyarch.display()
    );
    let out = Command::new("unshare").args(["-m", "bash", "-c", &script]).output().expect("starts");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    if text.is_empty() {
        println!(
            "SKIP an_automount_that_nobody_triggers: an autofs cannot be mounted here; the \
                  unit test an_automount_that_was_not_triggered_is_seen reads its mountinfo"
        );
        return;
    }
    let found = parse(&text);
    assert_eq!(bad(&found), ["E-AUTOMOUNT"], "{text}");
    assert!(found[0].evidence > 0 && found[0].fix.is_some(), "{text}");
}

fn install() {
    expect(0, &["install", "--allow-volatile"]);
}

impl Scene {
    /// Registers an interpreter for arm64.
    fn register(&self, interpreter: &str, flags: &str) -> Call {
        self.register_with(interpreter, flags, |_| {})
    }

    fn register_with(&self, interpreter: &str, flags: &str, change: impl Fn(&mut Rule)) -> Call {
        let mut rule = rule("arm64", interpreter, flags);
        change(&mut rule);
        self.instance.register(&rule).expect("registered");
        call(&[])
    }

    fn put(&self, name: &str, bytes: &[u8], mode: u32) -> String {
        entries::put(&self.dir.join(name), bytes, mode)
    }

    /// A static program from C.
    fn compile(&self, name: &str, source: &str) -> String {
        entries::compile("cc", &self.dir, name, source)
    }

    /// A machine's root with our configuration in it, or without.
    fn root(&self, persisted: bool) -> String {
        let root = self.dir.join("root");
        fs::create_dir_all(&root).expect("made");
        let at = root.display().to_string();
        if persisted {
            expect(0, &["persist", "write", "--format", "systemd", "--root", &at]);
        }
        at
    }

    fn tmpfs(&self, flags: MountFlags) -> PathBuf {
        let dir = self.dir.join("mounted");
        fs::create_dir_all(&dir).expect("made");
        rustix::mount::mount("tmpfs", &dir, "tmpfs", flags, None).expect("mounted");
        dir
    }

    /// An entry with another mask.
    fn narrow(&self, arch: &str, from: usize) -> Call {
        let mut rule = rule(arch, &qemu(arch), "POCF");
        if let Matcher::Magic { mask, .. } = &mut rule.matcher {
            mask[from..16].fill(0xff);
        }
        self.instance.register(&rule).expect("registered");
        call(&[])
    }
}

/// An emulator that is right about its own exit code, and takes its second argument for argv[0].
const PATCHED: &str = "int main(int argc, char **argv) { return argc >= 4 ? argc - 2 : 42; }";
/// One that knows only files in a directory.
const WITH_FILES: &str = r#"#include <stdio.h>
int main(int argc, char **argv) { char b[99]; return snprintf(b, 99, "%s/qemu-open.XXXXXX", argv[0]) > 0 ? 42 : 1; }"#;
/// Forbids to execute anything but what is below its arguments before `--`.
const LANDLOCK: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
    uint64_t handled = 1; // LANDLOCK_ACCESS_FS_EXECUTE
    int rules = syscall(444, &handled, sizeof handled, 0);
    if (rules < 0) return 77;
    for (argv++; *argv && strcmp(*argv, "--"); argv++) {
        struct { uint64_t access; int32_t fd; } __attribute__((packed)) rule = {1, open(*argv, O_PATH)};
        if (rule.fd >= 0 && syscall(445, rules, 1, &rule, 0)) return 78;
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(446, rules, 0)) return 77;
    execv(argv[1], argv + 1);
    return 79;
}"#;

fn has_landlock(helper: &str) -> bool {
    let status = Command::new(helper).args(["/", "--", "/bin/true"]).status().expect("starts");
    status.code() != Some(77)
}

/// An x86-64 program that says that it needs `bits` (GNU_PROPERTY_X86_ISA_1_NEEDED).
fn needing(bits: u32) -> Vec<u8> {
    let mut elf = program("amd64");
    // The program header table is copied to the end, with a second entry.
    let (table, entry) = (elf.len().next_multiple_of(8), 56);
    let load = elf[64..64 + entry].to_vec();
    elf.resize(table, 0);
    elf.extend(load);
    let notes = table + 2 * entry;
    let mut header = [0; 56];
    header[..4].copy_from_slice(&0x6474_e553_u32.to_le_bytes());
    header[8..16].copy_from_slice(&(notes as u64).to_le_bytes());
    header[32] = 32;
    elf.extend(header);
    for word in [4, 16, 5, 0x0055_4e47, 0xc000_8002, 4, bits, 0] {
        elf.extend(word.to_le_bytes());
    }
    elf[32..40].copy_from_slice(&(table as u64).to_le_bytes());
    elf[56] = 2;
    elf
}

fn chmod(path: String, mode: u32) -> impl Fn() {
    move || fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode set")
}

cases! {
    no_module "E-NOMODULE" Hand |_| call(&["--mount", "/nonexistent"]);
    no_mount "E-NOMOUNT" Fix |s| {
        let lazy = rustix::mount::UnmountFlags::DETACH;
        rustix::mount::unmount(s.instance.dir(), lazy).expect("unmounted");
        call(&[])
    };
    read_only "E-ROPROC" Hand |s| {
        let dir = s.instance.dir().to_owned();
        rustix::mount::mount_remount(&dir, MountFlags::RDONLY, "").expect("remounted");
        call(&[]).by_hand(move || {
            rustix::mount::mount_remount(&dir, MountFlags::empty(), "").expect("remounted");
        })
    };
    global_off "E-GLOBALOFF" Fix |s| {
        install();
        s.instance.set_all_enabled(false).expect("written");
        call(&[])
    };
    volatile "E-VOLATILE" Hand |_| {
        install();
        call(&[]).by_hand(|| { expect(0, &["uninstall"]); })
    };
    no_entry "E-NOENTRY" Fix |_| call(&["--arch", "arm64"]);
    disabled "E-DISABLED" Fix |s| {
        install();
        s.instance.set_enabled("qemu-aarch64", false).expect("written");
        call(&[])
    };
    no_flag_f "E-NOFLAGF" Fix |s| s.register(&qemu("arm64"), "POC");
    dynamic "E-DYNINTERP" Fix |s| s.register("/bin/true", "POCF");
    script "E-SCRIPTINTERP" Fix |s| {
        let script = s.put("script", b"#!/bin/sh\n", 0o755);
        s.register(&script, "POCF")
    };
    missing "E-INTERPMISSING" Fix |s| s.register("/nonexistent/qemu", "POC");
    not_executable "E-INTERPNOEXEC" Fix |s| {
        let plain = s.put("plain", b"", 0o644);
        s.register(&plain, "POC")
    };
    foreign "E-INTERPFOREIGN" Fix |s| {
        let other = s.put("s390x", &program("s390x"), 0o755);
        s.register(&other, "POC")
    };
    taken_by_itself "E-LOOP" Fix |s| {
        let itself = s.put("arm64", &program("arm64"), 0o755);
        s.register(&itself, "POC")
    };
    hijack "E-HIJACK" Fix |s| {
        // Only ET_EXEC: the tools of this test are position-independent.
        let mut rule = rule("amd64", "/nonexistent", "");
        if let Matcher::Magic { mask, .. } = &mut rule.matcher {
            mask[16] = 0xff;
        }
        s.instance.register(&rule).expect("registered");
        call(&[])
    };
    stale "E-STALE" Fix |s| {
        let bytes = fs::read(qemu("arm64")).expect("read");
        let path = s.put("qemu", &bytes, 0o755);
        let result = s.register(&path, "POCF");
        s.put("new", &[&bytes[..], b"\0"].concat(), 0o755);
        fs::rename(s.dir.join("new"), path).expect("renamed");
        result
    };
    deleted "E-DELETED" Fix |s| {
        let path = s.put("qemu", &fs::read(qemu("arm64")).expect("read"), 0o755);
        let result = s.register(&path, "POCF");
        fs::remove_file(path).expect("removed");
        result
    };
    shadowed "E-SHADOWED" Hand |s| {
        s.register(&qemu("arm64"), "POCF");
        s.register_with(&qemu("arm64"), "POCF", |r| r.name = "other".into())
            .by_hand(|| { expect(0, &["disable", "other"]); })
    };
    name_of_another "E-DUPNAME" Fix |s| {
        s.register_with(&qemu("arm64"), "POCF", |r| r.name = "qemu-s390x".into())
    };
    userns_shadow "E-USERNS-SHADOW" Fix |_| {
        install();
        let at = binfmt::instance::DEFAULT_MOUNT;
        call(&[]).through(&format!(
            "exec unshare -Urm sh -ec 'mount -t binfmt_misc x {at}; umount {at}; exec \"$@\"' sh \"$@\""
        ))
    };
    mask_pad "E-MASK-PAD" Fix |s| s.narrow("arm64", 8);
    mask_abi_version "E-MASK-ABIVERSION" Fix |s| s.narrow("mips64", 8);
    mask_mips "E-MASK-MIPS" Fix |s| {
        let mut both = rule("mips", &qemu("mips"), "POCF");
        if let Matcher::Magic { magic, mask, .. } = &mut both.matcher {
            magic.truncate(20);
            mask.truncate(20);
        }
        s.instance.register(&both).expect("registered");
        call(&[])
    };
    no_credentials "W-NOCRED" Fix |s| s.register(&qemu("arm64"), "POF");
    no_argv0 "W-NOARGV0" Fix |s| s.register(&qemu("arm64"), "OCF");
    patched_for_argv0 "W-ARGV0-PATCHED" Fix |s| {
        let patched = s.compile("patched", PATCHED);
        s.register(&patched, "OCF")
    };
    setuid_interpreter "W-SETUIDINTERP" Hand |s| {
        let path = s.put("qemu", &fs::read(qemu("arm64")).expect("read"), 0o4755);
        s.register(&path, "POCF").by_hand(chmod(path, 0o755))
    };
    no_new_privileges "E-NNP" Hand |_| {
        install();
        call(&[]).through("exec setpriv --no-new-privs \"$@\"")
    };
    target_not_executable "E-TARGETNOEXEC" Hand |s| {
        install();
        let path = s.put("plain", &program("arm64"), 0o644);
        call(&[&path]).by_hand(chmod(path, 0o755))
    };
    bad_program "E-BADPROGRAM" Hand |s| {
        install();
        let bytes = program("arm64");
        let path = s.put("cut", &bytes[..bytes.len() - 1], 0o755);
        let file = path.clone();
        call(&[&path]).by_hand(move || fs::write(&file, &bytes).expect("written"))
    };
    bad_script "E-BADSCRIPT" Hand |s| {
        let path = s.put("script", b"#!/bin/sh\r\ntrue\r\n", 0o755);
        let file = path.clone();
        call(&[&path]).by_hand(move || fs::write(&file, b"#!/bin/sh\ntrue\n").expect("written"))
    };
    for_sve "W-NOSVE" Hand |s| {
        install();
        let dir = s.dir.clone();
        let built = move |march: &str| entries::for_sve(&dir, march);
        let path = built("armv8.2-a+sve");
        call(&[&path]).by_hand(move || { built("armv8-a"); })
    };
    environment "E-ENVIRONMENT" Hand |_| {
        install();
        call(&[]).through("export QEMU_CPU=max,nonsense=on; exec \"$@\"")
    };
    limits "E-LIMITS" Hand |_| {
        install();
        call(&[]).through("ulimit -d 1000; exec \"$@\"")
    };
    target_nosuid "E-TARGETNOSUID" Hand |s| {
        install();
        s.tmpfs(MountFlags::NOSUID);
        let path = s.put("mounted/setuid", &program("arm64"), 0o4755);
        call(&[&path]).by_hand(chmod(path, 0o755))
    };
    guest_loader "E-GUESTLDSO" Hand |s| {
        install();
        let dynamic = fs::read(Lab::open().root().join("usr/bin/true")).expect("read");
        s.put("root/bin/true", &dynamic, 0o755);
        let (dir, root) = (s.dir.clone(), s.root(false));
        call(&["/bin/true", "--rootfs", &root]).by_hand(move || {
            let loader = "lib/ld-linux-aarch64.so.1";
            fs::create_dir_all(dir.join("root/lib")).expect("made");
            fs::copy(Lab::open().root().join(loader), dir.join("root").join(loader)).expect("copied");
        })
    };
    wrong_architecture "E-WRONGARCH" Hand |s| {
        install();
        s.put("root/bin/sh", &program("arm64"), 0o755);
        s.put("root/bin/native", &fs::read("/bin/true").expect("read"), 0o755);
        call(&["/bin/native", "--rootfs", &s.root(false)])
    };
    x86_level "W-X86V2" Hand |s| {
        let path = s.put("future", &needing(1 << 31 | 1), 0o755);
        let (file, now) = (path.clone(), needing(1));
        call(&[&path]).by_hand(move || fs::write(&file, &now).expect("written"))
    };
    overflow_of_32_bits "W-EOVERFLOW32" Hand |s| {
        s.instance.register(&rule("arm", &qemu("arm"), "POCF")).expect("registered");
        let path = s.put("arm", &program("arm"), 0o755);
        let ext4 = rustix::fs::statfs(&s.dir).is_ok_and(|s| s.f_type == 0xef53);
        let skipped = (!ext4).then_some("the cache directory is not on ext4");
        Call { skipped, ..call(&[&path]) }
    };
    podman_parser "W-PODMAN-PARSE" Hand |s| {
        install();
        s.instance.register_line(b":jar:E::jar::/usr/bin/java:").expect("registered");
        s.put("root/usr/bin/podman", b"", 0o755);
        call(&["--root", &s.root(true)])
            .by_hand(|| { expect(0, &["uninstall", "--force", "jar"]); })
    };
    flushed_by_systemd "W-SYSTEMD-FLUSH" Fix |s| {
        install();
        s.put("root/usr/lib/systemd/systemd-binfmt", b"", 0o755);
        call(&["--root", &s.root(false)])
    };
    not_persisted "W-NOTPERSISTED" Fix |s| {
        install();
        call(&["--root", &s.root(false)])
    };
    windows_programs "W-WSL" Fix |s| {
        s.instance.register_line(b":WSLInterop:M::MZ::/init:P").expect("registered");
        s.put("root/usr/lib/systemd/systemd-binfmt", b"", 0o755);
        call(&["--root", &s.root(true)])
    };
    builder_is_older "W-BUILDER-OLD" Hand |s| {
        let path = s.put("buildkitd", &fs::read("/bin/sleep").expect("read"), 0o755);
        let builder = Command::new(path).arg("100").stdin(Stdio::null()).spawn().expect("starts");
        std::thread::sleep(std::time::Duration::from_millis(300));
        install();
        let builder = std::cell::RefCell::new(builder);
        call(&["--engine", "buildkit"]).by_hand(move || {
            builder.borrow_mut().kill().expect("killed");
            builder.borrow_mut().wait().expect("reaped");
        })
    };
    no_engine "W-NOENGINE" Hand |_| call(&["--engine", "k8s"]);
    memory_not_executable "W-MEMFDNOEXEC" Hand |_| {
        let able = fs::write("/proc/sys/vm/memfd_noexec", "2").is_ok();
        let skipped = (!able).then_some("vm.memfd_noexec cannot be set here");
        Call { skipped, ..call(&[]) }
    };
    security_module "E-LSM" Hand |s| {
        install();
        let helper = s.compile("landlock", LANDLOCK);
        let path = s.put("arm64", &program("arm64"), 0o755);
        let own = Lab::open().anyarch.display().to_string();
        let skipped = (!has_landlock(&helper)).then_some("this kernel has no Landlock");
        let script = format!("exec '{helper}' /usr /bin /lib /lib64 '{own}' -- \"$@\"");
        Call { skipped, ..call(&[&path]).through(&script) }
    };
    untried "W-UNTRIED" Hand |_| {
        install();
        fs::write("/proc/sys/user/max_mnt_namespaces", "0").expect("written");
        call(&[]).by_hand(|| fs::write("/proc/sys/user/max_mnt_namespaces", "9").expect("written"))
    };
    kernel_too_old "E-KERNELOLD" Hand |s| {
        let file = s.put("root/etc/binfmt.d/new.conf", b":new:M::abcd::/bin/sh:OFT\n", 0o644);
        let old = binfmt::Kernel::running() < binfmt::Kernel::new(7, 3);
        let skipped = (!old).then_some("this kernel knows all flags");
        let by_hand = move || fs::write(&file, ":new:M::abcd::/bin/sh:OF\n").expect("written");
        Call { skipped, ..call(&["--root", &s.root(false)]).by_hand(by_hand) }
    };
    bad_configuration "E-BADCONF" Hand |s| {
        let file = s.put("root/usr/lib/binfmt.d/x.conf", b"# ok\n:x:M::\\xzz::/bin/sh:\n", 0o644);
        call(&["--root", &s.root(false)])
            .by_hand(move || fs::write(&file, ":x:M::\\xff::/bin/sh:\n").expect("written"))
    };
    files_for_proc "W-PROCTEMP" Fix |s| {
        let old = s.compile("old", WITH_FILES);
        s.register(&old, "POCF")
    };
    read_only_root "W-ROROOT" Hand |s| {
        install();
        let root = s.tmpfs(MountFlags::empty());
        s.put("mounted/bin/sh", &program("arm64"), 0o755);
        rustix::mount::mount_remount(&root, MountFlags::RDONLY, "").expect("remounted");
        let at = root.display().to_string();
        call(&["--rootfs", &at]).by_hand(move || {
            rustix::mount::mount_remount(&root, MountFlags::empty(), "").expect("remounted");
        })
    };
    does_not_execute "E-EXEC" Fix |s| s.register(&qemu("s390x"), "POCF");
}

/// Real emulators are not taken for patched ones.
#[test]
fn arguments_are_counted() {
    for arch in [
        "arm64", "riscv64", "amd64", "386", "arm", "s390x", "ppc64le", "mips64le", "mips64",
        "loong64",
    ] {
        let image = fs::File::open(qemu(arch)).expect("the oracle's package has it");
        let limit = std::time::Duration::from_secs(20);
        let seen = binfmt::probe::shifts_arguments(&image, guest(arch), limit);
        assert_eq!(seen, Some(false), "{arch}");
    }
}
