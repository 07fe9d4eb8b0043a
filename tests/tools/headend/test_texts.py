"""The texts of messages have words in every language, and an SMS of them is short."""

import re

import pytest

from tests.house import translations
from wattpurse_tools.headend import outbox, sms_text, texts
from wattpurse_tools.headend.outbox import KINDS, LOW_CREDIT, MAIL, SMS
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.office.people import LANGUAGES
from wattpurse_tools.record.models import Customer, HeadendPolicy, Message, User

NOON_S = 1_795_867_200
VALUES = {
    "meter": 10_000_001,
    "balance_microunits": 1_250_500_000,
    "amount_microunits": 20_000_000,
    "days": 12,
    "currency": "EUR",
    "decimals": 2,
    "from_s": NOON_S,
    "until_s": NOON_S + 3600,
    "since_s": NOON_S,
    "at_s": NOON_S,
}


def test_every_text_has_words_with_the_same_values_in_every_language():
    found = translations.texts(room=translations.HEADEND)
    for language in translations.LANGUAGES:
        words = translations.catalogue(language, translations.HEADEND_LOCALE)
        known = {(one.msgctxt or None, one.msgid, one.msgid_plural or None): one for one in words}
        for text in found:
            entry = known[text]
            for told in list(entry.msgstr_plural.values()) or [entry.msgstr]:
                assert told, (language, text)
                assert sorted(re.findall(r"%\(\w+\)s|%.", told)) == sorted(re.findall(r"%\(\w+\)s|%.", text[1])), told
        path = translations.po_path(language, translations.HEADEND_LOCALE)
        assert path.with_suffix(".mo").read_bytes() == translations.compiled(words)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_sms_is_short(office_folder, language, kind):
    for wording in texts.WORDINGS[kind]:
        names = {name for name in VALUES if re.sub(r"_(microunits|s)$", "", name) in wording.needs}
        values = {name: VALUES[name] for name in names} | {"currency": "EUR", "decimals": 2, "digits": "1234 " * 4}
        text = sms_text.shortened(texts.shown(kind, values, language, "Europe/Berlin").sms)
        coding, parts = sms_text.parts(text)
        assert (coding, parts) == (sms_text.GSM_7BIT, 1) if language != "ar" else parts <= 2, text


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "credit 1,250.50 EUR, about 12 days left"),
        ("de", "Guthaben 1.250,50 EUR, reicht noch etwa 12 Tage"),
        ("fr", "crédit 1 250,50 EUR, environ 12 jours"),
        ("es", "crédito 1 250,50 EUR, unos 12 dias"),
        ("ar", "12 يوم"),
    ],
)
def test_amounts_have_the_form_of_the_language(office_folder, language, told):
    text = sms_text.shortened(texts.shown(LOW_CREDIT, VALUES, language, "UTC").sms)
    assert told in text


def test_times_are_those_of_the_site(office_folder):
    assert "13:00" in texts.shown(outbox.OUTAGE, VALUES, "de", "Europe/Berlin").sms


def test_a_kind_or_values_without_a_text_are_refused(office_folder):
    for kind, values in (("gossip", VALUES), (LOW_CREDIT, {"balance_microunits": 1})):
        with pytest.raises(ValueError, match="there is no text"):
            texts.shown(kind, values, "en", "UTC")


def test_a_customer_gets_no_message_on_a_channel_that_is_off(office_folder):
    policy()
    HeadendPolicy.objects.update(web_hook="https://hooks.example/messages")
    customer = Customer.objects.create(number=7, name="Ada", email="ada@example.org", phone="+4917012345", created_s=0)
    wishes = {"mail": "wants_mail", "sms": "wants_sms", "hook": "wants_hook"}
    for place, (channel, wish) in enumerate(wishes.items()):
        setattr(customer, wish, False)
        outbox.put(customer, LOW_CREDIT, f"low:{place}", VALUES, NOON_S)
        setattr(customer, wish, True)
        written = set(Message.objects.filter(key__startswith=f"low:{place}:").values_list("channel", flat=True))
        assert written == set(wishes) - {channel}


def test_a_mail_names_how_to_end_them_in_the_language(office_folder):
    customer = Customer.objects.create(number=7, name="Ada", email="ada@example.org", language="de", created_s=0)
    outbox.put(customer, LOW_CREDIT, "low", VALUES, NOON_S)
    text = Message.objects.get(channel=MAIL).text
    assert "STOP" in text
    assert "Ihre Kundennummer ist 7." in text
    assert not Message.objects.filter(channel=SMS).exists()


def test_managers_get_one_message_on_the_pages_and_a_mail_each(office_folder):
    User.objects.filter(role=User.MANAGER).update(email="boss@example.org")
    for _ in range(2):
        outbox.put_to_managers("out:1", "Outage of feeder north.", NOON_S)
    assert sorted(Message.objects.values_list("channel", "address")) == [("mail", "boss@example.org"), ("office", "")]


def test_a_key_that_is_too_long_is_refused(office_folder):
    with pytest.raises(ValueError, match="1 to 73 characters"):
        outbox.put_to_managers("k" * 74, "text", NOON_S)
