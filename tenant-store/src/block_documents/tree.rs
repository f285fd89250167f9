//! Documents that refer to others are answered with those in them: the data of each under the field that holds it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;

use domain::BlockDocumentId;
use domain::block_documents::{BlockDocument, DEEPEST, MOST_NESTED, Referred, ReferredDocument};
use tokio_postgres::Row;
use wire::{RawJson, RawObject};

use super::{Reading, Sealed, TooMany, columns, from};
use crate::{Error, Result, Tx};

/// Every document that is reached from some, each as often as it is held. `union` ends also where they hold one another.
const BELOW: &str = concat!(
    "with recursive edge as (select r.parent_id, r.name, r.child_id from block_ref r where r.parent_id = any($1) \
     union select r.parent_id, r.name, r.child_id from edge e join block_ref r on r.parent_id = e.child_id) \
     select e.parent_id, e.name, ",
    columns!(),
    from!(),
    " join edge e on e.child_id = d.id"
);

struct Edge {
    parent: BlockDocumentId,
    name: String,
    child: Sealed,
}

impl crate::pool::FromRow for Edge {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { parent: row.try_get(0)?, name: row.try_get(1)?, child: Sealed::at(row, 2)? })
    }
}

/// The documents, opened, each with all it refers to.
pub(super) async fn whole(
    tx: &mut Tx<'_>,
    sealed: Vec<Sealed>,
    reading: &Reading<'_>,
) -> Result<Result<Vec<BlockDocument>, TooMany>> {
    let workspace = tx.scope().workspace().0;
    let parents: Vec<BlockDocumentId> = sealed.iter().filter(|one| one.refers).map(|one| one.id).collect();
    let mut below = Below::default();
    if !parents.is_empty() {
        for Edge { parent, name, child } in tx.all::<Edge>(BELOW, &[&parents]).await? {
            below.held.entry(parent).or_default().push((name, child.id));
            if let Entry::Vacant(place) = below.documents.entry(child.id) {
                place.insert(child.open(workspace, reading)?);
            }
        }
    }
    let mut all = Vec::with_capacity(sealed.len());
    for one in sealed {
        let document = one.open(workspace, reading)?;
        let mut room = MOST_NESTED;
        match below.put_together(document, 0, &mut room)? {
            Ok(whole) => all.push(whole),
            Err(too_many) => return Ok(Err(too_many)),
        }
    }
    Ok(Ok(all))
}

/// What is reached from the documents asked for.
#[derive(Default)]
struct Below {
    documents: HashMap<BlockDocumentId, BlockDocument>,
    held: HashMap<BlockDocumentId, Vec<(String, BlockDocumentId)>>,
}

impl Below {
    fn put_together(
        &self,
        mut of: BlockDocument,
        depth: usize,
        room: &mut usize,
    ) -> Result<Result<BlockDocument, TooMany>> {
        let Some(held) = self.held.get(&of.id) else { return Ok(Ok(of)) };
        if depth > DEEPEST || *room < held.len() {
            return Ok(Err(TooMany));
        }
        *room -= held.len();
        let data = of.data.0.text();
        let mut data = data.strip_suffix('}').unwrap_or(data).to_owned();
        for (name, id) in held {
            // It may have been deleted between the two looks.
            let Some(child) = self.documents.get(id) else { continue };
            let child = match self.put_together(child.clone(), depth + 1, room)? {
                Ok(child) => child,
                Err(too_many) => return Ok(Err(too_many)),
            };
            // What a document keeps itself has no field of that name: `data::split` took it out.
            let comma = if data.len() > 1 { "," } else { "" };
            let _ = write!(data, "{comma}{}:{}", RawJson::of(name).text(), child.data.0.text());
            let block_document = ReferredDocument {
                id: child.id,
                name: child.name,
                block_type: child.block_type,
                is_anonymous: child.is_anonymous,
                block_document_references: child.block_document_references,
            };
            of.block_document_references.insert(name.clone(), Referred { block_document });
        }
        data.push('}');
        of.data =
            RawJson::from_text(data).map(RawObject).ok_or_else(|| Error::internal("data that do not fit together"))?;
        Ok(Ok(of))
    }
}
