//! The WebVTT file that tells a player which cell of which sheet shows which time.

use std::fmt::Write;

use super::plan::{Sampling, Sprite};

/// One cue for each cell. Sheets are named relative to the file itself.
pub(super) fn webvtt(sprite: &Sprite, cells: &Sampling) -> String {
    let Sprite { cell_width, cell_height, columns, rows, .. } = *sprite;
    let on_sheet = u64::from(columns) * u64::from(rows);
    let mut text = "WEBVTT\n".to_owned();
    for cell in 0..cells.count {
        let place = cell % on_sheet;
        let x = place % u64::from(columns) * u64::from(cell_width);
        let y = place / u64::from(columns) * u64::from(cell_height);
        let (from, until) = (clock(cells.time_ms(cell)), clock(cells.until_ms(cell)));
        let sheet = cell / on_sheet;
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n{from} --> {until}\nsprite_{sheet}.jpg#xywh={x},{y},{cell_width},{cell_height}\n"
        );
    }
    text
}

fn clock(ms: u64) -> String {
    let (seconds, minutes, hours) = (ms / 1000 % 60, ms / 60_000 % 60, ms / 3_600_000);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_go_along_rows_and_on_to_the_next_sheet() {
        let cells = Sampling { interval_ms: 10_000, count: 112, end_ms: 1_115_500 };
        let text = webvtt(&Sprite::TEMPLATE_10, &cells);
        assert!(
            text.starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:10.000\nsprite_0.jpg#xywh=0,0,142,80\n"),
            "{text}"
        );
        assert!(
            text.contains("\n00:01:50.000 --> 00:02:00.000\nsprite_0.jpg#xywh=142,80,142,80\n"),
            "{text}"
        );
        assert!(
            text.ends_with("\n00:18:30.000 --> 00:18:35.500\nsprite_1.jpg#xywh=142,80,142,80\n"),
            "{text}"
        );
    }
}
