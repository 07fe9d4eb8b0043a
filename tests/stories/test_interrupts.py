"""A Ctrl-C at the console, typed or a disturbance of the line, and the technician who needs it for a visit."""

import unittest

from tests.stories.story import ContractStory


class TestControlC(ContractStory):
    """The meter of the story is commissioned with the PIN 135790."""

    load_w = 0

    def takes_interrupt(self):
        return self.world.hardware.console.takes_interrupt

    def test_it_stops_no_commissioned_meter(self):
        self.world.run_for(1)
        self.assertFalse(self.takes_interrupt())
        self.world.reset_board()
        self.world.run_until(lambda: self.account is not None, 10)
        self.world.run_for(2)
        self.assertFalse(self.takes_interrupt())

    def test_a_wrong_pin_gives_it_no_meaning(self):
        self.world.type_line("login 999999")
        self.assertFalse(self.takes_interrupt())

    def test_a_login_gives_it_back_until_the_logout(self):
        self.type("login 135790")
        self.assertTrue(self.takes_interrupt())
        self.type("logout")
        self.assertFalse(self.takes_interrupt())

    def test_a_login_gives_it_back_until_its_silence_ends_it(self):
        self.type("login 135790")
        self.world.run_for(9 * 60)
        self.assertTrue(self.takes_interrupt())
        self.world.run_for(90)
        self.assertFalse(self.takes_interrupt())


if __name__ == "__main__":
    unittest.main()
