"""The day of `cards_day`: the office with its till and reader, the customers with their cards, and their meters."""

from django.db import connections

from boards.host.cards.classic import ClassicCard
from boards.host.cards.desfire_chip import KIND as DESFIRE
from boards.host.cards.desfire_chip import DesfireChip
from boards.host.cards.images import from_image
from boards.host.cards.ultralight import UltralightCard
from boards.host.chips.aes import aes
from tests import office_of_tests
from tests.cards.desfire_bench import Numbers, content_of
from tests.office_of_tests import CASHIER, MANAGER, PASSPHRASE, PINS
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.services.desk_bench import DeskBench
from tests.tools.office.selling_site import EUR, FLOAT, build_site, first_till, money
from tests.tools.readers.pcsc_card import AFTER, BEFORE, MOMENTS, DesfireOnReader, PcscCard
from tests.tools.readers.virtual_reader import reader_of_process
from wattpurse.cards import key_card as key_cards
from wattpurse.cards import purse
from wattpurse.core import carrier, outcome
from wattpurse.core.currency import Currency
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.key_card import CardContent
from wattpurse.core.seals import keys
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import checking, sales, shifts, shop_day
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.reader import StationReader
from wattpurse_tools.office.sale_types import CARD, KEY_CARD, SOLD, WRITTEN, SaleRequest
from wattpurse_tools.record.models import Sale, Token
from wattpurse_tools.record.office_folder import open_record
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.card_reader import CardReader
from wattpurse_tools.station.key_card_terms import KeyCardTerms
from wattpurse_tools.station.shop import Shop, open_shop
from wattpurse_tools.vault.engine import Vault

_PLACE = "pcsc:acr122"
_FIRST_METER = 40_002_001
_KEY_METER = 40_002_009
_PRICE = 300_000
_MOST_RETURNS = 2
_TORN_SHARE = 0.7
_LEAST_REMOVALS_OF_A_SALE = 0.25
# The APDUs of a visit before one was seen.
_FIRST_GUESS = 20


class _Customer:
    """A customer: the name of the card, the card on a reader, and the list of its sales: (pk, micro-units).

    `longest` has the most APDUs that a visit took, by the work of the visit. `copies` are images of the card.
    """

    def __init__(self, name, on_reader, meter_number):
        self.name = name
        self.on_reader = on_reader
        self.meter_number = meter_number
        self.sales = []
        self.copies = []
        self.longest = {}

    @property
    def card(self):
        return self.on_reader.card

    @property
    def uid(self):
        return self.card.uid.hex()

    @property
    def has_key_card(self):
        return not self.meter_number

    @property
    def sold(self):
        return sum(amount for _, amount in self.sales)


