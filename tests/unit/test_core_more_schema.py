"""Schemas are read once: whoever decodes a value must not parse its schema each time."""

from auditseal_schemas.schema import parsed_schema, schema_text


def test_a_schema_is_read_and_parsed_once() -> None:
    assert schema_text("sealed_record") is schema_text("sealed_record")
    assert parsed_schema("block_header") is parsed_schema("block_header")
