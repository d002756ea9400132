from __future__ import annotations

import csv
import threading
from pathlib import Path

import pytest

from data.core.errors import InputError
from data.tables.labels import COLUMNS, MAX_LABELS, LabelFolder, LabelSet, disagreements


@pytest.fixture
def folder(tmp_path: Path) -> LabelFolder:
    return LabelFolder(tmp_path / "labels")


@pytest.fixture
def smile(folder: LabelFolder) -> LabelSet:
    return folder.add("Smile", ["no_smile", "smile"])


def lines(tmp_path: Path, set_id: str = "smile") -> list[list[str]]:
    with (tmp_path / "labels" / set_id / "labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_no_sets_yet(folder: LabelFolder, tmp_path: Path) -> None:
    assert folder.sets() == []
    assert folder.set("smile") is None
    assert not (tmp_path / "labels").exists()


def test_sets_come_back_by_name(folder: LabelFolder) -> None:
    made = [
        folder.add("smile or not", ["no", "yes"]),
        folder.add(" Child   or adult ", ["child", "adult"]),
        folder.add("笑顔", ["はい", "いいえ"]),
        folder.add("Smile: or not!", ["no", "yes", "maybe"]),
    ]
    assert [each.id for each in made] == [
        "smile-or-not",
        "child-or-adult",
        "labels",
        "smile-or-not-2",
    ]
    assert [each.name for each in folder.sets()] == [
        "Child or adult",
        "smile or not",
        "Smile: or not!",
        "笑顔",
    ]
    assert folder.set("labels") == LabelSet("labels", "笑顔", ("はい", "いいえ"))


@pytest.mark.parametrize(
    ("name", "labels", "message"),
    [
        pytest.param(" ", ["a", "b"], "enter a name", id="no name"),
        pytest.param("x" * 61, ["a", "b"], "at most 60 characters", id="long name"),
        pytest.param("a\x00b", ["a", "b"], "cannot be printed", id="control character"),
        pytest.param("a\ud800", ["a", "b"], "cannot be printed", id="half a character"),
        pytest.param("a", ["a"], "give 2 to", id="one label"),
        pytest.param("a", [f"{n}" for n in range(MAX_LABELS + 1)], "give 2 to", id="many labels"),
        pytest.param("a", ["Yes", "yes"], "two answers are the same", id="alike"),
        pytest.param("a", ["", "b"], "enter an answer", id="empty label"),
        pytest.param("SMILE", ["a", "b"], "already a question with this name", id="taken"),
    ],
)
@pytest.mark.usefixtures("smile")
def test_invalid_sets(folder: LabelFolder, name: str, labels: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        folder.add(name, labels)
    assert len(folder.sets()) == 1


@pytest.mark.parametrize("set_id", ["..", "../labels", "", "Smile", "a/b", "x" * 80])
@pytest.mark.usefixtures("smile")
def test_a_path_is_no_set_id(folder: LabelFolder, set_id: str) -> None:
    assert folder.set(set_id) is None


def test_labels_are_one_line_per_face(folder: LabelFolder, smile: LabelSet, tmp_path: Path) -> None:
    assert folder.labels(smile) == {}
    folder.save(smile, [("a-1.jpg", "smile", "person 1"), ("b.jpg", "no_smile", "")], by="Zoë, me")
    saved = folder.save(smile, [("b.jpg", "smile", "")], by="Ben")
    assert folder.labels(smile) == saved
    header, first, second = lines(tmp_path)
    assert tuple(header) == COLUMNS
    assert first[:3] + first[4:] == ["faces/a-1.jpg", "smile", "Zoë, me", "person 1"]
    assert second[:3] + second[4:] == ["faces/b.jpg", "smile", "Ben", ""]
    assert first[3].endswith("+00:00")


def test_removed_labels(folder: LabelFolder, smile: LabelSet, tmp_path: Path) -> None:
    folder.save(smile, [("a.jpg", "smile", ""), ("b.jpg", "smile", "")], by="me")
    folder.save(smile, [("a.jpg", "", "")], by="me")
    assert [line[0] for line in lines(tmp_path)] == ["file", "faces/b.jpg"]


def test_a_label_of_another_set(folder: LabelFolder, smile: LabelSet) -> None:
    folder.save(smile, [("a.jpg", "smile", "")], by="me")
    with pytest.raises(InputError, match="not an answer to Smile"):
        folder.save(smile, [("b.jpg", "smile", ""), ("a.jpg", "laugh", "")], by="me")
    assert list(folder.labels(smile)) == ["a.jpg"]


def test_concurrent_labels_are_all_saved(folder: LabelFolder, smile: LabelSet) -> None:
    def label(name: str) -> None:
        for number in range(10):
            folder.save(smile, [(f"{name}-{number}.jpg", "smile", "")], by=name)

    threads = [threading.Thread(target=label, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folder.labels(smile)) == 30


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xff\xfe broken", id="not text"),
        pytest.param(b"file,label\nfaces/a.jpg,\n", id="no label"),
        pytest.param(b'file,label\n"faces/a.jpg,smile\n', id="open quote"),
    ],
)
def test_a_damaged_table(
    folder: LabelFolder, smile: LabelSet, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "labels" / "smile" / "labels.csv"
    file.write_bytes(content)
    with pytest.raises(InputError, match="correct it or move it away"):
        folder.save(smile, [("b.jpg", "smile", "")], by="me")
    assert file.read_bytes() == content


def test_edited_in_a_spreadsheet(folder: LabelFolder, smile: LabelSet, tmp_path: Path) -> None:
    text = "\ufefffile,label\r\nfaces/a.jpg,smile\r\nb.jpg,no_smile\r\n"
    (tmp_path / "labels" / "smile" / "labels.csv").write_text(text, encoding="utf-8", newline="")
    assert {file: each.label for file, each in folder.labels(smile).items()} == {
        "a.jpg": "smile",
        "b.jpg": "no_smile",
    }


@pytest.mark.parametrize("content", ["", "[]", '{"name": "x"}', '{"name": 1, "labels": 2}'])
@pytest.mark.usefixtures("smile")
def test_a_damaged_set(folder: LabelFolder, tmp_path: Path, content: str) -> None:
    (tmp_path / "labels" / "smile" / "set.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"damaged \(.*move its folder away"):
        folder.sets()


def disputed(folder: LabelFolder, label_set: LabelSet) -> dict[str, list[tuple[str, str]]]:
    """Return labeller and label of the answers in force where labellers disagree, by file."""
    found = disagreements(folder.answers(label_set))
    return {file: [(a.by, a.label) for a in answers] for file, answers in found.items()}


def test_two_labellers_disagree(folder: LabelFolder, smile: LabelSet) -> None:
    folder.save(smile, [("a.jpg", "smile", ""), ("b.jpg", "smile", "")], by="Anna")
    folder.save(smile, [("a.jpg", "no_smile", ""), ("b.jpg", "smile", "")], by="Ben")
    both = {"a.jpg": [("Anna", "smile"), ("Ben", "no_smile")]}
    assert disputed(folder, smile) == both
    assert {file: face.label for file, face in folder.labels(smile).items()} == {
        "a.jpg": "no_smile",
        "b.jpg": "smile",
    }
    folder.save(smile, [("a.jpg", "smile", "")], by="Cleo", decided=True)
    assert disputed(folder, smile) == {}
    assert folder.labels(smile)["a.jpg"].label == "smile"
    # Saved again with its batch, it stays decided; a later answer that differs opens it again.
    folder.save(smile, [("a.jpg", "smile", "")], by="Cleo")
    assert disputed(folder, smile) == {}
    folder.save(smile, [("a.jpg", "no_smile", "")], by="Ben")
    assert disputed(folder, smile) == {"a.jpg": [("Cleo", "smile"), ("Ben", "no_smile")]}


def test_a_labeller_changes_their_mind(folder: LabelFolder, smile: LabelSet) -> None:
    folder.save(smile, [("a.jpg", "smile", "")], by="Anna")
    folder.save(smile, [("a.jpg", "no_smile", "")], by="Ben")
    folder.save(smile, [("a.jpg", "smile", "")], by="Ben")
    assert disputed(folder, smile) == {}
    assert [(a.by, a.label) for a in folder.answers(smile)] == [
        ("Anna", "smile"),
        ("Ben", "smile"),
    ]


def test_a_removed_label_has_no_answers(folder: LabelFolder, smile: LabelSet) -> None:
    folder.save(smile, [("a.jpg", "smile", "")], by="Anna")
    folder.save(smile, [("a.jpg", "no_smile", "")], by="Ben")
    folder.save(smile, [("a.jpg", "", "")], by="Ben")
    assert folder.answers(smile) == []


def test_labels_of_an_earlier_version_are_answers(
    folder: LabelFolder, smile: LabelSet, tmp_path: Path
) -> None:
    folder.save(smile, [("a.jpg", "smile", "")], by="Anna")
    (tmp_path / "labels" / "smile" / "answers.csv").unlink()
    folder.save(smile, [("a.jpg", "no_smile", "")], by="Ben")
    assert disputed(folder, smile) == {"a.jpg": [("Anna", "smile"), ("Ben", "no_smile")]}


def test_answers_follow_renamed_and_erased_pictures(folder: LabelFolder, smile: LabelSet) -> None:
    for by, label in (("Anna", "smile"), ("Ben", "no_smile")):
        folder.save(smile, [("a.jpg", label, ""), ("b.jpg", label, "")], by=by)
    folder.rename_pictures({"a.jpg": None, "b.jpg": "c.jpg"})
    assert disputed(folder, smile) == {"c.jpg": [("Anna", "smile"), ("Ben", "no_smile")]}
    assert {answer.file for answer in folder.answers(smile)} == {"c.jpg"}
