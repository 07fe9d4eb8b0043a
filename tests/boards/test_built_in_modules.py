"""The built-in modules that a start imports often are in `sys.modules`, where an import finds them without a search."""

import struct
import sys
import unittest

from boards.micropython import built_in_modules


class TestBuiltInModules(unittest.TestCase):
    def test_each_module_is_found_under_its_name(self):
        for name, _ in built_in_modules.SEARCHED_MODULES:
            sys.modules.pop(name, None)
        built_in_modules.keep_in_memory()
        for name, module in built_in_modules.SEARCHED_MODULES:
            self.assertIs(sys.modules[name], module)

    def test_an_import_gives_the_same_module(self):
        built_in_modules.keep_in_memory()
        self.assertIs(__import__("struct"), struct)


if __name__ == "__main__":
    unittest.main()
