"""A user of the record: a recorder's own (a service) or a person, as the statements that make, rotate or take away its access.

    CLIENT   one role, WRITER and READER together: a token is bound to one role and has no secondary ones
    key      the public half, from a PEM file; the second slot (``RSA_PUBLIC_KEY_2``) is for rotation without a gap
    token    a programmatic access token; a service user needs a network policy to have one
    rows     a line of ACCESS_MAP: without one the policies of the Enterprise edition show the user nothing

Sources: docs.snowflake.com/en/sql-reference/sql/create-user, user-guide/key-pair-auth, user-guide/programmatic-access-tokens.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import InvalidInput

if TYPE_CHECKING:
    from .deployment import Names

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,200}")
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----(.*?)-----END PUBLIC KEY-----", re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{300,}={0,2}")
TOKEN_DAYS = 90


@dataclass(frozen=True, slots=True)
class NewUser:
    """``public_key`` is the text of a PEM file; None gives the user a token where it is a service. ``networks`` are the
    addresses it signs in from; ``customer`` and ``org_id`` whose rows it sees."""

    name: str
    is_person: bool = False
    public_key: str | None = None
    networks: tuple[str, ...] = ()
    customer: str | None = None
    org_id: str | None = None
    sees_content: bool = True

    def __post_init__(self) -> None:
        _check_name(self.name)
        for network in self.networks:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise InvalidInput(
                    f"{network!r} is no network; nothing was done", hint="such as 203.0.113.0/24 or 203.0.113.7"
                ) from None
        if not self.is_person and self.public_key is None and not self.networks:
            raise InvalidInput(
                f"{self.name} would have no way to sign in; nothing was done",
                hint="name its --public-key, or the --network it signs in from for a token; --person for a person who has one",
            )
        if self.customer is None and self.org_id is None:
            raise InvalidInput(
                f"whose rows {self.name} sees was not given; nothing was done",
                hint="--customer ada@example.com or --org-id acme",
            )


def statements_for(user: NewUser, names: Names) -> list[str]:
    """What makes the user and its access, in order; each can be repeated but the token's, which makes another one."""
    role, name = f"{names.role_prefix}_CLIENT", user.name
    made = []
    if not user.is_person:
        made.append(
            f"CREATE USER IF NOT EXISTS {name} TYPE = SERVICE DEFAULT_ROLE = {role} DEFAULT_WAREHOUSE = {names.warehouse} "
            "COMMENT = 'Records activities of Claude Code, and recalls them.'"
        )
    made.append(f"GRANT ROLE {role} TO USER {name}")
    if user.networks:
        policy, networks = f"{names.role_prefix}_{name}_NETWORKS", ", ".join(_quoted(network) for network in user.networks)
        made.append(f"CREATE OR REPLACE NETWORK POLICY {policy} ALLOWED_IP_LIST = ({networks})")
        made.append(f"ALTER USER {name} SET NETWORK_POLICY = {policy}")
    if user.public_key is not None:
        made.append(f"ALTER USER {name} SET RSA_PUBLIC_KEY = {_quoted(key_of(user.public_key))}")
    elif not user.is_person:
        made.append(token_for(name, role))
    return [*made, _access_row(user, names)]


def rotation_of(name: str, public_key: str) -> list[str]:
    """A second key beside the first; when every machine has it, the first is taken away and the second takes its place."""
    _check_name(name)
    key = _quoted(key_of(public_key))
    return [
        f"ALTER USER {name} SET RSA_PUBLIC_KEY_2 = {key}",
        f"-- when every machine signs in with the new key:\nALTER USER {name} SET RSA_PUBLIC_KEY = {key}",
        f"ALTER USER {name} UNSET RSA_PUBLIC_KEY_2",
    ]


def removal_of(name: str, names: Names) -> list[str]:
    """What takes the access away. What the user recorded stays, and so does its line in the account's history."""
    _check_name(name)
    schema = f"{names.database}.{names.schema}"
    return [
        f"ALTER USER {name} SET DISABLED = TRUE",
        f"REVOKE ROLE {names.role_prefix}_CLIENT FROM USER {name}",
        f"DELETE FROM {schema}.ACCESS_MAP WHERE user_name = {_quoted(name.upper())}",  # noqa: S608 - names are checked
        f"-- when nothing of it is needed any more:\nDROP USER IF EXISTS {name}",
    ]


def token_for(name: str, role: str) -> str:
    return (
        f"ALTER USER {name} ADD PROGRAMMATIC ACCESS TOKEN {name}_RECORDER "
        f"ROLE_RESTRICTION = {_quoted(role)} DAYS_TO_EXPIRY = {TOKEN_DAYS}"
    )


def key_of(pem: str) -> str:
    """The key's base64 out of a PEM file. Raises InvalidInput for anything else, a private key above all."""
    if "PRIVATE KEY" in pem:
        raise InvalidInput(
            "that is the private key, which never leaves the machine; nothing was done",
            hint="openssl rsa -in key.p8 -pubout -out key.pub, and name key.pub",
        )
    found = _PEM.search(pem)
    key = "".join(found[1].split()) if found else ""
    if not _BASE64.fullmatch(key):
        raise InvalidInput("that is no public key in PEM form; nothing was done", hint="openssl rsa -in key.p8 -pubout")
    return key


def _access_row(user: NewUser, names: Names) -> str:
    schema = f"{names.database}.{names.schema}"
    values, sees_content = (user.name.upper(), user.customer, user.org_id), str(user.sees_content).upper()
    literals = [_quoted(value) if value is not None else "NULL" for value in values]
    return (
        f"MERGE INTO {schema}.ACCESS_MAP AS known\n"  # noqa: S608 - names are checked, values quoted
        f"USING (SELECT {literals[0]} AS user_name, {literals[1]}::VARCHAR AS customer, {literals[2]}::VARCHAR AS org_id) "
        "AS wanted\n"
        "    ON known.user_name = wanted.user_name AND EQUAL_NULL(known.customer, wanted.customer) "
        "AND EQUAL_NULL(known.org_id, wanted.org_id)\n"
        f"WHEN MATCHED THEN UPDATE SET sees_content = {sees_content}\n"
        "WHEN NOT MATCHED THEN INSERT (user_name, customer, org_id, sees_content) "
        f"VALUES (wanted.user_name, wanted.customer, wanted.org_id, {sees_content})"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} is not a plain name of a user; nothing was done", hint="letters, digits and _")
