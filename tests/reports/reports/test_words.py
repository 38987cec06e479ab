"""Every code, kind, measure and quantity has words in every language; what has none is shown."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from sensorbench.assessment import verify
from sensorbench.assessment.reasons import CODES
from sensorbench.assessment.results import Reason
from sensorbench.core import errors
from sensorbench.core import plugins as plugin_table
from sensorbench.core.catalog import devices
from sensorbench.core.plugins import OURS, plugins
from sensorbench.core.quantity import quantities
from sensorbench.core.verdict import Verdict
from sensorbench.evidence import check
from sensorbench.profiles import kinds, library
from sensorbench.profiles.measuring import MEASURES
from sensorbench.profiles.model import KINDS
from sensorbench.reports import fonts, words
from sensorbench.reports.names import Names
from sensorbench.reports.reasons import reason_text
from sensorbench.reports.words import Words, flat, languages, table

SOURCES = Path(words.__file__).parents[1]
LIBRARY = Path(library.__file__).parent / "library"


def fields(text: str | Mapping[str, str]) -> set[str]:
    """Return the names of the values in a template."""
    texts = [text] if isinstance(text, str) else list(text.values())
    return {name for one in texts for name in re.findall(r"\{(\w+)\}", one)}


def test_there_is_english_and_chinese() -> None:
    assert languages() == ("en", "zh")


def test_all_languages_have_the_same_keys() -> None:
    assert set(table("en")) == set(table("zh"))


def test_no_template_asks_for_a_value_that_its_sister_does_not_know() -> None:
    other = {key: (fields(text), fields(table("zh")[key])) for key, text in table("en").items()}
    # A count is a word of its own in some languages, and left out in others.
    wrong = {k: pair for k, pair in other.items() if not pair[1] <= pair[0] | {"n"}}
    assert wrong == {}


@pytest.mark.parametrize("language", languages())
def test_every_code_kind_measure_and_quantity_has_words(language: str) -> None:
    wanted = [f"reason.{code}" for code in CODES]
    wanted += [f"kind.{kind}" for kind in plugins(KINDS)]
    wanted += [f"measure.{name}" for name in plugins(MEASURES)]
    wanted += [f"quantity.{name}" for name in quantities()]
    wanted += [f"verdict.{verdict.value}" for verdict in Verdict]
    assert [key for key in wanted if key not in table(language)] == []


@pytest.mark.parametrize("language", languages())
def test_all_that_a_kind_of_phase_tells_has_words(language: str) -> None:
    """`goes_on` stood in English on the Chinese pages: two words are no sentence."""
    told: set[str] = set()
    for source in Path(kinds.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                told |= {k.arg for k in call.keywords if k.arg and call.func.attr == "tell"}
    assert {"cycles", "goes_on", "conditions"} <= told
    assert [key for key in sorted(told) if f"fact.{key}" not in table(language)] == []


@pytest.mark.parametrize("language", languages())
def test_every_error_that_evidence_keeps_has_words(language: str) -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    raised = {kind.__name__ for kind in kinds if issubclass(kind, errors.BenchError)}
    assert {"BenchError", "NotAcknowledged", "Saturated", "WrongDevice"} <= raised
    # What a user wrote that can't be run never comes into the evidence of a run.
    wanted = raised - {errors.InputError.__name__}
    assert [name for name in wanted if f"error.{name}" not in table(language)] == []


@pytest.mark.parametrize("language", languages())
def test_every_finding_of_a_check_has_words(language: str) -> None:
    source = Path(check.__file__).read_text(encoding="utf-8")
    codes = set(re.findall(r'_damage\([^"\n]*(?:"[^"]*", )?"(\w+)", ', source))
    codes |= {check.NO_SEAL, check.LINE_ENDS}
    computed = Path(verify.__file__).read_text(encoding="utf-8")
    wrong = [call for call in ast.walk(ast.parse(computed)) if isinstance(call, ast.Call)
             and isinstance(call.func, ast.Name) and call.func.id == "_Wrong"]  # fmt: skip
    codes |= {ast.literal_eval(call.args[1]) for call in wrong
              if len(call.args) > 1 and isinstance(call.args[1], ast.Constant)}  # fmt: skip
    assert {"not_stored", "not_following", "differs", "not_computed", "coefficients"} <= codes
    assert {"missing", "changed", "added", "frame_changed", "seal_changed"} <= codes
    assert [code for code in codes if f"finding.{code}" not in table(language)] == []


@pytest.mark.parametrize("language", languages())
def test_templates_of_reasons_use_values_that_their_codes_have(language: str) -> None:
    for code, names in CODES.items():
        if code != "outside":  # told with the result's own title and limits
            assert fields(table(language)[f"reason.{code}"]) <= set(names), code


@pytest.mark.parametrize("language", languages())
def test_words_have_glyphs(language: str) -> None:
    for text in table(language).values():
        for one in [text] if isinstance(text, str) else text.values():
            assert fonts.printable(one) == one


@pytest.mark.parametrize("language", languages())
def test_what_the_library_s_profiles_name_has_words(language: str) -> None:
    """Chinese pages are Chinese: conditions, choices, what is to be attached, titles of phases."""
    missing = []
    for path in LIBRARY.rglob("*.toml"):
        profile = tomllib.loads(path.read_text(encoding="utf-8"))
        wanted = [f"choice.{name}" for name in profile.get("choice", {})]
        for choice in profile.get("choice", {}).values():
            for option in choice["option"].values():
                wanted += [f"{'quantity' if k in quantities() else 'choice'}.{k}" for k in option
                           if k != "standard"]  # fmt: skip
        for phase in profile["phase"]:
            tests = [phase.get("conditions", []), *phase.get("test", {}).values()]
            conditions = [c for test in tests if isinstance(test, list) for c in test]
            wanted += [f"condition.{c}" for c in conditions]
            wanted += [f"attach.{what}" for what in phase.get("attach", ())]
            if not phase["name"].replace("_", "").isalpha() or phase["name"].islower():
                missing += [] if language in phase.get("title", {}) else [phase["name"]]
        missing += [key for key in wanted if key not in table(language)]
    assert missing == []


@pytest.mark.parametrize("language", languages())
def test_every_setting_of_a_sensor_has_words(language: str) -> None:
    sensors = [d for d in devices().values() if d.kind == "sensor" and d.origin == OURS]
    names = {name for device in sensors for name in device.load_driver().SETTINGS}
    assert names
    assert [name for name in names if f"setting.{name}" not in table(language)] == []


def keys_in_the_code() -> Iterator[tuple[str, str]]:
    for path in SOURCES.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for key in re.findall(r'\.text\(\s*"([\w.]+)"', text):
            yield path.name, key


def test_every_key_that_the_code_names_has_words() -> None:
    found = list(keys_in_the_code())
    assert len(found) > 150
    assert [(name, key) for name, key in found if not Words("en").has(key)] == []


def test_chinese_texts_are_chinese() -> None:
    same = {key for key, text in table("zh").items() if text == table("en")[key]}
    allowed = {"mapping", "trace.", "label.", "fact.sha256", "list.", "equipment.unc",
               "reason.device_bare"}  # fmt: skip
    assert {key for key in same if not any(key.startswith(a) for a in allowed)} == set()


# -- what has no words -------------------------------------------------------------------------


def test_an_unknown_code_is_shown_with_its_values() -> None:
    reason = Reason("wobbles", {"by": 3.5, "at": "noon"})
    for language in languages():
        text = reason_text(Names(Words(language), None), reason)
        assert text == "wobbles: by 3.5, at noon"


def test_an_unknown_name_is_shown_with_blanks() -> None:
    assert Words("zh").name("measure", "shock_survival") == "shock survival"


def test_a_missing_value_never_loses_a_report() -> None:
    assert Words("en").text("reason.not_settled", address="x") == (
        "x did not come within {within} of {target} in {timeout_s}"
    )


def test_what_a_person_wrote_is_taken_in_the_reports_language() -> None:
    title = {"en": "Check", "zh": "检查"}
    assert [Words(lang).said(title) for lang in languages()] == ["Check", "检查"]
    assert Words("zh").said({"en": "Check"}) == "Check"
    assert Words("zh").said("plain") == "plain"


def test_counts_are_words_of_their_number() -> None:
    english = Words("en")
    assert [english.text("count.unit", n=n) for n in (0, 1, 2)] == ["0 units", "1 unit", "2 units"]
    assert Words("zh").text("count.unit", n=1) == "1 只"


# -- another package ---------------------------------------------------------------------------


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package with words of its own, found by its entry point."""
    module = ModuleType("acme_words")
    monkeypatch.setitem(__import__("sys").modules, "acme_words", module)
    entry = EntryPoint("acme", "acme_words", words.GROUP)
    found = {"acme": plugin_table.Plugin("acme", "acme_words", "acme 1.0")}
    monkeypatch.setattr(words, "load_all", lambda _group: {"acme": module})
    monkeypatch.setattr(words, "plugins", lambda _group: found)
    assert entry.group == words.GROUP
    words.table.cache_clear()
    yield module
    words.table.cache_clear()


