//! Which files make up the page? A table of them, so that the binary holds the page and needs nothing beside it.

use std::{env, fmt::Write as _, fs, path::Path};

/// Folders of the page, under the paths that browsers ask for.
const FOLDERS: &[&str] = &["web", "clients/ts/dist"];
/// What browsers are given; beside it lie sources of tests and types.
const SERVED: &[&str] = &["html", "css", "js", "svg", "webmanifest"];

fn main() {
    let crate_dir = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let root = Path::new(&crate_dir).parent().expect("the workspace lies above");
    let mut table = String::from("&[\n");
    // Not the folders: cargo would look at all that lies in them, and `npm ci` lays down and takes away a lot. A new file
    // is of no use until one that is here names it.
    println!("cargo::rerun-if-changed=build.rs");
    for folder in FOLDERS {
        let entries = fs::read_dir(root.join(folder)).expect("the folder is part of the tree");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
        files.sort();
        for file in files {
            let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            let name = file.file_name().and_then(|name| name.to_str()).expect("our names are UTF-8");
            if !file.is_file() || !SERVED.contains(&extension) || name.contains(".config.") {
                continue;
            }
            println!("cargo::rerun-if-changed={}", file.display());
            writeln!(
                table,
                "    ({:?}, include_bytes!({:?})),",
                format!("/{folder}/{name}"),
                file.display().to_string()
            )
            .expect("writing to a string");
        }
    }
    table.push(']');
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("page_files.rs"), table).expect("cargo's folder can be written");
}
