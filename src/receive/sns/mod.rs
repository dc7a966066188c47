//! Messages of Amazon SNS: their signatures, and the confirmation of subscriptions.
//!
//! Only for sources that name their topics (`sns_topics`), and only after the sender has proved
//! itself. `address` decides which hosts are Amazon's, `message` which text is signed,
//! `certificate` whether it is.

mod address;
mod certificate;
mod message;

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::Mutex;
use url::Url;

pub use address::TrustedHost;

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::outbound;
use certificate::Certificate;
use message::{Kind, SnsMessage};

/// Longest time of one call to SNS. SNS itself waits 15 s for our answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest certificate that is read, in bytes.
const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;

/// Longest answer to a confirmation that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Certificates that are kept. SNS uses one for a region, and changes it once a year.
const MAX_CERTIFICATES: usize = 16;

/// After a certificate could not be fetched, no other try is made for so long.
const PAUSE: Duration = Duration::from_secs(5);

/// What is to be done with a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SnsVerdict {
    /// No message of SNS, or one with a good signature: read it.
    Read,
    /// The subscription was confirmed; there is nothing to read.
    Confirmed,
    /// For a person, for this reason.
    Review(String),
    /// Amazon could not be asked, so SNS must send it again.
    Undecidable,
}

/// Decides about the bodies of one source.
pub(super) struct SnsGate {
    /// The topics that the source may get messages of.
    topics: Vec<String>,
    trusted: TrustedHost,
    client: outbound::Client,
    clock: Clock,
    /// Held while asking, so that one request asks and the others wait for its answer.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    certificates: Vec<(Url, Arc<Certificate>)>,
    failed_at: Option<Timestamp>,
}

/// Why a message is not taken.
enum NotTaken {
    Review(String),
    Undecidable,
}

