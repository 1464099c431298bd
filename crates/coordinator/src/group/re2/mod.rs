//! Regular expressions of RE2's syntax, matched against a whole text, as re2j's `Pattern.compile` and `matches` do.
//!
//! Only what a subscription needs: is the expression valid, and does it match all of a topic's name. There are no groups
//! to find and no back-tracking: time is bounded by expression × text. Topic names are ASCII, so that Unicode classes know
//! ASCII alone.

mod parse;

use parse::{Node, parse};

/// Why an expression was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidRegex;

/// What one step of the machine wants.
#[derive(Clone, Debug)]
enum Step {
    /// A character of this class.
    Class(Class),
    /// Two ways on.
    Split(usize, usize),
    Jump(usize),
    /// Something that holds at a place.
    Assert(Assertion),
    Match,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Assertion {
    TextBegin,
    TextEnd,
    LineBegin,
    LineEnd,
    WordBoundary,
    NoWordBoundary,
}

/// A set of characters: ranges, perhaps everything but them.
#[derive(Clone, Debug, Default, PartialEq)]
struct Class {
    ranges: Vec<(char, char)>,
    negated: bool,
    fold_case: bool,
}

impl Class {
    fn contains(&self, c: char) -> bool {
        let inside = |c: char| self.ranges.iter().any(|&(lo, hi)| lo <= c && c <= hi);
        let mut found = inside(c);
        if self.fold_case && !found {
            let folded = c.to_lowercase().chain(c.to_uppercase()).any(inside);
            found = folded;
        }
        found != self.negated
    }
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Regex {
    program: Vec<Step>,
}

impl Regex {
    pub fn new(pattern: &str) -> Result<Self, InvalidRegex> {
        let node = parse(pattern)?;
        let mut program = Vec::new();
        compile(&node, &mut program);
        program.push(Step::Match);
        Ok(Self { program })
    }

    /// Whether the expression matches the text from its beginning to its end.
    pub fn matches(&self, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        let mut now = vec![false; self.program.len()];
        self.follow(0, 0, &chars, &mut now);
        for at in 0..chars.len() {
            let mut next = vec![false; self.program.len()];
            for (pc, step) in self.program.iter().enumerate() {
                if now[pc]
                    && let Step::Class(class) = step
                    && class.contains(chars[at])
                {
                    self.follow(pc + 1, at + 1, &chars, &mut next);
                }
            }
            now = next;
        }
        let last = self.program.len() - 1;
        now[last]
    }

    /// Marks what can be reached from `pc` without a character.
    fn follow(&self, pc: usize, at: usize, chars: &[char], marked: &mut [bool]) {
        let mut stack = vec![pc];
        while let Some(pc) = stack.pop() {
            if std::mem::replace(&mut marked[pc], true) {
                continue;
            }
            match self.program[pc] {
                Step::Jump(to) => stack.push(to),
                Step::Split(a, b) => stack.extend([b, a]),
                Step::Assert(assertion) if holds(assertion, at, chars) => stack.push(pc + 1),
                Step::Assert(_) | Step::Class(_) | Step::Match => {}
            }
        }
    }
}

fn holds(assertion: Assertion, at: usize, chars: &[char]) -> bool {
    let word = |c: Option<&char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_');
    let before = at.checked_sub(1).and_then(|i| chars.get(i));
    let after = chars.get(at);
    match assertion {
        Assertion::TextBegin => at == 0,
        Assertion::TextEnd => at == chars.len(),
        Assertion::LineBegin => before.is_none_or(|&c| c == '\n'),
        Assertion::LineEnd => after.is_none_or(|&c| c == '\n'),
        Assertion::WordBoundary => word(before) != word(after),
        Assertion::NoWordBoundary => word(before) == word(after),
    }
}

fn compile(node: &Node, program: &mut Vec<Step>) {
    match node {
        Node::Empty => {}
        Node::Class(class) => program.push(Step::Class(class.clone())),
        Node::Assert(assertion) => program.push(Step::Assert(*assertion)),
        Node::Concat(parts) => parts.iter().for_each(|part| compile(part, program)),
        Node::Alternate(parts) => {
            let mut jumps = Vec::new();
            for (i, part) in parts.iter().enumerate() {
                if i + 1 == parts.len() {
                    compile(part, program);
                    break;
                }
                let split = program.len();
                program.push(Step::Jump(0));
                compile(part, program);
                jumps.push(program.len());
                program.push(Step::Jump(0));
                program[split] = Step::Split(split + 1, program.len());
            }
            let end = program.len();
            jumps
                .into_iter()
                .for_each(|jump| program[jump] = Step::Jump(end));
        }
        Node::Repeat(part, min, max) => {
            (0..*min).for_each(|_| compile(part, program));
            match max {
                None => {
                    let split = program.len();
                    program.push(Step::Jump(0));
                    compile(part, program);
                    program.push(Step::Jump(split));
                    program[split] = Step::Split(split + 1, program.len());
                }
                Some(max) => {
                    let mut splits = Vec::new();
                    for _ in *min..*max {
                        splits.push(program.len());
                        program.push(Step::Jump(0));
                        compile(part, program);
                    }
                    let end = program.len();
                    splits
                        .into_iter()
                        .for_each(|s| program[s] = Step::Split(s + 1, end));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_text_has_to_match() {
        for (pattern, text, matches) in [
            (".*", "alerts", true),
            ("al", "alerts", false),
            ("al.*", "alerts", true),
            ("^al.*s$", "alerts", true),
            ("alerts|feeds", "feeds", true),
            ("(?i)ALERTS", "alerts", true),
            ("[a-e]+", "decade", true),
            ("[^a-e]+", "feeds", false),
            ("o{2,3}", "oooo", false),
            ("o{2,}", "oooo", true),
            ("a{,2}", "a{,2}", true),
            (r"\Qa.b\E", "a.b", true),
            (r"\Qa.b\E", "axb", false),
            (r"[[:digit:]]+", "42", true),
            (r"\w+-\d", "topic-1", true),
            (r"\pL+", "abc", true),
            (r"(?:a|b)*?c", "ababc", true),
            (r"a\b-b", "a-b", true),
            ("", "", true),
            ("(a|)b", "b", true),
            (r"\x61\x{62}", "ab", true),
        ] {
            let regex = Regex::new(pattern).expect(pattern);
            assert_eq!(regex.matches(text), matches, "{pattern} on {text}");
        }
    }

    #[test]
    fn what_re2_refuses_is_refused() {
        for pattern in [
            "[",
            "(",
            ")",
            "*",
            "a**",
            "a*+",
            "[b-a]",
            r"\",
            "(?P<n>",
            r"\1",
            r"(?=a)",
            "a{1001}",
            "(a{100}){100}",
            "[[:nope:]]",
            r"\p{Nope}",
            "[a",
            "(?z)",
            "a{2,1}",
            r"\8",
        ] {
            assert!(Regex::new(pattern).is_err(), "{pattern}");
        }
    }
}
