//! The operations of a workspace, one slice a resource. No slice imports a sibling.

pub mod flows;

use crate::kit::Op;

/// Every slice's table.
pub fn slices() -> Vec<&'static [Op]> {
    vec![flows::OPS]
}
