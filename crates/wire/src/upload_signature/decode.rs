//! From text to a verified signature.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode;

use super::parameters::shown;
use super::{Parameters, Refusal};
use crate::hmac_sha1;

/// Longest signature text that is looked at, bytes. All parameters at their limits stay well below.
pub const MAX_TEXT: usize = 32 * 1024;

/// A signature that decodes (step 2) but whose MAC nobody has checked: good for explaining, never for deciding.
#[derive(Clone)]
pub struct Unverified {
    mac: [u8; hmac_sha1::LENGTH],
    original: String,
    fields: Vec<(String, String)>,
    parameters: Parameters,
}

/// A signature whose MAC matches (step 4). Only [`Unverified::verify`] makes one.
#[derive(Clone)]
pub struct UploadSignature(Unverified);

impl Unverified {
    /// Step 2: canonical base64, more than 20 bytes, a query string with the four required parameters, integers that
    /// are integers, nothing we know given twice.
    pub fn decode(text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_TEXT {
            return malformed(format!("the signature has {} bytes, more than {MAX_TEXT}", text.len()));
        }
        // The engine refuses missing padding and non-zero trailing bits, so that one signature has one text.
        let bytes = STANDARD.decode(text).map_err(|error| {
            Refusal::Malformed(format!("the signature is not standard base64 with padding: {error}"))
        })?;
        let Some((mac, original)) = bytes.split_first_chunk().filter(|(_, original)| !original.is_empty())
        else {
            return malformed(format!(
                "the signature decodes to {} bytes: a 20-byte MAC and a query string are needed",
                bytes.len()
            ));
        };
        let original = std::str::from_utf8(original)
            .map_err(|_| Refusal::Malformed("the signed query string is not UTF-8".to_owned()))?;
        let fields = fields(original)?;
        let parameters = parameters(&fields)?;
        Ok(Self { mac: *mac, original: original.to_owned(), fields, parameters })
    }

    /// Which key to verify with.
    pub fn secret_id(&self) -> &str {
        &self.parameters.secret_id
    }

    /// The exact string that was signed.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// The fields in the order they came, decoded, unknown ones included.
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// What the signature claims.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The MAC it carries, lower-case hex: the identity of the signature. Not a secret, but a replay needs it, so it
    /// stays out of logs.
    pub fn mac_hex(&self) -> String {
        hex::encode(self.mac)
    }

    /// Step 4: the MAC over the raw bytes, compared in constant time.
    pub fn verify(self, secret_key: &[u8]) -> Result<UploadSignature, Refusal> {
        if hmac_sha1::equal(&hmac_sha1::mac(secret_key, self.original.as_bytes()), &self.mac) {
            Ok(UploadSignature(self))
        } else {
            Err(Refusal::WrongMac { secret_id: shown_id(&self.parameters.secret_id) })
        }
    }
}

impl UploadSignature {
    /// What was signed. [`Parameters::check_window`] and [`Parameters::check_ranges`] are still to be asked.
    pub fn parameters(&self) -> &Parameters {
        &self.0.parameters
    }

    /// The MAC, lower-case hex: what "this very signature" means for the one-time rule.
    pub fn mac_hex(&self) -> String {
        self.0.mac_hex()
    }

    /// The fields in the order they came, decoded, unknown ones included.
    pub fn fields(&self) -> &[(String, String)] {
        &self.0.fields
    }
}

/// Who signed, for logs; the signature itself is a secret while it is valid.
impl fmt::Debug for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified").field("secret_id", &self.parameters.secret_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for UploadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadSignature")
            .field("secret_id", &self.0.parameters.secret_id)
            .finish_non_exhaustive()
    }
}

fn malformed<T>(sentence: String) -> Result<T, Refusal> {
    Err(Refusal::Malformed(sentence))
}

fn shown_id(secret_id: &str) -> String {
    secret_id.chars().take(64).collect()
}

/// Form decoding (`+` is a space), except that bytes which are not UTF-8 are refused instead of replaced.
fn fields(original: &str) -> Result<Vec<(String, String)>, Refusal> {
    let decode = |text: &str| -> Result<String, Refusal> {
        let spaced = text.replace('+', " ");
        percent_decode(spaced.as_bytes()).decode_utf8().map(Cow::into_owned).map_err(|_| {
            Refusal::Malformed(format!(
                "{} in the signed query string is not UTF-8 when decoded",
                shown(text)
            ))
        })
    };
    let pairs = original.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

fn parameters(fields: &[(String, String)]) -> Result<Parameters, Refusal> {
    let found = Known(fields);
    Ok(Parameters {
        secret_id: found.required("secretId")?.to_owned(),
        current_time_stamp: found
            .required("currentTimeStamp")
            .and_then(|v| natural("currentTimeStamp", v))?,
        expire_time: found.required("expireTime").and_then(|v| natural("expireTime", v))?,
        random: found.required("random").and_then(|v| natural("random", v))?.unsigned_abs(),
        procedure: found.text("procedure")?,
        task_priority: found.integer("taskPriority")?.unwrap_or(0),
        task_notify_mode: found.text("taskNotifyMode")?,
        class_id: found.integer("classId")?.unwrap_or(0),
        vod_sub_app_id: found
            .value("vodSubAppId")?
            .map(|v| natural("vodSubAppId", v))
            .transpose()?
            .filter(|id| *id != 0),
        one_time_valid: match found.value("oneTimeValid")? {
            None | Some("0") => false,
            Some("1") => true,
            Some(other) => return malformed(format!("oneTimeValid {} is neither 0 nor 1", shown(other))),
        },
        source_context: found.text("sourceContext")?,
        session_context: found.text("sessionContext")?,
        storage_region: found.text("storageRegion")?,
        reelgate: found.text("reelgate")?,
    })
}

/// Looks up parameters by name; an empty value is an absent one.
struct Known<'a>(&'a [(String, String)]);

impl<'a> Known<'a> {
    fn value(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        let mut found = self.0.iter().filter(|(field, _)| field == name);
        match (found.next(), found.next()) {
            (_, Some(_)) => malformed(format!("{name} is given twice")),
            (Some((_, value)), None) if !value.is_empty() => Ok(Some(value)),
            _ => Ok(None),
        }
    }

    fn required(&self, name: &str) -> Result<&'a str, Refusal> {
        self.value(name)?.ok_or_else(|| Refusal::Malformed(format!("{name} is missing")))
    }

    fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        Ok(self.value(name)?.map(str::to_owned))
    }

    /// An integer that may have a minus sign.
    fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.value(name)? else { return Ok(None) };
        let magnitude = natural(name, value.strip_prefix('-').unwrap_or(value))?;
        Ok(Some(if value.starts_with('-') { -magnitude } else { magnitude }))
    }
}

/// Decimal digits only: the vendor refuses timestamps with a fraction.
fn natural(name: &str, value: &str) -> Result<i64, Refusal> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| value.parse().ok())
        .flatten()
        .ok_or_else(|| Refusal::Malformed(format!("{name} {} is not a whole number", shown(value))))
}
