//! Programs built with the sanitizers, whose leak check at the end stops all threads by `ptrace` from
//! a process in the same memory.

use it::{Lab, outcome};

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
