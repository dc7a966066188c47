//! What is sent: a queue observation as Genesys sends it through EventBridge, about 1,000
//! bytes, with an id of its own for every event.

/// Bytes of one event.
pub(crate) const EVENT_BYTES: usize = 1004;
/// Digits of the number in an event's id.
const DIGITS: usize = 20;

/// Which events a load sends.
#[derive(Clone)]
pub(crate) struct Bodies {
    /// Keeps the ids of one load apart from those of another; up to 16 characters.
    pub(crate) prefix: String,
    /// Queues, each of which is named in turn.
    pub(crate) queues: u64,
    /// Calls waiting; the rule breaches beyond 300.
    pub(crate) waiting: u32,
    /// Events in one body; an array when there is more than one.
    pub(crate) events: u64,
    /// The credential; none for the server that does nothing.
    pub(crate) token: Option<&'static str>,
}

/// A request of which only the numbers change.
pub(crate) struct Prepared {
    pub(crate) bytes: Vec<u8>,
    /// Where each event's number and queue stand.
    places: Vec<(usize, usize)>,
}

impl Bodies {
    /// One event's JSON.
    pub(crate) fn event(&self, number: u64) -> String {
        let queue = number % self.queues.max(1);
        let mut event = format!(
            concat!(
                r#"{{"version":"0","id":"{:_<16}{:0digits$}","#,
                r#""detail-type":"v2.analytics.queues.{{id}}.observations","#,
                r#""source":"aws.partner/genesys.com/cloud/3f1c2b6e-8d40-4a51-9c77-1e5a0b92d6f4/ops","#,
                r#""account":"210987654321","time":"2026-11-23T14:07:31Z","region":"eu-central-1","#,
                r#""resources":[],"detail":{{"#,
                r#""topicName":"v2.analytics.queues.7b0f5a52-6d0e-4f3b-9a3c-{:012}.observations","#,
                r#""version":"2","eventBody":{{"group":{{"#,
                r#""queueId":"7b0f5a52-6d0e-4f3b-9a3c-{:012}","mediaType":"voice"}},"#,
                r#""data":[{{"interval":"2026-11-23T14:00:00.000Z/2026-11-23T14:30:00.000Z","metrics":["#,
                r#"{{"metric":"oWaiting","stats":{{"count":{}}}}},"#,
                r#"{{"metric":"oInteracting","stats":{{"count":9}}}},"#,
                r#"{{"metric":"oAlerting","stats":{{"count":1}}}}]}}]}},"#,
                r#""metadata":{{"CorrelationId":""#
            ),
            self.prefix,
            number,
            queue,
            queue,
            self.waiting,
            digits = DIGITS
        );
        let end = r#""},"timestamp":"2026-11-23T14:07:30.884Z"}}"#;
        while event.len() + end.len() < EVENT_BYTES {
            event.push('x');
        }
        event.push_str(end);
        event
    }

    /// A body's JSON.
    pub(crate) fn body(&self, number: u64) -> String {
        if self.events == 1 {
            return self.event(number);
        }
        let first = number * self.events;
        let events: Vec<String> = (first..first + self.events)
            .map(|number| self.event(number))
            .collect();
        format!("[{}]", events.join(","))
    }

    /// The bytes of a request.
    pub(crate) fn request(&self, close: bool) -> Prepared {
        let body = self.body(0);
        let mut text = format!(
            "POST /webhooks/genesys HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        );
        if let Some(token) = self.token {
            text.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if close {
            text.push_str("Connection: close\r\n");
        }
        text.push_str("\r\n");
        text.push_str(&body);
        let places = places(&text);
        Prepared {
            bytes: text.into_bytes(),
            places,
        }
    }

    /// Makes `request` the one with number `number`.
    pub(crate) fn number(&self, request: &mut Prepared, number: u64) {
        let first = number * self.events;
        for (event, (id, queue)) in (first..).zip(&request.places) {
            write_number(&mut request.bytes[*id..*id + DIGITS], event);
            let queue_number = event % self.queues.max(1);
            write_number(&mut request.bytes[*queue..*queue + 12], queue_number);
        }
    }
}

/// Where the number of each event's id and the last part of its queue's id begin.
fn places(text: &str) -> Vec<(usize, usize)> {
    let id = r#""version":"0","id":""#;
    let queue = r#""queueId":"7b0f5a52-6d0e-4f3b-9a3c-"#;
    text.match_indices(id)
        .zip(text.match_indices(queue))
        .map(|((first, _), (second, _))| (first + id.len() + 16, second + queue.len()))
        .collect()
}

fn write_number(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}
