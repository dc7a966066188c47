//! A select put together from constant clauses and bound values.
//!
//! Owns the numbering of placeholders, so that optional filters can be added in any order.
//! Clauses are `&'static str`: no value from outside can become part of the statement.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow};

use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::database::{Tx, on};

/// A bound value.
#[derive(Debug, Clone)]
pub(in crate::store) enum Bind {
    Text(String),
    Number(i64),
}

impl From<&str> for Bind {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Bind {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<i64> for Bind {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Timestamp> for Bind {
    fn from(at: Timestamp) -> Self {
        Self::Number(at.as_millis())
    }
}

/// A statement that answers rows.
#[derive(Debug, Clone)]
pub(in crate::store) struct Select {
    text: String,
    binds: Vec<Bind>,
}

impl Select {
    /// Begins with `text`, which ends in a `where` clause when filters are to follow.
    pub(in crate::store) fn new(text: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            binds: Vec::new(),
        }
    }

    /// Adds `text`; each `?` in it stands for the next of `values`.
    pub(in crate::store) fn push<const N: usize>(
        &mut self,
        text: &'static str,
        values: [Bind; N],
    ) -> &mut Self {
        let mut parts = text.split('?');
        self.text.push_str(parts.next().unwrap_or_default());
        for (value, rest) in values.into_iter().zip(parts) {
            self.binds.push(value);
            self.text.push('$');
            self.text.push_str(&self.binds.len().to_string());
            self.text.push_str(rest);
        }
        self
    }

    /// Adds `text`, with one `?`, when there is a `value`.
    pub(in crate::store) fn push_some<V: Into<Bind>>(
        &mut self,
        text: &'static str,
        value: Option<V>,
    ) -> &mut Self {
        if let Some(value) = value {
            self.push(text, [value.into()]);
        }
        self
    }

    /// The rows.
    pub(in crate::store) async fn fetch<T>(self, tx: &mut Tx) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let Self { text, binds } = self;
        on!(tx, connection => {
            // Every part of the text is a constant of this program; see the type's comment.
            let mut query = sqlx::query_as(AssertSqlSafe(text));
            for bind in binds {
                query = match bind {
                    Bind::Text(text) => query.bind(text),
                    Bind::Number(number) => query.bind(number),
                };
            }
            Ok(query.fetch_all(connection).await?)
        })
    }

    /// The only row, when there is one.
    pub(in crate::store) async fn fetch_optional<T>(
        self,
        tx: &mut Tx,
    ) -> Result<Option<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        Ok(self.fetch(tx).await?.into_iter().next())
    }
}

#[cfg(test)]
impl Select {
    /// How SQLite would go about it, one step a line.
    pub(in crate::store) async fn plan(mut self, store: &crate::store::Store) -> String {
        self.text.insert_str(0, "explain query plan ");
        let mut tx = store.database.begin_read().await.unwrap();
        let Tx::Sqlite(inner) = &mut tx else {
            panic!("plans are SQLite's");
        };
        let mut query = sqlx::query_as(AssertSqlSafe(self.text));
        for bind in self.binds {
            query = match bind {
                Bind::Text(text) => query.bind(text),
                Bind::Number(number) => query.bind(number),
            };
        }
        let steps: Vec<(i64, i64, i64, String)> = query.fetch_all(&mut **inner).await.unwrap();
        let steps: Vec<String> = steps.into_iter().map(|(.., step)| step).collect();
        steps.join("\n")
    }

    /// The statement.
    pub(in crate::store) fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_in_the_order_of_their_values() {
        let mut select = Select::new("select a from t where true");
        select
            .push(" and (a, b) < (?, ?)", [1.into(), "x".into()])
            .push_some(" and c = ?", None::<i64>)
            .push_some(" and d = ?", Some(4));
        assert_eq!(
            select.text(),
            "select a from t where true and (a, b) < ($1, $2) and d = $3"
        );
        assert_eq!(select.binds.len(), 3);
    }
}
