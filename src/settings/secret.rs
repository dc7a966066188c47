//! Secrets: wrapped so that they cannot be printed, logged or serialised by accident.

use std::fmt;

use zeroize::Zeroizing;

/// A secret value. `Debug` and `Display` show `[secret]`; the memory is wiped on drop.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// The text of a secret that is not here. Long and varied enough for every check.
const STAND_IN: &str = "[a secret that is not here]";

impl Secret {
    /// Takes the place of a secret that is not here.
    pub fn stand_in() -> Self {
        Self::new(STAND_IN)
    }

    pub fn is_stand_in(&self) -> bool {
        self.expose() == STAND_IN
    }

    /// Wraps `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The secret itself. Call this only where it is compared or sent.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "[secret] [secret]");
        assert_eq!(secret.expose(), "hunter2");
    }
}
