//! The configs of topics and brokers that the log knows, as Kafka 4.3 defines them. What gives way to what: `config`.

mod broker;
mod topic;

pub use broker::BROKER;
pub use topic::TOPIC;

use protocol::config::{ConfigDef, Range, Scope, Type};

#[allow(clippy::too_many_arguments)]
const fn def(
    name: &'static str,
    scope: Scope,
    kind: Type,
    default: Option<&'static str>,
    range: Range,
    modelled: bool,
    dynamic: bool,
    en: &'static str,
    ko: &'static str,
) -> ConfigDef {
    ConfigDef {
        name,
        scope,
        kind,
        default,
        required: false,
        range,
        modelled,
        dynamic,
        en,
        ko,
    }
}
