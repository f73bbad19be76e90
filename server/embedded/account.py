"""Who PostgreSQL and Valkey run as: ourselves, or somebody else when we are root, whom PostgreSQL refuses."""

import os
import pwd
import subprocess
from pathlib import Path
from typing import NamedTuple

from server.embedded.errors import EmbeddedError

USERS_FOR_ROOT = ("postgres", "nobody")


class Account(NamedTuple):
    """The user a part runs as."""

    name: str
    user_id: int
    group_id: int
    switched: bool  # we are root and become this user for the part

    @property
    def switch_user_id(self) -> int | None:
        """For `subprocess`: None stays who we are."""
        return self.user_id if self.switched else None

    @property
    def switch_group_id(self) -> int | None:
        return self.group_id if self.switched else None

    @property
    def switch_extra_groups(self) -> list[int] | None:
        return [] if self.switched else None

    def can(self, *command: str | Path) -> bool:
        """Whether `command` succeeds when this user runs it."""
        try:
            done = subprocess.run(  # noqa: S603
                [str(word) for word in command],
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=30,
                user=self.switch_user_id,
                group=self.switch_group_id,
                extra_groups=self.switch_extra_groups,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def can_enter(self, directory: Path) -> bool:
        return self.can("/bin/sh", "-c", 'cd -- "$1"', "sh", directory)


def account_for(folder: Path) -> Account:
    """Who shall work on `folder`, which need not exist yet: its owner, when we are root; ourselves otherwise."""
    owner_id = folder.stat().st_uid if folder.exists() else None
    user_id = os.geteuid()
    if user_id != 0:
        if owner_id not in (None, user_id):
            raise EmbeddedError(
                f"{folder} belongs to user {_name_of(owner_id)}: start the server as root or as that user, give the "
                "directory to yourself with chown -R, or set DATA_DIR to another one."
            )
        return Account(_entry_of(user_id).pw_name, user_id, os.getegid(), switched=False)
    if owner_id:
        owner = _entry_of(owner_id)
        return Account(owner.pw_name, owner.pw_uid, owner.pw_gid, switched=True)
    for name in USERS_FOR_ROOT:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switched=True)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody to run it as: "
        "start the server as an ordinary user, or set DATABASE_URL and REDIS_URL."
    )


def _name_of(user_id: int | None) -> str:
    try:
        return pwd.getpwuid(user_id if user_id is not None else -1).pw_name
    except (KeyError, OverflowError):
        return str(user_id)


def _entry_of(user_id: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(user_id)
    except KeyError as error:
        raise EmbeddedError(
            f"User id {user_id} has no entry in /etc/passwd, and PostgreSQL does not start without one: add the user, "
            "start the server as another one, or set DATABASE_URL and REDIS_URL."
        ) from error
