//! Quotas: what is reserved at Apply, settled at Commit and given back when a session ends without one (design section
//! 8, "Once"). Always in the transaction of the session's own change, so a kill loses nothing and counts nothing twice.

use std::net::IpAddr;

use reelgate_model::{Scope, Time};
use reelgate_store::{Amount, NewSession, Quota, Session, StoreError, Tx};
use reelgate_wire::permission::Permission;

use super::open::MAX_COVER;
use super::{Permit, Refusal};
use crate::app::App;
use crate::dispatch::network;

/// Subject of what all open uploads of an application have announced.
const APPLICATION: &str = "application";
const DAY_MS: i64 = 86_400_000;
/// How long a day's row is kept after the last session that may be settled on it.
const KEEP_MS: i64 = 2 * DAY_MS;

/// What a new session is held to, before it is counted.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    /// The limits.
    permission: Permission,
    /// What the permission's own rows are found by: its id, or the MAC of a signature that the application made itself.
    holder: String,
    /// From where it is used.
    remote: String,
    /// When the signature ends: until then it can be used from yet another address.
    expires_at: Time,
    /// What all open uploads of the application may have announced together.
    max_in_flight: Option<u64>,
}

impl Claim {
    pub(super) fn new(app: &App, permit: &Permit, remote: &str) -> Self {
        let permission = permit.permission.clone();
        let holder = match permission.id.as_str() {
            "" => format!("mac-{}", permit.mac),
            id => id.to_owned(),
        };
        let (remote, expires_at) = (remote.to_owned(), permit.expires_at());
        Self { permission, holder, remote, expires_at, max_in_flight: app.config.upload.max_in_flight }
    }

    fn counts_days(&self) -> bool {
        self.permission.daily_uploads.is_some() || self.permission.daily_bytes.is_some()
    }

    fn counts_open(&self) -> bool {
        let permission = &self.permission;
        permission.open_sessions.is_some()
            || permission.bytes_in_flight.is_some()
            || permission.addresses.is_some()
    }

    /// Notes in `new` what will be counted.
    pub(super) fn mark(&self, new: &mut NewSession, now: Time) {
        if self.counts_days() {
            new.quota_day = Some(now.0.div_euclid(DAY_MS));
        }
        if self.counts_open() {
            new.holder.clone_from(&self.holder);
        }
        let video = if new.cover_only { 0 } else { new.video_size.unwrap_or(new.max_size) };
        // Covers are not announced with a size that is kept.
        let cover = if new.cover_key.is_empty() { 0 } else { MAX_COVER };
        new.reserved = video.saturating_add(cover);
        new.app_counted = self.max_in_flight.is_some();
    }

    /// Counts the session that is about to be opened. Refused with the limit that it does not fit under.
    pub(super) async fn reserve(&self, tx: &mut Tx, scope: &Scope, new: &NewSession) -> Result<(), Refusal> {
        let wanted = Amount { uploads: u64::from(!new.cover_only), bytes: new.reserved };
        if let Some(day) = new.quota_day {
            let quota = Quota {
                subject: user_subject(&new.user),
                period: day,
                expires_at: Time(new.expires_at.0.max((day + 1) * DAY_MS) + KEEP_MS),
            };
            let most = Amount {
                uploads: self.permission.daily_uploads.unwrap_or(u64::MAX),
                bytes: self.permission.daily_bytes.unwrap_or(u64::MAX),
            };
            if let Some(used) = tx.reserve_quota(scope, &quota, wanted, most).await? {
                return Err(day_is_full(used, wanted, most));
            }
        }
        if let Some(most) = self.max_in_flight {
            let quota = Quota {
                subject: APPLICATION.to_owned(),
                period: Quota::WHILE_OPEN,
                expires_at: Time(new.expires_at.0 + KEEP_MS),
            };
            let wanted = Amount { uploads: 1, bytes: new.reserved };
            let limit = Amount { uploads: u64::MAX, bytes: most };
            if let Some(used) = tx.reserve_quota(scope, &quota, wanted, limit).await? {
                return Err(application_is_full(used, wanted, most));
            }
        }
        if !new.holder.is_empty() {
            let wanted = Amount { uploads: 1, bytes: new.reserved };
            self.hold(tx, scope, wanted, new.expires_at).await?;
        }
        Ok(())
    }

