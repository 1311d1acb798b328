//! What `anyarch persist` and `anyarch export` write is taken by the programs it is written for:
//! Debian's systemd-binfmt and update-binfmts themselves, in a root of theirs with a binfmt_misc of
//! its own. And the package with them.

use std::process::Command;

use binfmt::guests::emulated;
use it::Lab;

/// The entries of all guests, as the kernel lists them: newest first.
fn entries(prefix: &str) -> String {
    emulated().iter().rev().map(|g| format!("{prefix}-{}\n", g.qemu)).collect()
}

/// The root of the originals with a writable layer and our binary as /usr/bin/anyarch; the foreign
/// root is at /mnt. `$1` becomes its first process.
const SETUP: &str = r#"
mount -t tmpfs tmpfs "$WORK"; cd "$WORK"; mkdir up work root
mount -t overlay overlay -o lowerdir="$ORIGINALS",upperdir=up,workdir=work,userxattr root
mount -t proc proc root/proc; mount -t binfmt_misc binfmt_misc root/proc/sys/fs/binfmt_misc
mount --rbind /dev root/dev; mkdir root/mnt; mount --bind "$ROOT" root/mnt
cp "$ANYARCH" root/usr/bin/anyarch
[ -n "$WITH_QEMU" ] || rm -f root/usr/lib/binfmt.d/qemu-* root/usr/share/binfmts/qemu-*
exec chroot root /bin/bash -c "$1"
"#;

/// What `script` prints, errors included, where no other emulator is configured.
fn in_debian(script: &str) -> String {
    run(script, false)
}

/// The same with the package qemu-user-binfmt as it is, whose emulators work in no other root.
fn in_debian_with_qemu(script: &str) -> String {
    run(script, true)
}

