use super::*;

fn read(text: &str) -> Result<Scenario, Refusal> {
    Scenario::from_json(text, &Limits::APP, &Tables::default())
}

fn refused(text: &str, path: &str, part: &str, nearest: Option<&str>) {
    let refusal = read(text).expect_err(text);
    assert_eq!(refusal.path, path, "{refusal}");
    assert!(
        refusal.reason.contains(part),
        "{refusal} does not say {part:?}"
    );
    assert_eq!(refusal.nearest.as_deref(), nearest, "{refusal}");
}

#[test]
fn the_smallest_scenario_has_three_brokers_and_one_controller() {
    let s = read(r#"{"version":1,"id":"x"}"#).expect("valid");
    assert_eq!(
        (s.cluster.brokers.len(), s.cluster.controllers.len()),
        (3, 1)
    );
    assert_eq!(read(&s.to_json()), Ok(s), "what is written can be read");
}

#[test]
fn bad_scenarios_are_refused_with_where_why_and_the_nearest() {
    refused(
        r#"{"version":1,"id":"x","topcis":[]}"#,
        "topcis",
        "no `topcis`",
        Some("topics"),
    );
    refused(r#"{"version":2,"id":"x"}"#, "version", "newer", Some("1"));
    refused(r#"{"version":1,"id":7}"#, "id", "invalid type", None);
    refused(
        r#"{"version":1,"id":"x","topics":[{"name":"t","replication_factor":4}]}"#,
        "topics[0].replication_factor",
        "there are 3",
        Some("3"),
    );
    refused(
        r#"{"version":1,"id":"x","topics":[{"name":"t","partitions":2}],"producers":[{"id":"p","load":{"topic":"t","every_ms":5,"partition":2}}]}"#,
        "producers[0].load.partition",
        "partitions 0 to 1",
        Some("1"),
    );
    refused(
        r#"{"version":1,"id":"x","topics":[{"name":"orders"}],"consumers":[{"id":"c","assign":["order-0"]}]}"#,
        "consumers[0].assign[0]",
        "no topic order",
        Some("orders"),
    );
    refused(
        r#"{"version":1,"id":"x","cluster":{"config":{"log.retention.hour":1}}}"#,
        "cluster.config.log.retention.hour",
        "no config",
        None,
    );
    refused(
        r#"{"version":1,"id":"x","markers":{"m":"hw(t-0 = 7"}}"#,
        "markers.m",
        "expected",
        None,
    );
    refused(
        r#"{"version":1,"id":"x","consumers":[{"id":"c","subscribe":["t"]}]}"#,
        "consumers[0].group",
        "group.id",
        None,
    );
}

#[test]
fn limits_are_named_at_n_plus_one() {
    let brokers = |n: usize| {
        let list: Vec<String> = (1..=n).map(|id| format!("{{\"id\":{id}}}")).collect();
        format!(
            r#"{{"version":1,"id":"x","cluster":{{"brokers":[{}]}}}}"#,
            list.join(",")
        )
    };
    assert!(read(&brokers(9)).is_ok());
    refused(
        &brokers(10),
        "cluster.brokers",
        "the app limits allow 9",
        Some("9"),
    );
    let big = format!(r#"{{"version":1,"id":"{}"}}"#, "x".repeat(10 << 20));
    assert!(
        read(&big)
            .expect_err("too long")
            .reason
            .contains("may have 1048576 bytes")
    );
}
