"""A refusal is told in the language of the page with its values, and in English to programs and the command line."""

import html
import pickle

import pytest
from django.utils import translation

from tests.tools.office.selling_site import PaperCard, build_site, first_till
from wattpurse.core.currency import Currency
from wattpurse_tools.desk.exchange import exchange
from wattpurse_tools.office.sales import sold, to_card
from wattpurse_tools.pages import desk_readers
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.record.models import Price, Sale, Shop, User
from wattpurse_tools.refusals import Failure, Money, Refusal, Words, all_of, one_of, words_of
from wattpurse_tools.vault import rules, wire
from wattpurse_tools.vault.interface import LimitReached, Limits

LIMIT = {
    "en": "shop 1 may take 1,234.50 EUR more in cash until it brings money to the bank",
    "de": "Laden 1 darf noch 1.234,50 EUR in bar annehmen, bis er Geld zur Bank bringt.",
    "fr": "Le magasin 1 peut encore encaisser 1 234,50 EUR en espèces",
    "es": "La tienda 1 puede cobrar 1 234,50 EUR más en efectivo",
    "ar": "يمكن للمتجر 1 أن يقبض نقدًا 1234,50 EUR أخرى",
}
NO_PRICE = {
    "de": "Es gibt keinen Preis für eine kWh in EUR.",
    "ar": "لا يوجد سعر لـكيلوواط ساعة واحد بعملة EUR.",
}
OTHER_CARD = {
    "de": "Jetzt liegt eine andere Karte auf dem Leser.",
    "ar": "توجد الآن بطاقة أخرى على القارئ.",
}
LIFTED = {
    "de": "Verkauft, aber nicht auf der Karte: the card was lifted.",
    "ar": "تم البيع ولم يُكتب على البطاقة: the card was lifted.",
}


@pytest.fixture
def shift(office, pages):
    """Return a client of a cashier with an open shift, in an office with meters and prices."""
    build_site()
    pages.log_in("cashier")
    pages.get("/till/")
    pages.post("/till/open", {"amount": "0"})
    return pages


@pytest.fixture
def card(monkeypatch):
    """Return a card at the reader of the till, for meter 1."""
    paper = PaperCard("04aabbccdd", 1)
    for module in ("till", "till_sale", "till_receipt"):
        monkeypatch.setattr(f"wattpurse_tools.pages.views.{module}.reader_at", lambda request, place: paper)
    monkeypatch.setattr(desk_readers, "reader_at", lambda request, place: paper)
    return paper


def speak(language):
    """Set the language of the cashier."""
    User.objects.filter(username="cashier").update(language=language)


def words(answer):
    """Return the text of an answer without line ends, with plain spaces."""
    return " ".join(html.unescape(answer.content.decode()).replace("\u202f", " ").replace("\u00a0", " ").split())


@pytest.mark.parametrize("language", LIMIT)
def test_a_refused_sale_tells_its_amount_in_the_language_of_the_cashier(shift, language):
    Shop.objects.update(vendor_limit_microunits=1_234_500_000)
    speak(language)
    shift.post("/till/card", {"meter": "1"})
    answer = shift.post("/till/amount", {"what": "money", "amount": "2000", "carrier": "none"})
    assert answer.status_code == 422 and LIMIT[language] in words(answer)
    assert ("more in cash" in words(answer)) == (language == "en")
    assert not Sale.objects.exists()


@pytest.mark.parametrize("language", NO_PRICE)
def test_words_among_the_values_are_translated_too(shift, language):
    Price.objects.filter(what="kwh").delete()
    speak(language)
    shift.post("/till/card", {"meter": "2"})
    answer = shift.post("/till/amount", {"what": "energy", "amount": "20", "carrier": "none"})
    assert answer.status_code == 422 and NO_PRICE[language] in words(answer)
    assert "wattpurse station price kwh MONEY" in words(answer)


@pytest.mark.parametrize("language", OTHER_CARD)
def test_another_card_is_refused_in_the_language_of_the_cashier(shift, card, language):
    speak(language)
    shift.post("/till/card", {"meter": ""})
    card.uid = "04ffffffff"
    answer = shift.post("/till/amount", {"what": "money", "amount": "20"})
    assert answer.status_code == 422 and OTHER_CARD[language] in words(answer)


def test_a_person_without_the_right_is_told_so_in_her_language(shift, office, monkeypatch):
    speak("de")
    actor = next(one for one in office.keys.operators() if one.number == User.objects.get(username="cashier").operator)
    refusal = f"Bediener {actor.number} hat das Recht „leiten“ nicht. Ein Leiter kann es geben."
    assert refusal in words(shift.get("/manager/audit"))


def test_the_command_line_keeps_the_english_text_in_every_language():
    left = Money(1_234_500_000, Currency("EUR", 2))
    with translation.override("de"):
        refusal = Refusal("shop %(shop)s may take %(left)s more", shop=1, left=left)
        assert str(refusal) == "shop 1 may take 1234.50 EUR more"
        assert f"{Failure('the card does not keep the data written to it')}" == (
            "the card does not keep the data written to it"
        )


