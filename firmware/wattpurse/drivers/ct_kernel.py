"""The arithmetic of the CT-clamp front end on single samples, in viper: sums of products and of squares.

The ring holds codes of 12 bits as halfwords, one frame of `STEP` after the other: current and voltage of leg 1, then of
leg 2. A `table` of bytes (`step_table`) says what to add to a code, so that equal steps of voltage are equal steps of
numbers. Byte k is for the 511 codes above 512 k, and byte 8 + k for the code 512 k itself. Inputs and results of a call
are in `state`, words of 32 bits. An input is never negative, because a load of viper has no sign on every
processor: a signed input has a bias added. A call with at most `MOST_FRAMES` frames keeps every sum below 2**30, so no
sum needs memory from the heap. The frames of a call lie in the ring without a wrap between them.

`add_products` adds up the products of all legs over `run`: the place of the first frame, in halfwords, and the number
of frames times 65,536. Each leg has WORDS words of `state`. With a = voltage - mean and b = current - mean:

    PRODUCTS  sum of a[n] * b[n]
    SHIFTED   sum of (a[n + 1] - a[n]) * b[n]
    PENDING   is increased by PRODUCTS + SHIFTED * phase / 2**14 - frames * offset / 2**12
    SECOND    is increased by a 64th of that

It returns 1 if PENDING is beyond LUMP on a leg, else 0. A board may have a twin of it that is quicker (`hal.Sampler`).

The phase between voltage and current is a weight between two sums, outside the loop. The fractions of the result are
carried to the next call. The mean of the voltage has eight bits behind the point: the kernel subtracts the whole number
below or above it, as often as the fraction says.

`add_squares` sums one channel over several calls, with c = sample - BASE: SQUARES gets the squares divided by 16, SUM
gets the samples. It also counts the places where the channel crosses its base upwards. It notes the first and the last,
in frames from the first call, with the samples on both sides and the sums of all samples before them.
"""

try:
    import micropython
except ImportError:
    from wattpurse.drivers.viper_names import micropython, ptr8, ptr16, ptr32

STEP = 4
MOST_FRAMES = 200
WORDS = 24

PHASE_BITS = 14
OFFSET_BITS = 12
MEAN_BITS = 8
PHASE_BIAS = 1 << 16
OFFSET_BIAS = 1 << 24
SUM_BIAS = 1 << 29

# Inputs of `add_products`, then its memory and results.
LEGS = 0  # of the first leg alone
MASK = 1  # length of the ring in halfwords, less one
AMP_MEAN = 4
VOLT_MEAN = 5  # in 1/256
PHASE = 6  # with PHASE_BIAS
OFFSET = 7  # of a frame, with OFFSET_BIAS
MEAN_REST = 8
PHASE_REST = 9
OFFSET_REST = 10
PRODUCTS = 11
SHIFTED = 12
PENDING = 13  # with SUM_BIAS
SECOND = 14  # with SUM_BIAS
LUMP = 15

# Words of `add_squares`. SQUARES, CROSSINGS and BEGUN are 0 before the first call, SUM is SUM_BIAS.
PLACE = 0
FRAMES = 3
BASE = 4
BEGUN = 5  # frames before this call
SQUARES = 8
SUM = 9  # with SUM_BIAS, as the other sums
CROSSINGS = 11
FIRST = 12
FIRST_BELOW = 13
FIRST_ABOVE = 14
LAST_CROSSING = 15
LAST_BELOW = 16
LAST_ABOVE = 17
NEWEST = 18  # the newest sample, for the next call
FIRST_SUM = 19
FIRST_SQUARES = 20
LAST_SUM = 21
LAST_SQUARES = 22