fn run(script: &str, with_qemu: bool) -> String {
    let lab = Lab::open();
    let common = r#"
        export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
        M=/proc/sys/fs/binfmt_misc
        names() { ls -U $M | grep -vx -e register -e status; }
        foreign() { chroot /mnt /bin/uname -m 2>/dev/null || echo "[$?]"; }
    "#;
    let output = Command::new("unshare")
        .args(["-Urmpf", "--mount-proc", "bash", "-ec", SETUP, "bash"])
        .arg(format!("{common}{script}"))
        .env("ANYARCH", &lab.anyarch)
        .env("ORIGINALS", lab.fixtures.join("originals-bookworm"))
        .env("ROOT", lab.root())
        .env("WORK", lab.mount_point())
        .env("WITH_QEMU", if with_qemu { "yes" } else { "" })
        .output()
        .expect("unshare starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn systemd_binfmt_applies_what_is_persisted() {
    let text = in_debian(
        "anyarch persist write >/tmp/log || cat /tmp/log
         foreign; /lib/systemd/systemd-binfmt; echo [$?]; foreign; names
         grep flags $M/qemu-aarch64; anyarch status --json | grep -c etc/binfmt.d/zz-anyarch.conf
         /lib/systemd/systemd-binfmt --unregister; foreign
         /lib/systemd/systemd-binfmt zz-anyarch.conf; foreign
         anyarch persist remove >/dev/null; /lib/systemd/systemd-binfmt; foreign; names",
    );
    let expected =
        format!("[126]\n[0]\naarch64\n{}flags: POCF\n1\n[126]\naarch64\n[126]\n", entries("qemu"));
    assert_eq!(text, expected);
}

#[test]
fn what_is_persisted_with_an_installation_is_in_its_json() {
    let text = in_debian(
        "install() { anyarch install --persist --json --allow-volatile $1 >/tmp/out; echo [$?]; }
         install --dry-run; head -c1 /tmp/out; grep -c zz-anyarch.conf /tmp/out; tail -n1 /tmp/out
         grep -c '\"written\": false' /tmp/out; ls /etc/binfmt.d | wc -l
         install; head -c1 /tmp/out; grep -c zz-anyarch.conf /tmp/out; tail -n1 /tmp/out
         grep -c '\"written\": true' /tmp/out; ls /etc/binfmt.d
         echo nothing >/etc/binfmt.d/zz-anyarch.conf
         install; head -c1 /tmp/out; grep -c '\"persist\": null' /tmp/out; tail -n1 /tmp/out",
    );
    let expected = "[0]\n{1\n}\n1\n0\n[0]\n{1\n}\n1\nzz-anyarch.conf\n[1]\n{1\n}\n\
        error: /etc/binfmt.d/zz-anyarch.conf is not ours\nhelp: move it away first\n";
    assert_eq!(text, expected);
}

/// QEMU's entries for all architectures, as we export them.
#[test]
fn systemd_binfmt_applies_what_is_exported() {
    let text = in_debian(
        "anyarch export --format systemd --interpreter '/usr/bin/qemu-{qemu}' --flags OCF \
             arm64 riscv64 s390x mips mipsle mipsn32 loong64 ppc64le >/etc/binfmt.d/qemu.conf
         /lib/systemd/systemd-binfmt; echo [$?]; names | wc -l; foreign
         anyarch status --probe none --json >/tmp/first
         anyarch export --format raw --interpreter '/usr/bin/qemu-{qemu}' --flags OCF \
             arm64 riscv64 s390x mips mipsle mipsn32 loong64 ppc64le >/tmp/lines
         echo -1 >$M/status; while read -r line; do printf %s \"$line\" >$M/register; done </tmp/lines
         anyarch status --probe none --json >/tmp/second; cmp /tmp/first /tmp/second && echo same
         anyarch doctor | grep -c W-NOARGV0",
    );
    // The package's QEMU is dynamic.
    assert_eq!(text, "[0]\n8\n[127]\nsame\n8\n");
}

#[test]
fn systemd_binfmt_puts_ours_before_those_of_packages() {
    let text = in_debian_with_qemu(
        "/lib/systemd/systemd-binfmt; foreign; names | wc -l
         anyarch persist write >/tmp/log || cat /tmp/log; grep -c ':anyarch-aarch64:' /tmp/log
         /lib/systemd/systemd-binfmt; echo [$?]; foreign; names | grep ^anyarch-; names | wc -l
         anyarch persist write | grep -c ':anyarch-aarch64:'
         anyarch persist remove >/dev/null; /lib/systemd/systemd-binfmt; foreign; names | wc -l",
    );
    let (ours, all) = (entries("anyarch"), 29 + emulated().len());
    assert_eq!(text, format!("[127]\n29\n1\n[0]\naarch64\n{ours}{all}\n1\n[127]\n29\n"));
}

#[test]
fn update_binfmts_imports_what_is_persisted() {
    let text = in_debian(
        "anyarch persist write --format debian >/tmp/log || cat /tmp/log
         foreign; update-binfmts --import; echo [$?]; foreign; names; grep flags $M/qemu-aarch64
         update-binfmts --display qemu-aarch64 | grep -e package -e interpreter
         update-binfmts --disable qemu-aarch64; foreign; update-binfmts --enable qemu-aarch64; foreign
         anyarch persist remove --format debian >/tmp/log; grep -v '^# then' /tmp/log
         eval \"$(sed -n 's/^# then: //p' /tmp/log)\"; foreign; names
         ls /usr/share/binfmts/qemu-aarch64 2>/dev/null || echo gone",
    );
    let removed: String = emulated()
        .iter()
        .map(|g| format!("/usr/share/binfmts/qemu-{}: removed\n", g.qemu))
        .collect();
    assert_eq!(
        text,
        format!(
            "[126]\n[0]\naarch64\n{}flags: POCF\n     package = anyarch\n \
             interpreter = /usr/bin/anyarch\n[126]\naarch64\n{removed}[126]\ngone\n",
            entries("qemu")
        )
    );
}

/// What is to be done after the files are written is what is printed.
#[test]
fn update_binfmts_gives_way_to_ours() {
    let text = in_debian_with_qemu(
        "update-binfmts --import; foreign; anyarch persist write --format debian >/tmp/log
         then_do() { eval \"$(sed -n 's/^# then: //p' $1)\"; }
         then_do /tmp/log; foreign; names | grep aarch64$
         anyarch persist remove --format debian >/tmp/log; then_do /tmp/log; names | grep aarch64$
         ls /usr/share/binfmts | grep aarch64$",
    );
    assert_eq!(text, "[127]\naarch64\nanyarch-aarch64\nqemu-aarch64\nqemu-aarch64\n");
}

#[test]
fn update_binfmts_imports_what_is_exported() {
    let text = in_debian(
        "mkdir -p /usr/share/binfmts; anyarch export --format debian --out /usr/share/binfmts \
             --interpreter '/usr/bin/qemu-{qemu}' --flags OCF arm64 riscv64 s390x mips mipsle >/dev/null
         update-binfmts --import; echo [$?]; names | wc -l; foreign
         update-binfmts --find /mnt/bin/uname",
    );
    assert_eq!(text, "[0]\n5\n[127]\n/usr/bin/qemu-aarch64\n");
}

#[test]
fn a_service_of_runit_registers() {
    let text = in_debian(
        "anyarch persist write --format runit >/dev/null; foreign
         sh /etc/runit/core-services/99-anyarch.sh >/dev/null; echo [$?]; foreign; names",
    );
    assert_eq!(text, format!("[126]\n[0]\naarch64\n{}", entries("qemu")));
}

/// The commands of the forms that are put into files by hand: WSL's, a container's.
#[test]
fn shown_commands_register() {
    let text = in_debian(
        "for format in wsl daemonset compose nixos; do
             anyarch persist show --format $format >/tmp/$format || echo failed: $format; done
         eval \"$(sed -n 's/^command=//p' /tmp/wsl)\" --allow-volatile >/dev/null; echo [$?]
         foreign; anyarch uninstall >/dev/null; foreign
         grep -c 'kind: DaemonSet' /tmp/daemonset; grep -c 'privileged: true' /tmp/compose
         for command in \"$(sed -n 's/.*command: \\[\\(.*\\)\\]/\\1/p' /tmp/compose)\" \
             \"$(sed -n 's/.*args: \\[\\(hold.*\\)\\]/\\1/p' /tmp/daemonset)\"; do
             mkdir -p /binfmt_misc; mount --bind $M /binfmt_misc
             timeout 2 anyarch ${command//,/}; umount /binfmt_misc; done; foreign
         grep -c 'boot.binfmt.registrations.qemu-aarch64' /tmp/nixos",
    );
    let held = format!("holding {} entries of /binfmt_misc\n", emulated().len());
    assert_eq!(text, format!("[0]\naarch64\n[126]\n1\n1\n{held}{held}aarch64\n1\n"));
}
