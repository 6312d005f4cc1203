//! The command lines of a plan. Paths are relative to the scratch directory, where the child starts.

use crate::arguments::Arguments;
use crate::probe::add_input_options;
use crate::sandbox::SOURCE;

use super::plan::{Encode, Rendition, SEGMENT_SECONDS, Sink, TranscodePlan, VideoEncode};

/// Where an encode that several packages share is kept when none of them is an MP4.
pub(super) const SHARED_DIRECTORY: &str = "shared";

impl TranscodePlan {
    /// The run that decodes the source once and encodes every rendition. `threads` is for the decoder and for each
    /// encoder.
    pub(super) fn encode_command(&self, threads: usize) -> Arguments {
        let mut arguments = start();
        add_input_options(&mut arguments);
        arguments.option("-threads", threads).option("-i", SOURCE);
        if let Some(graph) = self.filters() {
            arguments.option("-filter_complex", graph);
        }
        for (number, rendition) in self.renditions.iter().enumerate() {
            self.add_encode(&mut arguments, number, &rendition.encode, threads);
            match rendition.sinks.as_slice() {
                [only] => add_sink(&mut arguments, only),
                _ => add_mp4(&mut arguments, &rendition.shared_copy(number), rendition.shared_is_output()),
            }
        }
        arguments
    }

    /// The runs that put shared encodes into their other packages, without encoding again.
    pub(super) fn package_commands(&self) -> Vec<Arguments> {
        let shared = self.renditions.iter().enumerate().filter(|(_, rendition)| rendition.sinks.len() > 1);
        shared.map(|(number, rendition)| rendition.package_command(number)).collect()
    }

    /// One chain for each frame rate, split into one scaler for each rendition.
    fn filters(&self) -> Option<String> {
        let track = self.video_track?;
        let videos: Vec<(usize, &VideoEncode)> = self
            .renditions
            .iter()
            .enumerate()
            .filter_map(|(number, rendition)| Some((number, rendition.encode.video.as_ref()?)))
            .collect();
        let mut rates = Vec::new();
        for (_, video) in &videos {
            if !rates.contains(&video.rate) {
                rates.push(video.rate);
            }
        }
        let mut chains = vec![format!("[0:{track}]{}", split(rates.len(), "rate"))];
        for (position, rate) in rates.iter().enumerate() {
            let own: Vec<_> = videos.iter().filter(|(_, video)| video.rate == *rate).collect();
            let chain = split(own.len(), &format!("rate{position}size"));
            chains.push(format!("[rate{position}]fps={}/{},{chain}", rate.num, rate.den));
            for (place, (number, VideoEncode { width, height, .. })) in own.into_iter().enumerate() {
                chains.push(format!(
                    "[rate{position}size{place}]scale={width}:{height},setsar=1,format=yuv420p[v{number}]"
                ));
            }
        }
        Some(chains.join(";"))
    }

    fn add_encode(&self, arguments: &mut Arguments, number: usize, encode: &Encode, threads: usize) {
        if let Some(video) = &encode.video {
            let group = video.group();
            arguments.option("-map", format!("[v{number}]"));
            // The template's rate is a ceiling: constant quality below it saves bytes where the picture is easy.
            arguments.words("-c:v libx264 -preset veryfast -profile:v high -crf 23");
            arguments.option("-maxrate", format!("{}k", video.kbps));
            arguments.option("-bufsize", format!("{}k", 2 * video.kbps));
            // Key frames at fixed places only, the same in every rendition, so that a player can change between them.
            arguments.option("-g", group).option("-keyint_min", group).words("-sc_threshold 0");
            arguments.option("-threads", threads);
        }
        if let (Some(kbps), Some(track)) = (encode.audio_kbps, self.audio_track) {
            arguments.option("-map", format!("0:{track}"));
            arguments.words("-c:a aac -ar 44100 -ac 2 -af aresample=async=1");
            arguments.option("-b:a", format!("{kbps}k"));
        }
        // A stranger's tags may tell where they live.
        arguments.words("-map_metadata -1 -map_chapters -1");
    }
}

impl Rendition {
    /// The file of a shared encode: the MP4 among its packages, or one of our own.
    pub(super) fn shared_copy(&self, number: usize) -> String {
        let mp4 = self.sinks.iter().find(|sink| matches!(sink, Sink::Mp4 { .. }));
        mp4.map_or_else(|| format!("{SHARED_DIRECTORY}/{number}.mp4"), Sink::path)
    }

