//! The configs that the transaction coordinator obeys.

use protocol::Ms;
use protocol::config::{ConfigDef, Range, Scope, Type};

/// Values, with Kafka's defaults (`TransactionConfig`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransactionConfig {
    /// `transaction.max.timeout.ms`
    pub max_timeout_ms: i32,
    /// `transactional.id.expiration.ms`
    pub expiration_ms: Ms,
    /// `transaction.two.phase.commit.enable`
    pub two_phase_commit_enable: bool,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`
    pub abort_timed_out_interval_ms: Ms,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`
    pub remove_expired_interval_ms: Ms,
}

impl Default for TransactionConfig {
    fn default() -> Self {
        Self {
            max_timeout_ms: 900_000,
            expiration_ms: 604_800_000,
            two_phase_commit_enable: false,
            abort_timed_out_interval_ms: 10_000,
            remove_expired_interval_ms: 3_600_000,
        }
    }
}

const fn def(
    name: &'static str,
    kind: Type,
    default: &'static str,
    modelled: bool,
    en: &'static str,
    ko: &'static str,
) -> ConfigDef {
    let range = match kind {
        Type::Boolean => Range::Any,
        _ => Range::AtLeast(1.0),
    };
    ConfigDef {
        name,
        scope: Scope::Broker,
        kind,
        default: Some(default),
        required: false,
        range,
        modelled,
        dynamic: false,
        en,
        ko,
    }
}

/// `TransactionStateManagerConfig`, `TransactionLogConfig`. All are read at start.
pub static CONFIGS: &[ConfigDef] = &[
    def(
        "transaction.max.timeout.ms",
        Type::Int,
        "900000",
        true,
        "Longest transaction time-out that a producer may ask for.",
        "프로듀서가 요청할 수 있는 가장 긴 트랜잭션 타임아웃입니다.",
    ),
    def(
        "transactional.id.expiration.ms",
        Type::Int,
        "604800000",
        true,
        "A transactional id without a transaction for so long is forgotten.",
        "이 시간 동안 트랜잭션이 없는 transactional.id는 지워집니다.",
    ),
    def(
        "transaction.two.phase.commit.enable",
        Type::Boolean,
        "false",
        true,
        "Producers may open transactions that never time out.",
        "타임아웃이 없는 트랜잭션을 프로듀서에게 허용합니다.",
    ),
    def(
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        Type::Int,
        "10000",
        true,
        "How often the coordinator looks for transactions that are out of time.",
        "코디네이터가 시간을 넘긴 트랜잭션을 찾는 주기입니다.",
    ),
    def(
        "transaction.remove.expired.transaction.cleanup.interval.ms",
        Type::Int,
        "3600000",
        true,
        "How often the coordinator looks for transactional ids to forget.",
        "코디네이터가 지울 transactional.id를 찾는 주기입니다.",
    ),
    def(
        "transaction.state.log.num.partitions",
        Type::Int,
        "50",
        true,
        "Partitions of __transaction_state; an id lives on the one that its hash gives.",
        "__transaction_state의 파티션 수입니다. id의 해시로 파티션이 정해집니다.",
    ),
];
