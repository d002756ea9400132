"""Requests that are refused: hosts, origins, paths, bodies, passwords."""

from __future__ import annotations

import json
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import Request
from starlette.responses import Response

from data.core.errors import InputError
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.serving import Running, open_client, own_origin, running, served_client
from web.core.errors import RefusedError
from web.core.security_headers import SECURITY_HEADERS
from web.core.sessions import SESSION_S, Sessions
from web.core.settings import ServerSettings
from web.core.static_files import static_url
from web.login import FIRST_WAIT_S, FORGOTTEN_S, MAX_WRONG, LoginGate

PASSWORD = "correct horse"
VIDEO = "/media/film/1/people/1/video"
FORM = {"content-type": "application/x-www-form-urlencoded"}
WRITE = "/api/projects/film/command/stop"
NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture
def ask(server: Running) -> Iterator[httpx.Client]:
    with open_client(server) as client:
        yield client


def leaks(answer: httpx.Response, folder: Path) -> bool:
    """Return whether a response contains a path on the disk or code."""
    content = answer.text + str(answer.headers)
    return str(folder.parent) in content or "Traceback" in content or ".py" in content


class Clock:
    """A clock that a test sets."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


# --- hosts and origins ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("127.0.0.1", 200),
        ("localhost:1234", 200),
        ("LocalHost", 200),
        ("[::1]:8000", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("evil.example@127.0.0.1", 400),
        ("127.0.0.1/evil.example", 400),
        ("192.168.1.7:8000", 400),
        ("127.0.0.1:http", 400),
        ("[::1", 400),
        ("", 400),
    ],
)
def test_host(ask: httpx.Client, host: str, status: int) -> None:
    answer = ask.get("/", headers={"host": host})
    assert answer.status_code == status
    if status == 400:
        assert answer.json() == {
            "error": "unknown host name; use the address that the terminal shows"
        }


@pytest.mark.parametrize(
    ("host", "status"), [("192.168.1.7:8000", 303), ("[fe80::1]", 303), ("evil.example", 400)]
)
def test_every_address_of_a_server_for_all_is_its_own(
    crops_project: Path, host: str, status: int
) -> None:
    with served_client([crops_project], ServerSettings(host="0.0.0.0", password=PASSWORD)) as ask:
        headers = {"host": host, "accept": "text/html"}
        assert ask.get("/", headers=headers).status_code == status


def test_another_servers_name(crops_project: Path) -> None:
    settings = ServerSettings(names=("fancam.example",), password=PASSWORD)
    with served_client([crops_project], settings) as ask:
        headers = {"host": "fancam.example", "origin": "https://fancam.example"}
        answer = ask.post("/login", data={"password": PASSWORD}, headers=headers)
        assert answer.status_code == 303
        cookie = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
        assert ask.get("/", headers=headers | cookie).status_code == 200
        assert ask.get("/", headers={"host": "evil.example"} | cookie).status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "http://127.0.0.1:8000.evil.example"}, 403),
        ({"origin": "file://127.0.0.1:8000"}, 403),
        ({"origin": "OWN", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "OWN", "content-type": "text/plain"}, 415),
        ({"origin": "OWN", "content-type": "application/x-www-form-urlencoded"}, 415),
        ({"origin": "OWN", "content-type": "multipart/form-data; boundary=x"}, 415),
        ({"origin": "OWN"}, 202),
        ({"origin": "OWN", "sec-fetch-site": "same-origin"}, 202),
    ],
)
def test_only_pages_of_the_server_write(
    ask: httpx.Client, headers: dict[str, str], status: int
) -> None:
    headers = {"content-type": "application/json", **headers}
    if headers.get("origin") == "OWN":
        headers |= own_origin(ask)
    assert ask.post(WRITE, content="{}", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, 200),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, 200),
        (
            {
                "sec-fetch-site": "cross-site",
                "sec-fetch-mode": "navigate",
                "sec-fetch-dest": "document",
            },
            200,
        ),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        (
            {
                "sec-fetch-site": "cross-site",
                "sec-fetch-mode": "navigate",
                "sec-fetch-dest": "iframe",
            },
            403,
        ),
    ],
    ids=["own", "typed", "link", "embedded", "framed"],
)
def test_other_sites_may_link_but_not_embed(
    ask: httpx.Client, headers: dict[str, str], status: int
) -> None:
    assert ask.get("/", headers=headers).status_code == status


@pytest.mark.parametrize(
    "address", ["/", "/nowhere", VIDEO, static_url("shared/base.css"), "/login"]
)
def test_every_answer_carries_the_headers(ask: httpx.Client, address: str) -> None:
    answer = ask.get(address)
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "server" not in answer.headers


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_server_errors_reveal_nothing(
    crops_project: Path, accept: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with running([crops_project]) as served:

        def boom() -> None:
            raise RuntimeError(f"secret {crops_project}")

        served.app.get("/boom")(boom)
        with open_client(served) as ask:
            answer = ask.get("/boom", headers={"accept": accept})
    assert answer.status_code == 500
    assert "internal error" in answer.text
    assert not leaks(answer, crops_project)
    assert "secret" not in answer.text
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "secret" in capfd.readouterr().err


def test_pages_hold_no_script_or_style_that_the_policy_refuses(ask: httpx.Client) -> None:
    html = ask.get("/").text
    scripts = re.findall(r"<script(?![^>]*application/json)[^>]*>", html)
    assert scripts
    assert all('src="/static/' in script for script in scripts)
    assert not re.search(r"\sstyle=|\son\w+=|<style", html)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", html)


# --- paths ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "/media/film/1/people/1/../../../../project.json",
        "/media/film/1/people/1/..%2f..%2f..%2fproject.json",
        "/media/film/1/people/1/%2e%2e/%2e%2e/video",
        "/media/..%2ffilm/1/people/1/video",
        "/media/film%00/1/people/1/video",
        "/media/film/1/people/1/video%00.mp4",
        "/media/%2fetc%2fpasswd/1/poster",
        "/media/film/%2e%2e/poster",
        "/media/film/1/people/..%5c..%5cproject/video",
        "/media//etc/passwd",
        "/watch/..%2f..%2fetc/1",
        static_url("../app.py"),
        static_url("..%2fapp.py"),
        static_url("%2e%2e/app.py"),
        static_url("%2e%2e%2f%2e%2e%2fpyproject.toml"),
        static_url("/etc/passwd"),
        static_url("..\\app.py"),
        "/media/film/0/poster",
        "/media/film/99999999999999999999/poster",
        "/media/film/-1/poster",
        "/media/film/1/people/99/video",
        "/media/film/1/people/1/project.json",
        "/openapi.json",
        "/docs",
    ],
)
def test_nothing_is_found_by_a_path(ask: httpx.Client, crops_project: Path, address: str) -> None:
    # A raw request, since httpx would normalise the path.
    answer = ask.get(ask.base_url.copy_with(raw_path=address.encode()))
    assert answer.status_code == 404
    assert not leaks(answer, crops_project)


@pytest.mark.parametrize(
    "video",
    ["../../project.json", "/etc/passwd", "..\\project.json", "link.mp4", ".hidden.mp4", "", "."],
)
def test_a_timeline_cannot_name_other_files(tmp_path: Path, video: str) -> None:
    drawing = Drawing(names=("Anna",), seconds=0.4, sound=False, gifs=False)
    project = draw_crops(tmp_path / "film.fancam", drawing)
    folder = project.crops_folder("film")
    (tmp_path / "secret").write_text("secret")
    (folder / "link.mp4").symlink_to(tmp_path / "secret")
    (folder / ".hidden.mp4").write_text("hidden")
    timeline = json.loads((folder / "timeline.json").read_text())
    timeline["people"][0]["video"] = video
    (folder / "timeline.json").write_text(json.dumps(timeline))
    with served_client([project.folder]) as ask:
        assert ask.get(VIDEO).status_code == 404
        assert ask.get("/media/film/1/people/1/poster").status_code == 404
        assert "There are no videos" in ask.get("/").text


def test_names_are_text(tmp_path: Path) -> None:
    drawing = Drawing(names=(NASTY, "</script><b>"), seconds=0.4, sound=False)
    folder = draw_crops(tmp_path / "film.fancam", drawing).folder
    with served_client([folder]) as ask:
        for address in ("/", "/watch/film/1"):
            html = ask.get(address).text
            assert "<img src=x" not in html
            assert "</script><b>" not in html
            assert "&lt;img src=x" in html
        answer = ask.get(f"{VIDEO}?download=true")
        assert answer.headers["content-disposition"].startswith("attachment; filename*=utf-8''")
        assert "<" not in answer.headers["content-disposition"]


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [WRITE, "/logout", "/login"])
def test_a_body_that_is_too_large_is_refused(crops_project: Path, address: str) -> None:
    settings = ServerSettings(password=PASSWORD, max_body_bytes=1000)
    with served_client([crops_project], settings) as ask:
        headers = own_origin(ask) | (
            {"content-type": "application/json"} if address == WRITE else FORM
        )
        ask.post("/login", data={"password": PASSWORD}, headers=own_origin(ask))
        answer = ask.post(address, content=b"x" * 1001, headers=headers)
        assert answer.status_code == 413


def test_a_chunked_body_that_is_too_large_is_refused(crops_project: Path) -> None:
    settings = ServerSettings(password=PASSWORD, max_body_bytes=1000)
    with served_client([crops_project], settings) as ask:
        headers = own_origin(ask) | FORM
        pieces = (b"x" * 400 for _ in range(4))
        assert ask.post("/login", content=pieces, headers=headers).status_code == 413


def test_an_upload_of_another_kind_is_refused(ask: httpx.Client) -> None:
    files = {"file": ("labels.csv", b"a,b", "text/csv")}
    answer = ask.post(WRITE, files=files, headers=own_origin(ask))
    assert answer.status_code == 415


# --- the password ---------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.org"])
def test_other_hosts_need_a_password(host: str) -> None:
    with pytest.raises(InputError, match="--password-file"):
        ServerSettings(host=host)
    assert ServerSettings(host=host, password=PASSWORD).host == host


@pytest.mark.parametrize("password", ["", "  \n"])
def test_no_empty_password(password: str) -> None:
    with pytest.raises(InputError, match="empty"):
        ServerSettings(password=password)


def test_the_password_is_not_in_the_repr() -> None:
    settings = ServerSettings(password=PASSWORD)
    assert PASSWORD not in repr(settings)


def test_login_is_required(crops_project: Path) -> None:
    with served_client([crops_project], ServerSettings(password=PASSWORD)) as ask:
        seen = ask.get("/", headers={"accept": "text/html"})
        assert (seen.status_code, seen.headers["location"]) == (303, "/login")
        for address in ("/", VIDEO, "/api/footages", "/media/film/1/poster", "/nowhere"):
            assert ask.get(address).status_code == 401
        for token in ("", "x", "\xff"):
            forged = {b"cookie": f"fancam-{ask.base_url.port}={token}".encode("latin1")}
            assert ask.get(VIDEO, headers=forged).status_code == 401
        assert ask.get("/login").status_code == 200
        assert ask.get(static_url("shared/base.css")).status_code == 200


def test_logging_in_and_out(crops_project: Path) -> None:
    with served_client([crops_project], ServerSettings(password=PASSWORD)) as ask:
        answer = ask.post("/login", data={"password": PASSWORD}, headers=own_origin(ask))
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert ask.get(VIDEO).status_code == 200
        assert ask.get("/login").status_code == 303
        for _ in range(2):  # another tab is logged out as well
            answer = ask.post("/logout", headers=FORM | own_origin(ask))
            assert (answer.status_code, answer.headers["location"]) == (303, "/login")
            assert ask.get(VIDEO).status_code == 401


def log_in(ask: httpx.Client, **headers: str) -> dict[str, str]:
    """Log in; return the cookie as a header."""
    headers = own_origin(ask) | headers
    answer = ask.post("/login", data={"password": PASSWORD}, headers=headers)
    assert answer.status_code == 303
    ask.cookies.clear()
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


def test_a_cookie_is_invalid_after_logging_out(crops_project: Path) -> None:
    with served_client([crops_project], ServerSettings(password=PASSWORD)) as ask:
        cookie, other = log_in(ask), log_in(ask)
        answer = ask.post("/logout", headers=FORM | own_origin(ask) | cookie)
        assert "max-age=0" in answer.headers["set-cookie"].lower()
        assert ask.get(VIDEO, headers=cookie).status_code == 401
        assert ask.get(VIDEO, headers=other).status_code == 200


def test_sessions_end() -> None:
    clock = Clock()
    sessions = Sessions(ServerSettings(password=PASSWORD), clock)

    def opened() -> Request:
        response = Response()
        sessions.open(Request({"type": "http", "headers": [], "path": "/"}), response)
        cookie = response.headers["set-cookie"].partition(";")[0]
        return Request({"type": "http", "headers": [(b"cookie", cookie.encode())]})

    first = opened()
    clock.now_s = SESSION_S - 1
    assert sessions.is_open(first)
    clock.now_s = SESSION_S
    assert not sessions.is_open(first)
    second = opened()
    for _ in range(1000):
        assert sessions.is_open(opened())
    assert not sessions.is_open(second)  # there are not more than a thousand


def test_servers_of_one_host_have_their_own_cookies(crops_project: Path) -> None:
    settings = ServerSettings(password=PASSWORD)
    with served_client([crops_project], settings) as ask, running([crops_project]) as other:
        (name,) = log_in(ask)["cookie"].split("=")[:1]
    assert name == f"fancam-{ask.base_url.port}" != f"fancam-{other.port}"


@pytest.mark.parametrize(
    ("trusted", "headers", "secure"),
    [
        ((), {"origin": "http://fancam.example", "x-forwarded-proto": "https"}, False),
        ((), {"origin": "https://fancam.example"}, True),
        (("127.0.0.1",), {"origin": "https://fancam.example", "x-forwarded-proto": "https"}, True),
    ],
)
def test_cookies_of_https_are_secure(
    crops_project: Path, trusted: tuple[str, ...], headers: dict[str, str], secure: bool
) -> None:
    names = ("fancam.example",)
    settings = ServerSettings(names=names, password=PASSWORD, trusted_proxies=trusted)
    with served_client([crops_project], settings) as ask:
        headers = {"host": "fancam.example", **headers}
        answer = ask.post("/login", data={"password": PASSWORD}, headers=headers)
        assert ("secure" in answer.headers["set-cookie"].lower().split("; ")) is secure
        cookie = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
        answer = ask.post("/logout", headers=FORM | headers | cookie)
        assert ("secure" in answer.headers["set-cookie"].lower().split("; ")) is secure


def test_cookies_are_invalid_after_a_restart(crops_project: Path) -> None:
    with served_client([crops_project], ServerSettings(password=PASSWORD)) as first:
        token = log_in(first)["cookie"].partition("=")[2]
    with served_client([crops_project], ServerSettings(password=PASSWORD)) as second:
        cookie = {"cookie": f"fancam-{second.base_url.port}={token}"}
        assert second.get(VIDEO, headers=cookie).status_code == 401


def test_wrong_password_ten_times(crops_project: Path) -> None:
    with served_client([crops_project], ServerSettings(password=PASSWORD)) as ask:
        answers = [
            ask.post("/login", data={"password": f"guess {i}"}, headers=own_origin(ask))
            for i in range(10)
        ]
        assert [a.status_code for a in answers] == [401] * MAX_WRONG + [429] * (10 - MAX_WRONG)
        assert 0 < int(answers[-1].headers["retry-after"]) <= FIRST_WAIT_S + 1
        right = ask.post("/login", data={"password": PASSWORD}, headers=own_origin(ask))
        assert right.status_code == 429
        assert not any(PASSWORD in answer.text for answer in answers)


def test_guesses_at_once_are_limited(crops_project: Path) -> None:
    """Connections that wait with their bodies do not pass the limit."""
    body = urlencode({"password": "wrong"}).encode()
    with (
        running([crops_project], ServerSettings(password=PASSWORD)) as served,
        ExitStack() as open_,
    ):
        address = ("127.0.0.1", served.port)
        head = (
            f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
            f"Origin: {served.address}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        guesses = [open_.enter_context(socket.create_connection(address)) for _ in range(100)]
        for guess in guesses:
            guess.sendall(head.encode())
        time.sleep(0.5)  # every request waits for its body
        for guess in guesses:
            guess.sendall(body)
        statuses = Counter(guess.makefile("rb").readline().split()[1] for guess in guesses)
    assert statuses == {b"401": MAX_WRONG, b"429": len(guesses) - MAX_WRONG}


def test_waits_grow_and_end() -> None:
    clock = Clock()
    gate = LoginGate(ServerSettings(password=PASSWORD), clock)
    for _ in range(MAX_WRONG):
        assert gate.wait_s("a") == 0
        assert not gate.check("a", "wrong")
    waits = []
    for _ in range(8):
        waits.append(gate.wait_s("a"))
        with pytest.raises(RefusedError, match="too many wrong passwords"):
            gate.check("a", PASSWORD)
        clock.now_s += waits[-1]
        assert not gate.check("a", "wrong")
    assert waits == [15, 30, 60, 120, 240, 480, 900, 900]
    clock.now_s += gate.wait_s("a")
    assert gate.check("a", PASSWORD)
    assert not gate.check("a", "wrong")
    assert gate.wait_s("a") == 0


def test_wrong_passwords_are_forgotten() -> None:
    clock = Clock()
    gate = LoginGate(ServerSettings(password=PASSWORD), clock)
    for _ in range(MAX_WRONG):
        gate.check("a", "wrong")
    clock.now_s += FORGOTTEN_S
    gate.check("a", "wrong")
    assert gate.wait_s("a") == 0


def test_wrong_passwords_of_others_lock_out_nobody() -> None:
    gate = LoginGate(ServerSettings(password=PASSWORD), Clock())
    for number in range(20_000):
        gate.check(f"10.0.{number // 250}.{number % 250}", "wrong")
    for _ in range(MAX_WRONG):
        gate.check("2001:db8::1", "wrong")
    assert gate.wait_s("2001:db8::2") > 0  # one client may have the whole network
    assert gate.wait_s("2001:db8:0:1::1") == 0
    assert gate.check("192.168.1.7", PASSWORD)


@pytest.mark.parametrize(("trusted", "statuses"), [((), [429, 429]), (("127.0.0.1",), [429, 303])])
def test_clients_behind_a_proxy(
    crops_project: Path, trusted: tuple[str, ...], statuses: list[int]
) -> None:
    """The header is believed if it comes from a trusted proxy; its last address is the client."""
    settings = ServerSettings(password=PASSWORD, trusted_proxies=trusted)
    with served_client([crops_project], settings) as ask:

        def log_in(password: str, client: str) -> int:
            headers = {**own_origin(ask), "x-forwarded-for": f"203.0.113.{client}"}
            return ask.post("/login", data={"password": password}, headers=headers).status_code

        for number in range(MAX_WRONG):
            log_in("wrong", f"{number + 50}, 203.0.113.1")  # the client forges the first address
        assert [log_in(PASSWORD, "1"), log_in(PASSWORD, "2")] == statuses


@pytest.mark.parametrize("proxy", ["*", "", "nginx", "10.0.0.0/99"])
def test_a_trusted_proxy_is_an_address(proxy: str) -> None:
    with pytest.raises(InputError, match="--trusted-proxy"):
        ServerSettings(password=PASSWORD, trusted_proxies=(proxy,))


@pytest.mark.parametrize("body", [b"", b"password", b"\xff\xfe", b"password=%ff", b"a=1&a=2"])
def test_a_strange_form_is_a_wrong_password(crops_project: Path, body: bytes) -> None:
    with served_client([crops_project], ServerSettings(password=PASSWORD)) as ask:
        headers = own_origin(ask) | FORM
        assert ask.post("/login", content=body, headers=headers).status_code == 401
