"""The review server: who may ask, what it answers, and that two windows keep each other's points."""

from __future__ import annotations

import io
import time
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import httpx
import numpy as np
import pytest
import pyvips

from batchcolor.archive.outcome import Status
from batchcolor.report import REVIEW_PORT
from tests.review.conftest import FILM_FRAMES, FILM_RATE, FILM_SIZE, HOSTILE, SQUARE, square_at
from tools.webdriver import waited

POINT = {"at": [0.25, 0.5], "colour": "#c02020", "size": 0.05}


@pytest.fixture
def client(served: str) -> Any:
    """A browser's session: the token became a cookie."""
    with httpx.Client(base_url=served.partition("/?")[0], follow_redirects=True, timeout=60) as client:
        assert client.get(f"/?{urlsplit(served).query}").status_code == 200
        client.headers["X-Batchcolor"] = "review"
        yield client


def items(client: httpx.Client, **query: str) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in client.get("/api/items", params=query).raise_for_status().json()["items"]}


def picture(content: bytes) -> np.ndarray:
    return pyvips.Image.new_from_buffer(content, "").numpy()


def test_nothing_is_answered_without_the_key_or_under_another_name(served: str) -> None:
    base = served.partition("/?")[0]
    with httpx.Client(base_url=base) as stranger:
        for path in ("/", "/review.js", "/api/items", "/api/redo", "/?token=wrong"):
            assert stranger.get(path).status_code == 403, path
        assert stranger.get(f"/?{urlsplit(served).query}", headers={"Host": "evil.example"}).status_code == 403
        assert stranger.get(f"/?{urlsplit(served).query}", headers={"Origin": "http://evil.example"}).status_code == 403
        assert stranger.post(f"/api/redo?{urlsplit(served).query}").status_code == 403  # not from the page


def test_only_this_machine_can_reach_it(served: str) -> None:
    assert urlsplit(served).hostname == "127.0.0.1"


def test_the_cookie_is_for_the_page_alone_and_the_policy_allows_nothing_from_elsewhere(served: str) -> None:
    answer = httpx.get(served)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    page = httpx.get(served.partition("?")[0], cookies=answer.cookies)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe-inline" not in page.headers["content-security-policy"]


def test_items_are_listed_failures_first_and_can_be_searched(client: httpx.Client) -> None:
    found = items(client)
    assert next(iter(found)) == "broken.jpg"
    assert found["broken.jpg"]["status"] == Status.FAILED
    assert set(items(client, search="FAMILY")) == {"family/a.jpg"}
    assert set(items(client, filter="failed")) == {"broken.jpg"}
    assert set(items(client, filter="toned")) == {"sepia.tif"}
    assert client.get("/api/items", params={"filter": "nonsense"}).status_code == 400
    assert client.get("/api/items/AAAA").status_code == 404


def test_pictures_are_upright_srgb_in_a_box(client: httpx.Client) -> None:
    item = items(client)["family/a.jpg"]
    for path, side in ((f"/api/items/{item['id']}/thumbnail", 256), (f"/api/items/{item['id']}/picture?of=source", 320)):
        pixels = picture(client.get(path).raise_for_status().content)
        assert pixels.shape[2] == 3
        assert max(pixels.shape[:2]) == side


def test_marks_are_remembered(client: httpx.Client) -> None:
    item = items(client)["b.png"]
    assert client.post(f"/api/items/{item['id']}/mark", json={"accepted": True}).json()["accepted"] is True
    assert set(items(client, filter="accepted")) == {"b.png"}
    client.post(f"/api/items/{item['id']}/mark", json={"accepted": False})
    assert items(client, filter="accepted") == {}


def test_a_point_colours_its_place_in_the_preview(client: httpx.Client) -> None:
    item = items(client)["family/a.jpg"]
    answers = [
        picture(client.post(f"/api/items/{item['id']}/preview", json={"points": points}).raise_for_status().content)
        for points in ([], [POINT])
    ]
    y, x = answers[0].shape[0] // 2, answers[0].shape[1] // 4
    before, after = (answer[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3).mean(0) for answer in answers)
    assert after[0] - after[1] > before[0] - before[1] + 25  # redder
    suggested = client.post(f"/api/items/{item['id']}/suggestions", json={"at": [0.25, 0.5]}).json()
    assert 0 <= suggested["L"] <= 100
    assert all(len(colour) == 7 for colour in suggested["colours"])


