-- Version 1 of the schema. Never change it: a later release adds a version of its own, and functions under new names,
-- so that nodes of this release go on beside nodes of that one.
--
-- Only what CockroachDB and YugabyteDB have as well (docs/decisions/0013): no FOUND, PERFORM, RECORD, FOR or CONTINUE,
-- and no `integer`, which has eight octets there.

CREATE TABLE record_store.record (
    key     bytea PRIMARY KEY,
    version bigint NOT NULL,
    expires bigint,             -- milliseconds since 1970
    value   bytea NOT NULL,     -- begins with the format version of the record
    loose   bytea               -- of a large value: the key of the record that owns its chunks once it is gone
);

CREATE INDEX record_expires ON record_store.record (expires) WHERE expires IS NOT NULL;

-- CACHE 1: a connection that keeps numbers for later would give them after others that are greater.
CREATE SEQUENCE record_store.version CACHE 1;

-- So that the last value is always one that was given.
SELECT nextval('record_store.version');

-- One row for each connection that writes: its last commit, and whether it may do another one.
CREATE TABLE record_store.session (
    id      bytea PRIMARY KEY,
    number  bigint NOT NULL,
    version bigint,
    fenced  boolean NOT NULL,
    started timestamptz NOT NULL DEFAULT now()
);

-- A whole commit. Operations are sorted by key, so that two commits lock in one order; `in_places` has the place of the
-- caller's first, second, ... operation among them.
--   in_expects: 0 anything, 1 absent, 2 the version in `in_versions`
--   in_actions: 0 nothing, 1 put, 2 delete
-- Gives the version in `done`; or in `failed` the number, from 0 on, of the caller's first operation whose expectation
-- does not hold, and what is there instead.
CREATE FUNCTION record_store.commit_v1(
    in_session bytea, in_number bigint, in_writes boolean,
    in_keys bytea[], in_places bigint[], in_expects bigint[], in_versions bigint[],
    in_actions bigint[], in_values bytea[], in_expires bigint[], in_looses bytea[],
    in_now bigint, in_grace bigint,
    OUT done bigint, OUT failed bigint,
    OUT found_version bigint, OUT found_expires bigint, OUT found_value bytea
) LANGUAGE plpgsql AS $$
DECLARE
    total bigint := coalesce(array_length(in_keys, 1), 0);
    i bigint := 1;
    at bigint;
    is_fenced boolean;
    alive boolean;
    old_version bigint;
    old_expires bigint;
    old_loose bytea;
    old_format bytea;
    wrote bigint;
BEGIN
    BEGIN
        IF in_writes THEN
            done := nextval('record_store.version');
            -- An upsert, because it looks without a predicate lock; a row that is not there counts as fenced.
            INSERT INTO record_store.session AS s (id, number, version, fenced)
                VALUES (in_session, in_number, done, true)
                ON CONFLICT (id) DO UPDATE SET number = excluded.number, version = excluded.version
                RETURNING s.fenced INTO is_fenced;
            IF is_fenced THEN
                RAISE EXCEPTION 'this connection is fenced off' USING ERRCODE = 'RS001';
            END IF;
        ELSE
            SELECT last_value INTO done FROM record_store.version;
        END IF;

        WHILE i <= total LOOP
            wrote := NULL;
            IF in_actions[i] = 1 AND in_expects[i] = 1 THEN
                -- Most writes are of new records: no read, so no predicate lock on the page of the index.
                INSERT INTO record_store.record AS r (key, version, expires, value, loose)
                    VALUES (in_keys[i], done, in_expires[i], in_values[i], in_looses[i])
                    ON CONFLICT (key) DO NOTHING
                    RETURNING r.version INTO wrote;
            END IF;
            IF wrote IS NULL THEN
                SELECT r.version, r.expires, r.loose, substr(r.value, 1, 1)
                    INTO old_version, old_expires, old_loose, old_format
                    FROM record_store.record AS r WHERE r.key = in_keys[i];
                alive := old_version IS NOT NULL AND (old_expires IS NULL OR old_expires > in_now);
                IF (in_expects[i] = 1 AND alive)
                    OR (in_expects[i] = 2 AND NOT (alive AND old_version = in_versions[i]))
                THEN
                    RAISE EXCEPTION 'an expectation does not hold' USING ERRCODE = 'RS003';
                END IF;
                IF in_actions[i] <> 0 AND old_format > '\x01'::bytea THEN
                    RAISE EXCEPTION '%', get_byte(old_format, 0) USING ERRCODE = 'RS002';
                END IF;
                IF in_actions[i] = 1 AND old_version IS NULL THEN
                    INSERT INTO record_store.record AS r (key, version, expires, value, loose)
                        VALUES (in_keys[i], done, in_expires[i], in_values[i], in_looses[i])
                        ON CONFLICT (key) DO NOTHING
                        RETURNING r.version INTO wrote;
                    IF wrote IS NULL THEN
                        RAISE EXCEPTION 'written by another commit meanwhile' USING ERRCODE = '40001';
                    END IF;
                ELSIF in_actions[i] = 1 THEN
                    UPDATE record_store.record AS r
                        SET version = done, expires = in_expires[i], value = in_values[i], loose = in_looses[i]
                        WHERE r.key = in_keys[i];
                ELSIF in_actions[i] = 2 THEN
                    DELETE FROM record_store.record AS r WHERE r.key = in_keys[i];
                END IF;
                IF in_actions[i] <> 0 AND old_loose IS NOT NULL THEN
                    INSERT INTO record_store.record AS r (key, version, expires, value, loose)
                        VALUES (old_loose, done, in_grace, '\x0100'::bytea, NULL)
                        ON CONFLICT (key) DO UPDATE
                            SET version = excluded.version, expires = excluded.expires, value = excluded.value;
                END IF;
            END IF;
            i := i + 1;
        END LOOP;
    EXCEPTION WHEN SQLSTATE 'RS003' THEN
        -- All of it is undone. Who of the caller's operations is the first to blame?
        done := NULL;
        i := 1;
        WHILE i <= total AND failed IS NULL LOOP
            at := in_places[i];
            SELECT r.version, r.expires INTO old_version, old_expires
                FROM record_store.record AS r WHERE r.key = in_keys[at];
            alive := old_version IS NOT NULL AND (old_expires IS NULL OR old_expires > in_now);
            IF (in_expects[at] = 1 AND alive)
                OR (in_expects[at] = 2 AND NOT (alive AND old_version = in_versions[at]))
            THEN
                failed := i - 1;
                IF alive THEN
                    SELECT r.version, r.expires, r.value INTO found_version, found_expires, found_value
                        FROM record_store.record AS r WHERE r.key = in_keys[at];
                END IF;
            END IF;
            i := i + 1;
        END LOOP;
    END;
