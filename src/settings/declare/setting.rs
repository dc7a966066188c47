//! A setting: a kind of value together with what holds when it is not set. And the kinds that are
//! tables of settings.

use super::declared::{Crms, Declared, Default, Names, Shape, Variant, no_keys};
use super::kind::Kind;
use crate::settings::crm::CrmProfile;
use crate::settings::read::{Entry, Fault, Section};
use crate::settings::value::{Table, Value, ValueKind};

type Read<T> = Box<dyn Fn(&Section<'_>, &'static str) -> Option<T>>;
type Declare = Box<dyn Fn(&'static str, &str, Crms<'_>) -> Vec<Declared>>;

/// One setting, or several that make one value.
pub(crate) struct Setting<T> {
    read: Read<T>,
    declare: Declare,
}

/// A type whose fields are settings. Made by `section!`.
pub(crate) trait Keys: Sized {
    fn declared(crms: Crms<'_>) -> Vec<Declared>;
    fn read(section: &Section<'_>) -> Option<Self>;
}

/// A type of several forms, each with its settings. Made by `choice!`.
pub(crate) trait Choice: Sized {
    /// The key that says which form it is.
    const TAG: &'static str;
    fn variants(crms: Crms<'_>) -> Vec<Variant>;
    fn read(section: &Section<'_>, word: &str) -> Option<Self>;
}

impl<T: 'static> Setting<T> {
    pub(crate) fn read(&self, section: &Section<'_>, key: &'static str) -> Option<T> {
        (self.read)(section, key)
    }

    pub(crate) fn declare(
        &self,
        key: &'static str,
        meaning: &str,
        crms: Crms<'_>,
    ) -> Vec<Declared> {
        (self.declare)(key, meaning, crms)
    }

    /// The name that the user has given to the table.
    pub(crate) fn own_name(read: fn(&str) -> T) -> Self {
        Self {
            read: Box::new(move |section, _| Some(read(section.name()))),
            declare: Box::new(|_, _, _| Vec::new()),
        }
    }

    /// The settings of `K`, which stand in the same table and make one value.
    pub(crate) fn of_keys<K: Keys + 'static>(convert: fn(&Section<'_>, K) -> Option<T>) -> Self {
        Self {
            read: Box::new(move |section, _| convert(section, K::read(section)?)),
            declare: Box::new(|_, _, crms| K::declared(crms)),
        }
    }

    /// Settings that are read and described by functions of their own.
    pub(crate) fn special(
        read: fn(&Section<'_>) -> Option<T>,
        declared: fn(Crms<'_>) -> Vec<Declared>,
    ) -> Self {
        Self {
            read: Box::new(move |section, _| read(section)),
            declare: Box::new(move |_, _, crms| declared(crms)),
        }
    }

    pub(crate) fn map<U>(self, convert: impl Fn(T) -> U + 'static) -> Setting<U> {
        let read = self.read;
        Setting {
            read: Box::new(move |section, key| read(section, key).map(&convert)),
            declare: self.declare,
        }
    }
}

/// The setting of `kind`: `set` makes its value, `unset` its value where the key is not set.
fn setting<T: 'static, U: 'static>(
    kind: Kind<T>,
    set: fn(T) -> U,
    unset: impl Fn(&Kind<T>, &Section<'_>, &'static str) -> Option<U> + 'static,
    default: impl Fn(Crms) -> Default + 'static,
) -> Setting<U> {
    let (type_name, shape) = (kind.type_name.clone(), kind.shape.clone());
    Setting {
        read: Box::new(move |section, key| match section.entry(key) {
            Some(entry) => kind.read(&entry).map(set),
            None => unset(&kind, section, key),
        }),
        declare: Box::new(move |key, meaning, crms| {
            vec![Declared {
                key,
                meaning: meaning.trim().to_owned(),
                type_name: type_name.clone(),
                default: default(crms),
                shape: shape.clone(),
            }]
        }),
    }
}

impl<T: 'static> Kind<T> {
    pub(crate) fn required(self) -> Setting<T> {
        let unset = |_: &Self, section: &Section<'_>, key| section.missing(key);
        setting(self, |value| value, unset, |_| Default::Required)
    }

    /// `default` is read like a value that is set.
    pub(crate) fn default(self, default: impl Into<ValueKind>) -> Setting<T> {
        let default = default.into();
        let described = default.clone();
        setting(
            self,
            |value| value,
            move |kind, section, key| kind.read(&section.built_in(key, default.clone())),
            move |_| Default::Value(described.clone()),
        )
    }

    /// A default that follows from other keys; `words` describe it. Where those cannot be used,
    /// their problem is noted at them.
    pub(crate) fn default_from(
        self,
        words: &'static str,
        default: fn(&Section<'_>) -> Option<ValueKind>,
    ) -> Setting<T> {
        setting(
            self,
            |value| value,
            move |kind, section, key| kind.read(&section.built_in(key, default(section)?)),
            move |_| Default::Words(words.to_owned()),
        )
    }

    /// A default that the CRM of the target decides.
    pub(crate) fn default_of_crm<V: Into<ValueKind> + ToString + 'static>(
        self,
        default: fn(&CrmProfile) -> V,
    ) -> Setting<T> {
        let unset = move |kind: &Self, section: &Section<'_>, key| {
            let crm = section.reading.crm_at(&section.path)?;
            kind.read(&section.built_in(key, default(crm)))
        };
        let words = move |crms: Crms<'_>| {
            let each = crms
                .iter()
                .map(|crm| (crm.name, default(crm).to_string()))
                .filter(|(_, default)| !default.is_empty())
                .map(|(crm, default)| format!("`{default}` for {crm}"));
            Default::Words(each.collect::<Vec<_>>().join(", "))
        };
        setting(self, |value| value, unset, words)
    }

