//! Regular expressions for the filter of ListTransactions: the everyday part of Java's, matched against a whole id.
//!
//! Literals, `.`, classes, `\d \w \s` and their opposites, groups, alternatives, `* + ? {m,n}` (greedy or lazy: for a whole match it is the
//! same), `^ $`. Look-around, back references and flags are refused as if they were malformed. Work is bounded.

/// One node of the expression. Indices point into the list of nodes.
#[derive(Clone, Debug)]
enum Node {
    Char(char),
    Any,
    Class {
        negated: bool,
        items: Vec<ClassItem>,
    },
    Start,
    End,
    Group(Vec<Vec<Node>>),
    Repeat {
        node: Box<Node>,
        min: u32,
        max: u32,
    },
}

#[derive(Clone, Debug)]
enum ClassItem {
    Range(char, char),
    Shorthand(char),
}

/// Longest expression and deepest nesting that are read; ids and their patterns are short.
const MAX_LENGTH: usize = 1_000;
const MAX_DEPTH: usize = 50;
/// Steps that one match may take before it counts as none: an expression that needs more is of the kind that never ends.
const MAX_STEPS: u32 = 1_000_000;

#[derive(Clone, Debug)]
pub struct Pattern {
    alternatives: Vec<Vec<Node>>,
}

impl Pattern {
    /// `None` if the expression is malformed.
    pub fn compile(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let chars: Vec<char> = text.chars().collect();
        let mut parser = Parser {
            chars: &chars,
            at: 0,
        };
        let alternatives = parser.alternatives(0)?;
        (parser.at == chars.len()).then_some(Self { alternatives })
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let mut matcher = Matcher {
            text: &text,
            steps: 0,
        };
        matcher.any_of(&self.alternatives, 0, &mut |_, end| end == text.len())
    }
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn alternatives(&mut self, depth: usize) -> Option<Vec<Vec<Node>>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut all = vec![self.sequence(depth)?];
        while self.eat('|') {
            all.push(self.sequence(depth)?);
        }
        Some(all)
    }

    fn sequence(&mut self, depth: usize) -> Option<Vec<Node>> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek() {
            if c == '|' || c == ')' {
                break;
            }
            let node = self.atom(depth)?;
            nodes.push(self.repeated(node)?);
        }
        Some(nodes)
    }

    fn atom(&mut self, depth: usize) -> Option<Node> {
        match self.next()? {
            '.' => Some(Node::Any),
            '^' => Some(Node::Start),
            '$' => Some(Node::End),
            '(' => {
                if self.eat('?') && !self.eat(':') {
                    return None;
                }
                let group = self.alternatives(depth + 1)?;
                self.eat(')').then_some(Node::Group(group))
            }
            '[' => self.class(),
            '\\' => self.escape(),
            '*' | '+' | '?' | '{' => None,
            c => Some(Node::Char(c)),
        }
    }

    fn escape(&mut self) -> Option<Node> {
        match self.next()? {
            c @ ('d' | 'D' | 'w' | 'W' | 's' | 'S') => Some(Node::Class {
                negated: false,
                items: vec![ClassItem::Shorthand(c)],
            }),
            c => escaped(c).map(Node::Char),
        }
    }

    fn class(&mut self) -> Option<Node> {
        let negated = self.eat('^');
        let mut items = Vec::new();
        loop {
            let low = match self.next()? {
                ']' if !items.is_empty() => return Some(Node::Class { negated, items }),
                // Java's intersections and nested classes are left out.
                '[' | '&' if self.peek() == Some('&') || self.chars[self.at - 1] == '[' => {
                    return None;
                }
                '\\' => match self.next()? {
                    c @ ('d' | 'D' | 'w' | 'W' | 's' | 'S') => {
                        items.push(ClassItem::Shorthand(c));
                        continue;
                    }
                    c => escaped(c)?,
                },
                c => c,
            };
            let is_range =
                self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|&c| c != ']');
            let high = if is_range {
                self.at += 1;
                match self.next()? {
                    '\\' => escaped(self.next()?)?,
                    '[' => return None,
                    c => c,
                }
            } else {
                low
            };
            if high < low {
                return None;
            }
            items.push(ClassItem::Range(low, high));
        }
    }

    fn repeated(&mut self, node: Node) -> Option<Node> {
        let (min, max) = match self.peek() {
            Some('*') => (0, u32::MAX),
            Some('+') => (1, u32::MAX),
            Some('?') => (0, 1),
            Some('{') => {
                self.at += 1;
                let min = self.number()?;
                let max = if self.eat(',') {
                    if self.peek() == Some('}') {
                        u32::MAX
                    } else {
                        self.number()?
                    }
                } else {
                    min
                };
                if self.peek() != Some('}') || max < min {
                    return None;
                }
                (min, max)
            }
            _ => return Some(node),
        };
        self.at += 1;
        // Lazy finds the same whole matches; possessive might not, and is refused with everything else that dangles.
        self.eat('?');
        if self.peek() == Some('+') || self.peek() == Some('*') || self.peek() == Some('{') {
            return None;
        }
        Some(Node::Repeat {
            node: Box::new(node),
            min,
            max,
        })
    }

    fn number(&mut self) -> Option<u32> {
        let mut digits = String::new();
        while let Some(c) = self.peek().filter(char::is_ascii_digit) {
            digits.push(c);
            self.at += 1;
        }
        digits.parse().ok()
    }
}

