"""The arithmetic of the CT-clamp front end on single samples, in viper: sums of products and of squares.

The ring holds codes of 12 bits as halfwords, one frame after the other: current and voltage of leg 1, then of leg 2. A
`table` of 4,096 bytes maps a code to the number that is added to it (see `step_table`). The work of a call is in
`state`, words of 32 bits: its first words are inputs and never negative, because a load of viper has no sign on every
processor. A call with at most `MOST_FRAMES` frames keeps every sum below 2**30, so no sum needs memory from the heap.

`add_products` sums, over `FRAMES` frames of one leg, with a = voltage - VOLT_BASE and b = current - AMP_BASE:

    PRODUCTS  a[n] * b[n]
    SHIFTED   (a[n + 1] - a[n]) * b[n]
    VOLTS     a[n]
    AMPS      b[n]

The frame behind the last one must be in the ring. The phase between voltage and current is a weight between the first
two sums, outside the loop.

`add_squares` sums one channel, with c = sample - BASE:

    SQUARES   c[n] * c[n], divided by 16, added to the word
    SUM       c[n]

It also counts the places where the channel crosses its base upwards, over several calls. It notes the first and the
last, in frames from the first call, with the samples on both sides.
"""

try:
    import micropython
except ImportError:
    from wattpurse.drivers.viper_names import micropython, ptr8, ptr16, ptr32

MOST_FRAMES = 200
WORDS = 20

# Inputs of both.
PLACE = 0  # of the first sample, in halfwords
MASK = 1  # length of the ring in halfwords, less one
STEP = 2  # halfwords in a frame
FRAMES = 3
# Inputs of `add_products`, then its results.
AMP_BASE = 4
VOLT_BASE = 5
PRODUCTS = 8
SHIFTED = 9
VOLTS = 10
AMPS = 11
# Inputs of `add_squares`, then its results. SQUARES and CROSSINGS must be 0 before the first call.
BASE = 4
BEGUN = 5  # frames before this call
SQUARES = 8
SUM = 9
CROSSINGS = 11
FIRST = 12
FIRST_BELOW = 13
FIRST_ABOVE = 14
LAST = 15
LAST_BELOW = 16
LAST_ABOVE = 17
NEWEST = 18  # the newest sample, for the next call


@micropython.viper
def add_products(ring: ptr16, table: ptr8, state: ptr32):  # noqa: ANN201 viper returns nothing
    """Sum products of one leg. See the module's text."""
    place = int(state[0])
    mask = int(state[1])
    step = int(state[2])
    left = int(state[3])
    amp_base = int(state[4])
    volt_base = int(state[5])
    products = 0
    shifted = 0
    volts = 0
    amps = 0
    code = int(ring[place + 1])
    a = code + int(table[code]) - volt_base
    while left:
        code = int(ring[place])
        b = code + int(table[code]) - amp_base
        place = (place + step) & mask
        code = int(ring[place + 1])
        code = code + int(table[code]) - volt_base
        products += a * b
        shifted += (code - a) * b
        volts += a
        amps += b
        a = code
        left -= 1
    state[8] = products
    state[9] = shifted
    state[10] = volts
    state[11] = amps


@micropython.viper
def add_squares(ring: ptr16, table: ptr8, state: ptr32):  # noqa: ANN201 viper returns nothing
    """Sum squares of one channel. See the module's text."""
    place = int(state[0])
    mask = int(state[1])
    step = int(state[2])
    frames = int(state[3])
    base = int(state[4])
    begun = int(state[5])
    squares = 0
    total = 0
    before = 0
    n = 0
    if begun:
        before = int(state[18]) - 8192
    while n < frames:
        code = int(ring[place])
        c = code + int(table[code]) - base
        squares += c * c
        total += c
        if before < 0 and c >= 0:
            crossings = int(state[11])
            if crossings == 0:
                state[12] = begun + n
                state[13] = 0 - before
                state[14] = c
            state[15] = begun + n
            state[16] = 0 - before
            state[17] = c
            state[11] = crossings + 1
        before = c
        place = (place + step) & mask
        n += 1
    state[8] = int(state[8]) + (squares >> 4)
    state[9] = total
    state[18] = before + 8192


# The widened codes of the RP2040's converter (RP2040 data sheet, erratum E11), and the codes that are missing behind
# each of them, in tenths. Five chips that were measured differ by 1.6 codes at most.
_STEPS = ((512, 100), (1536, 90), (2048, 14), (2560, 90), (3584, 99))
CODES = 4_096


def step_table() -> bytearray:
    """Return the number to add to each code, so that equal steps of voltage become equal steps of numbers."""
    table = bytearray(CODES)
    missing = 0
    for place, (code, tenths) in enumerate(_STEPS):
        table[code] = (missing + tenths // 2 + 5) // 10
        missing += tenths
        end = _STEPS[place + 1][0] if place + 1 < len(_STEPS) else CODES
        table[code + 1 : end] = bytes([(missing + 5) // 10]) * (end - code - 1)
    return table


def plain_table() -> bytearray:
    """Return the table of a converter without such steps: nothing is added."""
    return bytearray(CODES)