def test_two_windows_keep_each_others_points(client: httpx.Client, archive: Path) -> None:
    item = items(client)["b.png"]
    path = f"/api/items/{item['id']}/points"
    other = {**POINT, "at": [0.75, 0.25], "colour": "gray"}
    (first,) = client.post(path, json={"new": POINT}).raise_for_status().json()["points"]
    both = client.post(path, json={"new": other}).json()["points"]  # of a window that knows nothing of the first
    assert [point["at"] for point in both] == [[0.25, 0.5], [0.75, 0.25]]
    moved = {**first, "at": [0.3, 0.5]}
    client.post(path, json={"old": first, "new": moved}).raise_for_status()
    stale = client.post(path, json={"old": first, "new": {**first, "at": [0.9, 0.9]}})
    assert stale.status_code == 409
    assert "another window" in stale.json()["error"]
    file = archive / "out" / ".batchcolor" / "colours" / "b.png.colours.toml"
    assert [point["at"] for point in tomllib.loads(file.read_text("utf-8"))["point"]] == [[0.3, 0.5], [0.75, 0.25]]
    for point in client.get(f"/api/items/{item['id']}").json()["points"]:
        client.post(path, json={"old": point}).raise_for_status()
    assert not file.exists()


@pytest.mark.parametrize(
    "point", [{}, {"at": [2, 0], "colour": "gray"}, {"at": [0, 0], "colour": "no such"}, {"at": "x", "colour": "gray"}]
)
def test_a_wrong_point_is_one_sentence(client: httpx.Client, point: dict[str, Any]) -> None:
    item = items(client)["b.png"]
    answer = client.post(f"/api/items/{item['id']}/points", json={"new": point})
    assert answer.status_code == 422
    assert answer.json()["error"]


