//! What the kernel does when it executes a registered program: credentials, descriptors, names, and
//! what people see when it fails. The facts behind the doctor's explanations.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use binfmt::{Instance, Matcher};
use it::Lab;
use it::entries::{compile, program, put, rule};
use it::namespace::{cover, inside, inside_with_users};
use rustix::mount::MountFlags;

/// In /tmp, as other users must reach it: a tmpfs of its own.
fn scratch() -> PathBuf {
    cover("/tmp", MountFlags::empty(), c"mode=755");
    "/tmp".into()
}

fn register(instance: &Instance, interpreter: &str, flags: &str) {
    instance.clear().expect("cleared");
    instance.register(&rule("arm64", interpreter, flags)).expect("registered");
}

/// An interpreter that says what it was given.
const SHOW: &str = r#"
#include <fcntl.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>
int main(int argc, char **argv) {
    char comm[16] = {0}, exe[256] = {0}, byte;
    int fd = open("/proc/self/comm", O_RDONLY);
    if (fd >= 0) read(fd, comm, 15), close(fd);
    for (char *p = comm; *p; p++) if (*p == '\n') *p = 0;
    readlink("/proc/self/exe", exe, 255);
    int file = getauxval(AT_EXECFD);
    printf("euid=%d secure=%lu open=%d fd=%d comm=%s exe=%s execfn=%s args=", geteuid(),
           getauxval(AT_SECURE), open(argv[1], O_RDONLY) >= 0, file && pread(file, &byte, 1, 0) == 1,
           comm, exe, (char *)getauxval(AT_EXECFN));
    for (int i = 1; i < argc; i++) printf("%s ", argv[i]);
    return 0;
}
"#;

/// What the interpreter says of `command`, run by an ordinary user.
fn as_user(command: &[&str], options: &[&str]) -> String {
    let out = Command::new("setpriv")
        .args(["--reuid=1000", "--regid=1000", "--clear-groups"])
        .args(options)
        .args(command)
        .env_clear()
        .output()
        .expect("setpriv starts");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    text + &String::from_utf8_lossy(&out.stderr)
}

#[test]
fn whose_rights_a_program_has() {
    inside_with_users("whose_rights_a_program_has", |instance| {
        let dir = scratch();
        let show = compile("cc", &dir, "show", SHOW);
        let setuid = put(&dir.join("setuid"), &program("arm64"), 0o4755);
        let hidden = put(&dir.join("hidden"), &program("arm64"), 0o711);
        for flags in ["", "F", "P", "PF", "O", "OF"] {
            register(&instance, &show, flags);
            let text = as_user(&[&setuid], &[]);
            assert!(text.starts_with("euid=1000 secure=0 "), "{flags}: {text}");
            // What may be executed and not read is readable through the descriptor alone.
            let fd = if flags.contains('O') { "open=0 fd=1" } else { "open=0 fd=0" };
            let text = as_user(&[&hidden], &[]);
            assert!(text.contains(fd), "{flags}: {text}");
        }
        for flags in ["C", "CF", "POCF"] {
            register(&instance, &show, flags);
            let root = |path: &str, expected: &str| {
                let text = as_user(&[path], &[]);
                assert!(text.starts_with(expected), "{flags} {path}: {text}");
            };
            root(&setuid, "euid=0 secure=1 ");
            root(&put(&dir.join("execute-only"), &program("arm64"), 0o4711), "euid=0 secure=1 ");
            let other = put(&dir.join("other"), &program("arm64"), 0o755);
            std::os::unix::fs::chown(&other, Some(7), None).expect("changed");
            fs::set_permissions(&other, fs::Permissions::from_mode(0o4755)).expect("mode set");
            root(&other, "euid=7 secure=1 ");
            // With capabilities: CAP_NET_RAW, effective.
            let able = put(&dir.join("able"), &program("arm64"), 0o755);
            let words = [0x0200_0001_u32, 1 << 13, 0, 0, 0];
            let value: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
            let none = rustix::fs::XattrFlags::empty();
            rustix::fs::setxattr(&able, c"security.capability", &value, none).expect("set");
            root(&able, "euid=1000 secure=1 ");
            // In vain with no_new_privs, and on a nosuid mount.
            let text = as_user(&[&setuid], &["--no-new-privs"]);
            assert!(text.starts_with("euid=1000 secure=0 "), "{flags}: {text}");
        }
        let nosuid = dir.join("nosuid");
        fs::create_dir(&nosuid).expect("made");
        rustix::mount::mount("tmpfs", &nosuid, "tmpfs", MountFlags::NOSUID, None).expect("mounted");
        let there = put(&nosuid.join("setuid"), &program("arm64"), 0o4755);
        assert!(as_user(&[&there], &[]).starts_with("euid=1000 secure=0 "));
        // An interpreter that is setuid itself, without C: everybody is root.
        let plain = put(&dir.join("plain"), &program("arm64"), 0o755);
        let bad = put(&dir.join("show-setuid"), &fs::read(&show).expect("read"), 0o4755);
        register(&instance, &bad, "");
        assert!(as_user(&[&plain], &[]).starts_with("euid=0 "));
        register(&instance, &bad, "C");
        assert!(as_user(&[&plain], &[]).starts_with("euid=1000 "));
    });
}

