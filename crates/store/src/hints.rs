//! Wake-ups. A hint says "look now" and nothing else: it may come for nothing, and it may be lost, so whoever waits
//! also looks after a floor of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

/// What there may be news about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A job can be claimed.
    Jobs,
    /// The event log has grown.
    Events,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 2] = [Self::Jobs, Self::Events];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Events => "events",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == word)
    }

    fn bit(self) -> u8 {
        match self {
            Self::Jobs => 1,
            Self::Events => 2,
        }
    }
}

/// A set of topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Topics(pub(crate) u8);

impl Topics {
    pub(crate) fn insert(&mut self, topic: Topic) {
        self.0 |= topic.bit();
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Topic> {
        Topic::ALL.into_iter().filter(move |topic| self.0 & topic.bit() != 0)
    }
}

/// The bells of this process, one per topic.
#[derive(Debug, Default)]
pub(crate) struct Board {
    jobs: Arc<Notify>,
    events: Arc<Notify>,
}

impl Board {
    fn bell(&self, topic: Topic) -> &Arc<Notify> {
        match topic {
            Topic::Jobs => &self.jobs,
            Topic::Events => &self.events,
        }
    }

    pub(crate) fn hints(&self, topic: Topic) -> Hints {
        Hints(Arc::clone(self.bell(topic)))
    }

    pub(crate) fn ring(&self, topics: Topics) {
        for topic in topics.iter() {
            self.bell(topic).notify_waiters();
        }
    }

    pub(crate) fn ring_all(&self) {
        for topic in Topic::ALL {
            self.bell(topic).notify_waiters();
        }
    }
}

/// The hints of one topic. See [`Store::hints`](crate::Store::hints).
#[derive(Clone, Debug)]
pub struct Hints(Arc<Notify>);

impl Hints {
    /// Registers for the next hint. Call it *before* looking at the rows: a commit between the look and the wait is
    /// then noticed.
    pub fn listen(&self) -> Hint {
        Hint(Arc::clone(&self.0).notified_owned())
    }
}

/// One registration for the next hint.
#[derive(Debug)]
pub struct Hint(OwnedNotified);

impl Hint {
    /// Waits for a hint that came after [`Hints::listen`], at most `floor`.
    pub async fn or_after(self, floor: Duration) {
        // Whether a hint or the floor ended the wait makes no difference to the caller, who looks in either case.
        let _ = tokio::time::timeout(floor, self.0).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hint_between_listening_and_waiting_is_not_lost() {
        let board = Board::default();
        let hint = board.hints(Topic::Events).listen();
        let mut topics = Topics::default();
        topics.insert(Topic::Events);
        board.ring(topics);
        hint.or_after(Duration::from_secs(3600)).await;
    }

    #[test]
    fn topics_are_told_apart() {
        let mut topics = Topics::default();
        assert!(topics.is_empty());
        topics.insert(Topic::Events);
        assert_eq!(topics.iter().collect::<Vec<_>>(), [Topic::Events]);
        assert_eq!(Topic::from_word("jobs"), Some(Topic::Jobs));
        assert_eq!(Topic::from_word("other"), None);
    }
}
