"""The client is tested where the activities act: in a namespace of a real API server, and behind a faulty proxy."""

from tests.activities.conftest import faulty, faulty_ns, ns

__all__ = ["faulty", "faulty_ns", "ns"]
