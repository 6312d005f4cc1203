//! The head of a file decides whether it is taken at all: as soon as its first bytes are there, and long before the last.
//!
//! Only the container is looked at, by its magic and never by its name; tracks and duration are for Commit, since phones
//! write the index behind the pictures. Nothing is decoded: a handful of comparisons on at most 4 KiB.

use bytes::Bytes;
use futures_util::Stream;
use reelgate_store::Session;

use super::bytes::BytesError;
use super::pace::Pace;
use crate::app::App;

/// Bytes that are looked at.
const HEAD: usize = 4096;
/// Fewer than these say nothing, when more are to come.
const LEAST: usize = 16;

/// Kinds of files, by what their first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    /// ISO base media and `QuickTime`: mp4, mov, m4a, 3gp.
    IsoMedia,
    Matroska,
    Avi,
    Flv,
    MpegTs,
    MpegPs,
    Asf,
    Ogg,
    RealMedia,
    Mxf,
    Wav,
    Mp3,
    Aac,
    Flac,
    Amr,
    /// jpg, png, gif, webp, bmp, tiff, heic.
    Picture,
}

/// Reads the first bytes of `body` behind `key`, which will have `length` bytes, and looks at them. They are returned, to be
/// stored first.
pub(super) async fn look<S>(
    app: &App,
    session: &Session,
    key: &str,
    length: u64,
    pace: &mut Pace,
    body: &mut S,
) -> Result<Vec<Bytes>, BytesError>
where
    S: Stream<Item = Result<Bytes, BytesError>> + Unpin + Send,
{
    // Nothing at all is refused by Commit, with words of its own.
    if !app.config.upload.sniff || length == 0 {
        return Ok(Vec::new());
    }
    let (mut opening, mut size) = (Vec::new(), 0);
    while size < HEAD {
        let Some(bytes) = pace.next(body).await? else { break };
        size += bytes.len();
        opening.push(bytes);
    }
    let mut head = opening.concat();
    head.truncate(HEAD);
    if head.len() < LEAST && (head.len() as u64) < length {
        return Ok(opening);
    }
    judge(session, key, &head).map_err(BytesError::NotAllowedMedia)?;
    Ok(opening)
}

fn judge(session: &Session, key: &str, head: &[u8]) -> Result<(), String> {
    let request = &session.request;
    let found = container(head);
    if key == request.cover_key {
        return match found {
            Some(Container::Picture) => Ok(()),
            _ => Err("the file does not begin as a picture does; a cover is a JPEG, PNG, GIF, WebP, BMP, TIFF or HEIC".to_owned()),
        };
    }
    let announced = family(&request.video_type);
    let Some(found) = found else {
        return Err(
            "the file does not begin as a video or audio file does; send media, in a container that is known here".to_owned()
        );
    };
    // A picture is a media of its own, when it is announced as one.
    if (found == Container::Picture) != (announced == Some(Container::Picture)) {
        return Err(format!(
            "the file was announced as {:?} but does not begin as one; send what was announced",
            request.video_type
        ));
    }
    let allowed = |kind: &String| family(kind).is_none_or(|kind| kind == found);
    if !request.types.is_empty() && !request.types.iter().any(allowed) {
        let types = request.types.join(", ");
        return Err(format!(
            "the file begins as none of the types that this permission allows does: {types}"
        ));
    }
    Ok(())
}

/// What a file of this type (an extension) begins as; `None`: not known.
fn family(kind: &str) -> Option<Container> {
    Some(match kind.to_ascii_lowercase().as_str() {
        "mp4" | "m4v" | "mov" | "qt" | "m4a" | "3gp" | "3g2" | "f4v" | "mj2" => Container::IsoMedia,
        "mkv" | "webm" | "mka" => Container::Matroska,
        "avi" => Container::Avi,
        "flv" => Container::Flv,
        "ts" | "mts" | "m2ts" => Container::MpegTs,
        "mpg" | "mpeg" | "vob" => Container::MpegPs,
        "wmv" | "asf" | "wma" => Container::Asf,
        "ogg" | "ogv" | "oga" | "opus" => Container::Ogg,
        "rm" | "rmvb" | "ra" => Container::RealMedia,
        "mxf" => Container::Mxf,
        "wav" => Container::Wav,
        "mp3" => Container::Mp3,
        "aac" => Container::Aac,
        "flac" => Container::Flac,
        "amr" => Container::Amr,
        "jpg" | "jpeg" | "png" | "gif" | "webp" | "bmp" | "tif" | "tiff" | "heic" | "heif" => {
            Container::Picture
        }
        _ => return None,
    })
}

