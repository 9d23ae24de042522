"""A site is backed up while it serves, and another one is made of it."""

import json
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

from tests.e2e.receiver import Receiver
from tests.e2e.site import ServedSite, run_command
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import add_lead, add_webhook, deliveries


def restored(site: ServedSite, path: Path) -> ServedSite:
    """Return the site that was restored to a folder; keys and password are those of the first."""
    key, _, secret = site.authorization.removeprefix("token ").partition(":")
    return ServedSite(path, key=key, secret=secret, password=site.password)


def test_a_restored_site_has_the_documents_files_and_secrets_and_delivers_when_told(
    copy_site: Callable[[], ServedSite], receiver: Receiver, tmp_path: Path
) -> None:
    site = copy_site().start()
    (site.path / "files").mkdir()
    (site.path / "files" / "menu.txt").write_text("Alphonso")
    backup = tmp_path / "kept" / "site.tar.gz"
    with site.client() as admin:
        webhook = add_webhook(admin, receiver.url(), enable_security=1, webhook_secret="s3cret", paused=1)
        lead = add_lead(admin, lead_name="Asha")
        done = run_command("backup", str(backup), "--site", str(site.path), "--json")
        assert done.returncode == 0, done.stderr
        add_lead(admin, lead_name="After the backup")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600

    done = run_command("restore", str(backup), str(tmp_path / "again"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"] == 1
    second = restored(site, tmp_path / "again").start()
    try:
        assert (second.path / "files" / "menu.txt").read_text() == "Alphonso"
        with second.client() as admin:
            names = [row["name"] for row in admin.get("/api/resource/Lead").data]
            assert names == [lead["name"]]
            assert admin.put(f"/api/resource/Webhook/{webhook}", {"paused": 0}).status == 200
            wait_for("the held delivery", lambda: deliveries(admin, webhook, status="Delivered"))
        assert receiver.arrived()[0].headers["x-frappe-webhook-signature"]
    finally:
        second.close()


def test_a_copy_can_be_kept_from_delivering(
    copy_site: Callable[[], ServedSite], receiver: Receiver, tmp_path: Path
) -> None:
    site = copy_site().start()
    with site.client() as admin:
        webhook = add_webhook(admin, receiver.url())
    backup = tmp_path / "site.tar.gz"
    run_command("backup", str(backup), "--site", str(site.path))
    done = run_command("restore", str(backup), str(tmp_path / "copy"), "--pause-webhooks", "--json")
    assert json.loads(done.stdout)["paused"] == 1
    listed = run_command("webhook", "list", "--site", str(tmp_path / "copy"), "--json")
    assert [(line["name"], line["state"]) for line in json.loads(listed.stdout)] == [(webhook, "paused")]


def test_nothing_that_is_there_is_overwritten(copy_site: Callable[[], ServedSite], tmp_path: Path) -> None:
    site = copy_site()
    backup = tmp_path / "site.tar.gz"
    backup.write_text("mine")
    assert run_command("backup", str(backup), "--site", str(site.path)).returncode == 1
    assert backup.read_text() == "mine"
    assert run_command("restore", str(backup), str(site.path)).returncode == 1


def test_what_is_no_backup_leaves_nothing_behind(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.tar.gz"
    evil = tmp_path / "evil"
    evil.write_text("x")
    with tarfile.open(wrong, "w:gz") as archive:
        archive.add(evil, "../../escaped")
    done = run_command("restore", str(wrong), str(tmp_path / "into"))
    assert done.returncode == 1
    assert "no backup of a site" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil", "wrong.tar.gz"]
