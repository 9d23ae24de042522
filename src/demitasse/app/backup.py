"""A site as one file: its database as of one moment, its configuration with the encryption key, its files."""

import os
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demitasse.app.connecting import LEDGER_NAME
from demitasse.app.site import database_path, open_site
from demitasse.app.webhooks import writing
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.db.copying import check_database, copy_database
from demitasse.db.transaction import Transaction
from demitasse.documents import operations, queries
from demitasse.documents.explaining import WEBHOOK
from demitasse.kernel import json
from demitasse.kernel.clock import utc_now
from demitasse.kernel.errors import DemitasseError
from demitasse.settings.load import CONFIG_NAME, load_settings, read_config, write_config
from demitasse.settings.model import Settings

_ABOUT = "demitasse-backup.json"
_FORMAT = 1
_NOT_KEPT = frozenset({"site.lock", LEDGER_NAME, f".{CONFIG_NAME}.new"})
_JOURNALS = ("-wal", "-shm", "-journal")
_REASON = "Restored from a backup: resume it when this copy shall deliver"


class InvalidBackup(DemitasseError):
    """A file is no backup of a site, or one that cannot be used here."""

    code = "invalid_backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was made; ``files`` counts those beside the database and the configuration."""

    path: str
    size_bytes: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A site that was made of a backup; ``paused`` counts webhooks."""

    site: str
    files: int
    made_at: str
    paused: int


def back_up(site: Path, target: Path) -> Backup:
    """Write a site into one gzipped tar file, also while it serves. The file holds secrets: only its owner may read it.

    Raises:
        InvalidSettings: there is no site here.
        InvalidBackup: the target is there already.
        DatabaseError: the database cannot be copied.
    """
    settings = load_settings(site, environ=os.environ)
    database = database_path(settings)
    if target.exists():
        message = f"{target} is there already: choose another name, or move it away"
        raise InvalidBackup(message, path=str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    files = 0
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=target.parent) as folder:
        # The database before the files: a document's file may then be missing from no backup, only be one too many.
        copy = Path(folder) / "database"
        copy_database(database, copy)
        about = Path(folder) / _ABOUT
        about.write_bytes(json.encode_pretty({"format": _FORMAT, "made_at": utc_now().isoformat(timespec="seconds")}))
        unfinished = Path(folder) / "backup.tar.gz"
        with tarfile.open(unfinished, "w:gz", compresslevel=6) as archive:
            unfinished.chmod(0o600)
            archive.add(about, _ABOUT)
            archive.add(settings.site / CONFIG_NAME, CONFIG_NAME)
            archive.add(copy, _database_name(settings, database))
            for file in _files(settings.site, database):
                archive.add(file, str(file.relative_to(settings.site)), recursive=False)
                files += 1
        size_bytes = unfinished.stat().st_size
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.rename(target)
    return Backup(path=str(target.resolve()), size_bytes=size_bytes, files=files)


def restore(archive: Path, site: Path, *, pauses_webhooks: bool = False) -> Restored:
    """Make a site of a backup, in a folder that is not there or is empty.

    Deliveries that were due when the backup was made are due in the restored site too, under the ids that they have.

    Args:
        pauses_webhooks: For a copy beside the original: all its webhooks are paused before anything is sent.

    Raises:
        InvalidBackup: the file is no backup, it is damaged, or the folder is not empty.
    """
    if site.exists() and (not site.is_dir() or any(site.iterdir())):
        message = f"{site} is not empty: choose another folder"
        raise InvalidBackup(message, site=str(site))
    site.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=site.parent) as folder:
        unpacked = Path(folder) / "site"
        unpacked.mkdir(mode=0o700)
        made_at = _unpack(archive, unpacked)
        database = _restored_database(unpacked, archive)
        check_database(database)
        place = database.relative_to(unpacked)
        if site.exists():
            site.rmdir()
        unpacked.rename(site)
    return Restored(
        site=str(site.resolve()),
        files=sum(1 for _ in _files(site, site / place)),
        made_at=made_at,
        paused=_pause_all(site) if pauses_webhooks else 0,
    )


def _unpack(archive: Path, folder: Path) -> str:
    """Unpack a backup, and return when it was made."""
    try:
        with tarfile.open(archive, "r:gz") as packed:
            packed.extractall(folder, filter="data")  # Refuses paths and links that lead out of the folder.
        about = json.decode((folder / _ABOUT).read_bytes())
    except (OSError, EOFError, tarfile.TarError, json.MalformedJson) as error:
        message = f"{archive} is no backup of a site, or a damaged one: {error}"
        raise InvalidBackup(message, path=str(archive)) from error
    if not isinstance(about, dict) or about.get("format") != _FORMAT:
        message = f"{archive} was made by another version: restore it with that one"
        raise InvalidBackup(message, path=str(archive))
    (folder / _ABOUT).unlink()
    (folder / CONFIG_NAME).chmod(0o600)
    return str(about.get("made_at"))


def _restored_database(folder: Path, archive: Path) -> Path:
    """Return the database of an unpacked site; where it lay elsewhere before, it now lies in the folder."""
    config = read_config(folder)
    settings = load_settings(folder, environ={})
    name = _database_name(settings, database_path(settings))
    found = folder / name
    if not found.is_file():
        message = f"{archive} holds no database"
        raise InvalidBackup(message, path=str(archive))
    if database_path(settings) != found.resolve():
        write_config(folder, {**config, "database_url": f"sqlite:///{name}"})
    return found


def _database_name(settings: Settings, database: Path) -> str:
    """Return where the database lies in a backup: as in the site's folder, or at its top when it lies elsewhere."""
    inside = database.is_relative_to(settings.site)
    return str(database.relative_to(settings.site)) if inside else database.name


def _files(site: Path, database: Path) -> Iterator[Path]:
    """Yield the files of a site beside its configuration and its database; links are left out."""
    kept_apart = {database, site / CONFIG_NAME, *(database.with_name(database.name + end) for end in _JOURNALS)}
    for file in sorted(site.rglob("*")):
        if file.is_file() and not file.is_symlink() and file not in kept_apart and file.name not in _NOT_KEPT:
            yield file


def _pause_all(path: Path) -> int:
    site = open_site(path)

    def work(tx: Transaction) -> int:
        doctype = site.registry.get(WEBHOOK)
        asked = {"filters": {"paused": 0}, "limit": 0}
        found = queries.select(site.documents, tx, doctype, actor=None, fields=["name"], **asked).rows
        values = {"paused": 1, "paused_reason": _REASON}
        for (name,) in found:
            operations.set_values(site.documents, tx, doctype, name, values, actor=ADMINISTRATOR_ACTOR)
        return len(found)

    try:
        return writing(site, work)
    finally:
        site.close()
