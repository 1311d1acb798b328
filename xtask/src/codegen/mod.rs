//! `cargo xtask codegen [--check]`: what is generated from `isa/*.isa`.

mod coverage;
mod decode;
mod opcode;
mod opcode_coverage;
mod opcode_search;

use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, bail};
use isa::Source;

/// A guest whose instructions are declared.
struct Guest {
    /// Its name, and that of its crate behind `guest-`.
    name: &'static str,
    /// The name of its instruction set in documents.
    title: &'static str,
    /// What processors without any optional feature execute.
    baseline: &'static str,
    /// Where programs are told of features.
    advertised: &'static str,
    /// The instruction files, in the order in which their lines are numbered.
    sources: &'static [&'static str],
}

/// All of them.
const GUESTS: [Guest; 2] = [
    Guest {
        name: "aarch64",
        title: "A64",
        baseline: "Armv8.0 baseline",
        advertised: "HWCAP or the ID registers",
        sources: &["isa/aarch64.isa", "isa/aarch64-sve.isa"],
    },
    Guest {
        name: "riscv64",
        title: "RISC-V",
        baseline: "RV64I",
        advertised: "HWCAP, riscv_hwprobe or the ISA string",
        sources: &["isa/riscv64.isa", "isa/riscv64-v.isa"],
    },
];

/// Writes the generated files, or with `check` fails when one of them is stale.
pub(crate) fn run(root: &Path, check: bool) -> Result<()> {
    for (path, text) in outputs(root)? {
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        if old == text {
            continue;
        }
        if check {
            bail!("{} is stale: run `cargo xtask codegen`", path.display());
        }
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Path and text of every generated file.
fn outputs(root: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut outputs = Vec::new();
    for guest in &GUESTS {
        let mut source = Source::default();
        let mut table = String::new();
        for path in guest.sources {
            let text = std::fs::read_to_string(root.join(path))
                .with_context(|| format!("cannot read {path}"))?;
            table += &without_comments(&text);
            // The lines refer to the text, to the end of this program.
            isa::parse(text.leak(), &mut source).map_err(Error::msg).context(*path)?;
        }
        isa::check(&source).map_err(Error::msg).context(guest.name)?;
        let evidence = coverage::Evidence::read(root, guest.name);
        let generated = root.join(format!("crates/guest-{}/src/generated", guest.name));
        let document = root.join(format!("docs/coverage-{}.md", guest.name));
        outputs.push((generated.join("decode.rs"), decode::generate(guest, &source)));
        outputs.push((generated.join("table.isa"), table));
        outputs.push((document, coverage::generate(guest, &source.lines, &evidence)));
    }
    outputs.extend(opcode::outputs(root)?);
    Ok(outputs)
}

/// An instruction file with nothing in it that only people need. It becomes part of the product,
/// which reads it when it is needed: as Rust it would be thousands of pointers, to be relocated at
/// each start of a program.
pub(super) fn without_comments(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let squeezed = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n");
    squeezed.collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn generated_files_are_fresh() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in a folder");
        super::run(root, true).expect("generated files");
    }
}
