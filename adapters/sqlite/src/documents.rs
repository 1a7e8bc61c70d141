//! Versioned documents in a table.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension};
use seaworthy_core::ports::{Document, Expected, IdRange, StoreError};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    columns::{integer, limit as as_limit, read_bytes, read_count, read_text},
    error::in_statement,
};

pub(crate) fn get(connection: &Connection, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
    connection
        .prepare_cached("SELECT version, body FROM seaworthy_documents WHERE collection = ?1 AND id = ?2")
        .and_then(|mut query| {
            query
                .query_row((collection, id), |row| {
                    Ok(Document { version: read_count(row, 0)?, body: read_bytes(row, 1)? })
                })
                .optional()
        })
        .map_err(|failure| in_statement("read document", &failure))
}

pub(crate) fn put(
    connection: &Connection,
    collection: &str,
    id: &str,
    expected: Expected,
    body: &Bytes,
) -> Result<u64, StoreError> {
    let version = match expected {
        Expected::Absent => connection
            .prepare_cached(
                "INSERT INTO seaworthy_documents (collection, id, version, body) VALUES (?1, ?2, 1, ?3)
                 ON CONFLICT DO NOTHING RETURNING version",
            )
            .and_then(|mut write| write.query_row((collection, id, &body[..]), |row| read_count(row, 0)).optional()),
        Expected::Version(version) => {
            let version = integer(version, "version")?;
            connection
                .prepare_cached(
                    "UPDATE seaworthy_documents SET version = version + 1, body = ?4
                     WHERE collection = ?1 AND id = ?2 AND version = ?3 RETURNING version",
                )
                .and_then(|mut write| {
                    write.query_row((collection, id, version, &body[..]), |row| read_count(row, 0)).optional()
                })
        }
        Expected::Any => connection
            .prepare_cached(
                "INSERT INTO seaworthy_documents (collection, id, version, body) VALUES (?1, ?2, 1, ?3)
                 ON CONFLICT DO UPDATE SET version = version + 1, body = excluded.body RETURNING version",
            )
            .and_then(|mut write| write.query_row((collection, id, &body[..]), |row| read_count(row, 0)).optional()),
    };
    version
        .map_err(|failure| in_statement("write document", &failure))?
        .ok_or_else(|| overtaken(connection, collection, id, expected))
}

/// Writes the document if `expected` holds; `None` if it does not.
pub(crate) fn put_if(
    connection: &Connection,
    collection: &str,
    id: &str,
    expected: Expected,
    body: &Bytes,
) -> Result<Option<u64>, StoreError> {
    // The transaction is the only writer: what it has found is still there when it writes.
    match expected {
        Expected::Any => put(connection, collection, id, expected, body).map(Some),
        Expected::Absent | Expected::Version(_) => {
            let found = get(connection, collection, id)?.map(|document| document.version);
            let holds =
                if let Expected::Version(version) = expected { found == Some(version) } else { found.is_none() };
            holds.then(|| put(connection, collection, id, expected, body)).transpose()
        }
    }
}

pub(crate) fn delete(
    connection: &Connection,
    collection: &str,
    id: &str,
    expected: Expected,
) -> Result<(), StoreError> {
    let failed = |failure| in_statement("delete document", &failure);
    match expected {
        Expected::Absent => match get(connection, collection, id)? {
            None => Ok(()),
            Some(_) => Err(overtaken(connection, collection, id, expected)),
        },
        Expected::Version(version) => {
            let stored = integer(version, "version")?;
            let deleted = connection
                .prepare_cached("DELETE FROM seaworthy_documents WHERE collection = ?1 AND id = ?2 AND version = ?3")
                .and_then(|mut write| write.execute((collection, id, stored)))
                .map_err(failed)?;
            if deleted == 0 { Err(overtaken(connection, collection, id, expected)) } else { Ok(()) }
        }
        Expected::Any => connection
            .prepare_cached("DELETE FROM seaworthy_documents WHERE collection = ?1 AND id = ?2")
            .and_then(|mut write| write.execute((collection, id)))
            .map(drop)
            .map_err(failed),
    }
}

pub(crate) fn delete_range(
    connection: &Connection,
    collection: &str,
    range: &IdRange,
    limit: usize,
) -> Result<Vec<SmolStr>, StoreError> {
    let ids: Vec<SmolStr> = connection
        .prepare_cached(
            "SELECT id FROM seaworthy_documents
             WHERE collection = ?1 AND id >= ?2 AND (?3 IS NULL OR id < ?3) ORDER BY id LIMIT ?4",
        )
        .and_then(|mut query| {
            query
                .query_map((collection, range.from(), range.until(), as_limit(limit)), |row| read_text(row, 0))?
                .collect()
        })
        .map_err(|failure| in_statement("find documents to delete", &failure))?;
    if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
        connection
            .prepare_cached("DELETE FROM seaworthy_documents WHERE collection = ?1 AND id BETWEEN ?2 AND ?3")
            .and_then(|mut write| write.execute((collection, &**first, &**last)))
            .map_err(|failure| in_statement("delete documents", &failure))?;
    }
    Ok(ids)
}

pub(crate) fn scan(
    connection: &Connection,
    collection: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(SmolStr, Document)>, StoreError> {
    // The empty id sorts first, so it can only be found where there is no lower bound at all.
    let sql = match after {
        Some(_) => {
            "SELECT id, version, body FROM seaworthy_documents
             WHERE collection = ?1 AND id > ?2 ORDER BY id LIMIT ?3"
        }
        None => {
            "SELECT id, version, body FROM seaworthy_documents
             WHERE collection = ?1 AND id >= ?2 ORDER BY id LIMIT ?3"
        }
    };
    connection
        .prepare_cached(sql)
        .and_then(|mut query| {
            query
                .query_map((collection, after.unwrap_or(""), as_limit(limit)), |row| {
                    Ok((read_text(row, 0)?, Document { version: read_count(row, 1)?, body: read_bytes(row, 2)? }))
                })?
                .collect()
        })
        .map_err(|failure| in_statement("scan documents", &failure))
}

pub(crate) fn scan_range(
    connection: &Connection,
    collection: &str,
    range: &IdRange,
    limit: usize,
) -> Result<Vec<(SmolStr, Document)>, StoreError> {
    connection
        .prepare_cached(
            "SELECT id, version, body FROM seaworthy_documents
             WHERE collection = ?1 AND id >= ?2 AND (?3 IS NULL OR id < ?3) ORDER BY id LIMIT ?4",
        )
        .and_then(|mut query| {
            query
                .query_map((collection, range.from(), range.until(), as_limit(limit)), |row| {
                    Ok((read_text(row, 0)?, Document { version: read_count(row, 1)?, body: read_bytes(row, 2)? }))
                })?
                .collect()
        })
        .map_err(|failure| in_statement("scan documents", &failure))
}

fn overtaken(connection: &Connection, collection: &str, id: &str, expected: Expected) -> StoreError {
    let found = match get(connection, collection, id) {
        Ok(Some(document)) => format_smolstr!("version {}", document.version),
        Ok(None) => SmolStr::new_static("none"),
        Err(error) => return error,
    };
    StoreError::Conflict(format_smolstr!("document {collection}/{id}: expected {expected:?}, found {found}"))
}
