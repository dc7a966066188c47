//! A directory of configuration files and an environment, made for one test.

use std::path::{Path, PathBuf};

use ringdown::settings::{LoadError, Loaded, Loader, Problem};
use ringdown::targets;

pub(crate) const BASE: &str = include_str!("base.toml");
pub(crate) const WEBHOOK_TOKEN: &str = "webhook-s3cret-of-tests";
pub(crate) const CRM_SECRET: &str = "crm-s3cret-of-tests";

pub(crate) struct World {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) loader: Loader,
}

impl World {
    /// No file at all; the secrets of the base configuration are set.
    pub(crate) fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let loader = Loader {
            offline: false,
            crms: targets::profiles(),
            config_dir: directory.path().join("config"),
            environment: [
                ("WEBHOOK_TOKEN".to_owned(), WEBHOOK_TOKEN.to_owned()),
                ("CRM_SECRET".to_owned(), CRM_SECRET.to_owned()),
            ]
            .into(),
            files: Vec::new(),
        };
        Self { directory, loader }
    }

    /// The base configuration as `base.toml`.
    pub(crate) fn base() -> Self {
        Self::empty().with_file("base.toml", BASE)
    }

    /// One more `--config` file.
    pub(crate) fn with_file(mut self, name: &str, text: &str) -> Self {
        let path = self.write(name, text);
        self.loader.files.push(path);
        self
    }

    /// A file that nothing names.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.loader.environment.insert(name.into(), value.into());
        self
    }

    pub(crate) fn load(&self) -> Result<Loaded, LoadError> {
        self.loader.load()
    }

    pub(crate) fn loaded(&self) -> Loaded {
        self.load().unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        match self.load() {
            Ok(_) => Vec::new(),
            Err(error) => error.problems,
        }
    }

    /// The one problem there is.
    pub(crate) fn problem(&self) -> Problem {
        let problems = self.problems();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        problems.into_iter().next().unwrap()
    }
}

/// The value in effect and the layer of `path`.
pub(crate) fn shown<'a>(loaded: &'a Loaded, path: &str) -> (&'a str, &'a str) {
    let value = loaded.effective.iter().find(|value| value.path == path);
    let value = value.unwrap_or_else(|| panic!("{path} is not listed"));
    (&value.shown, &value.layer)
}