    fn shared_is_output(&self) -> bool {
        self.sinks.iter().any(|sink| matches!(sink, Sink::Mp4 { .. }))
    }

    fn package_command(&self, number: usize) -> Arguments {
        let copy = self.shared_copy(number);
        let mut arguments = start();
        add_input_options(&mut arguments);
        arguments.option("-i", format!("file:{copy}"));
        for sink in self.sinks.iter().filter(|sink| sink.path() != copy) {
            arguments.words("-map 0 -c copy -map_metadata -1");
            add_sink(&mut arguments, sink);
        }
        arguments
    }
}

fn start() -> Arguments {
    let mut arguments = Arguments::default();
    arguments.words("-nostdin -y -hide_banner -v error -nostats -progress pipe:1");
    arguments
}

fn split(outputs: usize, name: &str) -> String {
    let labels: String = (0..outputs).map(|output| format!("[{name}{output}]")).collect();
    format!("split={outputs}{labels}")
}

fn add_sink(arguments: &mut Arguments, sink: &Sink) {
    match sink {
        Sink::Mp4 { .. } => add_mp4(arguments, &sink.path(), true),
        Sink::Hls { definition, name } => {
            arguments.words("-f hls -hls_playlist_type vod -hls_list_size 0 -hls_flags independent_segments");
            arguments.option("-hls_time", SEGMENT_SECONDS);
            arguments.option("-hls_segment_filename", format!("{definition}/{name}_%05d.ts"));
            arguments.one(sink.path());
        }
    }
}

