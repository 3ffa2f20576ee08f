//! May an account act? The operator suspends it and reinstates it; what is over for good stays so.

use crate::domain::Rejection;
use crate::domain::names::About;
use events::UserId;
use events::identity::{Account, AccountReinstated, AccountSuspended};
use events::user::Standing;

/// Who is suspended is refused everywhere, and signs not in. Who is so already stays so.
pub fn suspend(
    account: Option<&Account>,
    user: UserId,
    reason: Option<&About>,
) -> Result<Option<AccountSuspended>, Rejection> {
    match lasting(account)? {
        Standing::Suspended => Ok(None),
        Standing::Active | Standing::Expired | Standing::Erased => {
            Ok(Some(AccountSuspended { user, reason: reason.cloned().map(String::from) }))
        }
    }
}

/// Who is reinstated acts again, with the sessions that he had. Who may act already goes on.
pub fn reinstate(account: Option<&Account>, user: UserId) -> Result<Option<AccountReinstated>, Rejection> {
    match lasting(account)? {
        Standing::Active => Ok(None),
        Standing::Suspended | Standing::Expired | Standing::Erased => Ok(Some(AccountReinstated { user })),
    }
}

/// An account that is not over for good.
fn lasting(account: Option<&Account>) -> Result<Standing, Rejection> {
    let standing = account.map(|account| account.standing).ok_or(Rejection::NotFound)?;
    match standing {
        Standing::Active | Standing::Suspended => Ok(standing),
        Standing::Expired | Standing::Erased => Err(Rejection::NoAccount),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ADA, guest, registered, with};
    use super::*;

    #[test]
    fn an_active_account_is_suspended_with_the_reason() {
        let reason = About::parse("spam").expect("a reason");
        for account in [registered(), guest().0] {
            let suspended = suspend(Some(&account), ADA, Some(&reason)).expect("it may be").expect("a change");
            assert_eq!(suspended, AccountSuspended { user: ADA, reason: Some("spam".to_owned()) });
        }
    }

    #[test]
    fn a_suspended_account_is_reinstated() {
        let account = with(Standing::Suspended, registered());
        assert_eq!(reinstate(Some(&account), ADA), Ok(Some(AccountReinstated { user: ADA })));
    }

    #[test]
    fn what_is_so_already_changes_nothing() {
        assert_eq!(suspend(Some(&with(Standing::Suspended, registered())), ADA, None), Ok(None));
        assert_eq!(reinstate(Some(&registered()), ADA), Ok(None));
    }

    #[test]
    fn who_is_over_for_good_is_neither_suspended_nor_brought_back() {
        for standing in [Standing::Expired, Standing::Erased] {
            let account = with(standing, registered());
            assert_eq!(suspend(Some(&account), ADA, None), Err(Rejection::NoAccount));
            assert_eq!(reinstate(Some(&account), ADA), Err(Rejection::NoAccount));
        }
    }

    #[test]
    fn nobody_is_found_where_nobody_is() {
        assert_eq!(suspend(None, ADA, None), Err(Rejection::NotFound));
        assert_eq!(reinstate(None, ADA), Err(Rejection::NotFound));
    }
}
