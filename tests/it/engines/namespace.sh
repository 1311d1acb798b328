# The first process of the namespaces: makes a root and runs $SCRIPT in it.
# A layer in memory over the engines' root; storage and run time files in memory as well, because
# an overlay cannot lie on another.
mount -t tmpfs tmpfs "$WORK"
cd "$WORK"
mkdir up work root
mount -t overlay overlay -o lowerdir="$ENGINES",upperdir=up,workdir=work,userxattr root
cd root
mount -t proc proc proc
mount -t sysfs sysfs sys
# crun refuses a machine with both versions of cgroups.
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
    touch dev/$name
    mount --bind /dev/$name dev/$name
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir -p var/lib/containers home/user run/user/1000
mount -t tmpfs tmpfs var/lib/containers
mount -t tmpfs tmpfs home/user
chown 1000:1000 home/user run/user/1000
echo 'user:x:1000:1000::/home/user:/bin/bash' >>etc/passwd
echo 'user:x:1000:' >>etc/group
echo 'user:10000:20000' | tee etc/subuid >etc/subgid
echo '{"default": [{"type": "insecureAcceptAnything"}]}' >etc/containers/policy.json
# No systemd, no cgroups of our own, no network.
cat >etc/containers/containers.conf <<'X'
[containers]
cgroups = "disabled"
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "crun"
X
cp "$ANYARCH" tmp/anyarch
chmod 755 tmp/anyarch
mkdir tmp/images tmp/files
mount --bind "$IMAGES" tmp/images
mount --bind "$FILES" tmp/files
mount -o remount,bind,ro tmp/images
mount -o remount,bind,ro tmp/files
cat >tmp/common.sh <<'X'
set -e
export PATH=/usr/sbin:/usr/bin:/sbin:/bin XDG_RUNTIME_DIR=/run/user/1000
cd ~
import() { podman import --quiet --arch arm64 --os linux /tmp/images/arm64.tar localhost/arm64 >/dev/null; }
run() { podman run --rm --platform linux/arm64 "$@"; }
X
printf '%s\n' "$SCRIPT" >tmp/script.sh
# The new root is the namespace's own, or `podman exec` would get to the machine's.
mkdir old
pivot_root . old
mount --make-rshared /
umount -l old
rmdir old
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
unset XDG_RUNTIME_DIR
HOME=/root BASH_ENV=/tmp/common.sh exec bash /tmp/script.sh
