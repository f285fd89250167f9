//! The control plane on a real database: who gets in where, and what the changes do.

use std::time::Duration;

use domain::access::{AccountRole, Permission, ScopeName, WorkspaceRole};
use domain::{AccountId, ActorId, WorkspaceId};
use wire::{Patch, Time};

use super::*;
use crate::pool::FromRow;
use crate::sql::Columns;
use crate::testing::Installation;
use crate::{Lane, Scope};

/// That a query selects the columns of the row it is read into, in their order.
pub(super) fn reads<T: Columns + FromRow>(sql: &str) {
    let squeezed = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(squeezed.contains(&format!("select {} from", T::COLUMNS)), "{squeezed}\nlacks\n{}", T::COLUMNS);
}

/// An account with an owner and one workspace.
struct Tenant {
    account: AccountId,
    owner: User,
    key: String,
    workspace: WorkspaceId,
}

async fn tenant(control: &Control, handle: &str) -> Tenant {
    let account = control.create_account(By::Shell, &NewAccount { handle, name: handle }).await.unwrap().id;
    let (owner, key) = user(control, account, &format!("{handle}-owner"), AccountRole::Owner).await;
    let new = NewWorkspace { handle: "main", name: "Main", description: "", placement: "default" };
    let workspace = control.create_workspace(By::Actor(owner.actor), account, &new).await.unwrap().id;
    Tenant { account, owner, key, workspace }
}

async fn user(control: &Control, account: AccountId, handle: &str, role: AccountRole) -> (User, String) {
    let new = NewUser { handle, first_name: "", last_name: "", email: None };
    let user = control.create_user(By::Shell, &new).await.unwrap();
    assert!(control.add_member(By::Shell, account, user.id, role.id()).await.unwrap());
    let key = key(control, user.actor, None).await;
    (user, key)
}

async fn key(control: &Control, actor: ActorId, expiration: Option<Time>) -> String {
    let issued = control.create_key(By::Shell, actor, &NewKey { name: "k", expiration }).await.unwrap();
    issued.expect("the actor exists").key.secret().to_owned()
}

async fn membership(control: &Control, key: &str, t: &Tenant) -> Option<Membership> {
    match control.enter(key, t.account, t.workspace).await.unwrap() {
        Entry::Member(membership) => Some(membership),
        Entry::NoWorkspace => None,
        Entry::BadKey => panic!("the key is good"),
    }
}

#[tokio::test]
async fn a_transaction_that_stands_still_is_ended() {
    let Installation { control, .. } = Installation::create().await;
    let (mut client, other) = (control.0.db.client().await.unwrap(), control.0.db.client().await.unwrap());
    let standing = client.begin().await.unwrap();
    standing.run("lock table control.account", &[]).await.unwrap();
    // Waits for the lock, which nobody gives back.
    other.note("select from control.account", &[]).await.unwrap();
    assert!(standing.commit().await.is_err());
}

#[tokio::test]
async fn a_key_opens_its_workspace_and_no_other() {
    let Installation { control, .. } = Installation::create().await;
    let (a, b) = (tenant(&control, "a").await, tenant(&control, "b").await);
    assert!(control.ping().await.is_ok());

    let member = membership(&control, &a.key, &a).await.expect("the owner is in");
    assert_eq!((member.account(), member.workspace()), (a.account, a.workspace));
    assert_eq!(member.principal().actor, a.owner.actor);
    assert_eq!(member.principal().kind, PrincipalKind::User(a.owner.id));
    let permitted = member.permit(ScopeName::ManageFlows).expect("an owner may do everything");
    assert_eq!((permitted.workspace(), permitted.actor()), (a.workspace, a.owner.actor));
    assert!(matches!(control.enter_workspace(&a.key, a.workspace).await.unwrap(), Entry::Member(_)));

    // Another's, one that is not there, another's under one's own account, one's own under another's account.
    let nowhere = WorkspaceId::new(Time::of_machine());
    for (account, workspace) in
        [(b.account, b.workspace), (a.account, nowhere), (a.account, b.workspace), (b.account, a.workspace)]
    {
        assert!(matches!(control.enter(&a.key, account, workspace).await.unwrap(), Entry::NoWorkspace));
    }
    assert!(matches!(control.enter_workspace(&a.key, b.workspace).await.unwrap(), Entry::NoWorkspace));
    assert!(matches!(control.enter_account(&a.key, b.account).await.unwrap(), AccountEntry::NoAccount));
    let AccountEntry::Member(member) = control.enter_account(&a.key, a.account).await.unwrap() else { panic!() };
    assert!(member.may(Permission::CreateWorkspace) && member.account() == a.account);

    assert!(control.my_scopes(a.owner.actor, b.workspace).await.unwrap().is_none());
    assert!(control.my_scopes(a.owner.actor, a.workspace).await.unwrap().is_some());
    assert_eq!(control.find_workspace("a/main").await.unwrap(), Some((a.account, a.workspace)));
    assert_eq!(control.find_workspace("a/other").await.unwrap(), None);
    assert_eq!(control.find_workspace("amain").await.unwrap(), None);
}

