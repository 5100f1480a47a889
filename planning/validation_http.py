"""What is wrong with a request, as far as it can be told before its placeholders are filled in.

Source: docs/spec/drworkflow.md, "Errors"; RFC 9110, "Methods", "Field Names" and "Status Codes".
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from api.actions import METHODS, HttpRequest
from planning.messages import fields as field_messages
from planning.values.placeholders import has_template

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_BLANK = re.compile(r"[\s\0-\x1f]")
_LINE = re.compile(r"[^\r\n\0]*")


def request_faults(request: HttpRequest) -> Iterator[tuple[str, str]]:
    """Find what is wrong: field paths below the request, and words. Values are not repeated: they may be secret."""
    if not request.url.strip():
        yield "url", field_messages.empty_url()
    elif not has_template(request.url) and not _is_address(request.url):
        yield "url", field_messages.not_an_address()
    if request.method not in METHODS and not has_template(request.method):
        yield "method", field_messages.unknown_method(request.method, METHODS)
    for name, value in (request.headers or {}).items():
        if not _TOKEN.fullmatch(name):
            yield f"headers.{name}", field_messages.not_a_header(name)
        elif not _LINE.fullmatch(value):
            yield f"headers.{name}", field_messages.header_of_several_lines()
    for index, code in enumerate(request.success_codes or []):
        if not 100 <= code <= 599:
            yield f"successCodes[{index}]", field_messages.not_a_status_code(code)


def _is_address(url: str) -> bool:
    """Tell whether a text is the address of a web service."""
    try:
        parts = urlsplit(url)
        wanted = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
        return wanted and _BLANK.search(url) is None
    except ValueError:
        return False
