//! `cargo xtask codegen [--check]`: what is generated from `isa/aarch64*.isa`.

mod coverage;
mod decode;
mod parse;
mod table;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
pub(crate) use parse::{Line, Status, Test};

/// The instruction files, in the order in which their lines are numbered.
const SOURCES: [&str; 2] = ["isa/aarch64.isa", "isa/aarch64-sve.isa"];

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
    let mut lines = Vec::new();
    for source in SOURCES {
        let path = root.join(source);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        parse::parse(source, &text, &mut lines)?;
    }
    parse::check(&lines)?;
    let evidence = coverage::Evidence {
        executed: std::fs::read_to_string(root.join("isa/aarch64-executed.txt"))?,
        lowering: std::fs::read_to_string(root.join("isa/aarch64-lowering.txt"))?,
    };
    let generated = root.join("crates/guest-aarch64/src/generated");
    Ok(vec![
        (generated.join("decode.rs"), decode::generate(&lines)),
        (generated.join("table.rs"), table::classes(&lines)),
        (generated.join("table.txt"), table::lines(&lines)),
        (root.join("docs/coverage-aarch64.md"), coverage::generate(&lines, &evidence)),
    ])
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