#[tokio::test]
async fn unknown_revoked_and_expired_keys_are_bad() {
    let Installation { control, .. } = Installation::create().await;
    let a = tenant(&control, "a").await;
    let actor = a.owner.actor;
    let unknown = ApiKey::generate(KeyKind::User).secret().to_owned();
    let expired = key(&control, actor, Some(Time::of_machine().plus_seconds(-1.0))).await;
    let later = key(&control, actor, Some(Time::of_machine().plus_seconds(3600.0))).await;
    let revoked = control.create_key(By::Shell, actor, &NewKey { name: "r", expiration: None }).await.unwrap().unwrap();
    assert!(control.authenticate(revoked.key.secret()).await.unwrap().is_some());
    assert!(control.revoke_key(By::Shell, actor, revoked.info.id).await.unwrap());
    assert!(!control.revoke_key(By::Shell, actor, revoked.info.id).await.unwrap());

    for bad in ["", "nonsense", &unknown, &expired, revoked.key.secret()] {
        assert!(control.authenticate(bad).await.unwrap().is_none(), "{bad}");
        assert!(matches!(control.enter(bad, a.account, a.workspace).await.unwrap(), Entry::BadKey));
        assert!(matches!(control.enter_account(bad, a.account).await.unwrap(), AccountEntry::BadKey));
    }
    let principal = control.authenticate(&later).await.unwrap().expect("still good");
    assert!(principal.expiration.is_some());
    // Listed are those that work: the first and the one that ends later.
    let listed = control.list_keys(actor, None).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|info| info.mask.starts_with("pnu_****") && info.mask.len() == 12));
}

#[tokio::test]
async fn a_role_gives_its_scopes_and_losing_it_takes_them() {
    let Installation { control, .. } = Installation::create().await;
    let a = tenant(&control, "a").await;
    let (viewer, viewer_key) = user(&control, a.account, "viewer", AccountRole::Member).await;
    assert!(membership(&control, &viewer_key, &a).await.is_none(), "a member of the account without a role here");
    assert!(control.my_workspaces(viewer.actor).await.unwrap().is_empty());

    let grantee = Grantee::User(viewer.id);
    let role = WorkspaceRole::Viewer.id();
    let granted =
        control.grant_access(By::Shell, a.account, a.workspace, &[(grantee, role)]).await.unwrap().unwrap().remove(0);
    assert_eq!((granted.user, granted.role, granted.role_name.as_str()), (Some(viewer.id), role, "Viewer"));
    let member = membership(&control, &viewer_key, &a).await.expect("has a role now");
    assert_eq!(member.scopes(), WorkspaceRole::Viewer.scopes());
    assert_eq!(control.my_scopes(viewer.actor, a.workspace).await.unwrap(), Some(member.scopes()));
    assert!(member.permit(ScopeName::SeeFlows).is_some() && member.permit(ScopeName::RunFlows).is_none());
    assert_eq!(control.my_workspaces(viewer.actor).await.unwrap().len(), 1);

    // Granting again replaces.
    let role = WorkspaceRole::Developer.id();
    let again =
        control.grant_access(By::Shell, a.account, a.workspace, &[(grantee, role)]).await.unwrap().unwrap().remove(0);
    assert_eq!(again.id, granted.id);
    let member = membership(&control, &viewer_key, &a).await.unwrap();
    assert!(
        member.permit(ScopeName::ManageFlows).is_some() && member.permit(ScopeName::ManageWorkspaceUsers).is_none()
    );
    let names: Vec<String> = control.who_can_reach(a.workspace).await.unwrap().into_iter().map(|r| r.name).collect();
    assert_eq!(names, ["a-owner", "viewer"]);

    assert!(control.read_access(a.workspace, ReachKind::Bot, again.id).await.unwrap().is_none());
    assert!(control.revoke_access(By::Shell, a.workspace, ReachKind::User, again.id).await.unwrap());
    assert!(membership(&control, &viewer_key, &a).await.is_none());

    // A default role is for every member; one who left the account has nothing.
    let patch =
        WorkspacePatch { default_role: Patch::Set(Some(WorkspaceRole::Runner.id())), ..WorkspacePatch::default() };
    assert!(control.update_workspace(By::Shell, a.account, a.workspace, &patch).await.unwrap());
    assert_eq!(membership(&control, &viewer_key, &a).await.unwrap().scopes(), WorkspaceRole::Runner.scopes());
    assert!(control.remove_member(By::Shell, a.account, viewer.actor).await.unwrap());
    assert!(membership(&control, &viewer_key, &a).await.is_none());
}

