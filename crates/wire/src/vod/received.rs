//! Events as they come from the real cloud, in the 3.0 or the 2.0 format (wire reference 5.1, 5.2 and 5.4), read without losing
//! anything: what this version does not know stays byte for byte.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::sha256::sha256_hex;

/// Deepest nesting of an event that is believed to be one.
const MAX_DEPTH: usize = 64;
/// Members that belong to one delivery of an event and not to the event.
const OF_DELIVERY: [&str; 5] = ["Sign", "T", "sign", "t", "EventHandle"];

/// In which format an event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `EventType` and a member that matches it.
    V3,
    /// `version`, `eventType` and `data`.
    V2,
}

/// What is known of a received event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its format.
    pub format: Format,
    /// Its type, also one that this version does not know.
    pub event_type: String,
    /// The file it is about; `None` if it names none, or several.
    pub file_id: Option<String>,
    /// The task it is about.
    pub task_id: Option<String>,
    /// The signature's `sourceContext`, of an upload.
    pub source_context: Option<String>,
}

/// A body is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceivedError {
    /// Not a JSON object, or one with the same member twice.
    #[error("the body is not a JSON object with distinct members")]
    NotAnObject,
    /// No type, or one that is none of the vendor's.
    #[error(
        "the body has neither EventType (3.0 format) nor eventType (2.0 format) of 1 to 100 letters, digits, '.', '_' and '-' that does \
         not begin with 'reelgate.'"
    )]
    NoType,
    /// Nobody writes such an event.
    #[error("the body is nested deeper than 64 levels")]
    TooDeep,
}

/// The members of an object, in their order, as they are written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with distinct members")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, &'de RawValue)> = Vec::new();
                let mut seen = std::collections::HashSet::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if !seen.insert(name.clone()) {
                        return Err(serde::de::Error::custom("the same member twice"));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl<'a> Members<'a> {
    fn of(text: &'a str) -> Result<Self, ReceivedError> {
        serde_json::from_str(text).map_err(|_| ReceivedError::NotAnObject)
    }

    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| *value)
    }

    fn text(&self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        // Ids are numbers in some old events.
        match serde_json::from_str::<String>(value.get()) {
            Ok(text) => Some(text).filter(|text| !text.is_empty()),
            Err(_) => {
                Some(value.get().to_owned()).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            }
        }
    }

    fn object(&self, name: &str) -> Option<Self> {
        Self::of(self.get(name)?.get()).ok()
    }
}

fn utf8(body: &[u8]) -> Result<&str, ReceivedError> {
    std::str::from_utf8(body).map_err(|_| ReceivedError::NotAnObject)
}

/// Reads what this version understands of `body`.
pub fn read(body: &[u8]) -> Result<Received, ReceivedError> {
    let members = Members::of(utf8(body)?)?;
    if let Some(event_type) = members.text("EventType").filter(|name| is_type(name)) {
        // The one member that says something; which it is follows from the type, also of types that are not known.
        let content = members.0.iter().filter(|(name, _)| name != "EventType").find_map(|(name, value)| {
            let inner = Members::of(value.get()).ok()?;
            Some((name.clone(), inner))
        });
        let inner = content.map(|(_, inner)| inner);
        let inner = inner.as_ref();
        let context = inner
            .and_then(|inner| inner.object("MediaBasicInfo"))
            .and_then(|info| info.object("SourceInfo"))
            .and_then(|source| source.text("SourceContext"));
        return Ok(Received {
            format: Format::V3,
            event_type,
            file_id: inner.and_then(file_of_v3),
            task_id: inner.and_then(|inner| inner.text("TaskId")),
            source_context: context,
        });
    }
    let event_type = members.text("eventType").filter(|name| is_type(name)).ok_or(ReceivedError::NoType)?;
    let data = members.object("data");
    let data = data.as_ref();
    Ok(Received {
        format: Format::V2,
        event_type,
        file_id: data.and_then(file_of_v2),
        task_id: data.and_then(|data| data.text("vodTaskId")),
        source_context: data.and_then(|data| data.text("sourceContext")),
    })
}

/// A type becomes part of header lines and of event streams, and decides who may read the event: ours come from nobody else.
fn is_type(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=100).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with("reelgate.")
}

