//! Checks of a target on demand, which the program provides.

use futures::future::BoxFuture;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::identity::TargetName;

/// Checks a target live, without writing anything.
pub trait TargetTester: Send + Sync {
    /// The checks of `target`, the worst first; `None` when there is no such target.
    fn test<'a>(&'a self, target: &'a TargetName) -> BoxFuture<'a, Option<Vec<TargetCheck>>>;
}

/// Of a listener that can test nothing.
pub(super) struct NoTests;

impl TargetTester for NoTests {
    fn test<'a>(&'a self, _: &'a TargetName) -> BoxFuture<'a, Option<Vec<TargetCheck>>> {
        Box::pin(async { Some(Vec::new()) })
    }
}

/// One check of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TargetCheck {
    /// `dns`, `tls`, `clock`, `login`, `field`, …
    pub check: &'static str,
    /// The CRM's field, where the check is about one.
    pub field: Option<String>,
    /// `error`, `warning`, `skipped`, `ok`.
    pub result: &'static str,
    pub message: String,
    pub remedy: Option<String>,
}
