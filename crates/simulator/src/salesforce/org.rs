//! Ids and API versions of the simulated organisation.

/// The organisation's id.
pub(super) const ORG_ID: &str = "00D5g00000SiMuLEAV";
/// The integration user's id.
pub(super) const USER_ID: &str = "0055g00000RiNgDAAV";
/// The newest API version.
pub(super) const NEWEST: u32 = 68;
/// The oldest that answers.
pub(super) const OLDEST: u32 = 31;
/// The oldest that is not deprecated.
pub(super) const OLDEST_SUPPORTED: u32 = 41;
/// A person's user id, other than the integration user's.
pub(super) const PERSON_ID: &str = "0055g00000PeRsOAAV";
/// The queue that the assignment rule gives Cases to.
pub(super) const QUEUE_ID: &str = "00G5g00000QuEuEEAV";