fn file_of_v3(inner: &Members<'_>) -> Option<String> {
    let deleted = || {
        let set: Vec<String> = serde_json::from_str(inner.get("FileIdSet")?.get()).ok()?;
        <[String; 1]>::try_from(set).ok().map(|[only]| only)
    };
    let input = || inner.object("Input")?.text("FileId");
    inner.text("FileId").or_else(deleted).or_else(input)
}

fn file_of_v2(data: &Members<'_>) -> Option<String> {
    let deleted = || {
        let info: Vec<&RawValue> = serde_json::from_str(data.get("fileInfo")?.get()).ok()?;
        let [only] = info.as_slice() else { return None };
        Members::of(only.get()).ok()?.text("fileId")
    };
    data.text("fileId").or_else(deleted)
}

/// The event without what belongs to one delivery of it (`Sign`, `T`, `EventHandle`). A body that has none of these comes back
/// unchanged; in any other every remaining value keeps its bytes.
pub fn strip(body: &[u8]) -> Result<Cow<'_, [u8]>, ReceivedError> {
    let members = Members::of(utf8(body)?)?;
    let foreign = |name: &str| OF_DELIVERY.contains(&name);
    if !members.0.iter().any(|(name, _)| foreign(name)) {
        return Ok(Cow::Borrowed(body));
    }
    let mut out = String::from("{");
    for (name, value) in members.0.iter().filter(|(name, _)| !foreign(name)) {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&serde_json::to_string(name).map_err(|_| ReceivedError::NotAnObject)?);
        out.push(':');
        out.push_str(value.get());
    }
    out.push('}');
    Ok(Cow::Owned(out.into_bytes()))
}

/// The body with another `sourceContext`, where `change` gives one; every other byte stays.
pub fn replace_source_context(
    body: &[u8],
    change: impl FnOnce(&str) -> Option<String>,
) -> Result<Cow<'_, [u8]>, ReceivedError> {
    const V3: [&str; 4] = ["FileUploadEvent", "MediaBasicInfo", "SourceInfo", "SourceContext"];
    const V2: [&str; 2] = ["data", "sourceContext"];
    let text = utf8(body)?;
    let Some(found) = at(text, &V3)?.or(at(text, &V2)?) else { return Ok(Cow::Borrowed(body)) };
    let Ok(before) = serde_json::from_str::<String>(found.get()) else { return Ok(Cow::Borrowed(body)) };
    let Some(after) = change(&before) else { return Ok(Cow::Borrowed(body)) };
    // A raw value borrows from the text it was read from, so its address is its place in it.
    let start = found.get().as_ptr() as usize - text.as_ptr() as usize;
    let end = start + found.get().len();
    let mut out = text[..start].to_owned();
    out.push_str(&serde_json::to_string(&after).map_err(|_| ReceivedError::NotAnObject)?);
    out.push_str(&text[end..]);
    Ok(Cow::Owned(out.into_bytes()))
}

fn at<'a>(text: &'a str, path: &[&str]) -> Result<Option<&'a RawValue>, ReceivedError> {
    let mut members = Members::of(text)?;
    for (n, name) in path.iter().enumerate() {
        let Some(value) = members.get(name) else { return Ok(None) };
        if n + 1 == path.len() {
            return Ok(Some(value));
        }
        let Ok(inner) = Members::of(value.get()) else { return Ok(None) };
        members = inner;
    }
    Ok(None)
}

/// What makes the event this event: the hex SHA-256 of its canonical JSON (members sorted, no white space, numbers as they are written)
/// without `Sign`, `T`, `EventHandle` and without nulls, which some ways of delivery write for what is absent.
pub fn identity(body: &[u8]) -> Result<String, ReceivedError> {
    let members = Members::of(utf8(body)?)?;
    let own: Vec<_> =
        members.0.into_iter().filter(|(name, _)| !OF_DELIVERY.contains(&name.as_str())).collect();
    let mut canonical = String::new();
    write_object(&mut canonical, own, 1)?;
    Ok(sha256_hex(canonical.as_bytes()))
}

