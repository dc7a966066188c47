//! One incident stays one ticket, whatever the instance does with ids and answers.

use std::sync::Arc;

use ringdown::domain::failure::Failure;
use ringdown::domain::ticket::{Ticket, TicketKey};
use ringdown::targets::Crm;

use crate::servicenow::cases::{fields, key};
use crate::servicenow::instance::client;
use crate::servicenow::table::{Fault, Ids, Table};

const EVERY_IDS: [Ids; 3] = [Ids::Honoured, Ids::Ignored, Ids::Refused];

const EVERY_FAULT: [Fault; 7] = [
    Fault::None,
    Fault::Cut,
    Fault::Accepted,
    Fault::Error(403),
    Fault::Error(500),
    Fault::Error(502),
    Fault::Error(503),
];

/// Tries as a delivery is tried: after any doubt the ticket is looked up first.
async fn deliver(crm: &dyn Crm, key: &TicketKey) -> Result<Ticket, Failure> {
    let first = crm.create(key, &fields()).await;
    match first {
        Err(failure) if failure.outcome_unknown => match crm.find(key).await? {
            Some(ticket) => Ok(ticket),
            None => crm.create(key, &fields()).await,
        },
        outcome => outcome,
    }
}

#[tokio::test]
async fn a_committed_insert_whose_answer_is_lost_or_wrong_makes_one_ticket() {
    for ids in EVERY_IDS {
        for fault in EVERY_FAULT {
            let (table, base) = Table::start(ids, fault).await;
            let ticket = deliver(&client(&base), &key()).await;
            let ticket = ticket.unwrap_or_else(|failure| panic!("{ids:?} {fault:?}: {failure}"));
            let records = table.with_key(key().as_str());
            assert_eq!(records, [ticket.id], "{ids:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_repeated_create_makes_no_second_record() {
    let (table, base) = Table::start(Ids::Honoured, Fault::None).await;
    let client = client(&base);
    let first = client.create(&key(), &fields()).await.unwrap();
    let second = client.create(&key(), &fields()).await.unwrap();
    assert_eq!(first.id, second.id);
    assert_eq!(table.with_key(key().as_str()), [first.id]);
}

#[tokio::test]
async fn many_processes_that_open_one_ticket_at_once_open_one() {
    let (table, base) = Table::start(Ids::Honoured, Fault::None).await;
    let opening = (0..8).map(|_| {
        let client = Arc::new(client(&base));
        async move { client.create(&key(), &fields()).await.unwrap().id }
    });
    let mut ids = futures::future::join_all(opening).await;
    ids.dedup();
    assert_eq!(table.with_key(key().as_str()), ids);
}

#[tokio::test]
async fn a_restarted_process_finds_its_ticket_however_the_ids_work() {
    for ids in EVERY_IDS {
        let (_, base) = Table::start(ids, Fault::None).await;
        let opened = client(&base).create(&key(), &fields()).await.unwrap();
        let found = client(&base).find(&key()).await.unwrap().unwrap();
        assert_eq!(found, opened, "{ids:?}");
    }
}
