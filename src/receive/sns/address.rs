//! Which addresses are Amazon SNS. Pure.
//!
//! A message names the address of the certificate that proves it, so the address itself must be
//! above doubt.

use url::Url;

/// The rule by which an address is trusted.
#[derive(Debug, Clone, Copy)]
pub struct TrustedHost(fn(&Url) -> bool);

impl TrustedHost {
    /// Amazon SNS: `https://sns.REGION.amazonaws.com`, or `.com.cn`.
    pub const AMAZON: Self = Self(is_amazon);

    /// Another rule; tests have one for a server of their own.
    pub const fn new(is_trusted: fn(&Url) -> bool) -> Self {
        Self(is_trusted)
    }

    /// `text` as an address of a trusted host.
    pub(super) fn address(self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        (self.0)(&url).then_some(url)
    }

    /// `text` as the address of a certificate on a trusted host.
    pub(super) fn certificate(self, text: &str) -> Option<Url> {
        self.address(text)
            .filter(|url| url.path().ends_with(".pem"))
    }
}

fn is_amazon(url: &Url) -> bool {
    let has_user = !url.username().is_empty() || url.password().is_some();
    // The default port of the scheme reads as none.
    url.scheme() == "https"
        && !has_user
        && url.port().is_none()
        && url.host_str().is_some_and(is_amazons_name)
}

fn is_amazons_name(host: &str) -> bool {
    let region = host.strip_prefix("sns.").and_then(|rest| {
        let china = rest.strip_suffix(".amazonaws.com.cn");
        china.or_else(|| rest.strip_suffix(".amazonaws.com"))
    });
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    // `xn--` begins a name in other letters, which may look like Amazon's.
    region.is_some_and(|region| {
        !region.is_empty() && !region.contains("--") && region.bytes().all(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_trusted(text: &str) -> bool {
        TrustedHost::AMAZON.certificate(text).is_some()
    }

    #[test]
    fn only_amazons_own_hosts_are_trusted() {
        for good in [
            "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem",
            "https://SNS.eu-central-1.amazonaws.com:443/a.pem",
            "https://sns.us-gov-west-1.amazonaws.com/a.pem",
            "https://sns.cn-north-1.amazonaws.com.cn/a.pem",
        ] {
            assert!(is_trusted(good), "{good}");
        }
    }

    #[test]
    fn a_look_alike_is_not_trusted() {
        for bad in [
            "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
            "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
            "https://sns.eu-west-1.amazonaws.com:x@evil.example/a.pem",
            "https://user@sns.eu-west-1.amazonaws.com/a.pem",
            "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem",
            "https://evil.example#sns.eu-west-1.amazonaws.com/a.pem",
            "https://evil.example\\@sns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
            "http://sns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com./a.pem",
            "https://sns.amazonaws.com/a.pem",
            "https://sns..amazonaws.com/a.pem",
            "https://sns.evil.example.amazonaws.com/a.pem",
            "https://xsns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com.cn.evil.example/a.pem",
            "https://sns.eu-west-1.аmazonaws.com/a.pem",
            "https://s3.eu-west-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com/a.txt",
            "https://sns.eu-west-1.amazonaws.com/?x=a.pem",
            "file:///sns.eu-west-1.amazonaws.com/a.pem",
            "//sns.eu-west-1.amazonaws.com/a.pem",
            "",
        ] {
            assert!(!is_trusted(bad), "{bad}");
        }
    }
}
