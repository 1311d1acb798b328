# Sourced by the scripts here, in a chroot with the originals or with ours bound over them.
# `t COMMAND...` prints the command, what it writes and its exit code.
t() {
    echo "+ $*"
    "$@" >/tmp/out 2>/tmp/err
    code=$?
    sed 's/^/  /' /tmp/out
    sed 's/^/! /' /tmp/err
    echo "  [$code]"
}
# The entries, newest first, with what the kernel says of them.
entries() {
    ls -U /proc/sys/fs/binfmt_misc | while read -r name; do
        case $name in register | status) continue ;; esac
        echo "$name:" && sed 's/^/  /' "/proc/sys/fs/binfmt_misc/$name"
    done
}
