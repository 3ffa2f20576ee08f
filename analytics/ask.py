"""Asks every question of questions/ of the Parquet files and, given a database, of the views, and compares the answers.

    python3 ask.py FOLDER [DATABASE_URL] [--results DIR]

FOLDER is what `chatroom replay -o parquet --out FOLDER` has written. With --results each answer is written as CSV and a plot.
"""
import argparse
import csv
import datetime
import decimal
from pathlib import Path

HERE = Path(__file__).parent


def plain(value):
    if isinstance(value, (float, decimal.Decimal)):
        return round(float(value), 2)
    if isinstance(value, datetime.datetime):
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, datetime.date) else value


def answers(run, question):
    names, rows = run(question.read_text(encoding="utf-8"))
    return names, [[plain(value) for value in row] for row in rows]


def of_parquet(folder):
    import duckdb

    database = duckdb.connect()
    prelude = (HERE / "prelude.duckdb.sql").read_text(encoding="utf-8")
    database.execute(prelude.replace("'events/", "'" + str(folder).replace("'", "''") + "/"))

    def run(query):
        result = database.execute(query)
        return [column[0] for column in result.description], result.fetchall()

    return run


def of_views(url):
    import psycopg

    database = psycopg.connect(url, autocommit=True)
    database.execute((HERE / "prelude.psql.sql").read_text(encoding="utf-8"))

    def run(query):
        result = database.execute(query)
        return [column.name for column in result.description], result.fetchall()

    return run


def counts(folder, url):
    """DuckDB and Polars open the folder as it is, and count what the read model has."""
    import duckdb
    import polars
    import psycopg

    pattern = f"{folder}/**/*.parquet"
    by_duckdb = duckdb.sql(f"select count(*), count(distinct seq), count(distinct data->>'$.message') filter (type = 'message.posted') "
                           f"from read_parquet('{pattern}', hive_partitioning = true)").fetchall()[0]
    frame = polars.scan_parquet(pattern, hive_partitioning=True)
    by_polars = frame.select(
        polars.len(), polars.col("seq").n_unique().alias("seqs"),
        polars.col("data").filter(polars.col("type") == "message.posted").str.json_path_match("$.message").n_unique().alias("posted"),
    ).collect().row(0)
    with psycopg.connect(url) as database:
        (end,) = database.execute("select min(seq) from rm.analyst_progress").fetchone()
        (messages,) = database.execute("select count(*) from rm.analyst_messages").fetchone()
    expected = (end, end, messages)
    assert tuple(by_duckdb) == tuple(by_polars) == expected, f"{by_duckdb} {by_polars} {expected}"
    print(f"DuckDB, Polars and the read model: {end} events, {messages} messages")


def plot(name, names, rows, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3), dpi=80)
    axes.set_title(name.replace("_", " "), loc="left")
    if not rows:
        axes.text(0.5, 0.5, "nothing of the kind in this log", ha="center")
    elif name == "rooms_by_hour":
        rooms = sorted({row[0] for row in rows})
        grid = [[0] * 24 for _ in rooms]
        for room, hour, messages in rows:
            grid[rooms.index(room)][hour] = messages
        axes.imshow(grid, aspect="auto", cmap="viridis")
        axes.set_xlabel("hour (UTC)")
        axes.set_yticks(range(len(rooms)), [room[:8] for room in rooms])
    else:
        labels = [str(row[0]) for row in rows]
        shown = {"languages": [1], "first_reply": [3, 4]}.get(name, range(1, len(names)))
        for column in shown:
            axes.plot(labels, [float("nan") if row[column] is None else row[column] for row in rows], marker=".", label=names[column])
        if name in ("languages", "first_reply"):
            axes.set_yscale("log")
        every = max(1, len(labels) // 8)
        axes.set_xticks(range(0, len(labels), every), labels[::every], rotation=30, fontsize=7)
        axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("url", nargs="?")
    parser.add_argument("--results", type=Path)
    args = parser.parse_args()
    files, views = of_parquet(Path(args.folder).resolve()), args.url and of_views(args.url)
    if args.url:
        counts(args.folder, args.url)
    for question in sorted((HERE / "questions").glob("*.sql")):
        names, rows = answers(files, question)
        if views:
            theirs = answers(views, question)
            assert (names, rows) == theirs, f"{question.stem}: {rows[:3]} and {theirs[1][:3]}"
        print(f"{question.stem}: {len(rows)} rows" + (", the same from both" if views else ""))
        if args.results:
            args.results.mkdir(parents=True, exist_ok=True)
            with (args.results / f"{question.stem}.csv").open("w", newline="", encoding="utf-8") as out:
                writer = csv.writer(out, lineterminator="\n")
                writer.writerows([names, *rows])
            plot(question.stem, names, rows, args.results / f"{question.stem}.png")


if __name__ == "__main__":
    main()