def test_values_are_in_the_order_of_the_language_and_percent_signs_stay():
    said = Words("%(first)s or %(second)s", first=Words("money"), second="100 % %(kWh)s")
    assert str(said) == "money or 100 % %(kWh)s"
    with translation.override("de"):
        assert in_words(said) == "Geld oder 100 % %(kWh)s"
        assert in_words(Words("100 % of it")) == "100 % of it"
        assert in_words(Words("")) == ""


def test_lists_are_joined_by_the_words_of_the_language():
    numbers = [Words("token %(number)s", number=number) for number in (4, 5, 6)]
    assert str(all_of(numbers)) == "token 4, token 5, token 6"
    assert str(one_of([Words("money")])) == "money"
    with translation.override("ar"):
        assert in_words(all_of(numbers)) == "الرمز 4، الرمز 5، الرمز 6"


def test_a_refusal_keeps_its_words_through_another_refusal_and_through_a_pickle():
    inner = Refusal("the card is for meter %(meter)s, not for meter %(other_meter)s", meter=4, other_meter=5)
    outer = pickle.loads(pickle.dumps(Refusal(words_of(inner))))  # noqa: S301
    with translation.override("de"):
        assert in_words(outer) == "Die Karte ist für Zähler 4, nicht für Zähler 5."
    assert str(outer) == "the card is for meter 4, not for meter 5"


def test_an_exception_without_words_is_told_as_it_is():
    with translation.override("de"):
        assert in_words(ValueError("something else")) == "something else"
        assert in_words(OSError(5, "Input/output error")) == "[Errno 5] Input/output error"


@pytest.mark.parametrize("language", LIFTED)
def test_a_card_that_was_lifted_is_told_in_the_language_of_the_cashier(shift, card, language):
    shift.post("/till/card", {"meter": ""})
    form = shift.post("/till/amount", {"what": "money", "amount": "20"})
    fields = dict(form.context["order_fields"]) | {name: form.context["state"][name] for name in ("card", "meter")}
    card.breaks = 2
    shift.post("/till/sell", fields | {"client_key": form.context["client_key"]})
    made = to_card(sold(Sale.objects.get()), card)
    with translation.override(language):
        assert in_words(made.trouble).startswith(LIFTED[language])
    assert made.trouble.startswith("sold, and not on the card: the card was lifted; it is offered first")


def test_the_audit_trail_is_in_the_language_of_the_manager_and_is_found_by_its_words(shift):
    shift.post("/logout")
    User.objects.update(language="de")
    shift.log_in("manager")
    assert "<td>Schicht geöffnet</td>" in words(shift.get("/manager/audit"))
    for typed in ("schicht", "open shift"):
        found = words(shift.get("/manager/audit", {"action": typed}))
        assert "<td>Schicht geöffnet</td>" in found and "<td>Anmeldung</td>" not in found


@pytest.mark.parametrize(("language", "contract"), [("de", "Guthaben in kWh"), ("ar", "مسبق الدفع بالكيلوواط ساعة")])
def test_a_contract_has_a_name_in_the_language_of_the_page(shift, language, contract):
    shift.post("/logout")
    User.objects.update(language=language)
    shift.log_in("manager")
    assert f"<dd>{contract}</dd>" in words(shift.get("/office/meters/2"))
    assert f"<td>{contract}</td>" in words(shift.get("/office/meters/"))
    assert f'<option value="prepaid-energy">{contract}</option>' in words(shift.get("/office/meters/new"))


def test_the_trouble_at_a_reader_is_told_in_the_language_of_the_cashier(shift):
    desk = exchange().desk(first_till().pk)
    speak("de")
    desk.ask({"trouble": "no card lies on the reader"}, 0)
    assert "Auf dem Leser liegt keine Karte." in words(shift.get("/till/look"))
    desk.ask({"trouble": "an unknown text of 100 %(x)s"}, 0)
    assert "an unknown text of 100 %(x)s" in words(shift.get("/till/look"))


def test_a_refusal_of_the_vault_keeps_its_words_on_its_way():
    with pytest.raises(LimitReached) as refused:
        rules.refuse_amounts(Limits(token_days=5), [rules.Amounts(days=7)], rules.Amounts())
    told = wire.error_of(wire.read_line(wire.line_of(wire.error_message(refused.value))))
    assert isinstance(told, LimitReached) and str(told) == str(refused.value)
    with translation.override("de"):
        assert in_words(told).startswith("Das Token hat 7 Tage, und Ihre Grenze für ein Token ist 5.")


@pytest.mark.parametrize(
    "message", [{"error": "Refused", "words": "no"}, {"error": "Refused", "words": "no", "text": 5}]
)
def test_a_refusal_of_an_older_vault_has_its_english_words(message):
    with translation.override("de"):
        assert in_words(wire.error_of(message)) == "no"
