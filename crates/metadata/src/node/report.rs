//! Tells what a controller's records change: who leads, the ISR, epochs, fencing.
//!
//! It compares two images where the records say that something may differ. It decides nothing.

use super::rules;
use crate::image::{MetadataImage, TopicImage};
use crate::record::{ApiMessageAndVersion, MetadataRecord};
use crate::registration::BrokerRegistration;
use protocol::trace::{Fact, FactKey, FactKind, RuleId, Subject, Value};
use protocol::{Ctx, NodeId, TopicPartition, Uuid};

/// Reports what `records` changed on the way from one image to the next.
pub(super) fn changes(
    me: NodeId,
    before: &MetadataImage,
    after: &MetadataImage,
    records: &[ApiMessageAndVersion],
    ctx: &mut Ctx<'_>,
) {
    for record in records {
        match &record.message {
            MetadataRecord::Partition(r) => {
                partition(before, after, r.topic_id, r.partition_id, ctx)
            }
            MetadataRecord::PartitionChange(r) => {
                partition(before, after, r.topic_id, r.partition_id, ctx)
            }
            MetadataRecord::RegisterBroker(r) => broker(before, after, r.broker_id, ctx),
            MetadataRecord::UnregisterBroker(r) => broker(before, after, r.broker_id, ctx),
            MetadataRecord::BrokerRegistrationChange(r) => broker(before, after, r.broker_id, ctx),
            _ => {}
        }
    }
    if before.offset != after.offset {
        let key = FactKey::new(FactKind::MetadataOffset, Subject::Node(me));
        ctx.changed(
            key,
            before.offset.get(),
            after.offset.get(),
            rules::NODE_APPEND,
            Vec::new,
        );
    }
}

fn ids(nodes: &[NodeId]) -> Value {
    Value::Ids(nodes.iter().map(|n| n.get()).collect())
}

fn partition(
    before: &MetadataImage,
    after: &MetadataImage,
    topic_id: Uuid,
    partition: i32,
    ctx: &mut Ctx<'_>,
) {
    let Some(topic) = after.topics.topic(topic_id) else {
        return;
    };
    let Some(new) = topic.partition(partition) else {
        return;
    };
    let old = before
        .topics
        .topic(topic_id)
        .and_then(|t: &TopicImage| t.partition(partition));
    let tp = TopicPartition::new(topic.name.clone(), partition);
    let key = |kind| FactKey::partition(kind, &tp);
    let int = |v: Option<i64>| v.map_or(Value::None, Value::Int);
    let rule = if old.is_none() {
        rules::NODE_PLACEMENT
    } else {
        rules::NODE_PARTITION_CHANGE
    };
    let liveness = || -> Vec<Fact> {
        let fenced = |id: &NodeId| {
            let fenced = after.cluster.broker(*id).is_some_and(|b| b.fenced);
            Fact::new(FactKey::new(FactKind::Fenced, Subject::Node(*id)), fenced)
        };
        new.replicas.iter().map(fenced).collect()
    };
    ctx.changed(
        key(FactKind::Replicas),
        old.map_or(Value::None, |p| ids(&p.replicas)),
        ids(&new.replicas),
        rule,
        Vec::new,
    );
    ctx.changed(
        key(FactKind::Isr),
        old.map_or(Value::None, |p| ids(&p.isr)),
        ids(&new.isr),
        rule,
        liveness,
    );
    let elected = || {
        let mut facts = liveness();
        facts.push(Fact {
            key: key(FactKind::Isr),
            value: ids(&new.isr),
        });
        facts.push(Fact {
            key: key(FactKind::Elr),
            value: ids(&new.elr),
        });
        facts
    };
    let leader = |id: NodeId| Value::Int(id.get().into());
    ctx.changed(
        key(FactKind::Leader),
        old.map_or(Value::None, |p| leader(p.leader)),
        leader(new.leader),
        rule,
        elected,
    );
    ctx.changed(
        key(FactKind::LeaderEpoch),
        int(old.map(|p| p.leader_epoch.get().into())),
        i64::from(new.leader_epoch.get()),
        rule,
        Vec::new,
    );
    ctx.changed(
        key(FactKind::PartitionEpoch),
        int(old.map(|p| p.partition_epoch.get().into())),
        i64::from(new.partition_epoch.get()),
        rule,
        Vec::new,
    );
    ctx.changed(
        key(FactKind::Elr),
        old.map_or(Value::Ids(Vec::new()), |p| ids(&p.elr)),
        ids(&new.elr),
        rule,
        Vec::new,
    );
}

fn broker(before: &MetadataImage, after: &MetadataImage, id: NodeId, ctx: &mut Ctx<'_>) {
    let (old, new) = (before.cluster.broker(id), after.cluster.broker(id));
    let mut tell = |kind, rule: RuleId, f: &dyn Fn(&BrokerRegistration) -> Value| {
        let value = |b: Option<&BrokerRegistration>| b.map_or(Value::None, f);
        ctx.changed(
            FactKey::new(kind, Subject::Node(id)),
            value(old),
            value(new),
            rule,
            Vec::new,
        );
    };
    tell(FactKind::BrokerEpoch, rules::NODE_REGISTRATION, &|b| {
        Value::Int(b.epoch.get())
    });
    tell(FactKind::Fenced, rules::NODE_FENCING, &|b| {
        Value::Bool(b.fenced)
    });
    tell(
        FactKind::ShuttingDown,
        rules::NODE_CONTROLLED_SHUTDOWN,
        &|b| Value::Bool(b.in_controlled_shutdown),
    );
}
