use domain::events::Resource;
use domain::events::filter::EventNameFilter;
use uuid::Uuid;
use wire::RawObject;

use super::super::telling;
use super::*;

fn event(n: u128, name: &str) -> Event {
    let (related, payload) = (Vec::new(), RawObject::default());
    let resource = Resource::of("r");
    let id = EventId(Uuid::from_u128(n));
    Event { occurred: Time::from_micros(1), event: name.into(), resource, related, payload, id, follows: None }
}

fn member(names: Option<&[&str]>) -> (Member, mpsc::Receiver<Arc<Frame>>) {
    let (queue, receiver) = mpsc::channel(BEHIND);
    let names = names.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    let event = Some(EventNameFilter { name: names, ..EventNameFilter::default() });
    let filter = EventFilter { event, ..EventFilter::default() };
    (Member { effort: filter.effort(), filter, queue }, receiver)
}

async fn tell(crowd: &Crowd, event: &Event) {
    crowd.tell(std::slice::from_ref(event), Time::from_micros(2));
    telling::tell_all(crowd).await;
}

#[tokio::test]
async fn an_event_goes_to_those_who_ask_for_it_once() {
    let crowd = Crowd::default();
    let ((named, mut of_name), (other, mut of_other), (any, mut of_any)) =
        (member(Some(&["a", "a"])), member(Some(&["b"])), member(None));
    let numbers = [named, other, any].map(|member| crowd.state().enter(member));
    tell(&crowd, &event(1, "a")).await;
    tell(&crowd, &event(1, "a")).await;
    assert_eq!(of_name.try_recv().unwrap().id, EventId(Uuid::from_u128(1)));
    assert!(of_any.try_recv().unwrap().text.starts_with(r#"{"type":"event","event":{"occurred":"#));
    assert!(of_name.try_recv().is_err() && of_any.try_recv().is_err() && of_other.try_recv().is_err());
    assert_eq!(numbers.map(|number| crowd.left(number)), [false, false, true]);
    let state = crowd.state();
    assert!(state.by_name.is_empty() && state.of_any_name.is_empty() && state.members.is_empty());
}

#[tokio::test]
async fn what_nobody_asks_for_is_not_even_remembered() {
    let crowd = Crowd::default();
    let (named, _queue) = member(Some(&["a"]));
    crowd.state().enter(named);
    tell(&crowd, &event(1, "b")).await;
    assert!(!crowd.knows(EventId(Uuid::from_u128(1))));
}

#[tokio::test]
async fn who_stores_events_does_not_wait_for_those_who_are_told() {
    let crowd = Crowd::default();
    let (any, mut queue) = member(None);
    crowd.state().enter(any);
    crowd.tell(&[event(1, "a"), event(2, "a")], Time::from_micros(2));
    assert!(queue.try_recv().is_err());
    let (late, mut of_late) = member(None);
    crowd.state().enter(late);
    telling::tell_all(&crowd).await;
    assert_eq!([1, 2].map(|_| queue.try_recv().unwrap().id.0.as_u128()), [1, 2]);
    assert!(of_late.try_recv().is_err(), "it came after the event");
}

#[tokio::test]
async fn others_have_their_turn_while_many_are_told() {
    let crowd = Arc::new(Crowd::default());
    let text = r#"{"resource":{"labels":{"l":["*q0*","*q1*"]}}}"#;
    let filter = wire::json::parse(text.as_bytes()).unwrap();
    let filter = <EventFilter as wire::Input>::parse(&filter, &mut wire::Errors::default()).unwrap();
    let mut queues = Vec::new();
    for _ in 0..40 {
        let (queue, receiver) = mpsc::channel(BEHIND);
        crowd.state().enter(Member { effort: filter.effort(), filter: filter.clone(), queue });
        queues.push(receiver);
    }
    let mut large = event(1, "a");
    large.resource = large.resource.labelled("l", "v".repeat(100_000));
    crowd.tell(&[large], Time::from_micros(2));
    let told = tokio::spawn({
        let crowd = crowd.clone();
        async move { telling::tell_all(&crowd).await }
    });
    // On one thread, each turn of this task is one that the other left.
    let mut turns = 0;
    while !told.is_finished() {
        turns += 1;
        tokio::task::yield_now().await;
    }
    assert!(turns >= 5, "{turns}");
    assert!(queues.iter_mut().all(|queue| queue.try_recv().is_err()));
}

#[tokio::test]
async fn what_cannot_wait_any_more_ends_those_who_are_to_be_told() {
    let crowd = Crowd::default();
    let (any, mut queue) = member(None);
    let number = crowd.state().enter(any);
    let mut large = event(0, "a");
    large.resource = large.resource.labelled("l", "v".repeat(1 << 20));
    for n in 1..=32 {
        large.id = EventId(Uuid::from_u128(n));
        crowd.tell(std::slice::from_ref(&large), Time::from_micros(2));
    }
    assert!(queue.recv().await.is_none());
    // Who comes next is told of what comes then; the room is closed when those have gone who were in it.
    let (next, mut of_next) = member(None);
    let next = crowd.state().enter(next);
    assert!(!crowd.left(number) && !crowd.is_closed());
    tell(&crowd, &event(99, "a")).await;
    assert_eq!(of_next.recv().await.unwrap().id.0.as_u128(), 99);
    assert!(crowd.left(next) && crowd.is_closed());
}

#[tokio::test]
async fn a_queue_that_is_full_ends_behind_what_is_in_it() {
    let crowd = Crowd::default();
    let (any, mut queue) = member(None);
    crowd.state().enter(any);
    for n in 0..=BEHIND as u128 {
        tell(&crowd, &event(n, "a")).await;
    }
    assert!(crowd.state().members.is_empty());
    let mut taken = 0;
    while queue.recv().await.is_some() {
        taken += 1;
    }
    assert_eq!(taken, BEHIND);
}
