//! What `cargo xtask dist` makes: the Debian package is installed, upgraded and removed in a root
//! of its own, the image's only layer is run as a container's.

use std::path::Path;
use std::process::Command;

use it::Lab;

/// Runs a script in namespaces of its own, which starts the `inner` one.
fn namespace(lab: &Lab, out: &Path, script: &str, inner: &str) -> String {
    let output = Command::new("unshare")
        .args(["-Urmpf", "--mount-proc", "bash", "-ec", script])
        .env("OUT", out)
        .env("SCRIPT", inner)
        .env("ORIGINALS", lab.fixtures.join("originals-bookworm"))
        .env("ROOT", lab.root())
        .env("WORK", lab.mount_point())
        .env("LC_ALL", "C")
        .output()
        .expect("unshare starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text + &String::from_utf8_lossy(&output.stderr)
}

/// A root made of the originals with a writable layer, in which `$SCRIPT` becomes the first
/// process.
const DEBIAN: &str = r#"
mount -t tmpfs tmpfs "$WORK"; cd "$WORK"; mkdir up work root
mount -t overlay overlay -o lowerdir="$ORIGINALS",upperdir=up,workdir=work,userxattr root
mount -t proc proc root/proc; mount -t binfmt_misc binfmt_misc root/proc/sys/fs/binfmt_misc
mount --rbind /dev root/dev; mkdir root/mnt; mount --bind "$ROOT" root/mnt
mkdir -p root/var/lib/dpkg/info root/var/lib/dpkg/updates root/var/lib/dpkg/triggers
touch root/var/lib/dpkg/status; cp "$OUT"/*.deb root/tmp/new.deb
dpkg-deb -R root/tmp/new.deb old; sed -i 's/^Version:.*/Version: 0.0.1/' old/DEBIAN/control
dpkg-deb -b -Znone --root-owner-group old root/tmp/old.deb >/dev/null
exec chroot root /bin/bash -ec "$SCRIPT"
"#;

#[test]
fn the_package_leaves_registrations_as_it_found_them() {
    let lab = Lab::open();
    let out = lab.dist();
    let script = r#"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd /proc/sys/fs/binfmt_misc; echo ':jar:E::jar::/bin/true:' >register
show() { for e in $(ls -U); do case $e in register|status) ;; *) echo "$e: $(sed -n 2p $e)";; esac; done; }
show >/tmp/before
dpkg -i /tmp/old.deb >/tmp/log 2>&1 || cat /tmp/log; chroot /mnt uname -m
dpkg -i /tmp/new.deb >/tmp/log 2>&1 || cat /tmp/log; chroot /mnt uname -m; ls -U | wc -l
dpkg -r anyarch >/tmp/log 2>&1 || cat /tmp/log
show >/tmp/after; cmp /tmp/before /tmp/after && echo as found
chroot /mnt uname -m 2>/dev/null || echo [$?]; ls /usr/bin/anyarch 2>&1 | grep -c 'No such'
"#;
    let text = namespace(&lab, out, DEBIAN, script);
    assert_eq!(text, "aarch64\naarch64\n5\nas found\n[126]\n1\n");
}

