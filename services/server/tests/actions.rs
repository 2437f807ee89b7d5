//! The actions: their parameters, and what they refuse.

mod support;

use serde_json::{Value, json};
use support::{ADMIN, LOGIN, PAIR, Server};

async fn get_clients(server: &Server, parameters: &str) -> Value {
    let ask = format!("action=GetClients&{PAIR}&{parameters}");
    let (status, answer) = server.json(&ask).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn ids(answer: &Value, list: &str, item: &str, id: &str) -> Vec<i64> {
    let items = answer[list][item].as_array().unwrap();
    items.iter().map(|item| item[id].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn get_clients_answers_a_page_and_the_total() {
    let server = Server::start().await;
    for (parameters, start, expected) in [
        ("", 0, (1..=25).collect::<Vec<_>>()),
        ("limitstart=25", 25, (26..=30).collect()),
        ("limitstart=28&limitnum=25", 28, vec![29, 30]),
        ("limitstart=0&limitnum=2", 0, vec![1, 2]),
        ("limitnum=4294967295", 0, (1..=30).collect()),
        // As in PHP, the last value counts.
        ("limitnum=1&limitnum=2", 0, vec![1, 2]),
        ("limitnum=0", 0, vec![]),
        ("limitstart=30", 30, vec![]),
        ("limitstart=4294967295", u32::MAX, vec![]),
        ("limitstart=&limitnum=&search=", 0, (1..=25).collect()),
    ] {
        let answer = get_clients(&server, parameters).await;
        assert_eq!(ids(&answer, "clients", "client", "id"), expected, "{parameters}");
        assert_eq!(answer["totalresults"], 30, "{parameters}");
        assert_eq!(answer["startnumber"], start, "{parameters}");
        assert_eq!(answer["numreturned"], expected.len(), "{parameters}");
    }
    let answer = get_clients(&server, "limitnum=1").await;
    assert_eq!(
        answer["clients"]["client"][0],
        json!({
            "id": 1,
            "firstname": "Demo",
            "lastname": "Client",
            "companyname": "Example Ltd",
            "email": "demo@whmcs.com",
            "datecreated": "2010-11-18",
            "groupid": 0,
            "status": "Active",
        })
    );
}

#[tokio::test]
async fn parameters_are_read_as_php_reads_them() {
    let server = Server::start().await;
    for (parameters, expected) in [
        ("limitstart=29&search=", vec![30]),
        ("%20limitstart=29", vec![30]),
        ("limitstart%00x=29", vec![30]),
        // An array is no text.
        ("search[]=demo&limitnum=2", vec![1, 2]),
        ("search=demo&search[]=x&limitnum=2", vec![1, 2]),
        ("search[]=x&search=demo", vec![1]),
        // Bytes that are not UTF-8 match nothing.
        ("search=demo%FF", vec![]),
        ("status=%FF", vec![]),
    ] {
        let answer = get_clients(&server, parameters).await;
        assert_eq!(ids(&answer, "clients", "client", "id"), expected, "{parameters}");
    }
    let ask = format!("action=CreateSsoToken&{PAIR}&client.id=1");
    assert_eq!(server.json(&ask).await.0, 200);
}

#[tokio::test]
async fn an_answer_has_at_most_10_000_clients() {
    let server = Server::start().await;
    server
        .sql(
            "WITH RECURSIVE more(id) AS (SELECT 31 UNION ALL SELECT id + 1 FROM more WHERE id < 10001)
             INSERT INTO tblclients (id, firstname, lastname, email, datecreated)
                 SELECT id, '', '', '', '' FROM more",
        )
        .await;
    let answer = get_clients(&server, "limitnum=20000").await;
    assert_eq!(answer["totalresults"], 10_001);
    assert_eq!(answer["numreturned"], 10_000);
    let answer = get_clients(&server, "limitnum=20000&limitstart=10000").await;
    assert_eq!(answer["numreturned"], 1);
}

#[tokio::test]
async fn get_clients_filters_and_sorts() {
    let server = Server::start().await;
    for (parameters, expected) in [
        ("status=Closed", vec![4]),
        ("status=Inactive&search=j", vec![3]),
        ("status=Active&search=j", vec![]),
        ("status=Nonsense", vec![]),
        ("orderby=id&sorting=DESC&limitnum=3", vec![30, 29, 28]),
        ("orderby=firstname&limitnum=3", vec![2, 4, 6]),
        ("orderby=email&sorting=asc&limitnum=3", vec![2, 10, 11]),
        ("orderby=groupid&sorting=desc&limitnum=2", vec![2, 1]),
        ("orderby=datecreated&limitnum=2", vec![1, 2]),
    ] {
        let answer = get_clients(&server, parameters).await;
        assert_eq!(ids(&answer, "clients", "client", "id"), expected, "{parameters}");
    }
}

#[tokio::test]
async fn search_matches_the_start_of_five_columns() {
    let server = Server::start().await;
    server
        .sql("INSERT INTO tblclients VALUES (31, '50%', 'a_b', '!x', 'z@example.com', '2020-01-01', 0, 'Active', 1)")
        .await;
    for (search, expected) in [
        ("demo@whmcs.com", vec![1]),
        ("DEMO@", vec![1]),
        ("whmcs.com", vec![]),
        ("a%2Bb%40example.com", vec![2]),
        ("ada", vec![2]),
        ("Plus", vec![2]),
        ("Ada+Plus", vec![2]),
        ("Ada++Plus", vec![]),
        ("J%C3%BCrgen+Gro%C3%9F", vec![3]),
        ("Gro%C3%9F+%26", vec![3]),
        ("client", (1..=1).chain(6..=30).collect()),
        ("client1", (10..=19).collect()),
        // Wildcards match only themselves.
        ("%25", vec![]),
        ("_da", vec![]),
        ("50%25", vec![31]),
        ("a_b", vec![31]),
        ("!", vec![31]),
        ("'+OR+1%3D1+--", vec![]),
    ] {
        let answer = get_clients(&server, &format!("limitnum=50&search={search}")).await;
        assert_eq!(ids(&answer, "clients", "client", "id"), expected, "{search}");
        assert_eq!(answer["totalresults"], expected.len(), "{search}");
    }
}

/// One row that cannot be read does not hide the others.
#[tokio::test]
async fn an_unreadable_row_is_left_out() {
    for change in [
        "CREATE TABLE bare AS SELECT * FROM tblclients;
         UPDATE bare SET email = NULL WHERE id = 2;
         DROP TABLE tblclients;
         ALTER TABLE bare RENAME TO tblclients",
        "UPDATE tblclients SET lastname = x'ff' WHERE id = 2",
        "UPDATE tblclients SET companyname = CAST(x'ff' AS TEXT) WHERE id = 2",
    ] {
        let server = Server::start().await;
        server.sql(change).await;
        let answer = get_clients(&server, "limitnum=3").await;
        assert_eq!(ids(&answer, "clients", "client", "id"), [1, 3], "{change}");
        assert_eq!((&answer["totalresults"], &answer["numreturned"]), (&json!(30), &json!(2)));
        // The client who is asked for is not absent.
        let ask = format!("action=GetClientsDetails&{PAIR}&clientid=2");
        assert_eq!(server.json(&ask).await.0, 503, "{change}");
    }
    let server = Server::start().await;
    server.sql("UPDATE tblproducts SET name = x'ff' WHERE id = 1").await;
    let (status, answer) = server.json(&format!("action=GetProducts&{PAIR}")).await;
    assert_eq!(status, 200);
    assert_eq!(ids(&answer, "products", "product", "pid"), [2, 3]);
}

#[tokio::test]
async fn get_products_answers_all_or_those_that_match() {
    let server = Server::start().await;
    for (parameters, expected) in [
        ("", vec![1, 2, 3]),
        ("pid=", vec![1, 2, 3]),
        ("pid=2", vec![2]),
        ("pid=3,1", vec![1, 3]),
        ("pid=3,+1,1", vec![1, 3]),
        ("pid=9", vec![]),
        ("gid=1", vec![1, 2]),
        ("gid=1&pid=2,3", vec![2]),
        ("module=cpanel", vec![1, 2]),
        ("module=plesk", vec![]),
        ("limitnum=2", vec![1, 2]),
        ("limitstart=1&limitnum=1", vec![2]),
        ("limitstart=3", vec![]),
    ] {
        let ask = format!("action=getproducts&{PAIR}&{parameters}");
        let (status, answer) = server.json(&ask).await;
        assert_eq!(status, 200, "{parameters}");
        assert_eq!(ids(&answer, "products", "product", "pid"), expected, "{parameters}");
        assert_eq!(answer["numreturned"], expected.len(), "{parameters}");
        if !parameters.contains("limit") {
            assert_eq!(answer["totalresults"], expected.len(), "{parameters}");
        }
    }
    let ask = format!("action=getproducts&{PAIR}&limitstart=2&limitnum=5");
    let (_, answer) = server.json(&ask).await;
    assert_eq!((&answer["totalresults"], &answer["startnumber"]), (&3.into(), &2.into()));
}

#[tokio::test]
async fn invalid_parameters_are_refused() {
    let server = Server::start().await;
    for parameters in [
        "action=GetClients&limitstart=-1",
        "action=GetClients&limitstart=x",
        "action=GetClients&limitnum=1.5",
        "action=GetClients&limitnum=4294967296",
        "action=GetProducts&pid=1,",
        "action=GetProducts&pid=1;2",
        "action=GetProducts&pid=1)+OR+(1",
        "action=GetProducts&gid=x",
        "action=GetClients&orderby=password",
        "action=GetClients&orderby=id;",
        "action=GetClients&sorting=up",
        "action=GetClients&search=%00",
        "action=GetClients&search=a%0Ab",
    ] {
        let (status, answer) = server.json(&format!("{parameters}&{PAIR}")).await;
        let refused = json!({"result": "error", "message": "Invalid Parameter"});
        assert_eq!((status, answer), (200, refused), "{parameters}");
    }
    assert_eq!(server.count("api", "parameter_invalid").await, 13);
    let list = |count| (1..=count).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    for (count, expected) in [(1000, "success"), (1001, "error")] {
        let ask = format!("action=GetProducts&{PAIR}&pid={}", list(count));
        assert_eq!(server.json(&ask).await.1["result"], expected);
    }
}

#[tokio::test]
async fn texts_cannot_add_a_field_to_an_answer() {
    let server = Server::start().await;
    server
        .sql(
            "DELETE FROM tblproducts WHERE id > 1;
             UPDATE tblproducts SET name = '\";result=x' || char(10) || '</name>&', description = char(1)",
        )
        .await;
    let ask = format!("action=getproducts&{PAIR}");
    let (_, answer) = server.json(&ask).await;
    assert_eq!(answer["products"]["product"][0]["name"], "\";result=x\n</name>&");
    assert_eq!(answer["products"]["product"][0]["description"], "\u{1}");
    let (_, nvp) = server.call(&ask).await;
    let expected =
        ";products[product][0][name]=\" result=x </name>&;products[product][0][description]= ;";
    assert!(nvp.contains(expected), "{nvp}");
    let (_, xml) = server.call(&format!("{ask}&responsetype=xml")).await;
    let expected =
        "<name>&quot;;result=x\n&lt;/name&gt;&amp;</name>\n<description>\u{fffd}</description>";
    assert!(xml.contains(expected), "{xml}");
}

/// Causes that an integrator can tell apart, with status 200 or, by option, with a status of their own.
#[tokio::test]
async fn create_sso_token_says_what_it_refuses() {
    let server = Server::start().await;
    let strict = Server::with(|settings| settings.action_error_statuses = true).await;
    for server in [&server, &strict] {
        server
            .sql(
                "UPDATE tblclients SET allow_sso = 0 WHERE id = 7;
                 UPDATE tblclients SET status = 'Fraud' WHERE id = 8;
                 UPDATE tblclients SET status = '' WHERE id = 9",
            )
            .await;
    }
    let missing = ("Client ID or User ID Required", "client_missing", 400);
    let unknown = ("Client ID Not Found", "client_not_found", 404);
    let no_user = ("User ID Not Found", "user_not_found", 404);
    let closed = ("Client Account Closed", "client_closed", 403);
    let no_sso =
        ("Token could not be provisioned: Single Sign-On Not Allowed", "sso_not_allowed", 403);
    let destination = ("Invalid destination", "destination_unknown", 400);
    let parameter = ("Invalid Parameter", "parameter_invalid", 400);
    let path = ("Invalid Redirect Path", "path_refused", 400);
    let custom = "client_id=1&destination=sso:custom_redirect&sso_redirect_path=";
    for (parameters, (message, code, status)) in [
        ("", missing),
        ("client_id=&user_id=", missing),
        ("client_id=x", unknown),
        ("client_id=99", unknown),
        ("client_id=4", closed),
        ("user_id=104", closed),
        ("client_id=4&user_id=104", closed),
        ("client_id=7", no_sso),
        ("client_id=8", closed),
        ("client_id=9", closed),
        ("user_id=99", no_user),
        ("user_id=x", no_user),
        // The user exists, and does not belong to the client.
        ("client_id=1&user_id=102", no_user),
        ("client_id=99&user_id=101", unknown),
        ("client_id=1&destination=clientarea:x", destination),
        ("client_id=1&destination=services", destination),
        ("client_id=1&destination=clientarea:product_details", parameter),
        ("client_id=1&destination=clientarea:product_details&service_id=x", parameter),
        ("client_id=1&destination=clientarea:product_details&domain_id=1", parameter),
        ("client_id=1&destination=clientarea:domain_details&service_id=1", parameter),
        ("client_id=1&destination=clientarea:domain_details&domain_id=-1", parameter),
        (&format!("{custom}https://evil.example"), path),
        (&format!("{custom}//evil.example"), path),
        (&format!("{custom}../x"), path),
        (&format!("{custom}logout.php"), path),
        (&format!("{custom}/DoLogin.php?x"), path),
    ] {
        let ask = format!("action=CreateSsoToken&{PAIR}&{parameters}");
        let refused = json!({"result": "error", "message": message});
        for (server, status) in [(&server, 200), (&strict, status)] {
            let before = server.count("api", code).await;
            assert_eq!(server.json(&ask).await, (status, refused.clone()), "{parameters}");
            assert_eq!(server.count("api", code).await, before + 1, "{parameters}");
        }
    }
    assert_eq!(
        server
            .ask("/metrics")
            .await
            .text()
            .await
            .unwrap()
            .lines()
            .find(|line| { line.starts_with("whmcs_auth_kept{kind=\"sso_token\"}") }),
        Some("whmcs_auth_kept{kind=\"sso_token\"} 0"),
        "no token was made"
    );
    // No refusal of the service gets status 200.
    for (ask, status) in [
        (format!("action=CreateSsoToken&client_id=1&{LOGIN}x"), 403),
        (format!("action=AddClient&{PAIR}"), 403),
        (format!("action=AddClient&{ADMIN}"), 404),
        (PAIR.to_owned(), 400),
    ] {
        assert_eq!(server.json(&ask).await.0, status, "{ask}");
    }
    server.sql("DROP TABLE tblusers_clients").await;
    let ask = format!("action=CreateSsoToken&{PAIR}&user_id=101");
    assert_eq!(server.json(&ask).await.0, 503);
    let ask = format!("action=CreateSsoToken&{PAIR}&client_id=1");
    assert_eq!(server.json(&ask).await.0, 200, "databases before WHMCS 8.0 have no such table");
}

#[tokio::test]
async fn get_clients_details_finds_a_client_by_id_or_email() {
    let server = Server::start().await;
    let details = async |parameters: &str| {
        let ask = format!("action=GetClientsDetails&{PAIR}&{parameters}");
        let (status, answer) = server.json(&ask).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let client = json!({
        "userid": 1,
        "id": 1,
        "firstname": "Demo",
        "lastname": "Client",
        "fullname": "Demo Client",
        "companyname": "Example Ltd",
        "email": "demo@whmcs.com",
        "datecreated": "2010-11-18",
        "groupid": 0,
        "allowSingleSignOn": 1,
        "status": "Active",
    });
    let mut expected = client.clone();
    expected["result"] = "success".into();
    expected["client"] = client;
    for parameters in [
        "clientid=1",
        "email=demo@whmcs.com",
        "email=DEMO@whmcs.com&stats=1",
        "clientid=1&email=a%2Bb@example.com",
    ] {
        assert_eq!(details(parameters).await, expected, "{parameters}");
    }
    assert_eq!(details("clientid=4").await["status"], "Closed");
    let refused = json!({"result": "error", "message": "Client Not Found"});
    for (parameters, code) in [
        ("", "client_missing"),
        ("clientid=99", "client_not_found"),
        ("clientid=x", "client_not_found"),
        ("clientid=99&email=demo@whmcs.com", "client_not_found"),
        ("email=nobody@example.com", "client_not_found"),
        ("email=%25", "client_not_found"),
    ] {
        let before = server.count("api", code).await;
        assert_eq!(details(parameters).await, refused, "{parameters}");
        assert_eq!(server.count("api", code).await, before + 1, "{parameters}");
    }
    server.sql("UPDATE tblclients SET allow_sso = 0 WHERE id = 2").await;
    assert_eq!(details("clientid=2").await["allowSingleSignOn"], 0);
    // A collation that ignores trailing spaces finds another e-mail first.
    server.fold_emails(9, "client20@example.com  ").await;
    assert_eq!(details("email=client20@example.com").await["id"], 20);
    let (_, xml) =
        server.call(&format!("action=GetClientsDetails&{PAIR}&clientid=3&responsetype=xml")).await;
    assert!(xml.contains("<client>\n<userid>3</userid>"), "{xml}");
    let (_, nvp) = server.call(&format!("action=GetClientsDetails&{PAIR}&clientid=3")).await;
    assert!(nvp.contains(";client[email]=juergen@example.com"), "{nvp}");
}
