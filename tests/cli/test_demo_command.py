"""``percepkit demo``: the whole road, small."""

from typer.testing import CliRunner

from percepkit.cli.main import app


def test_the_demo_walks_the_whole_road(tmp_path):
    arguments = ["demo", "--items", "6", "--workers", "0", "--out", str(tmp_path / "demo")]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    for word in ("6 items", "noise class", "pesq_wb", "wiener", "oracle-comb", "open ", "report.html"):
        assert word in result.output
    page = (tmp_path / "demo" / "report.html").read_text()
    assert "<audio" in page
    assert len(page) < 25_000_000
