"""What is mutated, how, and which tests judge it."""

CORE = "auditseal_schemas"
AUDITOR = "auditseal_auditor"

_EVENT_TESTS = ("tests/unit/test_event_*.py", "tests/property/test_event_*.py")
_AUDITOR_TESTS = (
    "tests/unit/test_auditor_*.py",
    "tests/unit/cli/test_show.py",
    "tests/property/test_auditor_properties.py",
)

# Of each module, the tests that are about it, or that meet it on the way to what they are about. test_core_hostile is
# nobody's judge: its tests measure time, and a busy machine would count as a noticed mutant.
SUBJECTS: dict[str, tuple[str, ...]] = {
    f"{CORE}.record": ("record", "plain", "recheck", "format_bounds"),
    f"{CORE}.record_checks": ("recheck", "plain", "verdicts", "format_bounds"),
    f"{CORE}.plain_records": ("plain", "recheck"),
    f"{CORE}.block": ("block", "recheck", "container", "log", "draft", "verdicts", "format_bounds"),
    f"{CORE}.verification": ("log", "recheck", "verdicts", "format_bounds"),
    f"{CORE}.link_checks": ("log", "draft", "verdicts", "format_bounds"),
    f"{CORE}.stored_checks": ("log", "recheck", "format_bounds"),
    f"{CORE}.log": ("log", "draft", "verdicts", "format_bounds"),
    f"{CORE}.header": ("header", "recheck", "log", "format_bounds", "verdicts"),
    f"{CORE}.merkle": ("merkle", "log"),
    f"{CORE}.note": ("note", "key", "log", "format_bounds"),
    f"{CORE}.key": ("key", "note", "trust", "format_bounds"),
    f"{CORE}.checkpoint": ("checkpoint", "note", "log", "format_bounds"),
    f"{CORE}.container": ("container", "recheck", "format_bounds"),
    f"{CORE}.draft": ("draft", "format_bounds"),
    f"{CORE}.trust": ("trust", "format_bounds", "verdicts"),
    f"{CORE}.origin": ("origin", "header", "log", "trust", "format_bounds"),
    f"{CORE}.varint": ("varint", "record", "container", "plain", "format_bounds"),
    f"{CORE}.deflate": ("deflate", "draft", "container", "recheck"),
    f"{CORE}.schema": ("schema", "header", "record", "format_bounds"),
    **dict.fromkeys(
        (f"{CORE}.event{part}" for part in ("", "_codec", "_check", "_parts", "_skim", "_json", "_key")), ()
    ),
}
# The auditor's checks. The modules that only print (report, report_text, block_view) are not among them.
AUDITOR_SUBJECTS = tuple(
    f"{AUDITOR}.{name}"
    for name in (
        "check_pool", "comparison", "findings", "fork_proof", "heads", "listing", "log_check", "log_progress",
        "object_check", "single_block", "state_file", "verification",
    )
)  # fmt: skip

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
    if subject in AUDITOR_SUBJECTS:
        return _AUDITOR_TESTS
    if subject.startswith(f"{CORE}.event"):
        return (*_EVENT_TESTS, "tests/unit/test_core_more_values.py")
    names = SUBJECTS[subject]
    return (
        *(f"tests/unit/test_core_{name}{end}.py" for name in names for end in ("", "_*")),
        *(f"tests/unit/test_core_more_{name}.py" for name in names),
        "tests/unit/test_core_more_values.py",
        *(f"tests/property/test_core_{name}_properties.py" for name in names),
    )
