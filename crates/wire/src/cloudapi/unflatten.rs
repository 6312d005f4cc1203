//! Parameters as forms and queries carry them: `A.B.0.C=v` is `{"A":{"B":[{"C":"v"}]}}`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::{Map, Value};

use super::{Code, Refusal};
use crate::upload_signature::shown;

/// Most steps in one name.
const MAX_DEPTH: usize = 8;
/// Most digits of an index; what an index means is its place, and no memory is reserved by it.
const MAX_DIGITS: usize = 4;

enum Node {
    Leaf(String),
    Branch(BTreeMap<String, Node>),
}

/// The structure that decoded `pairs` stand for. Every value is a text. A level whose names are all numbers is a list in
/// their order; gaps close, as clients leave out elements without a value.
pub fn unflatten(pairs: &[(String, String)]) -> Result<Map<String, Value>, Refusal> {
    let mut root = BTreeMap::new();
    for (name, value) in pairs {
        insert(&mut root, name, value)?;
    }
    root.into_iter().map(|(name, node)| Ok((name, value_of(node)?))).collect()
}

fn insert(root: &mut BTreeMap<String, Node>, name: &str, value: &str) -> Result<(), Refusal> {
    let malformed =
        |what: &str| Refusal::new(Code::InvalidParameter, format!("the parameter {} {what}", shown(name)));
    let steps: Vec<&str> = name.splitn(MAX_DEPTH + 1, '.').collect();
    let Some((last, way)) = steps.split_last() else { return Err(malformed("has no name")) };
    if steps.len() > MAX_DEPTH {
        return Err(malformed(&format!("is nested deeper than {MAX_DEPTH} levels")));
    }
    if steps.iter().any(|step| step.is_empty()) {
        return Err(malformed("has an empty name in it"));
    }
    let mut level = root;
    for step in way {
        let node = level.entry((*step).to_owned()).or_insert_with(|| Node::Branch(BTreeMap::new()));
        match node {
            Node::Branch(below) => level = below,
            Node::Leaf(_) => return Err(malformed("is below another that has a value")),
        }
    }
    match level.entry((*last).to_owned()) {
        Entry::Vacant(place) => {
            place.insert(Node::Leaf(value.to_owned()));
            Ok(())
        }
        Entry::Occupied(_) => Err(malformed("is given twice")),
    }
}

/// Goes as deep as [`MAX_DEPTH`].
fn value_of(node: Node) -> Result<Value, Refusal> {
    let names = match node {
        Node::Leaf(text) => return Ok(Value::String(text)),
        Node::Branch(names) => names,
    };
    if !names.keys().all(|name| name.bytes().all(|byte| byte.is_ascii_digit())) {
        let members = names.into_iter().map(|(name, node)| Ok((name, value_of(node)?)));
        return members.collect::<Result<Map<_, _>, _>>().map(Value::Object);
    }
    let mut elements = Vec::with_capacity(names.len());
    for (name, node) in names {
        elements.push((index(&name)?, value_of(node)?));
    }
    elements.sort_by_key(|(index, _)| *index);
    Ok(Value::Array(elements.into_iter().map(|(_, value)| value).collect()))
}

fn index(name: &str) -> Result<u16, Refusal> {
    let plain = name.len() <= MAX_DIGITS && (name == "0" || !name.starts_with('0'));
    plain.then(|| name.parse().ok()).flatten().ok_or_else(|| {
        let sentence = format!(
            "{} is not an index of a list; indices begin at 0 and have at most {MAX_DIGITS} digits",
            shown(name)
        );
        Refusal::new(Code::InvalidParameter, sentence)
    })
}
