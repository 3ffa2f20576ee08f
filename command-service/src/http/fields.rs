//! Which fields of a body are not valid? All of them at once.

use crate::domain::Fault;
use crate::domain::text::Reason;
use platform::{FieldError, Problem};

/// Collects what is wrong with the fields of one body.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<FieldError>);

impl Fields {
    /// The field's value, or `None` and a fault more. `pointer` is a JSON pointer such as `/name`.
    pub(super) fn read<T>(&mut self, pointer: &str, parsed: Result<T, Fault>) -> Option<T> {
        parsed.map_err(|fault| self.fault(pointer, fault)).ok()
    }

    /// The value of a field that may be absent: the outer `None` is a fault.
    pub(super) fn read_optional<T>(
        &mut self,
        pointer: &str,
        text: Option<&str>,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<Option<T>> {
        text.map_or(Some(None), |text| self.read(pointer, parse(text)).map(Some))
    }

    /// A reason that may be absent: the outer `None` is a fault.
    pub(super) fn read_reason(&mut self, reason: Option<String>) -> Option<Option<Reason>> {
        reason.map_or(Some(None), |reason| self.read("/reason", Reason::parse(reason)).map(Some))
    }

    pub(super) fn fault(&mut self, pointer: &str, fault: Fault) {
        self.0.push(FieldError::new(pointer, fault.code, fault.detail));
    }
}

impl From<Fields> for Problem {
    fn from(fields: Fields) -> Self {
        Self::validation(fields.0)
    }
}
