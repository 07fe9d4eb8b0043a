"""The judge of the part `headend` finds programs that are wrong: an engine, a seller and a sender with a fault."""

import pytest

from tests.proof import campaign, headend, headend_kills

CASES = 1
# A short life is enough for these faults.
STEPS = 16
WORK_OFF_ROUNDS = 12
SLOW_S = 1.5
KILLS_STEPS = 4
KILLS_ROUNDS = 4
REPORT_S = 9 * 3600  # each meter has a new statement after that
WORKER, BROKER, DATABASE = "_work_worker", "_kill_broker", "_crash_database"


def findings_with(patch, name, mutant):
    """Return the failures of some cases while a function of the program is replaced."""
    patch.setattr(name, mutant)
    patch.setattr("tests.proof.headend_world.HeadendWorld.steps", STEPS)
    patch.setattr(headend, "LEAST_STEPS", STEPS)
    patch.setattr("tests.proof.headend_world.HeadendWorld.work_off_rounds", WORK_OFF_ROUNDS)
    return campaign.run(headend, 0, CASES).failures


def test_an_engine_that_charges_twice_is_found(monkeypatch):
    from wattpurse_tools.headend import billing

    charged = billing.charged
    failures = findings_with(
        monkeypatch,
        "wattpurse_tools.headend.billing.charged",
        lambda carried, cost: (2 * charged(carried, cost)[0], charged(carried, cost)[1]),
    )
    assert any("balance of the account" in one["message"] for one in failures)


def test_a_seller_that_forgets_its_key_is_found(monkeypatch):
    from wattpurse_tools.headend import payments

    recharge = payments.recharge

    def twice(office, actor, meter, gross, way, key, now_s):
        recharge(office, actor, meter, gross, way, f"{key}-again", now_s)
        return recharge(office, actor, meter, gross, way, key, now_s)

    failures = findings_with(monkeypatch, "wattpurse_tools.headend.payments.recharge", twice)
    assert any("credit bought" in one["message"] or "money at the provider" in one["message"] for one in failures)


def test_a_sender_that_takes_a_lost_token_for_redeemed_is_found(monkeypatch):
    from wattpurse_tools.headend import senders
    from wattpurse_tools.record.models import Command

    send_round = senders.send_round

    def hasty(_publish, now_s):
        sent = send_round(lambda _messages: None, now_s)
        Command.objects.filter(state="sent").update(state="done")
        return sent

    failures = findings_with(monkeypatch, "wattpurse_tools.headend.senders.send_round", hasty)
    assert any(one["what"] == campaign.LOST and "recharge" in one["message"] for one in failures)


@pytest.mark.parametrize("late_s", [3, 3_600])
def test_a_meter_that_outlasts_its_permit_is_found(late_s):
    from wattpurse_tools.rehearsal.judge import unpermitted

    assert unpermitted([(0, 100 + late_s)], [(0, 100)], 9_000) == [(100 + late_s, 100)]
    assert unpermitted([(0, 102)], [(0, 100)], 9_000) == []
    assert unpermitted([(0, 150)], [(0, 100), (90, 200)], 9_000) == []
    assert unpermitted([(0, 150)], [(0, 100), (140, 200)], 9_000) == [(140, 100)]


def test_a_wrong_clock_lengthens_a_permit_by_outages_and_steps_alone():
    from wattpurse_tools.fleet.house import STEP_S
    from wattpurse_tools.fleet.meter import Witness
    from wattpurse_tools.rehearsal.judge import CLOCK_S, unpermitted

    witness = Witness(outages=[(1_000, 5_000), (20_000, None)])
    assert [witness.dark_s(at) for at in (500, 2_000, 9_000, 21_000)] == [0, 1_000, 4_000, 5_000]
    assert [witness.lost_s(at) - witness.dark_s(at) for at in (500, 9_000, 21_000)] == [0, STEP_S, 2 * STEP_S]

    def late_s(end_s):
        return CLOCK_S + witness.lost_s(end_s)

    permits = [(0, 6_000)]
    end_s = 6_000 + 4_000 + STEP_S + CLOCK_S
    assert unpermitted([(5_000, end_s)], permits, 90_000, late_s) == []
    assert unpermitted([(5_000, end_s + 1)], permits, 90_000, late_s) == [(end_s + 1, 6_000)]


def test_a_sender_that_sends_again_after_a_crash_is_found(monkeypatch):
    """Find a sender that sends again, after a crash between the sending of a message and the note of it."""
    from wattpurse_tools.headend import delivery
    from wattpurse_tools.record.models import Message

    def again(now_s):
        dead = Message.objects.filter(state=delivery.SENDING, claimed_s__lt=now_s - delivery.LEASE_S)
        return dead.update(state=delivery.WAITING)

    failures = findings_with(monkeypatch, "wattpurse_tools.headend.delivery.give_up_dead", again)
    assert any(one["what"] == campaign.DOUBLED and "sent twice" in one["message"] for one in failures)


def lost_statements(patch, killed=WORKER):
    """Return the failures of a case in which a part of the head-end is killed, and nothing else fails."""
    from tests.proof.headend_kills_world import KillsWorld

    def deeds(world):
        def report():
            world._pass(REPORT_S)
            world._visit_all(is_mortal=False)

        work = [report, getattr(world, killed)]
        return [*work, *work, *work, world._save_broker, world._run_engine, world._pay]

    patch.setattr(KillsWorld, "_deeds", deeds)
    patch.setattr(KillsWorld, "steps", KILLS_STEPS)
    patch.setattr(KillsWorld, "work_off_rounds", KILLS_ROUNDS)
    patch.setattr("tests.proof.headend_kills_world._LATEST_S", (SLOW_S,))
    failures = campaign.run(headend_kills, 0, CASES).failures
    return [one for one in failures if "acknowledged statements are not in the record" in one["message"]]


def test_a_session_that_does_not_last_is_found(monkeypatch):
    """Find a worker whose session ends with its connection: statements of the time in between are lost."""
    from wattpurse_tools.headend.broker_link import BrokerLink

    make = BrokerLink.__init__

    def forgetful(link, *arguments):
        make(link, *arguments)
        link._client._clean_session = True

    monkeypatch.setattr(BrokerLink, "__init__", forgetful)
    assert lost_statements(monkeypatch)


def test_a_broker_that_does_not_save_the_subscription_is_found(monkeypatch):
    """Find a worker with a shared subscription: mosquitto does not save it, so a restart of the broker loses it."""
    monkeypatch.setattr("wattpurse_tools.pages.headend_machine.WORKER_GROUP", "headend")
    assert lost_statements(monkeypatch, BROKER)


def test_a_worker_that_acknowledges_before_its_commit_is_found(monkeypatch):
    """Find a worker that acknowledges what it has not recorded: if the database is away, it dies with it."""
    from wattpurse_tools.headend.broker_link import BrokerLink

    receive, acknowledge = BrokerLink.receive, BrokerLink.acknowledge

    def hasty(link, limit, wait_s):
        deliveries = receive(link, limit, wait_s)
        acknowledge(link, deliveries)
        return deliveries

    monkeypatch.setattr(BrokerLink, "receive", hasty)
    monkeypatch.setattr(BrokerLink, "acknowledge", lambda _link, _deliveries: None)
    assert lost_statements(monkeypatch, DATABASE)


@pytest.mark.parametrize("killed", [WORKER, BROKER, DATABASE])
def test_the_real_worker_loses_no_statement_in_such_a_case(monkeypatch, killed):
    assert not lost_statements(monkeypatch, killed)
