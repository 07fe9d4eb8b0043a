"""The texts of the repository read plainly: few turned sentences per package, a verb in front of each docstring."""

import pytest

from tests.house.places import ROOT
from tests.house.plain_words import Survey, begins_with_verb, known_verbs, rule_of, sentences, turned_sentences


@pytest.fixture(scope="module")
def survey():
    return Survey(ROOT)


def test_every_package_is_below_the_limit(survey):
    assert survey.excesses() == [], "\n".join(survey.turned)


def test_every_function_docstring_begins_with_a_verb(survey):
    assert survey.verbless == []


# Sentences of this repository as they were, and as they read plainly.
BEFORE_AND_AFTER = [
    ("What the board, which was taken over, is.", "Return facts about the connected board."),
    (
        "Who only reads, or writes with key A, may do without key B: None.",
        "`key_b` may be None if only key A is used.",
    ),
    (
        "Of each there are two where the card has room, and always the older or the broken one is written over.",
        "If there is room, each box has two copies. A write replaces the older or damaged copy.",
    ),
    (
        "A card that was not seen to be good for longer than the grace that the terms set does not count any more",
        "A card expires `card_grace_s` after its last good read.",
    ),
    (
        "To be called after whatever may change a balance upwards, or a limit",
        "Call after a balance rises or a limit changes.",
    ),
    (
        "Supply first, words last, and a reset whatever of it fails.",
        "Open the switch, then report. Always reset.",
    ),
    (
        "The same thing is not said twice of a card that lies there.",
        "Report each outcome once per visit.",
    ),
    (
        "Everything above this line of the house is the same on every board",
        "All code outside `boards/` is identical on every board.",
    ),
    (
        "What would lose money: a receipt that the next one replaces, credit that would come to the next tenant.",
        "Refuse orders that would overwrite an unread receipt or give credit to the next tenant.",
    ),
    (
        "go on behind all token numbers used with these keys, after an older record was put back",
        "after restoring a backup, continue after the highest token number ever used",
    ),
    (
        "whether an operator's card is needed to sell; it takes one to say so",
        "require operator cards, or stop requiring them",
    ),
]


@pytest.mark.parametrize(("before", "after"), BEFORE_AND_AFTER)
def test_the_examples_are_told_apart(before, after):
    assert turned_sentences(before) != []
    assert turned_sentences(after) == []


TURNED = {
    "headless": [
        "Whether the log is open.",
        "Which key is derived from which, all by NXP AN10922.",
        "How far apart two looks may be, in ms.",
        "When the next callback is due;",
        "Return what the card holds.",
        "Tokens for whoever pays.",
        "The balance, told to who asks.",
        "who wins the race.",
        "Not to be called while a complete line waits: what it says.",
        "Whoever interrupts the program ends metering.",
    ],
    "inverted": [
        "Nor is the pulse before the counter runs.",
        "So is the statement of the meter.",
        "Never does a card bring more.",
        "Only then is the token redeemed.",
        "Of a card's numbers the station counts up the loaded ones.",
        "From a card there are the months alone.",
        "Behind the tag comes the counter.",
        "Not to be called while a complete line waits.",
    ],
}
INNOCENT = [
    "Write the record first, so that a power cut loses nothing.",
    "So that it ends, every period is stretched.",
    "So a number is never used twice.",
    "Never raise an error.",
    "Neither copy may be lost.",
    "Neither can damage the writes of the other.",
    "A card that ends early differs from one that goes on.",
    "A meter that has lost its time would lock out the technician that has to set it.",
    "The roll that comes finds that the sector is not erased.",
    "A meter that has redeemed the token opens cards of that version and of the one it had before.",
    "A task that sleeps waits for an event of that queue.",
    "Not all boards have a button.",
    "Of course the meter goes on.",
    "What is that?",
    "Whether or not the card answers, the field is off afterwards.",
    "When the card leaves, switch the field off.",
    "Where the flash is blank, write a first record.",
    "The customer, who pays in advance, reads the balance.",
    "Return the card that answers, or None.",
    "A card that was erased is blank.",
    "After a reset every pin is an input.",
    "On this board the interrupt goes over a pin.",
    "Two keys that look alike are told apart by their version.",
    'Refuse a line that begins with "what" or `who`.',
    "wattpurse: 'what' is no command",
]


