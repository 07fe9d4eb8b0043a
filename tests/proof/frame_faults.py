"""Faults at one frame between reader and card: the card leaves, a bit flips, the reader hangs, power fails."""

from boards.host.chips.power import PowerCut

FRAMES_OF_A_WRITE = 12


def plan(model, fault: str, frame: int, bits: tuple, random):
    """Plan `fault` for frame number `frame` of the reader `model`; `bits` are those that flip.

    For a fault with "and" the first half is planned. A fault that does not concern frames is not planned here.
    """
    faults, field = model.faults, model.field
    fault = fault.split(" and ")[0]
    if fault == "lift":
        faults.lift(frame)
    elif fault == "lift in write":
        for number in range(frame, frame + FRAMES_OF_A_WRITE):
            faults.lift_during_write(number, random.randrange(1, 1000))
    elif fault == "silence":
        faults.silence(frame)
    elif fault == "flip to card":
        faults.flip_to_card(frame, bits)
    elif fault == "flip from card":
        faults.flip_from_card(frame, bits)
    elif fault == "hang":
        field.plan(frame, lambda _field: faults.hang())
    elif fault == "brown-out":
        field.plan(frame, lambda _field: faults.brown_out())
    elif fault == "cut":
        field.plan(frame, _cut_power)


def _cut_power(_field):
    raise PowerCut("power failed while a frame was on air")