#[tokio::test]
async fn an_accounts_own_role_inherits_and_stays_at_home() {
    let Installation { control, .. } = Installation::create().await;
    let (a, b) = (tenant(&control, "a").await, tenant(&control, "b").await);
    let new = NewRole {
        name: "Auditor",
        description: "",
        scopes: domain::access::Scopes::of(&[ScopeName::ManageVariables]),
        inherits: Some(WorkspaceRole::Viewer.id()),
    };
    let role = control.create_workspace_role(By::Shell, a.account, &new).await.unwrap();
    assert!(matches!(control.create_workspace_role(By::Shell, a.account, &new).await, Err(Error::Conflict(_))));
    let (auditor, auditor_key) = user(&control, a.account, "auditor", AccountRole::Member).await;
    let grantee = Grantee::User(auditor.id);
    control.grant_access(By::Shell, a.account, a.workspace, &[(grantee, role.id)]).await.unwrap().unwrap();
    let scopes = membership(&control, &auditor_key, &a).await.unwrap().scopes();
    assert!(scopes.covers(WorkspaceRole::Viewer.scopes()) && scopes.contains(ScopeName::WriteVariables));

    // Not to be seen, granted, changed or deleted elsewhere; neither is a stranger given a role.
    assert!(control.read_workspace_role(b.account, role.id).await.unwrap().is_none());
    let (other, _) = user(&control, b.account, "other", AccountRole::Member).await;
    let foreign = control.grant_access(By::Shell, b.account, b.workspace, &[(Grantee::User(other.id), role.id)]).await;
    assert!(matches!(foreign, Err(Error::Conflict(_))));
    let viewer = WorkspaceRole::Viewer.id();
    assert!(control.grant_access(By::Shell, b.account, b.workspace, &[(grantee, viewer)]).await.unwrap().is_none());
    assert!(
        control
            .grant_access(By::Shell, b.account, a.workspace, &[(Grantee::User(other.id), viewer)])
            .await
            .unwrap()
            .is_none()
    );
    assert!(!control.delete_workspace_role(By::Shell, b.account, role.id).await.unwrap());
    assert!(!control.delete_workspace_role(By::Shell, a.account, viewer).await.unwrap());
    assert!(matches!(control.delete_workspace_role(By::Shell, a.account, role.id).await, Err(Error::Conflict(_))));
    assert_eq!(control.list_workspace_roles(a.account, None, 200, 0).await.unwrap().len(), 6);
    assert_eq!(control.list_workspace_roles(b.account, None, 200, 0).await.unwrap().len(), 5);
    let fewer = RolePatch { scopes: Some(domain::access::Scopes::NONE), ..RolePatch::default() };
    assert!(control.update_workspace_role(By::Shell, a.account, role.id, &fewer).await.unwrap());
    assert_eq!(membership(&control, &auditor_key, &a).await.unwrap().scopes(), WorkspaceRole::Viewer.scopes());
}

