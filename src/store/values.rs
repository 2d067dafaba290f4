//! How values of the pure rooms stand in columns: numbers as numbers, closed lists as their words.
//!
//! A word that the list does not have is an error, and never taken for another value.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::de::value::Error as UnknownWord;
use serde::de::{DeserializeOwned, IntoDeserializer};

use crate::intake::disposition::Disposition;
use crate::mail::signature::Share;
use crate::policy::Severity;
use crate::ticket::Status;
use crate::vocabulary::{MailRef, NoticeKind, NoticeState, Print, Role, TicketId};

/// A value of a closed list, from its word.
fn from_word<T: DeserializeOwned>(value: ValueRef<'_>) -> FromSqlResult<T> {
    T::deserialize(value.as_str()?.into_deserializer()).map_err(|e: UnknownWord| FromSqlError::Other(Box::new(e)))
}

impl FromSql for Disposition {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        from_word(value)
    }
}

impl ToSql for Disposition {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}

impl FromSql for Severity {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        from_word(value)
    }
}

impl ToSql for Severity {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}

impl FromSql for Status {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        from_word(value)
    }
}

impl ToSql for Status {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.to_string().into())
    }
}

impl FromSql for NoticeKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        from_word(value)
    }
}

impl ToSql for NoticeKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}

impl FromSql for NoticeState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        from_word(value)
    }
}

impl ToSql for NoticeState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}

impl FromSql for Role {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        from_word(value)
    }
}

impl ToSql for Role {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}

impl FromSql for Share {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match value.as_i64()? {
            0 => Self::Strangers,
            1 => Self::Named,
            2 => Self::Holder,
            other => return Err(FromSqlError::OutOfRange(other)),
        })
    }
}

impl ToSql for Share {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Strangers => 0,
            Self::Named => 1,
            Self::Holder => 2,
        }
        .into())
    }
}

impl FromSql for TicketId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        u32::column_result(value).map(Self)
    }
}

impl ToSql for TicketId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for MailRef {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Self)
    }
}

impl ToSql for MailRef {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for Print {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        FromSql::column_result(value).map(Self)
    }
}

impl ToSql for Print {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_slice().into())
    }
}
