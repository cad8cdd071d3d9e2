"""Changes who owns the database's login, in the order in which nothing can be lost.

Between `generated`, `existing` and `external` a move changes Pulumi's state and the stack's settings only. To
and from `rds-managed` the login itself changes hands as well (`handover`). With the new state and settings,
the next preview may show permissions that follow the mode and a secret's description, and nothing else, or
state and settings are put back.
"""

from dataclasses import dataclass
from pathlib import Path

from local.files import write_atomic
from operations import changes
from operations.credentials import handover
from operations.credentials.adopt import INSTANCE, NAME
from operations.credentials.instance import RdsInstance
from operations.credentials.login import CredentialsProblem, DatabaseAccess
from operations.credentials.ownership import SECRET, Taking, give_up, newcomers, relabel
from operations.credentials.rotate import Say, unfinished
from operations.credentials.settings import MODES, mode_of, settings_changed, settings_file, with_mode
from operations.state import Edited, edit, find, load, refresh
from workers.contracts.problem import Problem

RDS = "rds-managed"
_DESCRIPTION = {"description", "tags", "tagsAll", "recoveryWindowInDays"}


def look(access: DatabaseAccess, mode: str) -> Edited:
    """What a move would do. Raises `Problem` where it is not safe; needs a login that works and no open
    change."""
    return Edited(_Move.prepare(access, mode).edits())


def move(access: DatabaseAccess, mode: str, say: Say = lambda _text: None) -> Edited:
    """Do it. State and settings are the old ones again where the next preview would show more than that."""
    moving = _Move.prepare(access, mode)
    edits = moving.edits()
    if not edits:
        return Edited(())
    if moving.before == mode:
        moving.finish(say)
        return Edited(edits)
    return Edited(edits, moving.carry_out(say))


