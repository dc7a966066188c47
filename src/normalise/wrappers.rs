//! Wrappers: what a broker, a queue or a gateway puts around an event on its way here.
//!
//! Owns their shapes. A shape is recognised by all its required members, never by one name: an
//! event may have a member `body` or `detail` of its own.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

use super::placeholder::is_no_event_id;
use super::thing_ids::is_of_a_content;

/// Members under which senders put a whole event, in the order in which they are tried.
const MEMBERS: [&str; 5] = ["body", "detail", "data", "Message", "requestPayload"];

/// The places of [`MEMBERS`].
const PLACES: [&str; 5] = ["/body", "/detail", "/data", "/Message", "/requestPayload"];

/// JSON texts within JSON texts that are read as one.
const MAX_QUOTED: usize = 3;

const EVENT_GRID_CHECK: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";

/// A shape that is known by its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapper {
    /// A message of SNS, as it posts it.
    Sns,
    /// SNS asks to confirm a subscription, or says that one has ended.
    SnsHandshake,
    /// A message of SNS, as Lambda gets it.
    SnsRecord,
    /// A message of SQS, as Lambda and pipes get it.
    SqsRecord,
    /// A message of SQS, as its API gives it.
    SqsMessage,
    /// `Records`, as Lambda gets them.
    Records,
    CloudEvent,
    EventGrid,
    /// Event Grid asks whether its events are wanted.
    EventGridHandshake,
    /// EventBridge, with a detail that is no message of Genesys.
    EventBridge,
    /// The result of an asynchronous Lambda function.
    LambdaDestination,
    /// A request that a gateway or a load balancer gives to a Lambda function.
    Gateway,
}

/// A wrapper, opened.
pub(super) struct Layer<'v> {
    pub(super) name: &'static str,
    /// The pointer to the content.
    pub(super) place: &'static str,
    /// The content, or the reason why it cannot be read.
    pub(super) content: Result<Cow<'v, Value>, String>,
    /// The event's id, where the wrapper's format says that it has one.
    pub(super) id: Option<String>,
    /// The event's time, where the wrapper has one.
    pub(super) time: Option<&'v Value>,
    /// The event's type, where the wrapper has one.
    pub(super) event_type: Option<&'v str>,
}

impl Wrapper {
    /// The wrapper that `item` is, if it has all the members of one.
    pub(super) fn of(item: &Value) -> Option<Self> {
        let members = item.as_object()?;
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let all = |names: &[&str]| names.iter().all(|name| is_there(members, name));
        let is_object = |name: &str| members.get(name).is_some_and(Value::is_object);
        let is_event = |name: &str| is_object(name) || text(name).is_some_and(looks_like_json);
        if text("specversion").is_some() && all(&["id", "source", "type"]) {
            Some(Self::CloudEvent)
        } else if let Some(kind) = text("eventType")
            && all(&["id", "subject", "eventTime", "data", "dataVersion"])
        {
            let is_check = kind == EVENT_GRID_CHECK && validation_code(item).is_some();
            Some(if is_check {
                Self::EventGridHandshake
            } else {
                Self::EventGrid
            })
        } else if let Some(kind) = text("Type")
            && all(&["MessageId", "TopicArn", "Timestamp"])
        {
            match kind {
                "Notification" if all(&["Message"]) => Some(Self::Sns),
                "SubscriptionConfirmation" | "UnsubscribeConfirmation"
                    if all(&["Token", "SubscribeURL"]) =>
                {
                    Some(Self::SnsHandshake)
                }
                _ => None,
            }
        } else if let Some(service) = text("eventSource") {
            (service == "aws:sqs" && all(&["messageId", "body"])).then_some(Self::SqsRecord)
        } else if let Some(service) = text("EventSource") {
            (service == "aws:sns" && is_object("Sns")).then_some(Self::SnsRecord)
        } else if is_object("requestContext") {
            if all(&["requestPayload", "version", "timestamp"]) {
                return Some(Self::LambdaDestination);
            }
            let is_request = text("httpMethod").is_some() || text("routeKey").is_some();
            let has_body = all(&["body"]) && members.get("isBase64Encoded").is_some();
            (is_request && has_body).then_some(Self::Gateway)
        } else if all(&["MessageId", "ReceiptHandle", "Body"]) {
            Some(Self::SqsMessage)
        } else if text("detail-type").is_some() && text("source").is_some() && is_event("detail") {
            Some(Self::EventBridge)
        } else {
            let records = members.get("Records").and_then(Value::as_array)?;
            let is_record = |record: &Value| {
                ["eventSource", "EventSource"]
                    .iter()
                    .any(|name| record.get(name).is_some())
            };
            (!records.is_empty() && records.iter().all(is_record)).then_some(Self::Records)
        }
    }