/// What the bytes begin as.
fn container(head: &[u8]) -> Option<Container> {
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    let riff = |kind: &[u8]| at(0, b"RIFF") && at(8, kind);
    // Older QuickTime files begin with another atom than its type.
    let atoms: [&[u8]; 7] = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"];
    Some(match () {
        () if at(4, b"ftyphei") || at(4, b"ftypmif1") || at(4, b"ftypavif") => Container::Picture,
        () if atoms.iter().any(|atom| at(4, atom)) => Container::IsoMedia,
        () if at(0, &[0x1a, 0x45, 0xdf, 0xa3]) => Container::Matroska,
        () if riff(b"AVI ") => Container::Avi,
        () if riff(b"WAVE") || at(0, b"RF64") => Container::Wav,
        () if riff(b"WEBP") => Container::Picture,
        () if at(0, b"FLV\x01") => Container::Flv,
        () if is_mpeg_ts(head) => Container::MpegTs,
        () if at(0, &[0, 0, 1, 0xba]) || at(0, &[0, 0, 1, 0xb3]) => Container::MpegPs,
        () if at(0, &[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11]) => Container::Asf,
        () if at(0, b"OggS") => Container::Ogg,
        () if at(0, b".RMF") || at(0, b".ra\xfd") => Container::RealMedia,
        () if at(0, &[0x06, 0x0e, 0x2b, 0x34, 0x02, 0x05, 0x01, 0x01]) => Container::Mxf,
        () if at(0, b"fLaC") => Container::Flac,
        () if at(0, b"#!AMR") => Container::Amr,
        () if at(0, b"ID3") => Container::Mp3,
        () if at(0, &[0xff, 0xd8, 0xff]) || at(0, b"\x89PNG\r\n\x1a\n") => Container::Picture,
        () if at(0, b"GIF8") || at(0, b"II*\0") || at(0, b"MM\0*") || is_bmp(head) => Container::Picture,
        () => return audio_frame(head),
    })
}

/// Packets of 188 bytes, or of 192 with a time before each, that all begin with the sync byte.
fn is_mpeg_ts(head: &[u8]) -> bool {
    let packets = |first: usize, size: usize| {
        let mut syncs = (first..head.len()).step_by(size);
        head.len() > first + size && syncs.all(|at| head[at] == 0x47)
    };
    packets(0, 188) || packets(4, 192)
}

fn is_bmp(head: &[u8]) -> bool {
    // Two letters are little; the four reserved bytes behind the size are 0.
    head.starts_with(b"BM") && head.get(6..10) == Some(&[0; 4])
}

/// A bare MPEG audio stream: its frames have a sync word, and a layer that tells MP3 from AAC.
fn audio_frame(head: &[u8]) -> Option<Container> {
    let [0xff, second, third, ..] = head else { return None };
    if second & 0xf6 == 0xf0 {
        return Some(Container::Aac);
    }
    let (version, layer) = (second & 0x18, second & 0x06);
    let (bit_rate, sample_rate) = (third & 0xf0, third & 0x0c);
    let real =
        second & 0xe0 == 0xe0 && version != 0x08 && layer != 0 && bit_rate != 0xf0 && sample_rate != 0x0c;
    real.then_some(Container::Mp3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn containers_are_known_by_their_first_bytes() {
        let mut ts = vec![0_u8; 188 * 3];
        ts.iter_mut().step_by(188).for_each(|sync| *sync = 0x47);
        let mut m2ts = vec![0_u8; 192 * 3];
        m2ts.iter_mut().skip(4).step_by(192).for_each(|sync| *sync = 0x47);
        for (head, expected) in [
            (&b"\0\0\0\x20ftypisom\0\0\x02\0"[..], Some(Container::IsoMedia)),
            (b"\0\0\0\x14ftypqt  \0\0\0\0", Some(Container::IsoMedia)),
            (b"\0\0\x10\0moov\0\0\0\x6cmvhd", Some(Container::IsoMedia)),
            (b"\0\0\0\x18ftypheic\0\0\0\0", Some(Container::Picture)),
            (b"\x1a\x45\xdf\xa3\x01\0\0\0", Some(Container::Matroska)),
            (b"RIFF\0\0\0\0AVI LIST", Some(Container::Avi)),
            (b"RIFF\0\0\0\0WAVEfmt ", Some(Container::Wav)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Container::Picture)),
            (b"FLV\x01\x05\0\0\0\x09", Some(Container::Flv)),
            (&ts, Some(Container::MpegTs)),
            (&m2ts, Some(Container::MpegTs)),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some(Container::Picture)),
            (b"ID3\x04\0\0\0\0\0\0", Some(Container::Mp3)),
            (b"\xff\xfb\x90\x64\0\0", Some(Container::Mp3)),
            (b"\xff\xf1\x50\x80\0\0", Some(Container::Aac)),
            (b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff", None),
            (b"PK\x03\x04\x14\0\0\0\x08\0", None),
            (b"<html><body>video</body></html>", None),
            (b"#EXTM3U\n#EXTINF:10,\nhttp://x/y.ts", None),
            (b"%PDF-1.7\n", None),
            (b"GGGGGGGGGGGGGGGGGGGG", None),
            (b"", None),
        ] {
            assert_eq!(container(head), expected, "{:?}", String::from_utf8_lossy(head));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(head in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = container(&head);
        }
    }
}
