//! How large a filter may be. What it costs grows with it: each value is a parameter of a statement or two, and a pattern
//! that looks for text anywhere reads the whole value of a label, for every event and every socket that asks so.

use std::borrow::Cow;

use wire::{Errors, Json};

use super::labels::Glob;
use crate::policies::refuse;

/// Values, labels and patterns of one filter, all of its parts together.
pub const MOST_VALUES: usize = 2_000;
/// Bytes of one of them.
pub const LONGEST_VALUE: usize = 2_000;
/// Patterns of one filter that look for text anywhere (`*text*`); each `?` in such a text counts as its length.
pub const MOST_SEARCHES: usize = 200;

/// What a filter holds.
#[derive(Debug, Default)]
struct Size {
    values: usize,
    longest: usize,
    searches: usize,
}

impl Size {
    fn add(&mut self, value: &Json<'_>) {
        match value {
            Json::Array(items) => items.iter().for_each(|item| self.add(item)),
            Json::Object(fields) => fields.iter().for_each(|(name, item)| {
                self.values += 1;
                self.longest = self.longest.max(name.len());
                self.add(item);
            }),
            Json::Str(text) => {
                self.values += 1;
                self.longest = self.longest.max(text.len());
                if text.len() <= LONGEST_VALUE {
                    self.searches += Glob::read(text).searches();
                }
            }
            _ => self.values += 1,
        }
    }
}

/// Refuses a filter that is too large before anything else is made of it.
pub fn bounded<'v, 'j>(value: &'v Json<'j>, errors: &mut Errors) -> Option<Cow<'v, Json<'j>>> {
    let mut size = Size::default();
    size.add(value);
    let why = match size {
        Size { values, .. } if values > MOST_VALUES => {
            format!("A filter may hold {MOST_VALUES} names and values, not {values}")
        }
        Size { longest, .. } if longest > LONGEST_VALUE => {
            format!("A value of a filter may have {LONGEST_VALUE} bytes, not {longest}")
        }
        Size { searches, .. } if searches > MOST_SEARCHES => {
            format!("A filter may hold {MOST_SEARCHES} patterns that look for text anywhere (*text*), not {searches}")
        }
        _ => return Some(Cow::Borrowed(value)),
    };
    refuse(&Json::Null, &why, errors);
    None
}
