//! SearchMedia.

use serde_json::{Value, json};

use crate::test_app::TestApp;

const SEARCH: &str = "SearchMedia";

fn names(found: &Value) -> Vec<&str> {
    let infos = found["MediaInfoSet"].as_array().unwrap();
    infos.iter().map(|info| info["BasicInfo"]["Name"].as_str().unwrap()).collect()
}

async fn check(t: &TestApp) {
    let mut files = Vec::new();
    for name in ["alpha", "beta", "假期_1", "假期_2"] {
        files.push(t.a_media(name).await);
        t.advance(10);
    }
    let all = t.cloud(SEARCH, json!({})).await;
    assert_eq!((&all["TotalCount"], names(&all)), (&json!(4), vec!["假期_2", "假期_1", "beta", "alpha"]));
    let sort = json!({"Field": "CreateTime", "Order": "Asc"});
    let page = t.cloud(SEARCH, json!({"Sort": sort, "Offset": 1, "Limit": 2})).await;
    assert_eq!((&page["TotalCount"], names(&page)), (&json!(4), vec!["beta", "假期_1"]));
    let none = t.cloud(SEARCH, json!({"Limit": 0})).await;
    assert_eq!((&none["TotalCount"], names(&none)), (&json!(4), vec![]));
    let prefixes = t.cloud(SEARCH, json!({"NamePrefixes": ["假期", "al%"]})).await;
    assert_eq!(names(&prefixes), ["假期_2", "假期_1"]);
    let some = t.cloud(SEARCH, json!({"FileIds": [files[0], "x", files[2]], "NamePrefixes": ["a"]})).await;
    assert_eq!((&some["TotalCount"], names(&some)), (&json!(1), vec!["alpha"]));
    assert_eq!(t.cloud(SEARCH, json!({"FileIds": ["x"]})).await["TotalCount"], 0);
    let made = |index: usize| all["MediaInfoSet"][3 - index]["BasicInfo"]["CreateTime"].clone();
    let range = json!({"After": made(1), "Before": made(2)});
    let between = t.cloud(SEARCH, json!({"CreateTime": range, "Filters": ["basicInfo"]})).await;
    assert_eq!(names(&between), ["假期_1", "beta"]);

    t.cloud("DeleteMedia", json!({"FileId": files[1]})).await;
    assert_eq!(names(&t.cloud(SEARCH, json!({})).await), ["假期_2", "假期_1", "alpha"]);
}

#[tokio::test]
async fn conditions_all_hold_on_sqlite() {
    check(&TestApp::start().await).await;
}

#[tokio::test]
async fn conditions_all_hold_on_postgres() {
    if let Some(t) = TestApp::on_postgres().await {
        check(&t).await;
    }
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_refused_and_not_ignored() {
    let t = TestApp::start().await;
    for (body, code) in [
        (json!({"Tags": ["x"]}), "UnknownParameter"),
        (json!({"Text": "x"}), "UnknownParameter"),
        (json!({"CreateTime": {"After": "yesterday"}}), "InvalidParameterValue"),
        (json!({"CreateTime": {"Since": "x"}}), "UnknownParameter"),
        (json!({"Offset": 4995}), "InvalidParameterValue.LimitTooLarge"),
        (json!({"NamePrefixes": vec!["x"; 11]}), "InvalidParameterValue"),
        (json!({"NamePrefixes": ["\u{0}"]}), "InvalidParameter"),
        (json!({"Sort": {"Field": "Name", "Order": "Asc"}}), "InvalidParameterValue.Sort"),
    ] {
        t.cloud_refuses(SEARCH, body, code).await;
    }
}
