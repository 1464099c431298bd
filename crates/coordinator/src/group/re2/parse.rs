//! The syntax of RE2 with its Perl extensions, as re2j reads it (`com.google.re2j.Parser`).

use super::{Assertion, Class, InvalidRegex};

/// An expression as a tree.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Empty,
    Class(Class),
    Assert(Assertion),
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
    /// At least, at most.
    Repeat(Box<Node>, u32, Option<u32>),
}

/// RE2 refuses to repeat more often than this, nested repetitions multiplied.
const MAX_REPEAT: u32 = 1000;
/// Deeper nesting is refused, as RE2 does, so that no expression exhausts the stack.
const MAX_DEPTH: usize = 250;

#[derive(Clone, Copy, Default)]
struct Flags {
    fold_case: bool,
    dot_matches_newline: bool,
    multi_line: bool,
}

struct Parser<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    flags: Flags,
    depth: usize,
}

type Result<T> = std::result::Result<T, InvalidRegex>;

pub(super) fn parse(pattern: &str) -> Result<Node> {
    let mut parser = Parser {
        chars: pattern.chars().peekable(),
        flags: Flags::default(),
        depth: 0,
    };
    let node = parser.alternation()?;
    match parser.chars.next() {
        None => Ok(node),
        Some(_) => Err(InvalidRegex), // an unexpected ')'
    }
}

