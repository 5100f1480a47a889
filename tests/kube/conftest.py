"""The client is tested where the activities act: in a namespace of a real API server, and behind a faulty proxy."""

from tests.activities.conftest import faulty, faulty_site, site

__all__ = ["faulty", "faulty_site", "site"]
