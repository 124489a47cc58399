"""The quick loop over plain records against `scan_record`, for any records and any harm to them."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.schemas.test_plain_records import check, encoded

CONTENT = st.none() | st.binary(max_size=100) | st.integers(0, 9000).map(bytes)
HEADERS = st.just(()) | st.just(()) | st.none() | st.just((("a", b"b"),))
RECORDS = st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2**15), CONTENT, CONTENT, HEADERS))


@given(RECORDS, st.integers(0, 2**63 - 200) | st.integers(0, 2**14), st.data())
def test_any_records_with_any_byte_changed(
    records: list[tuple[int, bytes | None, bytes | None, tuple[tuple[str, bytes], ...] | None]],
    offset: int,
    data: st.DataObject,
) -> None:
    content = b"".join(
        encoded(offset + number, time, key, value, headers)
        for number, (time, key, value, headers) in enumerate(records)
    )
    check(content, offset, len(records))
    if content:
        position = data.draw(st.integers(0, len(content) - 1))
        harm = data.draw(st.binary(min_size=1, max_size=3))
        check(content[:position] + harm + content[position + 1 :], offset, len(records))
        check(content[:position], offset, len(records))
