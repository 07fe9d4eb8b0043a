"""Run the campaign: `python -m tests.proof.run [--short] [--part NAME] [--seed N] [--cases N] [--processes N]`.

The long form runs in pieces (`progress`); `--continue` goes on after the last piece of an earlier run.
"""

import argparse
import sys
import time

from tests.proof import campaign, progress
from tests.proof.parts import PARTS


def main() -> int:
    """Run the parts that are asked for. Return 0 if nothing was found, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.run", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--short", action="store_true", help="run the slice of each part that `make test` runs")
    parser.add_argument("--part", choices=[part.NAME for part in PARTS], help="run this part alone")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first case")
    parser.add_argument("--cases", type=int, help="number of cases of each part")
    parser.add_argument("--processes", type=int, default=2, help="number of processors to use; default 2")
    parser.add_argument("--continue", dest="goes_on", action="store_true", help="go on with a long run that was cut")
    arguments = parser.parse_args()
    rows = []
    for part in PARTS:
        if arguments.part in (None, part.NAME):
            rows.append(_run(part, arguments))
    print(campaign.table(rows))
    return 1 if any(tally.failures for _, tally, _ in rows) else 0


def _run(part, arguments):
    is_long = not arguments.short and arguments.cases is None
    cases = arguments.cases
    if cases is None:
        cases = part.SHORT_CASES if arguments.short else part.LONG_CASES
    seed, processes = arguments.seed, arguments.processes
    print(f"{part.NAME}: {part.ABOUT}; {cases} cases from seed {seed}", flush=True)
    if is_long:
        tally, seconds = progress.run(part, seed, cases, processes, arguments.goes_on, _print_findings)
    else:
        started_s = time.monotonic()
        tally = campaign.run(part, seed, cases, processes, _print_findings)
        seconds = time.monotonic() - started_s
    findings = len(tally.failures)
    print(f"    {tally.cases:,} cases, {tally.faults:,} faults, {findings} findings, {seconds:.0f} s", flush=True)
    if arguments.short:
        campaign.write_report(part, "short", seed, tally, seconds)
    return part, tally, seconds


def _print_findings(share):
    if share.failures:
        print(campaign.failures_text(share), flush=True)


if __name__ == "__main__":
    sys.exit(main())
