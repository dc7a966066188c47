//! The identities of incidents and targets. Each has a type of its own, so that two of them cannot
//! be swapped. Cloning is cheap.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Between the rule and the correlation key in the stored form of an [`IncidentKey`]. A rule's name
/// comes from the configuration and never contains it.
pub(crate) const SEPARATOR: &str = "\u{1f}";

/// A rule and a correlation key. At most one incident that is not closed has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct IncidentKey {
    pub rule: Arc<str>,
    pub key: Arc<str>,
}

impl IncidentKey {
    pub fn new(rule: impl Into<Arc<str>>, key: impl Into<Arc<str>>) -> Self {
        Self {
            rule: rule.into(),
            key: key.into(),
        }
    }

    /// The stored form, by which the database finds incidents, burst locks and outages.
    pub(crate) fn encode(&self) -> String {
        format!("{}{SEPARATOR}{}", self.rule, self.key)
    }
}

impl From<IncidentKey> for String {
    fn from(key: IncidentKey) -> Self {
        key.encode()
    }
}

impl TryFrom<String> for IncidentKey {
    type Error = &'static str;

    fn try_from(stored: String) -> Result<Self, Self::Error> {
        let (rule, key) = stored
            .split_once(SEPARATOR)
            .ok_or("not a rule and a correlation key")?;
        Ok(Self::new(rule, key))
    }
}

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        /// A map is asked with a text from outside.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

identity! {
    /// The id of an incident: a UUID. The ticket's key is made of it.
    IncidentId
}

identity! {
    /// The name of a configured target.
    TargetName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_the_store() {
        let key = IncidentKey::new("queue-wait", "Billing\u{1f}1");
        let stored = serde_json::to_string(&key).unwrap();
        assert_eq!(stored, r#""queue-wait\u001fBilling\u001f1""#);
        assert_eq!(serde_json::from_str::<IncidentKey>(&stored).unwrap(), key);
        assert!(serde_json::from_str::<IncidentKey>(r#""queue-wait""#).is_err());
    }
}
