//! The two macros that declare settings.

/// Declares a table of settings and the struct that holds them:
///
/// ```text
/// section! {
///     /// `[server]`.
///     pub struct ServerSettings {
///         /// address that receives webhooks
///         listen: SocketAddr = socket_address().default("0.0.0.0:8080"),
///     }
/// }
/// ```
///
/// `NAME as "KEY"` where the key is no Rust name. `struct X checked by f` calls
/// `f(&Section, &X) -> Option<()>` after the fields have been read. `keys! { for X { … } }`
/// declares the settings of a struct that is defined elsewhere.
macro_rules! section {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(checked by $check:path)? {
            $( $(#[doc = $doc:literal])+ $field:ident $(as $key:literal)? : $type:ty = $setting:expr ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        $vis struct $name {
            $( $(#[doc = $doc])+ pub $field: $type, )+
        }
        $crate::settings::declare::keys! {
            for $name $(checked by $check)? {
                $( $(#[doc = $doc])+ $field $(as $key)? : $type = $setting ),+
            }
        }
    };
}

macro_rules! keys {
    (
        for $name:ident $(checked by $check:path)? {
            $( $(#[doc = $doc:literal])+ $field:ident $(as $key:literal)? : $type:ty = $setting:expr ),+ $(,)?
        }
    ) => {
        impl $crate::settings::declare::Keys for $name {
            fn declared(
                crms: $crate::settings::declare::Crms<'_>,
            ) -> Vec<$crate::settings::declare::Declared> {
                let mut all = Vec::new();
                $(
                    let setting: $crate::settings::declare::Setting<$type> = $setting;
                    let key = $crate::settings::declare::key!($field $($key)?);
                    all.extend(setting.declare(key, concat!($($doc),+), crms));
                )+
                all
            }

            fn read(section: &$crate::settings::read::Section<'_>) -> Option<Self> {
                $(
                    let setting: $crate::settings::declare::Setting<$type> = $setting;
                    let key = $crate::settings::declare::key!($field $($key)?);
                    let $field = setting.read(section, key);
                )+
                let read = Self { $( $field: $field? ),+ };
                $( $check(section, &read)?; )?
                Some(read)
            }
        }
    };
}

/// Declares a table of several forms, chosen by the value of one key, and its enum:
///
/// ```text
/// choice! {
///     /// One entry of `auth`.
///     pub enum AuthMethod by "type" {
///         /// `Authorization: Bearer …`
///         Bearer = "bearer" {
///             /// the token
///             secret: Secret = shared_secret().required(),
///         },
///     }
/// }
/// ```
macro_rules! choice {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident by $tag:literal {
            $(
                $(#[doc = $about:literal])+
                $variant:ident = $word:literal {
                    $( $(#[doc = $doc:literal])+ $field:ident : $type:ty = $setting:expr ),+ $(,)?
                }
            ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        $vis enum $name {
            $( $(#[doc = $about])+ $variant { $( $(#[doc = $doc])+ $field: $type, )+ }, )+
        }

        impl $crate::settings::declare::Choice for $name {
            const TAG: &'static str = $tag;

            fn variants(
                crms: $crate::settings::declare::Crms<'_>,
            ) -> Vec<$crate::settings::declare::Variant> {
                let mut variants = Vec::new();
                $(
                    let mut keys = Vec::new();
                    $(
                        let setting: $crate::settings::declare::Setting<$type> = $setting;
                        keys.extend(setting.declare(stringify!($field), concat!($($doc),+), crms));
                    )+
                    let meaning = concat!($($about),+).trim().to_owned();
                    variants.push($crate::settings::declare::Variant {
                        word: $word,
                        meaning,
                        keys,
                    });
                )+
                variants
            }

            fn read(
                section: &$crate::settings::read::Section<'_>,
                word: &str,
            ) -> Option<Self> {
                match word {
                    $(
                        $word => {
                            $(
                                let setting: $crate::settings::declare::Setting<$type> = $setting;
                                let $field = setting.read(section, stringify!($field));
                            )+
                            Some(Self::$variant { $( $field: $field? ),+ })
                        }
                    )+
                    _ => None,
                }
            }
        }
    };
}

/// The key of a field: its own name, or the one that is given.
macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

pub(crate) use {choice, key, keys, section};
