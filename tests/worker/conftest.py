"""The activities' fixtures serve here as well."""

from tests.activities.conftest import faulty, ns

__all__ = ["faulty", "ns"]