/// The character that an escape stands for. Escaped letters without a meaning are errors, as in Java.
fn escaped(c: char) -> Option<char> {
    match c {
        't' => Some('\t'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        c if c.is_ascii_alphanumeric() => None,
        c => Some(c),
    }
}

struct Matcher<'a> {
    text: &'a [char],
    steps: u32,
}

type Then<'t> = &'t mut dyn FnMut(&mut Matcher<'_>, usize) -> bool;

impl Matcher<'_> {
    fn any_of(&mut self, alternatives: &[Vec<Node>], at: usize, then: Then<'_>) -> bool {
        alternatives
            .iter()
            .any(|nodes| self.sequence(nodes, at, then))
    }

    fn sequence(&mut self, nodes: &[Node], at: usize, then: Then<'_>) -> bool {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return false;
        }
        match nodes.split_first() {
            None => then(self, at),
            Some((first, rest)) => self.node(first, at, &mut |matcher, at| {
                matcher.sequence(rest, at, then)
            }),
        }
    }

    fn node(&mut self, node: &Node, at: usize, then: Then<'_>) -> bool {
        match node {
            Node::Start => at == 0 && then(self, at),
            Node::End => at == self.text.len() && then(self, at),
            Node::Group(alternatives) => self.any_of(alternatives, at, then),
            Node::Repeat { node, min, max } => self.repeat(node, *min, *max, at, then),
            single => self.text.get(at).is_some_and(|&c| single.accepts(c)) && then(self, at + 1),
        }
    }

    fn repeat(&mut self, node: &Node, min: u32, max: u32, at: usize, then: Then<'_>) -> bool {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return false;
        }
        if max > 0 {
            let left = max
                .saturating_sub(1)
                .max(if max == u32::MAX { u32::MAX } else { 0 });
            let again = self.node(node, at, &mut |matcher, next| {
                // A round that takes nothing would go on forever.
                (next > at || min > 0)
                    && matcher.repeat(node, min.saturating_sub(1), left, next, then)
            });
            if again {
                return true;
            }
        }
        min == 0 && then(self, at)
    }
}

impl Node {
    fn accepts(&self, c: char) -> bool {
        match self {
            Node::Char(own) => *own == c,
            Node::Any => c != '\n' && c != '\r',
            Node::Class { negated, items } => {
                let is_in = items.iter().any(|item| match *item {
                    ClassItem::Range(low, high) => (low..=high).contains(&c),
                    ClassItem::Shorthand(kind) => shorthand(kind, c),
                });
                is_in != *negated
            }
            _ => false,
        }
    }
}

fn shorthand(kind: char, c: char) -> bool {
    let is_in = match kind.to_ascii_lowercase() {
        'd' => c.is_ascii_digit(),
        'w' => c.is_ascii_alphanumeric() || c == '_',
        _ => matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r'),
    };
    is_in != kind.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn the_whole_id_has_to_match() {
        for (pattern, id, expected) in [
            ("app-.*", "app-1", true),
            ("app", "app-1", false),
            ("(app|other)-[0-9]{1,2}", "other-42", true),
            ("(app|other)-[0-9]{1,2}", "other-423", false),
            (r"\w+-\d?", "app-", true),
            ("[^a-c]+", "xyz", true),
            ("[^a-c]+", "xaz", false),
            ("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaac", false),
            ("^a.b$", "a-b", true),
            (r"a\.b", "a-b", false),
            ("a{2,}", "aaaa", true),
            ("", "", true),
        ] {
            let compiled = Pattern::compile(pattern).expect(pattern);
            assert_eq!(compiled.matches(id), expected, "{pattern} on {id}");
        }
    }

    #[test]
    fn malformed_expressions_are_refused() {
        for pattern in [
            "[", "(", ")", "*a", "a{2", "a{3,2}", r"\", "[z-a]", "(?=a)", "a**",
        ] {
            assert!(Pattern::compile(pattern).is_none(), "{pattern}");
        }
    }
}
