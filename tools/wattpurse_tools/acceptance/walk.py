"""The walk through the steps of one stage, and the facts that its record has."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from wattpurse_tools.acceptance.steps import BENCH, STEPS, Step
from wattpurse_tools.acceptance.talk import Failed, Talk


def walk(talk: Talk, stage: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Do all steps of a stage, whether they fail or not, and return the facts of the record.

    Raise OSError if the meter is lost: then there is nothing to record.
    """
    names = {"builder": talk.words("Name of the builder")}
    if stage != BENCH:
        names["electrician"] = talk.words("Name and licence of the electrician")
    started = _utc_text(talk.now_s())
    meter = _meter_facts(talk)
    steps = [_step(talk, step, say) for step in STEPS if step.stage == stage]
    return {
        "stage": stage,
        **names,
        "started": started,
        "ended": _utc_text(talk.now_s()),
        "meter": meter,
        "steps": steps,
        "accepted": all(step["passed"] for step in steps),
    }


def is_same_board(record: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return True if two records are of one board, with one meter number."""
    return all(record["meter"][name] == other["meter"][name] for name in ("unique_id", "meter_number"))


def _meter_facts(talk: Talk) -> dict[str, Any]:
    """Return the facts that tell this meter from all others. Keys are named by their fingerprints."""
    identity, version, keys = talk.facts("identity"), talk.facts("version"), talk.facts("keys")
    return {
        "meter_number": identity["meter_number"],
        "board": identity["board"],
        "unique_id": identity["unique_id"],
        "version": version["version"],
        "python": version["python"],
        "meter_key_fingerprint": keys["meter_key"],
        "site_key_fingerprint": keys["site_key"],
    }


def _step(talk: Talk, step: Step, say: Callable[[str], None]) -> dict[str, Any]:
    """Do one step, and return its line of the record."""
    try:
        result, passed = step.work(talk), True
    except Failed as failure:
        result, passed = str(failure), False
    say(f"{'passed' if passed else 'FAILED'}  {step.name}: {result}")
    return {"step": step.name, "passed": passed, "result": result}


def _utc_text(utc_s: int) -> str:
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
