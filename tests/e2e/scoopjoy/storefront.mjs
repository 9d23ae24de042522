// What a storefront does, with nothing but node:crypto and fetch: a line of JSON in, a line of JSON out.
//
// In:  {"url", "secret", "body" (text), "headers"?, "signature"? (instead of the right one; null for none)}
// Out: {"status", "text"}, or {"error"} when no answer came
import { createHmac } from "node:crypto";
import { createInterface } from "node:readline";

async function send({ url, secret, body, headers = {}, signature }) {
  const right = createHmac("sha256", secret).update(body).digest("hex");
  const signed = signature === null ? {} : { "X-Storefront-Signature": signature ?? right };
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...signed, ...headers },
    body,
  });
  return { status: response.status, text: await response.text() };
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await send(JSON.parse(line)).catch((error) => ({ error: String(error.cause ?? error) }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