/// `played` files get their index moved to the front, so that they can start before they are all there.
fn add_mp4(arguments: &mut Arguments, path: &str, played: bool) {
    if played {
        arguments.words("-movflags +faststart");
    }
    arguments.words("-f mp4").one(path);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::{Output, Quality, Refusal, templates};
    use crate::probe::{AudioStream, FrameRate, Probe, VideoStream};

    const VIDEO: &str = "-c:v libx264 -preset veryfast -profile:v high -crf 23";
    const KEYS: &str = "-g 144 -keyint_min 144 -sc_threshold 0 -threads 2";
    const AUDIO: &str = "-map 0:1 -c:a aac -ar 44100 -ac 2 -af aresample=async=1";
    const HLS: &str =
        "-f hls -hls_playlist_type vod -hls_list_size 0 -hls_flags independent_segments -hls_time 6";
    const NO_TAGS: &str = "-map_metadata -1 -map_chapters -1";

    fn source(width: u32, height: u32) -> Probe {
        Probe {
            container: "mov,mp4,m4a,3gp,3g2,mj2".into(),
            brand: "isom".into(),
            size: 1,
            duration: 43.7,
            video_duration: 43.7,
            audio_duration: 43.7,
            bitrate: 1,
            video: vec![VideoStream {
                index: 0,
                codec: "h264".into(),
                codec_tag: "avc1".into(),
                profile: "Main".into(),
                level: 31,
                width,
                height,
                pixel_aspect: 1.0,
                rotate: 0,
                frame_rate: Some(FrameRate { num: 24, den: 1 }),
                bitrate: 0,
            }],
            audio: vec![AudioStream {
                index: 1,
                codec: "aac".into(),
                sample_rate: 44_100,
                channels: 2,
                bitrate: 0,
            }],
        }
    }

    fn adaptive(definition: u32) -> Output {
        templates::adaptive(definition).unwrap()
    }

    fn mp4(definition: u32) -> Output {
        templates::transcode(definition).unwrap()
    }

    /// Everything after the input, which is the same in all.
    fn after_input(arguments: &Arguments) -> String {
        arguments.to_string().split_once(" -i ").unwrap().1.to_owned()
    }

    #[test]
    fn the_short_video_encodes_720p_once_for_both_packages() {
        let plan = TranscodePlan::new(&source(1280, 720), &[adaptive(900_020), mp4(100_030)]);
        let expected = format!(
            "file:/proc/self/fd/0 -filter_complex [0:0]split=1[rate0];[rate0]fps=24/1,split=2[rate0size0][rate0size1];\
             [rate0size0]scale=640:360,setsar=1,format=yuv420p[v0];\
             [rate0size1]scale=1280:720,setsar=1,format=yuv420p[v1] \
             -map [v0] {VIDEO} -maxrate 400k -bufsize 800k {KEYS} {AUDIO} -b:a 64k {NO_TAGS} \
             {HLS} -hls_segment_filename 900020/v360_%05d.ts 900020/v360.m3u8 \
             -map [v1] {VIDEO} -maxrate 1800k -bufsize 3600k {KEYS} {AUDIO} -b:a 128k {NO_TAGS} \
             -movflags +faststart -f mp4 v.f100030.mp4"
        );
        assert_eq!(after_input(&plan.encode_command(2)), expected);
        let [package] = plan.package_commands().try_into().unwrap();
        let expected = format!(
            "file:v.f100030.mp4 -map 0 -c copy -map_metadata -1 {HLS} \
             -hls_segment_filename 900020/v720_%05d.ts 900020/v720.m3u8"
        );
        assert_eq!(after_input(&package), expected);
    }

    #[test]
    fn every_input_is_read_with_the_same_guards() {
        let plan = TranscodePlan::new(&source(1280, 720), &[adaptive(900_020), mp4(100_030)]);
        for command in plan.package_commands().into_iter().chain([plan.encode_command(1)]) {
            let text = command.to_string();
            let guards = "-progress pipe:1 -protocol_whitelist file -format_whitelist mov,";
            assert!(text.contains(guards) && text.contains(" -max_pixels 67108864 "), "{text}");
        }
    }

    #[test]
    fn rungs_above_the_source_are_left_out_but_one_stays() {
        let names = |width, height| -> Vec<String> {
            let plan = TranscodePlan::new(&source(width, height), &[adaptive(10)]);
            plan.renditions.iter().flat_map(|rendition| rendition.sinks.iter().map(Sink::path)).collect()
        };
        assert_eq!(names(1280, 720), ["10/v240.m3u8", "10/v480.m3u8", "10/v720.m3u8"]);
        assert_eq!(names(720, 1280), ["10/v240.m3u8", "10/v480.m3u8", "10/v720.m3u8"]);
        assert_eq!(names(1278, 718), ["10/v240.m3u8", "10/v480.m3u8"]);
        assert_eq!(names(160, 120), ["10/v120.m3u8"]);
    }

    #[test]
    fn sound_alone_makes_one_stream_and_refuses_video_outputs() {
        let mut sound = source(2, 2);
        sound.video.clear();
        let plan = TranscodePlan::new(&sound, &[adaptive(10), mp4(100_030)]);
        let expected = format!(
            "file:/proc/self/fd/0 {AUDIO} -b:a 48k {NO_TAGS} {HLS} -hls_segment_filename 10/audio_%05d.ts 10/audio.m3u8"
        );
        assert_eq!(after_input(&plan.encode_command(2)), expected);
        assert_eq!((plan.refused()[0].definition, plan.refused()[0].reason), (100_030, Refusal::NoVideo));
    }

    #[test]
    fn silence_is_no_track_and_pictures_are_refused() {
        let mut silent = source(1280, 720);
        silent.audio.clear();
        let text = TranscodePlan::new(&silent, &[mp4(100_030)]).encode_command(2).to_string();
        assert!(!text.contains("-c:a") && text.contains("-c:v"), "{text}");

        let mut still = source(1280, 720);
        still.container = "png_pipe".into();
        let plan = TranscodePlan::new(&still, &[adaptive(10), mp4(100_030)]);
        assert!(plan.is_empty());
        assert_eq!(plan.refused().len(), 2);
    }

    #[test]
    fn shared_encodes_without_an_mp4_are_kept_aside() {
        let quality = Quality { short_side: 360, fps: 24, video_kbps: 400, audio_kbps: 64 };
        let twice = [1, 2].map(|definition| Output::Adaptive { definition, rungs: vec![quality] });
        let plan = TranscodePlan::new(&source(1280, 720), &twice);
        assert!(plan.encode_command(2).to_string().ends_with("-f mp4 shared/0.mp4"));
        let [package] = plan.package_commands().try_into().unwrap();
        assert!(after_input(&package).starts_with("file:shared/0.mp4 "));
        assert_eq!(package.to_string().matches("-c copy").count(), 2);
    }

    #[test]
    fn different_frame_rates_are_made_side_by_side() {
        let mut fast = source(1280, 720);
        fast.video[0].frame_rate = Some(FrameRate { num: 60, den: 1 });
        let plan = TranscodePlan::new(&fast, &[adaptive(10), mp4(100_030)]);
        let graph = plan.filters().unwrap();
        assert!(graph.starts_with("[0:0]split=2[rate0][rate1];[rate0]fps=24/1,split=3"), "{graph}");
        assert!(graph.contains("[rate1]fps=25/1,split=1[rate1size0];[rate1size0]scale=1280:720"), "{graph}");
    }
}
