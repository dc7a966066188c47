//! The faults that the page has a button for: each kind, with values that show it well.

use super::fault::Fault;

pub(super) struct Preset {
    /// In the address of its button.
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    /// As it is sent to `/_sim/faults`.
    pub(super) fault: &'static str,
}

const fn preset(name: &'static str, label: &'static str, fault: &'static str) -> Preset {
    Preset { name, label, fault }
}

pub(super) const PRESETS: &[Preset] = &[
    preset("down", "Down", r#"{"kind":"down","trigger":"always"}"#),
    preset(
        "slow",
        "Slow, 3 s",
        r#"{"kind":"slow","milliseconds":3000,"trigger":"always"}"#,
    ),
    preset(
        "maintenance",
        "Maintenance (503)",
        r#"{"kind":"unavailable","retry_after":30,"trigger":"always"}"#,
    ),
    preset(
        "too-many-requests",
        "Too many requests (429), 20 s",
        r#"{"kind":"too_many_requests","retry_after":5,"trigger":"during","milliseconds":20000}"#,
    ),
    preset(
        "request-limit",
        "Request limit (Salesforce's 403)",
        r#"{"kind":"request_limit_exceeded","trigger":"during","milliseconds":20000}"#,
    ),
    preset(
        "unauthorized",
        "Login refused (401)",
        r#"{"kind":"unauthorized","trigger":"always"}"#,
    ),
    preset(
        "firewall",
        "A firewall refuses (403, HTML)",
        r#"{"kind":"status","status":403,"content_type":"text/html","body":"<html><title>Request Rejected</title></html>","trigger":"always"}"#,
    ),
    preset(
        "validation",
        "Content refused, next 3",
        r#"{"kind":"validation_refusal","code":"FIELD_CUSTOM_VALIDATION_EXCEPTION","message":"A contact is required","trigger":"next","count":3}"#,
    ),
    preset(
        "lost-answer",
        "Answer lost after it was done, next 1",
        r#"{"kind":"cut_after_commit","trigger":"next","count":1}"#,
    ),
    preset(
        "error-after-commit",
        "502 after it was done, next 1",
        r#"{"kind":"error_after_commit","status":502,"trigger":"next","count":1}"#,
    ),
    preset(
        "late",
        "Done 5 s after a cut, next 1",
        r#"{"kind":"late_commit","milliseconds":5000,"trigger":"next","count":1}"#,
    ),
    preset(
        "asynchronous",
        "Answers 202, next 1",
        r#"{"kind":"asynchronous","trigger":"next","count":1}"#,
    ),
    preset(
        "ok-without-id",
        "200 without an id, next 3",
        r#"{"kind":"ok_without_id","trigger":"next","count":3}"#,
    ),
    preset(
        "success-false",
        "200 with success: false, next 3",
        r#"{"kind":"success_false","trigger":"next","count":3}"#,
    ),
    preset(
        "html",
        "200 with a web page, next 3",
        r#"{"kind":"html_with200","trigger":"next","count":3}"#,
    ),
    preset(
        "garbage",
        "Cut-off JSON, next 3",
        r#"{"kind":"garbage","trigger":"next","count":3}"#,
    ),
    preset(
        "damaged-gzip",
        "Damaged gzip, next 3",
        r#"{"kind":"damaged_gzip","trigger":"next","count":3}"#,
    ),
    preset(
        "huge-body",
        "10 MB of x, next 1",
        r#"{"kind":"huge_body","bytes":10000000,"trigger":"next","count":1}"#,
    ),
    preset(
        "redirect",
        "Redirect elsewhere, next 3",
        r#"{"kind":"redirect","location":"https://login.example.com/","trigger":"next","count":3}"#,
    ),
    preset(
        "echo",
        "An error that quotes the request, next 3",
        r#"{"kind":"echo","status":502,"body":"<pre>ECHO</pre>","content_type":"text/html","encoding":"html","trigger":"next","count":3}"#,
    ),
];

/// The fault behind the button `name`.
pub(super) fn fault_of(name: &str) -> Option<Fault> {
    let preset = PRESETS.iter().find(|one| one.name == name)?;
    serde_json::from_str(preset.fault).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_button_has_a_fault() {
        for preset in PRESETS {
            assert!(fault_of(preset.name).is_some(), "{}", preset.name);
        }
    }
}
