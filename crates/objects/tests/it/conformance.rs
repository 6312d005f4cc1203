//! The conformance suite on every implementation.

/// Makes one test per case and backend.
macro_rules! cases {
    ($($list:ident :: $case:ident $(($scratch:ident))?),+ $(,)?) => {
        mod disk {
            use reelgate_objects::{Disk, conformance};

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let root = tempfile::tempdir().unwrap();
                let objects = Disk::open(root.path(), false).unwrap();
                $(let $scratch = tempfile::tempdir().unwrap();)?
                conformance::$list::$case(&objects $(, $scratch.path())?).await;
            })+
        }
        mod s3 {
            use reelgate_objects::conformance;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                // Below the store's minimum: every part of the suite is an object of its own. `s3` streams larger ones.
                let Some(objects) = crate::s3::store() else { return };
                $(let $scratch = tempfile::tempdir().unwrap();)?
                conformance::$list::$case(&objects $(, $scratch.path())?).await;
            })+
        }
        mod memory {
            use reelgate_objects::{Memory, conformance};

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let objects = Memory::new();
                $(let $scratch = tempfile::tempdir().unwrap();)?
                conformance::$list::$case(&objects $(, $scratch.path())?).await;
            })+
        }
    };
}

cases! {
    parts::resent_parts_change_nothing_acknowledged,
    parts::overlapping_sends_follow_the_last_row,
    parts::a_slow_writer_is_cut_by_complete,
    parts::a_seal_is_final,
    parts::any_layout_completes,
    parts::complete_is_idempotent,
    parts::missing_bytes_are_noticed,
    parts::announced_lengths_bind,
    parts::discarded_parts_leave_the_others,
    parts::discard_takes_everything,
    parts::odd_ids_are_refused,
    parts::appended_parts_may_end_early,
    parts::parallel_writers_do_not_meet,
    blobs::put_is_read_back,
    blobs::ranges_are_exact,
    blobs::blobs_are_never_overwritten,
    blobs::delete_takes_what_it_names,
    blobs::what_is_there_is_listed,
    blobs::publish_is_all_or_nothing(scratch),
    blobs::parts_of_what_was_published_go(scratch),
    blobs::published_links_are_refused(scratch),
}
