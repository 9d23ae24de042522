// An OpenID provider on loopback for the tests: the npm package oidc-provider, with knobs to make it fail.
//
// Started with one argument, JSON: {"clients": [...], "accessTokenTtl": seconds}. It prints its port, and ends with its
// standard input. POST /__control sets knobs (see `knobs`) and answers what was counted; GET /__control only answers.
import http from "node:http";
import Provider from "oidc-provider";

const config = JSON.parse(process.argv[2]);
const fresh = () => ({ status: 0, garbage: false, drop: [], holds: false, scope: null });
let knobs = fresh();
let held = [];
const seen = { token: {}, revocations: 0, refused: 0 };
const grants = new Set();

const server = http.createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: config.clients,
  scopes: ["openid", "offline_access", "email", "calendar", "calendar.events"],
  claims: { openid: ["sub"], email: ["email"] },
  conformIdTokenClaims: false,
  features: {
    devInteractions: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    clientCredentials: { enabled: true },
    rpInitiatedLogout: { enabled: false },
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: {
    AccessToken: config.accessTokenTtl,
    ClientCredentials: config.accessTokenTtl,
    AuthorizationCode: 60,
    Grant: 3600,
    IdToken: 3600,
    Interaction: 600,
    RefreshToken: 3600,
    Session: 3600,
  },
  async findAccount(ctx, id) {
    return { accountId: id, claims: async () => ({ sub: id, email: `${id}@provider.test` }) };
  },
});

provider.on("grant.success", (ctx) => {
  const grant = ctx.oidc.entities.Grant;
  if (grant) grants.add(grant.jti);
});
provider.on("grant.error", () => (seen.refused += 1));

provider.use(async (ctx, next) => {
  const isToken = ctx.path === "/token";
  if (isToken && knobs.status) {
    seen.token.failed = (seen.token.failed ?? 0) + 1;
    ctx.status = knobs.status;
    ctx.body = "<html>out of order</html>";
    return;
  }
  if (isToken && knobs.holds) await new Promise((resolve) => held.push(resolve));
  await next();
  if (ctx.path === "/token/revocation") seen.revocations += 1;
  if (!isToken) return;
  const type = ctx.oidc?.params?.grant_type ?? "unknown";
  seen.token[type] = (seen.token[type] ?? 0) + 1;
  if (ctx.status !== 200) return;
  if (knobs.garbage) {
    ctx.type = "text/html";
    ctx.body = "<html>what?</html>";
    return;
  }
  for (const key of knobs.drop) delete ctx.body[key];
  if (knobs.scope !== null) ctx.body.scope = knobs.scope;
});

async function control(request, response) {
  let text = "";
  for await (const chunk of request) text += chunk;
  const asked = text ? JSON.parse(text) : {};
  if (asked.revokeAll) {
    for (const id of grants) {
      await provider.RefreshToken.revokeByGrantId(id);
      await provider.AccessToken.revokeByGrantId(id);
    }
    grants.clear();
  }
  if (asked.forget) Object.assign(seen, { token: {}, revocations: 0, refused: 0 });
  if (asked.knobs) knobs = { ...fresh(), ...asked.knobs };
  if (!knobs.holds) {
    for (const release of held) release();
    held = [];
  }
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ ...seen, held: held.length }));
}

const callback = provider.callback();
server.on("request", (request, response) => {
  if (request.url === "/__control") control(request, response);
  else callback(request, response);
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
console.log(JSON.stringify({ issuer }));
