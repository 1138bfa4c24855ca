//! The syntax of VRML 2: text in, a tree of nodes out, whatever the nodes are called.
//!
//! Source: ISO/IEC 14772-1:1997, annex A. `DEF` and `USE` share nodes. Prototypes, routes and scripts are passed over. Fails
//! with the line of the first thing that fits nowhere, and at the end of a file that is not whole.

use super::ReadError;
use std::collections::HashMap;
use std::rc::Rc;

pub(super) const FORMAT: &str = "VRML";

/// Deepest nesting of nodes and lists.
const DEEPEST: usize = 100;

/// A node with its fields.
#[derive(Debug, Default)]
pub struct Node {
    /// Its type.
    pub kind: String,
    /// Its name, where `DEF` gives one.
    pub name: String,
    /// Its fields in order.
    pub fields: Vec<(String, Value)>,
}

/// The value of a field: a list of one kind of thing, the others empty.
#[derive(Debug, Default)]
pub struct Value {
    /// Numbers.
    pub numbers: Vec<f64>,
    /// Strings.
    pub strings: Vec<String>,
    /// Nodes.
    pub nodes: Vec<Rc<Node>>,
    /// TRUE or FALSE.
    pub truth: Option<bool>,
}

impl Node {
    /// A field's value.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// The numbers of a field; none where it is absent.
    pub fn numbers(&self, name: &str) -> &[f64] {
        self.field(name).map_or(&[], |v| &v.numbers)
    }

    /// The numbers of a field of fixed length, or what stands for it.
    pub fn tuple<const N: usize>(&self, name: &str, default: [f64; N]) -> [f64; N] {
        self.numbers(name).try_into().unwrap_or(default)
    }

    /// The nodes of a field; none where it is absent.
    pub fn nodes(&self, name: &str) -> &[Rc<Self>] {
        self.field(name).map_or(&[], |v| &v.nodes)
    }

    /// A truth value, or what stands for it.
    pub fn truth(&self, name: &str, default: bool) -> bool {
        self.field(name).and_then(|v| v.truth).unwrap_or(default)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Number(f64),
    Text(String),
    Mark(u8),
    End,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    peeked: Option<Token<'a>>,
    named: HashMap<String, Rc<Node>>,
}

/// The nodes of a file.
pub fn parse(text: &str) -> Result<Vec<Rc<Node>>, ReadError> {
    let head = text.lines().next().unwrap_or_default();
    if head.starts_with("#VRML V1") {
        return Err(ReadError::Unsupported { format: FORMAT, what: "is of version 1".into() });
    }
    if !head.starts_with("#VRML V2") {
        let found = format!("\"{}\"", head.chars().take(40).collect::<String>());
        return Err(ReadError::Unexpected { format: FORMAT, line: 1, expected: "#VRML V2.0 utf8", found });
    }
    let mut parser = Parser { text, at: 0, peeked: None, named: HashMap::new() };
    let mut nodes = Vec::new();
    loop {
        match parser.peek()? {
            Token::End => return Ok(nodes),
            Token::Word("PROTO" | "EXTERNPROTO" | "ROUTE") => parser.pass_over()?,
            _ => nodes.extend(parser.node(0)?),
        }
    }
}

impl<'a> Parser<'a> {
    fn wrong(&self, expected: &'static str, found: &Token<'_>) -> ReadError {
        if *found == Token::End {
            let found = self.text.len() as u64;
            return ReadError::Truncated { format: FORMAT, what: expected.to_string(), needed: found + 1, found };
        }
        let line = 1 + self.text.as_bytes()[..self.at].iter().filter(|b| **b == b'\n').count();
        let found = match found {
            Token::Word(w) => format!("\"{}\"", w.chars().take(40).collect::<String>()),
            Token::Number(n) => n.to_string(),
            Token::Text(_) => "a string".to_string(),
            Token::Mark(m) => format!("\"{}\"", char::from(*m)),
            Token::End => String::new(),
        };
        ReadError::Unexpected { format: FORMAT, line, expected, found }
    }

    fn peek(&mut self) -> Result<Token<'a>, ReadError> {
        let token = self.next()?;
        self.peeked = Some(token.clone());
        Ok(token)
    }

