"""Signing in and out, one's own password, sessions and theme.

A try is counted before its password is looked at, and audited; whatever is wrong with it, the answer is the same.

Wrong tries are limited for an account from one address, for an address, and for an account from anywhere. The first two
stop a guesser; the third stops one with many addresses, and alone it would let them lock their victim out. So a browser
in which the account signed in before is counted by itself: however many others guess, its owner gets in. Windows do not
grow with refused tries, so that a new browser too has its chance when the next one begins.
"""

import secrets
from collections.abc import Callable, Iterable
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import Throttle, User
from policies.actions.users import lock, set_password
from policies.actor import Actor
from policies.audit import record, recording
from policies.last_used import touch

WINDOW = timedelta(minutes=15)
TRIES_FROM_KNOWN_BROWSER = 10
TRIES_FOR_ACCOUNT_FROM_ADDRESS = 10
TRIES_FROM_ADDRESS = 50  # an office behind one address mistypes more often than a person
TRIES_FOR_ACCOUNT = 100
TRIES_OF_OWN_PASSWORD = 10
FORGETS_EVERY = 100  # sign-ins

TEMPORARY_PASSWORD_LASTS = timedelta(hours=24)


class TooManyTries(Exception):
    """Refused before any password was looked at. `seconds`: when it is worth trying again, at the latest."""

    seconds = int(WINDOW.total_seconds())

    def __str__(self) -> str:
        return f"Too many tries. Wait {self.seconds // 60} minutes, then try again."


def check_credentials(
    *,
    actor: Actor,
    username: str,
    password: str,
    browser: str = "",
    why_not: Callable[[User | None], str] | None = None,
) -> User | None:
    """The person whom username and password name, else None. Every outcome hashes exactly once. Raises TooManyTries.

    `browser`: the mark of a browser in which this account signed in before. `why_not`: who does not sign in here, and
    why; without it everybody but people.
    """
    name = username.strip().lower()
    user = User.objects.filter(username=name).select_related("project").order_by().first()
    limits = _limits(name, actor.address, browser)
    count_try(actor=actor, limits=limits, user=user, action="user.sign_in")
    wrong = (why_not or _why_not)(user)
    if user is None or wrong:
        make_password(password)  # takes as long as looking
    elif user.check_password(password):
        forgive(limits)
        return user
    # The name of nobody is not kept: it may be a password, typed into the wrong field.
    record(actor, "user.sign_in", user, outcome="refused", after={"reason": wrong or "wrong password"})
    return None


def _why_not(user: User | None) -> str:
    """Why nobody signs in as this user, whatever the password; for the audit trail alone."""
    if user is None:
        return "unknown username"
    if user.is_project_user:
        return "a project user"
    if not user.is_active:
        return "disabled"
    if not user.has_usable_password():
        return "has no password"
    set_at = user.password_set_at
    if user.password_is_temporary and (set_at is None or timezone.now() - set_at > TEMPORARY_PASSWORD_LASTS):
        return "the temporary password is too old"
    return ""


def account_mark(username: str) -> str:
    """Stands for a username that somebody typed, where the name itself must not be kept."""
    return salted_hmac("roster.sign_in", username.strip().lower()).hexdigest()[:32]


def _limits(name: str, address: str, browser: str) -> dict[str, int]:
    """How many wrong tries each key may have; the key of the account where it is tried from comes first."""
    if browser:
        return {f"sign-in:browser:{browser}": TRIES_FROM_KNOWN_BROWSER}
    account, network = account_mark(name), _network(address)
    return {
        f"sign-in:account:{account}:{network}": TRIES_FOR_ACCOUNT_FROM_ADDRESS,
        f"sign-in:address:{network}": TRIES_FROM_ADDRESS,
        f"sign-in:account:{account}": TRIES_FOR_ACCOUNT,
    }


def limits_of(what: str, said: str, address: str, tries: int) -> dict[str, int]:
    """How many wrong tries of a secret there may be from one address, by the words that somebody names it with."""
    return {f"{what}:{account_mark(said)}:{_network(address)}": tries}


def _network(address: str) -> str:
    """What one client can choose its addresses from: the /64 of an IPv6 address, an IPv4 address itself."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))
    return str(ip)


def count_try(*, actor: Actor, limits: dict[str, int], user: User | None, action: str) -> None:
    """Count one try of a secret. Raises TooManyTries where a limit is passed; the first to pass it is audited.

    What is over a limit already is only read: a flood does not make the database write.
    """
    if any(tries > limits[key] for key, tries in Throttle.tries_of([*limits]).items()):
        raise TooManyTries
    tries_of = Throttle.count_all(list(limits), WINDOW)
    for key, limit in limits.items():
        tries = tries_of[key]
        if tries == limit + 1:
            what = {"reason": "too many tries", "limit": limit, "until": (timezone.now() + WINDOW).isoformat()}
            record(actor, action, user, outcome="refused", after=what)
        if tries > limit:
            raise TooManyTries


def forgive(limits: dict[str, int]) -> None:
    """A right secret: its try does not count, nor do the wrong ones from the same place. Now and then old counters go."""
    Throttle.forgive(*limits)
    if secrets.randbelow(FORGETS_EVERY) == 0:
        Throttle.objects.filter(window_ends_at__lt=timezone.now() - timedelta(days=1)).delete()


def signed_in(*, actor: Actor, user: User) -> None:
    """Note that somebody signed in."""
    with recording(actor) as trail:
        trail.add("user.sign_in", user)
        touch(user, user.pk)


def signed_out(*, actor: Actor, user: User, session_key: str) -> None:
    """Note that somebody signed out, and take the session off their list."""
    with recording(actor) as trail:
        UserSession.objects.filter(user=user, session_key=session_key).delete()
        trail.add("user.sign_out", user)


def is_own_password(*, actor: Actor, user: User, password: str) -> bool:
    """Whether a signed-in person knows their password. Raises TooManyTries; wrong ones are audited."""
    limits = {f"own-password:{user.uid}": TRIES_OF_OWN_PASSWORD}
    count_try(actor=actor, limits=limits, user=user, action="user.change_password")
    if user.check_password(password):
        forgive(limits)
        return True
    record(actor, "user.change_password", user, outcome="refused", after={"reason": "wrong password"})
    return False


def change_own_password(*, actor: Actor, user: User, password: str) -> None:
    """Set the password that a person chose, after the current one was checked.

    Their sessions end on their next request, but for one that is given the new password's hash.
    """
    encoded = make_password(password)
    with recording(actor) as trail:
        lock(user)
        set_password(user, encoded, temporary=False)
        trail.add("user.change_password", user)


def end_sessions(*, actor: Actor, user: User, sessions: Iterable[UserSession]) -> None:
    """End sessions of a person: their own, or anybody's for those who may disable them. Raises Denied."""
    with recording(actor) as trail:
        if actor.user != user:
            actor.require("disable", user)
        for session in sessions:
            trail.add("user.end_session", user, before={"from": session.ip, "browser": session.user_agent})
            session.end()


def choose_theme(*, user: User, theme: str) -> None:
    """A preference of one's own: not audited."""
    user.theme = theme
    user.save(update_fields=["theme"])
