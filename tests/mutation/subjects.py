"""What is mutated, how, and which tests judge it."""

CORE = "auditseal_schemas"
AUDITOR = "auditseal_auditor"

_EVENT_TESTS = (
    "tests/unit/schemas/test_event*.py",
    "tests/unit/schemas/test_schema.py",
    "tests/property/test_event_*.py",
)
_AUDITOR_TESTS = (
    "tests/unit/auditor/test_*.py",
    "tests/unit/cli/test_show.py",
    "tests/property/test_auditor_properties.py",
)

# Of each module, the tests that are about it, or that meet it on the way to what they are about. schemas/test_hostile
# judges none: its tests measure time, and a busy machine would count as a noticed mutant.
SUBJECTS: dict[str, tuple[str, ...]] = {
    f"{CORE}.record": ("record", "plain_records", "record_checks", "limits"),
    f"{CORE}.record_checks": ("record_checks", "verification", "plain_records", "verdict", "limits"),
    f"{CORE}.plain_records": ("plain_records", "record_checks"),
    f"{CORE}.block": ("block", "record_checks", "container", "log", "block_draft", "verdict", "limits"),
    f"{CORE}.verification": ("verification", "log", "record_checks", "verdict", "limits"),
    f"{CORE}.link_checks": ("log", "verification", "block_draft", "verdict", "limits"),
    f"{CORE}.stored_checks": ("log", "verification", "record_checks", "limits"),
    f"{CORE}.log": ("log", "block_draft", "verdict", "limits"),
    f"{CORE}.header": ("header", "record_checks", "log", "limits", "verdict"),
    f"{CORE}.merkle": ("merkle", "log"),
    f"{CORE}.note": ("note", "key", "log", "limits"),
    f"{CORE}.key": ("key", "note", "trust", "limits"),
    f"{CORE}.checkpoint": ("checkpoint", "note", "log", "limits"),
    f"{CORE}.container": ("container", "record_checks", "limits"),
    f"{CORE}.canonical_base64": ("container", "event_proof", "consistency_file"),
    f"{CORE}.block_draft": ("block_draft", "limits"),
    f"{CORE}.trust": ("trust", "limits", "verdict"),
    f"{CORE}.origin": ("origin", "header", "log", "trust", "limits"),
    f"{CORE}.varint": ("varint", "record", "container", "plain_records", "limits"),
    f"{CORE}.deflate": ("deflate", "block_draft", "container", "record_checks"),
    f"{CORE}.schema": ("schema", "header", "record", "limits"),
    f"{CORE}.rotation": ("rotation", "event_proof", "consistency_file"),
    f"{CORE}.tlog_proof": ("tlog_proof", "event_proof"),
    f"{CORE}.event_proof": ("event_proof",),
    f"{CORE}.consistency_file": ("consistency_file",),
    f"{CORE}.term": ("term", "term_tree"),
    f"{CORE}.term_tree": ("term_tree", "index_segment", "completeness_proof"),
    f"{CORE}.postings": ("postings", "index_segment"),
    f"{CORE}.index_segment": ("index_segment", "completeness_proof"),
    f"{CORE}.segment_proof": ("completeness_proof", "index_fraud", "index_proof"),
    f"{CORE}.completeness_proof": ("completeness_proof", "index_proof"),
    f"{CORE}.index_fraud": ("index_fraud", "index_proof"),
    f"{CORE}.hold_case": ("hold",),
    f"{CORE}.hold_statement": ("hold",),
    **dict.fromkeys(
        (f"{CORE}.event{part}" for part in ("", "_codec", "_check", "_parts", "_plain", "_skim", "_json", "_key")), ()
    ),
}
# The auditor's checks. The modules that only print (report, report_text, block_json, block_text) are not among them.
AUDITOR_SUBJECTS = tuple(
    f"{AUDITOR}.{name}"
    for name in (
        "blocks.single_block", "check_pool", "comparison", "findings", "fork_proof", "hold_check", "listing",
        "log_check", "log_progress", "log_run", "object_check", "state.heads", "state.shared_file", "state.state_file",
        "verification",
    )
)  # fmt: skip

# The steps of holds: a mistake there deletes evidence, or keeps it without two people.
HOLDING = "auditseal.holding"
# Modules that one file of tests judges, which is about them alone.
_OWN_TESTS = {
    f"{AUDITOR}.hold_check": ("tests/unit/auditor/test_hold_check.py",),
    HOLDING: ("tests/unit/auditseal/test_holding.py",),
}

# Of the tool's operators, those whose mutants a wrong program could look like. What it would also put in place of `+`
# (`/`, `**`, `^`, ...) nearly always raises a TypeError, which would only flatter the score; `==` by `is` is a question
# of the interpreter's caches.
OPERATORS = frozenset(
    {
        *(
            f"ReplaceBinaryOperator_{pair}"
            for pair in (
                "Add_Sub", "Sub_Add", "Mul_FloorDiv", "FloorDiv_Mul", "Mod_FloorDiv", "Pow_Mul",
                "RShift_LShift", "LShift_RShift", "BitOr_BitAnd", "BitAnd_BitOr", "BitXor_BitAnd",
            )
        ),
        *(
            f"ReplaceComparisonOperator_{pair}"
            for pair in (
                "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is",
                "Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt",
            )
        ),
        "ReplaceUnaryOperator_Delete_Not", "ReplaceUnaryOperator_Delete_USub", "ReplaceUnaryOperator_USub_UAdd",
        "AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd",
        "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ExceptionReplacer", "NumberReplacer",
        "RemoveDecorator", "ZeroIterationForLoop",
    }
)  # fmt: skip


def tests_of(subject: str) -> tuple[str, ...]:
    """Return the patterns of the files whose tests judge a module."""
    if subject in _OWN_TESTS:
        return _OWN_TESTS[subject]
    if subject in AUDITOR_SUBJECTS:
        return _AUDITOR_TESTS
    if subject.startswith(f"{CORE}.event"):
        return (*_EVENT_TESTS, "tests/unit/schemas/test_value_types.py")
    names = SUBJECTS[subject]
    return (
        *(f"tests/unit/schemas/test_{name}.py" for name in names),
        "tests/unit/schemas/test_value_types.py",
        *(f"tests/property/test_core_{name}_properties.py" for name in names),
    )
