use std::time::Duration;

use reelgate_model::{AppId, Principal, Scope};
use reelgate_store::NewAudit;

use crate::fixture::{APP, Fixture, both, write};

both!(the_audit_trail_names_who_and_pages_back_in_time);

async fn the_audit_trail_names_who_and_pages_back_in_time(f: Fixture) {
    for n in 0..5 {
        let scope = Scope::new(APP, Principal::ApiKey("k1".to_owned()));
        let entry = NewAudit { action: "test".to_owned(), subject: n.to_string(), ..NewAudit::default() };
        write!(f.store, tx => tx.audit(&scope, &entry).await).unwrap();
        // Two entries share a millisecond.
        f.clock.advance(Duration::from_millis(n % 2));
    }
    let mut read = f.store.read().await.unwrap();
    let mut seen = Vec::new();
    loop {
        let before = seen.last().map(|last: &reelgate_store::Audit| (last.at, last.id.clone()));
        let before = before.as_ref().map(|(at, id)| (*at, id.as_str()));
        let page = read.audit_page(&f.scope, before, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    let mut subjects: Vec<_> = seen.iter().map(|entry| entry.subject.as_str()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["0", "1", "2", "3", "4"]);
    assert!(seen.is_sorted_by(|a, b| a.at >= b.at));
    assert!(seen.iter().all(|entry| entry.principal == "api-key:k1"));
    assert!(read.audit_page(&Scope::system(AppId(9)), None, 10).await.unwrap().is_empty());
}
