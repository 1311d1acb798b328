//! Flag T of Linux 7.3, on any kernel: a tracer gives our program the auxiliary vector that such an
//! entry would give it.

use std::process::Command;

use it::entries::compile;
use it::namespace::{cover, expect, inside};
use it::{Lab, foreign};

/// `start EMULATOR PROGRAM ARGV...`: AT_FLAGS, AT_EXECFD and AT_EXECFN as with flag T.
const START: &str = r#"
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
static int pid;
static unsigned long peek(unsigned long at) { return ptrace(PTRACE_PEEKDATA, pid, at, 0); }
int main(int argc, char **argv) {
    int fd = open(argv[2], O_RDONLY), status;
    if (!(pid = fork())) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(argv[1], argv + 3);
        _exit(99);
    }
    waitpid(pid, &status, 0);
    struct user_regs_struct regs;
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    unsigned long at = regs.rsp, name = 0;
    at += 8 * (peek(at) + 2);
    while (peek(at)) at += 8;
    int given = 0;
    for (at += 8; peek(at) != AT_NULL; at += 16) {
        unsigned long kind = peek(at);
        if (kind == AT_FLAGS) ptrace(PTRACE_POKEDATA, pid, at + 8, 2);
        if (kind == AT_EXECFN) name = peek(at + 8);
        // One that nobody needs makes room.
        if (kind == AT_CLKTCK && ++given) {
            ptrace(PTRACE_POKEDATA, pid, at, AT_EXECFD);
            ptrace(PTRACE_POKEDATA, pid, at + 8, fd);
        }
    }
    if (!given || strlen(argv[2]) > strlen(argv[1])) return 98;
    char path[4096] = {0};
    strcpy(path, argv[2]);
    for (unsigned long i = 0; i <= strlen(argv[2]); i += 8) {
        unsigned long word = 0, old = peek(name + i);
        memcpy(&word, path + i, 8);
        if (i + 8 > strlen(argv[2]) + 1) {
            int keep = i + 8 - (strlen(argv[2]) + 1);
            memcpy((char *)&word + 8 - keep, (char *)&old + 8 - keep, keep);
        }
        ptrace(PTRACE_POKEDATA, pid, name + i, word);
    }
    ptrace(PTRACE_DETACH, pid, 0, 0);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}
"#;

const GUEST: &str = r#"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
int main(int argc, char **argv) {
    char exe[256] = {0};
    readlink("/proc/self/exe", exe, 255);
    printf("%s %s exe=%s execfn=%s\n", argv[0], argv[1], exe, (char *)getauxval(AT_EXECFN));
    fflush(stdout);
    if (strcmp(argv[1], "first")) return 7;
    execl(exe, "other", "second", (char *)0);
    printf("errno=%d\n", errno);
    return 8;
}
"#;

#[test]
fn a_transparent_interpreter_gets_its_program_by_descriptor() {
    inside("a_transparent_interpreter_gets_its_program_by_descriptor", |_| {
        // (The program's path must not be longer than ours.)
        cover("/tmp", rustix::mount::MountFlags::empty(), c"mode=755");
        let dir = std::path::Path::new("/tmp");
        let start = compile("cc", dir, "start", START);
        let own = Lab::open().anyarch.display().to_string();
        let guests = foreign();
        let programs: Vec<_> =
            guests.iter().map(|g| compile(&g.compiler(), dir, g.name, GUEST)).collect();
        let run = |guest: &String| {
            let out = Command::new(&start).args([&own, guest, "argv0", "first"]).output();
            let out = out.expect("starts");
            (String::from_utf8_lossy(&out.stdout).into_owned(), out.status.code())
        };
        let first = |guest: &String| format!("argv0 first exe={guest} execfn={guest}\n");
        // What it executes is the kernel's to start, which needs an entry for it.
        for guest in &programs {
            let expected = format!("{}errno={}\n", first(guest), libc::ENOEXEC);
            assert_eq!(run(guest), (expected, Some(8)));
        }
        expect(0, &["install", "--allow-volatile"]);
        for guest in &programs {
            let second = format!("other second exe={guest} execfn={guest}\n");
            assert_eq!(run(guest), (format!("{}{second}", first(guest)), Some(7)));
        }
    });
}
