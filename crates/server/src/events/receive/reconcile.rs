//! Asking for what did not come: uploads that the real cloud has and the log does not.
//!
//! Every granted permission may have become an upload, and its event may have been lost on the way. The cloud is asked for the
//! media of the time in which permissions were good, and each whose NewFileUpload is not in the log is recorded from
//! what the API says of it, marked as repaired. An event that comes after all is then a repeat.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reelgate_model::{Scope, Time};
use reelgate_store::{StoreError, unit};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::upstream::Upstream;
use super::{Taken, prepare, record, upload_identity};
use crate::app::App;
use crate::config::{Mode, Tencent};
use crate::events::{Fact, append};
use crate::http::api::rfc3339;

/// An event may take so long without being missed.
const GRACE: Duration = Duration::from_secs(60);
/// How far back each round looks again: what the cloud lists late is found by the next.
const OVERLAP: Duration = Duration::from_secs(3600);
/// How far back the first round looks: so long the cloud keeps events that nobody pulled.
const FIRST: Duration = Duration::from_secs(4 * 86_400);
/// Media of one page, and of one window (the vendor's Offset + Limit).
const PAGE: i64 = 100;
const MOST: i64 = 5000;
/// A window is not halved below this.
const NARROWEST: Duration = Duration::from_secs(1);
/// Where it is kept up to when the log is known to be whole, epoch milliseconds.
const UNTIL: &str = "reconciled_until";

/// What a round found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Media that the cloud has of that time.
    pub media: usize,
    /// Those whose event was missing, and is in the log now.
    pub repaired: Vec<String>,
}

/// Rounds until `stop`; nothing in `local` mode.
pub async fn run(app: App, stop: CancellationToken) {
    let Mode::Tencent(account) = &app.config.mode else { return };
    loop {
        tokio::select! {
            () = tokio::time::sleep(account.reconcile) => {}
            () = stop.cancelled() => return,
        }
        match round(&app).await {
            Ok(found) => tracing::info!(
                media = found.media,
                repaired = found.repaired.len(),
                "the log was compared with the cloud"
            ),
            Err(error) => tracing::warn!(
                error = format!("{error:#}"),
                "the log cannot be compared with the cloud; trying again later"
            ),
        }
    }
}

/// Up to when the log was compared with the cloud.
pub async fn until(app: &App) -> Result<Option<Time>, StoreError> {
    let text = app.store.read().await?.meta(UNTIL).await?;
    Ok(text.and_then(|text| text.parse().ok()).map(Time))
}

/// One round: from where the last one ended until just now.
pub async fn round(app: &App) -> Result<Difference> {
    let Mode::Tencent(account) = &app.config.mode else { return Ok(Difference::default()) };
    let upstream = Upstream::new(account, app.clock.clone())?;
    let scope = Scope::system(app.main_app());
    let now = app.clock.now();
    let known = until(app).await?;
    let (from, to) = (known.map_or(now - FIRST, |until| until - OVERLAP), now - GRACE);
    if to <= from {
        return Ok(Difference::default());
    }
    let mut difference = Difference::default();
    let compared = compare(app, account, &upstream, (from, to), &mut difference).await;
    // What was repaired is told also when the rest could not be looked at; that is looked at again.
    report(app, &scope, (from, to), &difference, compared.is_ok()).await?;
    compared.map(|()| difference)
}

