//! Both engines get the same migrations under the same names; nobody may forget one.

use crate::tree;

const FOLDER: &str = "crates/store/migrations/";

#[test]
fn both_engines_have_the_same_migrations() {
    let files = tree::files();
    let of = |engine: &str| -> Vec<String> {
        let prefix = format!("{FOLDER}{engine}/");
        files.iter().filter_map(|file| file.path.strip_prefix(&prefix)).map(str::to_owned).collect()
    };
    let (sqlite, postgres) = (of("sqlite"), of("postgres"));
    assert!(!sqlite.is_empty(), "{FOLDER}sqlite holds no migration");
    assert_eq!(sqlite, postgres, "the two folders under {FOLDER} differ");
}
