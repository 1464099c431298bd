//! The rules of the control plane, each with its sentence, its configs and where Kafka keeps it.
//!
//! Sentences only; the code that obeys is named by the source.

use protocol::trace::{Fidelity, Rule, RuleId};

pub const BROKER_REGISTRATION: RuleId = RuleId("broker.registration");
pub const BROKER_EPOCH: RuleId = RuleId("broker.epoch");
pub const BROKER_DUPLICATE: RuleId = RuleId("broker.duplicate-registration");
pub const BROKER_SESSION_TIMEOUT: RuleId = RuleId("broker.session-timeout");
pub const BROKER_FENCED: RuleId = RuleId("broker.fenced");
pub const BROKER_UNFENCED: RuleId = RuleId("broker.unfenced");
pub const BROKER_CONTROLLED_SHUTDOWN: RuleId = RuleId("broker.controlled-shutdown");
pub const BROKER_UNCLEAN_SHUTDOWN: RuleId = RuleId("broker.unclean-shutdown");
pub const BROKER_UNREGISTERED: RuleId = RuleId("broker.unregistered");
pub const PARTITION_EPOCHS: RuleId = RuleId("partition.epochs");
pub const ISR_ALTER_PARTITION: RuleId = RuleId("isr.alter-partition");
pub const ISR_ELIGIBLE: RuleId = RuleId("isr.eligible");
pub const ISR_LAST_MEMBER: RuleId = RuleId("isr.last-member");
pub const ISR_EFFECTIVE_MIN: RuleId = RuleId("isr.effective-min");
pub const ELR_MAINTENANCE: RuleId = RuleId("elr.maintenance");
pub const ELR_CLEAR: RuleId = RuleId("elr.clear");
pub const ELR_LAST_KNOWN: RuleId = RuleId("elr.last-known-leader");
pub const ELECTION_CLEAN: RuleId = RuleId("election.clean");
pub const ELECTION_ELR: RuleId = RuleId("election.elr");
pub const ELECTION_LAST_KNOWN: RuleId = RuleId("election.last-known");
pub const ELECTION_UNCLEAN: RuleId = RuleId("election.unclean");
pub const ELECTION_NOBODY: RuleId = RuleId("election.nobody");
pub const ELECTION_PREFERRED: RuleId = RuleId("election.preferred");
pub const TOPIC_CREATED: RuleId = RuleId("topic.created");
pub const TOPIC_DELETED: RuleId = RuleId("topic.deleted");
pub const PARTITIONS_ADDED: RuleId = RuleId("topic.partitions-added");
pub const REASSIGNMENT_BEGUN: RuleId = RuleId("reassignment.begun");
pub const REASSIGNMENT_COMPLETED: RuleId = RuleId("reassignment.completed");
pub const REASSIGNMENT_CANCELLED: RuleId = RuleId("reassignment.cancelled");
pub const DIRECTORY_OFFLINE: RuleId = RuleId("directory.offline");
pub const DIRECTORY_ASSIGNED: RuleId = RuleId("directory.assigned");
pub const DIRECTORY_CORDONED: RuleId = RuleId("directory.cordoned");
pub const CONFIG_ALTERED: RuleId = RuleId("config.altered");
pub const CONFIG_ELR_SAFETY: RuleId = RuleId("config.elr-safety");
pub const FEATURE_UPDATED: RuleId = RuleId("feature.updated");
pub const PRODUCER_IDS: RuleId = RuleId("controller.producer-ids");
pub const CONTROLLER_ACTIVATION: RuleId = RuleId("controller.activation");
pub const CONTROLLER_SOFT_STATE: RuleId = RuleId("controller.soft-state");
pub const METADATA_TRANSACTIONS: RuleId = RuleId("metadata.transactions");
pub const METADATA_SECURITY: RuleId = RuleId("metadata.security");
pub const METADATA_QUOTAS: RuleId = RuleId("metadata.quotas");
pub const METADATA_POLICIES: RuleId = RuleId("metadata.policies");

const fn rule(
    id: RuleId,
    en: &'static str,
    ko: &'static str,
    configs: &'static [&'static str],
    kip: &'static str,
    source: &'static str,
) -> Rule {
    Rule {
        id,
        en,
        ko,
        configs,
        kip,
        source,
        fidelity: Fidelity::Modelled,
    }
}

