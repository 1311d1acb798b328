//! `cargo xtask dist`: what is shipped. The static binary, a Debian package, a container image as
//! an OCI archive, and their checksums, in `target/dist`.
//!
//! Everything is made with programs that a Debian machine has: tar, dpkg-deb, sha256sum, gzip.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::product;

/// The version that all of it carries.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Time stamps in archives, so that the same binary gives the same archives.
const MTIME: &str = "@0";

/// Makes it all; from `binary` if that is given, else from a release build.
pub(crate) fn run(root: &Path, binary: Option<&str>, out: Option<&str>) -> Result<()> {
    let binary = match binary {
        Some(path) => PathBuf::from(path),
        None => product::build(root, "release")?,
    };
    let out = out.map_or_else(|| root.join("target/dist"), PathBuf::from);
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out)?;
    let anyarch = out.join("anyarch");
    copy(&binary, &anyarch, 0o755)?;
    let deb = deb(root, &anyarch, &out, VERSION)?;
    let image = image(&anyarch, &out)?;
    let names = ["anyarch", &deb, &image];
    let sums = output(Command::new("sha256sum").current_dir(&out).args(names))?;
    fs::write(out.join("SHA256SUMS"), &sums)?;
    print!("{sums}");
    println!("in {}", out.display());
    Ok(())
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
}

fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_owned();
    let out = command.output().with_context(|| format!("cannot start {}", name.display()))?;
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    ensure!(out.status.success(), "{} failed: {text}", name.display());
    Ok(String::from_utf8(out.stdout)?)
}

/// The Debian package; its name. It registers when installed and brings a binfmt.d file for later
/// starts; the file's name sorts behind QEMU's, so that it comes first with the kernel, and its entry
/// has another name, so that QEMU's stays.
fn deb(root: &Path, anyarch: &Path, out: &Path, version: &str) -> Result<String> {
    let tree = out.join("deb");
    copy(anyarch, &tree.join("usr/bin/anyarch"), 0o755)?;
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        copy(&root.join(name), &tree.join("usr/share/doc/anyarch").join(name), 0o644)?;
    }
    copy(&root.join("packaging/copyright"), &tree.join("usr/share/doc/anyarch/copyright"), 0o644)?;
    manual(anyarch, &tree)?;
    let options = ["export", "--format", "systemd", "--name-prefix", "anyarch-"];
    let rules = output(Command::new(anyarch).args(options))?;
    let conf = tree.join("usr/lib/binfmt.d/zz-anyarch.conf");
    fs::create_dir_all(tree.join("usr/lib/binfmt.d"))?;
    fs::write(&conf, rules)?;
    fs::set_permissions(&conf, fs::Permissions::from_mode(0o644))?;
    for script in ["postinst", "prerm"] {
        copy(&root.join("packaging").join(script), &tree.join("DEBIAN").join(script), 0o755)?;
    }
    let size = fs::metadata(anyarch)?.len() / 1024;
    fs::write(
        tree.join("DEBIAN/control"),
        format!(
            "Package: anyarch\nVersion: {version}\nArchitecture: amd64\n\
             Maintainer: anyarch contributors <root@localhost>\nInstalled-Size: {size}\n\
             Section: otherosfs\nPriority: optional\n\
             Description: run programs and containers of other architectures\n \
             One static binary: a user-mode emulator, the tool that registers it with the\n \
             kernel's binfmt_misc, and a runner for foreign root file systems.\n"
        ),
    )?;
    let name = format!("anyarch_{version}_amd64.deb");
    let build = ["--root-owner-group", "-Zxz", "--build"].map(OsStr::new);
    let paths = [tree.as_os_str(), OsStr::new(&name)];
    output(
        Command::new("dpkg-deb")
            .current_dir(out)
            .env("SOURCE_DATE_EPOCH", "0")
            .args(build)
            .args(paths),
    )?;
    fs::remove_dir_all(tree)?;
    Ok(name)
}

