//! The rules of the log, each with its sentence, its configs and where Kafka keeps it.
//!
//! Sentences only; the code that obeys is named by the source.

use protocol::trace::{Fidelity, Rule, RuleId};

pub const BATCH_OFFSETS: RuleId = RuleId("log.batch-offsets");
pub const BATCH_ONE: RuleId = RuleId("log.one-batch");
pub const BATCH_SIZE: RuleId = RuleId("log.batch-size");
pub const BATCH_CHECKSUM: RuleId = RuleId("log.checksum");
pub const BATCH_SEGMENT_SIZE: RuleId = RuleId("log.append-larger-than-segment");
pub const TIMESTAMP_RANGE: RuleId = RuleId("log.timestamp-range");
pub const TIMESTAMP_LOG_APPEND: RuleId = RuleId("log.timestamp-log-append");
pub const KEY_REQUIRED: RuleId = RuleId("log.key-required");
pub const RECOMPRESSION: RuleId = RuleId("log.recompression");
pub const FOLLOWER_OFFSETS: RuleId = RuleId("log.follower-offsets");
pub const FOLLOWER_NEWER_EPOCH: RuleId = RuleId("log.follower-newer-epoch");
pub const ROLL: RuleId = RuleId("log.roll");
pub const ROLL_JITTER: RuleId = RuleId("log.roll-jitter");
pub const INDEX_ENTRY: RuleId = RuleId("log.index-entry");
pub const FLUSH: RuleId = RuleId("log.flush");
pub const HW_CLAMP: RuleId = RuleId("log.hw-clamp");
pub const HW_INSIDE_BATCH: RuleId = RuleId("log.hw-inside-batch");
pub const LSO: RuleId = RuleId("log.last-stable-offset");
pub const LOG_START: RuleId = RuleId("log.start-offset");
pub const TRUNCATE: RuleId = RuleId("log.truncate");
pub const EPOCH_CACHE: RuleId = RuleId("log.leader-epoch-cache");
pub const EPOCH_END: RuleId = RuleId("log.leader-epoch-end");
pub const READ_PARTIAL: RuleId = RuleId("log.read-partial");
pub const LOOKUP_TIME: RuleId = RuleId("log.lookup-time");
pub const TIERED: RuleId = RuleId("log.tiered-storage");
pub const RETENTION_PREFIX: RuleId = RuleId("retention.prefix");
pub const RETENTION_TIME: RuleId = RuleId("retention.time");
pub const RETENTION_SIZE: RuleId = RuleId("retention.size");
pub const RETENTION_ACTIVE: RuleId = RuleId("retention.active-segment");
pub const DELETE_DELAY: RuleId = RuleId("retention.delete-delay");
pub const RECOVERY_CLEAN: RuleId = RuleId("recovery.clean-shutdown");
pub const RECOVERY_SCAN: RuleId = RuleId("recovery.scan");
pub const RECOVERY_SWAP: RuleId = RuleId("recovery.swap");
pub const RECOVERY_POWER: RuleId = RuleId("recovery.power-loss");
pub const PRODUCER_DUPLICATE: RuleId = RuleId("producer.duplicate");
pub const PRODUCER_SEQUENCE: RuleId = RuleId("producer.sequence");
pub const PRODUCER_EPOCH: RuleId = RuleId("producer.epoch");
pub const PRODUCER_EXPIRY: RuleId = RuleId("producer.expiry");
pub const PRODUCER_SNAPSHOT: RuleId = RuleId("producer.snapshot");
pub const TXN_VERIFICATION: RuleId = RuleId("transaction.verification");
pub const TXN_MARKER_EPOCH: RuleId = RuleId("transaction.marker-epoch");
pub const TXN_ABORTED_INDEX: RuleId = RuleId("transaction.aborted-index");
pub const CLEAN_RANGE: RuleId = RuleId("compaction.range");
pub const CLEAN_SELECTION: RuleId = RuleId("compaction.selection");
pub const CLEAN_NEWEST: RuleId = RuleId("compaction.newest-of-key");
pub const CLEAN_TOMBSTONE: RuleId = RuleId("compaction.tombstone");
pub const CLEAN_EMPTY_BATCH: RuleId = RuleId("compaction.empty-batch");
pub const CLEAN_MARKER: RuleId = RuleId("compaction.marker");
pub const CLEAN_OFFSET_MAP: RuleId = RuleId("compaction.offset-map");
pub const CLEAN_GROUP: RuleId = RuleId("compaction.group");
pub const CLEAN_THREADS: RuleId = RuleId("compaction.threads");

