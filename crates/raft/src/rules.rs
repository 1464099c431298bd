//! The rules of the quorum, each with its sentence, its configs and where Kafka keeps it.
//!
//! Sentences only; the code that obeys names the constant.

use protocol::trace::{Fidelity, Rule, RuleId};

pub const START: RuleId = RuleId("raft.start");
pub const ELECTION_TIMEOUT: RuleId = RuleId("raft.election-timeout");
pub const FETCH_TIMEOUT: RuleId = RuleId("raft.fetch-timeout");
pub const PRE_VOTE: RuleId = RuleId("raft.pre-vote");
pub const PRE_VOTE_LOST: RuleId = RuleId("raft.pre-vote-lost");
pub const VOTE_UP_TO_DATE: RuleId = RuleId("raft.vote-up-to-date");
pub const VOTE_MAJORITY: RuleId = RuleId("raft.vote-majority");
pub const HIGHER_EPOCH: RuleId = RuleId("raft.higher-epoch");
pub const FOUND_LEADER: RuleId = RuleId("raft.found-leader");
pub const BEGIN_QUORUM_EPOCH: RuleId = RuleId("raft.begin-quorum-epoch");
pub const END_QUORUM_EPOCH: RuleId = RuleId("raft.end-quorum-epoch");
pub const CHECK_QUORUM: RuleId = RuleId("raft.check-quorum");
pub const RESIGN: RuleId = RuleId("raft.resign");
pub const RESIGNED_MOVES_ON: RuleId = RuleId("raft.resigned-moves-on");
pub const LINGER: RuleId = RuleId("raft.linger");
pub const REPLICATION: RuleId = RuleId("raft.replication");
pub const HIGH_WATERMARK: RuleId = RuleId("raft.high-watermark");
pub const FOLLOWER_HIGH_WATERMARK: RuleId = RuleId("raft.follower-high-watermark");
pub const TRUNCATION: RuleId = RuleId("raft.truncation");
pub const SNAPSHOT: RuleId = RuleId("raft.snapshot");
pub const DYNAMIC_VOTERS: RuleId = RuleId("raft.dynamic-voters");