@dataclass(frozen=True)
class _Move:
    access: DatabaseAccess
    after: str
    instance: RdsInstance

    @property
    def before(self) -> str:
        return self.access.mode

    @classmethod
    def prepare(cls, access: DatabaseAccess, mode: str) -> "_Move":
        """Checked, and not begun."""
        if mode not in MODES:
            raise Problem(f"`{mode}` is no mode.", fix=f"Use one of {', '.join(MODES)}.")
        target = access.target
        if not target.command:
            raise CredentialsProblem(
                "no_state",
                "This stack was made without an engine.",
                why="So nobody keeps its state.",
                fix="`./bmx down --volumes` and `./bmx up` make it anew with an engine.",
            )
        if (configured := mode_of(target)) != access.mode:
            raise CredentialsProblem(
                "not_deployed",
                f"The settings say mode `{configured}`, what is deployed `{access.mode}`.",
                why="The next move starts where the last one has ended.",
                fix=f"Deploy stack {target.stack} first.",
            )
        instance = RdsInstance(target, access.instance or f"bluemoxon-{target.stack}")
        made = cls(access, mode, instance)
        made.check()
        return made

    def edits(self) -> tuple[str, ...]:
        """What will be done, a line each, in order."""
        if self.before == self.after:
            return self._unfinished()
        name = handover.usual_secret(self.access)
        first: tuple[str, ...] = ()
        then: tuple[str, ...] = ()
        if self.after == RDS and self.before != "external":
            first = handover.TO_RDS
        elif self.before == RDS and self.after != "external":
            first = (handover.FROM_RDS.format(secret=name),)
            again = "later, when stack and application are deployed, this command once more"
            then = (f"{again}: {handover.RELEASE}",)
        file = settings_file(self.access.target).name
        state = give_up(load(self.access.target), self.before, self.after)
        last = f"{file}: bluemoxon:database.mode is `{self.after}`"
        return (*first, *state, *newcomers(self.before, self.after), last, *then)

    def check(self) -> None:
        """Raise `Problem` where the move would not be safe."""
        if self._handing_over:
            return  # an interrupted one: only going on helps
        self.access.verify()
        if self.before == self.after:
            return
        if unfinished(self.access) is not None:
            raise CredentialsProblem(
                "rotation_unfinished",
                "A rotation of this login was interrupted.",
                fix="Finish it with `bmx credentials rotate`, then move.",
            )
        if self.before == "external":
            self._check_import()
        if self.before == RDS and self.after != "external":
            handover.check_copy(self.access)
        elif self.after == "generated":
            self._check_secret()
        open_changes = changes.plan(self.access.target).changes
        if open_changes:
            target = self.access.target
            raise Problem(
                f"Stack {target.stack} has {len(open_changes)} changes that are not deployed.",
                why="A move has to be told from them.",
                fix=f"Deploy or undo them first (`bmx plan {target.options}`).",
            )

    def carry_out(self, say: Say) -> Path:
        """The move; the state before."""
        access = self.access
        if self.after == RDS and self.before != "external":
            access = handover.to_rds(access, self.instance, say)
        elif self.before == RDS and self.after != "external":
            access = handover.from_rds(access, say)
        target, file = access.target, settings_file(access.target)
        text = file.read_text(encoding="utf-8")
        settled = with_mode(text, self.after, self._values(access))

        def check() -> None:
            self.instance.tag(self.after)
            write_atomic(file, settled, mode=0o644)
            settings_changed(target)
            instance = find(load(target), INSTANCE, NAME)
            if instance is not None:
                refresh(target, [str(instance["urn"])])
            self._require_no_more(Taking(access, self.instance).take())

        try:
            with edit(target, check) as (state, backup):
                give_up(state, self.before, self.after)
                relabel(state, access, self.after)
        except BaseException:
            write_atomic(file, text, mode=0o644)
            settings_changed(target)
            if self.instance.exists():
                self.instance.tag(self.before)
            raise
        return backup.file

    def finish(self, say: Say) -> None:
        """What an earlier move had to leave for later."""
        if self.after == RDS:
            handover.close_overlap(self.access, say)
            return
        managed = handover.usable_secret(self.instance)
        readers = handover.readers(self.access, managed)
        if readers:
            raise CredentialsProblem(
                "still_read",
                f"Functions of this stack still read RDS's secret: {', '.join(readers)}.",
                why="RDS deletes it when it lets go, and they could not log in any more.",
                fix="Deploy stack and application first, then run this again.",
            )
        handover.release(self.access, self.instance, say)

    def _unfinished(self) -> tuple[str, ...]:
        if self.after in {"generated", "existing"} and self._rds_owns:
            return (handover.RELEASE,)
        if self.after == RDS and handover.has_overlap(self.access):
            return ("drop the role of the overlap",)
        return ()

    @property
    def _rds_owns(self) -> bool:
        return self.before != "external" and self.instance.owns_login()

    @property
    def _handing_over(self) -> bool:
        return self.after == RDS and self.before in {"generated", "existing"} and self._rds_owns

    def _values(self, access: DatabaseAccess) -> dict[str, str | int | bool]:
        """What the settings have to say besides the mode."""
        if self.after == "external":
            return {
                "secret_arn": access.secret_arn,
                "host": access.host,
                "port": access.port,
                "name": access.name,
            }
        values: dict[str, str | int | bool] = {}
        if self.before == "external":
            values = {"username": access.read().username, **self.instance.settings()}
        usual = f":secret:{handover.usual_secret(access)}-"
        if self.after == "existing" and usual not in access.secret_arn:
            values["secret"] = access.secret_arn
        return values

    def _check_import(self) -> None:
        if not self.instance.exists():
            raise CredentialsProblem(
                "not_there",
                f"RDS has no instance {self.instance.identifier} in this stack's account.",
                why="A stack owns an instance of that name; a cluster, as Aurora, or an instance of others "
                "stays `external`.",
                fix="Stay with `external`, or make a stack with a database of its own and copy the data.",
            )
        if self.after == RDS and self.instance.managed_secret() != self.access.secret_arn:
            raise CredentialsProblem(
                "not_managed",
                "RDS does not own the login of this database.",
                why="It makes a new password when it takes it, which needs a database that is the stack's.",
                fix="Move to `existing` first, deploy, then to `rds-managed`.",
            )
        if self.after != RDS and self.instance.owns_login():
            raise CredentialsProblem(
                "managed",
                "RDS owns the login of this database.",
                why="It would rotate it, and the stack's copy would not know.",
                fix="Move to `rds-managed` first, deploy, then on.",
            )

    def _check_secret(self) -> None:
        """The program's own secret has the stack's name and AWS's key."""
        arn, usual = self.access.secret_arn, handover.usual_secret(self.access)
        found = handover.described(self.access, arn) or {}
        if f":secret:{usual}-" not in arn or found.get("KmsKeyId"):
            raise CredentialsProblem(
                "other_secret",
                f"The secret {arn} cannot become the program's.",
                why=f"The program's own is called {usual} and is encrypted with AWS's key; a secret is not "
                "renamed, and with another one database and application would have to change.",
                fix="Stay in the mode it is in. With another name, `existing` is as safe, and `bmx "
                "credentials rotate` works there, too.",
            )

    def _require_no_more(self, planned: changes.Changes) -> None:
        left = [one for one in planned.changes if not _follows(one)]
        if left:
            raise Problem(
                "State and settings were put back: with them, the next deploy would change more than follows "
                "the mode.",
                why=", ".join(f"{one.operation} {one.type} {one.name}" for one in left),
                fix="Bring settings and account in line, then move.",
            )


def _follows(change: changes.Change) -> bool:
    """Permissions, and what others wrote on a secret that is the program's from now on."""
    roots = {str(changes.keys(one.path)[0]) for one in change.properties}
    described = change.type == SECRET and roots <= _DESCRIPTION
    return change.operation == "update" and (change.type.startswith("aws:iam/") or described)
