"""What people and runs change: configured sources, cursors, corrections. SQLite, or PostgreSQL by URL.

Few rows, transactional, edited in place; facts never live here. The layout is made by the Alembic
migrations in ``state_migrations/``.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from ktlo.errors import StoreError


class Base(DeclarativeBase):
    """Root of the state's tables."""


class SourceRow(Base):
    """A source that a person added."""

    __tablename__ = "sources"
    source_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    options: Mapped[str]
    added_at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True))
    removed_at: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))


class CursorRow(Base):
    """From where a source continues."""

    __tablename__ = "cursors"
    source_id: Mapped[str] = mapped_column(primary_key=True)
    cursor: Mapped[str]
    saved_at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True))


class CorrectionRow(Base):
    """What a person said about an item's category or about who is who; the newest wins."""

    __tablename__ = "corrections"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    subject: Mapped[str] = mapped_column(index=True)
    key: Mapped[str]
    value: Mapped[str]
    author: Mapped[str]
    said_at: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True))


@dataclass(frozen=True, slots=True)
class ConfiguredSource:
    """A source as a person configured it."""

    source_id: str
    kind: str
    options: Mapping[str, Any]
    added_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Correction:
    """Something that a person said; ``subject`` says about what: ``category``, ``person``, ``budget``."""

    subject: str
    key: str
    """For a category ``ITEM_KIND|SOURCE|ITEM_ID``; for a person the alias, ``mail:…`` or ``login:…``;
    elsewhere a name."""
    value: str
    """The category, the person, or a JSON document; empty withdraws what was said."""
    author: str
    said_at: dt.datetime


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _aware(moment: dt.datetime) -> dt.datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


class State:
    """The state database.

    Args:
        url: SQLAlchemy URL.

    Raises:
        StoreError: the database cannot be reached or migrated.
    """

    def __init__(self, url: str | sa.URL) -> None:
        try:
            address = sa.make_url(url)
        except sa.exc.ArgumentError as error:
            raise StoreError(
                "the state database has no SQLAlchemy URL",
                where="store.state",
                fix="Write postgresql+psycopg://user@host/database, or leave it out for SQLite",
            ) from error
        if address.drivername in ("postgres", "postgresql"):
            address = address.set(drivername="postgresql+psycopg")
        where = address.render_as_string(hide_password=True)
        try:
            self._engine = sa.create_engine(address)
        except (sa.exc.SQLAlchemyError, ModuleNotFoundError) as error:
            raise _unusable(error, where) from error
        try:
            if self._engine.dialect.name == "sqlite":
                sa.event.listen(self._engine, "connect", _sqlite_durable)
            self._migrate(where)
        except sa.exc.SQLAlchemyError as error:
            self.close()
            raise _unusable(error, where) from error
        except StoreError:
            self.close()
            raise

    @classmethod
    def in_folder(cls, folder: Path) -> State:
        """The default: a SQLite file in the data folder."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(sa.URL.create("sqlite", database=str(folder / "state.sqlite")))

    @property
    def engine(self) -> sa.Engine:
        """SQLAlchemy's engine, for what listens to its events."""
        return self._engine

    def _migrate(self, where: str) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", "ktlo.store:state_migrations")
        with self._engine.begin() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise StoreError(
                    f"the state database was made by a newer ktlo: {error}",
                    where=where,
                    fix="Use that ktlo, or give this one its own folder with --data",
                ) from error

    def sources(self) -> list[ConfiguredSource]:
        """Sources that were added and not removed, oldest first."""
        with Session(self._engine) as session:
            rows = session.scalars(
                sa.select(SourceRow).where(SourceRow.removed_at.is_(None)).order_by(SourceRow.added_at)
            )
            return [
                ConfiguredSource(row.source_id, row.kind, json.loads(row.options), _aware(row.added_at))
                for row in rows
            ]

    def removed_sources(self) -> list[ConfiguredSource]:
        """Sources that were added and removed, oldest first; their records may still be in the store."""
        with Session(self._engine) as session:
            rows = session.scalars(
                sa.select(SourceRow).where(SourceRow.removed_at.is_not(None)).order_by(SourceRow.added_at)
            )
            return [
                ConfiguredSource(row.source_id, row.kind, json.loads(row.options), _aware(row.added_at))
                for row in rows
            ]

    def sources_with_cursor(self) -> frozenset[str]:
        """Identifiers of the sources that have a cursor, whether they are still read or not."""
        with Session(self._engine) as session:
            return frozenset(session.scalars(sa.select(CursorRow.source_id)))

    def add_source(self, source_id: str, kind: str, options: Mapping[str, Any]) -> None:
        """Add a source, or change the options of one."""
        with Session(self._engine) as session, session.begin():
            row = session.get(SourceRow, source_id)
            if row is None:
                row = SourceRow(source_id=source_id, kind=kind, options="", added_at=_now())
                session.add(row)
            row.kind, row.options, row.removed_at = kind, json.dumps(dict(options)), None

    def remove_source(self, source_id: str) -> bool:
        """Stop reading a source; its records stay. False when there is none."""
        with Session(self._engine) as session, session.begin():
            row = session.get(SourceRow, source_id)
            if row is None or row.removed_at is not None:
                return False
            row.removed_at = _now()
            return True

    def forget_cursor(self, source_id: str) -> None:
        """Drop a cursor: the source is read from the beginning the next time."""
        with Session(self._engine) as session, session.begin():
            session.execute(sa.delete(CursorRow).where(CursorRow.source_id == source_id))

    def cursor(self, source_id: str) -> Mapping[str, Any]:
        """The last committed cursor; empty when there is none."""
        with Session(self._engine) as session:
            row = session.get(CursorRow, source_id)
            return dict(json.loads(row.cursor)) if row else {}

    def set_cursor(self, source_id: str, cursor: Mapping[str, Any]) -> None:
        """Commit a cursor."""
        with Session(self._engine) as session, session.begin():
            session.merge(CursorRow(source_id=source_id, cursor=json.dumps(dict(cursor)), saved_at=_now()))

    def correct(self, subject: str, key: str, value: str, author: str) -> None:
        """Record a correction; nothing is overwritten, the newest of a key is in force."""
        with Session(self._engine) as session, session.begin():
            session.add(CorrectionRow(subject=subject, key=key, value=value, author=author, said_at=_now()))

    def corrections(self, subject: str) -> list[Correction]:
        """Corrections in force, one a key, oldest first; withdrawn ones are left out."""
        with Session(self._engine) as session:
            rows = session.scalars(
                sa.select(CorrectionRow)
                .where(CorrectionRow.subject == subject)
                .order_by(CorrectionRow.number)
            )
            newest = {row.key: row for row in rows}
            return [
                Correction(row.subject, row.key, row.value, row.author, _aware(row.said_at))
                for row in newest.values()
                if row.value
            ]

    def history(self, subject: str) -> list[Correction]:
        """Everything that was ever said about a subject, oldest first, withdrawals included."""
        with Session(self._engine) as session:
            rows = session.scalars(
                sa.select(CorrectionRow)
                .where(CorrectionRow.subject == subject)
                .order_by(CorrectionRow.number)
            )
            return [
                Correction(row.subject, row.key, row.value, row.author, _aware(row.said_at)) for row in rows
            ]

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()


def _unusable(error: Exception, where: str) -> StoreError:
    reason = str(getattr(error, "orig", None) or error).strip().replace("\n", " ")
    return StoreError(
        f"the state database cannot be used: {reason}",
        where=where,
        fix="Check store.state in ktlo.yaml; PostgreSQL needs `pip install ktlo[postgresql]`",
    )


def _sqlite_durable(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.close()
