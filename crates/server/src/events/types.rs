//! Which types of events a reader wants, as words.

/// Every type of the vendor.
const ALL_VENDOR: &str = "*";
/// Every type of ours.
const ALL_OWN: &str = "reelgate.*";

/// A word that names no type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypesError {
    /// No word at all.
    #[error("types is empty; [\"*\"] stands for all of the vendor's")]
    Empty,
    /// Not a word.
    #[error(
        "type {0:?} is not a name of letters, digits, dots and -; \"*\" stands for all of the vendor's, \"reelgate.*\" for \
             Reelgate's own"
    )]
    Malformed(String),
    /// More than anybody has use for.
    #[error("more than 50 types were given; \"*\" stands for all of the vendor's")]
    TooMany,
}

/// One text of the words, as the store keeps it. Types that do not exist yet may be named.
pub(super) fn join(words: &[String]) -> Result<String, TypesError> {
    if words.is_empty() {
        return Err(TypesError::Empty);
    }
    if words.len() > 50 {
        return Err(TypesError::TooMany);
    }
    for word in words {
        let name = word.strip_prefix('-').unwrap_or(word);
        let plain = !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        if !(plain || word == ALL_VENDOR || word == ALL_OWN) {
            return Err(TypesError::Malformed(word.chars().take(80).collect()));
        }
    }
    Ok(words.join(","))
}

/// The words of a text that `join` made.
pub fn split(types: &str) -> Vec<String> {
    types.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn names_and_the_two_sets_are_kept() {
        let wanted = words(&["*", "-FileDeleted", "reelgate.*", "reelgate.DeliveryDead", "SomethingNew"]);
        assert_eq!(split(&join(&wanted).unwrap()), wanted);
    }

    #[test]
    fn what_could_be_read_as_several_words_is_refused() {
        for bad in ["", "a,b", "a b", "-", "%", "reelgate.*x", "**", "ä", &"x".repeat(65)] {
            assert!(join(&words(&[bad])).is_err(), "{bad}");
        }
        assert_eq!(join(&[]), Err(TypesError::Empty));
    }
}