#[test]
fn flag_f_opens_with_the_rights_of_who_opened_register() {
    inside_with_users("flag_f_opens_with_the_rights_of_who_opened_register", |instance| {
        let dir = scratch();
        fs::create_dir(dir.join("private")).expect("made");
        let show = compile("cc", &dir.join("private"), "show", SHOW);
        fs::set_permissions(dir.join("private"), fs::Permissions::from_mode(0o700)).expect("set");
        let line = rule("arm64", &show, "F").line().expect("valid");
        let script = format!(
            "exec 9>{}/register; setpriv --reuid=1000 --regid=1000 --clear-groups sh -c \
             'ls {show} 2>/dev/null; printf %s \"$0\" >&9' '{}'",
            instance.dir().display(),
            line
        );
        let status = Command::new("sh").args(["-c", &script]).status().expect("sh");
        assert!(status.success());
        assert!(instance.entry("qemu-aarch64").is_some());
    });
}

/// execveat(2) of an open file: `exec PATH CLOEXEC`.
const FEXECVE: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv) {
    int fd = open(argv[1], O_RDONLY | (atoi(argv[2]) ? O_CLOEXEC : 0));
    char *args[] = {"name", "a1", 0};
    execveat(fd, "", args, environ, AT_EMPTY_PATH);
    printf("errno=%d", errno);
}
"#;

#[test]
fn what_an_interpreter_sees() {
    inside("what_an_interpreter_sees", |instance| {
        let dir = scratch();
        let (show, fexecve) =
            (compile("cc", &dir, "show", SHOW), compile("cc", &dir, "fexecve", FEXECVE));
        let path = put(&dir.join("program"), &program("arm64"), 0o755);
        let say = |command: &[&str]| {
            let out = Command::new(command[0]).args(&command[1..]).env_clear().output();
            String::from_utf8_lossy(&out.expect("starts").stdout).into_owned()
        };
        register(&instance, &show, "F");
        let text = say(&[&path, "a1"]);
        let expected = format!("comm=program exe={show} execfn={path} args={path} a1 ");
        assert!(text.ends_with(&expected), "{text}");
        // An open file: not one that is closed on execve.
        assert_eq!(say(&[&fexecve, &path, "1"]), format!("errno={}", libc::ENOENT));
        let text = say(&[&fexecve, &path, "0"]);
        assert!(text.ends_with("execfn=/dev/fd/3 args=/dev/fd/3 a1 "), "{text}");
        // A foreign interpreter of a script.
        let script = put(&dir.join("script"), format!("#!{path} opt\n").as_bytes(), 0o755);
        let text = say(&[&script, "a1"]);
        assert!(text.ends_with(&format!("args={path} opt {script} a1 ")), "{text}");
        register(&instance, &show, "PF");
        let text = say(&[&script, "a1"]);
        assert!(text.ends_with(&format!("args={path} {path} opt {script} a1 ")), "{text}");
    });
}