    /// Its name in words for people.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sns | Self::SnsRecord => "an SNS notification",
            Self::SnsHandshake => "a handshake of SNS",
            Self::SqsRecord | Self::SqsMessage => "an SQS message",
            Self::Records => "records for a Lambda function",
            Self::CloudEvent => "a CloudEvent",
            Self::EventGrid => "an Event Grid event",
            Self::EventGridHandshake => "a handshake of Event Grid",
            Self::EventBridge => "an EventBridge envelope",
            Self::LambdaDestination => "a Lambda function's result",
            Self::Gateway => "a gateway's request",
        }
    }

    /// The pointer to its content.
    const fn place(self) -> &'static str {
        match self {
            Self::Sns | Self::SnsHandshake => "/Message",
            Self::SnsRecord => "/Sns/Message",
            Self::SqsRecord | Self::Gateway => "/body",
            Self::SqsMessage => "/Body",
            Self::Records => "/Records",
            Self::CloudEvent | Self::EventGrid | Self::EventGridHandshake => "/data",
            Self::EventBridge => "/detail",
            Self::LambdaDestination => "/requestPayload",
        }
    }

    /// Opens `item`, which is this wrapper.
    pub(super) fn open(self, item: &Value) -> Layer<'_> {
        let text = |place: &str| item.pointer(place).and_then(Value::as_str);
        let given_id = |place: &str| text(place).filter(|id| !is_no_event_id(id));
        let id = |place: &str| given_id(place).map(str::to_owned);
        let mut layer = Layer {
            name: self.name(),
            place: self.place(),
            content: content(item.pointer(self.place())),
            id: None,
            time: None,
            event_type: None,
        };
        match self {
            Self::Sns | Self::SnsHandshake => {
                (layer.id, layer.time) = (id("/MessageId"), item.get("Timestamp"));
            }
            Self::SnsRecord => {
                layer.id = id("/Sns/MessageId");
                layer.time = item.pointer("/Sns/Timestamp");
            }
            Self::SqsRecord => layer.id = id("/messageId"),
            Self::SqsMessage => layer.id = id("/MessageId"),
            Self::CloudEvent => {
                // Unique together with its source (CloudEvents 1.0, section 3.1).
                let (source, own) = (text("/source"), given_id("/id"));
                layer.id = source.zip(own).map(|(source, id)| format!("{source}#{id}"));
                (layer.time, layer.event_type) = (item.get("time"), text("/type"));
                if let Some(data) = item.get("data_base64") {
                    layer.place = "/data_base64";
                    layer.content = from_base64(data);
                }
            }
            Self::EventGrid | Self::EventGridHandshake => {
                (layer.id, layer.time) = (id("/id"), item.get("eventTime"));
                layer.event_type = text("/eventType");
            }
            Self::EventBridge => {
                (layer.id, layer.time) = (id("/id"), item.get("time"));
                layer.event_type = text("/detail-type");
            }
            Self::Gateway => {
                let body = item.get("body").filter(|_| is_base64(item));
                if let Some(body) = body {
                    layer.content = from_base64(body);
                }
            }
            Self::Records | Self::LambdaDestination => {}
        }
        if self.is_id_of_sender() && self.names_a_thing(item, &layer) {
            layer.id = None;
        }
        layer
    }

    /// Whether the sender of the event gives the id, and not the broker.
    const fn is_id_of_sender(self) -> bool {
        matches!(self, Self::CloudEvent | Self::EventGrid | Self::EventBridge)
    }

    /// Whether the wrapper's id is that of the thing that the event is about: a recovery would be
    /// the repetition of its failure.
    fn names_a_thing(self, item: &Value, layer: &Layer<'_>) -> bool {
        let Some(id) = item.get("id").and_then(Value::as_str) else {
            return false;
        };
        let topic = layer.event_type.unwrap_or_default();
        let is_in_topic = topic.split('.').any(|part| part.eq_ignore_ascii_case(id));
        let content = layer.content.as_ref().ok();
        is_in_topic || content.is_some_and(|content| is_of_a_content(id, content))
    }
}