class Day:
    """One office, one till, five customers, and the number of `sales` of the day."""

    def __init__(self, random, template, place, sales_of_day, tally):
        self._random = random
        self._tally = tally
        self._sales = sales_of_day
        self._removals_before = tally.figures.get("removals", 0)
        folder = office_of_tests.copy_office(office_of_tests.OfficeFolder(template), place)
        open_record(folder)
        self._vault = Vault.open(folder.vault, PASSPHRASE)
        self._office = Office(folder, self._vault)
        self._manager, self._cashier = self._sign_on(MANAGER), self._sign_on(CASHIER, 1)
        self._reader = reader_of_process()
        build_site()
        self._shift = shifts.open_shift(self._office, self._cashier, first_till(), FLOAT)
        self._shop = open_shop(self._vault, _PLACE, self._cashier)
        self._meters = {}
        self._customers = self._new_customers(open_shop(self._vault, _PLACE, self._manager))

    def close(self):
        """Take the card away, and end the vault."""
        self._reader.lift()
        self._vault.close()
        connections.close_all()

    def live(self):
        """Sell all day, then judge."""
        for number in range(self._sales):
            self._serve(self._random.choice(self._customers), f"sale-{number}")
        self._judge_the_evening()
        for customer in self._customers:
            self._finish(customer)
        self._judge_the_end()
        self._tally.add("sales", self._sales)
        removals = self._tally.figures.get("removals", 0) - self._removals_before
        if removals < self._sales * _LEAST_REMOVALS_OF_A_SALE:
            raise Broken(BROKEN_RULES, f"{removals} cards were pulled out: too few for a proof")

    # People, cards and meters

    def _sign_on(self, operator, shop=None):
        return Actor.of(self._vault.sign_on(operator, PINS[operator]), shop)

    def _new_customers(self, shop: Shop):
        blanks = (
            PcscCard(ClassicCard(b"\xa1\xb2\xc3\xd4")),
            PcscCard(UltralightCard("ntag215", b"\x04\x11\x22\x33\x44\x55\x66"), "plain"),
            PcscCard(UltralightCard("ntag216", b"\x04\x11\x22\x33\x44\x55\x77"), "identiv"),
        )
        customers = []
        for number, on_reader in enumerate(blanks, _FIRST_METER):
            shop.station.add_meter(number, Currency("EUR", 2), "prepaid-money")
            self._meters[number] = self._new_meter(number)
            customers.append(_Customer(f"card-{number}", on_reader, number))
        shop.station.add_meter(_KEY_METER, Currency("EUR", 2), "key-card")
        key_meter = self._meters[_KEY_METER] = self._new_meter(_KEY_METER)
        key_meter.ledger.change(lambda account: setattr(account, "contract", contracts.KeyCard))
        customers.append(_Customer("key", PcscCard(UltralightCard("ntag216", b"\x04\x11\x22\x33\x44\x55\x88")), 0))
        chip = DesfireChip(b"\x04\x78\x2e\x21\x80\x1d\x80", random_bytes=Numbers(1))
        customers.append(_Customer("safe", DesfireOnReader(chip), 0))
        for user, customer in enumerate(customers, 1):
            self._make_card(shop, customer, user)
        return customers

    def _make_card(self, shop, customer, user):
        self._reader.lay(customer.on_reader)
        if customer.has_key_card:
            shop.key_cards.new_card(customer.name, customer.card.kind, KeyCardTerms(_PRICE, 0, 0), user)
        else:
            shop.vending.new_customer_card(customer.name, customer.card.kind, customer.meter_number)
        self._reader.lift()

    def _new_meter(self, number):
        meter = DeskBench()
        version = self._vault.newest_version
        meter_key, self._site_key = self._vault.meter_keys(self._manager.ticket, number, version, version)
        meter.new_meter(meter_key, self._site_key, number)
        meter.settings.set_all((("key_version", version), ("site_key_version", version)))
        return meter

    # A visit to the till

    def _serve(self, customer, key):
        """Sell once. The sale comes about at the first visit at which the card can be read."""
        amount = self._random.randrange(1, 60)
        asked = SaleRequest(
            key,
            self._shift.pk,
            customer.meter_number,
            customer.uid,
            KEY_CARD if customer.has_key_card else CARD,
            money(amount),
        )
        reader = StationReader(self._shop, customer.name)
        while not Sale.objects.filter(client_key__endswith=f":{key}").exists():
            self._visit(customer, "sell", lambda: self._sell(asked, reader))
        customer.sales.append((Sale.objects.get(client_key__endswith=f":{key}").pk, amount * EUR))
        for _ in range(self._random.randrange(_MOST_RETURNS + 1)):
            self._visit(customer, "owed", lambda: sales.write_owed(self._office, self._cashier, reader))
        if self._random.random() < 0.2:
            sales.sell(self._office, self._cashier, asked, None)  # a page that was sent again
        if self._random.random() < 0.1 and not customer.has_key_card:
            customer.copies = [customer.card.image()]
        if self._random.random() < 0.4:
            self._tap(customer)

    def _sell(self, asked, reader):
        sales.write_owed(self._office, self._cashier, reader)
        try:
            sales.sell(self._office, self._cashier, asked, reader)
        except ValueError as error:
            if "has no room" not in str(error):
                raise
            self._tally.add("full_cards")
            self._tap(next(one for one in self._customers if one.uid == asked.card))

    def _visit(self, customer, name, work):
        """Put the card on the reader for some work, and pull it out at an APDU of it, most of the time."""
        on_reader = customer.on_reader
        if self._reader.card is not on_reader:
            self._reader.lay(on_reader)
        before, removals = on_reader.apdus, on_reader.removals
        if self._random.random() < _TORN_SHARE:
            longest = customer.longest.get(name, _FIRST_GUESS)
            moments = (BEFORE, AFTER) if customer.card.kind == DESFIRE else MOMENTS
            on_reader.tear(self._random.randrange(1, longest + 1), self._random.choice(moments))
        try:
            work()
        except OSError:
            pass  # the card has left; a sale that was made is owed to it
        on_reader.tear(0, None)
        if on_reader.removals == removals:
            customer.longest[name] = max(customer.longest.get(name, 1), on_reader.apdus - before)
            return
        self._reader.lift()
        self._tally.faults += 1
        self._tally.add("removals")

    def _finish(self, customer):
        """Put the card on the reader without haste, write the owed sales, and bring it to its meter and back."""
        reader = StationReader(self._shop, customer.name)
        self._reader.lay(customer.on_reader)
        sales.write_owed(self._office, self._cashier, reader)
        if sales.owed_to_card(customer.uid):
            raise Broken(LOST, f"{customer.name}: sales are owed to it after an undisturbed visit")
        self._tap(customer)
        for image in customer.copies:
            self._meters[customer.meter_number].tap(from_image(image))
        self._reader.lay(customer.on_reader)
        reader.read()
        self._reader.lift()

    def _tap(self, customer):
        """Bring the card from the reader to its meter."""
        self._reader.lift()
        if not customer.has_key_card:
            self._meters[customer.meter_number].tap(customer.card)
            return
        meter = self._meters[_KEY_METER]
        meter.field.insert(customer.card)
        meter.look(3)
        meter.ledger.advance(meter.timekeeper.now_s(), self._random.randrange(3_000))
        meter.look(3)
        meter.field.remove(customer.card)
        meter.look(2)
        meter.clock.advance_us(60_000_000)  # longer than the grace
        meter.look(1)

    # Judgement

    def _judge_the_evening(self):
        """Check, with cards half written, that each sale is owed or delivered, and that the ledger knows of it."""
        for customer in self._customers:
            owed = {sale.pk for sale in sales.owed_to_card(customer.uid)}
            self._tally.add("owed_in_the_evening", len(owed))
            if customer.has_key_card:
                self._judge_key_card(customer, owed)
            else:
                self._judge_customer(customer, owed)

    def _judge_customer(self, customer, owed):
        meter = self._meters[customer.meter_number]
        on_card = self._tokens_on(customer.card)
        if len(on_card) != len(set(on_card)):
            raise Broken(DOUBLED, f"{customer.name} has a token twice")
        for pk, amount in customer.sales:
            row = Token.objects.get(sale_id=pk)
            if row.amount != amount:
                raise Broken(BROKEN_RULES, f"{customer.name}: sold {amount}, the token has {row.amount}")
            is_there = bytes(row.sealed) in on_card or meter.ledger.account.token_is_used(row.sequence)
            if not is_there and pk not in owed:
                raise Broken(LOST, f"{customer.name}: sale {pk} is neither on the card nor owed nor redeemed")
        booked = balances.balance(chart.meter(customer.meter_number), "EUR")
        if booked != customer.sold:
            raise Broken(BROKEN_RULES, f"{customer.name}: sold {customer.sold}, in the ledger {booked}")
        used = [meter.ledger.account.token_is_used(row.sequence) for row in self._rows(customer)]
        waiting = sum(row.amount for row, is_used in zip(self._rows(customer), used) if not is_used)
        if meter.ledger.account.money.bought + waiting != booked:
            bought = meter.ledger.account.money.bought
            what = DOUBLED if bought + waiting > booked else LOST
            raise Broken(what, f"{customer.name}: {bought} at the meter and {waiting} waiting, in the ledger {booked}")

    def _judge_key_card(self, customer, owed):
        content = self._content(customer)
        waiting = sum(amount for pk, amount in customer.sales if pk in owed)
        # A load that arrived while its answer was lost is owed as well as on the card.
        if not customer.sold - waiting <= content.loaded <= customer.sold:
            what = LOST if content.loaded < customer.sold else DOUBLED
            raise Broken(what, f"{customer.name}: sold {customer.sold}, owed {waiting}, loaded {content.loaded}")

    def _judge_the_end(self):
        """Check, with all cards laid back and tapped, that everything has arrived once."""
        states = set(
            Sale.objects.filter(pk__in=[pk for one in self._customers for pk, _ in one.sales]).values_list("state")
        )
        if states != {(WRITTEN,)} or Sale.objects.filter(state=SOLD).exists():
            raise Broken(LOST, f"sales are in the states {states}")
        if Sale.objects.count() != self._sales:
            raise Broken(DOUBLED, f"{Sale.objects.count()} receipts, {self._sales} sales")
        spent = 0
        for customer in self._customers:
            if customer.has_key_card:
                content = self._content(customer)
                spent += content.spent
                if content.loaded != customer.sold:
                    what = LOST if content.loaded < customer.sold else DOUBLED
                    raise Broken(what, f"{customer.name}: sold {customer.sold}, loaded {content.loaded}")
            else:
                self._judge_meter(customer)
        self._judge_payments(spent)
        self._judge_books()

    def _judge_meter(self, customer):
        """Offer each token to the meter once more. It has bought exactly the credit of its sales."""
        meter = self._meters[customer.meter_number]
        for row in self._rows(customer):
            if meter.teller.redeem(bytes(row.sealed), carrier.CONSOLE) != outcome.USED:
                raise Broken(LOST, f"{customer.name}: token {row.sequence} was not redeemed")
        if meter.ledger.account.money.bought != customer.sold:
            what = LOST if meter.ledger.account.money.bought < customer.sold else DOUBLED
            raise Broken(what, f"{customer.name}: sold {customer.sold}, bought {meter.ledger.account.money.bought}")
        if self._rows(customer).exclude(state=orders.REDEEMED).exists():
            raise Broken(BROKEN_RULES, f"{customer.name}: the office did not learn of tokens that are redeemed")

    def _judge_payments(self, spent):
        account = self._meters[_KEY_METER].ledger.account
        owed = account.cards.left + sum(card.owed for card in account.cards.known)
        if spent + owed != account.money.charged or not spent:
            what = DOUBLED if spent + owed > account.money.charged else LOST
            raise Broken(what, f"key cards paid {spent} and owe {owed}, charged {account.money.charged}")

    def _judge_books(self):
        shifts.count_cash(self._office, self._cashier, self._shift, FLOAT + sum(one.sold for one in self._customers))
        shifts.close_shift(self._office, self._cashier, self._shift)
        if balances.balance(chart.difference(1), "EUR"):
            raise Broken(BROKEN_RULES, "the drawer is not right")
        found = checking.check(self._office, self._manager).findings
        if found:
            raise Broken(BROKEN_RULES, "; ".join(f"{one.subject}: {one.words}" for one in found[:5]))
        told = shop_day.reconcile(self._office, self._manager)["EUR"]
        if told.difference or told.outstanding:
            raise Broken(BROKEN_RULES, f"meters and books differ: {told}")

    def _rows(self, customer):
        return Token.objects.filter(sale_id__in=[pk for pk, _ in customer.sales]).order_by("sequence")

    def _tokens_on(self, card):
        box = CardReader(self._vault).work(from_image(card.image()), purse.read_orders)
        return list(purse.split_tokens(box.content))

    def _content(self, customer) -> CardContent:
        """Return the content of a key card, from its model's memory or with the site's key."""
        if customer.card.kind == DESFIRE:
            return content_of(customer.card.desfire)
        pair = keys.key_card_keys(aes, self._site_key, customer.card.uid)
        copy = from_image(customer.card.image())
        content = CardReader(self._vault).work(copy, lambda memory: key_cards.read(memory, aes, (pair,)))[1]
        if content is None:
            raise Broken(LOST, f"{customer.name} cannot be read any more")
        return content
