//! Loading: from files and variables to checked [`Settings`], or to the list of all problems.
//!
//! Everything the outcome depends on is a field of [`Loader`] or a file, so that a test needs
//! no process environment.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::crm::CrmProfile;
use super::layers::Layer;
use super::misnamed::{take_in_misnamed, take_in_misspelt_targets};
use super::problem::{EffectiveValue, LoadError, Problem};
use super::sections::checks;
use super::sections::root::Settings;
use super::source::Sources;
use super::value::{Table, merge};
use super::variables;
use crate::settings::declare::Keys;
use crate::settings::read::{Expressions, Findings, Reading, Section};

/// Names the layer `config/<RINGDOWN_ENV>.toml`.
const ENVIRONMENT_NAME: &str = "RINGDOWN_ENV";

/// Where a configuration comes from.
///
/// Layers, later ones win: built-in defaults, `default.toml` in [`Loader::config_dir`],
/// `<RINGDOWN_ENV>.toml` there, each of [`Loader::files`], `RINGDOWN__…` variables.
#[derive(Debug, Clone)]
pub struct Loader {
    /// The CRMs that targets may be of: `targets::profiles()`.
    pub crms: Vec<&'static CrmProfile>,
    /// The directory of `default.toml`.
    pub config_dir: PathBuf,
    /// Environment variables: settings, and what `{ env = "NAME" }` reads.
    pub environment: BTreeMap<String, String>,
    /// Further files, in order. Each must exist.
    pub files: Vec<PathBuf>,
    /// Whether a secret may be absent. Then a stand-in takes its place, so nothing can be called.
    pub offline: bool,
}

/// A configuration that can be used.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// What their writer should know.
    pub warnings: Vec<Problem>,
    /// Every key with its value in effect and where it was set; secrets are not shown.
    pub effective: Vec<EffectiveValue>,
    /// The files that were read, in their order.
    pub files: Vec<String>,
    /// Where each key stands in the files.
    pub sources: Sources,
    /// Secrets that are not here, each as `env NAME` or `file PATH`. Empty, unless it was read
    /// offline.
    pub absent_secrets: Vec<String>,
}

impl Loader {
    /// A loader of this process: `config/` in the working directory, the process's
    /// environment (names and values that are not UTF-8 left out), and `config_files`.
    pub fn from_process(config_files: Vec<PathBuf>, crms: Vec<&'static CrmProfile>) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            crms,
            config_dir: PathBuf::from("config"),
            environment,
            files: config_files,
            offline: false,
        }
    }

    /// Reads, merges and checks everything.
    ///
    /// # Errors
    ///
    /// [`LoadError`] with all problems. When a file cannot be read or is not TOML, these are
    /// reported alone: what it would have set is unknown.
    pub fn load(&self) -> Result<Loaded, LoadError> {
        let layers = self.file_layers().map_err(LoadError::of)?;
        let order = layers.iter().map(|layer| layer.source.name.clone());
        let order: Vec<String> = order.collect();
        let mut files = Table::new();
        let mut sources = Sources::default();
        for layer in layers {
            merge(&mut files, layer.values);
            sources.0.push(layer.source);
        }
        let mut misnamed = take_in_misnamed(&mut files, &Settings::declared(&self.crms));
        misnamed.extend(take_in_misspelt_targets(&mut files));
        let misnamed = misnamed.into_iter().map(|one| sources.located(one));
        let misnamed: Vec<Problem> = misnamed.collect();
        for problem in &misnamed {
            sources.rename(
                &problem.path,
                problem.suggestion.as_deref().unwrap_or_default(),
            );
        }
        let (merged, mut problems) = variables::apply(&self.environment, &files);
        problems.extend(misnamed);
        let reading = Reading {
            environment: &self.environment,
            files: &order,
            crms: &self.crms,
            is_offline: self.offline,
            whole: Some(&merged),
            expressions: Expressions::of(&merged),
            findings: RefCell::default(),
        };
        let root = Section::new(&reading, "", merged.clone());
        let settings = Settings::read(&root);
        root.finish();
        let settings = settings.map(|settings| checks::complete(&reading, settings));
        let findings = reading.findings.into_inner();
        let loaded = Self::conclude(settings, findings, problems, sources)?;
        Ok(Loaded {
            files: order,
            ..loaded
        })
    }

    fn conclude(
        settings: Option<Settings>,
        findings: Findings,
        mut problems: Vec<Problem>,
        sources: Sources,
    ) -> Result<Loaded, LoadError> {
        let located = |problems: Vec<Problem>| -> Vec<Problem> {
            let located = problems.into_iter().map(|one| sources.located(one));
            located.collect()
        };
        problems.extend(findings.problems);
        let (problems, warnings) = (located(problems), located(findings.warnings));
        match settings {
            Some(settings) if problems.is_empty() => Ok(Loaded {
                settings,
                warnings,
                effective: findings.effective,
                files: Vec::new(),
                sources,
                absent_secrets: findings.absent_secrets,
            }),
            _ => Err(LoadError { problems, warnings }),
        }
    }

    fn file_layers(&self) -> Result<Vec<Layer>, Vec<Problem>> {
        let mut layers = Vec::new();
        let mut problems = Vec::new();
        match self.paths() {
            Ok(paths) => {
                for path in paths {
                    match Layer::read(&path) {
                        Ok(layer) => layers.push(layer),
                        Err(found) => problems.extend(found),
                    }
                }
            }
            Err(found) => problems.extend(found),
        }
        if problems.is_empty() {
            Ok(layers)
        } else {
            Err(problems)
        }
    }

    /// The files to read. `default.toml` may be absent; one that was asked for may not.
    fn paths(&self) -> Result<Vec<PathBuf>, Vec<Problem>> {
        let default = self.config_dir.join("default.toml");
        let mut paths: Vec<PathBuf> = default.exists().then_some(default).into_iter().collect();
        let name = self.environment.get(ENVIRONMENT_NAME);
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if !name.chars().all(plain) {
                let reason = format!("`{name}` is not a name of letters, digits, - and _");
                return Err(vec![Problem::error(ENVIRONMENT_NAME, reason)]);
            }
            paths.push(self.config_dir.join(format!("{name}.toml")));
        }
        paths.extend(self.files.iter().cloned());
        Ok(paths)
    }
}
