//! Medians, quantiles and ratios.

/// The value below which `quantile` of the ascending `values` lie; 0 when there are none.
pub(crate) fn quantile(values: &[u32], quantile: f64) -> f64 {
    let place = (values.len() as f64 * quantile) as usize;
    let last = values.len().saturating_sub(1);
    values.get(place.min(last)).copied().map_or(0.0, f64::from)
}

/// The middle one; 0 when there are none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Bytes as MB.
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
