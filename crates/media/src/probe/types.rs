//! What a probe says, in our words.

/// A rational number of frames in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRate {
    /// Numerator, above 0.
    pub num: u32,
    /// Denominator, above 0.
    pub den: u32,
}

impl FrameRate {
    /// Frames in a second.
    pub fn per_second(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }
}

/// One video track. Attached pictures (covers inside audio files) are not among them.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoStream {
    /// Number among all tracks of the file, for `-map 0:{index}`.
    pub index: u32,
    /// ffprobe's name, such as `h264`.
    pub codec: String,
    /// Four-character code of the container, such as `avc1`; empty where it has none.
    pub codec_tag: String,
    /// ffprobe's name of the profile, such as `High`; empty when unknown.
    pub profile: String,
    /// The codec's number for the level (31 = 3.1 for H.264); 0 when unknown.
    pub level: u32,
    /// Width as coded, in pixels, before rotation.
    pub width: u32,
    /// Height as coded, in pixels, before rotation.
    pub height: u32,
    /// Width of a pixel divided by its height, as coded; 1.0 unless anamorphic.
    pub pixel_aspect: f64,
    /// Degrees clockwise that a player turns it by: 0, 90, 180 or 270.
    pub rotate: u32,
    /// Average frames in a second, where the container tells something believable.
    pub frame_rate: Option<FrameRate>,
    /// Bits in a second; 0 when the container does not say.
    pub bitrate: u64,
}

impl VideoStream {
    /// Frames in a second, 0.0 when unknown.
    pub fn fps(&self) -> f64 {
        self.frame_rate.map_or(0.0, FrameRate::per_second)
    }

    /// Width and height as a viewer sees them, in square pixels: stretched by the pixel aspect, then turned.
    pub fn displayed(&self) -> (u32, u32) {
        let stretched = f64::from(self.width) * self.pixel_aspect;
        // Pixel aspects are limited to 1/10..10 when parsed, and widths to 2^26: the product fits.
        self.turned((stretched.round() as u32).max(1), self.height)
    }

    /// Width and height in coded pixels, after rotation.
    pub fn upright(&self) -> (u32, u32) {
        self.turned(self.width, self.height)
    }

    fn turned(&self, width: u32, height: u32) -> (u32, u32) {
        if self.rotate % 180 == 90 { (height, width) } else { (width, height) }
    }
}

/// One audio track.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioStream {
    /// Number among all tracks of the file, for `-map 0:{index}`.
    pub index: u32,
    /// ffprobe's name, such as `aac`.
    pub codec: String,
    /// Samples in a second.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u32,
    /// Bits in a second; 0 when the container does not say.
    pub bitrate: u64,
}

/// What a file is. All durations are seconds, 0.0 when there is nothing that lasts (a still) or nothing is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// ffprobe's name of the container, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    pub container: String,
    /// Major brand of the ISO family (`isom`, `qt  `); empty elsewhere.
    pub brand: String,
    /// Bytes.
    pub size: u64,
    /// Length of the whole.
    pub duration: f64,
    /// Length of the first video track.
    pub video_duration: f64,
    /// Length of the first audio track.
    pub audio_duration: f64,
    /// Bits in a second, of the whole.
    pub bitrate: u64,
    /// Video tracks in file order; the first is the one that is used.
    pub video: Vec<VideoStream>,
    /// Audio tracks in file order; the first is the one that is used.
    pub audio: Vec<AudioStream>,
}

impl Probe {
    /// Width of the first video track after rotation, 0 without one.
    pub fn width(&self) -> u32 {
        self.video.first().map_or(0, |stream| stream.upright().0)
    }

    /// Height of the first video track after rotation, 0 without one.
    pub fn height(&self) -> u32 {
        self.video.first().map_or(0, |stream| stream.upright().1)
    }

    /// Degrees clockwise that a player turns the first video track by.
    pub fn rotate(&self) -> u32 {
        self.video.first().map_or(0, |stream| stream.rotate)
    }

    /// Frames in a second of the first video track, 0.0 when unknown.
    pub fn fps(&self) -> f64 {
        self.video.first().map_or(0.0, VideoStream::fps)
    }

    /// A picture rather than a video. An animated GIF counts as a video.
    pub fn is_still(&self) -> bool {
        self.container.ends_with("_pipe")
    }

    /// There is something that moves.
    pub fn has_moving_video(&self) -> bool {
        !self.video.is_empty() && !self.is_still()
    }

    /// The type to serve these bytes under. It names only media that a browser does not execute; everything else is
    /// `application/octet-stream`.
    pub fn content_type(&self) -> &'static str {
        let seen = !self.video.is_empty();
        let one = |with_video, audio_only| if seen { with_video } else { audio_only };
        match self.container.as_str() {
            "mov,mp4,m4a,3gp,3g2,mj2" => match self.brand.as_str() {
                "qt  " => "video/quicktime",
                brand if brand.starts_with("3g") => one("video/3gpp", "audio/3gpp"),
                _ => one("video/mp4", "audio/mp4"),
            },
            "matroska,webm" if self.is_webm() => one("video/webm", "audio/webm"),
            "matroska,webm" => one("video/x-matroska", "audio/x-matroska"),
            "mpegts" => "video/mp2t",
            "mpeg" | "mpegvideo" => "video/mpeg",
            "flv" => "video/x-flv",
            "avi" => "video/x-msvideo",
            "asf" => one("video/x-ms-wmv", "audio/x-ms-wma"),
            "ogg" => one("video/ogg", "audio/ogg"),
            "wav" => "audio/wav",
            "mp3" => "audio/mpeg",
            "aac" => "audio/aac",
            "flac" => "audio/flac",
            "amr" | "amrnb" => "audio/amr",
            "jpeg_pipe" => "image/jpeg",
            "png_pipe" => "image/png",
            "webp_pipe" => "image/webp",
            "bmp_pipe" => "image/bmp",
            "gif" => "image/gif",
            _ => "application/octet-stream",
        }
    }

    /// WebM is Matroska with these codecs and no others (WebM container guidelines).
    fn is_webm(&self) -> bool {
        self.video.iter().all(|stream| ["vp8", "vp9", "av1"].contains(&stream.codec.as_str()))
            && self.audio.iter().all(|stream| ["opus", "vorbis"].contains(&stream.codec.as_str()))
    }

    /// Fills in what the container did not state.
    pub(super) fn set_measured_duration(&mut self, seconds: f64) {
        self.duration = seconds;
        for (empty, own) in [
            (self.video.is_empty(), &mut self.video_duration),
            (self.audio.is_empty(), &mut self.audio_duration),
        ] {
            if !empty && *own == 0.0 {
                *own = seconds;
            }
        }
        self.bitrate = average_bitrate(self.size, seconds);
    }
}

/// Bits in a second; 0 for nothing that lasts.
pub(super) fn average_bitrate(size: u64, seconds: f64) -> u64 {
    if seconds > 0.0 { (size as f64 * 8.0 / seconds) as u64 } else { 0 }
}
