//! Real container engines: podman, buildah and crun of Debian run and build images of another
//! architecture, as root and as an ordinary user, with and without our file.

use it::{Lab, engines};

#[test]
fn podman_runs_foreign_images() {
    let text = engines::run(
        r#"
import
run localhost/arm64 uname -m 2>&1 | grep -o 'Exec format error'
/tmp/anyarch install --allow-volatile arm64 | cut -d' ' -f-4
check() {
    run localhost/arm64 uname -m
    run localhost/arm64 sh -c 'readlink /proc/self/exe; echo $0 $1' name argument
    run localhost/arm64 bash -c 'for i in 3 1 2; do echo $i; done | sort | paste -s -d +'
    run --read-only --read-only-tmpfs=false --env TMPDIR=/nonexistent localhost/arm64 ps
    run --read-only --env TMPDIR=/nonexistent localhost/arm64 cat /proc/self/stat | cut -d' ' -f-4
    run --user 1000:1000 --cap-drop all --security-opt no-new-privileges localhost/arm64 id -u
    run --env A=b --workdir /usr --entrypoint /usr/bin/env localhost/arm64 | grep A=
    run localhost/arm64 grep ^Seccomp: /proc/self/status
    podman run --detach --name it --platform linux/arm64 localhost/arm64 bash -c \
        'trap "echo told to stop; exit 3" TERM; echo up; while :; do sleep 0.1; done' >/dev/null
    podman exec it uname -m
    podman exec it ps --no-headers -o pid,comm 1
    podman stop --time 60 it
    podman logs it
    podman wait it
    podman rm it
}
check
rm /tmp/anyarch
check
"#,
    );
    let check = "\
aarch64
/usr/bin/readlink
name argument
1+2+3
    PID TTY          TIME CMD
      1 ?        00:00:00 ps
1 (cat) R 0
1000
A=b
Seccomp:	2
aarch64
      1 bash
it
up
told to stop
3
it
";
    let before = "Exec format error\narm64: registered as qemu-aarch64\n";
    assert_eq!(text, format!("{before}{check}{check}"));
}

/// Without an engine above it, with a root that is read-only and few capabilities.
#[test]
fn crun_runs_a_foreign_bundle() {
    let text = engines::run(
        r#"
import
ln -s "$(buildah mount $(buildah from --platform linux/arm64 localhost/arm64))" rootfs
crun spec
sed -i 's/"terminal": true/"terminal": false/; s,"sh"$,"bash"\, "/dev/fd/0",' config.json
container() { crun --cgroup-manager=disabled run it; }
container 2>&1 </dev/null | grep -o 'Exec format error'
/tmp/anyarch install --allow-volatile arm64 | cut -d' ' -f-4
cat >script <<'X'
uname -m
cut -d' ' -f-2 /proc/self/stat
ps --no-headers -o pid,args 1
echo $(id -u) $(grep CapEff /proc/self/status)
echo > /file || echo no
X
container <script
rm /tmp/anyarch
container <script
"#,
    );
    let check = "\
aarch64
3 (cut)
      1 bash /dev/fd/0
0 CapEff: 0000000020000420
/dev/fd/0: line 5: /file: Read-only file system
no
";
    let before = "Exec format error\narm64: registered as qemu-aarch64\n";
    assert_eq!(text, format!("{before}{check}{check}"));
}