pub static RULES: &[Rule] = &[
    Rule {
        id: START,
        en: "A restarted node takes up the epoch, leader and vote it stored; a former leader does not lead that epoch again.",
        ko: "다시 시작한 노드는 저장해 둔 에폭, 리더, 투표를 이어받습니다. 리더였던 노드는 같은 에폭을 다시 이끌지 않습니다.",
        configs: &[],
        kip: "KIP-595",
        source: "QuorumState.initialize",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: ELECTION_TIMEOUT,
        en: "A voter without a leader asks for a pre-vote when its election timeout, a fixed time plus a draw, runs out.",
        ko: "리더를 모르는 투표자는 고정 시간에 무작위 값을 더한 선출 타임아웃이 지나면 사전 투표(pre-vote)를 요청합니다.",
        configs: &["controller.quorum.election.timeout.ms"],
        kip: "KIP-595",
        source: "KafkaRaftClient.pollUnattachedAsVoter",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: FETCH_TIMEOUT,
        en: "A voter that got no answer to its fetches for the fetch timeout asks whether it could win, while it still knows the leader.",
        ko: "fetch 타임아웃 동안 응답을 받지 못한 투표자는 리더를 기억한 채 사전 투표를 시작합니다.",
        configs: &["controller.quorum.fetch.timeout.ms"],
        kip: "KIP-595",
        source: "KafkaRaftClient.pollFollowerAsVoter",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: PRE_VOTE,
        en: "A node raises the epoch and stands only after a majority said that it would vote for it.",
        ko: "과반수가 찍어 주겠다고 답한 뒤에야 노드는 에폭을 올리고 후보가 됩니다.",
        configs: &[],
        kip: "KIP-996",
        source: "KafkaRaftClient.maybeTransitionToCandidate",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: PRE_VOTE_LOST,
        en: "A lost or unanswered pre-vote leaves the epoch alone: the node follows the leader it knows, or goes on looking for one.",
        ko: "사전 투표에서 지거나 답을 받지 못해도 에폭은 그대로입니다. 아는 리더가 있으면 다시 따르고, 없으면 계속 찾습니다.",
        configs: &[],
        kip: "KIP-996",
        source: "KafkaRaftClient.prospectiveTransitionAfterElectionLoss",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: VOTE_UP_TO_DATE,
        en: "A voter votes once per epoch, and only for a log whose last epoch is higher than its own or the same with at least its length; the vote is stored first.",
        ko: "투표자는 에폭마다 한 번, 마지막 에폭이 더 높거나 에폭이 같고 길이가 같거나 더 긴 로그에만 투표합니다. 투표는 먼저 저장됩니다.",
        configs: &[],
        kip: "KIP-595",
        source: "KafkaRaftClient.handleVoteRequest",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: VOTE_MAJORITY,
        en: "A candidate with the votes of a majority leads its epoch and writes a LeaderChange record first.",
        ko: "과반수의 표를 얻은 후보는 그 에폭의 리더가 되고 가장 먼저 LeaderChange 레코드를 씁니다.",
        configs: &[],
        kip: "KIP-595",
        source: "KafkaRaftClient.onBecomeLeader",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: HIGHER_EPOCH,
        en: "Whoever hears of a higher epoch moves to it and gives up any role it had.",
        ko: "더 높은 에폭을 알게 된 노드는 맡던 역할을 버리고 그 에폭으로 옮겨 갑니다.",
        configs: &[],
        kip: "KIP-595",
        source: "KafkaRaftClient.maybeTransition",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: FOUND_LEADER,
        en: "An answer that names a leader of this or a higher epoch makes a node that knows none follow it.",
        ko: "현재 또는 더 높은 에폭의 리더를 알려 주는 응답을 받으면 리더를 모르던 노드가 그 리더를 따릅니다.",
        configs: &[],
        kip: "KIP-595",
        source: "KafkaRaftClient.maybeHandleCommonResponse",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: BEGIN_QUORUM_EPOCH,
        en: "A new leader tells the other voters at once, and again every half fetch timeout those that do not fetch.",
        ko: "새 리더는 바로 다른 투표자에게 알리고, fetch하지 않는 투표자에게는 fetch 타임아웃의 절반마다 다시 알립니다.",
        configs: &["controller.quorum.fetch.timeout.ms"],
        kip: "KIP-595",
        source: "KafkaRaftClient.maybeSendBeginQuorumEpochRequests",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: END_QUORUM_EPOCH,
        en: "A leader that resigns names its successors, the longest log first; the first stands at once, the others a little later.",
        ko: "물러나는 리더는 로그가 긴 순서로 후임을 알립니다. 첫 번째는 바로, 나머지는 조금 늦게 후보로 나섭니다.",
        configs: &["controller.quorum.election.backoff.max.ms"],
        kip: "KIP-595",
        source: "KafkaRaftClient.endEpochElectionBackoff",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: CHECK_QUORUM,
        en: "A leader that a majority has not fetched from for one and a half fetch timeouts resigns.",
        ko: "fetch 타임아웃의 1.5배 동안 과반수가 fetch하지 않으면 리더는 물러납니다.",
        configs: &["controller.quorum.fetch.timeout.ms"],
        kip: "KIP-835",
        source: "LeaderState.timeUntilCheckQuorumExpires",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: RESIGN,
        en: "A leader that is asked to resign answers waiting fetches with an error and takes no more appends.",
        ko: "사임 요청을 받은 리더는 기다리던 fetch에 오류로 답하고 더는 쓰지 않습니다.",
        configs: &[],
        kip: "KIP-595",
        source: "KafkaRaftClient.transitionToResigned",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: RESIGNED_MOVES_ON,
        en: "A resigned leader that hears of no other moves to the next epoch after an election timeout.",
        ko: "물러난 리더는 다른 리더 소식이 없으면 선출 타임아웃 뒤 다음 에폭으로 넘어갑니다.",
        configs: &["controller.quorum.election.timeout.ms"],
        kip: "KIP-595",
        source: "KafkaRaftClient.pollResigned",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: LINGER,
        en: "Appends wait a short time for others and then share one batch; their offsets are known at once.",
        ko: "추가 요청은 잠시 모였다가 한 배치로 기록됩니다. 오프셋은 바로 정해집니다.",
        configs: &["controller.quorum.append.linger.ms"],
        kip: "KIP-595",
        source: "BatchAccumulator.append",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: REPLICATION,
        en: "Followers copy the log by fetching; a fetch from an offset says that everything before it is stored.",
        ko: "팔로워는 fetch로 로그를 복제합니다. 어떤 오프셋부터 fetch한다는 것은 그 앞을 모두 저장했다는 뜻입니다.",
        configs: &["controller.quorum.fetch.max.bytes"],
        kip: "KIP-595",
        source: "KafkaRaftClient.tryCompleteFetchRequest",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: HIGH_WATERMARK,
        en: "The high watermark is the end that a majority has reached, once it lies beyond the start of the leader's epoch.",
        ko: "하이 워터마크는 과반수가 도달한 끝이며, 리더 에폭의 시작을 넘어선 뒤에야 정해집니다.",
        configs: &[],
        kip: "KIP-595",
        source: "LeaderState.maybeUpdateHighWatermark",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: FOLLOWER_HIGH_WATERMARK,
        en: "A follower takes over the leader's high watermark as far as its own log reaches; it never sinks.",
        ko: "팔로워는 자기 로그가 닿는 데까지 리더의 하이 워터마크를 따르며, 이 값은 줄어들지 않습니다.",
        configs: &[],
        kip: "KIP-595",
        source: "KafkaRaftClient.updateFollowerHighWatermark",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: TRUNCATION,
        en: "A follower whose log parts from the leader's cuts it where the leader says that its last epoch ended.",
        ko: "리더와 로그가 갈라진 팔로워는 리더가 알려 준 에폭 끝에서 자기 로그를 자릅니다.",
        configs: &[],
        kip: "KIP-595",
        source: "RaftLog.truncateToEndOffset",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: SNAPSHOT,
        en: "A replica that asks for records which are gone takes a snapshot in parts and continues behind it.",
        ko: "이미 지워진 레코드를 요청한 레플리카는 스냅샷을 나눠 받고 그 뒤부터 이어 갑니다.",
        configs: &["controller.quorum.fetch.snapshot.max.bytes"],
        kip: "KIP-630",
        source: "KafkaRaftClient.handleFetchSnapshotResponse",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: DYNAMIC_VOTERS,
        en: "Voters are added and removed while the quorum runs; here the voters are static.",
        ko: "쿼럼이 도는 중에 투표자를 더하고 뺍니다. 여기서는 투표자가 고정됩니다.",
        configs: &[],
        kip: "KIP-853",
        source: "AddVoterHandler.handleAddVoterRequest",
        fidelity: Fidelity::Absent,
    },
];
