//! What it takes to tell whether an event is asked for: whoever asks many filters of many events goes by it.

use super::{EventAnyResourceFilter, EventFilter, EventNameFilter, EventRelatedFilter, EventResourceFilter, Labelled};
use crate::events::Event;

/// What a filter does with an event, at most.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Effort {
    /// Values that are compared with each resource.
    compared: usize,
    /// How often everything that the event says is read.
    read: usize,
}

impl Effort {
    /// Of one event, about in bytes that are looked at.
    pub fn of(self, event: &Event) -> usize {
        let Self { compared, read } = self;
        let resources = std::iter::once(&event.resource).chain(&event.related);
        let labels = |resource: &crate::events::Resource| resource.labels().len();
        let looked = resources.map(labels).sum::<usize>();
        (1 + compared) * (8 + looked) + read * event.weight()
    }

    fn add<T>(&mut self, list: &Option<Vec<T>>) {
        self.compared += list.as_ref().map_or(0, Vec::len);
    }

    fn add_labels(&mut self, labels: &Option<Labelled>) {
        for glob in labels.iter().flat_map(Labelled::globs) {
            self.compared += 1;
            self.read += glob.searches();
        }
    }
}

impl EventFilter {
    pub fn effort(&self) -> Effort {
        let Self { occurred: _, event, resource, related, any_resource, id, text, order: _ } = self;
        let mut effort = Effort::default();
        if let Some(EventNameFilter { prefix, exclude_prefix, name, exclude_name }) = event {
            [prefix, exclude_prefix, name, exclude_name].into_iter().for_each(|list| effort.add(list));
        }
        if let Some(EventResourceFilter { id, id_prefix, labels, distinct: _ }) = resource {
            [id, id_prefix].into_iter().for_each(|list| effort.add(list));
            effort.add_labels(labels);
        }
        for EventRelatedFilter { id, role, resources_in_roles, labels } in related.iter().flat_map(|all| &all.0) {
            [id, role].into_iter().for_each(|list| effort.add(list));
            effort.add(resources_in_roles);
            effort.add_labels(labels);
        }
        for EventAnyResourceFilter { id, id_prefix, labels } in any_resource.iter().flat_map(|all| &all.0) {
            [id, id_prefix].into_iter().for_each(|list| effort.add(list));
            effort.add_labels(labels);
        }
        effort.add(&id.id);
        if let Some(text) = text {
            let search = &text.query.search;
            // It is written anew, in lower case.
            effort.read += 4 + search.any.len() + search.none.len() + search.all.len();
        }
        effort
    }
}
