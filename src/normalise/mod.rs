//! Normalisation.

/// How a source's events are to be read.
#[derive(Debug, Clone)]
pub enum Format {
    /// Every shape Genesys sends.
    Genesys,
}
