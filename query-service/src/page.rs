//! How long is a list? A page of it, with where its neighbours are.

use events::Position;
use platform::{Code, Problem};
use serde::Serialize;
use utoipa::ToSchema;

/// Most items of any page, and how many without `limit`.
pub const LIMIT_MAX: u32 = 50;

/// How many items a request wants.
///
/// # Errors
/// 400 `invalid-request` outside 1–50.
pub fn limit(wanted: Option<u32>) -> Result<u32, Problem> {
    match wanted.unwrap_or(LIMIT_MAX) {
        limit @ 1..=LIMIT_MAX => Ok(limit),
        _ => Err(Problem::new(Code::InvalidRequest, "`limit` is 1 to 50.")),
    }
}

/// A page of a list in its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListPage<T> {
    pub items: Vec<T>,
    pub page: Onward,
    /// How far in the log this answer's read model was.
    #[schema(value_type = String, example = "3q2-7wAAAAAAAhCC")]
    pub position: Position,
}

/// Whether and where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Onward {
    /// For `cursor=`; absent at the end.
    pub next: Option<String>,
    /// The end is here, never at a short page.
    pub has_more_after: bool,
}

/// Cuts what was read (one more than `limit`, where there is more) to a page. `cursor` gives an item's own.
/// Call it before items are left out that the caller may not see: those are behind the cursor, too.
pub fn cut<T>(items: &mut Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Onward {
    let has_more_after = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| has_more_after).map(cursor);
    Onward { next, has_more_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_item_too_many_says_that_there_is_more() {
        let mut three = vec![1, 2, 3];
        let onward = cut(&mut three, 2, ToString::to_string);
        assert_eq!((three, onward), (vec![1, 2], Onward { next: Some("2".into()), has_more_after: true }));
        let mut two = vec![1, 2];
        let onward = cut(&mut two, 2, ToString::to_string);
        assert_eq!((two, onward), (vec![1, 2], Onward { next: None, has_more_after: false }));
    }

    #[test]
    fn a_limit_is_one_to_fifty() {
        assert_eq!(limit(None).expect("default"), 50);
        assert_eq!(limit(Some(1)).expect("least"), 1);
        for wrong in [0, 51, u32::MAX] {
            assert_eq!(limit(Some(wrong)).expect_err("outside").code, Code::InvalidRequest);
        }
    }
}
