//! Kafka's API keys: which request a message is, and its newest version.
//!
//! Only the apis that somebody here sends or answers are named.

macro_rules! apis {
    ($($variant:ident = $key:literal $name:literal v $latest:literal,)*) => {
        /// `org.apache.kafka.common.protocol.ApiKeys`.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(i16)]
        pub enum ApiKey {
            $($variant = $key,)*
        }

        impl ApiKey {
            pub const ALL: &'static [ApiKey] = &[$(ApiKey::$variant),*];

            /// Kafka's name of it, such as `OFFSET_FOR_LEADER_EPOCH`.
            pub const fn name(self) -> &'static str {
                match self { $(ApiKey::$variant => $name,)* }
            }

            /// The newest version that a 4.3 broker speaks.
            pub const fn latest_version(self) -> i16 {
                match self { $(ApiKey::$variant => $latest,)* }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(ApiKey::$variant),)* _ => None }
            }
        }
    };
}

apis! {
    Produce = 0 "PRODUCE" v 13,
    Fetch = 1 "FETCH" v 18,
    ListOffsets = 2 "LIST_OFFSETS" v 11,
    Metadata = 3 "METADATA" v 13,
    OffsetCommit = 8 "OFFSET_COMMIT" v 10,
    OffsetFetch = 9 "OFFSET_FETCH" v 10,
    FindCoordinator = 10 "FIND_COORDINATOR" v 6,
    JoinGroup = 11 "JOIN_GROUP" v 9,
    Heartbeat = 12 "HEARTBEAT" v 4,
    LeaveGroup = 13 "LEAVE_GROUP" v 5,
    SyncGroup = 14 "SYNC_GROUP" v 5,
    DescribeGroups = 15 "DESCRIBE_GROUPS" v 6,
    ListGroups = 16 "LIST_GROUPS" v 5,
    ApiVersions = 18 "API_VERSIONS" v 5,
    CreateTopics = 19 "CREATE_TOPICS" v 7,
    DeleteTopics = 20 "DELETE_TOPICS" v 6,
    DeleteRecords = 21 "DELETE_RECORDS" v 2,
    InitProducerId = 22 "INIT_PRODUCER_ID" v 6,
    OffsetForLeaderEpoch = 23 "OFFSET_FOR_LEADER_EPOCH" v 4,
    AddPartitionsToTxn = 24 "ADD_PARTITIONS_TO_TXN" v 5,
    AddOffsetsToTxn = 25 "ADD_OFFSETS_TO_TXN" v 4,
    EndTxn = 26 "END_TXN" v 5,
    WriteTxnMarkers = 27 "WRITE_TXN_MARKERS" v 2,
    TxnOffsetCommit = 28 "TXN_OFFSET_COMMIT" v 5,
    DescribeConfigs = 32 "DESCRIBE_CONFIGS" v 4,
    CreatePartitions = 37 "CREATE_PARTITIONS" v 3,
    DeleteGroups = 42 "DELETE_GROUPS" v 2,
    ElectLeaders = 43 "ELECT_LEADERS" v 2,
    IncrementalAlterConfigs = 44 "INCREMENTAL_ALTER_CONFIGS" v 1,
    AlterPartitionReassignments = 45 "ALTER_PARTITION_REASSIGNMENTS" v 1,
    ListPartitionReassignments = 46 "LIST_PARTITION_REASSIGNMENTS" v 0,
    OffsetDelete = 47 "OFFSET_DELETE" v 0,
    Vote = 52 "VOTE" v 2,
    BeginQuorumEpoch = 53 "BEGIN_QUORUM_EPOCH" v 1,
    EndQuorumEpoch = 54 "END_QUORUM_EPOCH" v 1,
    DescribeQuorum = 55 "DESCRIBE_QUORUM" v 2,
    AlterPartition = 56 "ALTER_PARTITION" v 3,
    UpdateFeatures = 57 "UPDATE_FEATURES" v 2,
    FetchSnapshot = 59 "FETCH_SNAPSHOT" v 1,
    DescribeCluster = 60 "DESCRIBE_CLUSTER" v 2,
    DescribeProducers = 61 "DESCRIBE_PRODUCERS" v 0,
    BrokerRegistration = 62 "BROKER_REGISTRATION" v 4,
    BrokerHeartbeat = 63 "BROKER_HEARTBEAT" v 1,
    UnregisterBroker = 64 "UNREGISTER_BROKER" v 0,
    DescribeTransactions = 65 "DESCRIBE_TRANSACTIONS" v 0,
    ListTransactions = 66 "LIST_TRANSACTIONS" v 2,
    AllocateProducerIds = 67 "ALLOCATE_PRODUCER_IDS" v 0,
    ConsumerGroupHeartbeat = 68 "CONSUMER_GROUP_HEARTBEAT" v 1,
    ConsumerGroupDescribe = 69 "CONSUMER_GROUP_DESCRIBE" v 1,
    AssignReplicasToDirs = 73 "ASSIGN_REPLICAS_TO_DIRS" v 0,
    DescribeTopicPartitions = 75 "DESCRIBE_TOPIC_PARTITIONS" v 0,
    UpdateRaftVoter = 82 "UPDATE_RAFT_VOTER" v 0,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kafkas() {
        assert_eq!(
            ApiKey::OffsetForLeaderEpoch.name(),
            "OFFSET_FOR_LEADER_EPOCH"
        );
        for &api in ApiKey::ALL {
            assert_eq!(ApiKey::from_name(api.name()), Some(api));
        }
    }
}
