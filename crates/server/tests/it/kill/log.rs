//! The access log of the server that runs now.

use std::path::Path;

use serde::Deserialize;

/// The fields that say how far an upload came.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) status: u16,
    #[serde(default)]
    pub(super) part: Option<u32>,
}

impl Line {
    /// An answered call of the UGC door.
    pub(super) fn is_ugc(&self) -> bool {
        self.path == "/v3/index.php" && self.status == 200
    }

    /// An answered Initiate or Complete.
    pub(super) fn is_object_post(&self) -> bool {
        self.method == "POST" && self.path.starts_with("/cos/") && self.status == 200 && self.part.is_none()
    }
}

/// Complete lines; the last one of a killed server may be cut.
pub(super) fn read(path: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}