@pytest.mark.parametrize(("rule", "sentence"), [(rule, one) for rule, some in TURNED.items() for one in some])
def test_a_turned_sentence_is_found(rule, sentence):
    assert rule_of(sentence) == rule


@pytest.mark.parametrize("sentence", INNOCENT)
def test_an_innocent_sentence_passes(sentence):
    assert turned_sentences(sentence) == []


def test_tables_are_no_sentences():
    assert sentences("Two sizes are known.\n\n    what   1 byte\n    who    2 bytes\n") == ["Two sizes are known."]


def surveyed(root, *sources):
    """Survey a tree with these files in one package."""
    for number, source in enumerate(sources):
        file = root / "tools/planted" / f"module_{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    return Survey(root)


PLAIN = '"""' + "The meter counts energy. " * 99 + '"""\n'


@pytest.mark.parametrize(
    "source",
    [
        '"""What the meter knows."""\n',
        'class Meter:\n    """What the meter knows."""\n',
        "# What the meter knows\nX = 1\n",
        "X = 1  # of what the meter knows\n",
        "parser.add_argument('--x', help='what the meter knows')\n",
        "raise ValueError('whoever asks is refused')\n",
        "raise ValueError(f'{name} is whatever it is')\n",
    ],
)
def test_a_package_above_the_limit_is_found(tmp_path, source):
    assert surveyed(tmp_path, PLAIN, source).excesses() == []
    worse = surveyed(tmp_path, PLAIN, source, source)
    assert worse.excesses() == ["tools/planted: 2 of 101 sentences"]
    assert len(worse.turned) == 2


DOCUMENT = """# How it is built

The meter counts energy. The
older copy is written over:

- it is checked
- what it holds

| code | meaning |
|---|---|
| `E 01` | what the meter wants |

    what no reader reads

```
what no reader reads
```
"""


def test_a_document_is_read_without_headings_and_code(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/planted.md").write_text(DOCUMENT)
    survey = Survey(tmp_path)
    assert survey.counts == {"docs": [5, 2]}
    assert survey.turned == [
        "docs/planted.md:7: headless: What it holds",
        "docs/planted.md:11: headless: What the meter wants",
    ]


def test_a_comment_is_read_as_a_whole(tmp_path):
    survey = surveyed(tmp_path, "# Begin the record here. The older copy\n# of the two is written over\nX = 1\n")
    assert survey.counts == {"tools/planted": [2, 0]}


@pytest.mark.parametrize(
    "source",
    [
        'def f():\n    """The balance of the meter."""\n',
        'def f():\n    """Returns the balance."""\n',
        'def f():\n    """Record of the balance."""\n',
        'class Meter:\n    async def f(self):\n        """Remainder."""\n',
    ],
)
def test_a_docstring_without_a_verb_is_found(tmp_path, source):
    assert len(surveyed(tmp_path, source).verbless) == 1


def test_verbs_and_properties_pass(tmp_path):
    source = 'class Meter:\n    """A meter."""\n\n    @property\n    def balance(self):\n        """The balance."""\n'
    assert surveyed(tmp_path, source, 'def f():\n    """Return the balance."""\n').verbless == []
    assert begins_with_verb("`x` is read.", known_verbs()) is False


def test_the_share_of_each_package_is_printed(survey):
    assert len(survey.shares()) == len([total for total, _ in survey.counts.values() if total])
    assert any(
        line.endswith(" sentences headless or inverted: firmware/wattpurse/core/money") for line in survey.shares()
    )


def test_the_worst_package_is_seen_in_its_share(tmp_path):
    assert surveyed(tmp_path, "# What is missing here\n# .\nX = 1  # Nothing is missing\n").shares() == [
        " 50.0 % of    2 sentences headless or inverted: tools/planted"
    ]
