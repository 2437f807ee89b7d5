//! API roles: which actions a verified caller may do.

use whmcs_auth::*;
use whmcs_auth::{ActionName, ActionRefusal, AllowedActions};

const MD5: &str = "5f4dcc3b5aa765d61d8327deb882cf99";

fn credential(actions: Option<AllowedActions>) -> ApiCredential<u64> {
    let secret = StoredSecret::plain("s").unwrap();
    let record = ApiCredential::new(7, "id", secret, AdminState::WithApiAccess);
    match actions {
        Some(actions) => record.with_actions(actions),
        None => record,
    }
}

/// A caller who is verified by these fields.
fn caller(pairs: [(&str, &str); 2], actions: Option<AllowedActions>) -> ApiCaller<u64> {
    let password = StoredPassword::md5(MD5).unwrap();
    let admin = Admin::new(1, "admin", password, AdminState::WithApiAccess);
    let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5);
    let record = credential(actions);
    let attempt = ApiRequest::from_pairs(pairs).attempt().into_owned();
    attempt.decide(Some(&record), Some(&admin), expected, &ApiPolicy::new()).unwrap()
}

fn bearer(actions: AllowedActions) -> ApiCaller<u64> {
    caller([("identifier", "id"), ("secret", "s")], Some(actions))
}

fn admin() -> ApiCaller<u64> {
    caller([("username", "admin"), ("password", MD5)], None)
}

fn name(action: &str) -> ActionName {
    ActionName::try_from(Action::Named(action)).unwrap()
}

#[test]
fn an_action_is_allowed_if_any_role_allows_it() {
    let support = vec!["getclients", "GetTickets"];
    let sales = vec!["getclients", "getproducts"];
    let nothing = vec![];
    for (roles, action, allowed) in [
        (vec![&support], "GetClients", true),
        (vec![&support], "GetTickets", true),
        (vec![&support], "GetProducts", false),
        (vec![&sales], "GetProducts", true),
        (vec![&support, &sales], "GetClients", true),
        (vec![&support, &sales], "GetTickets", true),
        (vec![&support, &sales], "GetProducts", true),
        (vec![&support, &sales], "DeleteClient", false),
        (vec![&sales, &nothing], "GetProducts", true),
        (vec![&sales, &sales], "GetProducts", true),
        (vec![&nothing], "GetClients", false),
        (vec![], "GetClients", false),
    ] {
        let actions = AllowedActions::new(roles.iter().copied().flatten());
        assert_eq!(actions.includes(action), allowed, "{roles:?}, {action}");
        let action = Action::Named(action);
        let verdict = bearer(actions).authorize(action, &ApiPolicy::new());
        assert_eq!(verdict.is_ok(), allowed, "{roles:?}, {action:?}");
    }
}

#[test]
fn names_compare_without_ascii_case_and_otherwise_byte_for_byte() {
    for (listed, asked, allowed) in [
        ("getclients", "GETCLIENTS", true),
        ("GetClients", "getclients", true),
        ("getclients", "getclient", false),
        ("getclients", "getclientss", false),
        ("get_clients", "getclients", false),
        ("get_clients", "GET_CLIENTS", true),
        ("k", "K", true),
        // The Kelvin sign, whose lower case is a `k`.
        ("\u{212a}", "k", false),
        ("k", "\u{212a}", false),
        ("getclients", " getclients", false),
        (" getclients", "getclients", false),
        ("getclients\0", "getclients", false),
        ("", "", false),
        ("*", "getclients", false),
        ("get clients", "get clients", false),
    ] {
        let actions = AllowedActions::new([listed]);
        assert_eq!(actions.includes(asked), allowed, "{listed:?}, {asked:?}");
    }
    let longest = "a".repeat(64);
    assert!(AllowedActions::new([&longest]).includes(&longest));
    let too_long = "a".repeat(65);
    assert!(!AllowedActions::new([&too_long]).includes(&too_long));
    assert!(!AllowedActions::new([&too_long]).includes(&longest));
}

#[test]
fn a_credential_without_actions_may_do_nothing() {
    let pairs = [("identifier", "id"), ("secret", "s")];
    let refused = Err(ActionRefusal::NotAllowed { action: name("getclients") });
    for actions in [None, Some(AllowedActions::default()), Some(AllowedActions::new([""; 0]))] {
        let verdict =
            caller(pairs, actions).authorize(Action::Named("GetClients"), &ApiPolicy::new());
        assert_eq!(verdict, refused);
    }
    assert_eq!(AllowedActions::new([""; 0]), AllowedActions::default());
}

#[test]
fn actions_can_be_set_once_the_caller_is_verified() {
    let refused = Err(ActionRefusal::NotAllowed { action: name("getclients") });
    let asked = Action::Named("GetClients");
    let caller = bearer(AllowedActions::new(["getclients"]));
    let replaced = caller.clone().with_actions(AllowedActions::new(["getproducts"]));
    assert_eq!(replaced.authorize(asked, &ApiPolicy::new()), refused);
    let set = replaced.with_actions(AllowedActions::new(["GetClients"]));
    assert_eq!(set, caller);
    assert_eq!(set.authorize(asked, &ApiPolicy::new()), Ok(name("getclients")));

    let policy = ApiPolicy::new().with_admin_actions(false);
    let admin = admin().with_actions(AllowedActions::all());
    assert_eq!(
        admin.authorize(asked, &policy),
        Err(ActionRefusal::AdminNotAllowed { action: name("getclients") })
    );
}

