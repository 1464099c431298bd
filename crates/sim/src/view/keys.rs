//! Numbers of keys: 1, 2, 3 … in each topic, in order of first sight; 0 is the null key.
//!
//! The page colours cells by them. They are kept beside the run, not in it, so that a key keeps its colour when somebody
//! goes back in time or takes another branch.

use bytes::Bytes;
use protocol::Name;
use std::collections::BTreeMap;

/// A topic with more keys than this shows the rest in the last one's colour; what tells them apart then is their name.
const MAX_KEYS: u32 = 4_096;

#[derive(Clone, Debug, Default)]
struct Topic {
    numbers: BTreeMap<Bytes, u32>,
    texts: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Keys {
    topics: BTreeMap<Name, Topic>,
}

impl Keys {
    /// The number of a key in its topic.
    pub fn number(&mut self, topic: &Name, key: Option<&Bytes>) -> u32 {
        let Some(key) = key else { return 0 };
        if !self.topics.contains_key(topic) {
            self.topics.insert(topic.clone(), Topic::default());
        }
        let known = self.topics.get_mut(topic).expect("was just put there");
        if let Some(n) = known.numbers.get(key) {
            return *n;
        }
        let next = known.texts.len() as u32 + 1;
        if next > MAX_KEYS {
            return MAX_KEYS;
        }
        known.numbers.insert(key.clone(), next);
        known.texts.push(text(key));
        next
    }

    /// How the key with that number reads.
    pub fn text(&self, topic: &Name, number: u32) -> Option<&str> {
        let at = (number as usize).checked_sub(1)?;
        self.topics.get(topic)?.texts.get(at).map(String::as_str)
    }

    pub fn topics(&self) -> impl Iterator<Item = &Name> {
        self.topics.keys()
    }
}

/// Bytes as a person reads them: text where it is text, a number where it is four or eight bytes of one, else hex.
pub fn text(bytes: &[u8]) -> String {
    const LONGEST: usize = 64;
    let printable = |s: &str| !s.chars().any(char::is_control);
    match std::str::from_utf8(bytes) {
        Ok(s) if printable(s) => s.chars().take(LONGEST).collect(),
        _ => match bytes.len() {
            4 => i32::from_be_bytes(bytes.try_into().expect("four bytes")).to_string(),
            8 => i64::from_be_bytes(bytes.try_into().expect("eight bytes")).to_string(),
            _ => {
                let shown = bytes.iter().take(LONGEST / 2).map(|b| format!("{b:02x}"));
                format!("0x{}", shown.collect::<String>())
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_number_and_reads_as_what_it_is() {
        let (topic, mut keys): (Name, _) = ("orders".into(), Keys::default());
        let dia = Bytes::from_static(b"dia");
        let int = Bytes::from_static(&[0, 0, 0, 42]);
        assert_eq!(keys.number(&topic, Some(&dia)), 1);
        assert_eq!(keys.number(&topic, Some(&int)), 2);
        assert_eq!(keys.number(&topic, Some(&dia)), 1);
        assert_eq!(keys.number(&topic, None), 0);
        assert_eq!(
            keys.text(&topic, 2),
            Some("42"),
            "an int32, not the text 42"
        );
        assert_eq!(text(&[0xff, 0x00]), "0xff00");
    }
}
