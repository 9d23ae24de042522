"""Tables as their specs say."""

from demitasse.db.schema import ColumnSpec, IndexSpec, TableSpec, ensure_tables
from demitasse.db.sqlite import SqliteDatabase
from demitasse.doctypes.field_types import Storage

QUEUE = TableSpec(
    name="queue",
    columns=(
        ColumnSpec(name="id", storage=Storage.INTEGER),
        ColumnSpec(name="key", storage=Storage.SHORT_TEXT),
    ),
    primary_key=("id",),
    autoincrement=True,
    indexes=(IndexSpec(columns=("key", "id"), where_set="key"),),
)
COUNTS = TableSpec(
    name="counts",
    columns=(
        ColumnSpec(name="name", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="value", storage=Storage.INTEGER, nullable=False),
    ),
    primary_key=("name",),
    is_small=True,
)


def made(database: SqliteDatabase) -> list[str]:
    tx = database.write()
    changes = ensure_tables(tx, [QUEUE, COUNTS])
    tx.commit()
    return changes


def test_what_is_there_already_is_left_alone(database: SqliteDatabase) -> None:
    assert made(database) == ["made table queue", "added index queue_key_id_index", "made table counts"]
    assert made(database) == []


def test_an_index_of_what_is_set_serves_those_who_look_for_it(database: SqliteDatabase) -> None:
    made(database)
    tx = database.read()
    plan = tx.execute('EXPLAIN QUERY PLAN SELECT "id" FROM "queue" WHERE "key" = ? ORDER BY "id"', ("a",))
    tx.rollback()

    assert "queue_key_id_index" in plan[0][3]


def test_a_counted_key_is_never_used_twice(database: SqliteDatabase) -> None:
    made(database)
    tx = database.write()
    keys = [tx.add('INSERT INTO "queue" ("key") VALUES (?)', (None,)) for _ in range(3)]
    tx.run('DELETE FROM "queue"')
    keys.append(tx.add('INSERT INTO "queue" ("key") VALUES (?)', ("a",)))
    tx.commit()

    assert keys == [1, 2, 3, 4]
