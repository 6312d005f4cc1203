//! Reading the parameters of an action, one by one. What is left over in the end is a mistake of the caller: a filter that
//! was silently ignored would answer another question than the one that was asked.

use serde_json::{Map, Value};

use super::{Code, Refusal, unflatten};
use crate::upload_signature::shown;

/// The parameters of one request, or the members of a structure in it.
#[derive(Debug, Clone)]
pub struct Fields {
    members: Map<String, Value>,
    /// Name of the structure with a dot behind it; empty at the top.
    prefix: String,
    /// Whether they came as a form, in which numbers are texts.
    flat: bool,
}

impl Fields {
    /// The parameters in a JSON body; an empty body has none.
    pub fn of_json(body: &[u8]) -> Result<Self, Refusal> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self { members: Map::new(), prefix: String::new(), flat: false });
        }
        let malformed = |what: String| Refusal::new(Code::InvalidParameter, what);
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self { members, prefix: String::new(), flat: false }),
            Ok(_) => Err(malformed("the body is not a JSON object".to_owned())),
            Err(error) => Err(malformed(format!("the body is not JSON: {error}"))),
        }
    }

    /// The parameters in a form or query, decoded.
    pub fn of_pairs(pairs: &[(String, String)]) -> Result<Self, Refusal> {
        Ok(Self { members: unflatten(pairs)?, prefix: String::new(), flat: true })
    }

    /// Takes a parameter; null is as good as absent.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &str, wanted: &str, found: &Value) -> Refusal {
        let found = match found {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "another number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        let sentence = format!("the parameter {}{name} must be {wanted}, but is {found}", self.prefix);
        Refusal::new(Code::InvalidParameter, sentence)
    }

    /// A text.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => self.plain(name, value).map(Some),
        }
    }

    /// A text without NUL, which no name, FileId or template has, and no database takes.
    fn plain(&self, name: &str, value: Value) -> Result<String, Refusal> {
        match value {
            Value::String(text) if text.contains('\0') => {
                let sentence = format!("the parameter {}{name} has a NUL character in it", self.prefix);
                Err(Refusal::new(Code::InvalidParameter, sentence))
            }
            Value::String(text) => Ok(text),
            other => Err(self.wrong(name, "a text", &other)),
        }
    }

    /// A text that must be there and not be empty.
    pub fn required_text(&mut self, name: &str) -> Result<String, Refusal> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| Refusal::missing(&format!("{}{name}", self.prefix)))
    }

    /// A whole number.
    pub fn number(&mut self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.take(name) else { return Ok(None) };
        self.whole(&value).map(Some).ok_or_else(|| self.wrong(name, "a whole number", &value))
    }

    fn whole(&self, value: &Value) -> Option<i64> {
        match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) if self.flat => text.parse().ok(),
            _ => None,
        }
    }

    /// A list of texts.
    pub fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        let wanted = "a list of texts";
        let elements = match self.take(name) {
            None => return Ok(None),
            Some(Value::Array(elements)) => elements,
            Some(other) => return Err(self.wrong(name, wanted, &other)),
        };
        let text = |element| self.plain(&format!("{name}.*"), element);
        elements.into_iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// A structure.
    pub fn structure(&mut self, name: &str) -> Result<Option<Self>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(self.below(name, members))),
            Some(other) => Err(self.wrong(name, "an object", &other)),
        }
    }

    /// A list of structures.
    pub fn structures(&mut self, name: &str) -> Result<Option<Vec<Self>>, Refusal> {
        let elements = match self.take(name) {
            None => return Ok(None),
            Some(Value::Array(elements)) => elements,
            Some(other) => return Err(self.wrong(name, "a list of objects", &other)),
        };
        let structure = |(index, element): (usize, Value)| match element {
            Value::Object(members) => Ok(self.below(&format!("{name}.{index}"), members)),
            other => Err(self.wrong(&format!("{name}.{index}"), "an object", &other)),
        };
        elements.into_iter().enumerate().map(structure).collect::<Result<_, _>>().map(Some)
    }

    fn below(&self, name: &str, members: Map<String, Value>) -> Self {
        Self { members, prefix: format!("{}{name}.", self.prefix), flat: self.flat }
    }

    /// Everything must have been taken; null stands for nothing.
    pub fn finish(self) -> Result<(), Refusal> {
        let Some((name, _)) = self.members.iter().find(|(_, value)| !value.is_null()) else { return Ok(()) };
        let sentence = format!(
            "the parameter {} is not offered here by this action; leave it out",
            shown(&format!("{}{name}", self.prefix))
        );
        Err(Refusal::new(Code::UnknownParameter, sentence))
    }
}
