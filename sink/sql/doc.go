// Package sql delivers records into tables of SQL databases: PostgreSQL and SQLite. One engine is behind the option keys of
// two connector classes, Debezium's JDBC sink and Confluent's.
//
// Guarantees. Every record is committed in the target before its offset is told durable (at least once; with a key and
// insert.mode=upsert what comes again changes nothing). The order per key is kept, deletes included. A batch is brought down to the
// last state of each row and applied in one transaction. A value that the column can not hold is a bad record, with the column and
// the reason told and never the value. Columns that the source database did not send (record.Unchanged, or Debezium's placeholder)
// are left alone.
//
// Limits. Memory is bounded in bytes, at about four times [bufferBytes] and one batch. README.md tells the types and how the options
// differ from the Java connectors'.
package sql
