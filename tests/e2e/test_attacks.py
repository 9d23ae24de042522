"""What people of different roles, or of none, try to read, change and break; each is refused, and nothing leaks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.receiver import Receiver
from tests.e2e.site import Answer, Client, ServedSite, make_site, run_command
from tests.e2e.waiting import wait_for

USERS = ("payroll", "writer", "second.writer", "editor", "chief", "clerk", "approver", "director")

FIELDS = ("title", "code", "mood", "token", "rating", "payslip", "lines", "private_lines", "happened", "day", "hour")
MORE_FIELDS = ("count", "weight", "done", "mail", "facts", "kind", "about", "name", "owner", "docstatus", "modified")
COLUMNS = ("name", "*", "count(*)", "lines.what", "payslip.amount", "max(happened) as m", "name as `x`", "(", "idx asc")
OPERATORS = ("=", "!=", "like", "not in", "in", "between", ">", "is", "timespan", "descendants of", "nope")
ODD = ("", "x" * 141, "a\0b", "\u202e", "%", "`;--", "9" * 5000, "1e400", "nan", "0001-01-01", "9999-12-31 23:59:59.9")
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
fields = st.sampled_from(FIELDS + MORE_FIELDS)
scalars = st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(ODD)
anything = st.recursive(
    scalars | texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
conditions = st.tuples(fields, st.sampled_from(OPERATORS) | texts, anything)
queries = st.fixed_dictionaries(
    {},
    optional={
        "fields": st.lists(st.sampled_from(COLUMNS) | fields, max_size=3) | anything,
        "filters": st.lists(conditions, max_size=3) | st.dictionaries(fields, anything, max_size=2) | anything,
        "or_filters": st.lists(conditions, max_size=2),
        "order_by": st.sampled_from(COLUMNS) | texts,
        "group_by": st.sampled_from(COLUMNS) | fields,
        "limit": anything,
        "limit_start": anything,
        "distinct": scalars,
    },
)


class People:
    """A client for each user of the site, by the part of the address before the @."""

    def __init__(self, site: ServedSite, keys: dict[str, str]) -> None:
        self.site = site
        self.admin = site.client()
        self.guest = site.guest()
        self._clients = {user: site.client(keys[user]) for user in USERS}

    def __getitem__(self, user: str) -> Client:
        return self._clients[user]

    def close(self) -> None:
        """Give all connections back."""
        for client in (self.admin, self.guest, *self._clients.values()):
            client.close()


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """A served site of the guarded app, with everybody who has a part in it."""
    path: Path = tmp_path_factory.mktemp("guarded") / "site"
    made = make_site(path, apps=["guarded"])
    keys = {}
    for user in USERS:
        said = run_command("generate-keys", f"{user}@example.com", "--site", str(path), "--json")
        assert said.returncode == 0, said.stderr
        found = json.loads(said.stdout)
        keys[user] = f"token {found['api_key']}:{found['api_secret']}"
    site = ServedSite(path, key=made.api_key, secret=made.api_secret, password=made.admin_password)
    try:
        everybody = People(site.start(), keys)
        yield everybody
        everybody.close()
    finally:
        site.close()


def diary(people: People, **values: Any) -> dict[str, Any]:
    """Return a new diary of Administrator's that holds something of every kind."""
    made: dict[str, Any] = people.admin.post(
        "/api/resource/Diary",
        {
            "title": "Monday",
            "token": "open-sesame",
            "rating": 5,
            "lines": [{"what": "beans", "cost": 77, "pin": "4711"}],
            "private_lines": [{"what": "bribe", "cost": 78, "pin": "4712"}],
            **values,
        },
    ).data
    return made


def own(client: Client, doctype: str, **values: Any) -> str:
    """Return the name of a new document of a user's own."""
    name: str = client.post(f"/api/resource/{doctype}", values).data["name"]
    return name


def refused(answer: Answer, *statuses: int) -> bool:
    """Return whether an answer is a refusal in the envelope, and none by a fault."""
    return answer.status in (statuses or (403, 404, 417)) and "exc_type" in answer.json


def test_a_level_that_may_not_be_read_is_in_no_answer(people: People) -> None:
    name = diary(people)["name"]
    editor = people["editor"]
    path = f"/api/resource/Diary/{name}"
    client = "/api/method/frappe.client"
    modified = editor.get(path).data["modified"]
    answers = [
        editor.get(path),
        editor.get(f"{client}.get?doctype=Diary&name={name}"),
        editor.post(f"{client}.save", {"doc": {"doctype": "Diary", "name": name, "modified": modified}}),
        editor.post(f"{client}.set_value", {"doctype": "Diary", "name": name, "fieldname": "mood", "value": "Bad"}),
        editor.put(path, {"mood": "Good"}),
    ]
    for answer in answers:
        assert answer.status == 200, answer.text
        assert "beans" in answer.text
        assert "bribe" not in answer.text
        assert "77.0" not in answer.text
        assert (answer.json.get("data") or answer.json["message"]).get("rating") in {None, 0}
    seen = people["chief"].get(path)
    assert seen.data["rating"] == 5
    assert seen.data["lines"][0]["cost"] == 77


