//! A statement: one text of SQL for both databases, and the values that are bound to it.
//!
//! Every part of the text is a constant of this program, so that no value from outside can
//! become part of it. The same parts give the same text, so that each shape of a statement is
//! prepared once for a connection.

use std::fmt::Write;

use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use super::StoreError;
use super::database::{Tx, answered};
use super::row::Row;
use super::value::{Value, arguments};

/// A text that is given whole has `$1`, `$2`, … for its values, which follow by
/// [`Statement::bind`]. A part that is added later has `?` for each of its values, because
/// their numbers depend on the parts before it.
#[derive(Debug, Clone)]
pub(super) struct Statement<'a> {
    sqlite: &'static str,
    postgres: &'static str,
    added: String,
    lock: &'static str,
    values: Vec<Value<'a>>,
}

impl<'a> Statement<'a> {
    pub(super) const fn new(text: &'static str) -> Self {
        Self::either(text, text)
    }

    /// A statement that the two databases spell differently.
    pub(super) const fn either(sqlite: &'static str, postgres: &'static str) -> Self {
        Self {
            sqlite,
            postgres,
            added: String::new(),
            lock: "",
            values: Vec::new(),
        }
    }

    /// A statement that SQLite, with its one writer and one process, does not need: there it
    /// does nothing.
    pub(super) const fn on_postgres(text: &'static str) -> Self {
        Self::either("", text)
    }

    /// Binds the next value.
    pub(super) fn bind(mut self, value: impl Into<Value<'a>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Locks the rows until the transaction ends. SQLite has one writer, which is lock enough.
    pub(super) fn for_update(mut self) -> Self {
        self.lock = " for update";
        self
    }

    /// The same, but rows that another transaction has locked are left out.
    pub(super) fn for_update_skip_locked(mut self) -> Self {
        self.lock = " for update skip locked";
        self
    }

    /// Adds `text`; each `?` in it stands for the next of `values`.
    pub(super) fn push<const N: usize>(
        &mut self,
        text: &'static str,
        values: [Value<'a>; N],
    ) -> &mut Self {
        let mut parts = text.split('?');
        self.added.push_str(parts.next().unwrap_or_default());
        for (value, rest) in values.into_iter().zip(parts) {
            self.push_value(value);
            self.added.push_str(rest);
        }
        self
    }

    /// Adds `text`, with one `?`, when there is a `value`.
    pub(super) fn push_some<V: Into<Value<'a>>>(
        &mut self,
        text: &'static str,
        value: Option<V>,
    ) -> &mut Self {
        if let Some(value) = value {
            self.push(text, [value.into()]);
        }
        self
    }

    /// Adds `text` and a list of `items` in parentheses, the last of them again until there are
    /// a power of two of them: otherwise there would be a statement to prepare for every number
    /// of items.
    pub(super) fn push_list<V: Into<Value<'a>>>(
        &mut self,
        text: &'static str,
        items: impl IntoIterator<Item = V>,
    ) -> &mut Self {
        self.added.push_str(text);
        let items: Vec<Value<'a>> = items.into_iter().map(Into::into).collect();
        self.added.push('(');
        if items.is_empty() {
            self.added.push_str("null");
        }
        for (number, value) in padded(items).into_iter().enumerate() {
            self.added.push_str(if number == 0 { "" } else { ", " });
            self.push_value(value);
        }
        self.added.push(')');
        self
    }

    /// Adds `text` and a list of `items`, when there are any.
    pub(super) fn push_any(&mut self, text: &'static str, items: &'a [String]) -> &mut Self {
        match items {
            [] => self,
            items => self.push_list(text, items),
        }
    }