impl Parser<'_> {
    fn eat(&mut self, c: char) -> bool {
        self.chars.next_if_eq(&c).is_some()
    }

    fn alternation(&mut self) -> Result<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(InvalidRegex);
        }
        let mut parts = vec![self.concatenation()?];
        while self.eat('|') {
            parts.push(self.concatenation()?);
        }
        self.depth -= 1;
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Node::Alternate(parts),
        })
    }

    fn concatenation(&mut self) -> Result<Node> {
        let mut parts: Vec<Node> = Vec::new();
        // two repetitions in a row are refused; what is repeated must exist
        let mut last_was_repeat = false;
        while let Some(&c) = self.chars.peek() {
            if c == '|' || c == ')' {
                break;
            }
            self.chars.next();
            let bounds = match c {
                '*' => Some((0, None)),
                '+' => Some((1, None)),
                '?' => Some((0, Some(1))),
                '{' => self.repeat_bounds()?,
                _ => None,
            };
            if let Some((min, max)) = bounds {
                self.eat('?'); // lazy or not, a whole match is the same
                let part = parts.pop().ok_or(InvalidRegex)?;
                if last_was_repeat {
                    return Err(InvalidRegex);
                }
                let node = Node::Repeat(Box::new(part), min, max);
                if !repeat_is_valid(&node, MAX_REPEAT) {
                    return Err(InvalidRegex);
                }
                parts.push(node);
                last_was_repeat = true;
                continue;
            }
            last_was_repeat = false;
            match c {
                '(' => match self.group()? {
                    Some(node) => parts.push(node),
                    None => {} // flags only
                },
                '[' => {
                    let class = self.class()?;
                    parts.push(Node::Class(class));
                }
                '.' => parts.push(Node::Class(Class {
                    ranges: if self.flags.dot_matches_newline {
                        Vec::new()
                    } else {
                        vec![('\n', '\n')]
                    },
                    negated: true,
                    fold_case: false,
                })),
                '^' if self.flags.multi_line => parts.push(Node::Assert(Assertion::LineBegin)),
                '^' => parts.push(Node::Assert(Assertion::TextBegin)),
                '$' if self.flags.multi_line => parts.push(Node::Assert(Assertion::LineEnd)),
                '$' => parts.push(Node::Assert(Assertion::TextEnd)),
                '\\' => self.escape_outside(&mut parts)?,
                c => parts.push(self.literal(c)),
            }
        }
        Ok(match parts.len() {
            0 => Node::Empty,
            1 => parts.remove(0),
            _ => Node::Concat(parts),
        })
    }

    fn literal(&self, c: char) -> Node {
        Node::Class(Class {
            ranges: vec![(c, c)],
            negated: false,
            fold_case: self.flags.fold_case,
        })
    }

    /// `{n}`, `{n,}`, `{n,m}` after the brace; `None` where it is none of them: then the brace is a character.
    fn repeat_bounds(&mut self) -> Result<Option<(u32, Option<u32>)>> {
        let mut ahead = self.chars.clone();
        let Some(min) = number(&mut ahead) else {
            return Ok(None);
        };
        let max = if ahead.next_if_eq(&',').is_some() {
            match number(&mut ahead) {
                Some(max) => Some(max),
                None => None,
            }
        } else {
            Some(min)
        };
        if ahead.next() != Some('}') {
            return Ok(None);
        }
        self.chars = ahead;
        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || max < min) {
            return Err(InvalidRegex);
        }
        Ok(Some((min, max)))
    }

    /// After `(`. `None`: flags for what follows.
    fn group(&mut self) -> Result<Option<Node>> {
        let before = self.flags;
        if self.eat('?') {
            let mut ahead = self.chars.clone();
            if ahead.next_if_eq(&'P').is_some() || ahead.peek() == Some(&'<') {
                if ahead.next() != Some('<') {
                    return Err(InvalidRegex);
                }
                let name: String = ahead.by_ref().take_while(|&c| c != '>').collect();
                let valid = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                if name.is_empty() || !valid {
                    return Err(InvalidRegex); // look-behind looks like this too
                }
                self.chars = ahead;
            } else if !self.group_flags()? {
                return Ok(None);
            }
        }
        let node = self.alternation()?;
        if !self.eat(')') {
            return Err(InvalidRegex);
        }
        self.flags = before;
        // a group of one repetition may be repeated again
        Ok(Some(Node::Concat(vec![node])))
    }

    /// `i`, `m`, `s`, `U`, `-`. True: a group follows; false: the flags stand alone.
    fn group_flags(&mut self) -> Result<bool> {
        let mut on = true;
        let mut any = false;
        loop {
            match self.chars.next().ok_or(InvalidRegex)? {
                'i' => self.flags.fold_case = on,
                'm' => self.flags.multi_line = on,
                's' => self.flags.dot_matches_newline = on,
                'U' => {}
                '-' if on => {
                    on = false;
                    any = false;
                    continue;
                }
                end @ (':' | ')') => {
                    if !on && !any {
                        return Err(InvalidRegex);
                    }
                    return Ok(end == ':');
                }
                _ => return Err(InvalidRegex),
            }
            any = true;
        }
    }

    fn escape_outside(&mut self, parts: &mut Vec<Node>) -> Result<()> {
        match self.chars.peek() {
            Some('A') => {
                self.chars.next();
                parts.push(Node::Assert(Assertion::TextBegin));
            }
            Some('z') => {
                self.chars.next();
                parts.push(Node::Assert(Assertion::TextEnd));
            }
            Some('b') => {
                self.chars.next();
                parts.push(Node::Assert(Assertion::WordBoundary));
            }
            Some('B') => {
                self.chars.next();
                parts.push(Node::Assert(Assertion::NoWordBoundary));
            }
            Some('Q') => {
                self.chars.next();
                while let Some(c) = self.chars.next() {
                    if c == '\\' && self.eat('E') {
                        break;
                    }
                    parts.push(self.literal(c));
                }
            }
            _ => {
                let mut class = Class {
                    fold_case: self.flags.fold_case,
                    ..Class::default()
                };
                self.escape_into(&mut class)?;
                parts.push(Node::Class(class));
            }
        }
        Ok(())
    }

    /// After a backslash, inside or outside of a class: a character or a class. Answers the character.
    fn escape_into(&mut self, class: &mut Class) -> Result<Option<char>> {
        let c = self.chars.next().ok_or(InvalidRegex)?;
        if let Some((ranges, negated)) = perl_class(c) {
            add(class, ranges, negated);
            return Ok(None);
        }
        if c == 'p' || c == 'P' {
            let (ranges, negated) = self.unicode_class()?;
            add(class, &ranges, negated != (c == 'P'));
            return Ok(None);
        }
        let literal = self.escaped_char(c)?;
        class.ranges.push((literal, literal));
        Ok(Some(literal))
    }

    fn escaped_char(&mut self, c: char) -> Result<char> {
        let code = match c {
            '0'..='7' => {
                // one digit alone would be a back-reference, unless it is \0
                let next = self.chars.peek().is_some_and(|d| ('0'..='7').contains(d));
                if c != '0' && !next {
                    return Err(InvalidRegex);
                }
                let mut code = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    match self.chars.next_if(|d| ('0'..='7').contains(d)) {
                        Some(d) => code = code * 8 + d.to_digit(8).unwrap_or(0),
                        None => break,
                    }
                }
                code
            }
            'x' => self.hex()?,
            'a' => 7,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => u32::from(c),
            _ => return Err(InvalidRegex),
        };
        char::from_u32(code).ok_or(InvalidRegex)
    }

    fn hex(&mut self) -> Result<u32> {
        let digit = |c: Option<char>| c.and_then(|c| c.to_digit(16)).ok_or(InvalidRegex);
        if !self.eat('{') {
            let high = digit(self.chars.next())?;
            return Ok(high * 16 + digit(self.chars.next())?);
        }
        let mut code = 0;
        let mut any = false;
        loop {
            match self.chars.next() {
                Some('}') if any => return Ok(code),
                c => {
                    code = code * 16 + digit(c)?;
                    any = true;
                    if code > 0x10_ffff {
                        return Err(InvalidRegex);
                    }
                }
            }
        }
    }

    fn unicode_class(&mut self) -> Result<(Vec<(char, char)>, bool)> {
        let mut name = String::new();
        match self.chars.next().ok_or(InvalidRegex)? {
            '{' => loop {
                match self.chars.next().ok_or(InvalidRegex)? {
                    '}' => break,
                    c => name.push(c),
                }
            },
            c => name.push(c),
        }
        let (name, negated) = match name.strip_prefix('^') {
            Some(rest) => (rest, true),
            None => (name.as_str(), false),
        };
        Ok((ascii_of_unicode_class(name).ok_or(InvalidRegex)?, negated))
    }

    /// After `[`.
    fn class(&mut self) -> Result<Class> {
        let mut class = Class {
            fold_case: self.flags.fold_case,
            ..Class::default()
        };
        let negated = self.eat('^');
        let mut first = true;
        loop {
            let c = self.chars.next().ok_or(InvalidRegex)?;
            if c == ']' && !first {
                break;
            }
            first = false;
            if c == '[' && self.chars.peek() == Some(&':') {
                let mut ahead = self.chars.clone();
                ahead.next();
                let text: String = ahead.clone().collect();
                if let Some(end) = text.find(":]") {
                    let (name, inverse) = match text[..end].strip_prefix('^') {
                        Some(rest) => (rest.to_owned(), true),
                        None => (text[..end].to_owned(), false),
                    };
                    add(&mut class, posix_class(&name).ok_or(InvalidRegex)?, inverse);
                    let skip = text[..end].chars().count() + 2;
                    ahead.nth(skip - 1);
                    self.chars = ahead;
                    continue;
                }
            }
            let low = match c {
                '\\' => match self.escape_into(&mut class)? {
                    Some(low) => low,
                    None => continue,
                },
                c => {
                    class.ranges.push((c, c));
                    c
                }
            };
            // a range, unless the dash is the last character of the class
            let mut ahead = self.chars.clone();
            if ahead.next() == Some('-') && ahead.peek().is_some_and(|&c| c != ']') {
                self.chars = ahead;
                let high = match self.chars.next().ok_or(InvalidRegex)? {
                    '\\' => {
                        let c = self.chars.next().ok_or(InvalidRegex)?;
                        self.escaped_char(c)?
                    }
                    c => c,
                };
                if high < low {
                    return Err(InvalidRegex);
                }
                class.ranges.push((low, high));
            }
        }
        class.negated = negated;
        Ok(class)
    }
}

fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<u32> {
    let mut value: Option<u32> = None;
    let mut digits = 0;
    while let Some(digit) = chars
        .next_if(char::is_ascii_digit)
        .and_then(|c| c.to_digit(10))
    {
        digits += 1;
        value = Some(value.unwrap_or(0).saturating_mul(10).saturating_add(digit));
        if digits > 1 && value == Some(digit) {
            return None; // no leading zeros
        }
    }
    value
}

/// Nested repetitions may not add up to more than `limit`.
fn repeat_is_valid(node: &Node, limit: u32) -> bool {
    match node {
        Node::Repeat(part, min, max) => {
            let times = max.unwrap_or(*min);
            if *max == Some(0) {
                return true;
            }
            if times > limit {
                return false;
            }
            repeat_is_valid(part, if times > 0 { limit / times } else { limit })
        }
        Node::Concat(parts) | Node::Alternate(parts) => {
            parts.iter().all(|part| repeat_is_valid(part, limit))
        }
        _ => true,
    }
}

/// Adds ranges, or everything but them.
fn add(class: &mut Class, ranges: &[(char, char)], negated: bool) {
    if !negated {
        class.ranges.extend_from_slice(ranges);
        return;
    }
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let mut next = '\0';
    for (low, high) in sorted {
        if next < low {
            class.ranges.push((next, previous(low)));
        }
        match following(high) {
            Some(c) => next = next.max(c),
            None => return,
        }
    }
    class.ranges.push((next, char::MAX));
}