def test_a_level_that_may_not_be_written_stays_as_it_was(people: People) -> None:
    made = diary(people)
    path = f"/api/resource/Diary/{made['name']}"
    line = {"name": made["lines"][0]["name"], "what": "tea", "cost": 1}
    changed = people["editor"].put(
        path, {"rating": 1, "private_lines": [], "lines": [line, {"what": "new", "cost": 2}]}
    )
    assert changed.status == 200, changed.text
    kept = people.admin.get(path).data
    assert (kept["rating"], len(kept["private_lines"])) == (5, 1)
    assert [(row["what"], row["cost"]) for row in kept["lines"]] == [("tea", 77), ("new", 0)]


def test_a_new_document_starts_with_the_default_of_what_may_not_be_written(people: People) -> None:
    name = own(people["editor"], "Diary", title="own", rating=1)
    assert people.admin.get(f"/api/resource/Diary/{name}").data["rating"] == 3


@pytest.mark.parametrize(
    "query",
    [
        'fields=["rating"]&filters={"rating":5}',
        "order_by=rating",
        'fields=["count(name) as c"]&group_by=rating',
        'fields=["max(rating) as m"]',
        'fields=["private_lines.what"]',
        'fields=["`tabGuarded Line`.what"]',
        'filters=[["Guarded Line","what","=","bribe"]]',
        'fields=["lines.cost"]',
        'fields=["payslip.amount"]',
        'filters=[["payslip.amount",">",1]]',
        'filters=[["token","like","%25"]]',
        'filters=[["lines.pin","is","set"]]',
        "order_by=token",
        'fields=["min(token) as m"]',
    ],
)
def test_no_part_of_a_query_reaches_what_may_not_be_read(people: People, query: str) -> None:
    diary(people)
    answer = people["editor"].get(f"/api/resource/Diary?{query}")
    assert refused(answer, 417), answer.text


def test_rows_of_a_shared_child_table_come_from_the_parent_that_was_named(people: People) -> None:
    diary(people)
    own(people.admin, "Payslip", employee="Zed", lines=[{"what": "bonus"}])
    for path in ("/api/resource/Guarded Line?", "/api/method/frappe.client.get_list?doctype=Guarded Line&"):
        answer = people["editor"].get(f'{path}parent=Diary&fields=["what","parenttype","parentfield"]&limit=0')
        found = {tuple(row.values())[1:] for row in answer.json.get("data") or answer.json["message"]}
        assert found == {("Diary", "lines")}
        assert refused(people["editor"].get(f"{path}parent=Payslip"), 403)
        assert refused(people["writer"].get(f"{path}parent=Diary"), 403)
        assert refused(people["editor"].get(path), 403)


def test_the_level_of_a_single_holds_for_its_values(people: People) -> None:
    path = "/api/resource/Guarded Settings/Guarded Settings"
    assert people.admin.put(path, {"motto": "m", "limit": 7, "key": "open-sesame"}).status == 200
    value = "/api/method/frappe.client.get_single_value?doctype=Guarded Settings&field="
    assert people["editor"].get(f"{value}motto").message == "m"
    assert people["editor"].get(f"{value}limit").message in {None, 0}
    assert people["chief"].get(f"{value}limit").message == 7
    assert people.admin.call("guarded.api.read_key").message == "open-sesame"
    assert "open-sesame" not in people.admin.get(path).text
    assert refused(people.admin.delete(path), 417)


def test_who_may_submit_but_not_write_changes_nothing(people: People) -> None:
    name = own(people["clerk"], "Approval", title="a", amount=1)
    path = f"/api/resource/Approval/{name}"
    assert refused(people["approver"].put(path, {"docstatus": 1, "amount": 999}), 403)
    assert refused(people["clerk"].put(path, {"docstatus": 1}), 403)
    assert refused(people["clerk"].post("/api/resource/Approval", {"title": "b", "docstatus": 1}), 403)
    assert people["director"].put(path, {"docstatus": 1}).status == 200
    assert refused(people["clerk"].put(path, {"remark": "late"}), 403)
    assert refused(people["approver"].put(path, {"docstatus": 2, "amount": 999}), 403)
    assert refused(people["director"].put(path, {"docstatus": 0}), 417)
    assert refused(people["director"].delete(path), 417)
    assert people.admin.get(path).data["amount"] == 1


