//! The rules of transactions, each with its sentence, its configs and where Kafka keeps it.

use super::state::TransactionState;
use protocol::trace::{Fidelity, Rule, RuleId};

pub const INIT: RuleId = RuleId("txn.init-producer-id");
pub const ADD: RuleId = RuleId("txn.add-partitions");
pub const DECIDE: RuleId = RuleId("txn.decide");
pub const COMPLETE: RuleId = RuleId("txn.complete");
pub const EXPIRE: RuleId = RuleId("txn.expire");
pub const PENDING: RuleId = RuleId("txn.pending");
pub const FENCE: RuleId = RuleId("txn.fence");
pub const EPOCH_BUMP: RuleId = RuleId("txn.epoch-bump");
pub const TIMEOUT: RuleId = RuleId("txn.timeout");
pub const MARKERS: RuleId = RuleId("txn.markers");
pub const FAILOVER: RuleId = RuleId("txn.failover");
pub const VERIFY: RuleId = RuleId("txn.verify");
pub const PRODUCER_IDS: RuleId = RuleId("txn.producer-ids");

/// The rule by which a transaction gets into a state.
pub(super) const fn for_state(state: TransactionState) -> RuleId {
    match state {
        TransactionState::Empty => INIT,
        TransactionState::Ongoing => ADD,
        TransactionState::PrepareCommit | TransactionState::PrepareAbort => DECIDE,
        TransactionState::CompleteCommit | TransactionState::CompleteAbort => COMPLETE,
        TransactionState::Dead => EXPIRE,
        TransactionState::PrepareEpochFence => FENCE,
    }
}

pub static RULES: &[Rule] = &[
    Rule {
        id: INIT,
        en: "A new instance of a producer gets the next epoch of its id; when the epochs are used up, a new id at epoch 0.",
        ko: "새로 시작한 프로듀서는 자기 id의 다음 에폭을 받습니다. 에폭을 다 쓰면 새 id와 에폭 0을 받습니다.",
        configs: &["transaction.max.timeout.ms"],
        kip: "KIP-98",
        source: "TransactionCoordinator.handleInitProducerId",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: ADD,
        en: "Partitions join a transaction before anything counts there; the first ones start its clock.",
        ko: "파티션은 먼저 트랜잭션에 등록됩니다. 첫 등록 때 타임아웃 시계가 시작됩니다.",
        configs: &[],
        kip: "KIP-98",
        source: "TransactionMetadata.prepareAddPartitions",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: DECIDE,
        en: "The decision is written and replicated first, then the producer is answered and the markers go out.",
        ko: "결정을 먼저 기록하고 복제한 뒤에 프로듀서에게 답하고 마커를 보냅니다.",
        configs: &[],
        kip: "KIP-98",
        source: "TransactionCoordinator.endTransaction",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: COMPLETE,
        en: "When every partition has its marker, the transaction is written as complete and the next one may begin.",
        ko: "모든 파티션에 마커가 기록되면 트랜잭션이 완료로 기록되고 다음 트랜잭션을 시작할 수 있습니다.",
        configs: &[],
        kip: "KIP-98",
        source: "TransactionMarkerChannelManager.maybeWriteTxnCompletion",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: EXPIRE,
        en: "An id without a transaction for the expiration time gets a tombstone and is forgotten.",
        ko: "만료 시간 동안 트랜잭션이 없는 id는 툼스톤이 기록되고 지워집니다.",
        configs: &[
            "transactional.id.expiration.ms",
            "transaction.remove.expired.transaction.cleanup.interval.ms",
        ],
        kip: "KIP-98",
        source: "TransactionStateManager.removeExpiredTransactionalIds",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: PENDING,
        en: "While one change of an id is being written, every other request for it is told CONCURRENT_TRANSACTIONS.",
        ko: "한 id의 변경이 기록되는 동안 같은 id의 다른 요청은 CONCURRENT_TRANSACTIONS를 받습니다.",
        configs: &[],
        kip: "KIP-98",
        source: "TransactionMetadata.pendingTransitionInProgress",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: FENCE,
        en: "A new instance aborts the open transaction of the old one with a raised epoch and has to come back for its own.",
        ko: "새 인스턴스는 올린 에폭으로 이전 인스턴스의 트랜잭션을 중단시키고, 자기 에폭은 다시 요청해서 받습니다.",
        configs: &[],
        kip: "KIP-98",
        source: "TransactionMetadata.prepareFenceProducerEpoch",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: EPOCH_BUMP,
        en: "With transaction version 2 the epoch rises at the end of every transaction, so that nothing late can join the next one.",
        ko: "트랜잭션 버전 2에서는 트랜잭션이 끝날 때마다 에폭이 올라, 늦게 온 쓰기가 다음 트랜잭션에 섞이지 않습니다.",
        configs: &["transaction.version"],
        kip: "KIP-890",
        source: "TransactionMetadata.prepareAbortOrCommit",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: TIMEOUT,
        en: "A transaction open for longer than its timeout is aborted at the next check, by raising the epoch.",
        ko: "타임아웃을 넘긴 트랜잭션은 다음 점검 때 에폭을 올려 중단시킵니다.",
        configs: &["transaction.abort.timed.out.transaction.cleanup.interval.ms"],
        kip: "KIP-98",
        source: "TransactionCoordinator.abortTimedOutTransactions",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: MARKERS,
        en: "A marker that a partition's leader could not write is sent again until it is; one refused for a newer epoch is given up.",
        ko: "파티션 리더가 쓰지 못한 마커는 될 때까지 다시 보냅니다. 더 새로운 에폭 때문에 거절되면 그만둡니다.",
        configs: &[],
        kip: "KIP-98",
        source: "TransactionMarkerRequestCompletionHandler.onComplete",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: FAILOVER,
        en: "A new coordinator loads the log, finishes what was decided, and never changes a decision.",
        ko: "새 코디네이터는 로그를 읽어 결정된 트랜잭션을 마무리하며, 결정을 바꾸지 않습니다.",
        configs: &[],
        kip: "KIP-98",
        source: "TransactionStateManager.loadTransactionsForTxnTopicPartition",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: VERIFY,
        en: "A broker asks whether a partition is in the transaction before it takes the first record of it there.",
        ko: "브로커는 트랜잭션의 첫 레코드를 받기 전에 그 파티션이 트랜잭션에 있는지 확인합니다.",
        configs: &["transaction.partition.verification.enable"],
        kip: "KIP-890",
        source: "TransactionCoordinator.handleVerifyPartitionsInTransaction",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: PRODUCER_IDS,
        en: "Producer ids come in blocks of a thousand from the controller; a used id is never given again.",
        ko: "프로듀서 id는 컨트롤러에서 천 개씩 받아 오며, 한 번 쓴 id는 다시 쓰지 않습니다.",
        configs: &[],
        kip: "KIP-730",
        source: "RPCProducerIdManager.generateProducerId",
        fidelity: Fidelity::Modelled,
    },
];