    fn next(&mut self) -> Result<Token<'a>, ReadError> {
        if let Some(token) = self.peeked.take() {
            return Ok(token);
        }
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                None => return Ok(Token::End),
                Some(b'#') => {
                    let end = bytes[self.at..].iter().position(|b| matches!(b, b'\n' | b'\r'));
                    self.at = end.map_or(bytes.len(), |e| self.at + e);
                }
                Some(b' ' | b'\t' | b'\r' | b'\n' | b',') => self.at += 1,
                Some(&mark @ (b'{' | b'}' | b'[' | b']')) => {
                    self.at += 1;
                    return Ok(Token::Mark(mark));
                }
                Some(b'"') => return self.string(),
                Some(_) => break,
            }
        }
        let ends = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'{' | b'}' | b'[' | b']' | b'"' | b'#');
        let length = bytes[self.at..].iter().position(ends).unwrap_or(bytes.len() - self.at);
        let word = &self.text[self.at..self.at + length];
        self.at += length;
        let numeric = word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
        let hex = word.strip_prefix("0x").and_then(|h| u64::from_str_radix(h, 16).ok()).map(|n| n as f64);
        match hex.or_else(|| word.parse().ok()).filter(|_| numeric) {
            Some(n) => Ok(Token::Number(n)),
            None => Ok(Token::Word(word)),
        }
    }

    fn string(&mut self) -> Result<Token<'a>, ReadError> {
        let mut text = Vec::new();
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        loop {
            match bytes.get(at) {
                None => return Err(self.wrong("closing quote", &Token::End)),
                Some(b'"') => break,
                Some(b'\\') => {
                    text.extend(bytes.get(at + 1));
                    at += 2;
                }
                Some(&b) => {
                    text.push(b);
                    at += 1;
                }
            }
        }
        self.at = at + 1;
        Ok(Token::Text(String::from_utf8_lossy(&text).into_owned()))
    }

    fn word(&mut self, expected: &'static str) -> Result<&'a str, ReadError> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            other => Err(self.wrong(expected, &other)),
        }
    }

    /// A node, `DEF name` node, or `USE name`; `None` for NULL.
    fn node(&mut self, depth: usize) -> Result<Option<Rc<Node>>, ReadError> {
        if depth > DEEPEST {
            return Err(ReadError::TooLarge { format: FORMAT, what: "nested nodes", limit: DEEPEST as u64 });
        }
        let mut kind = self.word("a node")?;
        let mut name = "";
        match kind {
            "NULL" => return Ok(None),
            "USE" => {
                let name = self.word("a name")?;
                let found = self.named.get(name).cloned();
                let reason =
                    || format!("the name {} is used before it is given", name.chars().take(40).collect::<String>());
                return found.map(Some).ok_or_else(|| ReadError::Broken { format: FORMAT, reason: reason() });
            }
            "DEF" => {
                name = self.word("a name")?;
                kind = self.word("a node")?;
            }
            _ => {}
        }
        match self.next()? {
            Token::Mark(b'{') => {}
            other => return Err(self.wrong("a brace after the name of a node", &other)),
        }
        let mut node = Node { kind: kind.to_string(), name: name.to_string(), fields: Vec::new() };
        loop {
            match self.next()? {
                Token::Mark(b'}') => break,
                Token::Word(word @ ("PROTO" | "EXTERNPROTO" | "ROUTE")) => {
                    self.peeked = Some(Token::Word(word));
                    self.pass_over()?;
                }
                Token::Word("field" | "eventIn" | "eventOut" | "exposedField") if kind == "Script" => {
                    self.word("a type of field")?;
                    self.word("a field")?;
                    if !matches!(self.peek()?, Token::Word(_) | Token::Mark(b'}')) {
                        self.value(depth + 1)?;
                    }
                }
                Token::Word(field) => {
                    let value = self.value(depth + 1)?;
                    node.fields.push((field.to_string(), value));
                }
                other => return Err(self.wrong("a field or a closing brace", &other)),
            }
        }
        let node = Rc::new(node);
        if !name.is_empty() {
            self.named.insert(name.to_string(), Rc::clone(&node));
        }
        Ok(Some(node))
    }

    /// The value of a field: with or without brackets.
    fn value(&mut self, depth: usize) -> Result<Value, ReadError> {
        let mut value = Value::default();
        match self.peek()? {
            Token::Mark(b'[') => {
                self.next()?;
                loop {
                    match self.peek()? {
                        Token::Mark(b']') => {
                            self.next()?;
                            return Ok(value);
                        }
                        _ => self.item(depth, &mut value)?,
                    }
                }
            }
            Token::Number(_) => {
                while let Token::Number(n) = self.peek()? {
                    self.next()?;
                    value.numbers.push(n);
                }
            }
            _ => self.item(depth, &mut value)?,
        }
        Ok(value)
    }

    fn item(&mut self, depth: usize, value: &mut Value) -> Result<(), ReadError> {
        match self.next()? {
            Token::Number(n) => value.numbers.push(n),
            Token::Text(s) => value.strings.push(s),
            Token::Word("TRUE") => value.truth = Some(true),
            Token::Word("FALSE") => value.truth = Some(false),
            Token::Word(word) => {
                self.peeked = Some(Token::Word(word));
                value.nodes.extend(self.node(depth)?);
            }
            other => return Err(self.wrong("a value", &other)),
        }
        Ok(())
    }

    /// Passes over a prototype or a route.
    fn pass_over(&mut self) -> Result<(), ReadError> {
        let word = self.word("a word")?;
        if word == "ROUTE" {
            return (0..3).try_for_each(|_| self.word("a route").map(drop));
        }
        self.word("a name")?;
        self.balanced(b'[', b']')?;
        if word == "PROTO" {
            return self.balanced(b'{', b'}');
        }
        match self.peek()? {
            Token::Mark(b'[') => self.balanced(b'[', b']'),
            _ => self.next().map(drop),
        }
    }

    fn balanced(&mut self, open: u8, close: u8) -> Result<(), ReadError> {
        let mut depth = 0usize;
        loop {
            match self.next()? {
                Token::Mark(m) if m == open => depth += 1,
                Token::Mark(m) if m == close => depth = depth.saturating_sub(1),
                Token::End => return Err(self.wrong("closing bracket", &Token::End)),
                other if depth == 0 => return Err(self.wrong("an opening bracket", &other)),
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }
}
