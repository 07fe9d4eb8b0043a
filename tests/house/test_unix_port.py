"""Every test file that is not for CPython alone passes on the MicroPython unix port as well."""

import subprocess
import sys

import pytest

from tests.house.places import ROOT, UNIX_TEST_FILES

TIMEOUT_S = 300


def run_under_unix_port(file):
    """Run one test file under MicroPython and return the finished process, its output in one string."""
    return subprocess.run(
        [ROOT / "tools/toolchain/unix-run", "tests/unix/run.py", file],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
    )


@pytest.mark.parametrize("file", UNIX_TEST_FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_file_passes_on_the_unix_port(file):
    process = run_under_unix_port(file.relative_to(ROOT))
    assert process.returncode == 0, process.stdout


def test_there_are_files_for_both_pythons():
    assert UNIX_TEST_FILES


def case(body, set_up=""):
    """Return a test file with one test method."""
    return f"import unittest\nclass TestProbe(unittest.TestCase):\n{set_up}\n    def test_it(self):\n        {body}\n"


SET_UP_FAILS = "    def setUp(self):\n        raise OSError(5)\n"
TEAR_DOWN_FAILS = "    def tearDown(self):\n        self.fail()\n"

FAILING = {
    "no_test": "X = 1\n",
    "not_importable": "import no_such_module\n",
    "exits_early": "raise SystemExit(1)\n",
    "error": case("1 // 0"),
    "set_up": case("pass", SET_UP_FAILS),
    "tear_down": case("pass", TEAR_DOWN_FAILS),
    "equal": case("self.assertEqual(1, 2)"),
    "not_equal": case("self.assertNotEqual(1, 1)"),
    "true": case("self.assertTrue(0)"),
    "false": case("self.assertFalse(1)"),
    "is": case("self.assertIs(1, 2)"),
    "is_not": case("self.assertIsNot(None, None)"),
    "is_none": case("self.assertIsNone(0)"),
    "is_not_none": case("self.assertIsNotNone(None)"),
    "in": case("self.assertIn(1, ())"),
    "not_in": case("self.assertNotIn(1, (1,))"),
    "is_instance": case("self.assertIsInstance(1, str)"),
    "greater": case("self.assertGreater(1, 1)"),
    "greater_equal": case("self.assertGreaterEqual(0, 1)"),
    "less": case("self.assertLess(1, 1)"),
    "less_equal": case("self.assertLessEqual(1, 0)"),
    "raises_nothing": case("self.assertRaises(ValueError, int, '1')"),
    "raises_other": case("self.assertRaises(TypeError, int, 'x')"),
    "with_raises_nothing": case("with self.assertRaises(ValueError): pass"),
    "with_raises_other": case("with self.assertRaises(TypeError): int('x')"),
    "sub_test": case("for i in range(3):\n            with self.subTest(i=i): self.assertEqual(i, 1)"),
}


@pytest.mark.parametrize("name", FAILING)
def test_failure_is_seen(tmp_path, name):
    file = tmp_path / f"test_planted_{name}.py"
    file.write_text(FAILING[name])
    process = run_under_unix_port(file)
    assert process.returncode == 1, process.stdout


PASSING = """import unittest


class TestProbe(unittest.TestCase):
    def setUp(self):
        self.number = 1

    def tearDown(self):
        self.number = None

    def test_each_assertion(self):
        self.assertEqual(self.number, 1)
        self.assertNotEqual(1, 2)
        self.assertTrue(1)
        self.assertFalse(0)
        self.assertIs(None, None)
        self.assertIsNot(None, 1)
        self.assertIsNone(None)
        self.assertIsNotNone(0)
        self.assertIn(1, (1,))
        self.assertNotIn(1, ())
        self.assertIsInstance(1, int)
        self.assertGreater(2, 1)
        self.assertGreaterEqual(1, 1)
        self.assertLess(1, 2)
        self.assertLessEqual(1, 1)
        self.assertRaises(ValueError, int, "x")

    def test_the_exception_can_be_read(self):
        with self.assertRaises(OSError) as caught:
            raise OSError(5)
        self.assertEqual(caught.exception.args[0], 5)

    def test_sub_tests(self):
        for i in range(3):
            with self.subTest("third", i=i):
                self.assertLess(i, 3)


if __name__ == "__main__":
    unittest.main()
"""


def test_every_function_of_the_runner_passes_on_both(tmp_path):
    file = tmp_path / "test_planted_passing.py"
    file.write_text(PASSING)
    process = run_under_unix_port(file)
    assert process.returncode == 0, process.stdout
    assert "Ran 3 tests, 0 failed" in process.stdout
    subprocess.run([sys.executable, file], check=True, capture_output=True)
