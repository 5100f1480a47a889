"""`when`: in which modes an action runs. Source: docs/spec/drworkflow.md, "when"."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.phases import Mode
from planning.definitions.when import WhenError, modes, runs

CONDITIONS = [
    ('mode == "install"', {Mode.INSTALL}),
    ("mode == 'Upgrade'", {Mode.UPGRADE}),
    ("operation==delete", {Mode.DELETE}),
    ('  MODE == "ROLLBACK"  ', {Mode.ROLLBACK}),
    ('mode == "install" || operation == "upgrade"', {Mode.INSTALL, Mode.UPGRADE}),
    ('mode == "install"||mode == "install"', {Mode.INSTALL}),
    ("", set(Mode)),
    (" \n", set(Mode)),
]


@pytest.mark.parametrize(("text", "expected"), CONDITIONS)
def test_a_condition_names_the_modes_in_which_it_holds(text: str, expected: set[Mode]) -> None:
    assert modes(text) == expected


NOT_CONDITIONS = [
    "install",
    "mode",
    'mode != "install"',
    'mode in ["install"]',
    'mode == "install" && mode == "upgrade"',
    'mode == "install" ||',
    'mode == "install|upgrade"',
    '!(mode == "install")',
    "mode = install",
    "$(params.mode) == install",
    'stage == "install"',
    "true",
]


@pytest.mark.parametrize("text", NOT_CONDITIONS)
def test_anything_else_is_an_error_that_shows_a_condition(text: str) -> None:
    with pytest.raises(WhenError) as error:
        modes(text)
    assert str(error.value) == f'{text} is not a condition; write mode == "install", and join several with ||'


def test_a_mode_that_does_not_exist_is_an_error_that_lists_those_that_do() -> None:
    with pytest.raises(WhenError) as error:
        modes('mode == "install" || mode == "instal"')
    assert str(error.value) == 'unsupported value "instal"; supported values: install, upgrade, delete, rollback'


@given(wanted=st.sets(st.sampled_from(Mode), min_size=1), mode=st.sampled_from(Mode), data=st.data())
def test_an_action_runs_in_the_modes_that_its_condition_names(
    wanted: set[Mode], mode: Mode, data: st.DataObject
) -> None:
    spell = st.sampled_from(['mode == "{}"', "operation=='{}'", " mode =={} "])
    text = "||".join(data.draw(spell).format(each.value.lower()) for each in sorted(wanted))
    assert runs(text, mode) is (mode in wanted)


@pytest.mark.parametrize("when", [None, "", 'mode == "install"'])
def test_without_a_mode_nothing_is_filtered(when: str | None) -> None:
    assert runs(when, None)


def test_a_condition_that_is_none_is_an_error_without_a_mode_too() -> None:
    with pytest.raises(WhenError):
        runs("mode", None)


BLANKS = " " * 30_000


@pytest.mark.parametrize(
    "text", [f"mode =={BLANKS}!", f'mode == "install"{BLANKS}!', f"mode == install{BLANKS}!", f"{BLANKS}mode"]
)
def test_a_condition_of_mere_blanks_takes_no_time(text: str) -> None:
    start = time.thread_time()
    with pytest.raises(WhenError, match="has more than 1000 characters"):
        modes(text)
    with pytest.raises(WhenError):
        modes(text.replace(BLANKS, " " * 900))
    assert time.thread_time() - start < 0.5
