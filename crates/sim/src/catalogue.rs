//! What the crates below have in tables, gathered: rules and configs.

use crate::scenario::Tables;
use protocol::config::ConfigDef;
use protocol::trace::Rule;

/// Every rule of every crate.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let all: [&'static [Rule]; 10] = [
        crate::rules::RULES,
        log::rules::RULES,
        broker::rules::RULES,
        broker::node::rules::RULES,
        coordinator::group::rules::RULES,
        coordinator::transaction::rules::RULES,
        metadata::rules::RULES,
        metadata::node::rules::RULES,
        raft::rules::RULES,
        clients::rules::RULES,
    ];
    all.into_iter().flatten()
}

/// Config tables by who reads them.
pub fn tables() -> Tables {
    let broker: Vec<&'static [ConfigDef]> = vec![
        log::BROKER_CONFIGS,
        broker::config::BROKER_CONFIGS,
        broker::node::config::NODE_CONFIGS,
        coordinator::group::config::TABLE,
        metadata::config::CONTROLLER,
        raft::config::CONFIGS,
        coordinator::transaction::config::CONFIGS,
    ];
    Tables {
        broker,
        topic: vec![log::TOPIC_CONFIGS],
        producer: vec![clients::config::PRODUCER],
        consumer: vec![clients::config::CONSUMER],
    }
}