const fn rule(
    id: RuleId,
    en: &'static str,
    ko: &'static str,
    configs: &'static [&'static str],
    kip: &'static str,
    source: &'static str,
    fidelity: Fidelity,
) -> Rule {
    Rule {
        id,
        en,
        ko,
        configs,
        kip,
        source,
        fidelity,
    }
}

/// The catalogue of this crate.
pub static RULES: &[Rule] = &[
    rule(
        BATCH_OFFSETS,
        "The leader gives a batch the next offsets and its leader epoch; neither lies under the checksum.",
        "리더는 배치에 다음 오프셋과 자신의 리더 에폭을 적습니다. 둘 다 체크섬 밖에 있습니다.",
        &[],
        "KIP-98",
        "LogValidator.validateMessagesAndAssignOffsets",
        Fidelity::Modelled,
    ),
    rule(
        BATCH_ONE,
        "A client append holds exactly one batch that counts from 0; anything else is INVALID_RECORD.",
        "클라이언트가 보내는 추가 요청에는 0부터 세는 배치가 정확히 하나 있어야 하며, 아니면 INVALID_RECORD입니다.",
        &[],
        "",
        "LogValidator.validateBatch",
        Fidelity::Modelled,
    ),
    rule(
        BATCH_SIZE,
        "A batch above max.message.bytes is refused by the leader; a follower takes it.",
        "max.message.bytes보다 큰 배치를 리더는 거절하지만 팔로워는 받습니다.",
        &["max.message.bytes"],
        "",
        "UnifiedLog.analyzeAndValidateRecords",
        Fidelity::Modelled,
    ),
    rule(
        BATCH_CHECKSUM,
        "A batch whose CRC-32C is wrong is refused whole.",
        "CRC-32C가 맞지 않는 배치는 통째로 거절됩니다.",
        &[],
        "",
        "UnifiedLog.analyzeAndValidateRecords",
        Fidelity::Modelled,
    ),
    rule(
        BATCH_SEGMENT_SIZE,
        "An append larger than a segment is RECORD_LIST_TOO_LARGE.",
        "세그먼트보다 큰 추가는 RECORD_LIST_TOO_LARGE입니다.",
        &["segment.bytes"],
        "",
        "UnifiedLog.append",
        Fidelity::Modelled,
    ),
    rule(
        TIMESTAMP_RANGE,
        "Under CreateTime, one record outside the allowed window around the broker's clock refuses the whole batch.",
        "CreateTime에서는 레코드 하나라도 브로커 시계의 허용 범위를 벗어나면 배치 전체가 거절됩니다.",
        &[
            "message.timestamp.before.max.ms",
            "message.timestamp.after.max.ms",
        ],
        "KIP-937",
        "LogValidator.validateTimestamp",
        Fidelity::Modelled,
    ),
    rule(
        TIMESTAMP_LOG_APPEND,
        "Under LogAppendTime, the broker's clock replaces the time of every record of the batch.",
        "LogAppendTime에서는 브로커 시계가 배치 안 모든 레코드의 시각을 대신합니다.",
        &["message.timestamp.type"],
        "KIP-32",
        "LogValidator.assignOffsetsNonCompressed",
        Fidelity::Modelled,
    ),
    rule(
        KEY_REQUIRED,
        "A compacted topic refuses records without a key.",
        "로그 압축 정리 토픽은 키가 없는 레코드를 거절합니다.",
        &["cleanup.policy"],
        "",
        "LogValidator.validateKey",
        Fidelity::Modelled,
    ),
    rule(
        RECOMPRESSION,
        "The broker keeps the producer's codec unless the topic names another one.",
        "토픽이 다른 코덱을 정하지 않는 한 브로커는 프로듀서의 메시지 압축을 그대로 둡니다.",
        &["compression.type"],
        "KIP-390",
        "LogValidator.validateMessagesAndAssignOffsetsCompressed",
        Fidelity::Modelled,
    ),
    rule(
        FOLLOWER_OFFSETS,
        "A follower takes batches as they are: offsets must rise and begin at or above its log end.",
        "팔로워는 배치를 있는 그대로 받습니다. 오프셋은 증가해야 하고 자신의 로그 끝 오프셋 이상이어야 합니다.",
        &[],
        "",
        "UnifiedLog.append",
        Fidelity::Modelled,
    ),
    rule(
        FOLLOWER_NEWER_EPOCH,
        "A follower drops batches of a leader epoch newer than the one it fetched with.",
        "팔로워는 페치할 때의 리더 에폭보다 새로운 에폭의 배치를 버립니다.",
        &[],
        "",
        "UnifiedLog.analyzeAndValidateRecords",
        Fidelity::Modelled,
    ),
    rule(
        ROLL,
        "An append begins a new segment when size, record time, an index or the offset range is used up; no timer does.",
        "크기, 레코드 시각, 인덱스, 오프셋 범위 중 하나가 다 차면 추가 시점에 세그먼트가 교체됩니다. 타이머는 하지 않습니다.",
        &[
            "segment.bytes",
            "segment.ms",
            "segment.index.bytes",
            "max.compaction.lag.ms",
        ],
        "",
        "LogSegment.shouldRoll",
        Fidelity::Modelled,
    ),
    rule(
        ROLL_JITTER,
        "Rolls by time are not spread by jitter.",
        "시간에 따른 세그먼트 교체를 지터로 흩뜨리지는 않습니다.",
        &["segment.jitter.ms"],
        "",
        "LogConfig.randomSegmentJitter",
        Fidelity::Absent,
    ),
    rule(
        INDEX_ENTRY,
        "A batch gets an index entry once more than index.interval.bytes have been appended since the last one.",
        "마지막 인덱스 항목 이후 index.interval.bytes보다 많이 추가되면 다음 배치가 인덱스 항목을 얻습니다.",
        &["index.interval.bytes"],
        "",
        "LogSegment.append",
        Fidelity::Modelled,
    ),
    rule(
        FLUSH,
        "A rolled segment is flushed, which moves the recovery point; otherwise flushing is left to the operating system.",
        "교체된 세그먼트는 플러시되고 복구 지점이 옮겨집니다. 그 밖의 플러시는 운영체제에 맡깁니다.",
        &["flush.messages", "flush.ms"],
        "",
        "UnifiedLog.flush",
        Fidelity::Simplified,
    ),
    rule(
        HW_CLAMP,
        "A high watermark never lies below the log start or above the log end.",
        "하이 워터마크는 로그 시작 오프셋보다 낮거나 로그 끝 오프셋보다 높을 수 없습니다.",
        &[],
        "",
        "UnifiedLog.updateHighWatermark",
        Fidelity::Modelled,
    ),
    rule(
        HW_INSIDE_BATCH,
        "A high watermark inside a batch falls to the batch's base offset when its place is looked up.",
        "배치 안에 있는 하이 워터마크는 위치를 찾을 때 그 배치의 기준 오프셋으로 내려갑니다.",
        &[],
        "",
        "UnifiedLog.fetchHighWatermarkMetadata",
        Fidelity::Modelled,
    ),
    rule(
        LSO,
        "The last stable offset stops at the first open transaction, or at one whose marker is not replicated yet.",
        "마지막 안정 오프셋은 첫 번째 열린 트랜잭션이나, 마커가 아직 복제되지 않은 트랜잭션에서 멈춥니다.",
        &[],
        "KIP-98",
        "UnifiedLog.lastStableOffset",
        Fidelity::Modelled,
    ),
    rule(
        LOG_START,
        "The log start only rises, never above the high watermark; files below it go at the next retention pass.",
        "로그 시작 오프셋은 오르기만 하고 하이 워터마크를 넘지 않습니다. 그 아래 파일은 다음 보관 점검 때 지워집니다.",
        &[],
        "KIP-107",
        "UnifiedLog.maybeIncrementLogStartOffset",
        Fidelity::Modelled,
    ),
    rule(
        TRUNCATE,
        "A truncation cuts at a batch, ends the log exactly at its offset and rebuilds the producers.",
        "로그 잘라내기는 배치 경계에서 자르고, 로그 끝을 정확히 그 오프셋에 두며, 프로듀서 상태를 다시 만듭니다.",
        &[],
        "KIP-101",
        "UnifiedLog.truncateTo",
        Fidelity::Modelled,
    ),
    rule(
        EPOCH_CACHE,
        "A new leader epoch removes entries of the cache that contradict it.",
        "새 리더 에폭은 캐시에서 자신과 모순되는 항목을 지웁니다.",
        &[],
        "KIP-279",
        "LeaderEpochFileCache.assign",
        Fidelity::Modelled,
    ),
    rule(
        EPOCH_END,
        "An epoch ends where the next higher one begins; the latest ends at the log end.",
        "한 에폭은 그다음 높은 에폭이 시작하는 곳에서 끝나고, 가장 최근 에폭은 로그 끝에서 끝납니다.",
        &[],
        "KIP-101",
        "LeaderEpochFileCache.endOffsetFor",
        Fidelity::Modelled,
    ),
    rule(
        READ_PARTIAL,
        "A read may end in a part of a batch; the first batch comes whole if at least one record is wanted.",
        "읽기는 배치 중간에서 끝날 수 있습니다. 레코드가 하나라도 필요하면 첫 배치는 온전히 옵니다.",
        &["fetch.max.bytes", "max.partition.fetch.bytes"],
        "KIP-74",
        "LogSegment.read",
        Fidelity::Modelled,
    ),
    rule(
        LOOKUP_TIME,
        "A search by time finds the first record at or after it, in the first segment that reaches it.",
        "시각으로 찾으면 그 시각에 닿는 첫 세그먼트에서 그 시각 이후의 첫 레코드를 찾습니다.",
        &[],
        "KIP-79",
        "UnifiedLog.fetchOffsetByTimestamp",
        Fidelity::Modelled,
    ),
    rule(
        TIERED,
        "Segments are never copied to remote storage.",
        "세그먼트를 원격 저장소로 옮기지는 않습니다.",
        &["remote.storage.enable"],
        "KIP-405",
        "UnifiedLog.remoteLogEnabled",
        Fidelity::Absent,
    ),
    rule(
        RETENTION_PREFIX,
        "Retention walks from the oldest segment and stops at the first that must stay; above the high watermark nothing goes.",
        "보관 정책은 가장 오래된 세그먼트부터 보고, 남겨야 하는 첫 세그먼트에서 멈춥니다. 하이 워터마크 위는 지우지 않습니다.",
        &["retention.ms", "retention.bytes"],
        "",
        "UnifiedLog.deletableSegments",
        Fidelity::Modelled,
    ),
    rule(
        RETENTION_TIME,
        "A segment goes when its greatest timestamp is more than retention.ms ago.",
        "세그먼트의 가장 늦은 타임스탬프가 retention.ms보다 오래되면 지워집니다.",
        &["retention.ms"],
        "",
        "UnifiedLog.deleteRetentionMsBreachedSegments",
        Fidelity::Modelled,
    ),
    rule(
        RETENTION_SIZE,
        "The oldest segments go while the log without them is still at least retention.bytes.",
        "가장 오래된 세그먼트를 빼도 로그가 retention.bytes 이상이면 그 세그먼트를 지웁니다.",
        &["retention.bytes"],
        "",
        "UnifiedLog.deleteRetentionSizeBreachedSegments",
        Fidelity::Modelled,
    ),
    rule(
        RETENTION_ACTIVE,
        "The active segment can go too: an empty one is rolled first.",
        "액티브 세그먼트도 지워질 수 있습니다. 먼저 빈 세그먼트로 교체합니다.",
        &["retention.ms", "retention.bytes"],
        "",
        "UnifiedLog.deleteSegments",
        Fidelity::Modelled,
    ),
    rule(
        DELETE_DELAY,
        "Files of a deleted segment are renamed at once and removed after file.delete.delay.ms.",
        "삭제된 세그먼트의 파일은 바로 이름이 바뀌고 file.delete.delay.ms 뒤에 지워집니다.",
        &["file.delete.delay.ms"],
        "",
        "LocalLog.deleteSegmentFiles",
        Fidelity::Modelled,
    ),
    rule(
        RECOVERY_CLEAN,
        "After a clean shutdown nothing is checked; the mark of it is removed before anything is read.",
        "정상 종료 뒤에는 아무것도 검사하지 않습니다. 종료 표시는 무엇을 읽기 전에 지웁니다.",
        &[],
        "",
        "LogManager.loadLogs",
        Fidelity::Modelled,
    ),
    rule(
        RECOVERY_SCAN,
        "After an unclean stop every batch from the recovery point's segment on is checked; the log ends before the first bad one.",
        "비정상 종료 뒤에는 복구 지점이 있는 세그먼트부터 모든 배치를 검사하고, 첫 번째 잘못된 배치 앞에서 로그를 끝냅니다.",
        &["log.flush.offset.checkpoint.interval.ms"],
        "",
        "LogLoader.recoverLog",
        Fidelity::Modelled,
    ),
    rule(
        RECOVERY_SWAP,
        "A swap of cleaned segments that a crash interrupted is completed or undone as a whole.",
        "크래시로 끊긴 세그먼트 바꿔 넣기는 통째로 마치거나 통째로 되돌립니다.",
        &[],
        "",
        "LogLoader.load",
        Fidelity::Modelled,
    ),
    rule(
        RECOVERY_POWER,
        "A loss of power takes what lies above the recovery point; a crash takes nothing from the page cache.",
        "정전은 복구 지점 위의 데이터를 잃게 하고, 크래시는 페이지 캐시에서 아무것도 잃지 않습니다.",
        &["flush.messages", "flush.ms"],
        "",
        "UnifiedLog.flush",
        Fidelity::Simplified,
    ),
    rule(
        PRODUCER_DUPLICATE,
        "A batch with the epoch and sequences of one of the last five is a duplicate: success, nothing written.",
        "마지막 다섯 배치 중 하나와 에폭과 시퀀스가 같은 배치는 중복입니다. 성공으로 답하고 아무것도 쓰지 않습니다.",
        &["enable.idempotence"],
        "KIP-98",
        "ProducerStateEntry.findDuplicateBatch",
        Fidelity::Modelled,
    ),
    rule(
        PRODUCER_SEQUENCE,
        "A batch must continue where the producer's last one ended, a new epoch must begin at 0.",
        "배치는 그 프로듀서의 마지막 배치에 이어져야 하고, 새 에폭은 0부터 시작해야 합니다.",
        &["enable.idempotence"],
        "KIP-98",
        "ProducerAppendInfo.checkSequence",
        Fidelity::Modelled,
    ),
    rule(
        PRODUCER_EPOCH,
        "An epoch below the last seen is fenced.",
        "마지막으로 본 것보다 낮은 에폭은 차단됩니다.",
        &["transactional.id"],
        "KIP-98",
        "ProducerAppendInfo.checkProducerEpoch",
        Fidelity::Modelled,
    ),
    rule(
        PRODUCER_EXPIRY,
        "A producer without an open transaction is forgotten when its last record's timestamp is too old.",
        "열린 트랜잭션이 없는 프로듀서는 마지막 레코드의 타임스탬프가 너무 오래되면 잊힙니다.",
        &["producer.id.expiration.ms"],
        "KIP-98",
        "ProducerStateManager.removeExpiredProducers",
        Fidelity::Modelled,
    ),
    rule(
        PRODUCER_SNAPSHOT,
        "A snapshot keeps only the last batch of each producer: after a reload older duplicates are not recognised.",
        "스냅샷은 프로듀서마다 마지막 배치만 남깁니다. 다시 읽은 뒤에는 더 오래된 중복을 알아보지 못합니다.",
        &[],
        "KIP-98",
        "ProducerStateManager.takeSnapshot",
        Fidelity::Modelled,
    ),
    rule(
        TXN_VERIFICATION,
        "A transaction's first batch in a partition needs the proof that the coordinator knows of it.",
        "트랜잭션이 파티션에 처음 쓰는 배치에는 코디네이터가 그것을 안다는 증명이 필요합니다.",
        &["transaction.partition.verification.enable"],
        "KIP-890",
        "UnifiedLog.batchMissingRequiredVerification",
        Fidelity::Modelled,
    ),
    rule(
        TXN_MARKER_EPOCH,
        "A marker of an older producer or coordinator epoch is refused; from transaction.version 2 on its epoch must be new.",
        "더 오래된 프로듀서 에폭이나 코디네이터 에폭의 마커는 거절됩니다. transaction.version 2부터는 에폭이 새것이어야 합니다.",
        &[],
        "KIP-1228",
        "ProducerAppendInfo.checkProducerEpoch",
        Fidelity::Modelled,
    ),
    rule(
        TXN_ABORTED_INDEX,
        "Aborted transactions are listed in the segment's index, for readers of committed records to leave out.",
        "중단된 트랜잭션은 세그먼트의 인덱스에 남아, 커밋된 레코드만 읽는 쪽이 건너뛰게 합니다.",
        &["isolation.level"],
        "KIP-98",
        "TransactionIndex.collectAbortedTxns",
        Fidelity::Modelled,
    ),
    rule(
        CLEAN_RANGE,
        "Cleaned is what lies below the last stable offset, the active segment and min.compaction.lag.ms, in whole segments.",
        "마지막 안정 오프셋, 액티브 세그먼트, min.compaction.lag.ms보다 아래를 세그먼트 단위로 정리합니다.",
        &["min.compaction.lag.ms"],
        "KIP-58",
        "LogCleanerManager.cleanableOffsets",
        Fidelity::Modelled,
    ),
    rule(
        CLEAN_SELECTION,
        "The log with the greatest dirty ratio above the limit is cleaned, or one whose oldest dirty record is overdue.",
        "더티 비율이 한도보다 높은 로그 중 가장 높은 것, 또는 가장 오래된 더티 레코드가 기한을 넘긴 로그를 정리합니다.",
        &["min.cleanable.dirty.ratio", "max.compaction.lag.ms"],
        "KIP-354",
        "LogCleanerManager.grabFilthiestCompactedLog",
        Fidelity::Modelled,
    ),
    rule(
        CLEAN_NEWEST,
        "Of every key the newest record in the cleaned range stays; offsets never change.",
        "정리한 범위에서 키마다 가장 새로운 레코드만 남습니다. 오프셋은 바뀌지 않습니다.",
        &["cleanup.policy"],
        "",
        "Cleaner.shouldRetainRecord",
        Fidelity::Modelled,
    ),
    rule(
        CLEAN_TOMBSTONE,
        "A tombstone goes delete.retention.ms after the first cleaning that met it, at the next cleaning after that.",
        "툼스톤은 처음 정리된 때로부터 delete.retention.ms가 지난 뒤의 정리에서 사라집니다.",
        &["delete.retention.ms"],
        "KIP-534",
        "MemoryRecords.filterTo",
        Fidelity::Modelled,
    ),
    rule(
        CLEAN_EMPTY_BATCH,
        "The last batch of a living producer stays as a header, so that its sequence is known.",
        "살아 있는 프로듀서의 마지막 배치는 헤더만 남아 시퀀스를 알 수 있게 합니다.",
        &[],
        "KIP-98",
        "Cleaner.cleanInto",
        Fidelity::Modelled,
    ),
    rule(
        CLEAN_MARKER,
        "A transaction marker goes only when nothing of its transaction is left and its horizon has passed.",
        "트랜잭션 마커는 그 트랜잭션의 레코드가 하나도 없고 기한이 지난 뒤에만 사라집니다.",
        &["delete.retention.ms"],
        "KIP-534",
        "CleanedTransactionMetadata.onControlBatchRead",
        Fidelity::Modelled,
    ),
    rule(
        CLEAN_OFFSET_MAP,
        "A pass ends where its map of keys is full; the rest stays dirty.",
        "키 맵이 다 차면 그 정리는 거기서 끝나고 나머지는 더티로 남습니다.",
        &[
            "log.cleaner.dedupe.buffer.size",
            "log.cleaner.io.buffer.load.factor",
        ],
        "",
        "Cleaner.buildOffsetMapForSegment",
        Fidelity::Modelled,
    ),
    rule(
        CLEAN_GROUP,
        "Neighbouring segments are merged while their sizes before cleaning fit one segment.",
        "이웃한 세그먼트는 정리 전 크기의 합이 한 세그먼트에 들어가는 동안 합쳐집니다.",
        &["segment.bytes", "segment.index.bytes"],
        "",
        "Cleaner.groupSegmentsBySize",
        Fidelity::Modelled,
    ),
    rule(
        CLEAN_THREADS,
        "One cleaner works at a time and its work takes no time of its own.",
        "클리너는 한 번에 하나만 일하고 그 일 자체에는 시간이 걸리지 않습니다.",
        &["log.cleaner.threads", "log.cleaner.io.max.bytes.per.second"],
        "",
        "LogCleaner.CleanerThread",
        Fidelity::Simplified,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BROKER_CONFIGS, TOPIC_CONFIGS};
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_and_both_languages_are_there() {
        let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id.0).collect();
        assert_eq!(ids.len(), RULES.len());
        for rule in RULES {
            assert!(
                rule.en.ends_with('.') && rule.ko.ends_with('.'),
                "{}",
                rule.id.0
            );
            assert!(rule.source.contains('.'), "{}", rule.id.0);
        }
    }

    #[test]
    fn every_modelled_topic_config_steers_a_rule() {
        let named: BTreeSet<&str> = RULES
            .iter()
            .flat_map(|rule| rule.configs.iter().copied())
            .collect();
        // These belong to the partition's rules, or only make a small segment possible.
        let elsewhere = [
            "min.insync.replicas",
            "unclean.leader.election.enable",
            "internal.segment.bytes",
        ];
        for def in TOPIC_CONFIGS
            .iter()
            .filter(|def| def.modelled && !elsewhere.contains(&def.name))
        {
            assert!(named.contains(def.name), "{}", def.name);
        }
        assert!(BROKER_CONFIGS.iter().any(|def| named.contains(def.name)));
    }
}
