"""Where the programs, the data and the socket of a part are, so that the user it runs as can get to them."""

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import stat
from pathlib import Path

from server.embedded.account import Account, account_for
from server.embedded.errors import EmbeddedError

# Where root keeps what cannot stay below a directory that only root may enter.
SYSTEM_HOME = Path("/var/lib/swaploop")
# The kernel takes 107 bytes on Linux and 103 on macOS; `.s.PGSQL.5432` is the longest name we put below it.
SOCKET_DIRECTORY_BYTES_MAX = 103 - len("/.s.PGSQL.5432")


def settle(data: Path, folder_name: str) -> tuple[Path, Account]:
    """Where the folder called `folder_name` of the data directory `data` is or shall be, and who works on it.

    Below `data`, unless we are root and the user we switch to cannot go there: then below /var/lib/swaploop.
    """
    here = data / folder_name
    elsewhere = SYSTEM_HOME / _short_hash(data) / folder_name
    if here.exists():
        account = account_for(here)
        if account.switched and not account.can_enter(data):
            raise EmbeddedError(
                f"{here} holds the data, and user {account.name}, whom it belongs to, can no longer go there: let them "
                f"pass with chmod o+x on the directories above it, or move {data} to where they can."
            )
        return here, account
    if os.geteuid() == 0 and elsewhere.exists():
        return elsewhere, account_for(elsewhere)
    account = account_for(here)
    if not account.switched or account.can_enter(data):
        return here, account
    open_directory(elsewhere.parent)
    (elsewhere.parent / "belongs-to").write_text(f"{data}\n")
    return elsewhere, account


def open_directory(path: Path) -> None:
    """Make the directory, and those above it, so that everybody may pass through whatever our umask says."""
    for directory in (*reversed(path.parents), path):
        if not directory.exists():
            directory.mkdir()
            directory.chmod(0o755)


def own(folder: Path, account: Account) -> None:
    """Have `folder` and all that is in it belong to `account`: a backup that root copied back belongs to root."""
    if not account.switched or folder.stat().st_uid == account.user_id:
        return
    for root, directories, files in os.walk(folder):
        for name in (*directories, *files):
            os.chown(Path(root, name), account.user_id, account.group_id, follow_symlinks=False)
    os.chown(folder, account.user_id, account.group_id)


def distribution_version(distribution: str) -> str:
    """The version of an installed wheel. Raises EmbeddedError where it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError as error:
        raise EmbeddedError(
            f"The package {distribution} is not installed: install what requirements.lock lists, or set "
            "DATABASE_URL and REDIS_URL to servers of your own."
        ) from error


def programs(distribution: str, parts: tuple[str, ...], probe: str, account: Account) -> Path:
    """The directory that holds `parts` of the wheel `distribution` in their layout, where `account` can run them.

    That is site-packages itself, or, when `account` cannot run `probe` there, a copy below /var/lib/swaploop. `parts`
    are paths below site-packages; those that are missing are skipped. `probe` is one that answers `--version`.
    """
    version = distribution_version(distribution)
    spec = importlib.util.find_spec(distribution.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The package {distribution} is installed without its files: install it again.")
    site = Path(spec.submodule_search_locations[0]).parent
    if account.can(site / probe, "--version"):
        return site
    if account.switched:
        copy = _copy_of(site, parts, f"{distribution}-{version}", account)
        if account.can(copy / probe, "--version"):
            return copy
        site = copy
    raise EmbeddedError(
        f"User {account.name} cannot run {site / probe}: it must lie where programs may be run (not on a file system "
        "mounted noexec), and be made for this machine."
    )


def _copy_of(site: Path, parts: tuple[str, ...], name: str, account: Account) -> Path:
    home = SYSTEM_HOME / "programs" / _short_hash(site)
    copy = home / name
    if copy.exists():
        return copy
    open_directory(home)
    unfinished = home / f"{name}.{os.getpid()}"
    for part in parts:
        if (site / part).exists():
            shutil.copytree(site / part, unfinished / part, symlinks=True)
    for root, directories, files in os.walk(unfinished):
        # An installation under a strict umask is root's alone, and would be just as unreachable here.
        for entry in (Path(root), *(Path(root, other) for other in (*directories, *files))):
            if not entry.is_symlink():
                mode = stat.S_IMODE(entry.stat().st_mode)
                entry.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
    try:
        unfinished.rename(copy)
    except OSError:
        if not copy.exists():
            raise
        shutil.rmtree(unfinished)  # another server was faster
    return copy


def socket_directory(folder: Path, account: Account) -> Path:
    """A directory that only `account` may enter, whose path is short and plain enough for a socket and for a URL.

    `folder` itself where it is; a directory in /tmp otherwise.
    """
    plain = re.fullmatch(r"[A-Za-z0-9/._-]+", str(folder)) is not None
    if plain and len(os.fsencode(folder)) <= SOCKET_DIRECTORY_BYTES_MAX:
        return folder
    directory = Path("/tmp") / f"swaploop-{account.user_id}-{_short_hash(folder)}"  # noqa: S108
    try:
        directory.mkdir(mode=0o700)
        if account.switched:
            os.chown(directory, account.user_id, account.group_id)
    except FileExistsError:
        pass
    found = directory.lstat()
    # Anybody may have made it before us, so as to have our sockets in a directory of theirs.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.user_id or stat.S_IMODE(found.st_mode) & 0o077:
        raise EmbeddedError(
            f"{directory} should be a directory that only user {account.name} may enter, and is not: remove it, or set "
            "DATA_DIR to a directory with a shorter path."
        )
    return directory


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
