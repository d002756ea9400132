from __future__ import annotations

import statistics
import time

import pytest

from data.core.errors import InputError
from tests.web.serving import Running, open_client
from web.core.static_files import static_url
from web.serving import listen


def test_small_answers_do_not_wait(server: Running) -> None:
    took = []
    with open_client(server) as client:
        for _ in range(15):
            start = time.perf_counter()
            client.get(static_url("shared/icon.svg"))
            took.append(time.perf_counter() - start)
    # A delayed acknowledgement would take 40 ms.
    assert min(took) < 0.03
    assert statistics.median(took) < 0.2


def test_a_port_in_use_is_refused() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match="address already in use"):
            listen("127.0.0.1", port)
    with listen("127.0.0.1", port) as again:
        assert again.getsockname()[1] == port


@pytest.mark.parametrize("host", ["203.0.113.7", "no.such.host.invalid"])
def test_an_address_of_another_machine(host: str) -> None:
    with pytest.raises(InputError, match="serve-people with another --port or --host"):
        listen(host, 0)
