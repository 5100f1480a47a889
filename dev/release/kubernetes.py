"""What is published for kubectl and helm: manifests, the chart as helm packages it, and the description for krew."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from dev.layout import REPOSITORY
from dev.release.archives import File
from dev.release.version import ReleaseError

DEPLOY = REPOSITORY / "deploy"
CHART = DEPLOY / "charts" / "drplan"
DEVELOPMENT = ("charts", "clusternet", "compose", "stack")
"""The folders of deploy/ that are no manifests of an installation."""
HOMEPAGE_ENDS_AT = "/releases/"
DESCRIPTION = """\
Execute a disaster-recovery plan, follow it on one screen, and take it back: preview, validate, execute, revert, watch,
decide about an action that failed, and report. The cluster needs the definitions of DRPlan, and drplan's worker and
bridge.
"""


def manifests(version: str, image: str) -> dict[str, File]:
    """Return the manifests below deploy/, with the published image where there is one."""
    files = {}
    for path in _files(DEPLOY):
        if path.relative_to(DEPLOY).parts[0] not in DEVELOPMENT:
            text = path.read_text()
            if image:
                text = text.replace(f"image: drplan:{version}\n", f"image: {image}\n")
            files[f"drplan-{version}-manifests/{path.relative_to(DEPLOY).as_posix()}"] = File(text.encode())
    return files


def chart(version: str, image: str) -> dict[str, File]:
    """Return the chart, with the published image where there is one. Raises ReleaseError for one of another version.

    Source: Helm, "Charts", "The Chart File Structure": packaged, it is a folder of its name in a compressed tar file.
    """
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    if (about["version"], about["appVersion"]) != (version, version):
        raise ReleaseError(f"the chart is of version {about['version']}: run `make manifests`")
    files = {f"drplan/{path.relative_to(CHART).as_posix()}": path.read_bytes() for path in _files(CHART)}
    if image:
        files["drplan/values.yaml"] = _with_image(files["drplan/values.yaml"].decode(), image).encode()
    return {path: File(content) for path, content in files.items()}


def _with_image(values: str, image: str) -> str:
    repository, at, digest = image.partition("@")
    if not at:
        raise ReleaseError(f"the image is named without its digest: {image}")
    for name, value in {"repository": repository, "digest": digest}.items():
        if values.count(f'  {name}: ""\n') != 1:
            raise ReleaseError(f"values.yaml of the chart has not one empty {name}")
        values = values.replace(f'  {name}: ""\n', f"  {name}: {value}\n")
    return values


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def krew_plugin(version: str, url: str, sums: Mapping[str, str]) -> str:
    """Return krew's manifest, with the SHA-256 of the archives by their platforms.

    Source: krew, "Developer Guide", "Writing a plugin manifest".
    """
    platforms = []
    for platform, digest in sums.items():
        system, machine = platform.split("-")
        file = f"drplan-{version}-{platform}.tar.gz"
        platforms.append(
            {
                "selector": {"matchLabels": {"os": system, "arch": machine}},
                "uri": f"{url}/{file}" if url else file,
                "sha256": digest,
                "files": [{"from": "drplan", "to": "."}, {"from": "LICENSE", "to": "."}],
                "bin": "drplan",
            }
        )
    spec = {
        "version": f"v{version}",
        "shortDescription": "Execute and revert disaster-recovery plans",
        "description": DESCRIPTION,
        "caveats": "Needs Python 3.11 or newer on the machine.\n",
        "platforms": platforms,
    }
    if HOMEPAGE_ENDS_AT in url:
        spec["homepage"] = url.partition(HOMEPAGE_ENDS_AT)[0]
    head = {"apiVersion": "krew.googlecontainertools.github.com/v1alpha2", "kind": "Plugin"}
    return yaml.safe_dump({**head, "metadata": {"name": "drplan"}, "spec": spec}, sort_keys=False, width=120)
