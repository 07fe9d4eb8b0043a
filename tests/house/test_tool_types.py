"""The tools pass basedpyright's basic rules on CPython, together with the firmware and the boards that they import."""

import tomllib

import pytest

from tests.house.places import ROOT, TOOL_FILES
from tests.house.type_checker import findings, line_of

CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["basedpyright"]
PLANTED = {
    "argument": "def f(x: int) -> None: ...\n\n\nf('one')\n",
    "attribute": "import pathlib\n\npathlib.Path('x').no_such_method()\n",
    "module": "import wattpurse_tools.no_such_module\n",
    "optional": "import re\n\nre.match('a', 'b').group()\n",
    "call_of_a_tool": "from wattpurse_tools.tariffs import file\n\nfile.no_such_function()\n",
}


@pytest.fixture(scope="module")
def planted_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    for name, source in PLANTED.items():
        (folder / f"{name}.py").write_text(source)
    return folder


@pytest.fixture(scope="module")
def found(planted_folder):
    """Return the findings in the tools and in the planted files: one run of the checker takes half the time of two."""
    checked = [*TOOL_FILES, *sorted(planted_folder.glob("*.py"))]
    searched = {"extraPaths": [str(ROOT / folder) for folder in CONFIGURATION["extraPaths"]]}
    return [line_of(finding) for finding in findings(planted_folder, checked, CONFIGURATION | searched)]


def test_every_tool_is_typed_right(found, planted_folder):
    ours = [line for line in found if not line.startswith(str(planted_folder))]
    assert ours == [], "\n".join(ours)


@pytest.mark.parametrize("name", PLANTED)
def test_breach_is_found(found, planted_folder, name):
    assert any(line.startswith(str(planted_folder / f"{name}.py:")) for line in found)
