//! Tests of targets on demand: what `ringdown doctor` checks without writing, with the clients that
//! deliveries use. So a password that was refused is not sent again at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::admin::{TargetCheck, TargetTester};
use crate::clock::Clock;
use crate::deliver::TargetWorker;
use crate::doctor::{Check, DoctorTarget, Outcome, run_checks};
use crate::domain::identity::TargetName;
use crate::outbound::Redactor;
use crate::settings::Settings;

pub(super) struct TargetTests {
    pub(super) settings: Arc<Settings>,
    pub(super) workers: BTreeMap<TargetName, TargetWorker>,
    pub(super) redactor: Redactor,
    pub(super) clock: Clock,
}

impl TargetTester for TargetTests {
    fn test<'a>(&'a self, target: &'a TargetName) -> BoxFuture<'a, Option<Vec<TargetCheck>>> {
        Box::pin(async move {
            let settings = self.settings.targets.get(target)?;
            let worker = self.workers.get(target)?;
            let client = worker.crm();
            let tested = DoctorTarget {
                name: target.as_str(),
                settings,
                all_settings: &self.settings,
                client: client.as_ref(),
                redactor: &self.redactor,
                write: false,
            };
            let mut checks = run_checks(&tested, &self.clock).await;
            if checks.iter().all(|check| check.result != Outcome::Error) {
                worker.try_now().await;
            }
            checks.sort_by_key(|check| check.result);
            Some(checks.into_iter().map(shown).collect())
        })
    }
}

fn shown(check: Check) -> TargetCheck {
    TargetCheck {
        check: check.check,
        field: check.field,
        result: match check.result {
            Outcome::Error => "error",
            Outcome::Warning => "warning",
            Outcome::Skipped => "skipped",
            Outcome::Ok => "ok",
        },
        message: check.message,
        remedy: check.remedy,
    }
}
