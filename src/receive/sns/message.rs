//! A message of SNS as it posts it, and the text that its signature is over. Pure.

use serde_json::Value;

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

impl Kind {
    const ALL: [Self; 3] = [
        Self::Notification,
        Self::SubscriptionConfirmation,
        Self::UnsubscribeConfirmation,
    ];

    /// The kind that is called so, in whatever case.
    fn of(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name().eq_ignore_ascii_case(name.trim()))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// Members under which brokers put a message, whole or as text.
const MEMBERS: [&str; 8] = [
    "Records",
    "Sns",
    "body",
    "Body",
    "Message",
    "detail",
    "data",
    "requestPayload",
];

/// As many wrappers are looked into.
const MAX_DEPTH: usize = 10;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SnsMessage {
    pub(super) kind: Kind,
    message_id: String,
    pub(super) topic_arn: String,
    timestamp: String,
    message: Option<String>,
    subject: Option<String>,
    token: Option<String>,
    pub(super) subscribe_url: Option<String>,
    pub(super) signing_cert_url: Option<String>,
    pub(super) signature_version: Option<String>,
    pub(super) signature: Option<String>,
}

impl SnsMessage {
    /// Every message in `body`, also in wrappers, with whether it is the whole body. A message that
    /// lacks something is one too: what claims to be of SNS must be proved.
    pub(super) fn all_in(body: &[u8]) -> Vec<(Self, bool)> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        look(&value, 0, &mut found);
        found
            .into_iter()
            .map(|(message, depth)| (message, depth == 0))
            .collect()
    }

    fn of(value: &Value) -> Option<Self> {
        let members = value.as_object()?;
        let text = |name: &str| match members.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let has = |name: &str| members.contains_key(name);
        let named = text("Type").and_then(|name| Kind::of(&name));
        let kind = match named {
            Some(kind) if has("Message") || has("TopicArn") => kind,
            // A message is not read unsigned because a member of it is missing or misspelt.
            _ if has("TopicArn") && has("Message") && (has("Signature") || has("MessageId")) => {
                match has("Token") {
                    true => Kind::SubscriptionConfirmation,
                    false => Kind::Notification,
                }
            }
            _ => return None,
        };
        Some(Self {
            kind,
            message_id: text("MessageId").unwrap_or_default(),
            topic_arn: text("TopicArn").unwrap_or_default(),
            timestamp: text("Timestamp").unwrap_or_default(),
            message: text("Message"),
            subject: text("Subject"),
            token: text("Token"),
            subscribe_url: text("SubscribeURL"),
            // Lambda writes it in another way.
            signing_cert_url: text("SigningCertURL").or_else(|| text("SigningCertUrl")),
            signature_version: text("SignatureVersion"),
            signature: text("Signature"),
        })
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
        let last = [
            ("TopicArn", Some(self.topic_arn.as_str())),
            ("Type", Some(self.kind.name())),
        ];
        let lines = own.into_iter().chain(rest).chain(last);
        let there = lines.filter_map(|(name, value)| Some(format!("{name}\n{}\n", value?)));
        Some(there.collect())
    }
}

/// Looks for messages in `value` and in its wrappers.
fn look(value: &Value, depth: usize, found: &mut Vec<(SnsMessage, usize)>) {
    if depth > MAX_DEPTH {
        return;
    }
    if let Some(message) = SnsMessage::of(value) {
        return found.push((message, depth));
    }
    match value {
        Value::Array(elements) => elements.iter().for_each(|one| look(one, depth + 1, found)),
        Value::Object(members) => {
            for name in MEMBERS {
                if let Some(inner) = members.get(name) {
                    look(inner, depth + 1, found);
                }
            }
        }
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            if let Ok(inner) = serde_json::from_str::<Value>(text) {
                look(&inner, depth + 1, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(body: &[u8]) -> SnsMessage {
        let mut all = SnsMessage::all_in(body);
        assert_eq!(all.len(), 1);
        all.remove(0).0
    }

    #[test]
    fn a_message_is_found_in_every_wrapping() {
        let message =
            r#"{"Type":"notification","MessageId":"m","Message":"{}","SignatureVersion":1}"#;
        let quoted = serde_json::to_string(message).unwrap();
        for body in [
            message.to_owned(),
            format!("[{message}]"),
            format!("{{\"body\":{quoted}}}"),
            format!("{{\"Records\":[{{\"EventSource\":\"aws:sns\",\"Sns\":{message}}}]}}"),
            format!("{{\"Records\":[{{\"body\":{quoted}}}]}}"),
        ] {
            let found = only(body.as_bytes());
            assert_eq!(found.signature_version.as_deref(), Some("1"), "{body}");
            assert_eq!(found.topic_arn, "", "{body}");
        }
    }

    #[test]
    fn a_message_without_its_type_is_one_too() {
        for body in [
            r#"{"MessageId":"m","TopicArn":"arn:t","Message":"{}"}"#,
            r#"{"Signature":"s","TopicArn":"arn:t","Message":"{}"}"#,
            r#"{"Type":null,"Signature":"s","TopicArn":"arn:t","Message":"{}"}"#,
            r#"{"Type":"Notice","Signature":"s","TopicArn":"arn:t","Message":"{}"}"#,
        ] {
            assert_eq!(only(body.as_bytes()).kind, Kind::Notification, "{body}");
        }
        let body = br#"{"MessageId":"m","TopicArn":"t","Message":"x","Token":"t"}"#;
        assert_eq!(only(body).kind, Kind::SubscriptionConfirmation);
    }

    #[test]
    fn the_signed_text_is_the_one_of_amazons_documentation() {
        let body = br#"{"Type": "Notification", "MessageId": "m", "TopicArn": "arn:t",
            "Subject": "My First Message", "Message": "Hello\nworld!",
            "Timestamp": "2012-05-02T00:54:06.655Z", "SignatureVersion": "1"}"#;
        let message = only(body);
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
        let message = only(body);
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
            assert_eq!(SnsMessage::all_in(body), []);
        }
    }
}
