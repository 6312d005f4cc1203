//! The inside of a token: only the claims that somebody asks for are read, and `now` is the server's.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use reelgate_model::Time;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::path::ClaimPath;
use super::refusal::JwtRefusal;
use super::settings::JwtSettings;

/// Who a token speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user, as the issuer names them.
    pub user: String,
    /// Tags that have at least one value.
    pub tags: BTreeMap<String, Vec<String>>,
}

/// Registered claims (RFC 7519 section 4.1) come first among those that are read.
const REGISTERED: [&str; 4] = ["exp", "nbf", "iss", "aud"];
const EXP: usize = 0;
const NBF: usize = 1;
const ISS: usize = 2;
const AUD: usize = 3;

/// What is demanded of claims, prepared once.
pub(super) struct Rules {
    name: String,
    issuer: Option<String>,
    audiences: Vec<String>,
    leeway: Duration,
    user: Located,
    tags: Vec<(String, Located)>,
    /// Top claims to read; the others are skipped.
    wanted: Vec<String>,
}

/// A path, and where its top claim stands in [`Rules::wanted`].
struct Located {
    top: usize,
    path: ClaimPath,
}

/// When a token holds.
#[derive(Clone, Copy)]
pub(super) struct Validity {
    expires: Time,
    not_before: Option<Time>,
}

impl Rules {
    pub(super) fn new(settings: &JwtSettings) -> Self {
        let mut wanted: Vec<String> = REGISTERED.map(str::to_owned).into();
        let mut locate = |path: &ClaimPath| {
            let top = wanted.iter().position(|name| name == path.first()).unwrap_or_else(|| {
                wanted.push(path.first().to_owned());
                wanted.len() - 1
            });
            Located { top, path: path.clone() }
        };
        Self {
            name: settings.name.clone(),
            issuer: settings.issuer.clone(),
            audiences: settings.audiences.clone(),
            leeway: settings.leeway,
            user: locate(&settings.user),
            tags: settings.tags.iter().map(|(tag, path)| (tag.clone(), locate(path))).collect(),
            wanted,
        }
    }

    /// Checks the claims in `payload`, whose signature has been verified.
    pub(super) fn check(&self, payload: &[u8], now: Time) -> Result<(Identity, Validity), JwtRefusal> {
        let claims = self.read(payload).ok_or_else(|| self.malformed("its claims are not a JSON object"))?;
        let validity = self.validity(&claims)?;
        self.check_time(validity, now)?;
        self.check_issuer(&claims)?;
        self.check_audience(&claims)?;
        Ok((self.identity(&claims)?, validity))
    }

    /// Checks `now` against what was verified before.
    pub(super) fn check_time(&self, validity: Validity, now: Time) -> Result<(), JwtRefusal> {
        if now >= validity.expires + self.leeway {
            let seconds = now.since(validity.expires).as_secs();
            return Err(JwtRefusal::Expired { name: self.name.clone(), seconds });
        }
        if let Some(not_before) = validity.not_before
            && now < not_before - self.leeway
        {
            let seconds = (not_before - self.leeway).since(now).as_millis().div_ceil(1000);
            let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
            return Err(JwtRefusal::NotYetValid { name: self.name.clone(), seconds });
        }
        Ok(())
    }

    pub(super) fn malformed(&self, problem: &'static str) -> JwtRefusal {
        JwtRefusal::Malformed { name: self.name.clone(), problem }
    }

    fn read(&self, payload: &[u8]) -> Option<Vec<Option<Value>>> {
        let mut json = serde_json::Deserializer::from_slice(payload);
        let claims = json.deserialize_map(Wanted(&self.wanted)).ok()?;
        json.end().ok()?;
        Some(claims)
    }

