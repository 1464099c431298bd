//! The tree keeps its promises.

use xtask::tidy;

#[test]
fn layering_purity_sizes_and_words() {
    let findings = tidy::all(&tidy::root());
    let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        text.join("\n")
    );
}
