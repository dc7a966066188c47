//! The part of SOQL that clients of this kind use, parsed: SELECT with fields or a count, WHERE
//! with comparisons, IN, LIKE, NOT, AND, OR and brackets, ORDER BY, LIMIT, OFFSET. Pure text
//! work; knows no table.

use super::clock;
use super::soql_words::{Token, tokens};

/// A parsed query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Select {
    pub(super) columns: Columns,
    pub(super) object: String,
    pub(super) filter: Option<Filter>,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Columns {
    Fields(Vec<String>),
    /// `COUNT()`.
    Count,
    /// `COUNT(field)`.
    CountOf(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    pub(super) field: String,
    pub(super) descending: bool,
    pub(super) nulls_last: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    Compare {
        field: String,
        operator: Operator,
        value: Literal,
    },
    In {
        field: String,
        values: Vec<Literal>,
        negated: bool,
    },
    Not(Box<Filter>),
    All(Vec<Filter>),
    Any(Vec<Filter>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Number(f64),
    Bool(bool),
    /// Milliseconds since 1970.
    Moment(i64),
    Null,
}

/// Parses; the error is the text of `MALFORMED_QUERY`.
pub(super) fn parse(text: &str) -> Result<Select, String> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
    };
    let select = parser.select()?;
    match parser.peek() {
        None => Ok(select),
        Some(token) => Err(format!("unexpected token: {token:?}")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn word_is(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word))
    }

    /// Takes the word when it is next.
    fn accept(&mut self, word: &str) -> bool {
        let there = self.word_is(word);
        self.next += usize::from(there);
        there
    }

    fn accept_symbol(&mut self, symbol: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Symbol(found)) if *found == symbol);
        self.next += usize::from(there);
        there
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.accept(word) {
            Ok(())
        } else {
            Err(self.unexpected(word))
        }
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), String> {
        if self.accept_symbol(symbol) {
            Ok(())
        } else {
            Err(self.unexpected(symbol))
        }
    }

    fn unexpected(&self, wanted: &str) -> String {
        match self.peek() {
            Some(token) => format!("expecting '{wanted}', found {token:?}"),
            None => format!("expecting '{wanted}', found end of query"),
        }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.take() {
            Some(Token::Word(word)) => Ok(word),
            _ => Err("expecting a field or entity name".to_owned()),
        }
    }

    fn select(&mut self) -> Result<Select, String> {
        self.expect("SELECT")?;
        let columns = self.columns()?;
        self.expect("FROM")?;
        let object = self.name()?;
        let filter = if self.accept("WHERE") {
            Some(self.condition()?)
        } else {
            None
        };
        let order = if self.accept("ORDER") {
            self.order()?
        } else {
            Vec::new()
        };
        let limit = if self.accept("LIMIT") {
            Some(self.count()?)
        } else {
            None
        };
        let offset = if self.accept("OFFSET") {
            self.count()?
        } else {
            0
        };
        Ok(Select {
            columns,
            object,
            filter,
            order,
            limit,
            offset,
        })
    }

    fn columns(&mut self) -> Result<Columns, String> {
        if self.accept("COUNT") {
            self.expect_symbol("(")?;
            if self.accept_symbol(")") {
                return Ok(Columns::Count);
            }
            let field = self.name()?;
            self.expect_symbol(")")?;
            return Ok(Columns::CountOf(field));
        }
        let mut fields = vec![self.name()?];
        while self.accept_symbol(",") {
            fields.push(self.name()?);
        }
        Ok(Columns::Fields(fields))
    }

    fn count(&mut self) -> Result<usize, String> {
        self.name()?
            .parse()
            .map_err(|_| "expecting a number".to_owned())
    }

    fn order(&mut self) -> Result<Vec<Order>, String> {
        self.expect("BY")?;
        let mut list = Vec::new();
        loop {
            let field = self.name()?;
            let descending = !self.accept("ASC") && self.accept("DESC");
            let nulls_last = if self.accept("NULLS") {
                let last = self.accept("LAST");
                if !last {
                    self.expect("FIRST")?;
                }
                last
            } else {
                false
            };
            list.push(Order {
                field,
                descending,
                nulls_last,
            });
            if !self.accept_symbol(",") {
                return Ok(list);
            }
        }
    }

    /// AND and OR may not be mixed without brackets.
    fn condition(&mut self) -> Result<Filter, String> {
        let first = self.single()?;
        let word = if self.word_is("AND") {
            "AND"
        } else if self.word_is("OR") {
            "OR"
        } else {
            return Ok(first);
        };
        let mut all = vec![first];
        while self.accept(word) {
            all.push(self.single()?);
        }
        if self.word_is("AND") || self.word_is("OR") {
            return Err("AND and OR need brackets when they are mixed".to_owned());
        }
        Ok(if word == "AND" {
            Filter::All(all)
        } else {
            Filter::Any(all)
        })
    }

    fn single(&mut self) -> Result<Filter, String> {
        if self.accept_symbol("(") {
            let inner = self.condition()?;
            self.expect_symbol(")")?;
            return Ok(inner);
        }
        if self.accept("NOT") {
            return Ok(Filter::Not(Box::new(self.single()?)));
        }
        let field = self.name()?;
        let negated = self.accept("NOT");
        if self.accept("IN") {
            return Ok(Filter::In {
                field,
                values: self.list()?,
                negated,
            });
        }
        let operator = self.operator()?;
        Ok(Filter::Compare {
            field,
            operator,
            value: self.literal()?,
        })
    }

    fn operator(&mut self) -> Result<Operator, String> {
        if self.accept("LIKE") {
            return Ok(Operator::Like);
        }
        let operator = match self.peek() {
            Some(Token::Symbol("=")) => Operator::Equal,
            Some(Token::Symbol("!=" | "<>")) => Operator::NotEqual,
            Some(Token::Symbol("<")) => Operator::Less,
            Some(Token::Symbol("<=")) => Operator::LessOrEqual,
            Some(Token::Symbol(">")) => Operator::Greater,
            Some(Token::Symbol(">=")) => Operator::GreaterOrEqual,
            _ => return Err(self.unexpected("operator")),
        };
        self.next += 1;
        Ok(operator)
    }

    fn list(&mut self) -> Result<Vec<Literal>, String> {
        self.expect_symbol("(")?;
        let mut values = vec![self.literal()?];
        while self.accept_symbol(",") {
            values.push(self.literal()?);
        }
        self.expect_symbol(")")?;
        Ok(values)
    }

    fn literal(&mut self) -> Result<Literal, String> {
        let word = match self.take() {
            Some(Token::Text(text)) => return Ok(Literal::Text(text)),
            Some(Token::Word(word)) => word,
            _ => return Err("expecting a value".to_owned()),
        };
        match word.to_ascii_lowercase().as_str() {
            "null" => return Ok(Literal::Null),
            "true" => return Ok(Literal::Bool(true)),
            "false" => return Ok(Literal::Bool(false)),
            _ => {}
        }
        if let Ok(number) = word.parse() {
            return Ok(Literal::Number(number));
        }
        clock::parse(&word)
            .map(Literal::Moment)
            .ok_or_else(|| format!("unexpected token: '{word}'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_value_must_be_escaped() {
        let parsed = parse(r"SELECT Id FROM Case WHERE Subject = 'it\'s \\ here'").unwrap();
        let Some(Filter::Compare { value, .. }) = parsed.filter else {
            panic!("no filter")
        };
        assert_eq!(value, Literal::Text(r"it's \ here".to_owned()));
        assert!(parse("SELECT Id FROM Case WHERE Subject = 'it's here'").is_err());
    }

    #[test]
    fn and_with_or_needs_brackets() {
        assert!(parse("SELECT Id FROM Case WHERE A='1' AND B='2' OR C='3'").is_err());
        assert!(parse("SELECT Id FROM Case WHERE A='1' AND (B='2' OR C='3')").is_ok());
    }
}
