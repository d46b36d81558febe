#!/usr/bin/env python3
"""Gets the example's raw data: data/flights-20k.json, 20,000 flights of early 2001."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from fetch_vega import fetch  # noqa: E402  (the folder above is only known now)

FILES = {"flights-20k.json": "52f0ddd892d4569284b845e17323abc9afb7d303ec8f63251634a20327a610bb"}

if __name__ == "__main__":
    fetch(os.path.join(HERE, "data"), FILES)
