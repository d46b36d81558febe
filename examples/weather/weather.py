"""What the programs of this example share: where files are, how results are written."""
import json
import os
import sys

# Exit codes by which Servo tells failures apart (docs/reference/partition_programs.md).
EXIT_DATA = 65

RAW = os.environ.get("WEATHER_RAW", "data/seattle-weather.csv")
OUT = os.environ.get("WEATHER_OUT", "out")
KINDS = {"drizzle", "fog", "rain", "snow", "sun"}


def path_of(kind, key):
    return os.path.join(OUT, kind, f"{key}.json")


def data_error(message):
    """Ends the program: the data is wrong, and running it again will not help."""
    print(message, file=sys.stderr)
    report({"message": message})
    sys.exit(EXIT_DATA)


def report(values):
    """One JSON line for Servo, when Servo runs us."""
    result_file = os.environ.get("SERVO_RESULT_FILE")
    if result_file:
        with open(result_file, "a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


def write_result(kind, key, values):
    """Writes whole or not at all, and the same bytes each time: a partition may run twice."""
    path = path_of(kind, key)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    text = json.dumps(values, sort_keys=True, indent=2) + "\n"
    temporary = f"{path}.{os.getpid()}.part"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)
    return len(text)