def test_documents_of_others_stay_theirs(people: People) -> None:
    name = own(people["writer"], "Diary", title="mine", owner="second.writer@example.com")
    other = people["second.writer"]
    path = f"/api/resource/Diary/{name}"
    client = "/api/method/frappe.client"
    assert refused(other.get(path), 403)
    assert refused(other.put(path, {"owner": "second.writer@example.com"}), 403)
    assert refused(other.delete(path), 403)
    assert refused(other.post(f"{client}.delete", {"doctype": "Diary", "name": name}), 403)
    assert refused(other.get(f"{client}.get", params={"doctype": "Diary", "filters": '{"title": "mine"}'}), 404)
    assert other.get('/api/resource/Diary?or_filters=[["name","is","set"]]').data == []
    assert other.get(f"{client}.get_count?doctype=Diary").message == 0
    stolen = other.post("/api/resource/Diary", {"title": "x", "lines": [{"name": "taken", "parent": name}]}).data
    assert stolen["lines"][0]["name"] != "taken"
    assert stolen["lines"][0]["parent"] == stolen["name"]


def test_nobody_gives_himself_a_role(people: People) -> None:
    row = {"doctype": "Has Role", "parenttype": "User", "parent": "writer@example.com", "parentfield": "roles"}
    assert refused(people["writer"].put("/api/resource/User/writer@example.com", {"roles": [{"role": "Chief"}]}), 403)
    assert refused(people["writer"].call("frappe.client.insert", doc={**row, "role": "Chief"}), 403)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "past its hooks"])
def test_who_is_switched_off_or_deleted_is_out_at_once(people: People, method: str) -> None:
    user = f"{method.replace(' ', '.').lower()}@example.com"
    people.admin.post("/api/resource/User", {"email": user, "first_name": "A", "roles": [{"role": "Editor"}]})
    said = run_command("generate-keys", user, "--site", str(people.site.path), "--json")
    keys = json.loads(said.stdout)
    with people.site.client(f"token {keys['api_key']}:{keys['api_secret']}") as client:
        assert client.get("/api/resource/Diary").status == 200
        if method == "past its hooks":
            people.admin.call("guarded.api.switch_off", user=user)
        else:
            people.admin.request(method, f"/api/resource/User/{user}", json={"enabled": 0})
        assert client.get("/api/resource/Diary").status == 401
        people.admin.post("/api/resource/User", {"email": user, "first_name": "B", "roles": [{"role": "Editor"}]})
        assert client.get("/api/resource/Diary").status == 401


def test_a_disabled_role_allows_nothing(people: People) -> None:
    assert people["payroll"].get("/api/resource/Payslip").status == 200
    assert people.admin.put("/api/resource/Role/Payroll", {"disabled": 1}).status == 200
    assert people["payroll"].get("/api/resource/Payslip").status == 403
    assert people.admin.put("/api/resource/Role/Payroll", {"disabled": 0}).status == 200
    assert people["payroll"].get("/api/resource/Payslip").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "frappe.db.sql",
        "frappe.get_doc",
        "frappe.conf.get",
        "frappe.cache",
        "frappe.client.Document",
        "guarded.api.frappe.db.sql",
        "guarded.api.__class__",
        "guarded.api.__builtins__.eval",
        "guarded.api.not_for_the_web",
        "guarded.seed.seed",
        "demitasse.app.site.open_site",
        "frappe..get",
        "guarded.api.",
        "frappe.cl%00ient.x",
        f"frappe.client.{'a' * 300}.x",
        f"frappe.{'a' * 5000}",
    ],
)
def test_only_whitelisted_functions_can_be_called(people: People, path: str) -> None:
    for client in (people.guest, people.admin):
        assert refused(client.post(f"/api/method/{path}", {}), 403, 404)
    assert refused(people.admin.post("/", {"cmd": path.replace("%00", "\0")}), 403, 404)


def test_a_name_with_a_line_break_makes_no_header(people: People) -> None:
    answer = people["editor"].post("/api/resource/Diary", {"title": "h", "x\r\nSet-Cookie: a=b\r\n\r\n": 1})
    assert answer.status == 200
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["X-Demitasse-Unknown-Fields"] == r"x\r\nSet-Cookie: a=b\r\n\r\n"


def test_a_hook_may_commit_or_roll_back(people: People) -> None:
    for title in ("commit in a hook", "roll back in a hook"):
        doc = {"doctype": "Diary", "title": title}
        assert people.admin.call("frappe.client.insert", doc=doc).status == 200
        assert people.admin.post("/api/resource/Diary", doc).status == 200
    found = people.admin.get('/api/resource/Diary?fields=["title"]&filters={"title":["like","%25in a hook"]}').data
    assert [row["title"] for row in found] == ["commit in a hook"] * 2