/// The member of `item` that holds a whole event, where `item` is no shape that is known.
pub(super) fn member(item: &Value) -> Option<Layer<'_>> {
    let members = item.as_object()?;
    let layer = |place, content| Layer {
        name: "a wrapper",
        place,
        content: Ok(content),
        id: None,
        time: None,
        event_type: None,
    };
    let one = MEMBERS.iter().zip(PLACES).find_map(|(name, place)| {
        let value = members.get(*name)?;
        let content = match value {
            Value::Object(_) => Cow::Borrowed(value),
            Value::String(text) => Cow::Owned(from_text(text).ok()?),
            _ => return None,
        };
        Some(layer(place, content))
    });
    one.or_else(|| {
        let records = members.get("Records").and_then(Value::as_array)?;
        let records: Option<Vec<Value>> = records.iter().map(record).collect();
        let records = records.filter(|records| !records.is_empty())?;
        Some(layer("/Records", Cow::Owned(Value::Array(records))))
    })
}

/// An element of `Records`: an object, or one as text.
fn record(record: &Value) -> Option<Value> {
    match record {
        Value::Object(_) => Some(record.clone()),
        Value::String(text) => from_text(text).ok(),
        _ => None,
    }
}

/// The code that Event Grid's handshake wants to have back.
pub(super) fn validation_code(item: &Value) -> Option<&str> {
    item.pointer("/data/validationCode")?.as_str()
}

fn is_there(members: &Map<String, Value>, name: &str) -> bool {
    members.get(name).is_some_and(|value| !value.is_null())
}

/// Whether a gateway has put the body into base64.
fn is_base64(item: &Value) -> bool {
    item.get("isBase64Encoded") == Some(&Value::Bool(true))
}

fn content(value: Option<&Value>) -> Result<Cow<'_, Value>, String> {
    match value {
        Some(value @ (Value::Object(_) | Value::Array(_))) => Ok(Cow::Borrowed(value)),
        Some(Value::String(text)) => from_text(text).map(Cow::Owned),
        None | Some(Value::Null) => Err("expected an event, found nothing".to_owned()),
        Some(other) => Err(format!("expected an event, found {other}")),
    }
}

/// Whether `text` begins like an object.
pub(super) fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// The object or array that `text` is.
fn from_text(text: &str) -> Result<Value, String> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..MAX_QUOTED {
        // A byte order mark is no part of the text.
        let bare = text.trim_start_matches('\u{feff}').trim();
        // Ordinary text is not parsed.
        if !bare.starts_with(['{', '[', '"']) {
            break;
        }
        match super::parse(bare) {
            Ok(Value::String(quoted)) => text = Cow::Owned(quoted),
            Ok(value @ (Value::Object(_) | Value::Array(_))) => return Ok(value),
            Ok(_) => break,
            Err(error) => return Err(format!("unreadable JSON: {error}")),
        }
    }
    let beginning: String = text.chars().take(40).collect();
    Err(format!("expected JSON, found the text {beginning:?}"))
}

fn from_base64<'v>(value: &Value) -> Result<Cow<'v, Value>, String> {
    let text = value.as_str();
    let text = text.ok_or_else(|| "expected text in base64, found something else".to_owned())?;
    let bytes = BASE64.decode(text.trim());
    let bytes = bytes.map_err(|error| format!("expected base64: {error}"))?;
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| "expected JSON in base64, found other bytes".to_owned())?;
    from_text(&text).map(Cow::Owned)
}
