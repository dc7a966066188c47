//! Where the names of what happened stand above a chart, so that none covers another.
//!
//! Pure: knows places and texts, not incidents.

/// Lanes below each other.
pub(super) const LANES: usize = 3;
/// The height of a lane, and about the width of a character, in the units of the chart.
const LANE: f64 = 14.0;
const CHARACTER: f64 = 6.5;

/// The base line of each name, in the order of `marks` (place and name), which are ordered by
/// place. `None`: it would cover others, or leave the chart at `right`.
pub(super) fn places<'a>(
    marks: impl Iterator<Item = (f64, &'a str)>,
    right: f64,
) -> Vec<Option<f64>> {
    let mut taken_until = [f64::MIN; LANES];
    let place = |(x, name): (f64, &str)| {
        let end = x + (name.chars().count() as f64 + 1.0) * CHARACTER;
        // Below every name that the line from this place down would cross.
        let crossed = taken_until.iter().rposition(|taken| *taken > x);
        let lane = crossed.map_or(0, |crossed| crossed + 1);
        if lane >= LANES || end > right {
            return None;
        }
        taken_until[lane] = end;
        Some((lane as f64 + 1.0) * LANE)
    };
    marks.map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_crosses_the_name_of_an_earlier_one() {
        let marks = [
            (0.0, "opened"),
            (20.0, "ticket created"),
            (60.0, "recovered"),
        ];
        let lanes = places(marks.into_iter(), 700.0);
        assert_eq!(lanes, [1.0, 2.0, 3.0].map(|lane| Some(lane * LANE)));
    }

    #[test]
    fn names_that_would_cover_each_other_stand_in_lanes_and_the_rest_is_left_out() {
        let marks = [(0.0, "opened"); 4];
        let lanes = places(marks.into_iter(), 700.0);
        assert_eq!(
            lanes,
            [Some(LANE), Some(2.0 * LANE), Some(3.0 * LANE), None]
        );
        let apart = [(0.0, "opened"), (300.0, "recovered"), (690.0, "closed")];
        let lanes = places(apart.into_iter(), 700.0);
        assert_eq!(lanes, [Some(LANE), Some(LANE), None]);
    }
}
