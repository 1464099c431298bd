//! Names of files and directories, as Kafka gives them (`LogFileUtils`, `LocalLog.parseTopicPartitionName`).

use protocol::TopicPartition;

pub const LOG: &str = ".log";
pub const INDEX: &str = ".index";
pub const TIME_INDEX: &str = ".timeindex";
pub const TXN_INDEX: &str = ".txnindex";
pub const SNAPSHOT: &str = ".snapshot";
pub const DELETED: &str = ".deleted";
pub const CLEANED: &str = ".cleaned";
pub const SWAP: &str = ".swap";
/// The four files of a segment.
pub const SEGMENT_SUFFIXES: [&str; 4] = [LOG, INDEX, TIME_INDEX, TXN_INDEX];

pub const LEADER_EPOCH_CHECKPOINT: &str = "leader-epoch-checkpoint";
pub const PARTITION_METADATA: &str = "partition.metadata";
pub const RECOVERY_POINT_CHECKPOINT: &str = "recovery-point-offset-checkpoint";
pub const LOG_START_CHECKPOINT: &str = "log-start-offset-checkpoint";
pub const HIGH_WATERMARK_CHECKPOINT: &str = "replication-offset-checkpoint";
pub const CLEANER_CHECKPOINT: &str = "cleaner-offset-checkpoint";
pub const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";

/// `00000000000000000042.log` and its like.
pub fn file_name(offset: i64, suffix: &str) -> String {
    format!("{offset:020}{suffix}")
}

/// The offset a file name begins with; `None` if it does not begin with a number and a dot.
pub fn offset_of(name: &str) -> Option<i64> {
    name.split_once('.')?.0.parse().ok()
}

/// The directory of a partition.
pub fn directory_name(partition: &TopicPartition) -> String {
    partition.to_string()
}

/// The longest name of a directory.
const MAX_DIRECTORY_NAME: usize = 255;

/// The directory of a deleted partition: topic (cut so that all fits 255 characters), number, a fresh id in 32 hex digits.
pub fn deleted_directory_name(partition: &TopicPartition, fresh_id: u128) -> String {
    let tail = format!("-{}.{fresh_id:032x}-delete", partition.partition);
    let room = MAX_DIRECTORY_NAME - tail.len();
    let topic: String = partition.topic.chars().take(room).collect();
    topic + &tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l1_names_carry_the_base_offset() {
        assert_eq!(file_name(0, LOG), "00000000000000000000.log");
        assert_eq!(file_name(368_769, LOG), "00000000000000368769.log");
        assert_eq!(offset_of("00000000000000368769.log.swap"), Some(368_769));
        assert_eq!(offset_of("leader-epoch-checkpoint"), None);
    }

    #[test]
    fn a_deleted_directory_fits() {
        let long = TopicPartition::new("t".repeat(249), 3);
        let name = deleted_directory_name(&long, 7);
        assert_eq!(name.len(), 255);
        assert!(name.ends_with("-3.00000000000000000000000000000007-delete"));
    }
}
