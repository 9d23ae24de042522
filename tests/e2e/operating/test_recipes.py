"""The recipes of docs/webhooks.md take what is genuine and refuse what is not, in each language that is installed."""

import base64
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demitasse.delivery.signing import Signer, signing_key
from tests.e2e.site import ROOT

BODY = '{"name":"Aïsha","total":10.5}'.encode()
PLAIN, ENCODED = "a secret, as typed: ü", "whsec_" + base64.b64encode(bytes(range(24))).decode()

# Each reads a case from a line (parts in base64, tabs between them) and prints whether it was taken.
_PYTHON = """
import sys
for line in sys.stdin:
    *texts, body = (base64.b64decode(part) for part in line.rstrip("\\n").split("\\t"))
    print(str(verify(*(text.decode() for text in texts), body)).lower())
"""
_NODE = """
for (const line of require("node:fs").readFileSync(0, "utf8").trim().split("\\n")) {
  const parts = line.split("\\t").map((part) => Buffer.from(part, "base64"));
  console.log(verify(...parts.slice(0, 4).map(String), parts[4]));
}
"""
_GO = """package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var parts []string
		for _, part := range strings.Split(lines.Text(), "\\t") {
			text, _ := base64.StdEncoding.DecodeString(part)
			parts = append(parts, string(text))
		}
		fmt.Println(verify(parts[0], parts[1], parts[2], parts[3], []byte(parts[4])))
	}
}
"""
_JAVA = """import java.util.*;
import java.nio.charset.StandardCharsets;
final class Main {
    public static void main(String[] arguments) throws Exception {
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextLine()) {
            byte[][] parts = Arrays.stream(lines.nextLine().split("\\t", -1))
                .map(Base64.getDecoder()::decode).toArray(byte[][]::new);
            String[] texts = Arrays.stream(parts)
                .map(part -> new String(part, StandardCharsets.UTF_8)).toArray(String[]::new);
            System.out.println(Webhooks.verify(texts[0], texts[1], texts[2], texts[3], parts[4]));
        }
    }
}
"""
_PHP = """
foreach (file('php://stdin', FILE_IGNORE_NEW_LINES) as $line) {
    echo verify(...array_map('base64_decode', explode("\\t", $line))) ? 'true' : 'false', "\\n";
}
"""

_CSHARP = """using System;
using System.Linq;
using System.Text;
static class Program
{
    static void Main()
    {
        string line;
        while ((line = Console.ReadLine()) != null)
        {
            byte[][] parts = line.Split('\\t').Select(Convert.FromBase64String).ToArray();
            string[] texts = parts.Select(Encoding.UTF8.GetString).ToArray();
            Console.WriteLine(Webhooks.Verify(texts[0], texts[1], texts[2], texts[3], parts[4]) ? "true" : "false");
        }
    }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request, and whether it is genuine."""

    secret: str
    message_id: str
    timestamp: str
    signatures: str
    body: bytes
    is_genuine: bool

    @property
    def line(self) -> str:
        """The case as the programs read it."""
        texts = (self.secret, self.message_id, self.timestamp, self.signatures)
        return "\t".join(base64.b64encode(part).decode() for part in (*(text.encode() for text in texts), self.body))


def case(
    secret: str,
    *,
    signed_with: str | None = None,
    previous: str | None = None,
    age: timedelta = timedelta(0),
    is_genuine: bool = True,
    **other: str,
) -> Case:
    """Return a request that is signed as the product signs; ``other`` replaces what a header says."""
    now = datetime.now(UTC) - age
    signer = Signer(
        current=signing_key(signed_with or secret),
        previous=signing_key(previous) if previous else None,
        previous_until=now + timedelta(days=1),
    )
    headers = dict(signer.headers(BODY, message_id="msg_1", now=now))
    return Case(
        secret=secret,
        message_id=other.get("message_id", headers["webhook-id"]),
        timestamp=other.get("timestamp", headers["webhook-timestamp"]),
        signatures=other.get("signatures", headers["webhook-signature"]),
        body=other["body"].encode() if "body" in other else BODY,
        is_genuine=is_genuine,
    )


def cases() -> list[Case]:
    return [
        case(PLAIN),
        case(ENCODED),
        case(PLAIN, signed_with=ENCODED, previous=PLAIN),  # The secret is being changed; the receiver has the old one.
        case(PLAIN, previous=ENCODED),
        case(PLAIN, age=timedelta(minutes=4)),
        case(PLAIN, signed_with="another", is_genuine=False),
        case(PLAIN, body='{"name":"Mallory"}', is_genuine=False),
        case(PLAIN, message_id="msg_2", is_genuine=False),
        case(PLAIN, age=timedelta(minutes=6), is_genuine=False),
        case(PLAIN, age=timedelta(minutes=-6), is_genuine=False),
        case(PLAIN, timestamp="soon", is_genuine=False),
        case(PLAIN, signatures="", is_genuine=False),
        case(PLAIN, signatures="v1,ü v1", is_genuine=False),
    ]


def recipe(language: str) -> str:
    """Return the code of a recipe."""
    text = (ROOT / "docs" / "webhooks.md").read_text()
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(found) == 1, f"docs/webhooks.md has {len(found)} recipes in {language}"
    return str(found[0])


def python(folder: Path) -> list[list[str]]:
    (folder / "verify.py").write_text(recipe("python") + _PYTHON)
    return [[sys.executable, "-X", "utf8", "verify.py"]]


def node(folder: Path) -> list[list[str]]:
    (folder / "verify.js").write_text(recipe("javascript") + _NODE)
    return [["node", "verify.js"]]


def go(folder: Path) -> list[list[str]]:
    (folder / "go.mod").write_text("module verify\n\ngo 1.18\n")
    (folder / "verify.go").write_text(recipe("go"))
    (folder / "main.go").write_text(_GO)
    return [["go", "build", "-o", "verify", "."], ["./verify"]]


def java(folder: Path) -> list[list[str]]:
    (folder / "Webhooks.java").write_text(recipe("java"))
    (folder / "Main.java").write_text(_JAVA)
    return [["javac", "-encoding", "UTF-8", "Webhooks.java", "Main.java"], ["java", "-cp", ".", "Main"]]


def php(folder: Path) -> list[list[str]]:
    (folder / "verify.php").write_text(recipe("php") + _PHP)
    return [["php", "verify.php"]]


def csharp(folder: Path) -> list[list[str]]:
    (folder / "Webhooks.cs").write_text(recipe("csharp"))
    (folder / "Program.cs").write_text(_CSHARP)
    build = ["mcs", "-codepage:utf8", "-warnaserror", "-out:verify.exe", "Webhooks.cs", "Program.cs"]
    return [build, ["mono", "verify.exe"]]


Prepare = Callable[[Path], list[list[str]]]
LANGUAGES: dict[str, tuple[str, Prepare]] = {
    "python": (sys.executable, python),
    "node": ("node", node),
    "go": ("go", go),
    "java": ("javac", java),
    "php": ("php", php),
    "csharp": ("mcs", csharp),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_recipe_takes_what_is_genuine_and_refuses_what_is_not(language: str, tmp_path: Path) -> None:
    tool, prepare = LANGUAGES[language]
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed: scripts/install-test-services brings it")
    *build, run = prepare(tmp_path)
    for command in build:
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=55)
    tried = cases()
    done = subprocess.run(
        run,
        cwd=tmp_path,
        input="".join(f"{each.line}\n" for each in tried),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.stdout.split() == [str(each.is_genuine).lower() for each in tried], done.stderr
