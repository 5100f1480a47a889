"""The activities' fixtures serve here as well."""

from tests.activities.conftest import faulty, site

__all__ = ["faulty", "site"]
