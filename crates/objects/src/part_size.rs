//! How large the parts of an upload are, learned from the first ones that come.

/// The size of every part but the last, from one part that arrives and the announced size of the whole.
///
/// Part 1 says it. Another part says it only if it surely is not the last one, or if the announced size is an exact
/// multiple: without an announced size, or if `number` could also be a shorter last part, the answer is `None` and the
/// part has to go aside. A client that cuts its parts unevenly costs a copy at the end, never correctness.
pub fn learn_part_size(number: u32, content_length: u64, announced_size: Option<u64>) -> Option<u64> {
    if number == 0 || content_length == 0 {
        return None;
    }
    if number == 1 {
        return Some(content_length);
    }
    let before = u64::from(number - 1);
    let as_equal_parts = content_length.checked_mul(u64::from(number))?;
    let announced = announced_size?;
    if as_equal_parts > announced {
        return None;
    }
    // Were it the last part, the ones before it would share the rest evenly and be larger.
    let could_be_last = as_equal_parts < announced && (announced - content_length).is_multiple_of(before);
    (!could_be_last).then_some(content_length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples() {
        const MIB: u64 = 1 << 20;
        assert_eq!(learn_part_size(1, 8 * MIB, None), Some(8 * MIB));
        assert_eq!(learn_part_size(3, 8 * MIB, None), None);
        assert_eq!(learn_part_size(3, 8 * MIB, Some(24 * MIB)), Some(8 * MIB));
        assert_eq!(learn_part_size(3, 8 * MIB, Some(44 * MIB + 1)), Some(8 * MIB));
        // 18 MiB + 18 MiB + 8 MiB is another way to reach 44 MiB.
        assert_eq!(learn_part_size(3, 8 * MIB, Some(44 * MIB)), None);
        assert_eq!(learn_part_size(6, 4 * MIB, Some(44 * MIB)), None);
        assert_eq!(learn_part_size(2, 5, Some(1)), None);
        assert_eq!(learn_part_size(0, 5, None), None);
        assert_eq!(learn_part_size(u32::MAX, u64::MAX, Some(u64::MAX)), None);
    }

    proptest! {
        #[test]
        fn an_even_layout_is_learned_right_or_not_at_all(part in 1u64..50, parts in 1u32..30, last in 1u64..50, at in 1u32..30) {
            prop_assume!(last <= part && at <= parts);
            let size = part * u64::from(parts - 1) + last;
            let length = if at == parts { last } else { part };
            let learned = learn_part_size(at, length, Some(size));
            // A single part is as large as it is, whatever the client's part size.
            let expected = if parts == 1 { last } else { part };
            prop_assert!(learned.is_none() || learned == Some(expected), "{learned:?} instead of {expected}");
            if at == 1 {
                prop_assert_eq!(learned, Some(expected));
            }
        }

        #[test]
        fn any_input_gives_an_answer(number: u32, length: u64, announced: Option<u64>) {
            let learned = learn_part_size(number, length, announced);
            prop_assert!(learned.is_none_or(|size| size == length && size > 0));
        }
    }
}
