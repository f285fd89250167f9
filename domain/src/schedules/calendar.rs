//! The Gregorian calendar in day numbers since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").

/// Years that the reference's clients can express.
pub const LAST_YEAR: i64 = 9999;

pub fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a day number.
pub fn date(number: i64) -> (i64, i64, i64) {
    let shifted = number + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

pub fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub fn days_in_year(year: i64) -> i64 {
    365 + i64::from(is_leap(year))
}

pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Monday is 0.
pub fn weekday(number: i64) -> i64 {
    (number + 3).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_dates_agree() {
        assert_eq!((day_number(1970, 1, 1), day_number(2000, 2, 29), day_number(1, 1, 1)), (0, 11_016, -719_162));
        for number in (-719_162..2_932_897).step_by(17) {
            let (year, month, day) = date(number);
            assert_eq!(day_number(year, month, day), number);
            assert!((1..=days_in_month(year, month)).contains(&day));
        }
        assert_eq!((weekday(0), weekday(day_number(2024, 2, 29))), (3, 3));
    }
}
