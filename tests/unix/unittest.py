"""The part of CPython's unittest that this project's tests use, for MicroPython, which has none.

A test file that passes here passes on CPython: names and behaviour are CPython's, without additions.
"""

import sys


class _ExpectedException:
    """Context of `with self.assertRaises(kind) as caught:`. Afterwards `caught.exception` is the exception."""

    def __init__(self, expected):
        self._expected = expected
        self.exception = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, _traceback):
        if kind is None:
            raise AssertionError(f"{self._expected!r} not raised")
        if not issubclass(kind, self._expected):
            return False
        self.exception = value
        return True


class _SubTest:
    """One case of a test's loop. Its failure is recorded with its parameters, and the loop continues."""

    def __init__(self, test_case, message, parameters):
        self._test_case = test_case
        self._label = f"{message or ''} {parameters}".strip()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, _traceback):
        if kind is None:
            return False
        if not issubclass(kind, Exception):
            return False
        self._test_case.record_failure(value, self._label)
        return True


class TestCase:
    def __init__(self):
        self.failures = []

    def setUp(self):
        pass

    def tearDown(self):
        pass

    def record_failure(self, error, label=""):
        self.failures.append((error, label))

    def subTest(self, msg=None, **parameters):
        return _SubTest(self, msg, parameters)

    def fail(self, msg=None):
        raise AssertionError(msg or "failed")

    def _check(self, holds, standard_message, msg):
        if not holds:
            raise AssertionError(f"{standard_message} : {msg}" if msg is not None else standard_message)

    def assertTrue(self, value, msg=None):
        self._check(value, f"{value!r} is not true", msg)

    def assertFalse(self, value, msg=None):
        self._check(not value, f"{value!r} is not false", msg)

    def assertEqual(self, first, second, msg=None):
        self._check(first == second, f"{first!r} != {second!r}", msg)

    def assertNotEqual(self, first, second, msg=None):
        self._check(first != second, f"{first!r} == {second!r}", msg)

    def assertIs(self, first, second, msg=None):
        self._check(first is second, f"{first!r} is not {second!r}", msg)

    def assertIsNot(self, first, second, msg=None):
        self._check(first is not second, f"unexpectedly identical: {first!r}", msg)

    def assertIsNone(self, value, msg=None):
        self._check(value is None, f"{value!r} is not None", msg)

    def assertIsNotNone(self, value, msg=None):
        self._check(value is not None, "unexpectedly None", msg)

    def assertIn(self, member, container, msg=None):
        self._check(member in container, f"{member!r} not found in {container!r}", msg)

    def assertNotIn(self, member, container, msg=None):
        self._check(member not in container, f"{member!r} unexpectedly found in {container!r}", msg)

    def assertIsInstance(self, value, kind, msg=None):
        self._check(isinstance(value, kind), f"{value!r} is not an instance of {kind!r}", msg)

    def assertGreater(self, first, second, msg=None):
        self._check(first > second, f"{first!r} not greater than {second!r}", msg)

    def assertGreaterEqual(self, first, second, msg=None):
        self._check(first >= second, f"{first!r} not greater than or equal to {second!r}", msg)

    def assertLess(self, first, second, msg=None):
        self._check(first < second, f"{first!r} not less than {second!r}", msg)

    def assertLessEqual(self, first, second, msg=None):
        self._check(first <= second, f"{first!r} not less than or equal to {second!r}", msg)

    def assertRaises(self, expected, function=None, *arguments, **keywords):
        if function is None:
            return _ExpectedException(expected)
        with _ExpectedException(expected):
            function(*arguments, **keywords)
        return None


def _test_cases(module):
    found = [value for value in module.__dict__.values() if isinstance(value, type) and issubclass(value, TestCase)]
    return sorted((kind for kind in found if kind is not TestCase), key=lambda kind: kind.__name__)


def _run_guarded(test_case, step):
    try:
        step()
    except Exception as error:
        test_case.record_failure(error)
        return False
    return True


def _run_test(kind, method_name):
    """Run one test method of a new instance, as CPython does, and return its failures."""
    test_case = kind()
    if _run_guarded(test_case, test_case.setUp):
        _run_guarded(test_case, getattr(test_case, method_name))
        _run_guarded(test_case, test_case.tearDown)
    return test_case.failures


def run_module(module) -> tuple[int, int]:
    """Run every test of the module, print each failure, and return how many tests ran and how many failed."""
    ran = failed = 0
    for kind in _test_cases(module):
        for method_name in sorted(name for name in dir(kind) if name.startswith("test")):
            failures = _run_test(kind, method_name)
            ran += 1
            failed += bool(failures)
            for error, label in failures:
                print(f"FAIL: {kind.__name__}.{method_name} {label}")
                sys.print_exception(error)
    print(f"Ran {ran} tests, {failed} failed")
    return ran, failed


def main(module="__main__"):
    """Run the calling file's tests and exit, with status 1 if a test failed or there was none."""
    ran, failed = run_module(__import__(module) if isinstance(module, str) else module)
    sys.exit(1 if failed or not ran else 0)
