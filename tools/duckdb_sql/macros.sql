-- Functions that make DuckDB agree with Snowflake where a name or a cast alone would not. Nothing here reads a table.
-- A test that wants another time replaces one of them: CREATE OR REPLACE MACRO utc_now() AS TIMESTAMP '2026-01-01 00:00:00'.

-- statement
-- SYSDATE(): UTC, without the extension that CURRENT_TIMESTAMP AT TIME ZONE would need.
CREATE OR REPLACE MACRO utc_now() AS make_timestamp(epoch_us(now()));

-- statement
-- v:path::VARCHAR. A JSON null is a SQL NULL; a whole number written with a fraction (1.0) reads 1. (Each
-- use is planned anew: the shape of this macro decides what a flush costs.)
CREATE OR REPLACE MACRO variant_text(v, path) AS
    CASE
        WHEN json_type(v, path) = 'DOUBLE' THEN regexp_replace(json_extract_string(v, path), '[.]0$', '')
        ELSE json_extract_string(v, path)
    END;

-- statement
-- The same of a text and its type that were read together with those of other members.
CREATE OR REPLACE MACRO typed_text(x, type) AS CASE WHEN type = 'DOUBLE' THEN regexp_replace(x, '[.]0$', '') ELSE x END;

-- statement
-- x::VARCHAR for a value whose type only DuckDB's binder knows; all branches but one are folded away. How Snowflake prints
-- a timestamp depends on the session, hence TO_CHAR must be written there.
CREATE OR REPLACE MACRO as_text(x) AS
    CASE
        WHEN typeof(x) = 'JSON' THEN variant_text(to_json(x), '$')
        WHEN typeof(x) IN ('TIMESTAMP', 'TIMESTAMP WITH TIME ZONE', 'TIME')
            THEN error('write TO_CHAR(…) for a timestamp instead of a cast to text')
        WHEN typeof(x) IN ('DOUBLE', 'FLOAT') AND ends_with(CAST(x AS VARCHAR), '.0') THEN left(CAST(x AS VARCHAR), -2)
        ELSE CAST(x AS VARCHAR)
    END;

-- statement
-- TYPEOF of a VARIANT. A JSON number is a DECIMAL, or a DOUBLE where 38 digits do not hold it; 5.0 is the INTEGER 5.
CREATE OR REPLACE MACRO variant_typeof(v) AS
    CASE
        WHEN json_type(v) = 'DOUBLE' THEN CASE
            WHEN regexp_full_match(json_extract_string(v, '$'), '-?[0-9]{1,38}([.]0)?') THEN 'INTEGER'
            WHEN regexp_full_match(json_extract_string(v, '$'), '-?[0-9.]{1,39}([.]0)?') THEN 'DECIMAL'
            ELSE 'DOUBLE'
        END
        WHEN json_type(v) = 'NULL' THEN 'NULL_VALUE'
        WHEN ends_with(json_type(v), 'INT') THEN 'INTEGER'
        ELSE json_type(v)
    END;

-- statement
CREATE OR REPLACE MACRO variant_array_size(v) AS
    CASE WHEN json_type(v) = 'ARRAY' THEN CAST(json_array_length(v) AS DECIMAL(38, 0)) END;

-- statement
-- What Snowflake's cast from text to a number accepts, else an empty text: blanks around it are dropped, but there are no
-- underscores, hexadecimal digits, infinities or thousands separators.
CREATE OR REPLACE MACRO number_part(x) AS
    regexp_extract(x, '^[ \t\n\r\f\v]*[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?[ \t\n\r\f\v]*$');

-- statement
CREATE OR REPLACE MACRO must_be_number(x) AS
    CASE
        WHEN x IS NULL OR number_part(x) <> '' THEN x
        ELSE error('numeric value ''' || x || ''' is not recognized')
    END;

-- statement
CREATE OR REPLACE MACRO try_float(x) AS
    CASE WHEN isfinite(TRY_CAST(number_part(x) AS DOUBLE)) THEN TRY_CAST(number_part(x) AS DOUBLE) END;

-- statement
-- https://docs.snowflake.com/en/sql-reference/functions/to_boolean lists exactly these, in any case. Patterns and not IN: DuckDB
-- plans a list of six as a join.
CREATE OR REPLACE MACRO try_boolean(x) AS
    CASE
        WHEN regexp_full_match(lower(x), 'true|t|yes|y|on|1') THEN TRUE
        WHEN regexp_full_match(lower(x), 'false|f|no|n|off|0') THEN FALSE
    END;

-- statement
-- An hour alone is a full hour.
CREATE OR REPLACE MACRO wall_clock(x) AS CASE WHEN length(x) = 13 THEN x || ':00:00' ELSE x END;

-- statement
CREATE OR REPLACE MACRO epoch_number_us(n) AS
    CASE
        WHEN n < 31536000000 THEN n * 1000000
        WHEN n < 31536000000000 THEN n * 1000
        WHEN n < 31536000000000000 THEN n
        ELSE n // 1000
    END;

-- statement
-- Text to TIMESTAMP_NTZ, in the forms that https://docs.snowflake.com/en/sql-reference/date-time-input-output calls ISO (from the
-- hour on every part may be missing, a time zone is dropped and the wall clock kept), and whole numbers since the epoch, whose
-- unit follows from their size (https://docs.snowflake.com/en/sql-reference/functions/to_timestamp). US and RFC forms, which
-- Snowflake also reads, give NULL here; the clients write ISO with Z.
CREATE OR REPLACE MACRO try_timestamp(x) AS
    CASE
        WHEN regexp_full_match(x, '(1[6-9]|[2-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}([T ]([01][0-9]|2[0-3])(:[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?)?(Z| ?[+-][0-9]{2}(:?[0-9]{2})?)?)?')
            THEN TRY_CAST(wall_clock(regexp_replace(x, '^(.{10}[T ][0-9:.]+)(Z| ?[+-].*)$', '\1')) AS TIMESTAMP)
        WHEN regexp_full_match(x, '-[0-9]{1,10}|[0-9]{1,19}') THEN make_timestamp(epoch_number_us(TRY_CAST(x AS BIGINT)))
    END;

-- statement
CREATE OR REPLACE MACRO try_date(x) AS
    CASE WHEN regexp_full_match(x, '(1[6-9]|[2-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}') THEN TRY_CAST(x AS DATE) END;

-- statement
-- FLATTEN(INPUT => v): the members of an object (with key) or the elements of an array (with index).
CREATE OR REPLACE MACRO flatten_variant(v) AS TABLE
    SELECT
        CASE WHEN json_type(v) = 'OBJECT' THEN e.key END AS key,
        CASE WHEN json_type(v) = 'ARRAY' THEN CAST(e.key AS BIGINT) END AS index,
        e.value AS value
    FROM json_each(CASE WHEN json_type(v) IN ('OBJECT', 'ARRAY') THEN v END) AS e;

-- statement
-- FLATTEN(INPUT => v, MODE => 'OBJECT'): the members of an object alone. Both lists are in the object's order. Asking for the members
-- one by one by their keys would read the whole object again for each: memory for 19,000 of them squared.
CREATE OR REPLACE MACRO flatten_object(v) AS TABLE
    SELECT e.key AS key, CAST(NULL AS BIGINT) AS index, e.value AS value
    FROM (SELECT unnest(json_keys(v)) AS key, unnest(json_extract(v, '$.*')) AS value) AS e;
