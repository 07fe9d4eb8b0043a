"""Run one test file under MicroPython: `tools/toolchain/unix-run tests/unix/run.py tests/core/test_text.py`.

Exits with 1 if a test failed or the file has no test. `unittest` is the module beside this one. A test file's own
folder comes last on the path, so that it hides no other module.
"""

import sys
import unittest


def import_file(path: str):
    folder, _, file_name = path.rpartition("/")
    sys.path.append(folder or ".")
    return __import__(file_name[: -len(".py")])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: run.py TEST_FILE")
        sys.exit(2)
    unittest.main(import_file(sys.argv[1]))