/// The stages build a program with a foreign compiler; setuid programs work in a step.
#[test]
fn buildah_builds_foreign_images() {
    let text = engines::run(
        r#"
image=$(buildah from scratch)
buildah add --quiet $image /tmp/images/arm64.tar >/dev/null
buildah add --quiet $image /tmp/images/compiler.tar >/dev/null
buildah config --arch arm64 --os linux $image
buildah commit --quiet --rm $image localhost/arm64 >/dev/null
mkdir context
cat >context/square.c <<X
#include <stdio.h>
#include <stdlib.h>
int main(int n, char **a) { printf("%d\n", atoi(a[1]) * atoi(a[1])); }
X
cat >context/Containerfile <<X
FROM localhost/arm64 AS build
ARG TARGETPLATFORM
RUN echo "\$TARGETPLATFORM" >/platform && uname -m >>/platform
RUN cp /usr/bin/id /setuid-id && chmod 4755 /setuid-id
COPY square.c /
RUN gcc -O2 -o /square /square.c
FROM localhost/arm64
COPY --from=build /platform /setuid-id /square /
RUN test \$(/square 12) = 144
USER 1000
RUN test \$(id -u) = 1000 && test \$(/setuid-id -u) = 0
CMD cat /platform; /square 13
X
build() { buildah bud --quiet --platform linux/arm64 --tag localhost/built "$@" context >/dev/null; }
build 2>&1 | grep -o -i 'exec format error'
/tmp/anyarch install --allow-volatile arm64 | cut -d' ' -f-4
build --isolation chroot
run localhost/built
rm /tmp/anyarch
build --isolation chroot
run localhost/built
build --isolation oci --network none
run localhost/built
podman inspect --format '{{.Architecture}}' localhost/built
"#,
    );
    let built = "linux/arm64\naarch64\n169\n";
    let before = "exec format error\narm64: registered as qemu-aarch64\n";
    assert_eq!(text.replacen("Exec", "exec", 1), format!("{before}{built}{built}{built}arm64\n"));
}

/// Only the user's containers see the registration.
#[test]
fn podman_of_an_ordinary_user() {
    let text = engines::run(
        r#"
user() { setpriv --reuid 1000 --regid 1000 --init-groups env HOME=/home/user bash -c "$1"; }
user '
cp /tmp/anyarch .
./anyarch rootless install 2>&1 | head -n 1
mkdir context
cat >context/Containerfile <<X
FROM localhost/arm64 AS build
RUN uname -m >/machine; cp /usr/bin/id /setuid-id && chmod 4755 /setuid-id
FROM localhost/arm64
COPY --from=build /machine /setuid-id /
RUN test \$(cat /machine) = aarch64
USER 1000
CMD cat /machine; id -u; /setuid-id -u; cut -c-32 /proc/self/uid_map
X
import
run localhost/arm64 uname -m 2>&1 | grep -o "Exec format error"
./anyarch rootless install | grep -o "arm64: registered"
check() {
    run localhost/arm64 uname -m
    run --read-only --read-only-tmpfs=false --env TMPDIR=/nonexistent localhost/arm64 ps
    run --read-only --env TMPDIR=/nonexistent localhost/arm64 cat /proc/self/stat | cut -d" " -f-4
    podman build --quiet --no-cache --platform linux/arm64 --tag localhost/built context >/dev/null
    run localhost/built
    podman unshare buildah bud --quiet --isolation chroot --platform linux/arm64 \
        --tag localhost/again context >/dev/null
    run localhost/again cat /machine
}
check
mv anyarch kept
rm /tmp/anyarch 2>/dev/null || true
check
'
ls /proc/sys/fs/binfmt_misc
~user/kept check arm64 || true
user '
./kept rootless remove | tail -n 1
run localhost/arm64 uname -m 2>&1 | grep -o "Exec format error"
'
"#,
    );
    let check = "\
aarch64
    PID TTY          TIME CMD
      1 ?        00:00:00 ps
1 (cat) R 0
aarch64
1000
0
         0       1000          1
         1      10000      20000
aarch64
";
    let before = "error: no rootless container engine runs for this user
Exec format error
arm64: registered
";
    let after = "register
status
arm64: executing it gives ENOEXEC (Exec format error)
qemu-aarch64: removed
Exec format error
";
    assert_eq!(text, format!("{before}{check}{check}{after}"));
}

