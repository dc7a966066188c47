//! Few values found by name, as a sorted list: a signal has a handful of each kind, lives for
//! milliseconds, and is made in one thread and dropped in another. A tree's nodes cost more
//! there than all that is done with them. Pure.

use serde::ser::{Serialize, Serializer};
use smallvec::SmallVec;

/// Values by name, sorted by name; each name once. Up to `IN_PLACE` of them need no memory of
/// their own.
#[derive(Debug, Clone, PartialEq)]
pub struct ByName<N, V, const IN_PLACE: usize = 0>(SmallVec<[(N, V); IN_PLACE]>);

impl<N, V, const IN_PLACE: usize> Default for ByName<N, V, IN_PLACE> {
    fn default() -> Self {
        Self(SmallVec::new_const())
    }
}

impl<N: AsRef<str>, V, const IN_PLACE: usize> ByName<N, V, IN_PLACE> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(SmallVec::new_const())
    }

    /// Nothing yet, with room for `count` values: to grow towards them one by one would take
    /// memory again and again.
    pub fn with_capacity(count: usize) -> Self {
        Self(SmallVec::with_capacity(count))
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&V> {
        self.0
            .iter()
            .find(|(present, _)| present.as_ref() == name)
            .map(|(_, value)| value)
    }

    /// The value of `name`, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        self.0
            .iter_mut()
            .find(|(present, _)| present.as_ref() == name)
            .map(|(_, value)| value)
    }

    /// Whether there is a value of `name`.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets the value of `name`.
    pub fn insert(&mut self, name: impl Into<N>, value: V) {
        let name = name.into();
        match self.place(name.as_ref()) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (name, value)),
        }
    }

    /// The value of `name`, which `value` gives when there is none yet.
    pub fn get_or_insert_with(&mut self, name: impl Into<N>, value: impl FnOnce() -> V) -> &mut V {
        let name = name.into();
        let place = self.place(name.as_ref()).unwrap_or_else(|place| {
            self.0.insert(place, (name, value()));
            place
        });
        &mut self.0[place].1
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(present, _)| present.as_ref().cmp(name))
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&N, &V)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Names and values, which may be changed, sorted by name.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&N, &mut V)> {
        self.0.iter_mut().map(|(name, value)| (&*name, value))
    }

    /// The names, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &N> {
        self.iter().map(|(name, _)| name)
    }

    /// The values, in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<N: AsRef<str>, V, M: Into<N>, const IN_PLACE: usize> FromIterator<(M, V)>
    for ByName<N, V, IN_PLACE>
{
    fn from_iter<I: IntoIterator<Item = (M, V)>>(values: I) -> Self {
        let values = values.into_iter();
        let mut named = Self(SmallVec::with_capacity(values.size_hint().0));
        for (name, value) in values {
            named.insert(name, value);
        }
        named
    }
}

impl<N: AsRef<str>, V, M: Into<N>, const COUNT: usize, const IN_PLACE: usize> From<[(M, V); COUNT]>
    for ByName<N, V, IN_PLACE>
{
    fn from(values: [(M, V); COUNT]) -> Self {
        values.into_iter().collect()
    }
}

impl<N, V, const IN_PLACE: usize> IntoIterator for ByName<N, V, IN_PLACE> {
    type Item = (N, V);
    type IntoIter = smallvec::IntoIter<[(N, V); IN_PLACE]>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<N: AsRef<str>, V, const IN_PLACE: usize> std::ops::Index<&str> for ByName<N, V, IN_PLACE> {
    type Output = V;

    /// # Panics
    ///
    /// When there is no value of `name`.
    #[expect(
        clippy::expect_used,
        reason = "as with every map, indexing is for what is there"
    )]
    fn index(&self, name: &str) -> &V {
        self.get(name).expect("no value of that name")
    }
}

impl<N: Serialize + AsRef<str>, V: Serialize, const IN_PLACE: usize> Serialize
    for ByName<N, V, IN_PLACE>
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map_sorted_by_name(given in prop::collection::vec(("[a-d]{0,2}", any::<u8>()), 0..20)) {
            let map: BTreeMap<String, u8> = given.iter().cloned().collect();
            let named: ByName<String, u8> = given.iter().cloned().collect();
            prop_assert_eq!(
                serde_json::to_string(&named).unwrap(),
                serde_json::to_string(&map).unwrap()
            );
            for (name, _) in &given {
                prop_assert_eq!(named.get(name), map.get(name));
            }
            prop_assert!(!named.contains_key("e"));
        }
    }

    #[test]
    fn what_is_there_is_not_put_in_again() {
        let mut named: ByName<String, u8> = ByName::from([("b", 1)]);
        *named.get_or_insert_with("b", || 7) += 1;
        *named.get_or_insert_with("a", || 3) += 1;
        assert_eq!(named, ByName::from([("a", 4), ("b", 2)]));
    }
}
