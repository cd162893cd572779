"""`tests.soak.shaping` makes its tables' rows, and finds the rows that break the requirements of docs/shaping.md."""

from __future__ import annotations

from itertools import islice

from tests.soak.shaping import bandwidth_rows, faults, width_rows


def test_rows_that_keep_the_contract_and_rows_that_break_it() -> None:
    bandwidths, widths = list(islice(bandwidth_rows(40.0, 1), 3)), list(islice(width_rows(1.0), 5))
    assert [row["cents"] for row in bandwidths] == [0.0, 2.0, 5.0]
    assert 0.8 < float(bandwidths[2]["mean_ratio"]) < 1.2
    assert abs(float(bandwidths[2]["louder_db"])) < 0.5
    assert [row["width"] for row in widths] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert not faults([], widths)
    assert len(faults([{**bandwidths[2], "greatest_ratio": "1.4"}, {**bandwidths[0], "louder_db": "-0.7"}], [])) == 2
    assert len(faults([], [{**widths[4], "correlation": "0.5"}, {**widths[4], "largest_loss_db": "6.00"}])) == 2
