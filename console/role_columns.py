"""What a comparison of roles puts side by side, read from its address: roles, and users with all of their roles."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from django.core.exceptions import ValidationError
from django.http import QueryDict

from accounts.models import Scope, User
from console.finders import find, place_named, user_named, visible_places, visible_users
from policies import access
from policies.matrix import MOST_COLUMNS, Column, column_of_role, column_of_user
from policies.models import Catalogue, Role
from policies.protected import At
from policies.rulebook import Rulebook, rulebook
from policies.sentences import place_of

LONGEST = 120  # characters of a name that are looked for


@dataclass
class Chosen:
    """The columns that an address asks for, as far as the viewer may see them; what was typed stays as it was.

    `role` and `user` stand in it as often as wanted; `place` is where the users' roles count, `only=differences` leaves
    out the rows that are alike. `errors`: {name of a field: what is wrong}.
    """

    viewer: User
    data: QueryDict
    errors: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.book: Rulebook = rulebook()
        self.place_name = _typed(self.data.get("place", ""))
        self.place = self._place()
        self.roles = roles_named(self.book, self.data)
        names = list(dict.fromkeys(filter(None, map(_typed, self.data.getlist("user")))))[:MOST_COLUMNS]
        self.users = {name: user for name in names if (user := self._user(name))}
        self.unknown = [name for name in names if name not in self.users]

    @property
    def only_differences(self) -> bool:
        return self.data.get("only") == "differences"

    @property
    def left_out(self) -> int:
        """How many columns there is no room for."""
        return max(0, len(self.roles) + len(self.users) - MOST_COLUMNS)

    @cached_property
    def columns(self) -> list[Column]:
        """Users stand last and are never left out for roles."""
        users = [column_of_user(user, self.place) for user in self.users.values()]
        roles = [column_of_role(self.book, role) for role in self.roles[: MOST_COLUMNS - len(users)]]
        return [*roles, *users]

    @property
    def chips(self) -> list[dict[str, str]]:
        """What is side by side, for components/filter_chips.html."""
        found = [("Role", str(role), "role", role.uid) for role in self.roles]
        found += [("User", user.label, "user", name) for name, user in self.users.items()]
        found += [("Place", self.place.name, "place", "")] if self.place else []
        found += [("Only", "differences", "only", "")] if self.only_differences else []
        return [dict(zip(("label", "value", "name", "raw"), chip, strict=True)) for chip in found]

    def _place(self) -> Scope | None:
        if not self.place_name:
            return None
        try:
            found: Scope = find(visible_places(self.viewer), self.place_name, place_named, ("name", "pk"))
        except ValidationError as error:
            self.errors["place"] = " ".join(error.messages)
            return None
        return found

    def _user(self, name: str) -> User | None:
        """Somebody of whom the viewer may see what they can do: themselves, or where decisions may be explained to them."""
        if "place" in self.errors:
            return None
        if name.lower() in (self.viewer.username, self.viewer.uid):
            return self.viewer
        place = self.place or access.root_for(self.viewer)
        try:
            if not access.may(self.viewer, "explain", At("decision", place)):
                where = f"in {place}." if self.place else "everywhere. Name a place of yours."
                raise ValidationError(f"You may not see what others can do {where}")
            found: User = find(visible_users(self.viewer, place), name, user_named, ("description", "username"))
        except ValidationError as error:
            self.errors["user"] = " ".join(error.messages)
            return None
        return found


def roles_named(book: Rulebook, data: QueryDict) -> list[Role]:
    """The roles that an address names, in the order of their catalogues; ids that are none are passed over."""
    wanted = set(data.getlist("role"))
    return sorted((role for role in book.roles.values() if role.uid in wanted), key=place_of)


def by_catalogue(roles: Iterable[Role]) -> dict[Catalogue, list[Role]]:
    """{catalogue: its roles}, in the order of the catalogues."""
    found: dict[Catalogue, list[Role]] = {}
    for role in sorted(roles, key=place_of):
        found.setdefault(role.catalogue, []).append(role)
    return found


def _typed(text: str) -> str:
    """What no database can look for is left out."""
    return text.replace("\x00", "").strip()[:LONGEST]
