"""The pages that tests serve end each request as the office's own server does."""

import gc
import urllib.request

from django.core.signals import request_finished

from tests.tools.office.till_bench import served

REQUESTS = 3


def test_a_request_for_a_file_ends_once_and_not_when_rubbish_is_collected(office):
    """Count the ends. A late one would close the database of a request that runs in the thread of the collector."""
    ends = []

    def note(**_):
        ends.append(1)

    request_finished.connect(note)
    try:
        with served(office) as url:
            for _ in range(REQUESTS):
                with urllib.request.urlopen(url + "/static/pages/office.css") as answer:
                    assert answer.read()
        assert len(ends) == REQUESTS
        gc.collect()
        assert len(ends) == REQUESTS
    finally:
        request_finished.disconnect(note)
