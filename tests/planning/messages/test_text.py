"""Messages keep within their bounds."""

from planning.messages.text import MESSAGE_BOUND, bounded, listed


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    text = bounded("begin" + "é" * 2000 + "end")
    assert len(text.encode()) <= MESSAGE_BOUND
    assert text.startswith("begin")
    assert text.endswith("end")
    assert "(cut)" in text


def test_a_list_that_does_not_fit_says_how_many_more() -> None:
    text = listed([f"entry {number}" for number in range(500)], 100)
    assert len(text.encode()) <= 100
    assert text.startswith("entry 0; entry 1; ")
    kept = text.count("entry")
    assert text.endswith(f"and {500 - kept} more")
