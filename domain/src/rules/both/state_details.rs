//! A state names its run.

use crate::rules::Transform;
use crate::rules::transition::{Run, Transition};

pub struct UpdateStateDetails;

impl<R: Run> Transform<R> for UpdateStateDetails {
    fn before(&self, t: &mut Transition<'_, R>) {
        if let Some(proposed) = &mut t.proposed {
            t.run.sign(&mut proposed.state_details);
        }
    }
}
