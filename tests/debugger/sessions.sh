# sessions.sh DIR TURNS: two programs to which gdb attaches TURNS times and which live on after each,
# then one that gdb starts, and a core file.
set -e
cd "$1"
attached() {
    echo "=== $program: $1"
    gdb -nx -batch -x "$1.gdb" -p $pid 2>&1
    kill -0 $pid
}
for program in dynamic static; do
    ./$program >out &
    pid=$!
    until [ -s out ]; do sleep 0.05; done
    for turn in $(seq "$2"); do
        attached attach
    done
    attached syscalls || true
    kill $pid
    code=0
    wait $pid || code=$?
    echo "=== $program: end"
    cat out
    echo "code $code"
    echo "=== $program: core"
    gdb -nx -batch -x core.gdb ./$program core 2>&1
    echo "=== $program: start"
    gdb -nx -batch -x start.gdb --args ./$program start 2>&1
done
