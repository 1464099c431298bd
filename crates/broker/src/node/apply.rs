//! Committed metadata arrives: it becomes the broker's image, and its replicas hear of it (`BrokerMetadataPublisher`).

use super::Node;
use crate::node::config::known;
use metadata::image::{ConfigResource, ConfigResourceType};
use metadata::record::ApiMessageAndVersion;
use metadata::{MetadataDelta, MetadataImage};
use protocol::record::RecordBatch;
use protocol::trace::{FactKey, FactKind, Subject};
use protocol::wire::Outbox;
use protocol::{Ctx, Name, Offset};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Node {
    /// Applies what the quorum has committed, all of it as one step.
    pub(super) fn apply_batches(
        &mut self,
        batches: Vec<RecordBatch>,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        let Some(last) = batches.last().map(|b| Offset(b.last_offset())) else {
            return;
        };
        let mut delta = MetadataDelta::new(self.image.clone());
        for batch in batches.iter().filter(|b| !b.is_control()) {
            for record in batch.records().expect("committed batches are whole") {
                let record = record.expect("committed records are whole");
                let value = record.value.expect("a metadata record has a value");
                let message = ApiMessageAndVersion::decode(&value)
                    .expect("written by a controller like ours");
                let replayed = delta.replay(&message.message, Offset(record.offset));
                replayed.expect("a committed record fits what came before it");
            }
        }
        let before = self.image.offset;
        self.publish(delta, ctx, out);
        // control batches move the offset on without a record
        self.image.offset = last;
        let key = FactKey::new(FactKind::MetadataOffset, Subject::Node(self.id()));
        ctx.changed(
            key,
            before.get(),
            last.get(),
            super::rules::METADATA_APPLY,
            Vec::new,
        );
    }

    fn publish(&mut self, delta: MetadataDelta, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        let (base, image) = (delta.base().clone(), delta.image().clone());
        self.apply_log_configs(&delta, &base, &image);
        self.replicas.apply_metadata_delta(&delta, ctx);
        self.image = image;
        self.set_group_configs(&delta);
        self.groups_follow_metadata(&delta, ctx, out);
    }

    /// Topics that are new, or whose settings or defaults have changed, get their settings.
    fn apply_log_configs(
        &mut self,
        delta: &MetadataDelta,
        base: &MetadataImage,
        image: &MetadataImage,
    ) {
        let mut names: BTreeSet<Name> = BTreeSet::new();
        let defaults_changed = delta
            .changed_configs
            .iter()
            .any(|r| r.kind == ConfigResourceType::Broker);
        if defaults_changed {
            names.extend(image.topics.iter().map(|t| t.name.clone()));
        }
        for resource in &delta.changed_configs {
            if resource.kind == ConfigResourceType::Topic {
                names.insert(resource.name.clone());
            }
        }
        for id in delta
            .changed_topics
            .keys()
            .filter(|id| base.topics.topic(**id).is_none())
        {
            names.extend(image.topics.topic(*id).map(|t| t.name.clone()));
        }
        for name in names {
            let topic = image
                .configs
                .of(&ConfigResource::topic(name.clone()))
                .cloned()
                .unwrap_or_default();
            let config = self.config.topic_log_over(&topic, image);
            self.replicas.set_log_config(&name, Arc::new(config));
        }
    }
}

impl super::NodeConfig {
    /// A topic's settings over the dynamic ones of this broker, of all brokers, and the static ones, in this order.
    fn topic_log_over(
        &self,
        topic: &BTreeMap<Name, Name>,
        image: &MetadataImage,
    ) -> log::LogConfig {
        let mut properties = self.properties.clone();
        for resource in [
            ConfigResource::cluster(),
            ConfigResource::node(self.node_id),
        ] {
            for (name, value) in image.configs.of(&resource).into_iter().flatten() {
                let candidate = BTreeMap::from([(name.to_string(), value.to_string())]);
                if known(log::BROKER_CONFIGS, &candidate).is_ok() {
                    properties.extend(candidate);
                }
            }
        }
        let with_dynamic = Self {
            properties,
            ..self.clone()
        };
        with_dynamic.topic_log(topic)
    }
}
