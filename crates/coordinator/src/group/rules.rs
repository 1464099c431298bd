//! Rules of the group coordinator, for the catalogue.

use protocol::trace::{Fidelity, Rule, RuleId};

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $id:literal {
        configs: [$($config:literal),*], kip: $kip:literal, source: $source:literal, fidelity: $fidelity:ident,
        en: $en:literal, ko: $ko:literal $(,)?
    })*) => {
        $(pub const $name: RuleId = RuleId($id);)*
        /// Every rule of the group coordinator.
        pub static RULES: &[Rule] = &[$(Rule {
            id: $name,
            en: $en,
            ko: $ko,
            configs: &[$($config),*],
            kip: $kip,
            source: $source,
            fidelity: Fidelity::$fidelity,
        },)*];
    };
}

rules! {
    CLASSIC_INITIAL_DELAY = "group.classic.initial-delay" {
        configs: ["group.initial.rebalance.delay.ms"], kip: "KIP-134", source: "GroupMetadataManager.prepareRebalance", fidelity: Modelled,
        en: "The first member of an empty group starts a delay; each new member draws it out, up to the rebalance timeout.",
        ko: "빈 그룹의 첫 멤버가 지연을 시작하고, 새 멤버가 올 때마다 리밸런스 타임아웃까지 지연이 늘어납니다.",
    }
    CLASSIC_MEMBER_ID_REQUIRED = "group.classic.member-id-required" {
        configs: [], kip: "KIP-394", source: "GroupMetadataManager.classicGroupJoinNewDynamicMember", fidelity: Modelled,
        en: "A new dynamic member is given an id and has to join again with it, so that lost answers leave no ghosts behind.",
        ko: "새 동적 멤버는 id를 받고 그 id로 다시 조인해야 하므로, 응답이 유실되어도 유령 멤버가 남지 않습니다.",
    }
    CLASSIC_PREPARE_REBALANCE = "group.classic.prepare-rebalance" {
        configs: [], kip: "", source: "GroupMetadataManager.prepareRebalance", fidelity: Modelled,
        en: "A member that joins, leaves, expires or changes what it offers makes the group rebalance: everybody has to join again.",
        ko: "멤버가 들어오거나 나가거나 만료되거나 지원 목록을 바꾸면 그룹이 리밸런스되고, 모든 멤버가 다시 조인해야 합니다.",
    }
    CLASSIC_COMPLETE_JOIN = "group.classic.complete-join" {
        configs: ["max.poll.interval.ms"], kip: "", source: "GroupMetadataManager.completeClassicGroupJoin", fidelity: Modelled,
        en: "The join phase ends when everybody has joined, or after the longest rebalance timeout without those who have not; the generation grows by one.",
        ko: "모두 조인하면 조인 단계가 끝나고, 가장 긴 리밸런스 타임아웃이 지나면 오지 않은 멤버 없이 끝나며, 세대가 1 늘어납니다.",
    }
    CLASSIC_PROTOCOL_VOTE = "group.classic.protocol-vote" {
        configs: ["partition.assignment.strategy"], kip: "", source: "ClassicGroup.selectProtocol", fidelity: Modelled,
        en: "Among the protocols that all members offer, each member votes for the first of its own list; most votes win.",
        ko: "모든 멤버가 지원하는 프로토콜 가운데 각 멤버가 자기 목록의 첫 번째에 투표하고, 가장 많은 표를 얻은 것이 선택됩니다.",
    }
    CLASSIC_SYNC_STORED = "group.classic.sync-stored" {
        configs: [], kip: "", source: "GroupMetadataManager.classicGroupSyncToClassicGroup", fidelity: Modelled,
        en: "The leader's assignment counts once its record is replicated: then every waiting member is answered and the group is stable.",
        ko: "리더의 할당은 그 레코드가 복제된 뒤에 효력이 있으며, 그때 기다리던 모든 멤버가 응답을 받고 그룹은 Stable이 됩니다.",
    }
    CLASSIC_PENDING_SYNC = "group.classic.pending-sync" {
        configs: ["max.poll.interval.ms"], kip: "", source: "GroupMetadataManager.expirePendingSync", fidelity: Modelled,
        en: "A member that was told a generation and never syncs is removed after the rebalance timeout.",
        ko: "세대를 통보받고도 싱크하지 않은 멤버는 리밸런스 타임아웃이 지나면 제거됩니다.",
    }
    CLASSIC_SESSION = "group.classic.session" {
        configs: ["session.timeout.ms", "heartbeat.interval.ms"], kip: "KIP-62", source: "GroupMetadataManager.expireClassicGroupMemberHeartbeat", fidelity: Modelled,
        en: "A member without a heartbeat for its session timeout is removed, unless one of its joins or syncs is waiting.",
        ko: "세션 타임아웃 동안 하트비트가 없는 멤버는 제거되지만, 조인이나 싱크가 대기 중이면 그대로 둡니다.",
    }
    CLASSIC_STATIC = "group.classic.static-member" {
        configs: ["group.instance.id"], kip: "KIP-345", source: "GroupMetadataManager.updateStaticMemberThenRebalanceOrCompleteJoin", fidelity: Modelled,
        en: "A static member that comes back takes its place again under a new id, without a rebalance where nothing changes for the others; the old id is fenced.",
        ko: "돌아온 정적 멤버는 새 id로 자기 자리를 되찾고, 다른 멤버에게 영향이 없으면 리밸런스도 없으며, 옛 id는 차단됩니다.",
    }
    CONSUMER_STATE = "group.consumer.state" {
        configs: [], kip: "KIP-848", source: "ConsumerGroup.maybeUpdateGroupState", fidelity: Modelled,
        en: "A consumer group is assigning while its epoch is ahead of its target, reconciling until every member has reached the target, then stable.",
        ko: "컨슈머 그룹은 에포크가 목표보다 앞서면 Assigning, 모든 멤버가 목표에 도달할 때까지 Reconciling, 그 뒤에는 Stable입니다.",
    }
    CONSUMER_EPOCH = "group.consumer.epoch" {
        configs: [], kip: "KIP-848", source: "GroupMetadataManager.updateSubscriptionMetadata", fidelity: Modelled,
        en: "The group epoch grows when a member joins, leaves or changes its subscription, or when a topic that the group wants changes.",
        ko: "멤버가 들어오거나 나가거나 구독을 바꾸면, 또는 그룹이 구독하는 토픽이 바뀌면 그룹 에포크가 늘어납니다.",
    }
    CONSUMER_TARGET = "group.consumer.target" {
        configs: ["group.consumer.assignors", "group.consumer.assignment.interval.ms"], kip: "KIP-848", source: "GroupMetadataManager.maybeUpdateTargetAssignment", fidelity: Modelled,
        en: "The broker's assignor makes a new target inside a heartbeat once the group epoch is ahead and the last target is old enough.",
        ko: "그룹 에포크가 앞서고 마지막 목표가 충분히 오래되면, 하트비트를 처리하면서 브로커의 할당자가 새 목표를 만듭니다.",
    }
    CONSUMER_RECONCILE = "group.consumer.reconcile" {
        configs: [], kip: "KIP-848", source: "CurrentAssignmentBuilder.computeNextAssignment", fidelity: Modelled,
        en: "A member first gives up what is not its target, and keeps its epoch until it says that it did; then it takes what nobody holds any more.",
        ko: "멤버는 먼저 목표에 없는 파티션을 내놓고 그것을 알릴 때까지 에포크를 유지하며, 그다음 아무도 갖고 있지 않은 파티션을 받습니다.",
    }
    CONSUMER_REMOVED = "group.consumer.removed" {
        configs: ["group.consumer.session.timeout.ms", "max.poll.interval.ms"], kip: "KIP-848", source: "GroupMetadataManager.consumerGroupFenceMember", fidelity: Modelled,
        en: "A member goes when it leaves, when its session ends, or when it does not give up its partitions within its rebalance timeout.",
        ko: "멤버는 스스로 나가거나, 세션이 끝나거나, 리밸런스 타임아웃 안에 파티션을 내놓지 않으면 제거됩니다.",
    }
    CONSUMER_EPOCH_FENCING = "group.consumer.epoch-fencing" {
        configs: [], kip: "KIP-848", source: "GroupMetadataManager.throwIfConsumerGroupMemberEpochIsInvalid", fidelity: Modelled,
        en: "A heartbeat with another epoch than the member's is fenced; the epoch before is let through where the answer may have been lost.",
        ko: "멤버의 에포크와 다른 하트비트는 차단되지만, 응답이 유실되었을 수 있는 직전 에포크는 허용됩니다.",
    }
    CONSUMER_REGEX = "group.consumer.regex" {
        configs: ["group.consumer.regex.refresh.interval.ms"], kip: "KIP-848", source: "GroupMetadataManager.maybeUpdateRegularExpressions", fidelity: Modelled,
        en: "The broker resolves regular expressions of subscriptions in the background, at most every ten seconds for a group.",
        ko: "구독의 정규식은 브로커가 백그라운드에서, 그룹마다 최대 10초에 한 번 해석합니다.",
    }
    CONSUMER_MIGRATION = "group.consumer.migration" {
        configs: ["group.consumer.migration.policy"], kip: "KIP-848", source: "GroupMetadataManager.convertToConsumerGroup", fidelity: Modelled,
        en: "A group changes to the consumer protocol when a member of it joins, and back when only classic members are left, where the policy allows it.",
        ko: "정책이 허용하면, 컨슈머 프로토콜 멤버가 들어올 때 그룹이 그 프로토콜로 바뀌고 클래식 멤버만 남으면 되돌아갑니다.",
    }
    OFFSET_COMMITTED = "group.offset.committed" {
        configs: ["offset.metadata.max.bytes"], kip: "", source: "OffsetMetadataManager.commitOffset", fidelity: Modelled,
        en: "A commit of the right member and generation or epoch is written; neither that the partition is the member's own nor that the offset grows is checked.",
        ko: "올바른 멤버와 세대(또는 에포크)의 커밋은 기록되며, 파티션이 그 멤버의 것인지나 오프셋이 커지는지는 확인하지 않습니다.",
    }
    OFFSET_ASSIGNMENT_EPOCH = "group.offset.assignment-epoch" {
        configs: [], kip: "KIP-1251", source: "ConsumerGroup.createAssignmentEpochValidator", fidelity: Modelled,
        en: "A commit with an older member epoch counts for partitions that were the member's at that epoch already.",
        ko: "이전 멤버 에포크의 커밋도 그 에포크에 이미 그 멤버의 것이던 파티션에는 유효합니다.",
    }
    OFFSET_TRANSACTIONAL = "group.offset.transactional" {
        configs: ["isolation.level"], kip: "KIP-98", source: "OffsetMetadataManager.replayEndTransactionMarker", fidelity: Modelled,
        en: "Offsets of a transaction become visible at its commit marker, unless a record written after them has replaced them.",
        ko: "트랜잭션의 오프셋은 커밋 마커에서 보이게 되지만, 그 뒤에 쓰인 레코드가 이미 대체했다면 그렇지 않습니다.",
    }
    OFFSET_REMOVED = "group.offset.removed" {
        configs: ["offsets.retention.minutes", "offsets.retention.check.interval.ms"], kip: "KIP-211", source: "OffsetMetadataManager.cleanupExpiredOffsets", fidelity: Modelled,
        en: "An offset goes when its retention is over, when its topic or group is deleted, or on request; topics that the group still wants keep theirs.",
        ko: "오프셋은 보존 기간이 지나거나, 토픽이나 그룹이 삭제되거나, 요청을 받으면 제거되며, 그룹이 아직 구독하는 토픽의 것은 유지됩니다.",
    }
    COORDINATOR_REPLAY = "group.coordinator.replay" {
        configs: ["offsets.topic.num.partitions"], kip: "", source: "CoordinatorLoaderImpl.doLoad", fidelity: Modelled,
        en: "A group's coordinator is the leader of its partition of __consumer_offsets; a new one replays that log and knows nothing else.",
        ko: "그룹의 코디네이터는 __consumer_offsets에서 그 그룹이 속한 파티션의 리더이며, 새 코디네이터는 그 로그를 다시 적용할 뿐 다른 것은 모릅니다.",
    }
    COORDINATOR_REPLICATED_ANSWER = "group.coordinator.replicated-answer" {
        configs: ["offsets.commit.timeout.ms"], kip: "", source: "CoordinatorRuntime.HighWatermarkListener", fidelity: Modelled,
        en: "An answer that rests on a write waits until the high watermark has passed it, and fails after the commit timeout.",
        ko: "쓰기에 의존하는 응답은 하이 워터마크가 그 쓰기를 지날 때까지 기다리고, 커밋 타임아웃이 지나면 실패합니다.",
    }
    COORDINATOR_BATCHING = "group.coordinator.batching" {
        configs: ["group.coordinator.append.linger.ms"], kip: "", source: "CoordinatorRuntime.append", fidelity: Simplified,
        en: "Kafka gathers the writes of several requests into one batch while it is busy; here each event is a batch of its own.",
        ko: "카프카는 바쁠 때 여러 요청의 쓰기를 한 배치로 모으지만, 여기서는 이벤트마다 배치 하나를 씁니다.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_both_sentences_and_an_id_of_its_own() {
        let ids: std::collections::BTreeSet<_> = RULES.iter().map(|r| r.id).collect();
        assert_eq!(ids.len(), RULES.len());
        for rule in RULES {
            assert!(
                rule.en.ends_with('.') && rule.ko.ends_with('.'),
                "{}",
                rule.id.0
            );
        }
    }
}
