"""Connections: the secret is read when one is opened, and once more when the login is refused."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from chalicelib.aws import Clients, error_code, passes, unanswered
from chalicelib.faults import Fault, FaultCode, MisconfiguredError
from workers.contracts import RDS_ROOTS, DatabaseTarget

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT = 4
"""Seconds; psycopg's least is 2."""

_STATEMENT_TIMEOUT = "20s"
"""Below API Gateway's 29 s, so that a stuck statement ends as an answer and not as a cut-off call."""

_SILENCE_MILLISECONDS = 5000
"""How long what was sent may stay unacknowledged: a pooled connection whose peer is gone would otherwise
cost a call its 29 s."""

_ABANDONED = "35s"
"""Above API Gateway's 29 s: ends the transaction of a function that was frozen or killed, with its locks."""


@dataclass(frozen=True, repr=False)
class _Login:
    username: str
    password: str


class Database:
    """The engine of one process, made at first use.

    The pool is sized for a Lambda, which serves one request at a time: one connection is kept, a few more
    are opened for a moment. A pooled connection is tested before use, and replaced when the database was
    restarted.
    """

    def __init__(self, target: DatabaseTarget | None, clients: Clients) -> None:
        if target is None:
            raise MisconfiguredError(
                "This stack has no database.",
                why="BMX_DATABASE is empty.",
                fix="Set the database in the stack's config, deploy it, and run `bmx config sync`.",
            )
        self._target = target
        self._clients = clients
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        if self._engine is None:
            self._engine = create_engine(
                "postgresql+psycopg://",
                creator=self.connect,
                pool_size=1,
                max_overflow=8,
                pool_pre_ping=True,
                pool_recycle=600,
                pool_timeout=10,
            )
        return self._engine

    def connect(self) -> psycopg.Connection:
        """A new connection, logged in with what the secret says now.

        Where the login is refused, the secret is read again: a rotation may have come between. While a
        rotation is half done, the new password lies in the stage AWSPENDING, so that is tried too.
        """
        login = self._login("AWSCURRENT")
        try:
            return self._open(login)
        except psycopg.OperationalError:
            for stage in ("AWSCURRENT", "AWSPENDING"):
                newer = self._newer(login, stage)
                if newer is not None:
                    return self._open(newer)
            raise

    def dispose(self) -> None:
        """Close the pooled connections."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction: committed at the end, rolled back on any exception.

        Raises `Fault` (`unavailable`) where the database cannot be reached.
        """
        with _reachable(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction without the mapped classes."""
        with _reachable(), self.engine.begin() as connection:
            yield connection

    def _newer(self, refused: _Login, stage: str) -> _Login | None:
        try:
            login = self._login(stage)
        except MisconfiguredError:
            return None
        return login if login != refused else None

    def _login(self, stage: str) -> _Login:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._clients.secrets.get_secret_value(
                SecretId=self._target.secret_arn, VersionStage=stage
            )
        except (ClientError, BotoCoreError) as error:
            if passes(error):
                raise unanswered("The database's login", error) from error
            raise MisconfiguredError(
                "The database secret cannot be read.",
                why=f"{error_code(error)} for its stage {stage}.",
                fix="Check that it exists (`GET /admin/system-info` names it) and that the application's "
                "role may read it.",
            ) from error
        try:
            content = json.loads(answer["SecretString"])
            return _Login(str(content["username"]), str(content["password"]))
        except (KeyError, TypeError, ValueError):
            # The error would quote the secret's text.
            raise MisconfiguredError(
                "The database secret is not in its format.",
                why="It must be JSON with username and password.",
                fix="Compare it with docs/credentials.md and run `bmx credentials verify`.",
            ) from None

    def _open(self, login: _Login) -> psycopg.Connection:
        target = self._target
        return psycopg.connect(
            host=target.host,
            port=target.port,
            dbname=target.name,
            user=login.username,
            password=login.password,
            sslmode=target.sslmode,
            sslrootcert=str(RDS_ROOTS) if target.sslmode == "verify-full" else None,
            connect_timeout=CONNECT_TIMEOUT,
            application_name="bluemoxon",
            tcp_user_timeout=_SILENCE_MILLISECONDS,
            keepalives_idle=30,
            keepalives_interval=5,
            keepalives_count=2,
            options=f"-c statement_timeout={_STATEMENT_TIMEOUT}"
            f" -c idle_in_transaction_session_timeout={_ABANDONED} -c timezone=UTC",
        )


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        raise _unavailable(error) from error
    except DBAPIError as error:
        if error.connection_invalidated or isinstance(error.orig, psycopg.OperationalError):
            raise _unavailable(error) from error
        raise


def _unavailable(error: Exception) -> Fault:
    """The cause names the database's address and user, which are not for every caller."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    logger.error("The database does not answer: %s: %s", type(cause).__name__, str(cause).strip())
    return Fault(
        FaultCode.UNAVAILABLE,
        "The database does not answer.",
        why=type(cause).__name__,
        fix="Try again in a moment; `GET /health/deep` tells administrators more.",
    )
