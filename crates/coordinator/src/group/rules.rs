//! Rules of the group coordinator, for the catalogue.

use protocol::trace::{Fidelity, Rule, RuleId};

pub const CLASSIC_INITIAL_DELAY: RuleId = RuleId("group.classic.initial-delay");
pub const CLASSIC_PREPARE_REBALANCE: RuleId = RuleId("group.classic.prepare-rebalance");
pub const CLASSIC_COMPLETE_JOIN: RuleId = RuleId("group.classic.complete-join");
pub const CLASSIC_SYNC_STORED: RuleId = RuleId("group.classic.sync-stored");

const fn rule(
    id: RuleId,
    configs: &'static [&'static str],
    kip: &'static str,
    source: &'static str,
    en: &'static str,
    ko: &'static str,
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

/// Every rule of the group coordinator.
pub static RULES: &[Rule] = &[
    rule(
        CLASSIC_INITIAL_DELAY,
        &["group.initial.rebalance.delay.ms"],
        "KIP-134",
        "GroupMetadataManager.prepareRebalance",
        "The first member of an empty group starts a delay; each new member draws it out, up to the rebalance timeout.",
        "빈 그룹의 첫 멤버가 지연을 시작하고, 새 멤버가 올 때마다 리밸런스 타임아웃까지 지연이 늘어납니다.",
    ),
    rule(
        CLASSIC_PREPARE_REBALANCE,
        &[],
        "",
        "GroupMetadataManager.prepareRebalance",
        "A member that joins, leaves, expires or changes what it offers makes the group rebalance: everybody has to join again.",
        "멤버가 들어오거나 나가거나 만료되거나 지원 목록을 바꾸면 그룹이 리밸런스되고, 모든 멤버가 다시 조인해야 합니다.",
    ),
    rule(
        CLASSIC_COMPLETE_JOIN,
        &["max.poll.interval.ms"],
        "",
        "GroupMetadataManager.completeClassicGroupJoin",
        "The join phase ends when everybody has joined, or after the longest rebalance timeout without those who have not; the generation grows by one.",
        "모두 조인하면 조인 단계가 끝나고, 가장 긴 리밸런스 타임아웃이 지나면 오지 않은 멤버 없이 끝나며, 세대가 1 늘어납니다.",
    ),
    rule(
        CLASSIC_SYNC_STORED,
        &[],
        "",
        "GroupMetadataManager.classicGroupSyncToClassicGroup",
        "The leader's assignment counts once its record is replicated: then every waiting member is answered and the group is stable.",
        "리더의 할당은 그 레코드가 복제된 뒤에 효력이 있으며, 그때 기다리던 모든 멤버가 응답을 받고 그룹은 Stable이 됩니다.",
    ),
];