/// Exit code and what is printed, of a command line in a shell.
fn shell(shell: &str, line: &str) -> (i32, String) {
    let out = Command::new(shell)
        .args(["-c", &format!("{line}; exit $?")])
        .env("LC_ALL", "C")
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    (out.status.code().unwrap_or(-1), text)
}

#[test]
fn what_people_see_when_it_fails() {
    inside("what_people_see_when_it_fails", |instance| {
        let dir = scratch();
        let path = put(&dir.join("program"), &program("arm64"), 0o755);
        let says = |with: &str, line: &str, code: i32, words: &str| {
            let (got, text) = shell(with, line);
            assert!(got == code && text.contains(words), "{with} {line}: [{got}] {text}");
        };
        says("bash", &path, 126, "cannot execute binary file: Exec format error");
        says("dash", &path, 126, "Exec format error");
        // env takes it for a script of sh.
        let (code, text) = shell("bash", &format!("env {path}"));
        assert!(code != 126 && code != 42 && text.contains("program: "), "[{code}] {text}");
        register(&instance, "/nonexistent", "");
        says("bash", &path, 127, "required file not found");
        says("dash", &path, 127, "not found");
        // A dynamic interpreter: with its loader and without its libraries.
        let root = dir.join("root");
        put(&root.join("program"), &program("arm64"), 0o755);
        let loader = binfmt::interpreter::loader(&fs::read("/bin/true").expect("read"));
        let loader = loader.expect("dynamic");
        put(&root.join(loader.trim_start_matches('/')), &fs::read(&loader).expect("read"), 0o755);
        register(&instance, "/bin/true", "F");
        let inside_root = format!("chroot {} /program", root.display());
        says("bash", &inside_root, 127, "error while loading shared libraries");
        // A script: without its interpreter.
        let script = put(&dir.join("script"), b"#!/bin/sh\nexit 42\n", 0o755);
        register(&instance, &script, "F");
        says("bash", &path, 42, "");
        says("bash", &inside_root, 127, "No such file or directory");
        // All is well with the registration, and the program's own loader is missing.
        let qemu = Lab::open().oracle("sid").display().to_string();
        register(&instance, &qemu, "POCF");
        let dynamic = fs::read(Lab::open().root().join("usr/bin/true")).expect("read");
        put(&root.join("program"), &dynamic, 0o755);
        let (code, text) = shell("bash", &inside_root);
        assert!(code != 0 && text.contains("Could not open '/lib/ld-linux-aarch64"), "{text}");
    });
}

#[test]
fn native_programs_that_are_taken_over() {
    inside("native_programs_that_are_taken_over", |instance| {
        let mut bad = rule("amd64", "/bin/true", "F");
        if let Matcher::Magic { mask, .. } = &mut bad.matcher {
            mask[8..16].fill(0);
        }
        instance.register(&bad).expect("registered");
        // Every command fails, and what is running can take it back.
        let error = Command::new("/bin/ls").status().expect_err("refused");
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
        let entry = instance.dir().join("qemu-x86_64");
        fs::write(&entry, "-1").expect("a write needs no program");
        assert!(Command::new("/bin/ls").output().is_ok_and(|o| o.status.success()));
    });
}

#[test]
fn a_running_interpreter_cannot_be_written_to() {
    inside("a_running_interpreter_cannot_be_written_to", |instance| {
        let dir = scratch();
        let copy = dir.join("qemu");
        fs::copy(Lab::open().oracle("sid"), &copy).expect("copied");
        register(&instance, &copy.display().to_string(), "POCF");
        let mut running = Command::new("chroot")
            .arg(Lab::open().root())
            .args(["/bin/sh", "-c", "read line"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .expect("starts");
        let exe = format!("/proc/{}/exe", running.id());
        for _ in 0..500 {
            if fs::read_link(&exe).is_ok_and(|e| e == copy) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        instance.clear().expect("cleared");
        let open = || fs::OpenOptions::new().write(true).open(&copy);
        assert_eq!(open().expect_err("busy").raw_os_error(), Some(libc::ETXTBSY));
        drop(running.stdin.take());
        running.wait().expect("it ends");
        open().expect("free again");
    });
}
