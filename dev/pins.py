"""What is built or started from elsewhere is pinned by content: `python -m dev.pins`, part of `make lint`.

Images by digest, Python packages by hash, Go modules by their line in go.sum, actions by their commit. A version alone
is a promise of whoever serves it. Source: SECURITY.md, "What is built from elsewhere".
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from dev.layout import REPOSITORY

OWN_IMAGE = re.compile(r"drplan:\d+\.\d+\.\d+")
"""What this repository itself builds: its digest is known only afterwards."""

_IMAGE_IN_DOCKERFILE = re.compile(r"^(?:FROM(?: --platform=\S+)?|ARG [A-Z]+=)\s*(\S+)", re.MULTILINE)
_IMAGE_IN_YAML = re.compile(r"^\s*-?\s*(?:image:|x-[a-z-]*image:(?: &\S+)?)\s*(\S+)", re.MULTILINE)
_STAGE = re.compile(r"^FROM (?:--\S+ )*\S+ AS (\S+)", re.MULTILINE | re.IGNORECASE)
_REQUIREMENT = re.compile(r"^[A-Za-z0-9]", re.MULTILINE)
_HASHED = re.compile(r"[A-Za-z0-9._-]+(?:\[[^]]*\])?==\S+(?: ; [^\\]+?)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+\s*\Z")
_INSTALLS = re.compile(r"\bpip3? (?:install|download|wheel)\b[^&|;\n]*")
_ACTION = re.compile(r"^\s*-?\s*uses:\s*(\S+)", re.MULTILINE)
_MODULE = re.compile(r"^(?:require )?\s*([\w./~-]+\.[\w./~-]+) (v\S+)", re.MULTILINE)
_REPLACEMENT = re.compile(r"^(?:replace )?\s*(\S+)(?: v\S+)? => (\S+) (v\S+)", re.MULTILINE)


def unpinned_images(text: str, *, dockerfile: bool) -> Iterator[str]:
    """Yield each image of a Dockerfile, or of a compose file or manifest, that is not named by its digest."""
    stages = {*_STAGE.findall(text)} if dockerfile else set()
    for name in (_IMAGE_IN_DOCKERFILE if dockerfile else _IMAGE_IN_YAML).findall(text):
        built_here = name in stages or name.startswith(("$", "*")) or OWN_IMAGE.fullmatch(name)
        if not built_here and not re.search(r"@sha256:[0-9a-f]{64}$", name):
            yield name


def unhashed_requirements(text: str) -> Iterator[str]:
    """Yield each requirement of a lock file that lacks an exact version or a hash."""
    starts = [found.start() for found in _REQUIREMENT.finditer(text)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        requirement = "\n".join(line for line in text[start:end].splitlines() if not line.lstrip().startswith("#"))
        if not _HASHED.match(requirement):
            yield requirement.split()[0]


def unhashed_installs(text: str) -> Iterator[str]:
    """Yield each pip command that may take a file whose hash it does not know."""
    for command in _INSTALLS.findall(text.replace("\\\n", " ")):
        if "--require-hashes" not in command and "--no-index" not in command and "--no-build-isolation" not in command:
            yield " ".join(command.split())


def unpinned_actions(text: str) -> Iterator[str]:
    """Yield each action of a workflow of GitHub that is not named by its commit."""
    for action in _ACTION.findall(text):
        if not action.startswith("./") and not re.search(r"@[0-9a-f]{40}$", action):
            yield action


def modules_without_sum(go_mod: str, go_sum: str) -> Iterator[str]:
    """Yield each Go module that is required and has no sum."""
    sums = {tuple(line.split()[:2]) for line in go_sum.splitlines()}
    replaced = {old: (new, version) for old, new, version in _REPLACEMENT.findall(go_mod)}
    for name, required in _MODULE.findall(go_mod):
        module, version = replaced.get(name, (name, required))
        if (module, version) not in sums and (module, f"{version}/go.mod") not in sums:
            yield f"{module} {version}"


def _violations(root: Path) -> Iterator[str]:
    # The templates of the chart name no image: what is rendered from them lies beside them.
    manifests = [path for path in sorted((root / "deploy").rglob("*.yaml")) if "charts" not in path.parts]
    dockerfiles = [root / "Dockerfile", root / ".devcontainer" / "Dockerfile"]
    for path in [*dockerfiles, root / "docker-compose.yml", *manifests]:
        for image in unpinned_images(path.read_text(), dockerfile=path.name == "Dockerfile"):
            yield f"{path.relative_to(root)}: the image {image} has no digest"
    for path in [*sorted(root.glob("*.lock")), *sorted((root / "dev").rglob("*.lock"))]:
        for requirement in unhashed_requirements(path.read_text()):
            yield f"{path.relative_to(root)}: {requirement} has no exact version or no hash"
    for name in ("Dockerfile", "Makefile"):
        for command in unhashed_installs((root / name).read_text()):
            yield f"{name}: `{command}` accepts files without a known hash"
    for path in sorted((root / "dev").rglob("go.mod")):
        for module in modules_without_sum(path.read_text(), path.with_name("go.sum").read_text()):
            yield f"{path.relative_to(root)}: {module} has no sum in go.sum"


def _violations_of_workflows(root: Path) -> Iterator[str]:
    for path in sorted((root / ".github" / "workflows").glob("*.yml")):
        for action in unpinned_actions(path.read_text()):
            yield f"{path.relative_to(root)}: the action {action} is not named by its commit"


def main() -> int:
    """Print what is not pinned; return 1 if there is anything."""
    found = [*_violations(REPOSITORY), *_violations_of_workflows(REPOSITORY)]
    print("\n".join(found) or "Images, packages, modules and actions are pinned by content.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