#[test]
fn the_actions_set_last_are_those_of_the_credential() {
    let secret = StoredSecret::plain("s").unwrap();
    let record = ApiCredential::new(7, "id", secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["getclients"]))
        .with_actions(AllowedActions::new(["getproducts"]));
    let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5);
    let request = ApiRequest::from_pairs([("identifier", "id"), ("secret", "s")]);
    let attempt = request.attempt();
    let caller = attempt.decide(Some(&record), None, expected, &ApiPolicy::new());
    let caller = caller.unwrap();
    let may = |action| caller.authorize(Action::Named(action), &ApiPolicy::new());
    assert!(may("GetProducts").is_ok());
    assert!(may("GetClients").is_err());
}

#[test]
fn all_actions_are_all_well_formed_ones() {
    let caller = bearer(AllowedActions::all());
    for action in ["GetClients", "a", "Custom_Module_2"] {
        let verdict = caller.authorize(Action::Named(action), &ApiPolicy::new());
        assert_eq!(verdict, Ok(name(action)));
        assert!(AllowedActions::all().includes(action));
    }
    for invalid in ["", "a b", "a;b", "ä", &"a".repeat(65)] {
        let verdict = caller.authorize(Action::Named(invalid), &ApiPolicy::new());
        assert_eq!(verdict, Err(ActionRefusal::Invalid), "{invalid:?}");
        assert!(!AllowedActions::all().includes(invalid));
    }
}

#[test]
fn an_admin_may_do_all_unless_the_policy_forbids_it() {
    let action = Action::Named("GetClients");
    assert_eq!(admin().authorize(action, &ApiPolicy::new()), Ok(name("getclients")));
    assert_eq!(admin().authorize(action, &ApiPolicy::default()), Ok(name("getclients")));
    let forbidden = ApiPolicy::new().with_admin_actions(false);
    assert_eq!(
        admin().authorize(action, &forbidden),
        Err(ActionRefusal::AdminNotAllowed { action: name("getclients") })
    );
    // Of a credential the policy says nothing, in either of its modes.
    let actions = || Some(AllowedActions::new(["getclients"]));
    for pairs in [[("identifier", "id"), ("secret", "s")], [("username", "id"), ("password", "s")]]
    {
        let caller = caller(pairs, actions());
        assert!(caller.authorize(action, &forbidden).is_ok());
        let verdict = caller.authorize(Action::Named("getproducts"), &ApiPolicy::new());
        assert!(verdict.is_err());
    }
}

#[test]
fn without_an_action_nobody_is_asked_for_a_role() {
    let forbidden = ApiPolicy::new().with_admin_actions(false);
    for caller in [bearer(AllowedActions::default()), admin()] {
        for (action, refusal) in
            [(Action::Absent, ActionRefusal::Absent), (Action::Invalid, ActionRefusal::Invalid)]
        {
            assert_eq!(caller.authorize(action, &forbidden), Err(refusal));
        }
    }
}

#[test]
fn every_refusal_has_its_code_its_cause_and_its_answer() {
    let action = name("GetClients");
    let not_allowed = "Invalid Permissions: API action \"getclients\" is not allowed";
    for (refusal, code, cause, public, status) in [
        (
            ActionRefusal::Absent,
            "action_missing",
            "the request names no action",
            "Empty action request",
            400,
        ),
        (
            ActionRefusal::Invalid,
            "action_invalid",
            "the action is not 1 to 64 letters, digits and underscores",
            "Empty action request",
            400,
        ),
        (
            ActionRefusal::NotAllowed { action },
            "action_not_allowed",
            "no API role of the credential allows the action",
            not_allowed,
            403,
        ),
        (
            ActionRefusal::AdminNotAllowed { action },
            "admin_action_not_allowed",
            "an admin login has no API roles, and the policy allows it no action",
            not_allowed,
            403,
        ),
    ] {
        assert_eq!(refusal.code(), code);
        assert_eq!(refusal.to_string(), cause);
        assert_eq!(refusal.public_message(), public);
        assert_eq!(refusal.http_status(), status);
    }
}

#[test]
fn a_name_is_kept_in_lower_case() {
    let longest = "Aa_0".repeat(16);
    for (named, lower) in [
        ("GetClients", "getclients"),
        ("a", "a"),
        ("_", "_"),
        ("0", "0"),
        (&longest, &longest.to_lowercase()),
    ] {
        let name = name(named);
        assert_eq!(name.as_str(), lower);
        assert_eq!(name.to_string(), lower);
        assert_eq!(format!("{name:?}"), format!("ActionName({lower:?})"));
        assert_eq!(format!("{name:>70}"), format!("{lower:>70}"));
    }
    assert_eq!(name("GETCLIENTS"), name("getclients"));
    assert_ne!(name("getclients"), name("getclient"));
}
