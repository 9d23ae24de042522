"""How often a login may fail."""

from datetime import UTC, datetime, timedelta

import pytest

from demitasse.auth.errors import TooManyLogins
from demitasse.auth.throttle import Allowance, LoginThrottle

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def throttle() -> LoginThrottle:
    return LoginThrottle(
        for_user=Allowance(failures=2, within=MINUTE), for_address=Allowance(failures=4, within=MINUTE)
    )


def test_a_user_may_fail_so_often_and_is_told_how_long_to_wait() -> None:
    logins = throttle()
    for seconds in (0, 10):
        logins.check(user="asha", address="a", now=NOW + timedelta(seconds=seconds))

    with pytest.raises(TooManyLogins) as refused:
        logins.check(user="asha", address="b", now=NOW + timedelta(seconds=20))
    assert refused.value.data["retry_after_s"] == 41


def test_a_failure_is_forgotten_when_its_time_is_over() -> None:
    logins = throttle()
    for seconds in (0, 10, 60):
        logins.check(user="asha", address="a", now=NOW + timedelta(seconds=seconds))


def test_an_address_may_fail_so_often_whoever_it_tries() -> None:
    logins = throttle()
    for user in "abcd":
        logins.check(user=user, address="a", now=NOW)

    with pytest.raises(TooManyLogins):
        logins.check(user="e", address="a", now=NOW)
    logins.check(user="e", address="b", now=NOW)


def test_a_success_forgives_the_user_but_not_the_address() -> None:
    logins = throttle()
    logins.check(user="b", address="a", now=NOW)
    for _ in range(3):
        logins.check(user="asha", address="a", now=NOW)
        logins.succeeded(user="asha", address="a")
    for user in "cde":
        logins.check(user=user, address="a", now=NOW)

    with pytest.raises(TooManyLogins):
        logins.check(user="f", address="a", now=NOW)


def test_what_is_refused_is_not_counted() -> None:
    logins = throttle()
    for _ in range(2):
        logins.check(user="asha", address="a", now=NOW)
    for _ in range(5):
        with pytest.raises(TooManyLogins):
            logins.check(user="asha", address="a", now=NOW + MINUTE / 2)
    logins.check(user="asha", address="a", now=NOW + MINUTE)


def test_strangers_who_guess_do_not_keep_out_who_is_at_home() -> None:
    logins = throttle()
    logins.check(user="asha", address="home", now=NOW)
    logins.succeeded(user="asha", address="home")
    for address in ("x", "y"):
        logins.check(user="asha", address=address, now=NOW)
    with pytest.raises(TooManyLogins):
        logins.check(user="asha", address="z", now=NOW)

    for _ in range(2):
        logins.check(user="asha", address="home", now=NOW)
    with pytest.raises(TooManyLogins):
        logins.check(user="asha", address="home", now=NOW)
