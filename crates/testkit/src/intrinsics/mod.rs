//! A program that calls each intrinsic of the compiler's `arm_neon.h` and `arm_acle.h` with corner
//! operands and prints a hash of what each of them does.

pub mod prototype;
mod range;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use prototype::{Elements, Kind, Parameter, Prototype, elements};

/// Files that the functions are spread over, so that they can be compiled at the same time.
const FILES: usize = 4;
/// What is compiled for.
const ARCHITECTURE: &str =
    "-march=armv8.5-a+crypto+sha3+sm4+fp16+fp16fml+dotprod+bf16+i8mm+rdma+crc";
/// Not executed: transactions and tags, which programs of Linux do not have; random numbers.
const LEFT_OUT: [&str; 4] = ["__t", "__rndr", "__arm", "__gcs"];

/// Makes the program in `dir` with `compiler`; returns its path and the number of intrinsics.
///
/// # Errors
/// If it cannot be compiled.
pub fn build(compiler: &str, runtime: &Path, dir: &Path) -> Result<(PathBuf, usize)> {
    let mut all = Vec::new();
    for header in ["arm_neon.h", "arm_acle.h"] {
        let file = format!("-print-file-name=include/{header}");
        let out = Command::new(compiler).arg(file).output().context("the compiler")?;
        let path = String::from_utf8(out.stdout)?;
        let text = fs::read_to_string(path.trim()).with_context(|| path.clone())?;
        all.extend(prototype::parse(&text));
    }
    all.retain(|p| !LEFT_OUT.iter().any(|prefix| p.name.starts_with(prefix)));
    let count = all.len();
    let mut running = Vec::new();
    let mut objects = vec![];
    for (n, part) in all.chunks(count.div_ceil(FILES)).enumerate() {
        let (source, object) = (dir.join(format!("part{n}.c")), dir.join(format!("part{n}.o")));
        fs::write(&source, file(n, part))?;
        let child = Command::new(compiler)
            .args([
                "-O1",
                "-w",
                "-c",
                "-ffp-contract=off",
                "-fno-strict-aliasing",
                ARCHITECTURE,
                "-o",
            ])
            .args([&object, &source])
            .spawn()?;
        running.push(child);
        objects.push(object);
    }
    for mut child in running {
        ensure!(child.wait()?.success(), "the compiler refuses a file");
    }
    let program = dir.join("intrinsics");
    let status = Command::new(compiler)
        .args(["-O1", "-static", "-w", "-o"])
        .arg(&program)
        .arg(runtime)
        .args(&objects)
        .status()?;
    ensure!(status.success(), "the linker fails");
    Ok((program, count))
}

/// The text of file `n`.
fn file(n: usize, functions: &[Prototype]) -> String {
    let mut text = String::from(
        "#include <arm_neon.h>\n#include <arm_acle.h>\n\
         struct test { const char *name; void (*run)(void); };\n\
         void fill(void *, int, int, int); void begin(void); void end(void);\n\
         void out(const void *, int);\nextern char result[];\n",
    );
    let mut table = String::new();
    for prototype in functions {
        let _ = writeln!(text, "static void t_{}(void) {{", prototype.name);
        for constants in constants(prototype) {
            text.push_str(&call(prototype, &constants));
        }
        text.push_str("}\n");
        let _ = writeln!(table, "  {{\"{0}\", t_{0}}},", prototype.name);
    }
    let _ = writeln!(text, "const struct test tests{n}[] = {{\n{table}  {{0, 0}}}};");
    text
}

/// The sets of constants with which `prototype` is called.
fn constants(prototype: &Prototype) -> Vec<Vec<u32>> {
    let which = |p: &(usize, &Parameter)| p.1.kind == Kind::Constant;
    let ranges: Vec<_> = prototype
        .parameters
        .iter()
        .enumerate()
        .filter(which)
        .map(|(at, _)| range::range(prototype, at))
        .collect();
    let mut sets = vec![
        ranges.iter().map(|r| r.0).collect::<Vec<_>>(),
        ranges.iter().map(|r| r.1).collect(),
        ranges.iter().enumerate().map(|(n, r)| if n == 0 { r.0 } else { r.1 }).collect(),
        ranges.iter().map(|r| r.0.midpoint(r.1)).collect(),
    ];
    sets.sort();
    sets.dedup();
    sets
}

/// One call.
fn call(prototype: &Prototype, constants: &[u32]) -> String {
    let mut text = String::from("  {");
    let mut arguments = Vec::new();
    let mut constants = constants.iter();
    let mut after = String::new();
    for (n, parameter) in prototype.parameters.iter().enumerate() {
        let of = elements(&parameter.ty).unwrap_or(Elements {
            bits: 8,
            lanes: 1,
            float: false,
            vector: false,
        });
        let (bits, float) = (of.bits, u8::from(of.float));
        match parameter.kind {
            Kind::Constant => arguments.push(constants.next().map_or(0, |c| *c).to_string()),
            Kind::Value => {
                let _ = write!(
                    text,
                    " {} a{n}; fill(&a{n}, sizeof a{n}, {bits}, {float});",
                    parameter.ty
                );
                arguments.push(format!("a{n}"));
            }
            Kind::Pointer => {
                let _ = write!(
                    text,
                    " static _Alignas(16) char m{n}[256]; fill(m{n}, sizeof m{n}, {bits}, {float});"
                );
                arguments.push(format!("(void *)m{n}"));
                let _ = write!(after, " out(m{n}, sizeof m{n});");
            }
        }
    }
    let call = format!("{}({})", prototype.name, arguments.join(", "));
    let _ = if prototype.result == "void" {
        write!(text, " begin(); {call}; end();")
    } else {
        write!(
            text,
            " begin(); *({0} *)result = {call}; end(); out(result, sizeof({0}));",
            prototype.result
        )
    };
    text + &after + " }\n"
}
