//! What the controller's process adds to the controller's own rules.

use protocol::trace::{Fidelity, Rule, RuleId};

pub const NODE_APPEND: RuleId = RuleId("metadata.append");

/// The catalogue of this folder.
pub static RULES: &[Rule] = &[Rule {
    id: NODE_APPEND,
    en: "The active controller appends its records to the metadata log and answers only when a majority has them.",
    ko: "활성 컨트롤러는 레코드를 메타데이터 로그에 추가하고, 과반수에 복제된 뒤에야 응답합니다.",
    configs: &["controller.quorum.append.linger.ms"],
    kip: "KIP-631",
    source: "QuorumController.ControllerWriteEvent",
    fidelity: Fidelity::Modelled,
}];
