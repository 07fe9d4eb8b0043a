"""The parts of the campaign, in the order in which they run."""

from tests.proof import (
    authority,
    bad_cards,
    bad_console,
    bad_flash,
    bad_tariffs,
    bad_tokens,
    cards,
    chip,
    clamp_lives,
    clock_lives,
    journal,
    key_cards,
    life,
    power_fail,
    tokens,
    wear,
)

PARTS = (
    journal,
    wear,
    cards,
    key_cards,
    tokens,
    authority,
    life,
    power_fail,
    clock_lives,
    clamp_lives,
    bad_tokens,
    bad_cards,
    bad_tariffs,
    bad_console,
    bad_flash,
    chip,
)