/// With systemd-binfmt, which applies the package's file and QEMU's at every start.
#[test]
fn the_package_respects_restarts_of_systemd_binfmt() {
    let lab = Lab::open();
    let out = lab.dist();
    let script = r#"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd /proc/sys/fs/binfmt_misc
show() { for e in $(ls -U); do case $e in register|status) ;; *) echo "$e: $(sed -n 2p $e)";; esac; done; }
boot() { /lib/systemd/systemd-binfmt; }
foreign() { chroot /mnt uname -m 2>/dev/null || echo [$?]; }
boot; show >/tmp/before; wc -l </tmp/before; foreign
dpkg -i /tmp/old.deb >/tmp/log 2>&1 || cat /tmp/log; foreign; ls -U | head -n1
anyarch doctor --root / | grep -e FLUSH -e PERSISTED || true; ls /usr/share/man/man1/anyarch-install.1.gz
bash -n /usr/share/bash-completion/completions/anyarch && echo complete
boot; foreign; ls -U | head -n1; ls -U | wc -l
dpkg -i /tmp/new.deb >/tmp/log 2>&1 || cat /tmp/log; foreign; ls -U | wc -l
dpkg -r anyarch >/tmp/log 2>&1 || cat /tmp/log
show >/tmp/after; cmp /tmp/before /tmp/after && echo as found
boot; show >/tmp/after; cmp /tmp/before /tmp/after && echo as found
dpkg -i /tmp/new.deb >/tmp/log 2>&1 || cat /tmp/log; boot
dpkg -P anyarch >/tmp/log 2>&1 || cat /tmp/log
show >/tmp/after; cmp /tmp/before /tmp/after && echo as found; dpkg -l anyarch 2>&1 | grep -c 'no packages'
ls /usr/bin/anyarch /usr/lib/binfmt.d/zz-anyarch.conf /usr/share/doc/anyarch 2>/dev/null | wc -l
"#;
    let text = namespace(&lab, out, DEBIAN, script);
    let expected = "29\n[127]\naarch64\nanyarch-riscv64\n\
                    /usr/share/man/man1/anyarch-install.1.gz\ncomplete\naarch64\nanyarch-riscv64\n33\naarch64\n33\n\
                    as found\nas found\nas found\n1\n0\n";
    assert_eq!(text, expected);
}

/// With another emulator's entry of the same name, which must be there again at the end.
#[test]
fn the_package_respects_another_emulator() {
    let lab = Lab::open();
    let out = lab.dist();
    let script = r#"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd /proc/sys/fs/binfmt_misc
printf ':qemu-aarch64:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:/bin/true:F' >register
cat qemu-aarch64 >/tmp/before
dpkg -i /tmp/new.deb >/tmp/log 2>&1 || cat /tmp/log; chroot /mnt uname -m
dpkg -r anyarch >/tmp/log 2>&1 || cat /tmp/log
cmp qemu-aarch64 /tmp/before && echo as found; ls -U | wc -l
"#;
    let text = namespace(&lab, out, DEBIAN, script);
    assert_eq!(text, "aarch64\nas found\n3\n");
}

/// The layer as a container's root: nothing but the program, /proc and /dev.
#[test]
fn the_image_stands_in_for_the_others() {
    let lab = Lab::open();
    let out = lab.dist();
    let text = namespace(
        &lab,
        out,
        r#"mount -t tmpfs tmpfs "$WORK"; cd "$WORK"; mkdir oci c
tar xf "$OUT"/*-oci.tar -C oci; cd oci/blobs/sha256; for f in *; do echo "$f  $f" | sha256sum -c --quiet; done
for f in *; do tar tf $f >/dev/null 2>&1 && tar xf $f -C "$WORK/c"; done; cd "$WORK/c"; find . -type f
mkdir proc dev; mount --rbind /proc proc; mount --rbind /dev dev; mount -t binfmt_misc binfmt_misc proc/sys/fs/binfmt_misc
image() { chroot "$WORK/c" /usr/bin/binfmt "$@"; }
image --version 2>&1 | cut -d/ -f1; image --install all 2>&1 >/dev/null; chroot "$ROOT" uname -m
image | grep -c '"linux/arm64"'; image --uninstall 'qemu-*' 2>&1 >/dev/null
image --reset -p yes 2>/dev/null | wc -l; chroot "$ROOT" uname -m
image -- -r; image -s -- -p aarch64; chroot "$ROOT" uname -m; image status | grep -c qemu-aarch64"#,
        "",
    );
    let first = "cat ./qemu-binfmt-conf.sh | sh -s -- --path=/qus/bin";
    assert_eq!(
        text,
        format!(
            "./usr/bin/binfmt\nbinfmt\ninstalling: arm64 OK\ninstalling: riscv64 OK\n\
             aarch64\n1\nuninstalling: qemu-aarch64 OK\nuninstalling: qemu-riscv64 OK\n30\naarch64\n{first} -r\n\
             {first} -p aarch64 --suffix -static\n\
             Setting /qus/bin/qemu-aarch64-static as binfmt interpreter for aarch64\naarch64\n1\n"
        )
    );
}