/// All media of a time, window by window: more than a window lists are halved.
async fn compare(
    app: &App,
    account: &Tencent,
    upstream: &Upstream,
    whole: (Time, Time),
    difference: &mut Difference,
) -> Result<()> {
    let mut windows = vec![whole];
    while let Some((from, to)) = windows.pop() {
        let total = window(app, account, upstream, (from, to), difference).await?;
        if total > MOST {
            let middle = Time(from.0 + (to.0 - from.0) / 2);
            if to.since(from) < NARROWEST * 2 {
                bail!("the cloud has {total} media of the second from {}, more than it lists", rfc3339(from));
            }
            windows.extend([(middle, to), (from, middle)]);
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found<'a> {
    total_count: i64,
    #[serde(borrow, default)]
    media_info_set: Option<Vec<&'a RawValue>>,
}

/// All media that were made in a window, unless there are more than are listed. Returns how many there are.
async fn window(
    app: &App,
    account: &Tencent,
    upstream: &Upstream,
    (from, to): (Time, Time),
    difference: &mut Difference,
) -> Result<i64> {
    let mut offset = 0;
    loop {
        let fields = json!({
            "CreateTime": {"After": seconds(from), "Before": seconds(to + Duration::from_secs(1))},
            "Sort": {"Field": "CreateTime", "Order": "Asc"},
            "Offset": offset, "Limit": PAGE, "Filters": ["basicInfo", "metaData"],
        });
        let answer = upstream.ask(account, "SearchMedia", fields).await?;
        let found: Found<'_> =
            serde_json::from_str(answer.get()).context("the answer to SearchMedia has no list of media")?;
        if found.total_count > MOST {
            return Ok(found.total_count);
        }
        let page = found.media_info_set.unwrap_or_default();
        let count = i64::try_from(page.len()).unwrap_or(PAGE);
        for media in page {
            difference.media += 1;
            difference.repaired.extend(repair(app, media).await?);
        }
        offset += count;
        if count == 0 || offset >= found.total_count {
            return Ok(found.total_count);
        }
    }
}

/// Records the upload of a media if it is not in the log. Returns its FileId then.
async fn repair(app: &App, media: &RawValue) -> Result<Option<String>> {
    let info: Value =
        serde_json::from_str(media.get()).context("a media in the cloud's answer is no object")?;
    let Some(file) = info["FileId"].as_str().map(str::to_owned) else { return Ok(None) };
    let Ok(id) = file.parse() else { return Ok(None) };
    let scope = Scope::system(app.main_app());
    if app.store.read().await?.received(&scope, &upload_identity(id)).await?.is_some() {
        return Ok(None);
    }
    // What NewFileUpload would have said, as far as the API says it; the tasks it started are not in it.
    let event = json!({
        "EventType": "NewFileUpload",
        "FileUploadEvent": {
            "FileId": file, "MediaBasicInfo": info["BasicInfo"], "ProcedureTaskId": "", "ReviewAudioVideoTaskId": "",
            "MetaData": if info["MetaData"].is_object() { info["MetaData"].clone() } else { json!({}) },
        },
    });
    let mut prepared = prepare(event.to_string().as_bytes())?;
    prepared.repaired = true;
    if let Fact::Received(fact) = &mut prepared.fact {
        fact.repaired = true;
    }
    let taken = record(app, &scope, vec![prepared]).await?;
    Ok((taken.first() == Some(&Taken::Recorded)).then_some(file))
}

/// Remembers how far the log is whole, and says in the log itself what was missing.
async fn report(
    app: &App,
    scope: &Scope,
    (from, to): (Time, Time),
    found: &Difference,
    whole: bool,
) -> Result<()> {
    let fact = (!found.repaired.is_empty()).then(|| Fact::Reconciled {
        from: from.0,
        to: to.0,
        media: found.media,
        repaired: found.repaired.clone(),
    });
    let scope = scope.clone();
    let write = unit::<(), StoreError, _>(move |tx| {
        Box::pin(async move {
            if let Some(fact) = fact {
                append(tx, &scope, None, &fact).await?;
            }
            if whole { tx.set_meta(UNTIL, &to.0.to_string()).await } else { Ok(()) }
        })
    });
    Ok(app.store.write(write).await?)
}

/// ISO 8601 with whole seconds, which is what the API takes.
fn seconds(time: Time) -> String {
    let text = rfc3339(Time(time.0.div_euclid(1000) * 1000));
    text.replace(".000Z", "Z")
}
