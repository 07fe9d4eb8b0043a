"""The addresses of the office's pages."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy as pgettext

from wattpurse_tools.pages.views import cards, customers, imports, meters, moves, passes, premises, rounds, tariffs

NAVIGATION = (
    ("customers", _("Customers"), "order"),
    ("places", pgettext("all", "Premises"), "order"),
    ("meters", _("Meters"), "order"),
    ("tariffs", _("Tariffs"), "order"),
    ("cards", _("Cards"), "cards"),
    ("passes", _("Passes"), "cards"),
    ("rounds", _("Rounds"), "cards"),
    ("import", _("Import"), "manage"),
)

urlpatterns = [
    path("customers/", customers.customers, name="customers"),
    path("customers/new", customers.new_customer, name="new-customer"),
    path("customers/<int:number>", customers.customer, name="customer"),
    path("premises/", premises.places, name="places"),
    path("premises/new", premises.new_place, name="new-place"),
    path("premises/<int:key>", premises.place, name="place"),
    path("premises/<int:key>/move-in", moves.move_in, name="move-in"),
    path("premises/<int:key>/meter", moves.set_meter, name="set-meter"),
    path("tenancies/<int:key>/move-out", moves.move_out, name="move-out"),
    path("meters/new", moves.new_meter, name="new-meter"),
    path("meters/", meters.meters, name="meters"),
    path("meters/<int:number>", meters.meter, name="meter"),
    path("tariffs/", tariffs.tariffs, name="tariffs"),
    path("tariffs/new", tariffs.new_tariff, name="new-tariff"),
    path("tariffs/plans", tariffs.plans, name="tariff-plans"),
    path("tariffs/<int:key>", tariffs.tariff, name="tariff"),
    path("tariffs/<int:key>/plan", tariffs.plan_tariff, name="plan-tariff"),
    path("cards/", cards.cards, name="cards"),
    path("cards/new", cards.new_card, name="new-card"),
    path("cards/<slug:uid>", cards.card, name="card"),
    path("passes", passes.passes, name="passes"),
    path("rounds", rounds.rounds, name="rounds"),
    path("import", imports.import_file, name="import"),
]