def test_redo_does_the_marked_items_alone(client: httpx.Client, archive: Path) -> None:
    item = items(client)["family/a.jpg"]
    results = {path: path.stat().st_ino for path in (archive / "out").rglob("*.*g")}
    client.post(f"/api/items/{item['id']}/points", json={"new": POINT}).raise_for_status()
    assert set(items(client, filter="redo")) >= {"family/a.jpg"}
    for other in items(client, filter="redo").values():
        if other["id"] != item["id"]:
            client.post(f"/api/items/{other['id']}/mark", json={"redo": False})
    assert client.post("/api/redo", json={}).status_code == 202
    deadline = time.monotonic() + 120
    while (state := client.get("/api/redo").json())["running"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert (state["done"], state["error"], state["marked"]) == (1, None, 0)
    changed = [path.name for path, inode in results.items() if path.stat().st_ino != inode]
    assert changed == ["a.jpg"]
    pixels = pyvips.Image.new_from_file(str(archive / "out" / "family" / "a.jpg")).numpy()
    around = pixels[115:125, 75:85].reshape(-1, 3).mean(0)
    assert around[0] > around[1] + 20


def test_a_request_that_is_too_large_or_no_json_is_refused(client: httpx.Client) -> None:
    item = items(client)["b.png"]
    path = f"/api/items/{item['id']}/preview"
    assert client.post(path, content=b"[" * 100).status_code == 400
    assert client.post(path, content=io.BytesIO(b"x" * (2 << 20)).read()).status_code == 413


def test_a_listing_keeps_its_order_while_marks_change(client: httpx.Client) -> None:
    first = client.get("/api/items", params={"filter": "new", "count": "1"}).json()
    everything = client.get("/api/items", params={"listing": first["listing"]}).json()
    assert everything["total"] == first["total"] == len(everything["items"])
    for n, item in enumerate(everything["items"]):
        client.get(f"/api/items/{item['id']}").raise_for_status()  # it is looked at, and not new any more
        position = client.get(f"/api/items/{item['id']}/position", params={"listing": first["listing"]}).json()
        assert position == {"index": n}
    assert client.get("/api/items", params={"listing": first["listing"]}).json()["total"] == first["total"]
    assert items(client, filter="new") == {}
    for _ in range(10):
        items(client)
    assert client.get("/api/items", params={"listing": first["listing"]}).status_code == 410


def test_items_with_chosen_colours_are_found(client: httpx.Client) -> None:
    item = items(client)["family/a.jpg"]
    client.post(f"/api/items/{item['id']}/points", json={"new": POINT}).raise_for_status()
    assert set(items(client, filter="chosen")) == {"family/a.jpg"}
    (point,) = client.get(f"/api/items/{item['id']}").json()["points"]
    client.post(f"/api/items/{item['id']}/points", json={"old": point}).raise_for_status()
    assert items(client, filter="chosen") == {}


def test_points_of_a_film_are_found_on_other_frames_of_their_shot(client: httpx.Client) -> None:
    item = items(client)["reels/two.mkv"]
    deadline = time.monotonic() + 60
    while not (shots := client.get(f"/api/items/{item['id']}/shots").json())["ready"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert [(shot["first"], shot["frames"]) for shot in shots["shots"]] == [
        (0, FILM_FRAMES[0]),
        (FILM_FRAMES[0], FILM_FRAMES[1]),
    ]

    def places(point: dict[str, Any], frame: int) -> Any:
        body = {"points": [{**POINT, **point}], "place": round(frame / FILM_RATE, 3)}
        return client.post(f"/api/items/{item['id']}/carried", json=body).raise_for_status().json()["places"][0]

    at = {"at": list(square_at(10)), "time": round(10 / FILM_RATE, 3)}
    assert places(at, 10) == pytest.approx(at["at"])
    assert places(at, 30) == pytest.approx(square_at(30), abs=0.02)
    assert places(at, 0) == pytest.approx(square_at(0), abs=0.02)
    assert places(at, 45) is None  # another shot
    assert places({**at, "through": "frame"}, 11) is None
    assert places({**at, "through": "0.2s"}, 13) is not None
    assert places({**at, "through": "0.2s"}, 16) is None
    assert places({"at": list(square_at(10)), "frame": 10}, 20) == pytest.approx(square_at(20), abs=0.02)


def write_colours(archive: Path, name: str, toml: str, **masks: np.ndarray) -> None:
    """An item's file beside pictures that it names."""
    file = archive / "out" / ".batchcolor" / "colours" / f"{name}.colours.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"version = 1\n{toml}", "utf-8")
    for mask, pixels in masks.items():
        pyvips.Image.new_from_array(pixels).pngsave(str(file.parent / f"{mask}.png"))


def redness(client: httpx.Client, id_: str, place: float, at: tuple[float, float]) -> float:
    """Red less green of a preview around a place."""
    answer = client.post(f"/api/items/{id_}/preview", json={"points": [], "place": place}).raise_for_status()
    pixels = picture(answer.content).astype(float)
    y, x = int(at[1] * pixels.shape[0]), int(at[0] * pixels.shape[1])
    r, g, _ = pixels[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3).mean(0)
    return float(r - g)


def test_previews_of_a_photo_show_masks_and_references(client: httpx.Client, archive: Path) -> None:
    item = items(client)["family/a.jpg"]
    half = np.zeros((240, 320), np.uint8)
    half[:, :160] = 255
    write_colours(archive, "family/a.jpg", '[[mask]]\npicture = "half.png"\ncolour = "#c02020"\n', half=half)
    (layer,) = client.get(f"/api/items/{item['id']}").json()["layers"]
    assert (layer["kind"], layer["picture"], layer["colour"]) == ("mask", "half.png", "#c02020")
    assert redness(client, item["id"], 0, (0.25, 0.5)) > redness(client, item["id"], 0, (0.75, 0.5)) + 40
    source = pyvips.Image.new_from_file(str(archive / "in" / "family" / "a.jpg"))
    reddened = source.bandjoin([source * 0.5, source * 0.5]).cast("uchar").copy(interpretation="srgb")
    reddened.pngsave(str(archive / "out" / ".batchcolor" / "colours" / "family" / "red.png"))
    write_colours(archive, "family/a.jpg", '[[reference]]\npicture = "red.png"\n')
    assert redness(client, item["id"], 0, (0.75, 0.5)) > 40


def test_a_missing_reference_is_named_by_the_preview(client: httpx.Client, archive: Path) -> None:
    item = items(client)["family/a.jpg"]
    write_colours(archive, "family/a.jpg", '[[reference]]\npicture = "gone.png"\n')
    answer = client.post(f"/api/items/{item['id']}/preview", json={"points": []})
    assert answer.status_code == 422
    assert "gone.png" in answer.json()["error"]


def test_previews_of_a_film_show_masks_where_they_have_moved_to(client: httpx.Client, archive: Path) -> None:
    item = items(client)["reels/two.mkv"]
    waited(lambda: client.get(f"/api/items/{item['id']}/shots").json()["ready"], 60, "the shots are found")
    x, y = (round(share * side) for share, side in zip(square_at(10), FILM_SIZE, strict=True))
    square = np.zeros(FILM_SIZE[::-1], np.uint8)
    square[y - SQUARE // 2 : y + SQUARE // 2, x - SQUARE // 2 : x + SQUARE // 2] = 255
    entry = '[[mask]]\npicture = "square.png"\ncolour = "#c02020"\nframe = 10\n'
    write_colours(archive, "reels/two.mkv", entry, square=square)
    id_, later = item["id"], round(25 / FILM_RATE, 3)
    assert redness(client, id_, later, square_at(25)) > 40
    assert redness(client, id_, later, square_at(10)) < redness(client, id_, later, square_at(25)) - 40
    assert redness(client, id_, (FILM_FRAMES[0] + 10) / FILM_RATE, square_at(25)) < 40  # another shot
    write_colours(archive, "reels/two.mkv", f"{entry}[[shot]]\nframe = 3\nsaturation = 0\n")
    assert abs(redness(client, id_, later, square_at(25))) < 3


def test_every_page_of_a_photo_can_be_seen(client: httpx.Client) -> None:
    item = items(client)["pages.tif"]
    assert client.get(f"/api/items/{item['id']}").json()["pages"] == 2
    pages = [picture(client.get(f"/api/items/{item['id']}/picture", params={"of": "source", "at": n}).content) for n in (1, 2)]
    assert pages[0].shape == pages[1].shape
    assert np.abs(pages[0].astype(int) - pages[1]).mean() > 20


def test_a_clip_holds_the_frames_of_its_shot(client: httpx.Client, tmp_path: Path) -> None:
    item = items(client)["reels/two.mkv"]
    start, end = FILM_FRAMES[0] / FILM_RATE, sum(FILM_FRAMES) / FILM_RATE
    clip = tmp_path / "clip.webm"
    clip.write_bytes(
        client.get(f"/api/items/{item['id']}/clip", params={"start": start, "end": end}).raise_for_status().content
    )
    with av.open(str(clip)) as container:
        assert sum(1 for _ in container.decode(video=0)) == FILM_FRAMES[1]
    photo = items(client)["b.png"]
    assert client.get(f"/api/items/{photo['id']}/clip", params={"start": 0, "end": 1}).status_code == 404


def test_a_link_of_another_page_gets_a_page_that_loads_again(client: httpx.Client, served: str) -> None:
    link = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site"}
    base = served.partition("?")[0]
    again = httpx.get(base, headers=link)  # no cookie comes with it
    assert again.status_code == 200
    assert "http-equiv=refresh" in again.text
    assert httpx.get(f"{base}api/items", headers=link).status_code == 403
    assert httpx.get(base, headers={**link, "Sec-Fetch-Site": "same-origin"}).status_code == 403
    kept = httpx.get(f"{served}&item=abc")
    assert kept.headers["location"] == "/?item=abc"


def test_the_port_that_reports_link_to_is_the_one_of_the_command() -> None:
    from batchcolor.cli.review import review

    (port,) = (option for option in review.params if option.name == "port")
    assert str(REVIEW_PORT) in port.help  # type: ignore[attr-defined]


def test_hostile_names_are_data(client: httpx.Client) -> None:
    names = set(items(client))
    assert HOSTILE in names or "c.jpg" in names
