"""Tables of the discussion. Only the log, the read marks and what is anchored cannot be rebuilt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

ROOM: Final = "discussion"
STEPS: Final[Sequence[Sequence[str]]] = (
    (
        """
        CREATE TABLE discussion_head (
            id INTEGER NOT NULL PRIMARY KEY,
            entries BIGINT NOT NULL,
            notices BIGINT NOT NULL
        )
        """,
        "INSERT INTO discussion_head (id, entries, notices) VALUES (0, 0, 0)",
        """
        CREATE TABLE discussion_log (
            seq BIGINT NOT NULL PRIMARY KEY,
            digest TEXT NOT NULL UNIQUE,
            type TEXT NOT NULL,
            author TEXT NOT NULL,
            nonce TEXT NOT NULL,
            subject TEXT NOT NULL,
            about TEXT NOT NULL,
            follows TEXT UNIQUE,
            received_at BIGINT NOT NULL,
            marks TEXT NOT NULL,
            record TEXT NOT NULL,
            UNIQUE (author, nonce)
        )
        """,
        "CREATE INDEX discussion_log_by_subject ON discussion_log (subject, seq)",
        "CREATE INDEX discussion_log_by_about ON discussion_log (type, about, seq)",
        "CREATE INDEX discussion_log_by_time ON discussion_log (received_at, author)",
        """
        CREATE TABLE discussion_notices (
            id BIGINT NOT NULL PRIMARY KEY,
            address TEXT NOT NULL,
            kind TEXT NOT NULL,
            source TEXT NOT NULL,
            subject TEXT NOT NULL,
            author TEXT NOT NULL,
            at BIGINT NOT NULL,
            UNIQUE (address, source)
        )
        """,
        "CREATE INDEX discussion_notices_by_address ON discussion_notices (address, id)",
        """
        CREATE TABLE discussion_read (
            address TEXT NOT NULL PRIMARY KEY,
            upto BIGINT NOT NULL
        )
        """,
        """
        CREATE TABLE discussion_accesses (
            author TEXT NOT NULL,
            nonce TEXT NOT NULL,
            expires_at BIGINT NOT NULL,
            PRIMARY KEY (author, nonce)
        )
        """,
        """
        CREATE TABLE discussion_batches (
            first BIGINT NOT NULL PRIMARY KEY,
            count BIGINT NOT NULL,
            root TEXT NOT NULL,
            raw TEXT NOT NULL,
            tx TEXT NOT NULL,
            block BIGINT
        )
        """,
    ),
)
"""Schema steps for database.migrations."""
