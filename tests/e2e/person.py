"""What somebody does in the console, in the words of the stories."""

import re
from typing import Any

from playwright.sync_api import Error, Locator, Page, Response, expect

PASSWORD = "seven purple herons wade at noon"


class Person:
    """Somebody at a browser. `secrets`: the generated passwords that they were shown."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.secrets: list[str] = []

    # ---- Anywhere

    def opens(self, address: str) -> Response:
        response = self.page.goto(address)
        assert response is not None
        return response

    def presses(self, name: str, where: Locator | None = None) -> None:
        """A button."""
        (where or self.page).get_by_role("button", name=name, exact=True).filter(visible=True).click()

    def follows(self, name: str, where: Locator | None = None) -> None:
        """A link."""
        (where or self.page.locator("main")).get_by_role("link", name=name, exact=True).filter(
            visible=True
        ).first.click()

    def fills(self, label: str, text: str) -> None:
        self.field(label).fill(text)

    def field(self, label: str) -> Locator:
        return self.page.locator("main").get_by_label(re.compile(rf"^{re.escape(label)}( \(optional\))?\W*$"))

    def reads(self, *texts: str | re.Pattern[str]) -> None:
        """These stand on the page, in its main part."""
        for text in texts:
            expect(self.page.locator("main")).to_contain_text(text)

    def reads_no(self, *texts: str) -> None:
        for text in texts:
            expect(self.page.locator("main")).not_to_contain_text(text)

    def goes_back(self) -> None:
        try:
            self.page.go_back()
        except Error as error:
            assert "ERR_CACHE_MISS" in str(error)  # noqa: PT017 - Chromium asks before it would send a form again
            expect(self.page).to_have_url("chrome-error://chromewebdata/")

    def is_at(self, heading: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)

    # ---- Signing in and out

    def signs_in(self, username: str, password: str = PASSWORD) -> None:
        self.opens("/")
        self.is_at("Sign in")
        self.fills("Username", username)
        self.fills("Password", password)
        self.presses("Sign in")

    def chooses_a_password(self, old: str, new: str = PASSWORD) -> None:
        self.is_at("Choose your own password")
        self.fills("Current password", old)
        self.fills("New password", new)
        self.fills("New password, once more", new)
        self.presses("Change password")
        self.reads("Your password is changed.")

    def signs_out(self) -> None:
        self.page.get_by_role("button", name=re.compile("^Account: ")).click()
        self.presses("Sign out", self.page.locator("#account"))
        self.is_at("Sign in")

    # ---- Projects

    def creates_a_project(self, name: str) -> None:
        self.opens("/projects/new/")
        self.fills("Name", name)
        self.presses("Create project")
        self.reads(f"Project {name} created")

    # ---- Adding a user

    def describes(self, description: str, username: str = "") -> None:
        """Step 1 of adding a user."""
        self.fills("Description", description)
        self.fills("Username", username)
        self.presses("Choose roles")

    def box(self, role: str) -> Locator:
        """The box of a role, opening the rest of its group where it stands there."""
        box = self.page.locator("label.choice").filter(has=self.page.get_by_text(role, exact=True)).locator("input")
        box.wait_for(state="attached")
        if not box.is_visible():
            self.page.locator("details:not([open])").filter(has=box).locator("summary").click()
        return box

    def ticks(self, *roles: str) -> None:
        for role in roles:
            self.box(role).check()

    def unticks(self, *roles: str) -> None:
        for role in roles:
            self.box(role).uncheck()

    def sees_that_it_holds(self, *roles: str) -> None:
        """On a user's page."""
        table = self.page.get_by_role("region", name="Roles", exact=True)
        expect(table.locator("tbody th")).to_have_text(list(roles))

    def adds(self, description: str, *roles: str, username: str = "") -> tuple[str, str]:
        """A user with roles, from the list of the project to the secret page and its end: username and password."""
        self.follows("Add user")
        self.describes(description, username)
        if roles:
            self.ticks(*roles)
        self.presses("Add user and show password")
        if not roles:
            self.page.get_by_label("Add it without a role").check()
            self.presses("Add user and show password")
        shown = self.reads_the_secret()
        self.has_stored_it()
        return shown

    # ---- The one-time secret

    def reads_the_secret(self) -> tuple[str, str]:
        """Username and password, the password masked until asked for."""
        page = self.page
        username, password = page.locator("#secret-username"), page.locator("#secret-password")
        expect(password).to_be_hidden()
        page.locator("main summary").filter(visible=True).click()
        expect(password).to_be_visible()
        secret = password.inner_text()
        assert re.fullmatch(r"[A-Za-z0-9]{22,}", secret)
        self.secrets.append(secret)
        return username.inner_text(), secret

    def has_stored_it(self) -> None:
        self.page.get_by_label("I have stored the password.").check()
        self.presses("Done")

    # ---- The list

    @property
    def rows(self) -> Locator:
        return self.page.locator("#results tbody tr")

    def sees_rows(self, *descriptions: str) -> None:
        """These, in this order, and no others."""
        expect(self.rows.locator("th .main")).to_have_text(list(descriptions))

    def row(self, description: str) -> Locator:
        return self.rows.filter(has=self.page.get_by_role("link", name=description, exact=True))

    def chooses(self, entry: str, of: str) -> None:
        """An entry of the "…" menu of a row."""
        self.row(of).get_by_role("button", name=re.compile("^More for ")).click()
        self.row(of).locator(".menu").get_by_role("link", name=entry, exact=True).click()

    def searches(self, text: str) -> None:
        self.page.get_by_role("searchbox", name=re.compile("^Search ")).fill(text)
        self.page.get_by_role("searchbox", name=re.compile("^Search ")).press("Enter")

    def filters(self, **values: Any) -> None:
        """filters(Role="AI Training Reader"), by the labels of the Filter menu."""
        self.presses("Filter")
        menu = self.page.locator("#add-filter")
        for label, value in values.items():
            menu.get_by_label(label, exact=True).select_option(label=value)
        self.presses("Apply", menu)

    def picks(self, *descriptions: str) -> None:
        for description in descriptions:
            self.row(description).get_by_role("checkbox").check()
