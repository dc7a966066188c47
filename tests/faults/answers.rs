//! A storm in which the CRMs' answers get lost.

use ringdown::simulator::{Fault, FaultKind, Trigger};

use crate::campaign::Campaign;

/// Quick retries, and enough of them that none is given up.
const RETRIES: &str = r#"
[targets.salesforce.retry]
attempts = 30
base = "20ms"
factor = 1.0
[targets.servicenow.retry]
attempts = 30
base = "20ms"
factor = 1.0
"#;

/// A share of the writes is done, and then nobody hears of it; another share is done later
/// than anybody waits.
fn faults() -> Vec<Fault> {
    let share = |share, seed| Trigger::Rate { share, seed };
    let late = FaultKind::LateCommit { milliseconds: 50 };
    vec![
        Fault::new(FaultKind::CutAfterCommit, share(0.3, 1)),
        Fault::new(FaultKind::ErrorAfterCommit { status: 502 }, share(0.2, 2)),
        Fault::new(late, share(0.1, 3)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_lost_in_a_storm_make_no_second_ticket() {
    let mut campaign = Campaign::with(1, RETRIES).await;
    campaign.refuse_second_records().await;
    let simulator = &campaign.world.simulator;
    for fault in faults() {
        let (salesforce, servicenow) = (simulator.salesforce(), simulator.servicenow());
        salesforce.add_fault(fault.clone().on_path("/sobjects/"));
        servicenow.add_fault(fault.on_path("/table/incident").on_method("POST"));
    }
    campaign.live_on().await;
    for _ in 0..10 {
        campaign.storm();
        campaign.acknowledged().await;
    }
    campaign.tickets_exist().await;
    campaign.world.simulator.salesforce().clear_faults();
    campaign.world.simulator.servicenow().clear_faults();
    let account = campaign.account().await;
    println!("{account}");
    account.assert_kept();
    let cut = campaign.world.simulator.salesforce().requests();
    let cut = cut.iter().filter(|request| request.status == 0).count();
    assert!(cut > 10, "only {cut} answers were lost");
}
