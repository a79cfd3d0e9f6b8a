-- Optional, for PostgreSQL and YugabyteDB: a commit that also tells whoever listens which namespaces it wrote.
CREATE OR REPLACE FUNCTION record_store.commit_and_notify_v1(
    in_session bytea, in_number bigint, in_writes boolean,
    in_keys bytea[], in_places bigint[], in_expects bigint[], in_versions bigint[],
    in_actions bigint[], in_values bytea[], in_expires bigint[], in_looses bytea[],
    in_now bigint, in_grace bigint, in_namespaces text[],
    OUT done bigint, OUT failed bigint,
    OUT found_version bigint, OUT found_expires bigint, OUT found_value bytea
) LANGUAGE plpgsql AS $$
BEGIN
    SELECT c.done, c.failed, c.found_version, c.found_expires, c.found_value
        INTO done, failed, found_version, found_expires, found_value
        FROM record_store.commit_v1(in_session, in_number, in_writes, in_keys, in_places, in_expects, in_versions,
            in_actions, in_values, in_expires, in_looses, in_now, in_grace) AS c;
    IF done IS NOT NULL THEN
        PERFORM pg_notify('record_store', n) FROM unnest(in_namespaces) AS n;
    END IF;
END;
$$;
