"""The parts of the campaign, in the order in which they run."""

from tests.proof import bad_flash, bad_tariffs, bad_tokens, cards, journal, life, tokens, wear

PARTS = (journal, wear, cards, tokens, life, bad_tokens, bad_tariffs, bad_flash)
