"""The parts of the campaign, in the order in which they run."""

from tests.proof import journal, tokens, wear

PARTS = (journal, wear, tokens)
