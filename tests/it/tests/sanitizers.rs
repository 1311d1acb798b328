//! Programs built with the sanitizers, whose leak check at the end stops all threads by `ptrace` from
//! a process in the same memory.

use it::{Lab, chosen, outcome};

const PROGRAM: &str = "
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
void *kept[3], *lost;
static void *idle(void *p) { __atomic_store_n((void **)p, malloc(50), __ATOMIC_SEQ_CST); pause(); return p; }
int main(int argc, char **argv) {
    pthread_t t;
    for (int i = 0; i < 3; i++) pthread_create(&t, 0, idle, &kept[i]);
    for (int i = 0; i < 3; i++) while (!__atomic_load_n(&kept[i], __ATOMIC_SEQ_CST)) usleep(1000);
    if (argc > 1) { lost = malloc(77); lost = 0; }
    return 0;
}";

#[test]
fn leaks_are_found_at_the_end() {
    let lab = Lab::open();
    let script = format!(
        "d=$(mktemp -d) && cd $d && cat > t.c <<'END'\n{PROGRAM}\nEND\n\
         for s in leak address; do gcc -g -O0 -fsanitize=$s t.c -o $s -pthread || exit 9\n\
         for i in 1 2 3; do timeout 50 ./$s > out 2>&1; echo $s clean $?; cat out\n\
         timeout 50 ./$s x > out 2>&1; echo $s leaking $?; grep -c 'Direct leak of 77 byte' out\n\
         done; done; rm -r $d"
    );
    let out = lab.run(&lab.root(), &[], &["/bin/sh", "-c", &script]).output().expect("starts");
    let round = |sanitizer: &str, code: u32| {
        format!("{sanitizer} clean 0\n{sanitizer} leaking {code}\n1\n").repeat(3)
    };
    let expected = round("leak", 23) + &round("address", 1);
    assert!(outcome(&out).contains(&expected), "{}", outcome(&out));
}

/// A race that is one however the threads run, if the program has an argument.
const RACE: &str = "
#include <pthread.h>
#include <stdlib.h>
static int count;
static void *add(void *p) { for (int i = 0; i < 1000; i++) count++; return p; }
int main(int argc, char **argv) {
    pthread_t t;
    pthread_create(&t, 0, add, 0);
    if (argc > 1) add(0);
    pthread_join(t, 0);
    free(malloc(100));
    return count < 1000;
}";

/// Where ThreadSanitizer lets programs and their heaps end, and all that is mapped elsewhere begin. (Before
/// GCC 14; since then more.)
const PROGRAMS_END: u64 = 0x5680_0000_0000;
const FILES_START: u64 = 0x7e80_0000_0000;

/// ThreadSanitizer ends a program in which something is mapped where Linux would not put it. (It knows the
/// addresses of amd64 in as many bits as there are here, but not those of other guests.)
#[test]
fn races_are_found_in_programs_of_amd64() {
    let Some(guest) = chosen().into_iter().find(|guest| guest.name == "amd64") else { return };
    let lab = Lab::open();
    let script = format!(
        "d=$(mktemp -d) && cd $d && cat > t.c <<'END'\n{RACE}\nEND\n\
         for o in '-fPIE -pie' -no-pie; do gcc -g -O0 -fsanitize=thread $o t.c -o t || exit 9\n\
         for i in 1 2 3; do timeout 50 ./t > out 2>&1; echo clean $?; cat out\n\
         timeout 50 ./t x > out 2>&1; echo racing $?; grep -om 1 'WARNING: .*: data race' out\n\
         done; done; rm -r $d"
    );
    let options: &[&str] = if guest.is_hosts() { &["--emulate"] } else { &[] };
    let run = |script: &str| {
        let words = ["/bin/sh", "-c", script];
        outcome(&lab.run(&lab.root_of(guest), options, &words).output().expect("starts"))
    };
    let text = run(&script);
    assert!(
        text.starts_with(&"clean 0\nracing 66\nWARNING: ThreadSanitizer: data race\n".repeat(6)),
        "{text}"
    );
    for _ in 0..5 {
        let maps = run("cat /proc/self/maps");
        let start = |line: &str| u64::from_str_radix(line.split('-').next()?, 16).ok();
        let places: Vec<u64> = maps.lines().filter_map(start).collect();
        assert!(places.len() > 20, "{maps}");
        let odd = places.iter().any(|place| (PROGRAMS_END..FILES_START).contains(place));
        assert!(!odd, "{maps}");
    }
}
