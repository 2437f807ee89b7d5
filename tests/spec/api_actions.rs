//! API roles: which actions a verified caller may do.

use whmcs_auth::{
    Action, ActionRefusal, AllowedActions, ApiCaller, ApiPolicy, StoredPassword, StoredSecret,
};

use crate::common::{self, PASSWORD_MD5, action_name, decide, login, pair, plain_and_md5};

/// The caller whom these fields verify.
fn caller(
    pairs: [(&str, &str); 2],
    actions: Option<AllowedActions>,
    policy: ApiPolicy,
) -> ApiCaller<u64> {
    let mut credential = common::credential("id", StoredSecret::plain("s").unwrap());
    if let Some(actions) = actions {
        credential = credential.with_actions(actions);
    }
    let admin = common::admin("admin", StoredPassword::md5(PASSWORD_MD5).unwrap());
    decide(pairs, Some(&credential), Some(&admin), plain_and_md5(), &policy).unwrap()
}

fn caller_with(actions: AllowedActions) -> ApiCaller<u64> {
    caller(pair("id", "s"), Some(actions), ApiPolicy::new())
}

fn admin_caller(policy: ApiPolicy) -> ApiCaller<u64> {
    caller(login("admin", PASSWORD_MD5), None, policy)
}

#[test]
fn gate_7_an_action_is_allowed_if_any_role_allows_it() {
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
        let verdict = caller_with(actions).authorize(action);
        assert_eq!(verdict.is_ok(), allowed, "{roles:?}, {action:?}");
    }
}

#[test]
fn gate_7_names_compare_without_ascii_case_and_otherwise_byte_for_byte() {
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
        // White space around a listed name is cut off. White space around a requested name is not.
        (" getproducts\t", "getproducts", true),
        ("\r\n getclients \u{a0}", "getclients", true),
        ("get clients", "getclients", false),
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
fn gate_7_a_credential_without_actions_may_do_nothing() {
    let pairs = pair("id", "s");
    let refused = Err(ActionRefusal::NotAllowed { action: action_name("getclients") });
    for actions in [None, Some(AllowedActions::default()), Some(AllowedActions::new([""; 0]))] {
        let caller = caller(pairs, actions, ApiPolicy::new());
        let verdict = caller.authorize(Action::Named("GetClients"));
        assert_eq!(verdict, refused);
    }
    assert_eq!(AllowedActions::new([""; 0]), AllowedActions::default());
}

#[test]
fn gate_7_the_actions_of_a_verified_caller_can_be_set() {
    let refused = Err(ActionRefusal::NotAllowed { action: action_name("getclients") });
    let asked = Action::Named("GetClients");
    let caller = caller_with(AllowedActions::new(["getclients"]));
    let replaced = caller.clone().with_actions(AllowedActions::new(["getproducts"]));
    assert_eq!(replaced.authorize(asked), refused);
    let set = replaced.with_actions(AllowedActions::new(["GetClients"]));
    assert_eq!(set, caller);
    assert_eq!(set.authorize(asked), Ok(action_name("getclients")));

    // The policy says what admins may do.
    let policy = ApiPolicy::new().with_admin_actions(false);
    let admin = admin_caller(policy).with_actions(AllowedActions::all());
    assert_eq!(
        admin.authorize(asked),
        Err(ActionRefusal::AdminNotAllowed { action: action_name("getclients") })
    );
}

#[test]
fn gate_7_the_last_actions_set_on_a_credential_count() {
    let record = common::credential("id", StoredSecret::plain("s").unwrap())
        .with_actions(AllowedActions::new(["getclients"]))
        .with_actions(AllowedActions::new(["getproducts"]));
    let pairs = pair("id", "s");
    let caller = decide(pairs, Some(&record), None, plain_and_md5(), &ApiPolicy::new()).unwrap();
    let may = |action| caller.authorize(Action::Named(action));
    assert!(may("GetProducts").is_ok());
    assert!(may("GetClients").is_err());
}

#[test]
fn gate_7_all_actions_are_every_well_formed_action() {
    let caller = caller_with(AllowedActions::all());
    for action in ["GetClients", "a", "Custom_Module_2"] {
        let verdict = caller.authorize(Action::Named(action));
        assert_eq!(verdict, Ok(action_name(action)));
        assert!(AllowedActions::all().includes(action));
    }
    for invalid in ["", "a b", "a;b", "ä", &"a".repeat(65)] {
        let verdict = caller.authorize(Action::Named(invalid));
        assert_eq!(verdict, Err(ActionRefusal::Invalid), "{invalid:?}");
        assert!(!AllowedActions::all().includes(invalid));
    }
}

#[test]
fn gate_7_an_admin_may_do_every_action_unless_the_policy_forbids_it() {
    let action = Action::Named("GetClients");
    for policy in [ApiPolicy::new(), ApiPolicy::default()] {
        assert_eq!(admin_caller(policy).authorize(action), Ok(action_name("getclients")));
    }
    let forbidden = ApiPolicy::new().with_admin_actions(false);
    assert_eq!(
        admin_caller(forbidden).authorize(action),
        Err(ActionRefusal::AdminNotAllowed { action: action_name("getclients") })
    );
    // The policy does not touch a credential, in either of its modes.
    let actions = || Some(AllowedActions::new(["getclients"]));
    for pairs in [pair("id", "s"), login("id", "s")] {
        let caller = caller(pairs, actions(), forbidden);
        assert!(caller.authorize(action).is_ok());
        assert!(caller.authorize(Action::Named("getproducts")).is_err());
    }
}

#[test]
fn field_6_a_missing_or_invalid_action_is_refused_before_any_role_is_checked() {
    let forbidden = ApiPolicy::new().with_admin_actions(false);
    for caller in [caller_with(AllowedActions::default()), admin_caller(forbidden)] {
        for (action, refusal) in
            [(Action::Absent, ActionRefusal::Absent), (Action::Invalid, ActionRefusal::Invalid)]
        {
            assert_eq!(caller.authorize(action), Err(refusal));
        }
    }
}

#[test]
fn field_6_an_action_name_is_kept_in_lower_case() {
    let longest = "Aa_0".repeat(16);
    for (named, lower) in [
        ("GetClients", "getclients"),
        ("a", "a"),
        ("_", "_"),
        ("0", "0"),
        (&longest, &longest.to_lowercase()),
    ] {
        let name = action_name(named);
        assert_eq!(name.as_str(), lower);
        assert_eq!(name.to_string(), lower);
        assert_eq!(format!("{name:?}"), format!("ActionName({lower:?})"));
        assert_eq!(format!("{name:>70}"), format!("{lower:>70}"));
    }
    assert_eq!(action_name("GETCLIENTS"), action_name("getclients"));
    assert_ne!(action_name("getclients"), action_name("getclient"));
}
