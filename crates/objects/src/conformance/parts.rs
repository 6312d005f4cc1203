//! Multipart uploads: immutability, sealing, completing.

use bytes::Bytes;

use super::{PART, Upload, bytes, fill, fresh_blob, read_back, sums};
use crate::{Length, Objects, ObjectsError, PartTarget, Slot};

const ORDERS: [[u32; 3]; 6] = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];

/// First contents of part `number` of three, the last one shorter.
fn original(number: u32) -> Bytes {
    bytes(u64::from(number), if number == 3 { PART - 7 } else { PART })
}

/// Other contents of the same length.
fn other(number: u32) -> Bytes {
    bytes(1000 + u64::from(number), original(number).len())
}

/// Whose row is written last, of two sends of one part that overlap.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LastRow {
    First,
    Second,
}

/// In every order of arrival: a part sent again with other bytes after its row leaves the other rows' bytes alone, and the
/// last row wins. Also when a second part follows the re-send, and when the sender forgets that there is a row.
pub async fn resent_parts_change_nothing_acknowledged(objects: &dyn Objects) {
    for order in ORDERS {
        for (resent, known) in [(1, true), (2, true), (3, true), (1, false), (2, false), (3, false)] {
            let mut upload = Upload::new(objects);
            for number in order {
                upload.send(number, original(number)).await;
                if number == resent {
                    // Cut short with a write under way; stored, but its row never written. Neither may be seen.
                    let content = other(number);
                    let mut cut = upload.begin_saying(number, content.len(), known).await.expect("let in");
                    cut.write(content.slice(..PART - 1000)).await.expect("bytes are taken");
                    drop(cut);
                    let writer = upload.begin_saying(number, content.len(), known).await.expect("let in");
                    drop(fill(writer, &content).await);
                }
            }
            upload.complete_and_check().await;

            let mut upload = Upload::new(objects);
            for number in order {
                upload.send(number, original(number)).await;
            }
            let writer = upload.begin_saying(resent, other(resent).len(), known).await.expect("let in");
            let stored = fill(writer, &other(resent)).await;
            upload.acknowledge(resent, stored, &other(resent));
            upload.complete_and_check().await;
        }
    }
}

/// In every order of arrival: two sends of one part overlap; the bytes are those of the row written last.
pub async fn overlapping_sends_follow_the_last_row(objects: &dyn Objects) {
    for order in ORDERS {
        for resent in 1..=3 {
            for last_row in [LastRow::First, LastRow::Second] {
                let mut upload = Upload::new(objects);
                for number in order {
                    if number == resent {
                        overlap(&mut upload, number, last_row).await;
                    } else {
                        upload.send(number, original(number)).await;
                    }
                }
                upload.complete_and_check().await;
            }
        }
    }
}

async fn overlap(upload: &mut Upload<'_>, number: u32, last_row: LastRow) {
    let (ours, theirs) = (original(number), other(number));
    let mut first = upload.begin(number, ours.len()).await;
    first.write(ours.slice(..40_000)).await.expect("bytes are taken");
    let second = upload.begin(number, theirs.len()).await;
    let second = fill(second, &theirs).await;
    // The second is stored, its row not yet written: the first goes on beside it.
    let rest = ours.slice(40_000..);
    first.write(rest).await.expect("bytes are taken");
    let first = first.finish().await.expect("the part is stored");
    match last_row {
        LastRow::First => {
            upload.acknowledge(number, second, &theirs);
            upload.acknowledge(number, first, &ours);
        }
        LastRow::Second => {
            upload.acknowledge(number, first, &ours);
            upload.acknowledge(number, second, &theirs);
        }
    }
}

/// A writer that is still open when the upload completes fails with `Sealed` and changes nothing: neither one that
/// re-sends a part nor one of a part that is not in the list.
pub async fn a_slow_writer_is_cut_by_complete(objects: &dyn Objects) {
    for slow in 1..=4 {
        let mut upload = Upload::new(objects);
        let mut writers = Vec::new();
        for number in 1..=3 {
            if number == slow {
                // It came first, so it has the best place there is; the acknowledged bytes came beside it.
                writers.push(begin_slow(&mut upload, number).await);
            }
            upload.send(number, original(number)).await;
        }
        writers.push(begin_slow(&mut upload, slow).await);
        let (blob, _) = upload.complete_and_check().await;
        for mut writer in writers {
            // The write may be taken into the buffer; finishing it may not work.
            let written = writer.write(bytes(7, PART - 60_000)).await;
            let finished = writer.finish().await;
            assert!(written.is_ok() || matches!(written, Err(ObjectsError::Sealed(_))));
            assert!(finished.is_err(), "a writer finished after the upload was sealed");
        }
        let begun = upload.begin_saying(slow, 10, false).await;
        assert!(
            matches!(begun, Err(ObjectsError::Sealed(_))),
            "a writer was let in after the upload was sealed"
        );
        assert_eq!(read_back(objects, &blob).await, upload.expected());
    }
}

