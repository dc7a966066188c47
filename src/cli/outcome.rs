//! How a command ends.

use std::process::ExitCode;

/// The exit status, or a failure to print.
pub(super) type Outcome = Result<ExitCode, Failed>;

/// The thing asked about is not fine.
pub(super) const NOT_FINE: u8 = 1;
pub(super) const USAGE: u8 = 2;

/// A failure with what to print and the exit status.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) message: String,
    pub(super) code: ExitCode,
}

impl Failed {
    /// The thing asked about is not fine.
    pub(super) fn not_fine(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: ExitCode::from(NOT_FINE),
        }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: ExitCode::from(USAGE),
        }
    }
}
