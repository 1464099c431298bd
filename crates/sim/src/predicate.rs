//! One small language for markers, expectations, breakpoints, predictions and goals: `hw(orders-0) = 7`.
//!
//! ```text
//! expr  = and { "or" and }         and  = not { "and" not }        not = "not" not | cmp
//! cmp   = term [ ("=" | "!=" | "<" | "<=" | ">" | ">=" | "has") term ]
//! term  = integer | "text" | {1, 2} | name [ "(" arg { "," arg } ")" ] | "(" expr ")"
//! arg   = anything up to a comma or bracket, such as orders-0, billing, 2
//! ```
//! What the names mean is the observer's business ([`Observe`]); this module only reads and compares.

mod parse;

use std::fmt;

/// What a name can stand for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Val {
    /// Does not exist (yet): equal to nothing, not even itself; `not exists(…)` asks for it.
    Nothing,
    Bool(bool),
    Int(i64),
    Text(String),
    Set(Vec<i64>),
}

/// Answers the names of a predicate. An `Err` says that the name or its arguments mean nothing here, and what would.
pub trait Observe {
    fn observe(&self, name: &str, args: &[String]) -> Result<Val, String>;
}

/// A parsed predicate; keeps its text.
#[derive(Clone, PartialEq, Debug)]
pub struct Predicate {
    text: String,
    expr: Expr,
}

#[derive(Clone, PartialEq, Debug)]
enum Expr {
    Or(Vec<Expr>),
    And(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Box<Expr>, Op, Box<Expr>),
    Literal(Val),
    Name(String, Vec<String>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Has,
}

impl Predicate {
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self {
            text: text.to_owned(),
            expr: parse::parse(text)?,
        })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds for what `world` shows.
    pub fn holds(&self, world: &dyn Observe) -> Result<bool, String> {
        match self.expr.eval(world)? {
            Val::Bool(b) => Ok(b),
            Val::Nothing => Ok(false),
            _ => Err(format!(
                "`{}` is a value, not a statement: compare it with something",
                self.text
            )),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Expr {
    fn eval(&self, world: &dyn Observe) -> Result<Val, String> {
        let truth = |e: &Expr| match e.eval(world)? {
            Val::Bool(b) => Ok(b),
            Val::Nothing => Ok(false),
            other => Err(format!("{other:?} is neither true nor false")),
        };
        Ok(match self {
            Expr::Literal(v) => v.clone(),
            Expr::Name(name, args) => world.observe(name, args)?,
            Expr::Not(e) => Val::Bool(!truth(e)?),
            Expr::Or(list) => {
                for e in list {
                    if truth(e)? {
                        return Ok(Val::Bool(true));
                    }
                }
                Val::Bool(false)
            }
            Expr::And(list) => {
                for e in list {
                    if !truth(e)? {
                        return Ok(Val::Bool(false));
                    }
                }
                Val::Bool(true)
            }
            Expr::Compare(a, op, b) => Val::Bool(compare(&a.eval(world)?, *op, &b.eval(world)?)),
        })
    }
}

fn compare(a: &Val, op: Op, b: &Val) -> bool {
    if *a == Val::Nothing || *b == Val::Nothing {
        return false;
    }
    match op {
        Op::Eq => a == b,
        Op::Ne => a != b,
        Op::Lt => a < b,
        Op::Le => a <= b,
        Op::Gt => a > b,
        Op::Ge => a >= b,
        Op::Has => match (a, b) {
            (Val::Set(set), Val::Int(i)) => set.contains(i),
            (Val::Text(text), Val::Text(part)) => text.contains(part.as_str()),
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Observe for Fixed {
        fn observe(&self, name: &str, args: &[String]) -> Result<Val, String> {
            match (name, args) {
                ("hw", [tp]) if tp == "orders-0" => Ok(Val::Int(7)),
                ("isr", [_]) => Ok(Val::Set(vec![1, 2])),
                ("state", [_]) => Ok(Val::Text("Stable".into())),
                ("hw", _) => Ok(Val::Nothing),
                _ => Err(format!("no name {name}")),
            }
        }
    }

    #[test]
    fn predicates_hold_or_do_not() {
        for (text, expected) in [
            ("hw(orders-0) = 7", true),
            ("hw(orders-0) >= 8", false),
            ("isr(orders-0) = {2, 1}", true),
            ("isr(orders-0) has 3 or hw(orders-0) < 8", true),
            (
                "not (hw(orders-0) = 7 and state(billing) = \"Stable\")",
                false,
            ),
            ("hw(orders-9) = 0", false),
            ("hw(orders-9) != 0", false),
            ("state(billing) = Stable", true),
        ] {
            assert_eq!(
                Predicate::parse(text).expect(text).holds(&Fixed),
                Ok(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        for text in [
            "",
            "hw(",
            "hw(orders-0) =",
            "= 7",
            "hw(orders-0) = 7 7",
            "{1,",
            "(((((((((((((((((((1",
        ] {
            assert!(Predicate::parse(text).is_err(), "{text}");
        }
        assert!(
            Predicate::parse("hw(orders-0)")
                .expect("parses")
                .holds(&Fixed)
                .is_err(),
            "a value is no statement"
        );
    }
}
