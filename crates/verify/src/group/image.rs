//! The topics of a case: the metadata image that the coordinator is shown.

use coordinator::runtime::{MetadataDelta, MetadataView, TopicView};
use protocol::{Name, Uuid};
use serde_json::Value;
use std::collections::BTreeMap;

struct Topic {
    id: Uuid,
    partitions: i32,
    racks: Vec<Vec<Name>>,
}

pub struct Image {
    topics: BTreeMap<Name, Topic>,
    version: i64,
}

fn topic(json: &Value) -> (Name, Topic) {
    let racks = json["partition_racks"].as_array().map(|partitions| {
        let names = |racks: &Value| -> Vec<Name> {
            let racks = racks.as_array().map(Vec::as_slice).unwrap_or_default();
            racks
                .iter()
                .filter_map(|r| r.as_str())
                .map(Name::from)
                .collect()
        };
        partitions.iter().map(names).collect()
    });
    let topic = Topic {
        id: Uuid::parse(json["topic_id"].as_str().expect("topic_id")).expect("a topic id"),
        partitions: json["partitions"].as_i64().expect("partitions") as i32,
        racks: racks.unwrap_or_default(),
    };
    (json["name"].as_str().expect("name").into(), topic)
}

impl Image {
    pub fn new(topics: &Value) -> Self {
        let topics = topics.as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            topics: topics.iter().map(topic).collect(),
            version: 1,
        }
    }

    /// A topic is created, grows or goes: the next image.
    pub fn apply(&mut self, op: &str, input: &Value) -> MetadataDelta {
        self.version += 1;
        let mut delta = MetadataDelta::default();
        let name: Name = input["name"].as_str().expect("name").into();
        match op {
            "delete_topic" => {
                let gone = self.topics.remove(&name).expect("a topic of the image");
                delta.deleted.push((name, gone.id));
            }
            "create_topic" => {
                self.topics.extend([topic(input)]);
                delta.created.push(name.clone());
                delta.changed.push(name);
            }
            _ => {
                let (_, grown) = topic(input);
                self.topics.insert(name.clone(), grown);
                delta.changed.push(name);
            }
        }
        delta
    }
}

impl Image {
    fn view(&self, name: &Name, topic: &Topic) -> TopicView {
        TopicView {
            name: name.clone(),
            id: topic.id,
            partitions: topic.partitions,
        }
    }
}

impl MetadataView for Image {
    fn version(&self) -> i64 {
        self.version
    }

    fn topic(&self, name: &str) -> Option<TopicView> {
        let (name, topic) = self.topics.get_key_value(name)?;
        Some(self.view(name, topic))
    }

    fn topic_by_id(&self, id: Uuid) -> Option<TopicView> {
        let found = self.topics.iter().find(|(_, topic)| topic.id == id);
        found.map(|(name, topic)| self.view(name, topic))
    }

    fn partition_racks(&self, topic: &str, partition: i32) -> Vec<Name> {
        let racks = self
            .topics
            .get(topic)
            .and_then(|t| t.racks.get(partition as usize));
        racks.cloned().unwrap_or_default()
    }

    fn topics(&self) -> Vec<TopicView> {
        self.topics
            .iter()
            .map(|(name, topic)| self.view(name, topic))
            .collect()
    }
}
