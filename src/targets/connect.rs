//! From the settings of a target to its client.

use std::sync::Arc;

use super::crm::Crm;
use super::driver::{Connection, CrmDriver};
use super::http;
use super::login::{Login, StaticLogin};
use super::oauth::{Authenticator, SetupError};
use super::pace::Pace;
use super::registry::driver_of;
use super::vault::TokenVault;
use crate::clock::Clock;
use crate::domain::identity::TargetName;
use crate::outbound::Redactor;
use crate::settings::TargetSettings;

/// A target that cannot be set up from its settings.
#[derive(Debug, thiserror::Error)]
pub enum TargetSetupError {
    #[error("auth: {0}")]
    Login(#[from] SetupError),
    #[error("HTTP cannot be set up: {0}")]
    Http(#[from] std::io::Error),
    /// The settings were read with a profile that is not registered.
    #[error("there is no client for the kind {0}")]
    NoClient(&'static str),
}

/// The client of the target `name`. Nothing is sent yet. What comes back goes through `redactor`.
pub fn connect(
    name: &TargetName,
    settings: &TargetSettings,
    vault: Arc<dyn TokenVault>,
    redactor: &Redactor,
    clock: &Clock,
) -> Result<Arc<dyn Crm>, TargetSetupError> {
    let kind = settings.kind;
    let driver = driver_of(kind).ok_or(TargetSetupError::NoClient(kind.name))?;
    let pace = Pace::new(settings.limit.per_second);
    let http = http::Client::new(settings.timeout, redactor)?.paced(pace);
    let login = login_of(name, settings, driver, http.clone(), vault, clock)?;
    Ok((driver.connect)(Connection {
        name: name.clone(),
        settings: Arc::new(settings.clone()),
        http,
        login,
        clock: clock.clone(),
    }))
}

fn login_of(
    name: &TargetName,
    settings: &TargetSettings,
    driver: &CrmDriver,
    http: http::Client,
    vault: Arc<dyn TokenVault>,
    clock: &Clock,
) -> Result<Arc<dyn Login>, SetupError> {
    if let Some(login) = StaticLogin::of(&settings.auth) {
        return Ok(Arc::new(login));
    }
    let login = Authenticator::new(name, settings, driver.oauth, http, vault, clock.clone())?;
    Ok(Arc::new(login))
}
