"""The map: meters in cells by the database, the picture in true proportions, pictures below it only if named."""

import math
import re
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tools.headend.fleet_rows import connect, make_fleet
from tests.tools.office.desk_rows import make_street, now_s
from wattpurse_tools.headend import fleet, fleet_map
from wattpurse_tools.headend.fleet_map import Area
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.office import bulk_import, people
from wattpurse_tools.office.people import Coordinates
from wattpurse_tools.pages.map_picture import Symbol, drawn_map
from wattpurse_tools.record.models import AuditEntry, HeadendPolicy, Installation, Meter, Premises
from wattpurse_tools.refusals import Refusal

NOW_S = 1_800_000_000
NAIROBI = (-1_286_389, 36_817_223)
SPACE = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def desk(pages):
    """Return a client of the pages, with a manager logged in."""
    pages.log_in("manager")
    return pages


def place(number, latitude, longitude):
    """Put premises onto the map."""
    Premises.objects.filter(name=f"House {number}").update(
        latitude_microdegrees=latitude, longitude_microdegrees=longitude
    )


def on_a_line(count, step=10_000):
    """Put the premises of a street onto a line to the east."""
    for number in range(1, count + 1):
        place(number, NAIROBI[0], NAIROBI[1] + number * step)


def test_meters_are_counted_in_cells_by_state(any_office):
    make_fleet(NOW_S)
    on_a_line(7)
    place(2, *NAIROBI)
    place(3, *NAIROBI)
    whole = fleet_map.whole_area()
    found = fleet_map.cells(whole, NOW_S, 86_400)
    assert sum(cell.count for cell in found) == 7
    both = next(cell for cell in found if cell.count == 2)
    assert (both.state, both.counts, both.meter, both.is_one_place) == (
        fleet.ALARM,
        {fleet.ALARM: 1, fleet.SILENT: 1},
        None,
        True,
    )
    assert (both.latitude, both.longitude) == NAIROBI
    one = next(cell for cell in found if cell.state == fleet.GOOD)
    assert one.meter == 1006
    assert [cell.meter for cell in fleet_map.cells(whole, NOW_S, 86_400, fleet.GOOD)] == [1006]


def test_each_meter_is_in_one_cell_and_the_nearer_map_shows_those_of_the_cell(any_office):
    make_street(60)
    for number in range(1, 61):
        place(number, NAIROBI[0] + number * 37, NAIROBI[1] - number * number * 11)
    whole = fleet_map.whole_area()
    found = fleet_map.cells(whole, NOW_S, 86_400)
    assert sum(cell.count for cell in found) == 60
    crowd = max(found, key=lambda cell: cell.count)
    assert crowd.count > 1
    nearer = fleet_map.cells(crowd.area.wider(4), NOW_S, 86_400)
    assert sum(cell.count for cell in nearer) >= crowd.count
    assert len(nearer) > 1


def test_retired_and_removed_meters_and_those_without_a_place_are_not_on_the_map(any_office):
    make_street(4)
    on_a_line(3)
    Meter.objects.filter(number=1001).update(is_retired=True)
    Installation.objects.filter(meter=1002).update(until_s=NOW_S)
    found = fleet_map.cells(fleet_map.whole_area(), NOW_S, 86_400)
    assert [cell.meter for cell in found] == [1003]
    assert fleet_map.without_place() == 3  # 900, 1002 and 1004
    Premises.objects.update(latitude_microdegrees=None)
    assert fleet_map.whole_area() is None


def test_the_map_asks_the_record_a_fixed_number_of_times(any_office):
    make_street(50)
    on_a_line(50)
    with CaptureQueriesContext(connection) as asked:
        fleet_map.cells(fleet_map.whole_area(), NOW_S, 86_400)
    assert len(asked) == 2


@pytest.mark.parametrize("latitude", [0, 60_000_000, -75_000_000])
def test_a_metre_is_as_long_to_the_north_as_to_the_east(latitude):
    north = 10_000
    east = round(north / math.cos(math.radians(latitude / 1e6)))
    area = Area(0, latitude - 4 * north, 8 * east, latitude + 4 * north)
    corners = [(latitude, east), (latitude + north, east), (latitude, 2 * east)]
    symbols = [
        Symbol(fleet_map.Cell(column, 0, {fleet.GOOD: 1}, 1, Area(along, there, along, there)), "/x", "words")
        for column, (there, along) in enumerate(corners)
    ]
    drawn = ElementTree.fromstring(drawn_map("Map", area, symbols, [(fleet.GOOD, "good")]))
    looks = [one.get("transform") for one in drawn.iter(f"{SPACE}path") if "on-map" in one.get("class")]
    (x0, y0), (x1, y1), (x2, y2) = [tuple(map(float, re.findall(r"[-\d.]+", look)[:2])) for look in looks[:3]]
    assert x0 == pytest.approx(x1)
    assert y0 == pytest.approx(y2)
    assert y0 - y1 == pytest.approx(x2 - x0, rel=0.01)
    told = next(one.text for one in drawn.iter(f"{SPACE}text") if one.text.endswith((" m", " km")))
    metres = int(told.split()[0]) * (1000 if told.endswith("km") else 1)
    bar = next(one for one in drawn.iter(f"{SPACE}path") if one.get("class") == "bar-of-scale").get("d")
    begin, end = re.match(r"M([\d.]+) .*H([\d.]+)V", bar).groups()
    in_metres = (float(end) - float(begin)) / (y0 - y1) * north / 1e6 * 111_195
    assert in_metres == pytest.approx(metres, rel=0.01)