fn write_object(
    out: &mut String,
    mut members: Vec<(String, &RawValue)>,
    depth: usize,
) -> Result<(), ReceivedError> {
    members.retain(|(_, value)| value.get() != "null");
    members.sort_by(|one, other| one.0.cmp(&other.0));
    out.push('{');
    for (n, (name, value)) in members.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        out.push_str(&serde_json::to_string(name).map_err(|_| ReceivedError::NotAnObject)?);
        out.push(':');
        write_value(out, value, depth)?;
    }
    out.push('}');
    Ok(())
}

fn write_value(out: &mut String, value: &RawValue, depth: usize) -> Result<(), ReceivedError> {
    if depth > MAX_DEPTH {
        return Err(ReceivedError::TooDeep);
    }
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{') => write_object(out, Members::of(text)?.0, depth + 1),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| ReceivedError::NotAnObject)?;
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write_value(out, item, depth + 1)?;
            }
            out.push(']');
            Ok(())
        }
        Some(b'"') => {
            // The same text may be escaped in several ways.
            let plain: String = serde_json::from_str(text).map_err(|_| ReceivedError::NotAnObject)?;
            out.push_str(&serde_json::to_string(&plain).map_err(|_| ReceivedError::NotAnObject)?);
            Ok(())
        }
        _ => {
            out.push_str(text);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UPLOAD: &str = r#"{ "EventType":"NewFileUpload", "EventHandle":"h-1","FileUploadEvent":{"FileId":"5576678019876543210",
        "Unknown":1e400,"MediaBasicInfo":{"SourceInfo":{"SourceContext":"user=42|rg1.\u0061bc", "Big":9007199254740993}}},"T":1,"Sign":"x"}"#;
    const OLD: &str = r#"{"version":"4.0","eventType":"NewFileUpload","data":{"fileId":"42","sourceContext":"a","x":[1, 2]},"t":5,"sign":"y"}"#;

    #[test]
    fn both_formats_are_read() {
        let new = read(UPLOAD.as_bytes()).unwrap();
        assert_eq!((new.format, new.event_type.as_str()), (Format::V3, "NewFileUpload"));
        assert_eq!(new.file_id.as_deref(), Some("5576678019876543210"));
        assert_eq!(new.source_context.as_deref(), Some("user=42|rg1.abc"));
        let old = read(OLD.as_bytes()).unwrap();
        assert_eq!((old.format, old.file_id.as_deref()), (Format::V2, Some("42")));
        let deleted =
            br#"{"EventType":"FileDeleted","FileUploadEvent":null,"FileDeleteEvent":{"FileIdSet":["7"]}}"#;
        assert_eq!(read(deleted).unwrap().file_id.as_deref(), Some("7"));
        let many = br#"{"EventType":"FileDeleted","FileDeleteEvent":{"FileIdSet":["7","8"]}}"#;
        assert_eq!(read(many).unwrap().file_id, None);
        let unknown = br#"{"EventType":"SomethingNew","SomethingNewEvent":{"TaskId":"t","FileId":"9"}}"#;
        let unknown = read(unknown).unwrap();
        assert_eq!((unknown.file_id.as_deref(), unknown.task_id.as_deref()), (Some("9"), Some("t")));
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for body in ["", "[]", "{", "{} x", r#"{"EventType":"a","EventType":"b"}"#, "\u{feff}{}"] {
            assert_eq!(read(body.as_bytes()), Err(ReceivedError::NotAnObject), "{body}");
        }
        assert_eq!(read(b"\xff"), Err(ReceivedError::NotAnObject));
        for body in ["{}", r#"{"EventType":""}"#, r#"{"EventType":{}}"#] {
            assert_eq!(read(body.as_bytes()), Err(ReceivedError::NoType), "{body}");
        }
        let long = "x".repeat(101);
        for name in ["a b", r"a\n", r"a\u0000", "reelgate.DeliveryDead", "\u{e9}", &long] {
            for body in [format!(r#"{{"EventType":"{name}"}}"#), format!(r#"{{"eventType":"{name}"}}"#)] {
                assert_eq!(read(body.as_bytes()), Err(ReceivedError::NoType), "{body}");
            }
        }
    }

    #[test]
    fn only_what_belongs_to_the_delivery_goes() {
        let stripped = strip(UPLOAD.as_bytes()).unwrap();
        let text = std::str::from_utf8(&stripped).unwrap();
        assert!(text.starts_with(r#"{"EventType":"NewFileUpload","FileUploadEvent":{"FileId""#), "{text}");
        assert!(text.contains("\"Unknown\":1e400") && text.contains("\"Big\":9007199254740993"), "{text}");
        assert!(text.contains(r"rg1.\u0061bc") && text.ends_with("}}}}"), "{text}");
        let odd = br#" {"EventType" : "X",  "E":{ } } "#;
        assert!(matches!(strip(odd).unwrap(), Cow::Borrowed(same) if same == odd));
    }

    #[test]
    fn the_context_is_replaced_and_nothing_else() {
        let cut = |text: &str| text.split_once("|rg1.").map(|(before, _)| before.to_owned());
        let new = replace_source_context(UPLOAD.as_bytes(), cut).unwrap();
        let expected = UPLOAD.replace(r#""user=42|rg1.\u0061bc""#, r#""user=42""#);
        assert_eq!(std::str::from_utf8(&new).unwrap(), expected);
        let old = replace_source_context(OLD.as_bytes(), |_| Some("b\"".to_owned())).unwrap();
        assert_eq!(std::str::from_utf8(&old).unwrap(), OLD.replace(r#""a""#, r#""b\"""#));
        assert!(matches!(replace_source_context(OLD.as_bytes(), cut).unwrap(), Cow::Borrowed(_)));
        assert!(matches!(replace_source_context(b"{\"a\":1}", cut).unwrap(), Cow::Borrowed(_)));
    }

    #[test]
    fn the_same_event_has_one_identity_however_it_comes() {
        let pushed = br#"{"EventType":"X","XEvent":{"A":"b","N":1},"Sign":"s","T":5}"#;
        let pulled =
            br#"{"EventHandle":"h","YEvent":null,"XEvent":{"N":1,"A":"\u0062","M":null},"EventType":"X"}"#;
        assert_eq!(identity(pushed).unwrap(), identity(pulled).unwrap());
        let other = br#"{"EventType":"X","XEvent":{"A":"b","N":2}}"#;
        assert_ne!(identity(pushed).unwrap(), identity(other).unwrap());
        let near = br#"{"EventType":"X","N":90071992547409931}"#;
        let nearer = br#"{"EventType":"X","N":90071992547409932}"#;
        assert_ne!(identity(near).unwrap(), identity(nearer).unwrap(), "ids keep every digit");
    }

    #[test]
    fn endless_nesting_is_an_error() {
        let deep = format!("{{\"EventType\":\"X\",\"E\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(identity(deep.as_bytes()), Err(ReceivedError::TooDeep));
        let deep = format!("{{\"EventType\":\"X\",\"E\":{}1{}}}", "{\"a\":".repeat(5000), "}".repeat(5000));
        assert_eq!(identity(deep.as_bytes()), Err(ReceivedError::TooDeep));
    }

    proptest! {
        #[test]
        fn nothing_panics(body in "[\\[\\]{}\":,0-9a-zEventTypeSgn\\\\ ]{0,80}") {
            let bytes = body.as_bytes();
            let _ = (read(bytes), strip(bytes).map(drop), identity(bytes));
            let _ = replace_source_context(bytes, |text| Some(text.to_owned()));
        }

        #[test]
        fn stripping_does_not_change_who_it_is(a in "[a-z]{1,8}", n in any::<u64>(), handle in "[a-z0-9]{1,8}") {
            let bare = format!(r#"{{"EventType":"X","XEvent":{{"{a}":{n},"Z":"{a}"}}}}"#);
            let dressed = format!(
                r#"{{"XEvent":{{"Z":"{a}", "{a}" : {n}}},"EventHandle":"{handle}","T":{n},"EventType":"X"}}"#
            );
            prop_assert_eq!(identity(bare.as_bytes()).unwrap(), identity(dressed.as_bytes()).unwrap());
            let stripped = strip(dressed.as_bytes()).unwrap().into_owned();
            prop_assert_eq!(identity(&stripped).unwrap(), identity(bare.as_bytes()).unwrap());
        }
    }
}