/// The image in place of tonistiigi/binfmt, multiarch/qemu-user-static and dbhi/qus.
#[test]
fn podman_runs_the_image() {
    let text = engines::run_with(
        Some(Lab::open().dist()),
        r#"
podman load --quiet --input /tmp/files/anyarch-*-oci.tar | cut -d: -f-2
image() { podman run --rm --privileged localhost/anyarch:$VERSION "$@"; }
VERSION=$(basename /tmp/files/anyarch-*-oci.tar | cut -d- -f2)
import
image --version 2>&1 | cut -d/ -f1
image --install arm64,amd64 2>&1 | head -n 1
run localhost/arm64 uname -m
image | grep -c '"linux/arm64"'
image --uninstall 'qemu-*' 2>&1 | grep -o 'uninstalling.*'
run localhost/arm64 uname -m 2>&1 | grep -o 'Exec format error'
image --reset -p yes 2>/dev/null | wc -l
run localhost/arm64 uname -m
image -- -r
podman run --rm localhost/anyarch:$VERSION --install arm64 2>&1 || echo "[$?]"
# Mounted by the container alone, it vanishes with the container.
umount /proc/sys/fs/binfmt_misc
image --install arm64 2>&1 >/dev/null | grep -o 'these .* ends' && echo "[${PIPESTATUS[0]}]"
run localhost/arm64 uname -m 2>&1 | grep -o 'Exec format error'
"#,
    );
    let expected = "\
Loaded image: localhost/anyarch
binfmt
installing: arm64 OK
aarch64
1
uninstalling: qemu-aarch64 OK
Exec format error
30
aarch64
cat ./qemu-binfmt-conf.sh | sh -s -- --path=/qus/bin -r
error: operation not permitted
cannot mount binfmt_misc filesystem at /proc/sys/fs/binfmt_misc
hint: a container needs --privileged for this
[4]
these registrations vanish when this container ends
[6]
Exec format error
";
    assert_eq!(text, expected);
}

/// What the machine has registered is in force in podman's namespaces until somebody mounts there,
/// and from then on it is not, whatever is visible. The doctor tries it there and repairs it.
#[test]
fn the_doctor_looks_into_podmans_namespaces() {
    let text = engines::run(
        r#"
user() { setpriv --reuid 1000 --regid 1000 --init-groups env HOME=/home/user bash -c "$1"; }
tries() { run localhost/arm64 uname -m 2>&1 | grep -o 'aarch64\|Exec format error'; }
doctor() {
    /tmp/anyarch doctor --engine podman --arch arm64 "$@" |
        grep -v ^note | grep -o '^error.*]\|^nothing.*\|^fixing [^ ]* podman: anyarch rootless install'
}
export -f tries doctor
/tmp/anyarch install --allow-volatile arm64 >/dev/null
doctor
user 'import; tries; doctor'
doctor
echo shadowed
user 'podman unshare mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc; tries; doctor'
doctor
echo unmounted
user 'podman unshare umount /proc/sys/fs/binfmt_misc; tries; doctor'
doctor
echo repaired
user 'doctor --fix; tries; doctor'
doctor
echo again, by root
user 'podman unshare umount /proc/sys/fs/binfmt_misc; tries'
doctor --fix
user tries
"#,
    );
    let fixing = "fixing E-USERNS-SHADOW podman: anyarch rootless install";
    let (good, bad) = ("nothing is wrong\n", "Exec format error\n");
    let expected = [
        good,
        &format!("aarch64\n{good}{good}"),
        &format!("shadowed\n{bad}error[E-NOENTRY]\nerror[E-NOENTRY]\n"),
        &format!("unmounted\n{bad}error[E-USERNS-SHADOW]\nerror[E-USERNS-SHADOW]\n"),
        &format!("repaired\n{fixing}\n{good}aarch64\n{good}{good}"),
        &format!("again, by root\n{bad}{fixing}\n{good}aarch64\n"),
    ];
    assert_eq!(text, expected.concat());
}

#[test]
fn the_machines_devices_cannot_be_changed() {
    let text = engines::run(
        r#"
chown 1000 /dev/null 2>&1 | grep -o 'Read-only.*'
mount -o remount,bind,rw /dev/null >/dev/null 2>&1 || echo refused
echo anything >/dev/null
"#,
    );
    assert_eq!(text, "Read-only file system\nrefused\n");
}