    /// May be absent; `words` say what holds then.
    pub(crate) fn optional(self, words: &'static str) -> Setting<Option<T>> {
        let unset = |_: &Self, section: &Section<'_>, key| {
            section.unset(key);
            Some(None)
        };
        setting(self, Some, unset, move |_| Default::Words(words.to_owned()))
    }

    /// An empty table where it is not set.
    pub(crate) fn or_empty(self) -> Setting<T> {
        let unset = |kind: &Self, section: &Section<'_>, key| {
            kind.read(&section.entry_of(key, Value::of_table(Table::new())))
        };
        setting(self, |value| value, unset, |_| Default::EmptyTable)
    }
}

/// A table with the settings of `T`.
pub(crate) fn table<T: Keys + 'static>() -> Kind<T> {
    Kind::composite("table", Shape::Table(T::declared), |entry| {
        let section = Section::of(entry)?;
        let value = T::read(&section);
        section.finish();
        value
    })
}

/// Tables or values by names that the user chooses, in the order of the configuration.
pub(crate) fn named<T: 'static>(names: Names, item: Kind<T>) -> Kind<Vec<(String, T)>> {
    let shape = Shape::Named(names, no_keys, Box::new(item.shape.clone()));
    Kind::composite(item.type_name.clone(), shape, move |entry| {
        let read: Vec<_> = Section::of(entry)?
            .named_entries()
            .into_iter()
            .map(|(name, entry)| {
                if let Err(fault) = check_name(names, &name) {
                    entry.fault(fault);
                }
                Some((name, item.read(&entry)?))
            })
            .collect();
        read.into_iter().collect()
    })
}

impl<T: 'static> Kind<Vec<(String, T)>> {
    /// Refuses an empty table; `why` says what would be missing.
    pub(crate) fn at_least_one(self, why: &'static str) -> Self {
        self.check(move |_, all| {
            if all.is_empty() {
                return Err(format!("{why}; start from config/example.toml").into());
            }
            Ok(())
        })
    }
}

/// A plain name can be part of a URL's path, a metric's label and a variable's name.
fn check_name(names: Names, name: &str) -> Result<(), Fault> {
    let reserved = match names {
        Names::Any(_) => return Ok(()),
        Names::Plain => &[][..],
        Names::PlainExcept(reserved) => reserved,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        return Err("a name has 1 to 64 letters, digits, - and _".into());
    }
    if reserved.contains(&name) {
        let reason = "is taken: events of Ringdown itself come under this name; choose another";
        return Err(reason.into());
    }
    Ok(())
}

/// A table of one of several forms. `allow` may refuse the form.
pub(crate) fn one_of_tables<T: Choice + 'static>(
    allow: fn(&Entry<'_>, &str) -> Result<(), Fault>,
) -> Kind<T> {
    Kind::composite("table", Shape::Tagged(T::TAG, T::variants), move |entry| {
        let section = Section::of(entry)?;
        let Some(word) = section.entry(T::TAG) else {
            section.fault(T::TAG, "required, but not set");
            return None;
        };
        let value = match form::<T>(&word, allow) {
            Ok(form) => {
                word.in_effect();
                T::read(&section, &form)
            }
            Err(fault) => {
                word.fault(fault);
                return None;
            }
        };
        section.finish();
        value
    })
}

fn form<T: Choice>(
    entry: &Entry<'_>,
    allow: fn(&Entry<'_>, &str) -> Result<(), Fault>,
) -> Result<String, Fault> {
    let word = entry.text()?;
    allow(entry, word)?;
    let forms = T::variants(entry.reading.crms);
    let words: Vec<&str> = forms.iter().map(|form| form.word).collect();
    if !words.contains(&word) {
        return Err(Fault::none_of(word, &words));
    }
    Ok(word.to_owned())
}
