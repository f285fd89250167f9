//! Lists the migration files, so that adding one is adding a file: writes `(number, name, text)` arrays that
//! `src/migrate/files.rs` includes. A gap or a doubled number stops the build.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let mut code = String::new();
    for (name, folder) in [("CONTROL", "control"), ("CELL", "cell"), ("WORKSPACE", "workspace")] {
        let folder = Path::new(&root).join("migrations").join(folder);
        println!("cargo:rerun-if-changed={}", folder.display());
        writeln!(code, "pub(super) const {name}: &[File] = &[").expect("writing to a string");
        for (index, file) in sql_files(&folder).iter().enumerate() {
            let number = index + 1;
            let path = folder.join(file);
            println!("cargo:rerun-if-changed={}", path.display());
            assert!(
                file.starts_with(&format!("{number:04}_")),
                "{}: expected the number {number:04} here; migrations are numbered without gaps as NNNN_name.sql",
                path.display()
            );
            writeln!(code, "    File {{ number: {number}, name: {file:?}, sql: include_str!({path:?}) }},")
                .expect("writing to a string");
        }
        writeln!(code, "];").expect("writing to a string");
    }
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("migrations.rs");
    fs::write(&out, code).expect("the build folder can be written");
}

fn sql_files(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".sql"))
        .collect();
    files.sort();
    files
}
