//! TypeScript twins of the cards. `web/engine/generated.ts` is what this makes; `tests/types.rs` fails when it is stale.
//!
//! `UPDATE_TYPES=1 cargo test -p offsetscope-sim --features types --test types` writes the file anew.

use super::cards::*;
use super::event_cards::*;
use crate::command::{Command, Election, MessageRef, NewRecord, Payload, SeekTo, Typed};
use crate::scenario::{App, CommitMode, Consumer, Load, Producer, Scalar, Topic};
use ts_rs::{Config, TS};

/// The whole file, ready to be written.
pub fn typescript() -> String {
    let cfg = Config::new().with_large_int("number");
    let mut out = String::from(
        "// Made from crates/sim/src/view by its `types` test; do not edit.\n// All *_us are microseconds since the scenario's start.\n",
    );
    macro_rules! all {
        ($($t:ty),* $(,)?) => { $( out.push_str("\nexport "); out.push_str(&<$t>::decl(&cfg)); out.push('\n'); )* };
    }
    all!(
        Frame,
        NodeState,
        BrokerCard,
        ControllerCard,
        TopicCard,
        PartitionCard,
        Role,
        ReplicaCard,
        SegmentCard,
        EpochCard,
        TruncatedCard,
        PinCard,
        PinKind,
        KeyCard,
        ClientState,
        ProducerCard,
        AccumulatedCard,
        GroupCard,
        MemberCard,
        OwnedCard,
        Doing,
        TimerCard,
        LinkCard,
        LedgerCard,
        EventCard,
        What,
        SubjectCard,
        FactValue,
        FactCard,
        CauseCard,
        MarkCard,
        Lane,
        MarkTone,
        KnotCard,
        BranchCard,
        InspectCard,
        StageCard,
        RefusalCard,
        Command,
        Payload,
        Typed,
        NewRecord,
        MessageRef,
        Election,
        SeekTo,
        Scalar,
        Topic,
        Producer,
        Load,
        Consumer,
        App,
        CommitMode,
    );
    let flag = |name: &str, v: u32| format!("  {name}: {v},\n");
    out.push_str("\n/** Bits of a cell's flags. */\nexport const CELL = {\n");
    for (n, v) in [
        ("aboveHw", cell::ABOVE_HW),
        ("tombstone", cell::TOMBSTONE),
        ("control", cell::CONTROL),
        ("abort", cell::ABORT),
        ("transactional", cell::TRANSACTIONAL),
        ("open", cell::OPEN),
        ("aborted", cell::ABORTED),
        ("batchStart", cell::BATCH_START),
    ] {
        out.push_str(&flag(n, v));
    }
    out.push_str(
        "} as const;\n\n/** Columns of a message in flight. */\nexport const FLIGHT = {\n",
    );
    for (n, v) in [
        ("id", flight::ID),
        ("kind", flight::KIND),
        ("from", flight::FROM),
        ("to", flight::TO),
        ("sentUs", flight::SENT_US),
        ("arrivesUs", flight::ARRIVES_US),
        ("place", flight::PLACE),
        ("firstOffset", flight::FIRST_OFFSET),
        ("records", flight::RECORDS),
        ("key", flight::KEY),
        ("state", flight::STATE),
        ("api", flight::API),
        ("error", flight::ERROR),
        ("connection", flight::CONNECTION),
        ("forward", flight::FORWARD),
        ("number", flight::NUMBER),
        ("stride", flight::STRIDE),
    ] {
        out.push_str(&flag(n, v as u32));
    }
    out.push_str("} as const;\n\n/** How a message is drawn. */\nexport const FLIGHT_KIND = {\n");
    for (n, v) in [
        ("noise", FlightKind::Noise),
        ("produce", FlightKind::Produce),
        ("produceAnswer", FlightKind::ProduceAnswer),
        ("followerFetch", FlightKind::FollowerFetch),
        ("followerData", FlightKind::FollowerData),
        ("consumerFetch", FlightKind::ConsumerFetch),
        ("consumerData", FlightKind::ConsumerData),
        ("group", FlightKind::Group),
        ("commit", FlightKind::Commit),
        ("control", FlightKind::Control),
    ] {
        out.push_str(&flag(n, v as u32));
    }
    out.push_str("} as const;\n");
    out
}

/// The rule catalogue for the page: sentences in both languages, KIP, configs, source.
pub fn rules_typescript() -> String {
    let mut out = String::from(
        "// Made from the crates' rules.rs by the `types` test of crates/sim; do not edit.\nexport const RULES = {\n",
    );
    let mut rules: Vec<_> = crate::catalogue::rules().collect();
    rules.sort_by_key(|r| r.id);
    rules.dedup_by_key(|r| r.id);
    let text = |s: &str| serde_json::to_string(s).expect("a string");
    for r in rules {
        let configs: Vec<String> = r.configs.iter().map(|c| text(c)).collect();
        let fidelity = serde_json::to_string(&r.fidelity).expect("a name");
        out.push_str(&format!(
            "  {}: {{ en: {}, ko: {}, kip: {}, source: {}, configs: [{}], fidelity: {fidelity} }},\n",
            text(r.id.0),
            text(r.en),
            text(r.ko),
            text(r.kip),
            text(r.source),
            configs.join(", "),
        ));
    }
    out.push_str("} as const;\n");
    out
}
