//! Deliveries on their way, counted by endpoint: what bounds memory, and keeps a slow endpoint from delaying another.

use std::collections::HashMap;

use reelgate_store::Endpoint;
use tokio::task::{JoinError, JoinSet};

/// Requests to one endpoint at once, while there is room.
pub(super) const EACH: usize = 32;
/// Room that anybody may use. Beyond it, an endpoint has no more than [`EACH_WHEN_FULL`].
const SHARED: usize = 256;
const EACH_WHEN_FULL: usize = 4;
/// Requests at once to all endpoints together.
const ALL: usize = 1024;
/// An endpoint that has something on its way is given more only when there is room for so many: claims go by batches.
const WORTH_CLAIMING: usize = EACH / 4;
/// An endpoint that has failed so often in a row is tried with one delivery at a time.
pub(super) const SLOWED_AFTER: i64 = 10;

/// What is on its way.
#[derive(Default)]
pub(super) struct Flights {
    tasks: JoinSet<String>,
    each: HashMap<String, usize>,
}

impl Flights {
    /// The next of `waiting` that can be given more, at most `most` of them, each with how many may be claimed for it.
    pub(super) fn plan(
        &self,
        waiting: &mut impl Iterator<Item = Endpoint>,
        most: usize,
    ) -> Vec<(Endpoint, usize)> {
        let (mut planned, mut asked) = (0, Vec::new());
        while asked.len() < most {
            let Some(endpoint) = waiting.next() else { break };
            let room = self.room_beside(planned, &endpoint);
            if room > 0 {
                planned += room;
                asked.push((endpoint, room));
            }
        }
        asked
    }

    /// How many more may be claimed for `endpoint` now.
    pub(super) fn room(&self, endpoint: &Endpoint) -> usize {
        self.room_beside(0, endpoint)
    }

    /// The same while `planned` others are about to be launched.
    fn room_beside(&self, planned: usize, endpoint: &Endpoint) -> usize {
        let all = self.tasks.len() + planned;
        let under_way = self.under_way(&endpoint.id);
        if endpoint.failures >= SLOWED_AFTER {
            return 1_usize.saturating_sub(under_way);
        }
        let most = if all < SHARED { EACH } else { EACH_WHEN_FULL };
        let room = most.saturating_sub(under_way).min(ALL.saturating_sub(all));
        if under_way > 0 && room < WORTH_CLAIMING.min(most) { 0 } else { room }
    }

    pub(super) fn launch(&mut self, endpoint: String, flight: impl Future<Output = ()> + Send + 'static) {
        *self.each.entry(endpoint.clone()).or_default() += 1;
        self.tasks.spawn(async move {
            // A task of its own: a panic must neither end the role nor keep the endpoint's place taken.
            if let Err(error) = tokio::spawn(flight).await {
                tracing::error!(endpoint.id = endpoint, %error, "a delivery broke off; its lease will run out");
            }
            endpoint
        });
    }

    /// Waits until so many have ended that an endpoint can be given more; for ever when there are none.
    pub(super) async fn landing(&mut self) {
        loop {
            let Some(ended) = self.tasks.join_next().await else { return std::future::pending().await };
            let mut worth = self.landed(ended);
            while let Some(ended) = self.tasks.try_join_next() {
                worth |= self.landed(ended);
            }
            if worth {
                return;
            }
        }
    }

    pub(super) async fn land_all(&mut self) -> usize {
        let mut count = 0;
        while let Some(ended) = self.tasks.join_next().await {
            self.landed(ended);
            count += 1;
        }
        count
    }

    fn under_way(&self, endpoint: &str) -> usize {
        self.each.get(endpoint).copied().unwrap_or(0)
    }

    /// Whether the endpoint has room for a batch now.
    fn landed(&mut self, ended: Result<String, JoinError>) -> bool {
        let Ok(endpoint) = ended else { return true };
        let Some(count) = self.each.get_mut(&endpoint) else { return true };
        *count -= 1;
        let left = *count;
        if left == 0 {
            self.each.remove(&endpoint);
        }
        left == 0 || left + WORTH_CLAIMING <= EACH || self.tasks.len() >= SHARED
    }
}

#[cfg(test)]
mod tests {
    use reelgate_model::{AppId, Time};
    use reelgate_store::EndpointSettings;

    use super::*;

    fn endpoint(n: usize) -> Endpoint {
        Endpoint {
            id: format!("ep_{n}"),
            app: AppId(1),
            role: String::new(),
            settings: EndpointSettings {
                url: String::new(),
                shape: String::new(),
                ordering: String::new(),
                types: String::new(),
            },
            enabled: true,
            cursor_txid: 0,
            cursor_seq: 0,
            failures: 0,
            failing_since: None,
            not_before: Time(0),
            last_error: String::new(),
            disabled_at: None,
            disabled_reason: String::new(),
            created_at: Time(0),
            removed_at: None,
        }
    }

    #[tokio::test]
    async fn however_many_endpoints_wait_no_more_than_all_are_under_way() {
        let mut flights = Flights::default();
        let mut waiting = (0..2_000).map(endpoint);
        let mut rooms = Vec::new();
        loop {
            let asked = flights.plan(&mut waiting, 32);
            if asked.is_empty() {
                break;
            }
            for (endpoint, room) in asked {
                rooms.push(room);
                for _ in 0..room {
                    flights.launch(endpoint.id.clone(), std::future::pending());
                }
            }
        }
        assert_eq!(rooms.iter().sum::<usize>(), ALL);
        assert_eq!(rooms[..8], [EACH; 8], "who comes first may use what nobody else does");
        assert!(rooms[8..].iter().all(|room| *room == EACH_WHEN_FULL), "{rooms:?}");
    }
}
