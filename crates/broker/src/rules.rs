//! The rules of replication, as the catalogue lists them.

protocol::rules! {
    HW_LEADER = "hw.leader",
        "The leader's high watermark is the smallest log end offset of the in-sync replicas, of a replica about to join them, and of one that is caught up and may join; it never falls while the leader stays.",
        "리더의 하이 워터마크는 ISR, ISR에 들어오는 중인 레플리카, 따라잡아서 들어올 수 있는 레플리카의 로그 끝 오프셋 가운데 가장 작은 값입니다. 리더가 바뀌지 않는 한 내려가지 않습니다.",
        ["replica.lag.time.max.ms"], "KIP-497", "Partition.maybeIncrementLeaderHW", Modelled;
    HW_STRICT_MIN_ISR = "hw.strict-min-isr",
        "While the ISR is smaller than the effective min.insync.replicas, the high watermark does not move at all.",
        "ISR이 유효 min.insync.replicas보다 작은 동안 하이 워터마크는 전혀 움직이지 않습니다.",
        ["min.insync.replicas"], "KIP-966", "Partition.maybeIncrementLeaderHW", Modelled;
    HW_MAXIMAL_ISR = "hw.maximal-isr",
        "A replica whose admission to the ISR is not confirmed already holds the high watermark back; one whose removal is not confirmed still does.",
        "ISR 가입이 아직 확정되지 않은 레플리카도 이미 하이 워터마크를 붙잡고, 제외가 확정되지 않은 레플리카는 여전히 붙잡습니다.",
        [], "KIP-497", "PartitionState.maximalIsr", Modelled;
    HW_FOLLOWER = "hw.follower",
        "A follower takes the high watermark of the leader's answer, cut to its own log end; it may fall.",
        "팔로워는 리더의 응답에 담긴 하이 워터마크를 자기 로그 끝까지로 잘라 따릅니다. 값이 내려갈 수도 있습니다.",
        [], "", "ReplicaFetcherThread.processPartitionData", Modelled;
    HW_ROUNDED = "hw.rounded",
        "A high watermark that lies inside a batch falls to the batch's first offset as soon as its position in the file is needed.",
        "배치 중간을 가리키는 하이 워터마크는 파일 위치가 필요해지는 순간 그 배치의 첫 오프셋으로 내려갑니다.",
        [], "", "UnifiedLog.fetchHighWatermarkMetadata", Modelled;
    HW_CHECKPOINT = "hw.checkpoint",
        "A replica that is created or restarted begins with the high watermark of the checkpoint file, or 0, kept within its log.",
        "새로 만들거나 다시 시작한 레플리카는 체크포인트 파일의 하이 워터마크(없으면 0)를 로그 범위 안으로 맞춰 시작합니다.",
        ["replica.high.watermark.checkpoint.interval.ms"], "", "Partition.createLog", Modelled;
    HW_SAMPLED = "hw.sampled",
        "The high watermark in a fetch answer was read before that same fetch moved the follower, so followers learn it a round trip late.",
        "fetch 응답의 하이 워터마크는 바로 그 fetch를 반영하기 전에 읽은 값이라, 팔로워는 한 왕복 늦게 알게 됩니다.",
        [], "", "Partition.readRecords", Modelled;
    LSO = "lso.follows-hw",
        "The last stable offset is the first offset of the oldest undecided transaction, or the high watermark if that is lower.",
        "마지막 안정 오프셋은 아직 끝나지 않은 가장 오래된 트랜잭션의 첫 오프셋이고, 하이 워터마크가 더 낮으면 하이 워터마크입니다.",
        [], "KIP-98", "UnifiedLog.lastStableOffset", Modelled;
    APPEND_LEADER = "append.leader",
        "The leader appends a batch at its log end and stamps it with its leader epoch.",
        "리더는 배치를 로그 끝에 붙이고 자신의 리더 에폭을 찍습니다.",
        [], "KIP-101", "Partition.appendRecordsToLeader", Modelled;
    APPEND_FOLLOWER = "append.follower",
        "A follower appends exactly what the leader sent, offsets and epochs included; batches of an epoch newer than its own are left out.",
        "팔로워는 리더가 보낸 배치를 오프셋과 에폭까지 그대로 붙입니다. 자신이 아는 것보다 새로운 에폭의 배치는 받지 않습니다.",
        [], "", "Partition.appendRecordsToFollowerOrFutureReplica", Modelled;
    PRODUCE_MIN_ISR = "produce.min-isr",
        "acks=all is refused with NOT_ENOUGH_REPLICAS before anything is written when the ISR is smaller than the effective min.insync.replicas.",
        "ISR이 유효 min.insync.replicas보다 작으면 acks=all 요청은 아무것도 쓰기 전에 NOT_ENOUGH_REPLICAS로 거절됩니다.",
        ["min.insync.replicas", "acks"], "KIP-966", "Partition.appendRecordsToLeader", Modelled;
    PRODUCE_ACKS_ALL = "produce.acks-all",
        "acks=all is answered when the high watermark has passed the last record of the request.",
        "acks=all 요청은 하이 워터마크가 요청의 마지막 레코드를 지났을 때 응답합니다.",
        ["acks"], "", "Partition.checkEnoughReplicasReachOffset", Modelled;
    PRODUCE_TIMEOUT = "produce.timeout",
        "acks=all that is not committed in time fails with REQUEST_TIMED_OUT; its records stay in the log and may still commit.",
        "제때 커밋되지 않은 acks=all 요청은 REQUEST_TIMED_OUT으로 실패하지만, 레코드는 로그에 남아 나중에 커밋될 수 있습니다.",
        ["request.timeout.ms"], "", "DelayedProduce.onExpiration", Modelled;
    FETCH_EPOCH_FENCING = "fetch.epoch-fencing",
        "A request with an older leader epoch is refused with FENCED_LEADER_EPOCH, one with a newer epoch with UNKNOWN_LEADER_EPOCH.",
        "요청의 리더 에폭이 더 오래되면 FENCED_LEADER_EPOCH, 더 새로우면 UNKNOWN_LEADER_EPOCH로 거절합니다.",
        [], "KIP-320", "Partition.checkCurrentLeaderEpoch", Modelled;
    FETCH_STATE = "fetch.state",
        "The offset that a follower asks for tells the leader where the follower's log ends.",
        "팔로워가 요청한 오프셋이 곧 리더가 아는 팔로워의 로그 끝입니다.",
        [], "", "Replica.updateFetchStateOrThrow", Modelled;
    FETCH_STALE_BROKER = "fetch.stale-broker-epoch",
        "A fetch of an incarnation older than the registered one is refused and changes nothing.",
        "등록된 것보다 오래된 브로커 에폭의 fetch는 거절되고 아무것도 바꾸지 않습니다.",
        [], "KIP-903", "Replica.updateFetchStateOrThrow", Modelled;
    CAUGHT_UP = "fetch.caught-up",
        "A follower that asks for the leader's log end is caught up now; one that asks for the end at its previous fetch was caught up then.",
        "리더의 로그 끝을 요청한 팔로워는 지금 따라잡은 것이고, 직전 fetch 때의 로그 끝을 요청했다면 그때 따라잡은 것입니다.",
        ["replica.lag.time.max.ms"], "", "Replica.updateFetchStateOrThrow", Modelled;
    FETCH_PARKED = "fetch.parked",
        "A fetch with too little to return waits for log growth, a change of leadership, divergence or its time; a new high watermark alone does not wake a follower.",
        "돌려줄 것이 부족한 fetch는 로그가 자라거나 리더가 바뀌거나 갈라짐이 드러나거나 시간이 다 될 때까지 기다립니다. 하이 워터마크만 바뀌어서는 팔로워가 깨어나지 않습니다.",
        ["fetch.max.wait.ms", "fetch.min.bytes", "replica.fetch.wait.max.ms"], "", "DelayedFetch.tryComplete", Modelled;
    FETCH_DIVERGENCE = "fetch.divergence",
        "When the follower's last epoch ended earlier on the leader, the answer names where the histories part instead of records.",
        "팔로워의 마지막 에폭이 리더에서 더 일찍 끝났다면, 응답은 레코드 대신 두 이력이 갈라진 지점을 알려 줍니다.",
        [], "KIP-595", "Partition.readRecords", Modelled;
    FETCH_PREFERRED_REPLICA = "fetch.preferred-replica",
        "With the rack-aware selector the leader sends a consumer to an in-sync replica of the consumer's rack that has the offset.",
        "랙 인지 셀렉터를 쓰면 리더는 컨슈머를 같은 랙에 있고 그 오프셋을 가진 ISR 레플리카로 보냅니다.",
        ["replica.selector.class", "client.rack", "broker.rack"], "KIP-392", "ReplicaManager.findPreferredReadReplica", Modelled;
    LIST_OFFSETS_NOT_AVAILABLE = "list-offsets.not-available",
        "Until a new leader's high watermark has passed the start of its epoch, the latest offset is not told.",
        "새 리더의 하이 워터마크가 자기 에폭의 시작을 지날 때까지는 최신 오프셋을 알려 주지 않습니다.",
        [], "KIP-207", "Partition.fetchOffsetForTimestamp", Modelled;
    ISR_EXPAND = "isr.expand",
        "A follower may join the ISR when its log end reached the high watermark and the start of the leader's epoch, and it is neither fenced nor shutting down.",
        "팔로워는 로그 끝이 하이 워터마크와 리더 에폭의 시작에 도달하고, 차단되거나 종료 중이 아닐 때 ISR에 들어올 수 있습니다.",
        [], "KIP-841", "Partition.maybeExpandIsr", Modelled;
    ISR_SHRINK = "isr.shrink",
        "A member that is behind the leader's log end and was not caught up for longer than replica.lag.time.max.ms leaves the ISR.",
        "리더의 로그 끝보다 뒤처진 채 replica.lag.time.max.ms보다 오래 따라잡지 못한 레플리카는 ISR에서 빠집니다.",
        ["replica.lag.time.max.ms"], "", "Partition.maybeShrinkIsr", Modelled;
    ISR_CONFIRMED = "isr.confirmed",
        "The controller confirmed the ISR change; the partition epoch grows.",
        "컨트롤러가 ISR 변경을 확정했고 파티션 에폭이 올라갑니다.",
        [], "KIP-497", "Partition.handleAlterPartitionUpdate", Modelled;
    ISR_REVERTED = "isr.reverted",
        "The controller refused the change for certain, so the leader returns to the last committed ISR.",
        "컨트롤러가 변경을 확실히 거절했으므로 리더는 마지막으로 확정된 ISR로 돌아갑니다.",
        [], "KIP-841", "Partition.handleAlterPartitionError", Modelled;
    ISR_METADATA = "isr.metadata",
        "New metadata replaces the leader's ISR and drops a change that was under way.",
        "새 메타데이터가 리더의 ISR을 대신하고, 진행 중이던 변경은 버려집니다.",
        [], "", "Partition.makeLeader", Modelled;
    ISR_ONE_IN_FLIGHT = "isr.one-in-flight",
        "A broker has one AlterPartition request under way; later changes wait, and top-level errors are tried again after 50 ms.",
        "브로커는 AlterPartition 요청을 하나씩만 보냅니다. 뒤의 변경은 기다리고, 요청 전체의 오류는 50 ms 뒤에 다시 시도합니다.",
        [], "KIP-497", "DefaultAlterPartitionManager.maybePropagateIsrChanges", Modelled;
    LEADER_BECOME = "leader.become",
        "A registration with a new leader epoch makes the replica leader; it writes the epoch's start before any record of it.",
        "새 리더 에폭의 등록 정보가 오면 레플리카는 리더가 되고, 레코드보다 먼저 에폭의 시작을 기록합니다.",
        [], "KIP-101", "Partition.makeLeader", Modelled;
    FOLLOWER_BECOME = "follower.become",
        "A registration with another leader makes the replica follower; it forgets the ISR and fetches from the new leader.",
        "다른 리더를 가리키는 등록 정보가 오면 레플리카는 팔로워가 되어 ISR을 잊고 새 리더에게서 fetch합니다.",
        [], "", "Partition.makeFollower", Modelled;
    EPOCH_START = "leader.epoch-start",
        "A leader epoch starts at the log end of its leader at election.",
        "리더 에폭은 선출될 때 그 리더의 로그 끝에서 시작합니다.",
        [], "KIP-101", "Partition.makeLeader", Modelled;
    PARTITION_EPOCH = "partition.epoch",
        "Metadata with a lower partition epoch than the one known is ignored.",
        "알고 있는 것보다 낮은 파티션 에폭의 메타데이터는 무시합니다.",
        [], "KIP-497", "Partition.makeLeader", Modelled;
    LOG_START_FOLLOWER = "log-start.follower",
        "A follower raises its log start to the leader's.",
        "팔로워는 자신의 로그 시작 오프셋을 리더의 값까지 올립니다.",
        [], "KIP-107", "ReplicaFetcherThread.processPartitionData", Modelled;
    DELETE_RECORDS = "delete-records",
        "DeleteRecords raises the leader's log start, at most to the high watermark, and is answered when every alive replica followed.",
        "DeleteRecords는 리더의 로그 시작 오프셋을 하이 워터마크까지 올릴 수 있고, 살아 있는 모든 레플리카가 따라온 뒤 응답합니다.",
        [], "KIP-107", "Partition.deleteRecordsOnLeader", Modelled;
    TRUNCATE_DIVERGENCE = "truncate.divergence",
        "A follower cuts its log where the epoch that it shares with the leader ends, on whichever side that is earlier.",
        "팔로워는 리더와 공유하는 에폭이 끝나는 지점(둘 중 더 이른 쪽)에서 로그를 잘라냅니다.",
        [], "KIP-279", "AbstractFetcherThread.getOffsetTruncationState", Modelled;
    TRUNCATE_HIGH_WATERMARK = "truncate.high-watermark",
        "Without any known epoch, a follower cuts its log back to its own high watermark before it fetches.",
        "아는 에폭이 없는 팔로워는 fetch하기 전에 로그를 자신의 하이 워터마크까지 잘라냅니다.",
        [], "KIP-101", "AbstractFetcherThread.truncateToHighWatermark", Modelled;
    TRUNCATE_OUT_OF_RANGE = "truncate.out-of-range",
        "Out of range: a follower beyond the leader's end is cut to it; one that ends before the leader's start deletes everything and begins there.",
        "범위를 벗어나면, 리더보다 앞선 팔로워는 리더의 로그 끝까지 잘라내고, 리더의 시작보다 뒤에서 끝나는 팔로워는 모두 지우고 거기서 시작합니다.",
        [], "", "AbstractFetcherThread.fetchOffsetAndTruncate", Modelled;
    FETCHER_START = "fetcher.start",
        "A follower's fetcher starts anew with every leader epoch, at the log end, or at the high watermark if it knows no epoch.",
        "팔로워의 fetcher는 리더 에폭마다 새로 시작합니다. 시작점은 로그 끝이고, 아는 에폭이 없으면 하이 워터마크입니다.",
        [], "", "ReplicaManager.applyLocalFollowersDelta", Modelled;
    FETCHER_BACKOFF = "fetcher.backoff",
        "After an error the follower leaves the partition alone for replica.fetch.backoff.ms.",
        "오류가 나면 팔로워는 replica.fetch.backoff.ms 동안 그 파티션을 fetch하지 않습니다.",
        ["replica.fetch.backoff.ms"], "", "AbstractFetcherThread.delayPartitions", Modelled;
    FETCHER_FAILED = "fetcher.failed",
        "A follower that is fenced in its own epoch, or is sent a batch below its end, stops fetching until a newer leader epoch.",
        "자기 에폭에서 차단되거나 로그 끝보다 앞의 배치를 받은 팔로워는 더 새로운 리더 에폭이 올 때까지 fetch를 멈춥니다.",
        [], "", "AbstractFetcherThread.markPartitionFailed", Modelled;
    FETCHER_PROGRESS = "fetcher.progress",
        "After an answer the follower asks next for the offset after the last record it appended.",
        "응답을 처리한 팔로워는 마지막으로 붙인 레코드의 다음 오프셋을 요청합니다.",
        [], "", "AbstractFetcherThread.processFetchRequest", Modelled;
    FETCH_SESSION = "fetch.session",
        "With a fetch session, requests name only partitions that changed, and answers only those with records, errors or moved marks.",
        "fetch 세션이 있으면 요청은 바뀐 파티션만, 응답은 레코드나 오류가 있거나 기준 오프셋이 움직인 파티션만 담습니다.",
        ["max.incremental.fetch.session.cache.slots"], "KIP-227", "FetchManager.newContext", Modelled;
    PRODUCE_VERIFICATION = "produce.transaction-verification",
        "The first append of a transaction to a partition is verified with the transaction's coordinator; since transaction version 2 the leader adds the partition itself.",
        "트랜잭션이 파티션에 처음 쓸 때 리더는 트랜잭션 코디네이터에게 확인합니다. 트랜잭션 버전 2부터는 리더가 파티션을 직접 추가합니다.",
        ["transaction.partition.verification.enable"], "KIP-890", "ReplicaManager.handleProduceAppend", Modelled;
}
