use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers every command with `+PONG`, until told to hang.
async fn server() -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let hangs = Arc::new(AtomicBool::new(false));
    let hanging = hangs.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let hangs = hanging.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    let commands = buffer[..read].iter().filter(|byte| **byte == b'*').count();
                    if !hangs.load(Ordering::SeqCst) {
                        let _ = stream.write_all("+PONG\r\n".repeat(commands).as_bytes()).await;
                    }
                }
            });
        }
    });
    (url, hangs)
}

async fn redis(url: String) -> Redis {
    let second = Duration::from_secs(1);
    let settings = RedisSettings { redis_url: Some(url), redis_timeout: second / 10, redis_connect_timeout: second };
    Redis::start(&settings, Arc::new(Metrics::new())).await.unwrap().unwrap()
}

async fn ask(redis: &Redis) -> Result<String, Away> {
    redis.command(&redis::cmd("PING")).await
}

async fn until(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_redis_that_hangs_and_it_is_taken_up_again() {
    let (url, hangs) = server().await;
    let redis = redis(url).await;
    assert_eq!(ask(&redis).await.as_deref(), Ok("PONG"));

    hangs.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert!(!redis.is_away());
        assert_eq!(ask(&redis).await, Err(Away));
    }
    assert!(redis.is_away(), "three time-outs in succession are enough");
    assert_eq!(redis.0.metrics.redis.failures("timeout"), 3);
    assert_eq!(ask(&redis).await, Err(Away), "and this one was not asked");
    assert_eq!(redis.0.metrics.redis.failures("timeout"), 3);

    hangs.store(false, Ordering::SeqCst);
    until(|| !redis.is_away()).await;
    assert_eq!(ask(&redis).await.as_deref(), Ok("PONG"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_between_time_outs_begins_the_count_anew() {
    let (url, hangs) = server().await;
    let redis = redis(url).await;
    for _ in 0..2 {
        hangs.store(true, Ordering::SeqCst);
        assert_eq!(ask(&redis).await, Err(Away));
        assert_eq!(ask(&redis).await, Err(Away));
        // A late answer would be taken for another question's; this connection never gives the two that are missing.
        redis.0.breaker.succeeded();
        assert!(!redis.is_away());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_away_at_the_start_is_no_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    drop(listener);
    let redis = redis(url).await;
    assert!(redis.is_away());
    assert_eq!(ask(&redis).await, Err(Away));
}

#[tokio::test]
async fn no_redis_is_configured_by_an_empty_address() {
    let settings = RedisSettings {
        redis_url: Some(String::new()),
        redis_timeout: Duration::from_millis(25),
        redis_connect_timeout: Duration::from_secs(1),
    };
    assert!(Redis::start(&settings, Arc::new(Metrics::new())).await.unwrap().is_none());
}
