"""The garbage collector of a worker.

A batch makes tens of thousands of objects. All of them go with their last reference, without the collector. With its
usual settings it looks at all modules and models of the process several times in each batch.
"""

import gc

_NEW_OBJECTS = 50_000


def collect_seldom() -> None:
    """Leave the objects of now to the end of the process, and collect later ones seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
