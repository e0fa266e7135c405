import pytest

from percepkit.manifests.labels import labels_of


def labels(path, **options):
    (found,), _ = labels_of([path], **options)
    return found


@pytest.mark.parametrize(
    "pattern, path, wanted",
    [
        (
            "{class}/{speaker}/*",
            "read/anna/1.wav",
            {"class": "read", "speaker": "anna", "group": "read/anna"},
        ),
        ("{class}/{speaker}/*", "read/anna/deep/1.wav", {"group": "read/anna/deep"}),
        ("**/{speaker}/*.wav", "anna/1.wav", {"speaker": "anna", "group": "anna"}),
        ("**/{speaker}/*.wav", "x/y/anna/1.wav", {"speaker": "anna", "group": "x/y/anna"}),
        ("{speaker}/**", "anna/b/c/1.wav", {"speaker": "anna", "group": "anna/b/c"}),
        ("*/{speaker}-{group}-*.flac", "t/84-12-0001.flac", {"speaker": "84", "group": "12"}),
        ("{speaker}/{speaker}_*", "p225/p225_01.wav", {"speaker": "p225", "group": "p225"}),
        ("{speaker}/{speaker}_*", "p225/p226_01.wav", {"group": "p225"}),
        ("{split}/{licence}/a+b(1).wav", "train/CC0/a+b(1).wav", {"split": "train", "licence": "CC0"}),
        ("{speaker}*", "a\nb.wav", {"speaker": "a"}),
    ],
)
def test_patterns(pattern, path, wanted):
    if "/" in path and "group" not in wanted:
        wanted = wanted | {"group": path.rpartition("/")[0]}
    assert labels(path, pattern=pattern) == wanted


@pytest.mark.parametrize("pattern", ["{voice}/*", "{speaker/*", "speaker}/*", "{}/*"])
def test_unknown_placeholders(pattern):
    with pytest.raises(ValueError, match=r"unknown placeholder.*use \{class\} \{speaker\} \{group\}"):
        labels_of([], pattern=pattern)


def test_files_beside_the_pattern_are_counted():
    _, notes = labels_of(["a/1.wav", "2.wav"], pattern="{speaker}/*")
    assert notes == ["1 of 2 files do not match the pattern '{speaker}/*'"]


def test_csv_wins_over_the_pattern_and_the_folder(tmp_path):
    csv = tmp_path / "m.csv"
    csv.write_text(
        'path,speaker,sex,licence\n./a/1.wav,NA,f,CC0\na/2.wav,,f,\n"x\ny.wav",007,m,"a,b"\ngone.wav,z,,\n'
    )
    found, notes = labels_of(["a/1.wav", "a/2.wav", "x\ny.wav", "b.wav"], pattern="{speaker}/*", metadata=csv)
    assert found == [
        {"group": "a", "speaker": "NA", "licence": "CC0"},
        {"group": "a", "speaker": "a"},
        {"speaker": "007", "licence": "a,b"},
        {},
    ]
    assert notes[1:] == [
        "1 of 4 paths in m.csv are not in the folder, the first is 'gone.wav'",
        "1 of 4 files have no row in m.csv",
    ]


@pytest.mark.parametrize(
    "text, message",
    [
        ("file,speaker\na,b\n", "expected a column 'path'.*found file, speaker"),
        ("path\na.wav\n./a.wav\n", "line 3: 'a.wav' is listed a second time"),
        ("", "expected a column 'path'.*found nothing"),
        ("path,speaker\na,b,c,d\ne,f\ng,h,i\n", "line 2: more cells than columns"),
    ],
)
def test_bad_csv(tmp_path, text, message):
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        labels_of(["a.wav"], metadata=tmp_path / "m.csv")


def test_csv_in_another_encoding(tmp_path):
    (tmp_path / "m.csv").write_bytes("path,speaker\na.wav,Jürgen\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"m\.csv: not a CSV table in UTF-8"):
        labels_of(["a.wav"], metadata=tmp_path / "m.csv")


def test_missing_csv(tmp_path):
    with pytest.raises(ValueError, match=r"cannot read the metadata .*none\.csv: No such file"):
        labels_of(["a.wav"], metadata=tmp_path / "none.csv")
