-- Up Migration

-- A migration of its own: reads go on while it looks through the table, and would not under the lock that a column needs.
-- The lists of owners. Without rows of nobody it is empty where callers are not asked who they are.
CREATE INDEX tasks_by_owner ON tasks (owner, id) WHERE owner IS NOT NULL;

-- Down Migration

DROP INDEX tasks_by_owner;
