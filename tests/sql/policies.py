"""The policies of 05_governance.sql on the embedded engine: each table behind a view that does what its policies say.

The bodies and the places are read from the file itself; what they call is modelled: who is in the session, and three functions of
objects. So a reader's question goes through the very text that Snowflake evaluates.
"""

from __future__ import annotations

import re

import duckdb

from sql.support import SQL

GOVERNANCE = (SQL / "05_governance.sql").read_text(encoding="utf-8")
BODIES = {
    name: body.strip()
    for _, name, body in re.findall(r"ALTER (ROW ACCESS|MASKING) POLICY (\w+) SET BODY ->(.*?);\n", GOVERNANCE, re.DOTALL)
}
ROW_PLACES = dict(re.findall(r"\('(\w+)', '(\w+ ON \([\w, ]+\))'\)", GOVERNANCE))
MASK_PLACES = re.findall(r"ALTER TABLE (\w+) MODIFY COLUMN (\w+) SET MASKING POLICY (\w+) FORCE", GOVERNANCE)
_OBJECT_PICK = """
    CREATE MACRO object_pick(v, names) AS (
        SELECT COALESCE(json_group_object(name, json_extract(v, '$."' || name || '"')), '{}')
        FROM (SELECT unnest(names) AS name)
        WHERE json_exists(v, '$."' || name || '"')
    )
"""


class Governed:
    """A deployed warehouse with rows, as one user with some roles sees it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        connection.execute(
            "CREATE TABLE ACCESS_MAP (user_name VARCHAR, role_name VARCHAR, customer VARCHAR, org_id VARCHAR, sees_content BOOLEAN)"
        )
        connection.execute("CREATE TABLE session_roles (name VARCHAR)")
        connection.execute("CREATE TABLE session_user_name (name VARCHAR)")
        connection.execute("CREATE MACRO is_role_in_session(role) AS role IN (SELECT name FROM session_roles)")
        connection.execute("CREATE MACRO is_object(v) AS json_type(v) = 'OBJECT'")
        connection.execute(_OBJECT_PICK)
        for table in {*ROW_PLACES, *(table for table, _, _ in MASK_PLACES)}:
            self._put_behind_policies(table)

    def become(self, user: str, *roles: str) -> None:
        self.connection.execute("DELETE FROM session_roles; DELETE FROM session_user_name")
        self.connection.execute("INSERT INTO session_user_name VALUES (?)", [user])
        for role in roles:
            self.connection.execute("INSERT INTO session_roles VALUES (?)", [role])

    def _put_behind_policies(self, table: str) -> None:
        masks = {column: BODIES[mask] for place, column, mask in MASK_PLACES if place == table}
        rows = "TRUE"
        if place := ROW_PLACES.get(table):
            policy, columns = re.fullmatch(r"(\w+) ON \(([\w, ]+)\)", place).groups()  # type: ignore[union-attr]
            rows = BODIES[policy].replace("row_customer", "governed.customer")
            rows = rows.replace("row_org_id", "governed.org_id") if "org_id" in columns else rows
        replaced = ", ".join(f"({_on_duckdb(body, column)}) AS {column}" for column, body in masks.items())
        star = f"* REPLACE ({replaced})" if replaced else "*"
        self.connection.execute(f"ALTER TABLE {table} RENAME TO {table}_behind")
        self.connection.execute(
            f"CREATE VIEW {table} AS SELECT {star} FROM {table}_behind AS governed WHERE {_on_duckdb(rows, '')}"
        )


def _on_duckdb(body: str, column: str) -> str:
    text = body.replace("CURRENT_USER()", "(SELECT name FROM session_user_name)")
    text = re.sub(r"OBJECT_PICK\(\s*val::OBJECT,\s*(.*?)\s*\)", r"object_pick(val, [\1])", text, flags=re.DOTALL)
    text = re.sub(
        r"OBJECT_INSERT\((.*),\s*'_masked', TRUE, TRUE\s*\)::VARIANT",
        r"json_merge_patch(\1, json_object('_masked', TRUE))",
        text,
        flags=re.DOTALL,
    )
    return re.sub(r"\bval\b", f"governed.{column}", text)