/// A member with an account role of these permissions. Nothing makes such roles yet, so the rows are written here.
async fn member_with(
    installation: &Installation,
    t: &Tenant,
    handle: &str,
    permissions: &[Permission],
) -> (User, String) {
    let (client, connection) =
        tokio_postgres::connect(&installation.database.superuser, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let role = uuid::Uuid::now_v7();
    let names: Vec<&str> = permissions.iter().map(|permission| permission.as_str()).collect();
    let sql = "insert into control.account_role (id, account_id, name, permissions) values ($1, $2, $3, $4)";
    client.execute(sql, &[&role, &t.account.0, &handle, &names]).await.unwrap();
    let (user, key) = user(&installation.control, t.account, handle, AccountRole::Member).await;
    let member = installation.control.member_by_actor(t.account, user.actor).await.unwrap().unwrap();
    assert!(installation.control.set_member_role(By::Shell, t.account, member.id, domain::RoleId(role)).await.unwrap());
    (user, key)
}

#[track_caller]
fn forbidden<T: std::fmt::Debug>(answer: Result<T>) {
    assert!(matches!(answer, Err(Error::Forbidden(_))), "{answer:?}");
}

#[tokio::test]
async fn a_role_of_workspaces_gives_what_its_maker_holds_in_each_of_them() {
    use domain::access::Scopes;
    let installation = Installation::create().await;
    let control = &installation.control;
    let a = tenant(control, "a").await;
    let (maker, key) = member_with(&installation, &a, "maker", &[Permission::UpdateWorkspaceRole]).await;
    let by = By::Actor(maker.actor);
    let role = |name, scope| NewRole { name, description: "", scopes: Scopes::of(&[scope]), inherits: None };
    let (weak, strong) = (role("weak", ScopeName::SeeFlows), role("strong", ScopeName::ManageFlows));
    forbidden(control.create_workspace_role(by, a.account, &weak).await);

    let held = control.create_workspace_role(By::Shell, a.account, &weak).await.unwrap();
    let grant = [(Grantee::User(maker.id), held.id)];
    control.grant_access(By::Shell, a.account, a.workspace, &grant).await.unwrap().unwrap();
    let own = NewRole { name: "own", ..weak.clone() };
    let made = control.create_workspace_role(by, a.account, &own).await.unwrap();
    forbidden(control.create_workspace_role(by, a.account, &strong).await);
    let inherits = NewRole { name: "heir", inherits: Some(WorkspaceRole::Owner.id()), ..weak.clone() };
    forbidden(control.create_workspace_role(by, a.account, &inherits).await);

    // The role in one's own hands is no way to more, by its scopes or by what it inherits.
    let more = RolePatch { scopes: Some(Scopes::all()), ..RolePatch::default() };
    let heir = RolePatch { inherits: Some(WorkspaceRole::Owner.id()), ..RolePatch::default() };
    for patch in [&more, &heir] {
        forbidden(control.update_workspace_role(by, a.account, held.id, patch).await);
    }
    assert_eq!(membership(control, &key, &a).await.unwrap().scopes(), Scopes::of(&[ScopeName::SeeFlows]));
    // Neither is a stronger one weakened.
    let stronger = control.create_workspace_role(By::Shell, a.account, &strong).await.unwrap();
    let less = RolePatch { scopes: Some(Scopes::NONE), ..RolePatch::default() };
    forbidden(control.update_workspace_role(by, a.account, stronger.id, &less).await);
    assert!(control.update_workspace_role(by, a.account, made.id, &less).await.unwrap());

    // In a second workspace they hold nothing, and a role would reach there too.
    let new = NewWorkspace { handle: "second", name: "Second", description: "", placement: "default" };
    control.create_workspace(By::Actor(a.owner.actor), a.account, &new).await.unwrap();
    forbidden(control.create_workspace_role(by, a.account, &NewRole { name: "later", ..weak.clone() }).await);
    // An owner of the account holds everything everywhere.
    let by = By::Actor(a.owner.actor);
    assert!(control.update_workspace_role(by, a.account, held.id, &more).await.unwrap());
}

#[tokio::test]
async fn keys_are_touched_by_who_holds_what_they_open() {
    let installation = Installation::create().await;
    let control = &installation.control;
    let a = tenant(control, "a").await;
    let permissions: Vec<Permission> =
        AccountRole::Member.permissions().iter().chain([Permission::UpdateBot, Permission::CreateBot]).collect();
    let (keeper, _) = member_with(&installation, &a, "keeper", &permissions).await;
    let by = By::Actor(keeper.actor);
    let new = NewBot { name: "ci", role: None, key_expiration: None };
    let (bot, first) = control.create_bot(by, a.account, &new).await.unwrap();
    let rotation = Rotation { expiration: None, overlap: Duration::from_secs(3600) };
    assert!(control.rotate_bot_key(by, a.account, bot.id, rotation).await.unwrap().is_some());

    // A weak role in the account, but a workspace that the keeper cannot even enter.
    let viewer = WorkspaceRole::Viewer.id();
    let grant = |to, role| [(to, role)];
    let to_bot = grant(Grantee::Bot(bot.id), WorkspaceRole::Developer.id());
    control.grant_access(By::Shell, a.account, a.workspace, &to_bot).await.unwrap().unwrap();
    let to_keeper = grant(Grantee::User(keeper.id), viewer);
    control.grant_access(By::Shell, a.account, a.workspace, &to_keeper).await.unwrap().unwrap();
    forbidden(control.rotate_bot_key(by, a.account, bot.id, rotation).await);
    forbidden(control.revoke_bot_key(by, a.account, bot.id, first.info.id).await);
    assert!(control.authenticate(first.key.secret()).await.unwrap().is_some());

    // As strong as the service account, they may.
    let to_keeper = grant(Grantee::User(keeper.id), WorkspaceRole::Developer.id());
    control.grant_access(By::Shell, a.account, a.workspace, &to_keeper).await.unwrap().unwrap();
    assert!(control.rotate_bot_key(by, a.account, bot.id, rotation).await.unwrap().is_some());
    assert!(control.revoke_bot_key(by, a.account, bot.id, first.info.id).await.unwrap());
    assert!(!control.revoke_bot_key(by, a.account, bot.id, first.info.id).await.unwrap());

    // A stranger to the account gives nothing in it.
    let b = tenant(control, "b").await;
    forbidden(control.create_bot(By::Actor(b.owner.actor), a.account, &NewBot { name: "x", ..new }).await);
    let joins = control.add_member(By::Actor(keeper.actor), a.account, b.owner.id, AccountRole::Admin.id()).await;
    forbidden(joins);
    assert!(
        control.add_member(By::Actor(keeper.actor), a.account, b.owner.id, AccountRole::Member.id()).await.unwrap()
    );
    // Anybody may leave, with whatever they hold.
    assert!(control.remove_member(By::Actor(b.owner.actor), a.account, b.owner.actor).await.unwrap());
    forbidden(control.remove_member(By::Actor(keeper.actor), a.account, a.owner.actor).await);
}

#[tokio::test]
async fn a_rotated_key_works_beside_the_new_one_for_a_while() {
    let Installation { control, .. } = Installation::create().await;
    let a = tenant(&control, "a").await;
    let new = NewBot { name: "ci", role: None, key_expiration: None };
    let (bot, first) = control.create_bot(By::Shell, a.account, &new).await.unwrap();
    assert!(matches!(control.create_bot(By::Shell, a.account, &new).await, Err(Error::Conflict(_))));
    assert!(first.key.secret().starts_with("pnb_") && bot.role_name == "Member");
    let grantee = Grantee::Bot(bot.id);
    let role = WorkspaceRole::Worker.id();
    control.grant_access(By::Shell, a.account, a.workspace, &[(grantee, role)]).await.unwrap().unwrap();
    let member = membership(&control, first.key.secret(), &a).await.unwrap();
    assert_eq!(member.principal().kind, PrincipalKind::Bot(bot.id));
    assert_eq!(member.scopes(), WorkspaceRole::Worker.scopes());

    let rotation = Rotation { expiration: None, overlap: Duration::from_secs(3600) };
    let (_, second) = control.rotate_bot_key(By::Shell, a.account, bot.id, rotation).await.unwrap().unwrap();
    for key in [&first, &second] {
        assert!(control.authenticate(key.key.secret()).await.unwrap().is_some());
    }
    let keys = control.list_bot_keys(bot.actor).await.unwrap();
    assert_eq!(keys.active.map(|key| key.id), Some(second.info.id));
    assert_eq!(keys.rotating.iter().map(|key| key.id).collect::<Vec<_>>(), [first.info.id]);

    let now = Rotation { expiration: None, overlap: Duration::ZERO };
    let (_, third) = control.rotate_bot_key(By::Shell, a.account, bot.id, now).await.unwrap().unwrap();
    assert!(control.authenticate(second.key.secret()).await.unwrap().is_none());
    assert!(control.authenticate(first.key.secret()).await.unwrap().is_some(), "keeps the end it was given");
    assert!(control.revoke_bot_key(By::Shell, a.account, bot.id, first.info.id).await.unwrap());
    assert!(control.authenticate(first.key.secret()).await.unwrap().is_none());
    assert!(control.delete_bot(By::Shell, a.account, bot.id).await.unwrap());
    assert!(control.authenticate(third.key.secret()).await.unwrap().is_none());
    assert!(control.read_bot(a.account, bot.id).await.unwrap().is_none());
}

#[tokio::test]
async fn an_account_keeps_an_owner() {
    let Installation { control, .. } = Installation::create().await;
    let a = tenant(&control, "a").await;
    let refused = control.remove_member(By::Shell, a.account, a.owner.actor).await;
    assert!(matches!(refused, Err(Error::Conflict(_))));
    let own = control.member_by_actor(a.account, a.owner.actor).await.unwrap().unwrap();
    let refused = control.set_member_role(By::Shell, a.account, own.id, AccountRole::Admin.id()).await;
    assert!(matches!(refused, Err(Error::Conflict(_))));

    user(&control, a.account, "second", AccountRole::Owner).await;
    assert!(control.set_member_role(By::Shell, a.account, own.id, AccountRole::Member.id()).await.unwrap());
    assert_eq!(control.my_accounts(a.owner.actor).await.unwrap()[0].role_name, "Member");
    assert!(control.remove_member(By::Shell, a.account, a.owner.actor).await.unwrap());
    assert_eq!(control.list_members(a.account, None, Some(true), 200, 0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_deleted_workspace_is_gone_at_once_and_can_come_back() {
    let Installation { control, owners, pool, .. } = Installation::create().await;
    let a = tenant(&control, "a").await;
    let by = By::Actor(a.owner.actor);
    let place = control.place(a.workspace).await.unwrap().unwrap();
    assert!(control.delete_workspace(by, a.account, a.workspace).await.unwrap());
    assert!(!control.delete_workspace(by, a.account, a.workspace).await.unwrap());
    assert!(membership(&control, &a.key, &a).await.is_none());
    assert!(control.place(a.workspace).await.unwrap().is_none());
    assert!(control.places().await.unwrap().is_empty());
    assert!(control.my_workspaces(a.owner.actor).await.unwrap().is_empty());

    // Its handle is free; it comes back under another.
    let new = NewWorkspace { handle: "main", name: "Main", description: "", placement: "default" };
    let second = control.create_workspace(by, a.account, &new).await.unwrap();
    assert!(matches!(control.create_workspace(by, a.account, &new).await, Err(Error::Conflict(_))));
    let taken = control.restore_workspace(By::Shell, a.workspace, None).await;
    assert!(matches!(taken, Err(Error::Conflict(_))));
    let back = control.restore_workspace(By::Shell, a.workspace, Some("old")).await.unwrap().unwrap();
    assert_eq!((back.handle.as_str(), back.deleted), ("old", None));
    assert!(membership(&control, &a.key, &a).await.is_some());
    assert!(control.restore_workspace(By::Shell, a.workspace, Some("old")).await.unwrap().is_none());

    // Dropped only when deleted and past its grace.
    let provisioner = Provisioner::new(owners, 0);
    assert_eq!(provisioner.purge(Duration::ZERO).await.unwrap(), 0);
    assert!(control.delete_workspace(by, a.account, a.workspace).await.unwrap());
    assert_eq!(provisioner.purge(Duration::from_secs(3600)).await.unwrap(), 0);
    assert!(control.purge_workspace(a.workspace).await.unwrap());
    assert!(control.any_workspace(a.workspace).await.unwrap().is_none());
    assert!(!control.purge_workspace(second.id).await.unwrap(), "not deleted");

    // Its schema is gone: a scope that was minted before finds nothing.
    let scope = Scope::for_system(&place, "test");
    let mut tx = pool.read(&scope, Lane::Read).await.unwrap();
    let read = tx.all::<(i32,)>("select schema_version from workspace_meta", &[]).await;
    assert!(matches!(read, Err(Error::WorkspaceGone)), "{read:?}");
}

#[tokio::test]
async fn use_of_a_key_is_noted_to_the_minute() {
    let Installation { control, .. } = Installation::create().await;
    let a = tenant(&control, "a").await;
    control.authenticate(&a.key).await.unwrap().unwrap();
    // It is noted beside the request.
    let noted = async {
        loop {
            if control.list_keys(a.owner.actor, None).await.unwrap()[0].last_used.is_some() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), noted).await.expect("noted");
}