def test_a_package_adds_words_and_replaces_none(package: ModuleType) -> None:
    package.TABLES = {
        "en": {"measure": {"wobble": "wobble (ACME)", "error": "mistake"}},
        "zh": {"measure": {"wobble": "摆动"}},
    }  # type: ignore[attr-defined]
    assert Words("en").name("measure", "wobble") == "wobble (ACME)"
    assert Words("zh").name("measure", "wobble") == "摆动"
    assert Words("en").name("measure", "error") == "error"


def test_words_that_are_none_are_named_and_skipped(package: ModuleType) -> None:
    package.TABLES = {"en": {"measure": {"wobble": 7}}}  # type: ignore[attr-defined]
    assert Words("en").name("measure", "wobble") == "wobble"
    assert any("acme" in str(problem) for problem in plugin_table.broken())


def test_tables_are_flat_texts() -> None:
    found = flat(tomllib.loads('[a]\nb = "x"\n[a.c]\none = "1"\nother = "n"'))
    assert found == {"a.b": "x", "a.c": {"one": "1", "other": "n"}}
    with pytest.raises(TypeError, match=r"a\.b"):
        flat({"a": {"b": 3}})


# -- nothing of a quantity or a kind in the code -------------------------------------------------


def test_no_quantity_is_named_in_the_code_of_the_reports() -> None:
    """Every quantity known, and any that a package adds, is told by the words alone."""
    named = re.compile(rf"\b({'|'.join(quantities())})\b")
    common = {"load", "flow"}  # words of English and of Python, too
    for path in SOURCES.rglob("*.py"):
        code = re.sub(r'""".*?"""|#.*', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert set(named.findall(code)) <= common, path.name


def test_no_kind_is_named_outside_its_own_module() -> None:
    kinds = re.compile(rf"""["']({"|".join(plugins(KINDS))})["']""")
    for path in SOURCES.rglob("*.py"):
        if path.parent.name == "kinds":
            continue
        code = re.sub(r'""".*?"""|#.*', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        # A verb may have a kind's name, as an event of the journal has it.
        assert set(kinds.findall(code)) <= {"gate"}, path.name
