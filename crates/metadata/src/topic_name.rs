//! What a topic may be called (`org.apache.kafka.common.internals.Topic`).

const MAX_NAME_LENGTH: usize = 249;

/// Refuses names that are empty, `.`, `..`, too long, or hold other characters than ASCII letters, digits, `.`, `_`, `-`.
pub fn validate(name: &str) -> Result<(), String> {
    match name {
        "" => return Err("a topic name is not empty".into()),
        "." | ".." => return Err(format!("a topic cannot be called {name}")),
        _ => {}
    }
    // Characters are ASCII where the length matters: the others are refused below.
    if name.chars().count() > MAX_NAME_LENGTH {
        return Err(format!(
            "a topic name has at most {MAX_NAME_LENGTH} characters"
        ));
    }
    if !name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    {
        return Err("a topic name holds ASCII letters, digits, '.', '_' and '-' only".into());
    }
    Ok(())
}

pub fn has_collision_chars(name: &str) -> bool {
    name.contains(['.', '_'])
}

/// The two differ in nothing but `.` for `_`.
pub fn collide(a: &str, b: &str) -> bool {
    has_collision_chars(a) && a.replace('.', "_") == b.replace('.', "_")
}

/// Topics that Kafka keeps for itself (`Topic.isInternal`).
pub fn is_internal(name: &str) -> bool {
    matches!(
        name,
        "__consumer_offsets" | "__transaction_state" | "__share_group_state"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_kafka_does() {
        for good in ["a", "a.b_c-D9", &"x".repeat(249), "__consumer_offsets"] {
            assert!(validate(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", &"x".repeat(250), "a b", "a/b", "토픽"] {
            assert!(validate(bad).is_err(), "{bad}");
        }
        assert!(collide("a.b", "a_b") && !collide("a.b", "a.c") && !collide("ab", "ab"));
    }
}
