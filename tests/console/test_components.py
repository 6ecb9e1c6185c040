"""The components render what the visual language asks for, and no template has an inline style, script or handler."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.forms.renderers import DjangoTemplates
from django.template import engines
from django.template.loader import get_template, render_to_string
from django.test import RequestFactory
from django.utils import timezone

from console.templatetags import roster

TEMPLATES = Path(settings.BASE_DIR) / "templates"
PAGES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))
HOSTILE = "<script>alert(1)</script>\"'&"


def render(source: str, query: str = "", **context: Any) -> str:
    """A template source, rendered as a page at /list with this query string would."""
    text = (
        engines["django"]
        .from_string("{% load roster %}" + source)
        .render(context, RequestFactory().get(f"/list{query}"))
    )
    return re.sub(r"\s+", " ", text).strip()


def role(label: str = "Reader", family: str = "ai") -> SimpleNamespace:
    return SimpleNamespace(label=label, family=family, purpose="Opens what exists.")


@pytest.mark.parametrize("name", PAGES)
def test_every_template_compiles(name: str) -> None:
    get_template(name)


@pytest.mark.parametrize("name", [name for name in PAGES if not name.startswith("admin/")])
def test_templates_keep_the_strict_content_security_policy(name: str) -> None:
    source = (TEMPLATES / name).read_text()
    assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:|hx-on|<style|<script(?! src=)|data:image", source), name


def test_widgets_are_written_as_django_writes_them() -> None:
    choices = [("", "Any"), ("1", HOSTILE), ("Group &", [(2, "Two"), (None, "Three")])]

    class Everything(forms.Form):
        text = forms.CharField(max_length=5, widget=forms.TextInput({"data-odd": HOSTILE, "hidden": False, "lang": 5}))
        email, number, day, at = forms.EmailField(), forms.IntegerField(), forms.DateField(), forms.DateTimeField()
        password = forms.CharField(widget=forms.PasswordInput)
        concealed = forms.CharField(widget=forms.HiddenInput)
        long = forms.CharField(widget=forms.Textarea)
        tick, one = forms.BooleanField(), forms.ChoiceField(choices=choices)
        many = forms.MultipleChoiceField(choices=choices)
        lines = forms.ChoiceField(choices=choices, widget=forms.RadioSelect)

    typed = {"text": HOSTILE, "number": "1234", "long": HOSTILE, "concealed": "x", "tick": "on", "one": "1", "many": 2}
    for data in (None, typed, {"number": "x", "long": ""}):
        ours, theirs = (Everything(data, renderer=renderer).as_div() for renderer in (None, DjangoTemplates()))
        assert ours.split() == theirs.split()  # theirs has empty lines between options


@pytest.mark.parametrize("name", PAGES)
def test_comments_of_several_lines_are_comments(name: str) -> None:
    """Django skips {# #} only within one line; longer ones would be shown to everybody."""
    for line in (TEMPLATES / name).read_text().splitlines():
        assert line.count("{#") == line.count("#}"), name


def test_scripts_are_files_and_write_no_markup() -> None:
    script = (Path(settings.BASE_DIR) / "static/js/roster.js").read_text()
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", script)


def test_the_page_of_a_server_error_needs_no_context() -> None:
    assert "Something broke here" in get_template("500.html").render()


class TestTags:
    def test_icon_is_hidden_from_screen_readers(self) -> None:
        assert 'aria-hidden="true"' in roster.icon("plus", "micro")
        assert 'class="icon yes"' in roster.icon("check", "micro", "yes")

    @pytest.mark.parametrize(
        ("distance", "words"),
        [
            (timedelta(seconds=20), "just now"),
            (timedelta(minutes=1, seconds=5), "1 minute ago"),
            (timedelta(hours=2, seconds=5), "2 hours ago"),
            (timedelta(days=6, hours=23), "6 days ago"),
            (-timedelta(days=3, seconds=5), "in 3 days"),
        ],
    )
    def test_moments_within_a_week_say_how_far(self, distance: timedelta, words: str) -> None:
        assert f">{words}</time>" in roster.when(timezone.now() - distance)

    def test_older_moments_are_dates_with_the_exact_instant_beside_them(self) -> None:
        text = roster.when(datetime(2024, 11, 14, 9, 5, 7, tzinfo=UTC))
        assert 'datetime="2024-11-14T09:05:07+00:00"' in text
        assert 'title="14 Nov 2024, 09:05:07 UTC"' in text
        assert ">14 Nov 2024</time>" in text
        assert ">14 Nov 2024, 09:05</time>" in roster.instant(datetime(2024, 11, 14, 9, 5, tzinfo=UTC))

    def test_no_moment_is_a_word(self) -> None:
        assert roster.when(None) == "never"
        assert roster.when(None, "not recorded") == "not recorded"

    @pytest.mark.parametrize(
        ("name", "letters"),
        [("vision-lab", "VL"), ("Mara Lindqvist", "ML"), ("admin", "AD"), ("", "?"), ("__", "?"), ("Ünal Öz", "ÜÖ")],
    )
    def test_initials(self, name: str, letters: str) -> None:
        assert roster.initials(name) == letters

    def test_a_chip_links_to_the_address_without_its_value(self) -> None:
        query = "?role=a&role=b&page=3&q=x%26y"
        assert render('{% query_without "role" "a" %}', query) == "?role=b&amp;q=x%26y"
        assert render('{% query_without "role" %}', query) == "?q=x%26y"

    def test_the_filter_travels_with_the_bulk_form(self) -> None:
        html = render('{% query_inputs "q" "role" %}', f"?role=a&role=b&q={HOSTILE}&page=2")
        assert html.count('name="role"') == 2
        assert "<script" not in html
        assert "page" not in html


class TestSorting:
    def test_each_click_turns_the_order(self) -> None:
        for sort, follow, state in (
            ("", "-created", None),
            ("-created", "created", "descending"),
            ("created", "-created", "ascending"),
        ):
            html = render('{% sort_th "created" "Created" sort first="-" %}', "?page=4&q=x", sort=sort)
            assert f'href="?q=x&amp;sort={follow}"' in html
            assert (f'aria-sort="{state}"' in html) if state else ("aria-sort" not in html)

    def test_the_pager_keeps_the_query(self) -> None:
        page = Paginator(range(1204), 25).page(3)
        html = render(
            '{% include "components/data_foot.html" with page=page noun="user" nouns="users" only %}', "?q=x", page=page
        )
        assert "51–75 of 1,204 users" in html
        assert 'href="?q=x&amp;page=4"' in html
        assert '<span aria-current="page">' in html

    def test_one_page_has_no_pager(self) -> None:
        page = Paginator(range(1), 25).page(1)
        html = render(
            '{% include "components/data_foot.html" with page=page noun="user" nouns="users" only %}', page=page
        )
        assert "1 user" in html
        assert "<nav" not in html


class TestComponents:
    def test_a_chip_shows_what_the_filter_is_and_how_to_remove_it(self) -> None:
        chips = [{"label": "Status", "value": "Active", "name": "status", "raw": "ok"}]
        html = render('{% include "components/filter_chips.html" %}', "?status=ok&q=x", chips=chips, sort="-created")
        assert 'aria-label="Remove filter: status Active"' in html
        assert 'href="?q=x"' in html
        assert '<input type="hidden" name="sort" value="-created" form="filters">' in html

    @pytest.mark.parametrize(
        ("status", "word"),
        [("ok", "Active"), ("disabled", "Disabled"), ("no_role", "No access"), ("expired", "Expired")],
    )
    def test_a_status_has_a_word_and_an_icon(self, status: str, word: str) -> None:
        html = render('{% include "components/status.html" %}', status=status)
        assert word in html
        assert "<svg" in html

    def test_a_role_that_one_may_not_give_stays_visible_with_its_reason(self) -> None:
        choice = {"role": role(), "value": "r", "checked": False, "blocked": "You do not hold it."}
        html = render('{% include "components/choice.html" %}', choice=choice)
        assert 'disabled aria-describedby="why-r"' in html
        assert "You do not hold it." in html

    def test_nobody_without_a_role_shows_nothing(self) -> None:
        assert "No role" in render('{% include "components/role_chips.html" %}', roles=[])

    def test_the_diff_says_what_saving_gives_takes_and_keeps(self) -> None:
        diff = {"added": [role("A")], "removed": [role("B")], "kept": [role("C")]}
        html = render('{% include "components/diff.html" %}', diff=diff)
        assert [word for word in ("Gives", "Takes", "Keeps") if word in html] == ["Gives", "Takes", "Keeps"]
        assert "Nothing yet" in render('{% include "components/diff.html" %}', diff={"kept": [role()]})

    def test_the_matrix_says_yes_and_no_in_words(self) -> None:
        matrix = {
            "roles": [role("A"), role("B")],
            "rows": [
                {"service": "S", "permission": "P", "cells": [True, False]},
                {"service": "S", "permission": "Q", "cells": [True, True]},
            ],
        }
        html = render('{% include "components/matrix.html" with label="Matrix" %}', matrix=matrix)
        assert html.count("Yes</span>") == 3
        assert html.count("No</span>") == 1
        assert html.count('scope="rowgroup"') == 1

    @pytest.mark.parametrize(
        ("before", "after", "text"),
        [("a", "b", "Name: <del>a</del> → b"), ("", "b", "Name: b"), ("a", "", "Name: <del>a</del>")],
    )
    def test_a_change_shows_what_was_and_what_is(self, before: str, after: str, text: str) -> None:
        change = {"label": "Name", "before": before, "after": after}
        html = render('{% include "components/changes.html" %}', changes=[change])
        assert html == f'<span class="d-block">{text}</span>'

    def test_the_secret_is_masked_and_its_copy_button_waits_for_script(self) -> None:
        context = {"label": "Password", "name": "secret", "value": "a<b", "masked": True}
        html = render_to_string("components/secret.html", context)
        assert "<details><summary>" in html
        assert 'id="secret" data-secret translate="no">a&lt;b</span>' in html
        assert re.search(r'data-copy="secret" hidden', html)

    @pytest.mark.parametrize("name", ["event", "role_chip", "no_permission", "typed", "page_header"])
    def test_hostile_text_is_text(self, name: str) -> None:
        word = HOSTILE
        context = {
            "event": {"actor": word, "what": word, "target": word, "added": [role(word, word)], "reason": word},
            "role": role(word, word),
            "denied": {"what": word, "helpers": [word], "role": word},
            "heading": "h1",
            "field": {"html_name": "x", "id_for_label": "x", "value": word},
            "expected": word,
            "title": word,
            "targets": True,
        }
        html = render(f'{{% include "components/{name}.html" %}}', **context)
        assert "<script" not in html
        assert "&lt;script" in html


class TestForms:
    class Form(forms.Form):
        description = forms.CharField(help_text="What it is for.")
        note = forms.CharField(required=False)
        kind = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)

    def test_message_and_help_are_beside_the_field_and_named_by_it(self) -> None:
        html = render("{% load crispy_forms_filters %}{{ form.description|as_crispy_field }}", form=self.Form({}))
        named = re.search(r'aria-describedby="([^"]+)"', html)
        assert named
        assert all(f'id="{target}"' in html for target in named[1].split())
        assert 'aria-invalid="true"' in html
        assert "is-invalid" in html

    def test_optional_fields_say_so(self) -> None:
        html = render("{% load crispy_forms_filters %}{{ form.note|as_crispy_field }}", form=self.Form())
        assert "(optional)" in html

    def test_choices_are_a_group_with_a_legend(self) -> None:
        html = render("{% load crispy_forms_filters %}{{ form.kind|as_crispy_field }}", form=self.Form())
        assert "<legend" in html
        assert html.count('type="radio"') == 2

    def test_the_summary_links_to_every_field(self) -> None:
        form = self.Form({})
        html = render('{% include "components/form_errors.html" with what="Not added" %}', form=form)
        fields = render(
            "{% load crispy_forms_filters %}{% for field in form %}{{ field|as_crispy_field }}{% endfor %}", form=form
        )
        assert "Not added: 2 things to correct" in html
        targets = re.findall(r'href="#([^"]+)"', html)
        assert len(targets) == 2
        assert all(f'id="{target}"' in fields for target in targets)
