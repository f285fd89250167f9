//! What one check may cost. It is counted in steps, not in time, so that the same question has the same answer everywhere.

use serde_json::Value;

use super::Misfit;

/// About 50 ms. A list of 35,000 objects, or a schema of 10,000 fields, is well below.
const MOST_STEPS: usize = 1_000_000;
/// Bytes that are read or written in a step.
const BYTES: usize = 16;

/// What is left for a check, or for several that belong together. A step is one schema or one keyword that is looked at.
#[derive(Debug)]
pub struct Budget {
    steps: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { steps: MOST_STEPS }
    }
}

impl Budget {
    /// Once there is too little left, there is nothing left.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Misfit> {
        let left = self.steps.checked_sub(steps);
        self.steps = left.unwrap_or(0);
        left.map(drop).ok_or(Misfit::TooMuch)
    }

    pub(super) fn spend_bytes(&mut self, bytes: usize) -> Result<(), Misfit> {
        self.spend(bytes / BYTES)
    }

    /// For what goes through all of a value.
    pub fn spend_on(&mut self, value: &Value) -> Result<(), Misfit> {
        self.spend(1)?;
        match value {
            Value::String(text) => self.spend_bytes(text.len()),
            Value::Array(items) => items.iter().try_for_each(|item| self.spend_on(item)),
            Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
                self.spend_bytes(name.len())?;
                self.spend_on(value)
            }),
            _ => Ok(()),
        }
    }
}
