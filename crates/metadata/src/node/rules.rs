//! What the controller's process adds to the controller's own rules.

use protocol::trace::{Fidelity, Rule, RuleId};

pub const NODE_APPEND: RuleId = RuleId("metadata.append");
pub const NODE_PLACEMENT: RuleId = RuleId("metadata.placement");
pub const NODE_PARTITION_CHANGE: RuleId = RuleId("metadata.partition-change");
pub const NODE_REGISTRATION: RuleId = RuleId("metadata.registration");
pub const NODE_FENCING: RuleId = RuleId("metadata.fencing");
pub const NODE_CONTROLLED_SHUTDOWN: RuleId = RuleId("metadata.controlled-shutdown");

/// The catalogue of this folder.
pub static RULES: &[Rule] = &[
    Rule {
        id: NODE_APPEND,
        en: "The active controller appends its records to the metadata log and answers only when a majority has them.",
        ko: "활성 컨트롤러는 레코드를 메타데이터 로그에 추가하고, 과반수에 복제된 뒤에야 응답합니다.",
        configs: &["controller.quorum.append.linger.ms"],
        kip: "KIP-631",
        source: "QuorumController.ControllerWriteEvent",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: NODE_PLACEMENT,
        en: "A new partition gets its replicas; those that are alive form the first ISR and the first of them leads.",
        ko: "새 파티션에 레플리카를 배치합니다. 살아 있는 레플리카가 첫 ISR이 되고 그중 첫 번째가 리더가 됩니다.",
        configs: &["default.replication.factor", "num.partitions"],
        kip: "KIP-631",
        source: "ReplicationControlManager.createTopic",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: NODE_PARTITION_CHANGE,
        en: "The controller changes ISR, ELR or leader of a partition; each change raises the partition epoch, a new leader the leader epoch.",
        ko: "컨트롤러가 파티션의 ISR, ELR 또는 리더를 바꿉니다. 바뀔 때마다 파티션 에포크가, 새 리더면 리더 에포크가 올라갑니다.",
        configs: &["min.insync.replicas", "unclean.leader.election.enable"],
        kip: "KIP-966",
        source: "PartitionChangeBuilder.build",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: NODE_REGISTRATION,
        en: "A starting broker registers and gets a new broker epoch; it stays fenced until it has caught up with the metadata.",
        ko: "시작하는 브로커는 등록하고 새 브로커 에포크를 받습니다. 메타데이터를 따라잡을 때까지 격리(fenced) 상태입니다.",
        configs: &["broker.session.timeout.ms"],
        kip: "KIP-631",
        source: "ClusterControlManager.registerBroker",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: NODE_FENCING,
        en: "A broker that sends no heartbeat within its session is fenced: it leaves every ISR and leads nothing.",
        ko: "세션 안에 하트비트를 보내지 않은 브로커는 격리됩니다. 모든 ISR에서 빠지고 어떤 파티션도 이끌지 못합니다.",
        configs: &["broker.session.timeout.ms", "broker.heartbeat.interval.ms"],
        kip: "KIP-631",
        source: "ReplicationControlManager.handleBrokerFenced",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: NODE_CONTROLLED_SHUTDOWN,
        en: "A broker that wants to stop first hands its leaderships over; it may go when the others know.",
        ko: "종료하려는 브로커는 먼저 리더십을 넘깁니다. 다른 브로커가 이를 알게 되면 종료할 수 있습니다.",
        configs: &["controlled.shutdown.enable"],
        kip: "KIP-631",
        source: "ReplicationControlManager.processBrokerHeartbeat",
        fidelity: Fidelity::Modelled,
    },
];
