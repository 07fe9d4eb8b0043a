"""Every firmware file compiles with mpy-cross, for bytecode and for the native code of each board's processor."""

import os
import subprocess

import pytest

from tests.house.places import FIRMWARE_FILES, ROOT
from wattpurse_tools import boards

ARCHITECTURES = {"bytecode": []} | {
    name: [f"-march={boards.find(name).micropython.architecture}"] for name in boards.names()
}


@pytest.fixture(scope="module")
def mpy_cross():
    finder = [ROOT / "tools/toolchain/micropython", "mpy-cross"]
    return subprocess.run(finder, check=True, capture_output=True, text=True).stdout.strip()


def compile_errors(mpy_cross, options, files, folder):
    """Compile each file into `folder` and return the errors of mpy-cross."""
    errors = []
    for number, file in enumerate(files):
        command = [mpy_cross, *options, "-o", folder / f"{number}.mpy", os.path.relpath(file, ROOT)]
        process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if process.returncode:
            errors.append(process.stderr)
    return errors


def files_for(name):
    """Return the files to compile for `name`.

    A file with assembler compiles for the processor of its board alone. A file with viper is machine code, not
    bytecode.
    """
    own = ROOT / "boards" / name
    beyond = ["@micropython.asm_"] + (["@micropython.viper"] if name == "bytecode" else [])
    return [
        file
        for file in FIRMWARE_FILES
        if own in file.parents or not any(decorator in file.read_text() for decorator in beyond)
    ]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_firmware_compiles(mpy_cross, tmp_path, name):
    files = files_for(name)
    assert files
    assert compile_errors(mpy_cross, ARCHITECTURES[name], files, tmp_path) == []
    assert len(list(tmp_path.glob("*.mpy"))) == len(files)


def test_each_file_is_compiled_for_a_processor():
    assert {file for name in ARCHITECTURES for file in files_for(name)} == set(FIRMWARE_FILES)


@pytest.mark.parametrize("name", [name for name in boards.names() if boards.find(name).deployment.flash_program])
def test_a_program_that_deploy_sends_compiles(mpy_cross, tmp_path, name):
    program = ROOT / boards.find(name).deployment.flash_program
    assert compile_errors(mpy_cross, ARCHITECTURES[name], [program], tmp_path) == []


# CPython accepts both. In the second, MicroPython needs a machine type as the annotation.
BEYOND_MICROPYTHON = [
    ("bytecode", "match 1:\n    case 1:\n        pass\n"),
    ("pico", "import micropython\n\n\n@micropython.viper\ndef f(x: no_such_type):\n    return x\n"),
]


@pytest.mark.parametrize(("name", "source"), BEYOND_MICROPYTHON)
def test_code_beyond_micropython_is_found(mpy_cross, tmp_path, name, source):
    file = tmp_path / "planted.py"
    file.write_text(source)
    assert len(compile_errors(mpy_cross, ARCHITECTURES[name], [file], tmp_path)) == 1


def test_the_compiler_fits_the_unix_port(mpy_cross, tmp_path):
    file = tmp_path / "planted.py"
    file.write_text('print("from bytecode")\n')
    subprocess.run([mpy_cross, file], check=True)
    file.unlink()
    program = f"import sys\nsys.path.append({str(tmp_path)!r})\nimport planted"
    command = [ROOT / "tools/toolchain/unix-run", "-c", program]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "from bytecode\n"