/// Manual pages and completions, as the program itself writes them.
fn manual(anyarch: &Path, tree: &Path) -> Result<()> {
    let pages = tree.join("usr/share/man/man1");
    fs::create_dir_all(&pages)?;
    output(Command::new(anyarch).arg("man").arg(&pages))?;
    let mut names: Vec<PathBuf> = fs::read_dir(&pages)?.flatten().map(|f| f.path()).collect();
    names.sort();
    output(Command::new("gzip").arg("-9n").args(&names))?;
    for (shell, path) in [
        ("bash", "usr/share/bash-completion/completions/anyarch"),
        ("zsh", "usr/share/zsh/vendor-completions/_anyarch"),
        ("fish", "usr/share/fish/vendor_completions.d/anyarch.fish"),
    ] {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().context("it is in a directory")?)?;
        fs::write(&path, output(Command::new(anyarch).args(["completions", shell]))?)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// The container image as an OCI archive; its name. One layer with one file.
fn image(anyarch: &Path, out: &Path) -> Result<String> {
    let (tree, layout) = (out.join("layer"), out.join("oci"));
    copy(anyarch, &tree.join("usr/bin/binfmt"), 0o755)?;
    fs::create_dir_all(layout.join("blobs/sha256"))?;
    let layer = out.join("layer.tar");
    tar(&tree, &layer, &["usr"])?;
    let (layer_sum, layer_size) = blob(&layout, &fs::read(&layer)?)?;
    let config = format!(
        "{{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{{\
         \"Entrypoint\":[\"/usr/bin/binfmt\"],\"WorkingDir\":\"/\",\"Labels\":{{\
         \"org.opencontainers.image.title\":\"anyarch\",\
         \"org.opencontainers.image.version\":\"{VERSION}\"}}}},\
         \"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"sha256:{layer_sum}\"]}}}}"
    );
    let (config_sum, config_size) = blob(&layout, config.as_bytes())?;
    let kind = "application/vnd.oci.image";
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{kind}.manifest.v1+json\",\
         \"config\":{{\"mediaType\":\"{kind}.config.v1+json\",\"digest\":\"sha256:{config_sum}\",\
         \"size\":{config_size}}},\"layers\":[{{\"mediaType\":\"{kind}.layer.v1.tar\",\
         \"digest\":\"sha256:{layer_sum}\",\"size\":{layer_size}}}]}}"
    );
    let (sum, size) = blob(&layout, manifest.as_bytes())?;
    fs::write(
        layout.join("index.json"),
        format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{kind}.index.v1+json\",\"manifests\":[{{\
             \"mediaType\":\"{kind}.manifest.v1+json\",\"digest\":\"sha256:{sum}\",\"size\":{size},\
             \"platform\":{{\"architecture\":\"amd64\",\"os\":\"linux\"}},\
             \"annotations\":{{\"org.opencontainers.image.ref.name\":\"anyarch:{VERSION}\",\
             \"io.containerd.image.name\":\"localhost/anyarch:{VERSION}\"}}}}]}}"
        ),
    )?;
    fs::write(layout.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}")?;
    let name = format!("anyarch-{VERSION}-oci.tar");
    tar(&layout, &out.join(&name), &["oci-layout", "index.json", "blobs"])?;
    fs::remove_dir_all(tree)?;
    fs::remove_dir_all(layout)?;
    fs::remove_file(layer)?;
    Ok(name)
}

/// Adds `bytes` to the layout under their checksum, which is returned with their length.
fn blob(layout: &Path, bytes: &[u8]) -> Result<(String, usize)> {
    let new = layout.join("blobs/sha256/new");
    fs::write(&new, bytes)?;
    let sum = output(Command::new("sha256sum").arg(&new))?;
    let sum = sum.split(' ').next().context("sha256sum prints the sum")?.to_owned();
    fs::rename(new, layout.join("blobs/sha256").join(&sum))?;
    Ok((sum, bytes.len()))
}

fn tar(dir: &Path, archive: &Path, names: &[&str]) -> Result<()> {
    let mut command = Command::new("tar");
    command.arg("-C").arg(dir).args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    command.args(["--mtime", MTIME, "--format=ustar", "-cf"]).arg(archive).args(names);
    output(&mut command).map(drop)
}