def test_states_have_shapes_of_their_own_and_links_with_words(office, desk):
    make_fleet(now_s())
    on_a_line(7)
    text = desk.get("/headend/map").content.decode()
    drawn = ElementTree.fromstring(re.search(r"<svg.*?</svg>", text, re.S).group().replace("&nbsp;", " "))
    links = {one.get("aria-label"): one for one in drawn.iter(f"{SPACE}a")}
    assert len(links) == 7
    assert links["Meter 1003: silent"].get("href") == "/office/meters/1003"
    shapes = {one.find(f"{SPACE}path").get("d") for one in links.values()}
    assert len(shapes) == 7
    assert "style=" not in text


def test_a_crowd_leads_to_a_nearer_map_and_one_place_to_a_list(office, desk):
    make_street(3)
    for number in (1, 2):
        place(number, *NAIROBI)
    place(3, NAIROBI[0] + 500_000, NAIROBI[1] + 290_000)
    text = desk.get("/headend/map").content.decode()
    assert 'href="/headend/?q=@-1286389,36817223"' in text
    listed = desk.get("/headend/?q=@-1286389,36817223").content.decode()
    assert "/office/meters/1002" in listed
    assert "/office/meters/1003" not in listed
    place(2, NAIROBI[0], NAIROBI[1] + 1000)
    text = desk.get("/headend/map").content.decode()
    address = re.search(r'href="(/headend/map\?west=[^"]*)" id="cell', text).group(1).replace("&amp;", "&")
    nearer = desk.get(address).content.decode()
    assert "Meter 1001:" in nearer
    assert "Meter 1002:" in nearer
    assert "Meter 1003:" not in nearer
    assert "Whole map" in nearer


def test_a_map_without_places_says_how_to_get_them(office, desk):
    assert "No premises have coordinates yet" in desk.get("/headend/map").content.decode()
    assert desk.get("/headend/map?state=asleep").status_code == 404
    for wrong in (
        "west=1&south=1&east=1&north=1",
        "west=x&south=0&east=1&north=1",
        "west=0&south=0&east=999999999&north=1",
    ):
        assert desk.get(f"/headend/map?{wrong}").status_code == 200


def test_pictures_below_the_map_are_asked_for_only_if_the_settings_name_a_server(office, desk):
    make_street(2)
    on_a_line(2)
    answer = desk.get("/headend/map")
    assert b"<image" not in answer.content
    assert "img-src 'self';" in answer.headers["Content-Security-Policy"]
    policy()
    HeadendPolicy.objects.update(map_tiles="https://tiles.example/{z}/{x}/{y}.png", map_credit="Map of Example")
    answer = desk.get("/headend/map")
    assert "img-src 'self' https://tiles.example;" in answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    tiles = re.findall(r'<image href="https://tiles.example/(\d+)/(\d+)/(\d+).png"', answer.content.decode())
    assert 0 < len(tiles) <= 20
    zoom, column, row = map(int, tiles[0])
    there = 2**zoom * (36.82 + 180) / 360
    assert abs(column - there) < 3
    angle = math.radians(-1.286389)
    assert abs(row - (1 - math.log(math.tan(angle) + 1 / math.cos(angle)) / math.pi) / 2 * 2**zoom) < 3
    assert "Map of Example" in answer.content.decode()
    assert "tiles.example" not in desk.get("/headend/").headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("typed", "microdegrees"),
    [
        (("-1.286389", "36.817223"), NAIROBI),
        (("-0,5", "+180"), (-500_000, 180_000_000)),
        (("90", "0"), (90_000_000, 0)),
    ],
)
def test_coordinates_are_typed_in_degrees(typed, microdegrees):
    found = Coordinates.typed(*typed)
    assert (found.latitude, found.longitude) == microdegrees
    again = Coordinates.typed(people.degrees_text(found.latitude), people.degrees_text(found.longitude))
    assert again == found


@pytest.mark.parametrize("typed", [("91", "0"), ("0", "180.000001"), ("1", ""), ("", "1"), ("1e3", "0"), ("N 1", "0")])
def test_wrong_coordinates_are_refused(typed):
    with pytest.raises(Refusal, match="write degrees"):
        Coordinates.typed(*typed)


def test_coordinates_are_edited_on_the_page_of_the_premises(office, desk):
    make_street(1)
    key = Premises.objects.get(name="House 1").pk
    address = f"/office/premises/{key}"
    facts = {"address": "Long Street", "feeder": "North"}
    assert b"write degrees" in desk.post(address, facts | {"latitude": "95", "longitude": "1"}).content
    assert Premises.objects.get().latitude_microdegrees is None
    assert desk.post(address, facts | {"latitude": "-1.286389", "longitude": "36.817223"}).status_code == 302
    found = Premises.objects.get()
    assert (found.latitude_microdegrees, found.longitude_microdegrees) == NAIROBI
    assert AuditEntry.objects.order_by("-id").first().detail["latitude_microdegrees"] == NAIROBI[0]
    assert 'value="-1.286389"' in desk.get(address).content.decode()
    connect(1001, now_s())
    assert "Meter 1001: good" in desk.get("/headend/map").content.decode()
    assert desk.post(address, facts | {"latitude": "", "longitude": ""}).status_code == 302
    assert Premises.objects.get().latitude_microdegrees is None


def test_coordinates_are_imported(office, manager):
    bulk_import.book(office, manager, b"premises,latitude,longitude\nHouse 1,-1.286389,36.817223\nHouse 2,,\n")
    found = dict(Premises.objects.values_list("name", "latitude_microdegrees"))
    assert found == {"House 1": NAIROBI[0], "House 2": None}
    plan = bulk_import.read(b"premises,latitude,longitude\nHouse 3,95,1\nHouse 4,5,\n")
    assert [(fault.line, fault.column) for fault in plan.faults] == [(2, "latitude"), (3, "longitude")]
