# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What holds for the repository as a whole: versions, licences."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = None

ROOT = Path(__file__).resolve().parents[2]
LICENCE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"


def lines(path: Path) -> list[str]:
    text = path.read_text()
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def pins() -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for line in lines(ROOT / "requirements" / "constraints.txt"):
        requirement = Requirement(line)
        found.setdefault(requirement.name.lower(), []).append(requirement)
    return found


def version(pin: Requirement) -> str:
    (only,) = pin.specifier
    assert only.operator == "==", f"{pin} is not an exact version"
    return only.version


@pytest.mark.parametrize("name", ["build", "test", "lint", "wheel"])
def test_every_requirement_is_pinned_by_the_constraints(name: str):
    for line in lines(ROOT / "requirements" / f"{name}.txt"):
        requirement = Requirement(line)
        assert not requirement.specifier, "versions belong into constraints.txt"
        assert requirement.name.lower() in pins(), f"{requirement.name} has no pin"


@pytest.mark.skipif(tomllib is None, reason="tomllib is new in Python 3.11")
def test_ranges_of_the_package_admit_the_tested_versions():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    ranges = list(project["build-system"]["requires"]) + list(project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values():
        ranges += extra
    for line in ranges:
        wanted = Requirement(line)
        for pin in pins()[wanted.name.lower()]:
            assert wanted.specifier.contains(version(pin)), f"{wanted} excludes the tested {pin}"


def test_every_source_file_names_its_licence():
    tracked = subprocess.run(
        ["git", "ls-files", "*.cpp", "*.h", "*.td", "*.py", "scripts/*", ".ci/run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert tracked
    missing = [path for path in tracked if LICENCE not in (ROOT / path).read_text()[:600]]
    assert not missing


def test_every_link_of_the_documents_leads_to_a_file():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} points at {target}"