impl SnsGate {
    /// A gate for these topics; none for a source without any.
    pub(super) fn new(
        topics: &[String],
        trusted: TrustedHost,
        clock: &Clock,
    ) -> std::io::Result<Option<Self>> {
        if topics.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            topics: topics.to_vec(),
            trusted,
            client: outbound::Client::new(CALL_TIMEOUT)?,
            clock: clock.clone(),
            known: Mutex::default(),
        }))
    }

    /// Checks every message in `body`, and confirms the subscription where it asks for that.
    pub(super) async fn examine(&self, body: &[u8]) -> SnsVerdict {
        let mut verdict = SnsVerdict::Read;
        for (message, is_whole) in SnsMessage::all_in(body) {
            match self.take(&message, is_whole).await {
                Ok(taken) => verdict = taken,
                Err(NotTaken::Review(reason)) => return SnsVerdict::Review(reason),
                Err(NotTaken::Undecidable) => return SnsVerdict::Undecidable,
            }
        }
        verdict
    }

    async fn take(&self, message: &SnsMessage, is_whole: bool) -> Result<SnsVerdict, NotTaken> {
        if !self.topics.contains(&message.topic_arn) {
            return Err(NotTaken::Review(format!(
                "the SNS topic {} is not in `sns_topics` of the source",
                message.topic_arn
            )));
        }
        // Amazon need not be asked about what no certificate can prove.
        let version = message.signature_version.as_deref();
        let is_signed = message
            .signature
            .as_deref()
            .is_some_and(|text| !text.is_empty());
        if !is_signed || !matches!(version, Some("1" | "2")) {
            let reason = "the SNS message has no signature of a version that is known (1, 2)";
            return Err(NotTaken::Review(reason.to_owned()));
        }
        let certificate = self.certificate(message).await?;
        if !certificate.signed(message) {
            let reason = "the signature of the SNS message is not Amazon's";
            return Err(NotTaken::Review(reason.to_owned()));
        }
        match message.kind {
            Kind::Notification => Ok(SnsVerdict::Read),
            Kind::SubscriptionConfirmation if is_whole => self.confirm(message).await,
            Kind::SubscriptionConfirmation => {
                let reason = "SNS asks to confirm a subscription inside a wrapper; only SNS itself is answered";
                Err(NotTaken::Review(reason.to_owned()))
            }
            Kind::UnsubscribeConfirmation => Err(NotTaken::Review(format!(
                "the subscription to the SNS topic {} has ended; its events come no more",
                message.topic_arn
            ))),
        }
    }

    /// The certificate that `message` names: kept, or fetched from Amazon.
    async fn certificate(&self, message: &SnsMessage) -> Result<Arc<Certificate>, NotTaken> {
        let text = message.signing_cert_url.as_deref().unwrap_or_default();
        let url = self.trusted.certificate(text).ok_or_else(|| {
            NotTaken::Review(format!(
                "the certificate of the SNS message is not at Amazon SNS: {}",
                shown(text)
            ))
        })?;
        let mut known = self.known.lock().await;
        if let Some((_, kept)) = known.certificates.iter().find(|(at, _)| *at == url) {
            return Ok(Arc::clone(kept));
        }
        let now = self.clock.now();
        if known
            .failed_at
            .is_some_and(|at| now.since(at).max(at.since(now)) < PAUSE)
        {
            return Err(NotTaken::Undecidable);
        }
        let fetched = self.fetch(url.clone()).await;
        match &fetched {
            Ok(certificate) => {
                if known.certificates.len() >= MAX_CERTIFICATES {
                    known.certificates.remove(0);
                }
                known.certificates.push((url, Arc::clone(certificate)));
            }
            Err(NotTaken::Undecidable) => known.failed_at = Some(now),
            Err(NotTaken::Review(_)) => {}
        }
        fetched
    }

    async fn fetch(&self, url: Url) -> Result<Arc<Certificate>, NotTaken> {
        let text = url.to_string();
        let body = self.get(url, MAX_CERTIFICATE_BYTES).await?;
        let certificate = Certificate::from_pem(&body).ok_or_else(|| {
            let shown = shown(&text);
            NotTaken::Review(format!("there is no RSA certificate at {shown}"))
        })?;
        Ok(Arc::new(certificate))
    }

    async fn confirm(&self, message: &SnsMessage) -> Result<SnsVerdict, NotTaken> {
        let text = message.subscribe_url.as_deref().unwrap_or_default();
        let url = self.trusted.address(text).ok_or_else(|| {
            let shown = shown(text);
            NotTaken::Review(format!("the SubscribeURL is not at Amazon SNS: {shown}"))
        })?;
        self.get(url, MAX_ANSWER_BYTES).await?;
        tracing::info!(topic = message.topic_arn, "SNS subscription confirmed");
        Ok(SnsVerdict::Confirmed)
    }

    /// What Amazon answers. It is asked again later where it may answer otherwise then.
    async fn get(&self, url: Url, longest: usize) -> Result<bytes::Bytes, NotTaken> {
        let address = shown(url.as_str());
        let undecidable = |problem: String| {
            tracing::warn!(%address, problem, "Amazon SNS cannot be asked");
            NotTaken::Undecidable
        };
        let request = self.client.get(url).build();
        let request = request.map_err(|error| undecidable(error.to_string()))?;
        let answer = self.client.send(request, longest).await;
        let answer = answer.map_err(|error| undecidable(error.to_string()))?;
        match answer.status {
            status if status.is_success() => Ok(answer.body),
            StatusCode::TOO_MANY_REQUESTS => Err(undecidable(answer.status.to_string())),
            status if status.is_server_error() => Err(undecidable(status.to_string())),
            // A redirect is never followed.
            status => Err(NotTaken::Review(format!(
                "Amazon SNS answered {status} at {address}"
            ))),
        }
    }
}

/// An address as a reason shows it: without its query, which holds the token of a subscription.
fn shown(address: &str) -> String {
    let plain = address.split(['?', '#']).next().unwrap_or_default();
    format!("{:?}", plain.chars().take(200).collect::<String>())
}
