//! The quotas once more, from the rows of sessions and media, beside what the rows of quotas say.

use std::collections::BTreeMap;
use std::fmt;

use reelgate_model::SessionState;
use reelgate_store::{Amount, Media, Quota, Read, Session, Store};

use super::cluster::{open, scope, today};

/// By subject and period.
type Sums = BTreeMap<(String, i64), Amount>;

/// What was found to be in order.
pub(super) struct Report {
    open: usize,
    committed: usize,
    sums: Sums,
}

/// Compares every row that a session of these `users` with these `permissions` may have touched. Nobody may change
/// anything meanwhile.
pub(super) async fn check(store: &Store, users: &[String], permissions: &[String]) -> Report {
    let opened = open(store).await;
    let mut read = store.read().await.unwrap();
    let media = media(&mut read).await;
    let mut sums = Sums::new();
    for user in users {
        sums.entry((format!("user:{user}"), today())).or_default();
    }
    for permission in permissions {
        sums.entry((format!("permission:{permission}"), Quota::WHILE_OPEN)).or_default();
    }
    for session in &opened {
        assert_eq!(session.state, SessionState::Open);
        let uploads = u64::from(!session.request.cover_only);
        take(&mut sums, session, Amount { uploads, bytes: session.request.reserved });
        hold(&mut sums, session, Amount { uploads: 1, bytes: session.request.reserved });
    }
    for media in &media {
        let session = read.session(&media.session_id).await.unwrap().expect("the session of a media");
        assert_eq!(session.state, SessionState::Committed, "{session:?}");
        let cover = match session.request.cover_key.as_str() {
            "" => None,
            key => read.object(&scope(), key).await.unwrap(),
        };
        let bytes = media.source_size + cover.map_or(0, |cover| cover.size);
        take(&mut sums, &session, Amount { uploads: 1, bytes });
    }
    for ((subject, period), expected) in &sums {
        let found = read.quota_used(&scope(), subject, *period).await.unwrap();
        assert_eq!(found, *expected, "the row of {subject} in {period} has drifted from its sessions");
    }
    Report { open: opened.len(), committed: media.len(), sums }
}

fn take(sums: &mut Sums, session: &Session, amount: Amount) {
    if let Some(day) = session.request.quota_day {
        add(sums, (format!("user:{}", session.request.user), day), amount);
    }
}

fn hold(sums: &mut Sums, session: &Session, amount: Amount) {
    if !session.request.holder.is_empty() {
        add(sums, (format!("permission:{}", session.request.holder), Quota::WHILE_OPEN), amount);
    }
}

fn add(sums: &mut Sums, key: (String, i64), amount: Amount) {
    let sum = sums.entry(key).or_default();
    sum.uploads += amount.uploads;
    sum.bytes += amount.bytes;
}

async fn media(read: &mut Read) -> Vec<Media> {
    let mut all: Vec<Media> = Vec::new();
    loop {
        let before = all.last().map(|media| (media.created_at, media.file_id));
        let page = read.media_page(&scope(), before, 500).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

impl Report {
    /// Of users on days: uploads and bytes.
    pub(super) fn of_users(&self) -> impl Iterator<Item = (&str, Amount)> {
        self.sums.iter().filter_map(|((subject, _), amount)| Some((subject.strip_prefix("user:")?, *amount)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.of_users().map(|(_, amount)| amount);
        let (uploads, bytes) = all.fold((0, 0), |sum, amount| (sum.0 + amount.uploads, sum.1 + amount.bytes));
        write!(
            f,
            "{} open and {} committed sessions are what {} rows say ({uploads} uploads, {bytes} bytes of users)",
            self.open,
            self.committed,
            self.sums.len()
        )
    }
}