async fn begin_slow(upload: &mut Upload<'_>, number: u32) -> Box<dyn crate::PartWriter> {
    let mut writer = upload.begin(number, PART).await;
    writer.write(bytes(6, 60_000)).await.expect("bytes are taken");
    writer
}

/// A seal stops writers, also where no part came before it.
pub async fn a_seal_is_final(objects: &dyn Objects) {
    let mut empty = Upload::new(objects);
    objects.seal(&empty.id).await.expect("an upload without parts can be sealed");
    assert!(matches!(empty.begin_saying(1, 10, false).await, Err(ObjectsError::Sealed(_))));

    let mut upload = Upload::new(objects);
    upload.send(1, original(1)).await;
    let mut open = upload.begin(2, PART).await;
    objects.seal(&upload.id).await.expect("an upload can be sealed");
    objects.seal(&upload.id).await.expect("and again");
    // Whoever is told first: the write, when the backend has seen some of it, or the end.
    let written = open.write(original(2)).await;
    let finished = open.finish().await;
    let sealed = |error: Option<&ObjectsError>| matches!(error, Some(ObjectsError::Sealed(_)));
    assert!(finished.is_err(), "a writer finished after the seal");
    assert!(sealed(written.as_ref().err()) || sealed(finished.as_ref().err()), "{written:?}, {finished:?}");
    upload.complete_and_check().await;
}

/// Sizes that fit no pattern, unknown part size, gaps in the numbers: the blob is the parts in order.
pub async fn any_layout_completes(objects: &dyn Objects) {
    let layouts: [&[(u32, usize)]; 7] = [
        &[(1, PART)],
        &[(3, 70_000), (2, PART), (1, PART)],
        &[(1, 100_000), (2, PART), (3, 1)],
        &[(1, PART), (2, 100_000), (3, PART)],
        &[(2, 100_000), (5, 300_001), (9, 5)],
        &[(1, PART), (3, PART), (10_000, 17)],
        &[(2, PART), (1, PART), (3, PART), (4, 0)],
    ];
    for layout in layouts {
        let mut upload = Upload::new(objects);
        for (number, len) in layout {
            upload.send(*number, bytes(u64::from(*number), *len)).await;
        }
        upload.complete_and_check().await;
    }
}

/// The same completion again gives the same, before and after its staging area is gone; another name's bytes stay.
pub async fn complete_is_idempotent(objects: &dyn Objects) {
    let mut upload = Upload::new(objects);
    for number in 1..=3 {
        upload.send(number, original(number)).await;
    }
    let (blob, first) = upload.complete_and_check().await;
    let again = objects.complete(&upload.id, &upload.parts(), &blob).await.expect("completes again");
    assert_eq!((again.size, again.crc64), (first.size, first.crc64));
    objects.discard(&upload.id).await.expect("the staging area goes");
    objects.discard(&upload.id).await.expect("gone already is fine");
    let again = objects.complete(&upload.id, &upload.parts(), &blob).await.expect("completes once more");
    assert_eq!((again.size, again.crc64), (first.size, first.crc64));
    assert_eq!(read_back(objects, &blob).await, upload.expected());

    let mut rival = Upload::new(objects);
    rival.send(1, bytes(9, PART)).await;
    let taken = objects.complete(&rival.id, &rival.parts(), &blob).await;
    assert!(matches!(taken, Err(ObjectsError::AlreadyExists(_))), "{taken:?}");
    assert_eq!(read_back(objects, &blob).await, upload.expected());
    rival.complete_and_check().await;
}

/// Rows without bytes are an error, never zeros or a shorter blob.
pub async fn missing_bytes_are_noticed(objects: &dyn Objects) {
    let mut upload = Upload::new(objects);
    upload.send(2, original(2)).await;
    upload.send(1, original(1)).await;
    let mut parts = upload.parts();
    parts[1].size += 1;
    let blob = fresh_blob();
    let damaged = objects.complete(&upload.id, &parts, &blob).await;
    assert!(matches!(damaged, Err(ObjectsError::Damaged { .. })), "{damaged:?}");
    assert!(matches!(objects.head(&blob).await, Err(ObjectsError::NotFound(_))));

    let nowhere = objects.complete("no-such-upload", &parts, &blob).await;
    assert!(matches!(nowhere, Err(ObjectsError::NotFound(_))), "{nowhere:?}");
}

/// What was announced binds: one byte more or less is refused, and the part can be sent again.
pub async fn announced_lengths_bind(objects: &dyn Objects) {
    let mut upload = Upload::new(objects);
    let mut long = upload.begin(1, PART).await;
    long.write(original(1)).await.expect("announced bytes are taken");
    let refused = long.write(Bytes::from_static(b"x")).await;
    assert!(matches!(refused, Err(ObjectsError::TooLong { announced }) if announced == PART as u64));
    assert!(long.finish().await.is_err(), "a writer that failed cannot finish");

    let mut short = upload.begin(1, PART).await;
    short.write(original(1).slice(1..)).await.expect("bytes are taken");
    assert!(matches!(short.finish().await, Err(ObjectsError::TooShort { .. })));

    let target = PartTarget {
        multipart: &upload.id,
        number: 2,
        slot: None,
        length: Length::AtMost(10),
        acknowledged: false,
        md5: true,
    };
    let mut unknown = objects.begin_part(target).await.expect("let in");
    unknown.write(Bytes::from_static(b"short")).await.expect("bytes are taken");
    let stored = unknown.finish().await.expect("fewer than the bound is fine");
    upload.acknowledge(2, stored, &Bytes::from_static(b"short"));
    upload.send(1, original(1)).await;
    upload.complete_and_check().await;
}