def test_braces_in_a_value_are_text_in_a_name(people: People) -> None:
    assert own(people["editor"], "Tag", title="a{####}b{title}") == "TAG-a{####}b{title}-001"


@pytest.mark.parametrize(
    "field",
    [
        {"fieldname": 'x" TEXT; DROP TABLE "tabUser"; --', "fieldtype": "Data"},
        {"fieldname": "bad_default", "fieldtype": "Int", "default": "1); DROP TABLE x; --"},
        {"fieldname": "bad_table", "fieldtype": "Table", "options": "Nope"},
        {"fieldname": "no_table", "fieldtype": "Table", "options": "Payslip"},
        {"fieldname": "bad_link", "fieldtype": "Link", "options": "Nope"},
        {"fieldname": "bad_dynamic_link", "fieldtype": "Dynamic Link", "options": "nope"},
        {"fieldname": "owner", "fieldtype": "Data"},
    ],
)
def test_a_custom_field_cannot_break_its_doctype(people: People, field: dict[str, Any]) -> None:
    answer = people.admin.post("/api/resource/Custom Field", {"dt": "Notice", "label": "X", **field})
    assert refused(answer, 417), answer.text
    assert own(people.admin, "Notice", name=f"after {field['fieldname'][:9].strip()}", title="n")


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("frappe.client.insert", {"doc": {"doctype": "Guarded Line", "what": "x"}}),
        ("frappe.client.insert", {"doc": {"doctype": ["Diary"], "title": "x"}}),
        ("frappe.client.set_value", {"doctype": "Guarded Settings", "name": "x", "fieldname": [1, 2]}),
        ("frappe.client.get_list", {"doctype": "Diary", "limit": "9" * 5000}),
        (
            "frappe.client.get_count",
            {"doctype": "Diary", "filters": [["name", "in", [f"{n}" for n in range(9999)]]] * 4},
        ),
    ],
)
def test_arguments_of_another_kind_are_no_fault_of_the_server(
    people: People, function: str, arguments: dict[str, Any]
) -> None:
    assert people.admin.call(function, **arguments).status < 500


def test_a_body_deeper_than_an_answer_could_be_is_refused(people: People) -> None:
    body = '{"a": ' * 300 + "1" + "}" * 300
    answer = people.admin.request("POST", "/api/method/guarded.api.take_any", body=body)
    assert refused(answer, 400)


def test_a_document_cannot_ask_a_webhook_for_a_secret(people: People, receiver: Receiver) -> None:
    common = {"webhook_doctype": "Diary", "webhook_docevent": "after_insert", "request_url": receiver.url()}
    shown = {"key": "X-Title", "value": "{{ doc.title }}"}
    own(people.admin, "Webhook", name="titled", **common, webhook_headers=[shown])
    own(people.admin, "Webhook", name="whole", **common)
    try:
        name = own(people["editor"], "Diary", title="conf:encryption_key", token="open-sesame")
        secret = json.loads((people.site.path / "site_config.json").read_text())["encryption_key"]
        query = f'/api/resource/Webhook Delivery?fields=["webhook","status"]&filters={{"reference_document":"{name}"}}'
        wanted = {("titled", "Failed"), ("whole", "Delivered")}
        wait_for("both ends", lambda: {tuple(row.values()) for row in people.admin.get(query).data} == wanted)
        (request,) = receiver.arrived()
        assert secret not in str(request)
        assert "open-sesame" not in str(request)
    finally:
        for webhook in ("titled", "whole"):
            people.admin.put(f"/api/resource/Webhook/{webhook}", {"enabled": 0})


@FUZZ
@given(values=st.dictionaries(fields | texts, anything, max_size=4), who=st.sampled_from(("editor", "writer", "chief")))
def test_whatever_a_document_holds_is_no_fault_of_the_server(people: People, values: dict[str, Any], who: str) -> None:
    made = people[who].post("/api/resource/Diary", {"title": "t", **values})
    assert made.status < 500, made.text
    if made.status == 200:
        changed = people[who].put(f"/api/resource/Diary/{made.data['name']}", values)
        assert changed.status < 500, changed.text


@FUZZ
@given(asked=queries, who=st.sampled_from(("editor", "writer", "chief", "payroll")))
def test_whatever_a_query_asks_is_no_fault_of_the_server(people: People, asked: dict[str, Any], who: str) -> None:
    sent = {key: value if isinstance(value, str) else json.dumps(value) for key, value in asked.items()}
    answers = [
        people[who].get("/api/resource/Diary", params=sent),
        people[who].post("/api/method/frappe.client.get_list", {"doctype": "Diary", **asked}),
    ]
    for answer in answers:
        assert answer.status < 500, answer.text
