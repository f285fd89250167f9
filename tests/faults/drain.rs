//! SIGTERM: readiness falls at once, requests in flight end, sockets are closed with a reason, nobody new gets in, exit 0.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Held, Incoming, Server, Socket, Tenant, eventually, truth};

fn connect(server: &Server) -> std::io::Result<TcpStream> {
    TcpStream::connect(server.url().trim_start_matches("http://"))
}

#[test]
fn requests_in_flight_end_and_nobody_new_gets_in() {
    let mut server = Server::builder().start();
    let tenant = Tenant::on(&server);
    let schema = truth::schema_of(&server, &tenant);
    // Connections without a request, with half of one, and one that was used before: none of them holds up the end.
    let idle = connect(&server).expect("the server accepts");
    let mut half = connect(&server).expect("the server accepts");
    half.write_all(b"GET /api/health HT").expect("the server reads");
    let api = tenant.api();
    api.get("/flows/").expect(200);

    let held = Held::table(server.database(), &format!("{schema}.flow"));
    std::thread::scope(|scope| {
        let in_flight: Vec<_> = (0..5)
            .map(|nth| {
                let tenant = &tenant;
                scope.spawn(move || tenant.api().post("/flows/", &json!({"name": format!("in flight {nth}")})))
            })
            .collect();
        held.until_waiting(5);
        server.sigterm();
        eventually("new connections are refused", || match connect(&server) {
            Err(_) => Ok(()),
            Ok(_) => Err("accepted"),
        });
        let ready = server.api().try_request("GET", "/api/ready", &[], None);
        assert!(ready.as_ref().map_or(true, |answer| answer.status == 503), "{ready:?}");
        held.let_go();
        for thread in in_flight {
            thread.join().expect("it is answered").expect(201);
        }
    });
    assert_eq!(server.wait().code(), Some(0));
    drop((idle, half));
    let there = server.database().sql(&format!("select count(*) from {schema}.flow where name like 'in flight %'"));
    assert_eq!(there, "5");
}

#[test]
fn readiness_falls_before_the_last_request_ends() {
    let mut server = Server::builder().start();
    let tenant = Tenant::on(&server);
    let schema = truth::schema_of(&server, &tenant);
    let held = Held::table(server.database(), &format!("{schema}.flow"));
    std::thread::scope(|scope| {
        let in_flight = scope.spawn(|| tenant.api().post("/flows/", &json!({"name": "in flight"})));
        held.until_waiting(1);
        let told = Instant::now();
        server.sigterm();
        eventually("the server is not ready", || match server.api().try_request("GET", "/api/ready", &[], None) {
            Ok(answer) if answer.status == 200 => Err(answer.status),
            _ => Ok(()),
        });
        assert!(told.elapsed() < Duration::from_secs(2), "ready for {:?}", told.elapsed());
        held.let_go();
        in_flight.join().expect("it is answered").expect(201);
    });
    assert_eq!(server.wait().code(), Some(0));
}

/// A load balancer needs a while to notice; until then a stopping server serves, and asks its clients to go elsewhere.
#[test]
fn in_the_drain_delay_everybody_is_served_and_asked_to_leave() {
    let mut server = Server::builder().env("PREFECTURE_DRAIN_DELAY", "3s").start();
    let tenant = Tenant::on(&server);
    let api = tenant.api();
    let before = api.get("/flows/");
    assert_eq!((before.status, before.header("connection")), (200, None));
    let mut socket = tenant.socket("/events/in");
    assert!(matches!(socket.authenticate(Some(&tenant.key)), Incoming::Json(said) if said["type"] == "auth_success"));

    server.sigterm();
    eventually("the server is not ready", || match server.api().get("/api/ready").status {
        503 => Ok(()),
        status => Err(status),
    });
    drop(connect(&server).expect("new connections are accepted"));
    let made = api.post("/flows/", &json!({"name": "late"}));
    assert_eq!((made.status, made.header("connection")), (201, Some("close")));
    // The socket works until the delay is over, and is then closed with a reason.
    socket.ping(b"still there");
    assert_eq!(socket.receive(), Incoming::Pong(b"still there".to_vec()));
    assert!(matches!(socket.receive(), Incoming::Closed(Some((1012, _)))));
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_request_that_never_ends_is_given_up() {
    let mut server = Server::builder().env("PREFECTURE_DRAIN_TIMEOUT", "1s").start();
    let tenant = Tenant::on(&server);
    let schema = truth::schema_of(&server, &tenant);
    let held = Held::table(server.database(), &format!("{schema}.flow"));
    std::thread::scope(|scope| {
        let body = Some(json!({"name": "never"}).to_string().into_bytes());
        let headers = [("content-type", "application/json")];
        let in_flight = scope.spawn(move || tenant.api().try_request("POST", "/flows/", &headers, body));
        held.until_waiting(1);
        server.sigterm();
        let status = server.wait();
        assert_eq!(status.code(), Some(0), "{status}");
        let answer = in_flight.join().expect("the client does not hang");
        assert!(answer.as_ref().map_or(true, |answer| answer.status == 503), "{answer:?}");
    });
    held.let_go();
    // Nobody was told that it is there, and it is not.
    eventually("the server's transactions have ended", || {
        let sql = format!(
            "select count(*) from pg_stat_activity where datname = '{}' and usename = 'prefecture_serve'",
            server.database().name
        );
        if server.database().sql(&sql) == "0" { Ok(()) } else { Err("not yet") }
    });
    assert_eq!(server.database().sql(&format!("select count(*) from {schema}.flow")), "0");
}

#[test]
fn open_sockets_are_closed_with_a_reason() {
    let mut server = Server::builder().start();
    let tenant = Tenant::on(&server);
    let mut sockets: Vec<(&str, Socket)> = Vec::new();
    for path in ["/events/in", "/events/out", "/logs/out"] {
        let mut socket = tenant.socket(path);
        assert!(
            matches!(socket.authenticate(Some(&tenant.key)), Incoming::Json(said) if said["type"] == "auth_success")
        );
        sockets.push((path, socket));
    }
    server.sigterm();
    for (path, socket) in &mut sockets {
        let said = socket.receive();
        let Incoming::Closed(Some((code, reason))) = &said else { panic!("{path}: {said:?}") };
        assert!(matches!(code, 1001 | 1012), "{path}: {said:?}");
        assert!(!reason.is_empty(), "{path} is closed without a reason");
    }
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_second_start_serves_what_was_there() {
    let mut server = Server::builder().start();
    let tenant = Tenant::on(&server);
    let flow = tenant.api().post("/flows/", &json!({"name": "kept"})).expect(201);
    server.sigterm();
    assert_eq!(server.wait().code(), Some(0));
    let mut nothing = Vec::new();
    assert!(connect(&server).and_then(|mut stream| stream.read_to_end(&mut nothing)).is_err());
    server.start_again();
    tenant.api().get(&format!("/flows/{}", flow["id"].as_str().expect("an id"))).expect(200);
}