    fn validity(&self, claims: &[Option<Value>]) -> Result<Validity, JwtRefusal> {
        let time = |claim: usize, problem| match &claims[claim] {
            None => Ok(None),
            Some(value) => moment(value).map(Some).ok_or_else(|| self.malformed(problem)),
        };
        let expires = time(EXP, "its claim exp is not a number of seconds")?;
        let not_before = time(NBF, "its claim nbf is not a number of seconds")?;
        let expires =
            expires.ok_or_else(|| self.malformed("it has no claim exp, so it would hold forever"))?;
        Ok(Validity { expires, not_before })
    }

    fn check_issuer(&self, claims: &[Option<Value>]) -> Result<(), JwtRefusal> {
        let Some(expected) = &self.issuer else { return Ok(()) };
        if claims[ISS].as_ref().and_then(Value::as_str) == Some(expected) {
            return Ok(());
        }
        Err(JwtRefusal::Issuer { name: self.name.clone(), expected: expected.clone() })
    }

    /// `aud` is one text or several (RFC 7519 section 4.1.3).
    fn check_audience(&self, claims: &[Option<Value>]) -> Result<(), JwtRefusal> {
        let accepted =
            |value: &Value| value.as_str().is_some_and(|text| self.audiences.iter().any(|one| one == text));
        let fits = match &claims[AUD] {
            _ if self.audiences.is_empty() => true,
            Some(Value::Array(several)) => several.iter().any(accepted),
            Some(one) => accepted(one),
            None => false,
        };
        if fits {
            return Ok(());
        }
        Err(JwtRefusal::Audience { name: self.name.clone(), expected: self.audiences.join(" or ") })
    }

    fn identity(&self, claims: &[Option<Value>]) -> Result<Identity, JwtRefusal> {
        let found = |located: &Located| located.path.below(claims[located.top].as_ref()?);
        let user = found(&self.user).and_then(user).ok_or_else(|| JwtRefusal::UserClaim {
            name: self.name.clone(),
            claim: self.user.path.clone(),
        })?;
        let tags = self.tags.iter().filter_map(|(tag, located)| {
            let values = texts(found(located)?);
            (!values.is_empty()).then(|| (tag.clone(), values))
        });
        Ok(Identity { user, tags: tags.collect() })
    }
}

/// The end of time, and less than half of what fits: the distance between any two moments still fits too.
const FOREVER: i64 = i64::MAX / 4;

/// A NumericDate: seconds, perhaps with a fraction (RFC 7519 section 2).
fn moment(value: &Value) -> Option<Time> {
    let number = value.as_number()?;
    let Time(milliseconds) = match (number.as_i64(), number.as_f64()) {
        (Some(seconds), _) => Time::from_seconds(seconds),
        // A cast of a float saturates.
        (None, Some(seconds)) => Time((seconds * 1000.0).floor() as i64),
        (None, None) => return None,
    };
    Some(Time(milliseconds.clamp(-FOREVER, FOREVER)))
}

/// A number that does not fit 64 bits would be rounded, and two users could become one: it names nobody.
fn user(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => plain(text),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => None,
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(several) => several.iter().filter_map(text).collect(),
        one => text(one).into_iter().collect(),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => plain(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Control characters would break log lines, and NUL the database.
fn plain(text: &str) -> Option<String> {
    (!text.contains(char::is_control)).then(|| text.to_owned())
}

/// Keeps the wanted members of an object, by their place in the list. A wanted member that occurs twice is refused:
/// two readers could understand the token differently (RFC 7519 section 4).
struct Wanted<'w>(&'w [String]);

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Vec<Option<Value>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kept = vec![None; self.0.len()];
        while let Some(place) = map.next_key_seed(Place(self.0))? {
            match place.and_then(|place| kept.get_mut(place)) {
                None => _ = map.next_value::<IgnoredAny>()?,
                Some(Some(_)) => return Err(A::Error::custom("a claim occurs twice")),
                Some(free) => *free = Some(map.next_value()?),
            }
        }
        Ok(kept)
    }
}

/// Reads a member's name as its place in the list, without keeping the text.
struct Place<'w>(&'w [String]);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a claim")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|wanted| wanted == name))
    }
}