END;
$$;

-- Removes what has expired, and the chunks of loose records, as `backend::sweep` does.
CREATE FUNCTION record_store.sweep_v1(
    in_now bigint, in_budget bigint, in_grace bigint,
    OUT removed bigint, OUT more boolean
) LANGUAGE plpgsql AS $$
DECLARE
    due bytea[];
    total bigint;
    i bigint := 1;
    chunks bigint;
    first_chunk bytea;
    old_loose bytea;
BEGIN
    SELECT array_agg(d.key ORDER BY d.expires) INTO due FROM (
        SELECT r.key, r.expires FROM record_store.record AS r
            WHERE r.expires <= in_now ORDER BY r.expires LIMIT in_budget
    ) AS d;
    total := coalesce(array_length(due, 1), 0);
    removed := 0;
    WHILE i <= total AND removed < in_budget LOOP
        IF substr(due[i], 1, 9) = '\x00016c6f6f73650001'::bytea THEN
            -- ("", "loose", id) stands for the chunks ("", "chunk", id, ...).
            first_chunk := '\x00016368756e6b0001'::bytea || substr(due[i], 10);
            WITH gone AS (
                DELETE FROM record_store.record AS r WHERE r.key IN (
                    SELECT c.key FROM record_store.record AS c
                        WHERE c.key >= first_chunk
                            AND c.key < substr(first_chunk, 1, length(first_chunk) - 1) || '\x02'::bytea
                        ORDER BY c.key LIMIT in_budget - removed
                ) RETURNING r.key
            ) SELECT count(*) INTO chunks FROM gone;
            IF chunks < in_budget - removed THEN
                DELETE FROM record_store.record AS r WHERE r.key = due[i];
                removed := removed + 1;
            ELSE
                -- A caller whose clock is behind could still publish what is half gone: a new version forbids it.
                UPDATE record_store.record AS r SET version = nextval('record_store.version') WHERE r.key = due[i];
            END IF;
            removed := removed + chunks;
        ELSE
            SELECT r.loose INTO old_loose FROM record_store.record AS r WHERE r.key = due[i];
            IF old_loose IS NOT NULL THEN
                INSERT INTO record_store.record AS r (key, version, expires, value, loose)
                    VALUES (old_loose, nextval('record_store.version'), in_grace, '\x0100'::bytea, NULL)
                    ON CONFLICT (key) DO UPDATE
                        SET version = excluded.version, expires = excluded.expires, value = excluded.value;
            END IF;
            DELETE FROM record_store.record AS r WHERE r.key = due[i];
            removed := removed + 1;
        END IF;
        i := i + 1;
    END LOOP;
    more := total = in_budget OR removed >= in_budget;
END;
$$;