@micropython.viper
def add_products(ring: ptr16, table: ptr8, state: ptr32, run: int) -> int:  # pyright: ignore
    """Add up the products of all legs. See the module's text."""
    frames = run >> 16
    first = run & 65535
    leg = 0
    end = 24 * int(state[0])
    is_due = 0
    while leg < end:
        place = first
        last = place + 4 * frames - 4
        amp_mean = int(state[leg + 4])
        products = 0
        following = 0
        volt_mean = int(state[leg + 5]) + int(state[leg + 8])
        state[leg + 8] = volt_mean & 255
        volt_mean = volt_mean >> 8
        code = int(ring[place + 1])
        step = code >> 9
        if code & 511 == 0:
            step += 8
        a = code + int(table[step]) - volt_mean
        while place < last:
            code = int(ring[place])
            step = code >> 9
            if code & 511 == 0:
                step += 8
            b = code + int(table[step]) - amp_mean
            products += a * b
            place += 4
            code = int(ring[place + 1])
            step = code >> 9
            if code & 511 == 0:
                step += 8
            a = code + int(table[step]) - volt_mean
            following += a * b
        code = int(ring[place])
        step = code >> 9
        if code & 511 == 0:
            step += 8
        b = code + int(table[step]) - amp_mean
        products += a * b
        code = int(ring[((place + 4) & int(state[leg + 1])) + 1])
        step = code >> 9
        if code & 511 == 0:
            step += 8
        a = code + int(table[step]) - volt_mean
        following += a * b
        following -= products
        state[leg + 11] = products
        state[leg + 12] = following
        weight = int(state[leg + 6]) - 65536
        fine = (following & 16383) * weight + int(state[leg + 9])
        state[leg + 9] = fine & 16383
        products += (following >> 14) * weight + (fine >> 14)
        fine = (int(state[leg + 7]) - 16777216) * frames + int(state[leg + 10])
        state[leg + 10] = fine & 4095
        products -= fine >> 12
        state[leg + 14] = int(state[leg + 14]) + (products >> 6)
        products += int(state[leg + 13])
        state[leg + 13] = products
        products -= 536870912
        if products < 0:
            products = 0 - products
        if products >= int(state[leg + 15]):
            is_due = 1
        leg += 24
        first += 2
    return is_due


@micropython.viper
def add_squares(ring: ptr16, table: ptr8, state: ptr32):  # noqa: ANN201 # pyright: ignore
    """Sum squares of one channel. See the module's text."""
    place = int(state[0])
    end = place + 4 * int(state[3])
    base = int(state[4])
    squares = 0
    total = int(state[9])
    before = 0
    if int(state[5]):
        before = int(state[18]) - 8192
    while place < end:
        code = int(ring[place])
        step = code >> 9
        if code & 511 == 0:
            step += 8
        c = code + int(table[step]) - base
        if before < 0 and c >= 0:
            n = int(state[5]) + ((place - int(state[0])) >> 2)
            crossings = int(state[11])
            if crossings == 0:
                state[12] = n
                state[13] = 0 - before
                state[14] = c
                state[19] = total
                state[20] = int(state[8]) + (squares >> 4)
            state[15] = n
            state[16] = 0 - before
            state[17] = c
            state[21] = total
            state[22] = int(state[8]) + (squares >> 4)
            state[11] = crossings + 1
        squares += c * c
        total += c
        before = c
        place += 4
    state[8] = int(state[8]) + (squares >> 4)
    state[9] = total
    state[18] = before + 8192


# The widened codes of the RP2040's converter (RP2040 data sheet, erratum E11), and the codes that are missing behind
# each of them, in tenths. Five chips that were measured differ by 1.6 codes at most.
_STEPS = (0, 100, 0, 90, 14, 90, 0, 99)  # at the codes 0, 512, 1024 and so on


def step_table() -> bytearray:
    """Return the table of the RP2040's converter: the codes that are missing are added."""
    table = bytearray(2 * len(_STEPS))
    missing = 0
    for place, tenths in enumerate(_STEPS):
        table[len(_STEPS) + place] = (missing + tenths // 2 + 5) // 10
        missing += tenths
        table[place] = (missing + 5) // 10
    return table


def plain_table() -> bytearray:
    """Return the table of a converter without such steps: nothing is added."""
    return bytearray(2 * len(_STEPS))
