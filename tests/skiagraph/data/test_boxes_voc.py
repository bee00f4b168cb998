from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skiagraph.data.box_annotation import BoxAnnotation
from skiagraph.data.boxes_voc import read_voc, write_voc
from tests.skiagraph.data.layouts.published_mura import FRACTURE, IMPLANT, voc

DATA = os.environ.get("SKIAGRAPH_DATA")

# As published with the Pascal VOC challenge: parts of a person are boxes within its box, and fields LabelImg lacks.
PERSON = """<?xml version="1.0"?>
<annotation>
  <folder>VOC2012</folder>
  <size><width>500</width><height>281</height><depth>3</depth></size>
  <object>
    <name> person </name><difficult>1</difficult><occluded>0</occluded><truncated>1</truncated>
    <bndbox><ymax>279.0</ymax><ymin>14</ymin><xmin>104.5</xmin><xmax>375</xmax></bndbox>
    <part><name>head</name><bndbox><xmin>150</xmin><ymin>14</ymin><xmax>200</xmax><ymax>70</ymax></bndbox></part>
  </object>
  <object><name>dog</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>
</annotation>"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "Köln 1.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_boxes_names_size_and_flags_are_read_whatever_else_there_is(tmp_path: Path) -> None:
    annotation = read_voc(write(tmp_path, PERSON))
    np.testing.assert_array_equal(annotation.boxes, [[104.5, 14, 375, 279], [1, 2, 3, 4]])
    assert annotation.classes == ("person", "dog")
    assert annotation.size == (500, 281)
    assert (annotation.truncated, annotation.difficult) == ((True, False), (True, False))


@pytest.mark.parametrize(
    "size", ["", "<size/>", "<size><width>0</width><height>0</height></size>", "<size><width>9</width></size>"]
)
def test_a_size_may_be_unknown_and_an_image_without_boxes(tmp_path: Path, size: str) -> None:
    annotation = read_voc(write(tmp_path, f"<annotation>{size}</annotation>"))
    assert annotation.size is None
    assert annotation.boxes.shape == (0, 4)
    assert annotation.classes == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not an XML file"),
        ("<annotation>", "not an XML file"),
        (b"\xff\xfe\x00", "not an XML file"),
        (b'<?xml version="1.0" encoding="of nobody"?><annotation/>', "not an XML file"),
        ("<svg/>", "not a Pascal VOC annotation, .* but <svg>"),
        (voc([IMPLANT]).replace("<name>implant</name>", ""), "object 1 has no name"),
        (voc([IMPLANT, FRACTURE]).replace("<name>fracture</name>", "<name> </name>"), "object 2 has no name"),
        (voc([IMPLANT]).replace("<ymin>6</ymin>", ""), "object 1: its box has no ymin that is a number"),
        (voc([IMPLANT]).replace("<xmax>30</xmax>", "<xmax>wide</xmax>"), "has no xmax that is a number"),
        (voc([IMPLANT]).replace(">30<", ">nan<").replace(">6<", ">inf<"), "has no ymin and no xmax that is a number"),
    ],
)
def test_what_is_no_annotation_is_named_with_its_file(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=rf"Köln 1\.xml: .*{message}|Köln 1\.xml: {message}"):
        read_voc(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.xml: no such file"):
        read_voc(tmp_path / "absent.xml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    bomb = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    content = voc([IMPLANT]).replace("implant", "&i;")
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE annotation [{bomb}]>{content}'
    with pytest.raises(ValueError, match=r"Köln 1\.xml: declares a document type"):
        read_voc(write(tmp_path, text.encode(encoding)))


def read_as_label_img(path: Path) -> list[tuple[str, list[int], bool]]:
    """The names, corners and flags that LabelImg 1.8.6 takes from a file, by the fields that it asks for."""
    assert path.suffix == ".xml"
    root = ElementTree.parse(path).getroot()
    assert root.find("filename").text
    shapes = []
    for element in root.findall("object"):
        box = element.find("bndbox")
        corners = [int(float(box.find(corner).text)) for corner in ("xmin", "ymin", "xmax", "ymax")]
        shapes.append((element.find("name").text, corners, bool(int(element.find("difficult").text))))
    return shapes


def test_label_img_opens_what_is_written(tmp_path: Path) -> None:
    annotation = BoxAnnotation(
        np.array([[0, 0, 100, 50], [10.4, 20.6, 30, 40]]),
        ("<a> & b", "Schraube 1 ü"),
        (100, 50),
        difficult=(False, True),
    )
    write_voc(tmp_path / "out" / "1.xml", annotation, Path("/home/someone/Bilder/1.png"))
    assert read_as_label_img(tmp_path / "out" / "1.xml") == [
        ("<a> & b", [0, 0, 100, 50], False),
        ("Schraube 1 ü", [10, 21, 30, 40], True),
    ]
    text = (tmp_path / "out" / "1.xml").read_text(encoding="utf-8")
    assert "someone" not in text
    root = ElementTree.fromstring(text)
    told = {tag: root.findtext(tag) for tag in ("folder", "filename", "size/width", "size/height", "size/depth")}
    assert told == {
        "folder": "Bilder",
        "filename": "1.png",
        "size/width": "100",
        "size/height": "50",
        "size/depth": "1",
    }


def test_without_the_size_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"1\.xml: .* size"):
        write_voc(tmp_path / "1.xml", BoxAnnotation(np.empty((0, 4)), ()), "1.png")
    assert not list(tmp_path.iterdir())


BOXES = st.lists(
    st.tuples(
        st.text("abcü <&>'\"", min_size=1).filter(lambda name: name == name.strip() and name),
        st.tuples(*[st.integers(-5, 5000)] * 4),
        st.booleans(),
        st.booleans(),
    ),
    max_size=5,
)


@settings(deadline=None, max_examples=50)
@given(rows=BOXES, size=st.tuples(st.integers(1, 5000), st.integers(1, 5000)))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, tuple[int, ...], bool, bool]], size: tuple[int, int]
) -> None:
    path = tmp_path_factory.mktemp("voc") / "1.xml"
    boxes = np.array([box for _, box, _, _ in rows], dtype=float).reshape(-1, 4)
    names, truncated, difficult = (tuple(row[k] for row in rows) for k in (0, 2, 3))
    write_voc(path, BoxAnnotation(boxes, names, size, truncated, difficult), "1.png")
    again = read_voc(path)
    np.testing.assert_array_equal(again.boxes, boxes)
    assert (again.classes, again.size, again.truncated, again.difficult) == (names, size, truncated, difficult)


@pytest.mark.skipif(DATA is None, reason="SKIAGRAPH_DATA names no folder: not run on real labels")
def test_the_published_labels() -> None:
    files = sorted(Path(str(DATA), "mura").glob("*/train/*.xml"))
    read = {file: read_voc(file) for file in files}
    counts = {
        folder: [name for file, annotation in read.items() if folder in file.parts for name in annotation.classes]
        for folder in ("implants_multiple", "implants_fractures")
    }
    assert len(files) == 650
    assert (counts["implants_multiple"].count("implant"), len(counts["implants_multiple"])) == (337, 337)
    assert [counts["implants_fractures"].count(name) for name in ("implant", "fracture")] == [333, 54]
    assert all(annotation.size is not None and max(annotation.size) == 512 for annotation in read.values())
    assert sum(map(sum, (annotation.truncated for annotation in read.values()))) == 5
