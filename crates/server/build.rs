//! Embeds the console again when it was built again. The files in it are watched because they are included; what has
//! to be noticed here is that they appear or get other names.

use std::path::Path;

fn main() {
    let web = Path::new("../../web");
    let dist = web.join("dist");
    if web.is_dir() {
        // A path that does not exist counts as changed at every build, so there is always a directory to watch.
        let _ = std::fs::create_dir_all(&dist);
        println!("cargo::rerun-if-changed={}", dist.display());
    }
    println!("cargo::rerun-if-changed=build.rs");
}
