//! ffprobe's JSON and ffmpeg's progress lines, both written about (and partly by) a stranger's file: every number is
//! checked before it is believed.

use serde::Deserialize;

use super::types::{AudioStream, FrameRate, Probe, VideoStream, average_bitrate};

/// Longest duration that is believed: a year. Damaged time stamps give thousands of them.
const LONGEST: f64 = 366.0 * 86_400.0;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Format {
    format_name: String,
    duration: String,
    bit_rate: String,
    tags: FormatTags,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct FormatTags {
    major_brand: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Stream {
    index: u32,
    codec_type: String,
    codec_name: String,
    codec_tag_string: String,
    profile: String,
    level: i64,
    width: u32,
    height: u32,
    sample_aspect_ratio: String,
    avg_frame_rate: String,
    r_frame_rate: String,
    bit_rate: String,
    duration: String,
    sample_rate: String,
    channels: u32,
    tags: StreamTags,
    disposition: Disposition,
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StreamTags {
    rotate: String,
    #[serde(rename = "DURATION")]
    duration: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Disposition {
    attached_pic: u32,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SideData {
    rotation: Option<f64>,
}

/// Understands ffprobe's answer about a file of `size` bytes.
pub(super) fn answer(json: &[u8], size: u64) -> Result<Probe, serde_json::Error> {
    let Answer { streams, format } = serde_json::from_slice(json)?;
    let is_still = format.format_name.ends_with("_pipe");
    let duration = if is_still { 0.0 } else { seconds(&format.duration) };
    let of_kind = |kind: &'static str| streams.iter().filter(move |stream| stream.codec_type == kind);
    let lasting = |stream: &Stream| if is_still { 0.0 } else { stream.lasts(duration) };
    let video: Vec<&Stream> = of_kind("video")
        .filter(|stream| stream.disposition.attached_pic == 0 && stream.is_visible())
        .collect();
    let audio: Vec<&Stream> = of_kind("audio").filter(|stream| stream.is_known()).collect();
    let mut probe = Probe {
        container: format.format_name,
        brand: format.tags.major_brand,
        size,
        duration,
        video_duration: video.first().map_or(0.0, |stream| lasting(stream)),
        audio_duration: audio.first().map_or(0.0, |stream| lasting(stream)),
        bitrate: number(&format.bit_rate).unwrap_or_else(|| average_bitrate(size, duration)),
        video: video.into_iter().map(Stream::to_video).collect(),
        audio: audio.into_iter().map(Stream::to_audio).collect(),
    };
    if probe.duration == 0.0 {
        probe.duration = probe.video_duration.max(probe.audio_duration);
    }
    Ok(probe)
}

impl Stream {
    /// ffprobe leaves the name out when no decoder knows the codec.
    fn is_known(&self) -> bool {
        !self.codec_name.is_empty() && self.codec_name != "unknown"
    }

    fn is_visible(&self) -> bool {
        self.is_known() && self.width > 0 && self.height > 0
    }

    fn lasts(&self, whole: f64) -> f64 {
        [seconds(&self.duration), clock(&self.tags.duration), whole]
            .into_iter()
            .find(|&seconds| seconds > 0.0)
            .unwrap_or(0.0)
    }

    fn rotate(&self) -> u32 {
        // The side data counts counter-clockwise, the old tag clockwise.
        let side = self.side_data_list.iter().find_map(|data| data.rotation).map(|degrees| -degrees);
        let clockwise =
            side.or_else(|| self.tags.rotate.parse().ok()).filter(|degrees: &f64| degrees.is_finite());
        let quarters = (clockwise.unwrap_or(0.0) / 90.0).round().rem_euclid(4.0);
        quarters as u32 * 90
    }

    fn to_video(&self) -> VideoStream {
        VideoStream {
            index: self.index,
            codec: self.codec_name.clone(),
            codec_tag: readable_tag(&self.codec_tag_string),
            profile: self.profile.clone(),
            level: u32::try_from(self.level).unwrap_or(0),
            width: self.width,
            height: self.height,
            pixel_aspect: pixel_aspect(&self.sample_aspect_ratio),
            rotate: self.rotate(),
            frame_rate: rate(&self.avg_frame_rate, 240.0).or_else(|| rate(&self.r_frame_rate, 120.0)),
            bitrate: number(&self.bit_rate).unwrap_or(0),
        }
    }

    fn to_audio(&self) -> AudioStream {
        AudioStream {
            index: self.index,
            codec: self.codec_name.clone(),
            sample_rate: number(&self.sample_rate).and_then(|rate| u32::try_from(rate).ok()).unwrap_or(0),
            channels: self.channels,
            bitrate: number(&self.bit_rate).unwrap_or(0),
        }
    }
}

/// The last `out_time_us` of ffmpeg's `-progress` output, in seconds; 0 when there was none.
pub(super) fn last_out_time(progress: &str) -> f64 {
    let micros = progress.lines().rev().filter_map(|line| line.strip_prefix("out_time_us="));
    let micros = micros.filter_map(|text| text.trim().parse::<f64>().ok()).find(|&micros| micros > 0.0);
    believable(micros.unwrap_or(0.0) / 1e6)
}

/// Tags of containers that have none look like `[0][0][0][0]`.
fn readable_tag(tag: &str) -> String {
    if tag.starts_with('[') { String::new() } else { tag.to_owned() }
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

fn seconds(text: &str) -> f64 {
    believable(text.parse().unwrap_or(0.0))
}

fn believable(seconds: f64) -> f64 {
    if seconds.is_finite() && (0.0..=LONGEST).contains(&seconds) { seconds } else { 0.0 }
}

/// `HH:MM:SS.fraction`, as Matroska tags write durations.
fn clock(text: &str) -> f64 {
    let total =
        text.split(':').try_fold(0.0, |total, part| Some(total * 60.0 + part.trim().parse::<f64>().ok()?));
    believable(total.unwrap_or(0.0))
}

/// `num/den`, when it is above 0 and at most `most`: containers without a rate say `0/0` or their clock's rate.
fn rate(text: &str, most: f64) -> Option<FrameRate> {
    let (num, den) = text.split_once('/')?;
    let rate = FrameRate { num: num.parse().ok()?, den: den.parse().ok()? };
    (rate.num > 0 && rate.den > 0 && rate.per_second() <= most).then_some(rate)
}

/// `num:den`, or 1.0 for what is absent or absurd.
fn pixel_aspect(text: &str) -> f64 {
    let aspect =
        text.split_once(':').and_then(|(num, den)| Some(num.parse::<f64>().ok()? / den.parse::<f64>().ok()?));
    aspect.filter(|aspect| (0.1..=10.0).contains(aspect)).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(fields: &str) -> Probe {
        let json = format!(
            r#"{{"streams":[{{"index":0,"codec_type":"video","codec_name":"h264","width":1920,"height":1080{fields}}}],
                "format":{{"format_name":"mov,mp4,m4a,3gp,3g2,mj2","duration":"12.5"}}}}"#
        );
        answer(json.as_bytes(), 1000).unwrap()
    }

    #[test]
    fn rotation_is_clockwise_from_either_source() {
        let check = |fields: &str, rotate: u32, width: u32| {
            let probe = video(fields);
            assert_eq!((probe.rotate(), probe.width()), (rotate, width), "{fields}");
        };
        check("", 0, 1920);
        check(r#","side_data_list":[{"rotation":-90}]"#, 90, 1080);
        check(r#","side_data_list":[{},{"rotation":90}]"#, 270, 1080);
        check(r#","tags":{"rotate":"180"}"#, 180, 1920);
        check(r#","side_data_list":[{"rotation":-7}]"#, 0, 1920);
    }

    #[test]
    fn absurd_numbers_are_not_believed() {
        let probe = video(r#","avg_frame_rate":"0/0","r_frame_rate":"90000/1","sample_aspect_ratio":"0:1""#);
        assert_eq!(probe.video[0].frame_rate, None);
        assert_eq!(probe.video[0].pixel_aspect, 1.0);
        assert_eq!(seconds("-5"), 0.0);
        assert_eq!(seconds("9e300"), 0.0);
        assert_eq!(seconds("nan"), 0.0);
        assert_eq!(clock("00:01:05.5"), 65.5);
        assert_eq!(clock("x"), 0.0);
    }

    #[test]
    fn anamorphic_video_is_displayed_wider_than_it_is_coded() {
        let probe = video(r#","sample_aspect_ratio":"4:3""#);
        assert_eq!(probe.video[0].displayed(), (2560, 1080));
        assert_eq!((probe.width(), probe.height()), (1920, 1080));
    }

    #[test]
    fn covers_inside_audio_are_not_video() {
        let json = br#"{"streams":[{"codec_type":"video","codec_name":"mjpeg","width":5,"height":5,
            "disposition":{"attached_pic":1}},{"index":1,"codec_type":"audio","codec_name":"mp3","sample_rate":"44100"}],
            "format":{"format_name":"mp3","duration":"3"}}"#;
        let probe = answer(json, 3000).unwrap();
        assert!(probe.video.is_empty() && !probe.has_moving_video());
        assert_eq!((probe.audio[0].sample_rate, probe.bitrate), (44100, 8000));
        assert_eq!(probe.content_type(), "audio/mpeg");
    }

    #[test]
    fn served_types_come_from_what_was_found() {
        let check = |container: &str, codec: &str, expected: &str| {
            let mut probe = video("");
            probe.container = container.to_owned();
            probe.video[0].codec = codec.to_owned();
            assert_eq!(probe.content_type(), expected);
        };
        check("mov,mp4,m4a,3gp,3g2,mj2", "h264", "video/mp4");
        check("matroska,webm", "vp9", "video/webm");
        check("matroska,webm", "h264", "video/x-matroska");
        check("jpeg_pipe", "mjpeg", "image/jpeg");
        check("mxf", "mpeg2video", "application/octet-stream");
    }

    #[test]
    fn progress_gives_the_last_time() {
        assert_eq!(last_out_time("out_time_us=1\nout_time_us=2500000\nout_time_us=N/A\nprogress=end\n"), 2.5);
        assert_eq!(last_out_time(""), 0.0);
    }
}
