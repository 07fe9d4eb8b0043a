"""The tools pass basedpyright's basic rules on CPython, together with the firmware and the boards that they import."""

import json
import subprocess
import sys

import pytest

from tests.house.places import ROOT, TOOL_FILES


def type_errors(project, include):
    """Return the findings of the type checker in the files of `include`, as `path:line: message`."""
    configuration = {
        "include": [str(path) for path in include],
        "extraPaths": [str(ROOT / folder) for folder in ("firmware", "", "tools")],
        "pythonVersion": "3.11",
        "pythonPlatform": "Linux",
        "typeCheckingMode": "basic",
    }
    (project / "pyrightconfig.json").write_text(json.dumps(configuration))
    command = [
        *(sys.executable, "-m", "basedpyright", "--project", project),
        *("--pythonpath", sys.executable, "--outputjson"),
    ]
    report = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    assert report["summary"]["filesAnalyzed"] == len(include)
    return [line_of(finding) for finding in report["generalDiagnostics"]]


def line_of(finding):
    """Return a finding as one line."""
    line = finding["range"]["start"]["line"] + 1
    return f"{finding['file']}:{line}: {finding['message'].splitlines()[0]}"


def test_every_tool_is_typed_right(tmp_path):
    found = type_errors(tmp_path, TOOL_FILES)
    assert found == [], "\n".join(found)


PLANTED = {
    "argument": "def f(x: int) -> None: ...\n\n\nf('one')\n",
    "attribute": "import pathlib\n\npathlib.Path('x').no_such_method()\n",
    "module": "import wattpurse_tools.no_such_module\n",
    "optional": "import re\n\nre.match('a', 'b').group()\n",
    "call_of_a_tool": "from wattpurse_tools.tariffs import file\n\nfile.no_such_function()\n",
}


@pytest.fixture(scope="module")
def planted_errors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    for name, source in PLANTED.items():
        (folder / f"{name}.py").write_text(source)
    return type_errors(folder, sorted(folder.glob("*.py")))


@pytest.mark.parametrize("name", PLANTED)
def test_breach_is_found(planted_errors, name):
    assert any(f"/{name}.py:" in line for line in planted_errors)
