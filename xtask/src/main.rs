//! Automation.

mod calls_codegen;

use anyhow::{Result, bail};
use std::path::Path;

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask has a parent");
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["codegen"] => calls_codegen::run(root, false),
        ["codegen", "--check"] => calls_codegen::run(root, true),
        _ => bail!("usage: cargo xtask codegen [--check]"),
    }
}
