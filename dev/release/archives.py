"""Archives whose bytes depend on their contents alone: in order, without owners, all with the time of the commit.

Source: reproducible-builds.org, "SOURCE_DATE_EPOCH" and "Archive metadata".
"""

import gzip
import io
import tarfile
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """A file of an archive."""

    content: bytes
    program: bool = False
    """Whether it can be executed."""

    @property
    def mode(self) -> int:
        """The permissions of the file."""
        return 0o755 if self.program else 0o644


def tar_gz(files: Mapping[str, File], epoch: int) -> bytes:
    """Return a compressed tar archive of files by their paths."""
    stream = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=stream, mode="wb", filename="", mtime=epoch) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.mtime = len(files[path].content), files[path].mode, epoch
            archive.addfile(entry, io.BytesIO(files[path].content))
    return stream.getvalue()


def zipped(files: Mapping[str, bytes], epoch: int) -> bytes:
    """Return a zip archive of files by their paths. What is an archive itself is stored in it as it is."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, time.gmtime(epoch)[:6])
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if path.endswith(".zip") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[path], compresslevel=9)
    return stream.getvalue()
