"""The ceiling of deliveries: raw libcurl (pycurl, multi interface) that posts the webhook's bytes, and nothing else.

Arguments: the URL, how many seconds, the first serial. Prints one JSON object.
"""

import base64
import hashlib
import hmac
import resource
import sys
import time

import orjson
import pycurl

from benchmarks.payloads import SECRET, posted_body

_CONCURRENT = 16
_TIMESTAMP = 1767268800


def headers(message_id: str) -> list[str]:
    """Return the headers of a delivery."""
    # Made anew for each request, as the ids differ; the signatures are not: signing is the product's work.
    return [
        "Content-Type: application/json",
        "User-Agent: benchmark",
        "X-Source: erpnext-franchise",
        f"X-Frappe-Webhook-Signature: {_SIGNATURE}",
        f"webhook-id: {message_id}",
        f"webhook-timestamp: {_TIMESTAMP}",
        f"webhook-signature: v1,{_SIGNATURE}",
        "Expect:",
    ]


_SIGNATURE = base64.b64encode(hmac.digest(SECRET.encode(), posted_body(0), hashlib.sha256)).decode()


def easy(url: str) -> pycurl.Curl:
    """Return a handle that posts to a URL."""
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.POST, 1)
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.TIMEOUT_MS, 5000)
    curl.setopt(pycurl.WRITEFUNCTION, len)
    return curl


def _post(url: str, *, seconds: float, first_serial: int) -> dict[str, float]:
    multi = pycurl.CurlMulti()
    free = [easy(url) for _ in range(_CONCURRENT)]
    handles = tuple(free)
    serial, posted, failed = first_serial, 0, 0
    began_s = time.perf_counter()
    until_s = began_s + seconds
    running = 0
    while True:
        if time.perf_counter() < until_s:
            while free:
                curl = free.pop()
                curl.setopt(pycurl.HTTPHEADER, headers(f"msg_{serial:032x}"))
                curl.setopt(pycurl.POSTFIELDS, posted_body(serial))
                multi.add_handle(curl)
                serial += 1
                running += 1
        if not running:
            break
        multi.select(1.0)
        multi.perform()
        _, succeeded, broken = multi.info_read()
        for curl in succeeded:
            posted += curl.getinfo(pycurl.RESPONSE_CODE) == 200
        failed += len(broken)
        for curl in (*succeeded, *(broken_one[0] for broken_one in broken)):
            multi.remove_handle(curl)
            free.append(curl)
            running -= 1
    ended_s = time.perf_counter()
    for curl in handles:
        curl.close()
    multi.close()
    return {"posted": posted, "failed": failed, "seconds": ended_s - began_s}


def cpu_s() -> float:
    """Return the seconds of CPU that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    before_s = cpu_s()
    report = _post(sys.argv[1], seconds=float(sys.argv[2]), first_serial=int(sys.argv[3]))
    usage_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(orjson.dumps({**report, "cpu_s": cpu_s() - before_s, "rss_mb": usage_kb / 1024}).decode())
