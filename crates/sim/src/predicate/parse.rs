//! Reads the text of a predicate.

use super::{Expr, Op, Val};

/// Brackets deeper than this are nonsense, and would cost stack.
const MAX_DEPTH: usize = 16;
/// Longer than any sensible predicate.
const MAX_CHARS: usize = 1_000;

pub fn parse(text: &str) -> Result<Expr, String> {
    if text.chars().count() > MAX_CHARS {
        return Err(format!("a predicate may have {MAX_CHARS} characters"));
    }
    let mut p = Parser {
        rest: text,
        depth: 0,
    };
    let expr = p.or()?;
    p.skip_space();
    if p.rest.is_empty() {
        Ok(expr)
    } else {
        Err(format!("expected the end before `{}`", p.rest))
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Eats a word, but not the beginning of a longer one.
    fn eat_word(&mut self, word: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(word) {
            Some(rest) if !rest.starts_with(is_name_char) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expected(&self, what: &str) -> String {
        if self.rest.is_empty() {
            format!("expected {what} at the end")
        } else {
            format!("expected {what} before `{}`", self.rest)
        }
    }

    fn or(&mut self) -> Result<Expr, String> {
        let mut list = vec![self.and()?];
        while self.eat_word("or") {
            list.push(self.and()?);
        }
        Ok(if list.len() == 1 {
            list.remove(0)
        } else {
            Expr::Or(list)
        })
    }

    fn and(&mut self) -> Result<Expr, String> {
        let mut list = vec![self.not()?];
        while self.eat_word("and") {
            list.push(self.not()?);
        }
        Ok(if list.len() == 1 {
            list.remove(0)
        } else {
            Expr::And(list)
        })
    }

    fn not(&mut self) -> Result<Expr, String> {
        if !self.eat_word("not") {
            return self.comparison();
        }
        self.deeper(|p| Ok(Expr::Not(Box::new(p.not()?))))
    }

    fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("brackets may be {MAX_DEPTH} deep"));
        }
        let result = f(self);
        self.depth -= 1;
        result
    }

    fn comparison(&mut self) -> Result<Expr, String> {
        let left = self.term()?;
        const OPS: [(&str, Op); 6] = [
            ("!=", Op::Ne),
            ("<=", Op::Le),
            (">=", Op::Ge),
            ("=", Op::Eq),
            ("<", Op::Lt),
            (">", Op::Gt),
        ];
        let op = OPS
            .iter()
            .find(|(token, _)| self.eat(token))
            .map(|&(_, op)| op);
        let op = if op.is_none() && self.eat_word("has") {
            Some(Op::Has)
        } else {
            op
        };
        match op {
            // A bare word on the right of a comparison is a text: `state(billing) = Stable`.
            Some(op) => {
                let right = match self.term()? {
                    Expr::Name(word, args) if args.is_empty() => Expr::Literal(Val::Text(word)),
                    other => other,
                };
                Ok(Expr::Compare(Box::new(left), op, Box::new(right)))
            }
            None => Ok(left),
        }
    }

    fn term(&mut self) -> Result<Expr, String> {
        self.skip_space();
        if self.eat("(") {
            let inner = self.deeper(Self::or)?;
            return if self.eat(")") {
                Ok(inner)
            } else {
                Err(self.expected("`)`"))
            };
        }
        if self.eat("{") {
            return self.set();
        }
        if self.eat("\"") {
            let (text, rest) = self
                .rest
                .split_once('"')
                .ok_or_else(|| self.expected("`\"`"))?;
            self.rest = rest;
            return Ok(Expr::Literal(Val::Text(text.to_owned())));
        }
        if self
            .rest
            .starts_with(|c: char| c.is_ascii_digit() || c == '-')
        {
            return Ok(Expr::Literal(Val::Int(self.integer()?)));
        }
        let word = self.word();
        match word {
            "" => Err(self.expected("a name or a value")),
            "true" => Ok(Expr::Literal(Val::Bool(true))),
            "false" => Ok(Expr::Literal(Val::Bool(false))),
            name => {
                let name = name.to_owned();
                let args = if self.eat("(") {
                    self.args()?
                } else {
                    Vec::new()
                };
                Ok(Expr::Name(name, args))
            }
        }
    }

    fn word(&mut self) -> &'a str {
        let end = self
            .rest
            .find(|c| !is_name_char(c))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn integer(&mut self) -> Result<i64, String> {
        self.skip_space();
        let end = self
            .rest
            .char_indices()
            .find(|&(i, c)| !(c.is_ascii_digit() || i == 0 && c == '-'));
        let (digits, rest) = self.rest.split_at(end.map_or(self.rest.len(), |(i, _)| i));
        let value = digits
            .parse()
            .map_err(|_| self.expected("a whole number"))?;
        self.rest = rest;
        Ok(value)
    }

    fn set(&mut self) -> Result<Expr, String> {
        let mut members = Vec::new();
        while !self.eat("}") {
            if !members.is_empty() && !self.eat(",") {
                return Err(self.expected("`,` or `}`"));
            }
            members.push(self.integer()?);
        }
        members.sort_unstable();
        members.dedup();
        Ok(Expr::Literal(Val::Set(members)))
    }

    fn args(&mut self) -> Result<Vec<String>, String> {
        let mut args = Vec::new();
        loop {
            self.skip_space();
            let end = self
                .rest
                .find([',', ')', '(', '=', '<', '>', '"'])
                .ok_or_else(|| self.expected("`)`"))?;
            let (arg, rest) = self.rest.split_at(end);
            let arg = arg.trim();
            if !arg.is_empty() {
                args.push(arg.to_owned());
            }
            self.rest = rest;
            if self.eat(")") {
                return Ok(args);
            }
            if arg.is_empty() || !self.eat(",") {
                return Err(self.expected("`,` or `)`"));
            }
        }
    }
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}
