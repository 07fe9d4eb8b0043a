"""The common parts of stories of a meter that measures with clamps."""

from tests.stories.story import ContractStory
from wattpurse.core.messages import token


class MeasuringStory(ContractStory):
    """A meter that a technician has set to `front_end`, with credit of `credit_microunits`."""

    front_end = None
    credit_microunits = 0
    settling_s = 0

    def setUp(self):
        super().setUp()
        self.technician("calibrate " + self.front_end)
        self.world.reset_board()
        self.world.run_until(lambda: self.world.account is not None, 10)
        self.world.run_for(3)
        self.type("token " + self.seal(token.CREDIT_MONEY, self.credit_microunits).hex())
        self.world.run_for(self.settling_s)

    def change(self, leg, **changes):
        """Change the inputs of a leg, as a person does."""
        clamps = self.world.hardware.clamps
        clamps.hold()
        for name, value in changes.items():
            setattr(clamps.inputs.legs[leg], name, value)
        clamps.follow()
        self.world.run_for(9)  # two rounds of readings, and the one under way
