//! The vendor's way to write a choice: a tag member, and one of many members that matches it.

/// Defines an enum `{"<tag>": "<word>", "<member>": {…}}` with its serde code. Reading ignores other members, and
/// refuses words that are not listed.
macro_rules! tagged {
    ($(#[$meta:meta])* $name:ident by $tag:literal {
        $($(#[$vmeta:meta])* $variant:ident($content:ty) = $word:literal in $member:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name { $($(#[$vmeta])* $variant(Box<$content>)),+ }

        impl $name {
            /// The tag's word.
            pub fn word(&self) -> &'static str {
                match self { $(Self::$variant(_) => $word),+ }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry($tag, self.word())?;
                match self { $(Self::$variant(content) => map.serialize_entry($member, content)?),+ }
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error;
                let mut members = serde_json::Map::deserialize(deserializer)?;
                let word = members.get($tag).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
                match word.as_str() {
                    $($word => members
                        .remove($member)
                        .ok_or_else(|| Error::missing_field($member))
                        .and_then(|content| serde_json::from_value(content).map_err(Error::custom))
                        .map(Self::$variant),)+
                    other => Err(Error::custom(format_args!("unknown {} {other:?}", $tag))),
                }
            }
        }
    };
}

pub(super) use tagged;
