"""Requests that are refused: hosts, origins, paths, bodies, passwords."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from data.core.errors import InputError
from tests.web.drawn_crops import Drawing, draw_crops
from tests.web.serving import Running, open_client, own_origin, running, served_client
from web.core.security_headers import SECURITY_HEADERS
from web.core.settings import ServerSettings
from web.login import MAX_WRONG, MAX_WRONG_TOTAL, WINDOW_S, LoginGate

PASSWORD = "correct horse"
VIDEO = "/media/film/1/people/1/video"
NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture
def ask(server: Running) -> Iterator[httpx.Client]:
    with open_client(server) as client:
        yield client


def leaks(answer: httpx.Response, folder: Path) -> bool:
    """Return whether a response contains a path on the disk or code."""
    content = answer.text + str(answer.headers)
    return str(folder.parent) in content or "Traceback" in content or ".py" in content


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
            "error": "unknown host name; use the address that serve-people printed"
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
        ({"origin": "OWN"}, 200),
        ({"origin": "OWN", "sec-fetch-site": "same-origin"}, 200),
    ],
)
def test_only_pages_of_the_server_write(
    ask: httpx.Client, headers: dict[str, str], status: int
) -> None:
    headers = {"content-type": "application/json", **headers}
    if headers.get("origin") == "OWN":
        headers |= own_origin(ask)
    assert ask.post("/logout", content="{}", headers=headers).status_code == status


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


@pytest.mark.parametrize("address", ["/", "/nowhere", VIDEO, "/static/shared/base.css", "/login"])
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
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static/%2e%2e%2f%2e%2e%2fpyproject.toml",
        "/static//etc/passwd",
        "/static/..\\app.py",
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


@pytest.mark.parametrize("address", ["/logout", "/login"])
def test_a_body_that_is_too_large_is_refused(crops_project: Path, address: str) -> None:
    settings = ServerSettings(password=PASSWORD, max_body_bytes=1000)
    with served_client([crops_project], settings) as ask:
        kind = "application/json" if address == "/logout" else "application/x-www-form-urlencoded"
        headers = {**own_origin(ask), "content-type": kind}
        ask.post("/login", data={"password": PASSWORD}, headers=own_origin(ask))
        answer = ask.post(address, content=b"x" * 1001, headers=headers)
        assert answer.status_code == 413


def test_a_chunked_body_that_is_too_large_is_refused(crops_project: Path) -> None:
    settings = ServerSettings(password=PASSWORD, max_body_bytes=1000)
    with served_client([crops_project], settings) as ask:
        headers = {**own_origin(ask), "content-type": "application/x-www-form-urlencoded"}
        pieces = (b"x" * 400 for _ in range(4))
        assert ask.post("/login", content=pieces, headers=headers).status_code == 413


def test_an_upload_of_another_kind_is_refused(ask: httpx.Client) -> None:
    files = {"file": ("labels.csv", b"a,b", "text/csv")}
    answer = ask.post("/logout", files=files, headers=own_origin(ask))
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
    assert settings.secret not in repr(settings)


def test_login_is_required(crops_project: Path) -> None:
    with served_client([crops_project], ServerSettings(password=PASSWORD)) as ask:
        seen = ask.get("/", headers={"accept": "text/html"})
        assert (seen.status_code, seen.headers["location"]) == (303, "/login")
        for address in ("/", VIDEO, "/api/footages", "/media/film/1/poster", "/nowhere"):
            assert ask.get(address).status_code == 401
        forged = {"cookie": "fancam=eyJlbnRlcmVkIjogdHJ1ZX0=.aaaa.bbbb"}
        assert ask.get(VIDEO, headers=forged).status_code == 401
        assert ask.get("/login").status_code == 200
        assert ask.get("/static/shared/base.css").status_code == 200


def test_logging_in_and_out(crops_project: Path) -> None:
    with served_client([crops_project], ServerSettings(password=PASSWORD)) as ask:
        answer = ask.post("/login", data={"password": PASSWORD}, headers=own_origin(ask))
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert ask.get(VIDEO).status_code == 200
        assert ask.get("/login").status_code == 303
        ask.post("/logout", json={}, headers=own_origin(ask))
        assert ask.get(VIDEO).status_code == 401


def test_cookies_are_invalid_after_a_restart(crops_project: Path) -> None:
    with served_client([crops_project], ServerSettings(password=PASSWORD)) as first:
        first.post("/login", data={"password": PASSWORD}, headers=own_origin(first))
        cookies = dict(first.cookies)
    with served_client([crops_project], ServerSettings(password=PASSWORD)) as second:
        second.cookies.update(cookies)
        assert second.get(VIDEO).status_code == 401


def test_wrong_password_ten_times(crops_project: Path) -> None:
    with served_client([crops_project], ServerSettings(password=PASSWORD)) as ask:
        answers = [
            ask.post("/login", data={"password": f"guess {i}"}, headers=own_origin(ask))
            for i in range(10)
        ]
        assert [a.status_code for a in answers] == [401] * MAX_WRONG + [429] * (10 - MAX_WRONG)
        assert 0 < int(answers[-1].headers["retry-after"]) <= WINDOW_S + 1
        right = ask.post("/login", data={"password": PASSWORD}, headers=own_origin(ask))
        assert right.status_code == 429
        assert not any(PASSWORD in answer.text for answer in answers)


def test_attempts_are_allowed_again_later() -> None:
    now = [0.0]
    gate = LoginGate(ServerSettings(password=PASSWORD), clock=lambda: now[0])
    for _ in range(MAX_WRONG):
        assert gate.wait_s("a") == 0
        assert not gate.check("a", "wrong")
        now[0] += 1
    assert gate.wait_s("a") == WINDOW_S - MAX_WRONG
    assert gate.wait_s("b") == 0
    now[0] += WINDOW_S - MAX_WRONG
    assert gate.wait_s("a") == 0
    assert gate.check("a", PASSWORD)


def test_attempts_from_many_addresses_are_limited() -> None:
    gate = LoginGate(ServerSettings(password=PASSWORD), clock=lambda: 0.0)
    for number in range(MAX_WRONG_TOTAL):
        assert gate.wait_s(str(number)) == 0
        gate.check(str(number), "wrong")
    assert gate.wait_s("another") > 0


@pytest.mark.parametrize("body", [b"", b"password", b"\xff\xfe", b"password=%ff", b"a=1&a=2"])
def test_a_strange_form_is_a_wrong_password(crops_project: Path, body: bytes) -> None:
    with served_client([crops_project], ServerSettings(password=PASSWORD)) as ask:
        headers = {**own_origin(ask), "content-type": "application/x-www-form-urlencoded"}
        assert ask.post("/login", content=body, headers=headers).status_code == 401
