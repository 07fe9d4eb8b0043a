"""Figures of the office on SQLite and on PostgreSQL: `python -m wattpurse_tools.bench.office FILE [SIZE]`.

`SIZE` is `full` (100,000 customers, 5,000,000 tokens, three years of statements), `small`
(2,000 customers, 100,000 tokens; minutes), or the number of customers. Rows come in bulk (`office_rows`). Then 20 tills
sell at once, each a sale every three seconds, while a manager looks at every list page (`office_tills`). 200 sales of 4
processes at once must not fail and must not double. `sale_over_transaction` is the median time of a sale alone over
that of the same rows written bare in the same minute, as durable: a transaction of the record, and a transaction and a
line of the log of the vault (`office_same_rows` has the list). `sale_over_record` leaves the vault out of the bare
rows, and not out of the sale. Sales go through the vault in its own process.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connections

from wattpurse_tools.bench.figures import AT_MOST, REPORTED, Figure, report
from wattpurse_tools.bench.office_sizes import SHOPS, Size
from wattpurse_tools.pages.settings import page_settings
from wattpurse_tools.places import ROOT
from wattpurse_tools.record import office_folder
from wattpurse_tools.record.office_folder import OfficeFolder

SIZES = {"full": Size(100_000, 5_000_000), "small": Size(2_000, 100_000)}
FIGURES = (
    Figure("page_p95_ms", "ms", AT_MOST, 250, "of the slowest list page, 20 tills selling at once"),
    Figure("sale_p95_ms", "ms", AT_MOST, 250, "of a sale, 20 tills selling at once"),
    Figure("sales_failed", "sales", AT_MOST, 0, "of 200 sales of 4 processes"),
    Figure("sales_doubled", "sales", AT_MOST, 0, "of the same"),
    Figure("sale_over_transaction", "", AT_MOST, 5, "of a sale to bare durable writes of the same rows"),
    Figure("sale_over_record", "", REPORTED, None, "of a sale to the rows of the record alone"),
    Figure("fill_s", "s", REPORTED, None, "to make all rows"),
)

_EACH = 50
_DECIMALS = 2


def main(words: list[str]) -> int:
    """Measure on both databases, write the file that is named, print the figures; return 1 if a bound is not kept."""
    path = Path(words[0]) if words else ROOT / "build/office.json"
    name = words[1] if len(words) > 1 else "full"
    if name not in SIZES and not name.isdecimal():
        print(f"there is no size {name}; name one of {', '.join(SIZES)}, or a number of customers")
        return 2
    size = SIZES.get(name) or _size(int(name))
    office_folder.configure(OfficeFolder(ROOT / "build"), **page_settings() | {"ALLOWED_HOSTS": ["*"]})
    # The models need Django configured.
    from wattpurse_tools.bench import office_measures

    found: dict[str, dict[str, float]] = {}
    is_met = True
    with tempfile.TemporaryDirectory(prefix="wp-office-", dir=os.environ.get("WATTPURSE_BENCH_DIR")) as folder:
        for vendor in ("sqlite", "postgresql"):
            print(f"{vendor}: {size.customers:,} customers, {size.tokens:,} tokens", flush=True)
            with _database(vendor, Path(folder)):
                values = office_measures.measure(OfficeFolder(Path(folder) / vendor), size)
            found[vendor] = {figure: round(value, _DECIMALS) for figure, value in values.items()}
            print("\n".join(report(found[vendor], FIGURES)), flush=True)
            is_met = is_met and all(one.is_met(found[vendor][one.name]) is not False for one in FIGURES)
    path.parent.mkdir(exist_ok=True)
    document = {"customers": size.customers, "tokens": size.tokens, **found}
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    return 0 if is_met else 1


def _size(customers: int) -> Size:
    whole = max(SHOPS, customers // SHOPS * SHOPS)
    return Size(whole, whole * _EACH)


@contextmanager
def _database(vendor: str, folder: Path) -> Iterator[None]:
    """Let DATABASE_URL name a new PostgreSQL for a `with` block, or nothing for SQLite."""
    before = os.environ.pop("DATABASE_URL", None)
    try:
        if vendor == "sqlite":
            yield
        else:
            with postgresql(folder / "postgresql-data") as url:
                os.environ["DATABASE_URL"] = url
                yield
    finally:
        connections.close_all()
        os.environ.pop("DATABASE_URL", None)
        if before is not None:
            os.environ["DATABASE_URL"] = before


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL of its own for a `with` block, at a Unix socket, with durable writes. Return its address."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not places:
        raise ValueError("there is no PostgreSQL; install it with: tools/toolchain/debian-packages initdb=postgresql")
    folder.mkdir()
    as_nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"] if os.getuid() == 0 else []
    if as_nobody:
        folder.parent.chmod(0o711)
        shutil.chown(folder, "nobody")

    def run(program: str, *words: str) -> None:
        command = [*as_nobody, str(places[-1] / program), *words]
        subprocess.run(command, cwd="/", check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    data = str(folder / "data")
    run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-instructions")
    options = (
        f"-k {folder} -c listen_addresses='' -c shared_buffers=1GB -c max_wal_size=4GB -c work_mem=32MB"
        " -c checkpoint_timeout=30min"
    )
    run("pg_ctl", "-D", data, "-w", "-t", "60", "-o", options, "-l", str(folder / "log"), "start")
    try:
        yield f"postgres://postgres@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-D", data, "-w", "-m", "fast", "stop")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
