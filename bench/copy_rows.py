"""The floor of P2: how fast this PostgreSQL takes one keyed row per partition, by the fastest way
that it has for rows: COPY of binary files that lie ready, over two connections at once."""
import concurrent.futures
import os
import struct
import time

CONNECTIONS = 2
SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
END = struct.pack(">h", -1)
# job, index, attempt, executor, start in ms, duration in µs; each after its length.
ROW = struct.Struct(">h iq iq ii ii iq ii".replace(" ", ""))
TABLE = ("CREATE TABLE attempts (job BIGINT, idx BIGINT, attempt INT, executor INT,"
         " started_ms BIGINT, duration_us INT, PRIMARY KEY (job, idx, attempt))")


def write_rows(path, job, rows):
    with open(path, "wb") as out:
        out.write(SIGNATURE)
        for index in range(rows):
            out.write(ROW.pack(6, 8, job, 8, index, 4, 1, 4, index // 1_000 % 4 + 1,
                               8, 1_700_000_000_000 + index * 200, 4, 200_000))
        out.write(END)
    os.chmod(path, 0o644)


def rows_per_s(database, rows):
    """`rows` on each connection, in one transaction each."""
    paths = [os.path.join(database.folder, f"rows-{job}") for job in range(CONNECTIONS)]
    try:
        for job, path in enumerate(paths):
            write_rows(path, job, rows)
        with database.fresh("rows") as name:
            database.psql(TABLE, name)
            begin = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
                list(pool.map(
                    lambda path: database.psql(f"COPY attempts FROM '{path}' (FORMAT binary)", name),
                    paths))
            return CONNECTIONS * rows / (time.monotonic() - begin)
    finally:
        for path in paths:
            if os.path.exists(path):
                os.unlink(path)