/// Bytes that were given up (a digest did not match; a replaced part) harm nothing that is named.
pub async fn discarded_parts_leave_the_others(objects: &dyn Objects) {
    let mut upload = Upload::new(objects);
    let writer = upload.begin(1, PART).await;
    fill(writer, &other(1)).await.discard().await;
    upload.send(1, original(1)).await;
    upload.send(2, other(2)).await;
    let replaced = upload.parts()[1].place.clone();
    upload.send(2, original(2)).await;
    let replaced_again = upload.parts()[1].place.clone();
    objects.discard_part(&upload.id, &replaced).await.expect("a replaced part goes");
    upload.send(2, other(2)).await;
    for _ in 0..2 {
        objects.discard_part(&upload.id, &replaced_again).await.expect("gone already is fine");
    }
    upload.complete_and_check().await;
}

/// After a discard nothing of the upload is left to complete.
pub async fn discard_takes_everything(objects: &dyn Objects) {
    let mut upload = Upload::new(objects);
    upload.send(1, original(1)).await;
    let mut open = upload.begin(2, PART).await;
    open.write(original(2).slice(..10)).await.expect("bytes are taken");
    objects.discard(&upload.id).await.expect("the staging area goes");
    open.write(original(2).slice(10..)).await.ok();
    assert!(open.finish().await.is_err(), "a writer finished after its area was discarded");
    let lost = objects.complete(&upload.id, &upload.parts(), &fresh_blob()).await;
    assert!(matches!(lost, Err(ObjectsError::NotFound(_))), "{lost:?}");
}

/// Ids that are no plain directory name are refused by every call.
pub async fn odd_ids_are_refused(objects: &dyn Objects) {
    for id in ["", ".", "..", "a/b", "/etc", ".hidden", "a b", "é"] {
        let length = Length::Exactly(1);
        let slot = Slot::regular(1, 1);
        let target = PartTarget { multipart: id, number: 1, slot, length, acknowledged: false, md5: true };
        assert!(matches!(objects.begin_part(target).await, Err(ObjectsError::InvalidName(_))), "{id:?}");
        assert!(matches!(objects.seal(id).await, Err(ObjectsError::InvalidName(_))), "{id:?}");
        assert!(matches!(objects.discard(id).await, Err(ObjectsError::InvalidName(_))), "{id:?}");
        let completed = objects.complete(id, &[], &fresh_blob()).await;
        assert!(matches!(completed, Err(ObjectsError::InvalidName(_))), "{id:?}");
    }
}

/// Many writers at once, each part sent by three of them with contents of their own: the rows decide.
pub async fn parallel_writers_do_not_meet(objects: &dyn Objects) {
    let mut upload = Upload::new(objects);
    upload.send(1, original(1)).await;
    for number in 2..=6 {
        let sends = [0, 1, 2].map(|sender| bytes(u64::from(number) * 10 + sender, PART));
        let mut writers = Vec::new();
        for send in &sends {
            writers
                .push((upload.begin_saying(number, send.len(), false).await.expect("let in"), send.clone()));
        }
        let fills =
            writers.into_iter().map(|(writer, send)| async move { (fill(writer, &send).await, send) });
        for (stored, send) in futures_util::future::join_all(fills).await {
            assert_eq!(stored.md5, sums(&send).md5);
            upload.acknowledge(number, stored, &send);
        }
    }
    upload.complete_and_check().await;
}

/// Parts one after another that may end early, as an upload by offset writes them: each slot begins where the part
/// before it ended, so slots of finished parts are overwritten from there on. What was acknowledged stays, and nothing is copied.
pub async fn appended_parts_may_end_early(objects: &dyn Objects) {
    let mut upload = Upload::new(objects);
    let mut offset = 0;
    for (number, len) in [(1, PART), (2, 100_000), (3, 1), (4, PART), (5, 17)] {
        let content = bytes(u64::from(number), len);
        let target = PartTarget {
            multipart: &upload.id,
            number,
            slot: Some(Slot { offset, size: PART as u64 }),
            length: Length::AtMost(PART as u64),
            acknowledged: false,
            md5: false,
        };
        let stored = fill(objects.begin_part(target).await.expect("let in"), &content).await;
        assert_eq!((stored.md5.as_str(), stored.crc64), ("", sums(&content).crc64));
        upload.acknowledge_without_md5(number, stored, &content);
        offset += len as u64;
    }
    upload.complete_and_check().await;
}
