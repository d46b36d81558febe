"""Checks the JSON Schema of the asset file against schema/cases.txt.

Usage: check_schema.py SCHEMA CASES. Needs the packages jsonschema and PyYAML; without them it exits
with 77, which CTest shows as skipped. Exit 1: schema and cases disagree.
"""

import re
import sys

SKIPPED = 77

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing}; pip install jsonschema pyyaml")
    sys.exit(SKIPPED)

import json


class CoreLoader(yaml.SafeLoader):
    """Reads scalars by the YAML 1.2 core schema, as editors do: no dates, no yes/no booleans."""


CoreLoader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("merge", r"^<<$", "<"),
):
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))
# Leading zeros are decimal in YAML 1.2.
CoreLoader.add_constructor(
    "tag:yaml.org,2002:int", lambda loader, node: int(loader.construct_scalar(node))
)


def with_text_keys(value):
    """JSON objects have text keys only."""
    if isinstance(value, dict):
        return {str(key): with_text_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_text_keys(item) for item in value]
    return value


def read_cases(path):
    with open(path, encoding="utf-8") as file:
        parts = re.split(r"^=== ", file.read(), flags=re.MULTILINE)[1:]
    for part in parts:
        head, _, text = part.partition("\n")
        kind, _, title = (word.strip() for word in head.split("|", 2))
        yield kind, title, text


def main(schema_path, cases_path):
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    count = wrong = 0
    for kind, title, text in read_cases(cases_path):
        document = with_text_keys(yaml.load(text, Loader=CoreLoader))
        errors = [error.message for error in validator.iter_errors(document)]
        count += 1
        if bool(errors) != (kind == "invalid"):
            wrong += 1
            print(f"{kind}: {title}: the schema says {errors or 'valid'}")
    print(f"{count} cases, {wrong} wrong")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