    /// Notes the address of a resume, which opens nothing.
    pub(super) async fn revisit(&self, tx: &mut Tx, scope: &Scope, until: Time) -> Result<(), Refusal> {
        if self.permission.addresses.is_some() {
            self.hold(tx, scope, Amount::default(), until).await?;
        }
        Ok(())
    }

    /// Whether a resume has anything to note.
    pub(super) fn watches_addresses(&self) -> bool {
        self.permission.addresses.is_some()
    }

    async fn hold(&self, tx: &mut Tx, scope: &Scope, wanted: Amount, until: Time) -> Result<(), Refusal> {
        let quota = Quota {
            subject: permission_subject(&self.holder),
            period: Quota::WHILE_OPEN,
            expires_at: Time(until.max(self.expires_at).0 + KEEP_MS),
        };
        let most = Amount {
            uploads: self.permission.open_sessions.map_or(u64::MAX, u64::from),
            bytes: self.permission.bytes_in_flight.unwrap_or(u64::MAX),
        };
        if let Some(used) = tx.reserve_quota(scope, &quota, wanted, most).await? {
            return Err(permission_is_full(used, wanted, most));
        }
        let Some(most) = self.permission.addresses else { return Ok(()) };
        let address = self.remote.parse::<IpAddr>().map_or_else(|_| self.remote.clone(), network);
        let count = tx.note_permission_address(scope, &self.holder, &address, quota.expires_at).await?;
        if count > u64::from(most) {
            return Err(Refusal::Invalid(format!(
                "this signature has been used from {most} addresses already, which is all it allows; fetch a new one"
            )));
        }
        Ok(())
    }
}

/// Ends the counting of a session: `used` bytes stay on the user's day; `None` gives all of it back.
pub(super) async fn settle(tx: &mut Tx, session: &Session, used: Option<u64>) -> Result<(), StoreError> {
    let scope = Scope::system(session.app);
    let request = &session.request;
    if let Some(day) = request.quota_day {
        let unused = match used {
            Some(bytes) => Amount { uploads: 0, bytes: request.reserved.saturating_sub(bytes) },
            None => Amount { uploads: u64::from(!request.cover_only), bytes: request.reserved },
        };
        tx.return_quota(&scope, &user_subject(&request.user), day, unused).await?;
    }
    if request.app_counted {
        let all = Amount { uploads: 1, bytes: request.reserved };
        tx.return_quota(&scope, APPLICATION, Quota::WHILE_OPEN, all).await?;
    }
    if !request.holder.is_empty() {
        let all = Amount { uploads: 1, bytes: request.reserved };
        let subject = permission_subject(&request.holder);
        tx.return_quota(&scope, &subject, Quota::WHILE_OPEN, all).await?;
    }
    Ok(())
}

fn user_subject(user: &str) -> String {
    format!("user:{user}")
}

fn permission_subject(holder: &str) -> String {
    format!("permission:{holder}")
}

fn day_is_full(used: Amount, wanted: Amount, most: Amount) -> Refusal {
    Refusal::Invalid(if used.uploads.saturating_add(wanted.uploads) > most.uploads {
        format!(
            "{} uploads have been begun today (UTC) and {} are allowed; try again tomorrow",
            used.uploads, most.uploads
        )
    } else {
        format!(
            "{} of the {} bytes allowed on one day (UTC) are used, and this upload reserves {}; send less, or try again \
             tomorrow",
            used.bytes, most.bytes, wanted.bytes
        )
    })
}

fn application_is_full(used: Amount, wanted: Amount, most: u64) -> Refusal {
    Refusal::Invalid(format!(
        "the open uploads of this application have announced {} of {most} bytes, and this one {}; try again when some of \
         them have ended",
        used.bytes, wanted.bytes
    ))
}

fn permission_is_full(used: Amount, wanted: Amount, most: Amount) -> Refusal {
    Refusal::Invalid(if used.uploads.saturating_add(wanted.uploads) > most.uploads {
        format!(
            "this signature has {} uploads open and allows {} at once; finish one of them, or fetch another signature",
            used.uploads, most.uploads
        )
    } else {
        format!(
            "the open uploads of this signature have announced {} of {} bytes, and this one {}; finish one of them, or \
             fetch another signature",
            used.bytes, most.bytes, wanted.bytes
        )
    })
}