fn previous(c: char) -> char {
    char::from_u32(u32::from(c) - 1).unwrap_or('\u{d7ff}')
}

fn following(c: char) -> Option<char> {
    match u32::from(c) + 1 {
        0xd800 => Some('\u{e000}'),
        code => char::from_u32(code),
    }
}

const DIGIT: &[(char, char)] = &[('0', '9')];
const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
const SPACE: &[(char, char)] = &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')];
const ALPHA: &[(char, char)] = &[('A', 'Z'), ('a', 'z')];

const fn perl_class(c: char) -> Option<(&'static [(char, char)], bool)> {
    Some(match c {
        'd' => (DIGIT, false),
        'D' => (DIGIT, true),
        'w' => (WORD, false),
        'W' => (WORD, true),
        's' => (SPACE, false),
        'S' => (SPACE, true),
        _ => return None,
    })
}

fn posix_class(name: &str) -> Option<&'static [(char, char)]> {
    Some(match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => ALPHA,
        "ascii" => &[('\0', '\x7f')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "digit" => DIGIT,
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => WORD,
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    })
}

/// What a Unicode class holds of ASCII; `None`: there is no class of that name.
fn ascii_of_unicode_class(name: &str) -> Option<Vec<(char, char)>> {
    let letters = |extra: &[(char, char)]| extra.to_vec();
    Some(match name {
        "Any" => vec![('\0', char::MAX)],
        "L" | "Latin" => ALPHA.to_vec(),
        "Lu" => letters(&[('A', 'Z')]),
        "Ll" => letters(&[('a', 'z')]),
        "N" | "Nd" => DIGIT.to_vec(),
        "P" => "!\"#%&'()*,-./:;?@[\\]_{}"
            .chars()
            .map(|c| (c, c))
            .collect(),
        "Pc" => vec![('_', '_')],
        "Pd" => vec![('-', '-')],
        "Ps" => "([{".chars().map(|c| (c, c)).collect(),
        "Pe" => ")]}".chars().map(|c| (c, c)).collect(),
        "Po" => "!\"#%&'*,./:;?@\\".chars().map(|c| (c, c)).collect(),
        "S" => "$+<=>^`|~".chars().map(|c| (c, c)).collect(),
        "Sm" => "+<=>|~".chars().map(|c| (c, c)).collect(),
        "Sc" => vec![('$', '$')],
        "Sk" => "^`".chars().map(|c| (c, c)).collect(),
        "Z" | "Zs" => vec![(' ', ' ')],
        "C" | "Cc" => vec![('\0', '\x1f'), ('\x7f', '\x7f')],
        "Common" => vec![('\0', '@'), ('[', '`'), ('{', '\x7f')],
        "Lt" | "Lm" | "Lo" | "M" | "Mn" | "Mc" | "Me" | "Nl" | "No" | "Pi" | "Pf" | "So" | "Zl"
        | "Zp" | "Cf" | "Co" | "Cs" | "Arabic" | "Armenian" | "Bengali" | "Cyrillic"
        | "Devanagari" | "Georgian" | "Greek" | "Han" | "Hangul" | "Hebrew" | "Hiragana"
        | "Katakana" | "Thai" | "Inherited" => Vec::new(),
        _ => return None,
    })
}
