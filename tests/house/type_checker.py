"""Runs of basedpyright: the findings of one configuration in some files."""

import json
import subprocess
import sys
from pathlib import Path


def findings(project: Path, include: list[Path], configuration: dict) -> list[dict]:
    """Return the type checker's findings in the files of `include`. `project` is an empty folder to work in."""
    written = configuration | {"include": [str(path) for path in include]}
    (project / "pyrightconfig.json").write_text(json.dumps(written))
    command = [
        *(sys.executable, "-m", "basedpyright", "--project", project),
        *("--pythonpath", sys.executable, "--outputjson"),
    ]
    report = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    assert report["summary"]["filesAnalyzed"] == len(include)
    return report["generalDiagnostics"]


def line_of(finding: dict) -> str:
    """Return a finding as `path:line: message`."""
    line = finding["range"]["start"]["line"] + 1
    return f"{finding['file']}:{line}: {finding['message'].splitlines()[0]}"