    /// Adds `text` and `rows` of values.
    pub(super) fn push_rows<const N: usize>(
        &mut self,
        text: &'static str,
        rows: impl IntoIterator<Item = [Value<'a>; N]>,
    ) -> &mut Self {
        self.added.push_str(text);
        for (number, row) in rows.into_iter().enumerate() {
            self.added.push_str(if number == 0 { "" } else { ", " });
            for (position, value) in row.into_iter().enumerate() {
                self.added.push_str(if position == 0 { "(" } else { ", " });
                self.push_value(value);
            }
            self.added.push(')');
        }
        self
    }

    fn push_value(&mut self, value: Value<'a>) {
        self.values.push(value);
        // Writing into a string never fails.
        let _ = write!(self.added, "${}", self.values.len());
    }

    /// How many rows it changed.
    pub(super) async fn execute(self, tx: &mut Tx) -> Result<u64, StoreError> {
        match tx {
            Tx::Sqlite(_) if self.sqlite.is_empty() => Ok(0),
            Tx::Sqlite(tx) => Ok(self.for_sqlite()?.execute(&mut **tx).await?.rows_affected()),
            Tx::Postgres(tx) => {
                let query = self.for_postgres()?;
                answered(async { Ok(query.execute(&mut **tx).await?.rows_affected()) }).await
            }
        }
    }

    /// Its rows, each as `read` reads it.
    pub(super) async fn fetch<T>(
        self,
        tx: &mut Tx,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        match tx {
            Tx::Sqlite(tx) => {
                let rows = self.for_sqlite()?.fetch_all(&mut **tx).await?;
                let rows = rows.into_iter().map(Row::Sqlite);
                rows.map(|row| read(&row)).collect()
            }
            Tx::Postgres(tx) => {
                let query = self.for_postgres()?;
                let rows = answered(async { Ok(query.fetch_all(&mut **tx).await?) }).await?;
                let rows = rows.into_iter().map(Row::Postgres);
                rows.map(|row| read(&row)).collect()
            }
        }
    }

    /// Its first row, if there is one.
    pub(super) async fn fetch_optional<T>(
        self,
        tx: &mut Tx,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let row = match tx {
            Tx::Sqlite(tx) => {
                let row = self.for_sqlite()?.fetch_optional(&mut **tx).await?;
                row.map(Row::Sqlite)
            }
            Tx::Postgres(tx) => {
                let query = self.for_postgres()?;
                let row = answered(async { Ok(query.fetch_optional(&mut **tx).await?) }).await?;
                row.map(Row::Postgres)
            }
        };
        row.as_ref().map(read).transpose()
    }

    /// Its row, of which there is always one.
    pub(super) async fn fetch_one<T>(
        self,
        tx: &mut Tx,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let row = self.fetch_optional(tx, read).await?;
        row.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    fn for_sqlite(&self) -> Result<Query<'static, Sqlite, SqliteArguments>, StoreError> {
        let text = self.text(self.sqlite, "");
        Ok(sqlx::query_with(text, arguments(&self.values)?))
    }

    fn for_postgres(&self) -> Result<Query<'static, Postgres, PgArguments>, StoreError> {
        let text = self.text(self.postgres, self.lock);
        Ok(sqlx::query_with(text, arguments(&self.values)?))
    }

    fn text(&self, begin: &'static str, lock: &'static str) -> SqlStr {
        if self.added.is_empty() && lock.is_empty() {
            return begin.into_sql_str();
        }
        // All parts are constants of this program; see the head of this file.
        AssertSqlSafe([begin, &self.added, lock].concat()).into_sql_str()
    }
}

/// `items`, the last again until there are a power of two of them.
pub(super) fn padded<T: Clone>(mut items: Vec<T>) -> Vec<T> {
    if let Some(last) = items.last().cloned() {
        items.resize(items.len().next_power_of_two(), last);
    }
    items
}

#[cfg(test)]
impl Statement<'_> {
    /// How SQLite would go about it, one step a line.
    pub(super) async fn plan(mut self, tx: &mut Tx) -> String {
        self.added = format!("{}{}", self.sqlite, self.added);
        self.sqlite = "explain query plan ";
        let steps = self.fetch(tx, |row| row.get::<String>("detail"));
        steps.await.unwrap().join("\n")
    }

    /// The statement as SQLite reads it.
    pub(super) fn sqlite_text(&self) -> String {
        [self.sqlite, &self.added].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_in_the_order_of_their_values() {
        let mut statement = Statement::new("select a from t where z = $1").bind("y");
        statement
            .push(" and (a, b) < (?, ?)", [1_i64.into(), "x".into()])
            .push_some(" and c = ?", None::<i64>)
            .push_some(" and d = ?", Some(4_i64));
        assert_eq!(
            statement.sqlite_text(),
            "select a from t where z = $1 and (a, b) < ($2, $3) and d = $4"
        );
        assert_eq!(statement.values.len(), 4);
    }

    #[test]
    fn lists_have_few_lengths_and_an_empty_one_finds_nothing() {
        let list = |count: i64| {
            let mut statement = Statement::new("delete from t where a in ");
            statement.push_list("", 0..count);
            statement.sqlite_text()
        };
        assert_eq!(list(0), "delete from t where a in (null)");
        assert_eq!(list(3), "delete from t where a in ($1, $2, $3, $4)");
        assert_eq!(list(3), list(4));
    }

    #[test]
    fn rows_are_inserted_by_one_statement() {
        let mut statement = Statement::new("insert into t (a, b) values ");
        statement.push_rows("", [[1_i64.into(), "x".into()], [2_i64.into(), "y".into()]]);
        assert_eq!(
            statement.sqlite_text(),
            "insert into t (a, b) values ($1, $2), ($3, $4)"
        );
    }
}