pub static RULES: &[Rule] = &[
    rule(
        BROKER_REGISTRATION,
        "A starting broker registers with the controller and is fenced until it has read the metadata up to its own registration.",
        "시작한 브로커는 컨트롤러에 등록하고, 자신의 등록 레코드까지 메타데이터를 읽을 때까지 펜싱된 상태로 남습니다.",
        &[],
        "KIP-631",
        "ClusterControlManager.registerBroker",
    ),
    rule(
        BROKER_EPOCH,
        "A broker's epoch is the metadata offset at which its registration was written, so a restarted broker is told from its former self.",
        "브로커 에폭은 등록이 기록된 메타데이터 오프셋이므로, 다시 시작한 브로커를 이전의 자신과 구별할 수 있습니다.",
        &[],
        "KIP-631",
        "ClusterControlManager.registerBroker",
    ),
    rule(
        BROKER_DUPLICATE,
        "While the session of a broker id is valid, no other incarnation can register under it.",
        "브로커 ID의 세션이 살아 있는 동안에는 다른 프로세스가 같은 ID로 등록할 수 없습니다.",
        &["broker.session.timeout.ms"],
        "KIP-631",
        "ClusterControlManager.registerBroker",
    ),
    rule(
        BROKER_SESSION_TIMEOUT,
        "A broker without a heartbeat for longer than its session timeout is fenced, one broker at a time.",
        "세션 타임아웃보다 오래 하트비트가 없는 브로커는 한 번에 하나씩 펜싱됩니다.",
        &["broker.session.timeout.ms"],
        "KIP-631",
        "ReplicationControlManager.maybeFenceOneStaleBroker",
    ),
    rule(
        BROKER_FENCED,
        "A fenced broker leaves every ISR and leads nothing.",
        "펜싱된 브로커는 모든 ISR에서 빠지고 어떤 파티션도 이끌지 못합니다.",
        &[],
        "KIP-631",
        "ReplicationControlManager.handleBrokerFenced",
    ),
    rule(
        BROKER_UNFENCED,
        "A broker that has caught up is unfenced, and partitions without a leader may elect it.",
        "메타데이터를 따라잡은 브로커는 펜싱이 풀리고, 리더가 없는 파티션이 그 브로커를 리더로 뽑을 수 있습니다.",
        &[],
        "KIP-631",
        "ReplicationControlManager.handleBrokerUnfenced",
    ),
    rule(
        BROKER_CONTROLLED_SHUTDOWN,
        "A broker that wants to stop first hands its leaderships over, and may go once every active broker has read of it.",
        "멈추려는 브로커는 먼저 리더 역할을 넘기고, 활성 브로커가 모두 그 사실을 읽은 뒤에 종료할 수 있습니다.",
        &["controlled.shutdown.enable"],
        "KIP-841",
        "BrokerHeartbeatManager.calculateNextBrokerState",
    ),
    rule(
        BROKER_UNCLEAN_SHUTDOWN,
        "A broker that registers anew without proof of a clean shutdown may have lost records, and leaves ISR and ELR.",
        "정상 종료를 증명하지 못하고 다시 등록한 브로커는 레코드를 잃었을 수 있으므로 ISR과 ELR에서 빠집니다.",
        &["eligible.leader.replicas.version"],
        "KIP-966",
        "ReplicationControlManager.handleBrokerShutdown",
    ),
    rule(
        BROKER_UNREGISTERED,
        "Unregistering a broker takes it out of every ISR, but not out of every ELR.",
        "브로커 등록을 해제하면 모든 ISR에서 빠지지만, ELR에는 남을 수 있습니다.",
        &[],
        "KIP-631",
        "ReplicationControlManager.handleBrokerUnregistered",
    ),
    rule(
        PARTITION_EPOCHS,
        "Every change of a partition raises its partition epoch; naming a leader, even the same one, raises the leader epoch too.",
        "파티션이 바뀔 때마다 파티션 에폭이 오르고, 같은 리더라도 리더를 다시 정하면 리더 에폭도 오릅니다.",
        &[],
        "KIP-497",
        "PartitionRegistration.merge",
    ),
    rule(
        ISR_ALTER_PARTITION,
        "A leader changes its ISR by asking the controller, which checks both epochs before it writes.",
        "리더는 컨트롤러에 요청해 ISR을 바꾸고, 컨트롤러는 두 에폭을 확인한 뒤에 기록합니다.",
        &[],
        "KIP-497",
        "ReplicationControlManager.validateAlterPartitionData",
    ),
    rule(
        ISR_ELIGIBLE,
        "Only registered, unfenced brokers that are not shutting down, with the epoch the leader saw, may join an ISR.",
        "등록되어 있고 펜싱되지 않았으며 종료 중이 아니고 리더가 본 에폭과 같은 브로커만 ISR에 들어갈 수 있습니다.",
        &[],
        "KIP-841, KIP-903",
        "ReplicationControlManager.ineligibleReplicasForIsr",
    ),
    rule(
        ISR_LAST_MEMBER,
        "Without ELR the last member of an ISR stays in it when it dies, and only it can lead cleanly again.",
        "ELR이 없으면 마지막 ISR 멤버는 죽어도 ISR에 남고, 그 브로커만 안전하게 다시 리더가 될 수 있습니다.",
        &[],
        "",
        "PartitionChangeBuilder.build",
    ),
    rule(
        ISR_EFFECTIVE_MIN,
        "The minimum ISR that counts is the smaller of min.insync.replicas and the number of replicas of partition 0.",
        "실제로 쓰이는 최소 ISR은 min.insync.replicas와 파티션 0의 복제본 수 중 작은 값입니다.",
        &["min.insync.replicas"],
        "KIP-966",
        "ReplicationControlManager.getTopicEffectiveMinIsr",
    ),
    rule(
        ELR_MAINTENANCE,
        "Below the minimum ISR, whoever leaves the ISR stays eligible to lead, because the high watermark cannot pass it.",
        "최소 ISR보다 작을 때 ISR에서 빠진 복제본은 하이 워터마크가 더 나아가지 못하므로 리더 후보(ELR)로 남습니다.",
        &["min.insync.replicas", "eligible.leader.replicas.version"],
        "KIP-966",
        "PartitionChangeBuilder.maybePopulateTargetElr",
    ),
    rule(
        ELR_CLEAR,
        "Changing min.insync.replicas empties the ELR and forgets the last known leader, both being kept for another minimum.",
        "min.insync.replicas를 바꾸면 이전 최소값에 맞춰 둔 ELR과 마지막 리더 정보가 지워집니다.",
        &["min.insync.replicas"],
        "KIP-966",
        "ConfigurationControlManager.createClearElrRecordsAsNeeded",
    ),
    rule(
        ELR_LAST_KNOWN,
        "When a partition loses its leader, the controller remembers who led it last.",
        "파티션이 리더를 잃으면 컨트롤러는 마지막 리더를 기억합니다.",
        &["eligible.leader.replicas.version"],
        "KIP-966",
        "PartitionChangeBuilder.maybeUpdateLastKnownLeader",
    ),
    rule(
        ELECTION_CLEAN,
        "The leader stays if it may; otherwise the first replica in the ISR that is alive leads.",
        "현재 리더가 유지될 수 있으면 유지하고, 아니면 ISR에 있는 살아 있는 첫 번째 복제본이 리더가 됩니다.",
        &[],
        "",
        "PartitionChangeBuilder.electAnyLeader",
    ),
    rule(
        ELECTION_ELR,
        "With an empty ISR, a live member of the ELR leads without loss.",
        "ISR이 비어 있으면 살아 있는 ELR 멤버가 유실 없이 리더가 됩니다.",
        &["eligible.leader.replicas.version"],
        "KIP-966",
        "PartitionChangeBuilder.isValidNewLeader",
    ),
    rule(
        ELECTION_LAST_KNOWN,
        "With ISR and ELR empty, the last known leader leads again when it returns, even where unclean elections are off.",
        "ISR과 ELR이 모두 비면, 언클린 리더 선출이 꺼져 있어도 마지막 리더가 돌아왔을 때 다시 리더가 됩니다.",
        &["eligible.leader.replicas.version"],
        "KIP-966",
        "PartitionChangeBuilder.canElectLastKnownLeader",
    ),
    rule(
        ELECTION_UNCLEAN,
        "An unclean election takes any live replica rather than none: committed records may be lost.",
        "언클린 리더 선출은 리더가 없는 상태를 피하려고 살아 있는 복제본이면 무엇이든 리더로 뽑으므로, 커밋된 레코드가 유실될 수 있습니다.",
        &[
            "unclean.leader.election.enable",
            "unclean.leader.election.interval.ms",
        ],
        "KIP-106",
        "PartitionChangeBuilder.electAnyLeader",
    ),
    rule(
        ELECTION_NOBODY,
        "No replica that may lead is alive: the partition has no leader.",
        "리더가 될 수 있는 복제본이 살아 있지 않아 파티션에 리더가 없습니다.",
        &["unclean.leader.election.enable"],
        "",
        "PartitionChangeBuilder.electLeader",
    ),
    rule(
        ELECTION_PREFERRED,
        "The first replica is the preferred leader, and gets its partition back from time to time or when asked.",
        "첫 번째 복제본이 선호 리더이며, 주기적으로 또는 요청이 있을 때 리더 자리를 되찾습니다.",
        &[
            "auto.leader.rebalance.enable",
            "leader.imbalance.check.interval.seconds",
        ],
        "KIP-460",
        "ReplicationControlManager.maybeBalancePartitionLeaders",
    ),
    rule(
        TOPIC_CREATED,
        "A new topic's replicas are spread over racks and brokers from random starting points; its ISR are those alive.",
        "새 토픽의 복제본은 임의의 시작점에서 랙과 브로커에 고르게 놓이고, 살아 있는 복제본이 ISR이 됩니다.",
        &["default.replication.factor", "num.partitions"],
        "KIP-36",
        "StripedReplicaPlacer.place",
    ),
    rule(
        TOPIC_DELETED,
        "Deleting a topic removes its id; a topic of the same name created later is another one.",
        "토픽을 지우면 그 ID가 없어지며, 같은 이름으로 나중에 만든 토픽은 다른 토픽입니다.",
        &[],
        "KIP-516",
        "ReplicationControlManager.deleteTopics",
    ),
    rule(
        PARTITIONS_ADDED,
        "Partitions can be added to a topic, never removed; keys may land elsewhere from then on.",
        "파티션은 늘릴 수만 있고 줄일 수 없으며, 그 뒤로는 같은 키가 다른 파티션으로 갈 수 있습니다.",
        &[],
        "KIP-195",
        "ReplicationControlManager.createPartitions",
    ),
    rule(
        REASSIGNMENT_BEGUN,
        "A reassignment first adds the new replicas; the old ones stay until the new ones are in sync.",
        "파티션 재할당은 먼저 새 복제본을 더하고, 새 복제본이 동기화될 때까지 이전 복제본을 남겨 둡니다.",
        &[],
        "KIP-455",
        "ReplicationControlManager.changePartitionReassignment",
    ),
    rule(
        REASSIGNMENT_COMPLETED,
        "A reassignment completes when every added replica is in the ISR, and with fewer replicas when the whole target is.",
        "추가한 복제본이 모두 ISR에 들어오면 재할당이 끝나고, 복제본 수가 줄 때는 목표 전체가 ISR에 있어야 끝납니다.",
        &[],
        "KIP-455",
        "PartitionReassignmentReplicas.maybeCompleteReassignment",
    ),
    rule(
        REASSIGNMENT_CANCELLED,
        "Cancelling a reassignment drops the added replicas and keeps the order of the others as it is now.",
        "재할당을 취소하면 추가한 복제본만 빠지고, 나머지의 순서는 지금 그대로 남습니다.",
        &["unclean.leader.election.enable"],
        "KIP-455",
        "ReplicationControlManager.cancelPartitionReassignment",
    ),
    rule(
        DIRECTORY_OFFLINE,
        "Replicas in a log directory that failed leave ISR and leadership; the broker's other replicas stay.",
        "고장 난 로그 디렉터리의 복제본은 ISR과 리더 자리에서 빠지고, 그 브로커의 다른 복제본은 그대로 남습니다.",
        &[],
        "KIP-858",
        "ReplicationControlManager.handleDirectoriesOffline",
    ),
    rule(
        DIRECTORY_ASSIGNED,
        "A broker tells the controller in which of its log directories a replica lies.",
        "브로커는 복제본이 어느 로그 디렉터리에 있는지 컨트롤러에 알립니다.",
        &[],
        "KIP-858",
        "ReplicationControlManager.handleAssignReplicasToDirs",
    ),
    rule(
        DIRECTORY_CORDONED,
        "A broker whose log directories are all cordoned gets no new replicas from the placer.",
        "모든 로그 디렉터리가 차단된(cordoned) 브로커에는 새 복제본이 배치되지 않습니다.",
        &["cordoned.log.dirs"],
        "KIP-1066",
        "BrokerRegistration.hasUncordonedDirs",
    ),
    rule(
        CONFIG_ALTERED,
        "Dynamic configs are records of the metadata log; a refused key spoils its resource and no other.",
        "동적 설정은 메타데이터 로그의 레코드이며, 거부된 키가 하나라도 있으면 그 리소스의 변경만 무효가 됩니다.",
        &[],
        "KIP-339",
        "ConfigurationControlManager.incrementalAlterConfigs",
    ),
    rule(
        CONFIG_ELR_SAFETY,
        "With ELR, min.insync.replicas belongs to the cluster and to topics: no single broker may have its own.",
        "ELR을 쓰면 min.insync.replicas는 클러스터와 토픽에만 둘 수 있고 브로커마다 다르게 둘 수 없습니다.",
        &["min.insync.replicas"],
        "KIP-966",
        "ConfigurationControlManager.validateAlterConfig",
    ),
    rule(
        FEATURE_UPDATED,
        "A feature level changes only if every broker and controller supports the new one.",
        "기능 수준은 모든 브로커와 컨트롤러가 지원할 때만 바뀝니다.",
        &[],
        "KIP-584",
        "FeatureControlManager.updateFeatures",
    ),
    rule(
        PRODUCER_IDS,
        "The controller gives brokers producer ids in blocks of 1000.",
        "컨트롤러는 프로듀서 ID를 1000개씩 묶어 브로커에 나눠 줍니다.",
        &[],
        "KIP-730",
        "ProducerIdControlManager.generateNextProducerId",
    ),
    rule(
        CONTROLLER_ACTIVATION,
        "The leader of the quorum is the active controller; it already holds the state, for it has replayed the same log.",
        "쿼럼의 리더가 활성 컨트롤러이며, 같은 로그를 재생해 왔으므로 상태를 이미 가지고 있습니다.",
        &[],
        "KIP-631",
        "QuorumController.claim",
    ),
    rule(
        CONTROLLER_SOFT_STATE,
        "Sessions and heartbeats are not in the log: a new active controller gives every unfenced broker a fresh session.",
        "세션과 하트비트는 로그에 없으므로, 새 활성 컨트롤러는 펜싱되지 않은 브로커마다 새 세션을 시작합니다.",
        &["broker.session.timeout.ms"],
        "KIP-631",
        "ClusterControlManager.activate",
    ),
    Rule {
        fidelity: Fidelity::Simplified,
        ..rule(
            METADATA_TRANSACTIONS,
            "The records of bootstrap come in one metadata transaction; brokers apply it record by record here.",
            "부트스트랩 레코드는 하나의 메타데이터 트랜잭션으로 기록됩니다. 여기서는 브로커가 레코드마다 바로 적용합니다.",
            &[],
            "KIP-868",
            "OffsetControlManager",
        )
    },
    Rule {
        fidelity: Fidelity::Absent,
        ..rule(
            METADATA_SECURITY,
            "ACLs, SCRAM credentials and delegation tokens are not kept.",
            "ACL, SCRAM 인증 정보, 위임 토큰은 다루지 않습니다.",
            &[],
            "",
            "AclControlManager",
        )
    },
    Rule {
        fidelity: Fidelity::Absent,
        ..rule(
            METADATA_QUOTAS,
            "Client quotas and the controller's mutation quota are not kept.",
            "클라이언트 할당량과 컨트롤러 변경 할당량은 다루지 않습니다.",
            &["controller.quota.window.num"],
            "KIP-599",
            "ClientQuotaControlManager",
        )
    },
    Rule {
        fidelity: Fidelity::Absent,
        ..rule(
            METADATA_POLICIES,
            "Policies for topics and configs, which are classes of the administrator's own, do not exist.",
            "관리자가 직접 만드는 토픽·설정 정책 클래스는 없습니다.",
            &[
                "create.topic.policy.class.name",
                "alter.config.policy.class.name",
            ],
            "KIP-108",
            "ReplicationControlManager.maybeCheckCreateTopicPolicy",
        )
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_has_its_own_id_and_both_sentences() {
        let ids: BTreeSet<_> = RULES.iter().map(|r| r.id).collect();
        assert_eq!(ids.len(), RULES.len());
        for rule in RULES {
            let korean = rule.ko.chars().any(|c| ('가'..='힣').contains(&c));
            assert!(
                korean && rule.en.ends_with('.') && rule.ko.ends_with('.'),
                "{}",
                rule.id.0
            );
            assert!(!rule.source.is_empty(), "{}", rule.id.0);
        }
    }
}
