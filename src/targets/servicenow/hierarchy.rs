//! Which tables the ticket's table extends: it has their columns, choices, access controls and
//! data policies too.

use super::ServiceNow;
use super::query::{Literal, Query};
use super::requests::Request;
use crate::domain::failure::Failure;

/// What incidents extend, and nearly every other table of tickets.
const TASK: &str = "task";
/// Known of every instance.
const INCIDENT: &str = "incident";
/// Tables that extend one another; a base instance has four at most.
const MAX_TABLES: usize = 12;

/// A table and the tables that it extends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableHierarchy {
    /// The table itself, then the tables that it extends, nearest first.
    pub(super) tables: Vec<String>,
    /// Whether these are all. Otherwise they are those that are likely.
    pub(super) is_complete: bool,
}

impl TableHierarchy {
    /// The query for rows whose `field` is one of the tables; `None` where one has a name that
    /// no query can hold.
    pub(super) fn rows(&self, field: &'static str) -> Option<Query> {
        let mut tables = self.tables.iter();
        let first = Query::equals(field, &Literal::parse(tables.next()?)?);
        tables.try_fold(first, |query, table| {
            Some(query.or_is(field, &Literal::parse(table)?))
        })
    }

    /// How near the table `name` is; `None` for a table that is none of them.
    pub(super) fn distance(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| table == name)
    }
}

impl ServiceNow {
    /// The ticket's table and the tables that it extends, from `sys_db_object`. Where our user may
    /// not read that, `task` is assumed.
    pub(super) async fn table_hierarchy(&self) -> Result<TableHierarchy, Failure> {
        let own = self.table.clone();
        if own == INCIDENT {
            return Ok(TableHierarchy {
                tables: vec![own, TASK.to_owned()],
                is_complete: true,
            });
        }
        let mut tables = vec![own.clone()];
        let mut next = Some(own);
        while let Some(table) = next.take() {
            match self.extended_by(&table).await? {
                Some(parent) if parent.is_empty() => {
                    return Ok(TableHierarchy {
                        tables,
                        is_complete: true,
                    });
                }
                Some(parent) if !tables.contains(&parent) && tables.len() < MAX_TABLES => {
                    tables.push(parent.clone());
                    next = Some(parent);
                }
                _ => {}
            }
        }
        if !tables.iter().any(|table| table == TASK) {
            tables.push(TASK.to_owned());
        }
        Ok(TableHierarchy {
            tables,
            is_complete: false,
        })
    }

    /// The table that `table` extends, empty for none; `None` where it cannot be read.
    async fn extended_by(&self, table: &str) -> Result<Option<String>, Failure> {
        let Some(name) = Literal::parse(table) else {
            return Ok(None);
        };
        let fields = "name,super_class,super_class.name";
        let request = Request::rows(
            "sys_db_object",
            Some(&Query::equals("name", &name)),
            fields,
            2,
        );
        let rows = self.readable(&request).await?;
        let row = rows.iter().find(|row| row.text("name") == table);
        Ok(row.and_then(|row| {
            let parent = row.text("super_class.name").into_owned();
            // A parent that our user may not see has an id and no name.
            let is_hidden = parent.is_empty() && !row.text("super_class").is_empty();
            (!is_hidden).then_some(parent)
        }))
    }
}
