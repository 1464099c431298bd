//! What the broker's process adds to the rules of replication.

use protocol::trace::{Fidelity, Rule, RuleId};

pub const METADATA_APPLY: RuleId = RuleId("broker.metadata-apply");
pub const CONNECTION_ORDER: RuleId = RuleId("broker.connection-order");
pub const COMMITTED: RuleId = RuleId("broker.offset-commit");

/// The catalogue of this folder.
pub static RULES: &[Rule] = &[
    Rule {
        id: METADATA_APPLY,
        en: "A broker fetches the metadata log from the active controller and applies what is committed; until then it acts on what it knew.",
        ko: "브로커는 활성 컨트롤러에서 메타데이터 로그를 fetch해 커밋된 부분을 적용합니다. 그 전까지는 이전에 알던 대로 행동합니다.",
        configs: &[],
        kip: "KIP-631",
        source: "BrokerMetadataPublisher.onMetadataUpdate",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: CONNECTION_ORDER,
        en: "A broker works on one request of a connection until it is answered; the next ones wait behind it.",
        ko: "브로커는 연결마다 요청 하나에 응답할 때까지 그 요청만 처리하고, 다음 요청은 그 뒤에서 기다립니다.",
        configs: &[],
        kip: "",
        source: "SocketServer.Processor",
        fidelity: Fidelity::Modelled,
    },
    Rule {
        id: COMMITTED,
        en: "A committed offset is a record of __consumer_offsets; the commit is answered when that record is replicated.",
        ko: "커밋된 오프셋은 __consumer_offsets의 레코드입니다. 그 레코드가 복제된 뒤에 커밋에 응답합니다.",
        configs: &["offsets.commit.timeout.ms"],
        kip: "",
        source: "GroupCoordinatorService.commitOffsets",
        fidelity: Fidelity::Modelled,
    },
];
