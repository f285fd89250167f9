//! Whether job variables go with the template of a work pool.

use domain::BlockDocumentId;
use domain::job_variables::{self, Blocks, Checks, MOST_BLOCK_BYTES, MOST_BLOCKS};
use domain::json_schema::Budget;
use wire::RawObject;

use crate::block_documents::{self, Reading, Secrets, Which};
use crate::encryption::KeyRing;
use crate::{Result, Tx};

/// Why they do not.
#[derive(Debug, Clone, PartialEq)]
pub enum Unfit {
    /// The sentence of the reference.
    Invalid(String),
    /// The template refers to a block document that is not there.
    NoBlock,
}

/// The data of the block documents that stand in place of a template's defaults, their secrets hidden: what is wrong with
/// them is told to the client.
pub async fn blocks(tx: &mut Tx<'_>, template: &RawObject, ring: &KeyRing) -> Result<Result<Blocks, Unfit>> {
    // Few templates refer to any.
    if !template.0.text().contains("block_document_id") {
        return Ok(Ok(Blocks::new()));
    }
    let Ok(ids) = job_variables::references(&template.0.to_value()) else { return Ok(Err(Unfit::NoBlock)) };
    if ids.len() > MOST_BLOCKS {
        return Ok(Err(too_many_blocks()));
    }
    let (mut found, mut room) = (Blocks::new(), MOST_BLOCK_BYTES);
    for id in ids {
        let reading = Reading { ring, secrets: Secrets::Hidden };
        let Ok(Some(document)) = block_documents::read(tx, Which::Id(BlockDocumentId(id)), &reading).await? else {
            return Ok(Err(Unfit::NoBlock));
        };
        let Some(left) = room.checked_sub(document.data.0.text().len()) else { return Ok(Err(too_many_blocks())) };
        room = left;
        found.insert(id, document.data.0.to_value());
    }
    Ok(Ok(found))
}

fn too_many_blocks() -> Unfit {
    Unfit::Invalid(format!(
        "The template refers to more than {MOST_BLOCKS} block documents, or their data are more than {MOST_BLOCK_BYTES} \
         bytes."
    ))
}

/// Checks variables against a template, the later over the earlier.
pub(crate) fn fit(
    template: &RawObject,
    blocks: &Blocks,
    variables: &[&RawObject],
    checks: Checks,
    budget: &mut Budget,
) -> Result<(), Unfit> {
    let variables: Vec<_> = variables.iter().map(|variables| variables.0.to_value()).collect();
    let variables: Vec<_> = variables.iter().collect();
    job_variables::check(&template.0.to_value(), blocks, &variables, checks, budget).map_err(Unfit::Invalid)
}
