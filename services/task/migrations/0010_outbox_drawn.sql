-- Up Migration

-- The highest number of an outbox row that was drawn; 0 when none was. It asks as the owner: who serves may have no right on
-- the sequence, and PostgreSQL then says nothing (17 and later) or refuses.
CREATE FUNCTION outbox_drawn() RETURNS bigint
  LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT
  RETURN coalesce(pg_sequence_last_value(pg_get_serial_sequence('outbox', 'id')::regclass), 0);

-- Down Migration

DROP FUNCTION outbox_drawn();
