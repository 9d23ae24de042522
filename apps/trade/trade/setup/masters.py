def territories():
    root = "All Territories"
    yield {"territory_name": root, "is_group": 1}
    for name in ("India", "Rest Of The World"):
        yield {"territory_name": name, "parent_territory": root}
