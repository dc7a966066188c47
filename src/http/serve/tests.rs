//! The stop, with clients that hold it up.

use axum::Router;
use axum::routing::get;
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;

use super::*;

/// More than the system takes of an answer that nobody reads.
const LARGE: usize = 64 * 1024 * 1024;

#[tokio::test]
async fn an_answer_that_nobody_takes_holds_up_the_stop_no_longer_when_it_comes_late() {
    let (begun, has_begun) = oneshot::channel();
    let begun = Arc::new(std::sync::Mutex::new(Some(begun)));
    let answer = move || async move {
        let _ = begun.lock().unwrap().take().unwrap().send(());
        // It is in flight, and not waited for its client, when those that are get closed.
        tokio::time::sleep(DRAIN_GRACE + Duration::from_millis(500)).await;
        vec![0; LARGE]
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let options = ServeOptions {
        drain_timeout: Duration::from_secs(30),
        ..ServeOptions::default()
    };
    let router = Router::new().route("/", get(answer));
    let served = tokio::spawn(serve(listener, router, shutdown.clone(), options));
    let mut client = TcpStream::connect(address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: ringdown\r\n\r\n";
    client.write_all(request).await.unwrap();
    has_begun.await.unwrap();
    shutdown.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(10), served).await;
    assert_eq!(stopped.unwrap().unwrap(), 1);
}
