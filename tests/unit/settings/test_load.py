"""Settings: the file, the environment over it, and sentences for what is wrong."""

from pathlib import Path

import pytest

from demitasse.settings.errors import InvalidSettings
from demitasse.settings.load import load_settings, read_config, write_config
from demitasse.vault.cipher import new_key


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    write_config(tmp_path, {"encryption_key": new_key(), "time_zone": "Asia/Kolkata", "crm_url": "a"})
    settings = load_settings(tmp_path, environ={"DEMITASSE_CRM_URL": "b", "DEMITASSE_DEVELOPER_MODE": "1", "HOME": "/"})

    assert (settings.conf["crm_url"], settings.developer_mode, settings.time_zone) == ("b", True, "Asia/Kolkata")
    assert read_config(tmp_path)["crm_url"] == "a"


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_config(tmp_path, {"encryption_key": new_key()})

    assert (tmp_path / "site_config.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({}, "encryption_key"),
        ({"time_zone": "Mars/Base"}, "Mars/Base"),
        ({"installed_apps": 5}, "installed_apps"),
        ({"log_retention_days": -1}, "log_retention_days"),
        ({"webhook_retry_schedule": ["soon"]}, "delays in seconds"),
    ],
)
def test_a_key_that_cannot_be_used_is_named(tmp_path: Path, conf: dict[str, object], message: str) -> None:
    write_config(tmp_path, conf if not conf else {"encryption_key": new_key(), **conf})

    with pytest.raises(InvalidSettings, match=message):
        load_settings(tmp_path, environ={})


def test_a_folder_without_a_site_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="demitasse new-site"):
        load_settings(tmp_path, environ={})


def test_a_file_that_is_not_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site_config.json").write_text("{oops")

    with pytest.raises(InvalidSettings, match="not valid JSON"):
        load_settings(tmp_path, environ={})
