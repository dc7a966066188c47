//! A stop that is asked for before the daemon is ready.

use tokio::net::TcpListener;

use crate::support::world::World;

#[tokio::test]
async fn a_stop_asked_for_during_the_start_is_orderly() {
    // A database that takes the connection and says nothing holds up the start.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let store = format!("[store]\nurl = \"postgres://nobody@{address}/nothing\"\n");
    let mut world = World::unstarted(&store).await;
    world.spawn("");
    let _connection = silent.accept().await.unwrap();
    let stopped = tokio::task::spawn_blocking(move || world.daemon.terminate());
    assert!(stopped.await.unwrap(), "it did not stop by itself");
}
