//! A message of SNS as it posts it, and the text that its signature is over. Pure.

use serde::Deserialize;

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Kind {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SnsMessage {
    #[serde(rename = "Type")]
    pub(super) kind: Kind,
    message_id: String,
    pub(super) topic_arn: String,
    timestamp: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    token: Option<String>,
    #[serde(default, rename = "SubscribeURL")]
    pub(super) subscribe_url: Option<String>,
    #[serde(default, rename = "SigningCertURL")]
    pub(super) signing_cert_url: Option<String>,
    #[serde(default)]
    pub(super) signature_version: Option<String>,
    #[serde(default)]
    pub(super) signature: Option<String>,
}

impl SnsMessage {
    /// The message in `body`, if there is one.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        serde_json::from_slice(body).ok()
    }

    /// The text that is signed: the names and values of some members, in this order, each on a
    /// line of its own. `None` when one is missing.
    pub(super) fn signed_text(&self) -> Option<String> {
        let own = [
            ("Message", Some(self.message.as_deref()?)),
            ("MessageId", Some(self.message_id.as_str())),
        ];
        let rest = match self.kind {
            Kind::Notification => [
                ("Subject", self.subject.as_deref()),
                ("Timestamp", Some(self.timestamp.as_str())),
                ("Token", None),
            ],
            Kind::SubscriptionConfirmation | Kind::UnsubscribeConfirmation => [
                ("SubscribeURL", Some(self.subscribe_url.as_deref()?)),
                ("Timestamp", Some(self.timestamp.as_str())),
                ("Token", Some(self.token.as_deref()?)),
            ],
        };
        let kind = match self.kind {
            Kind::Notification => "Notification",
            Kind::SubscriptionConfirmation => "SubscriptionConfirmation",
            Kind::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        };
        let last = [
            ("TopicArn", Some(self.topic_arn.as_str())),
            ("Type", Some(kind)),
        ];
        let lines = own.into_iter().chain(rest).chain(last);
        let there = lines.filter_map(|(name, value)| Some(format!("{name}\n{}\n", value?)));
        Some(there.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_text_is_the_one_of_amazons_documentation() {
        let body = br#"{"Type": "Notification", "MessageId": "m", "TopicArn": "arn:t",
            "Subject": "My First Message", "Message": "Hello\nworld!",
            "Timestamp": "2012-05-02T00:54:06.655Z", "SignatureVersion": "1"}"#;
        let message = SnsMessage::parse(body).unwrap();
        assert_eq!(
            message.signed_text().unwrap(),
            "Message\nHello\nworld!\nMessageId\nm\nSubject\nMy First Message\n\
             Timestamp\n2012-05-02T00:54:06.655Z\nTopicArn\narn:t\nType\nNotification\n"
        );
    }

    #[test]
    fn a_handshake_signs_its_token_and_its_address() {
        let body = br#"{"Type": "SubscriptionConfirmation", "MessageId": "m", "Token": "t",
            "TopicArn": "arn:t", "Message": "You have chosen", "SubscribeURL": "https://x/",
            "Timestamp": "2012-04-26T20:45:04.751Z"}"#;
        let message = SnsMessage::parse(body).unwrap();
        assert_eq!(
            message.signed_text().unwrap(),
            "Message\nYou have chosen\nMessageId\nm\nSubscribeURL\nhttps://x/\n\
             Timestamp\n2012-04-26T20:45:04.751Z\nToken\nt\nTopicArn\narn:t\n\
             Type\nSubscriptionConfirmation\n"
        );
    }

    #[test]
    fn other_json_is_no_message_of_sns() {
        for body in [
            &b"{\"Type\":\"Notification\"}"[..],
            b"{\"Type\":\"Order\",\"MessageId\":\"m\",\"TopicArn\":\"t\",\"Timestamp\":\"x\"}",
            b"[]",
            b"text",
        ] {
            assert_eq!(SnsMessage::parse(body), None);
        }
    }
}
