//! Tells the linker where the binary starts.

fn main() {
    println!("cargo:rustc-link-arg-bin=anyarch=-Wl,-e,anyarch_start");
    println!("cargo:rerun-if-changed=build.rs");
}
