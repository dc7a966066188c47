//! ServiceNow: tickets are records of `incident` or of another table that extends `task`.

mod ids;
mod query;
mod record;
mod refusal;
mod truncation;
mod verdict;
