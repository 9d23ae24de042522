// An OpenID provider on loopback for the tests: the npm package oidc-provider, with knobs to make it fail.
//
// Started with one argument, JSON: {"clients": [...], "scopes": [more of them]}. It prints its port, and ends with its
// standard input. POST /__control sets knobs (see `knobs`) and answers what was counted; GET /__control only answers.
import http from "node:http";
import Provider from "oidc-provider";

const config = JSON.parse(process.argv[2]);
const fresh = () => ({
  status: 0, // the token endpoint answers with this
  revocationStatus: 0, // and the revocation endpoint with this
  garbage: false, // tokens are given, and the answer cannot be read
  holds: false, // token requests wait until this is taken back
  drop: [], // keys that are left out of token answers
  expiresIn: null, // what token answers say instead of the truth
  scope: null,
  rotates: true,
});
let knobs = fresh();
let held = [];
const seen = { token: {}, revocations: 0, refused: 0 };
const grants = new Set();
const secrets = new Set(); // every code and token that was given, for the tests that search for them

const server = http.createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: config.clients,
  scopes: ["openid", "offline_access", "email", "calendar", ...config.scopes],
  claims: { openid: ["sub"], email: ["email"] },
  conformIdTokenClaims: false,
  features: {
    devInteractions: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    clientCredentials: { enabled: true },
    rpInitiatedLogout: { enabled: false },
  },
  async issueRefreshToken(ctx, client, code) {
    // As Google does: who asked for access_type=offline gets one without a scope for it.
    const isOffline = code.scopes.has("offline_access") || code.scopes.has(config.scopes[0]);
    return isOffline && client.grantTypeAllowed("refresh_token");
  },
  pkce: { required: () => true },
  rotateRefreshToken: () => knobs.rotates,
  ttl: {
    AccessToken: 3600,
    ClientCredentials: 3600,
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
  if (ctx.path === "/token/revocation" && knobs.revocationStatus) {
    ctx.status = knobs.revocationStatus;
    ctx.body = "";
    return;
  }
  if (isToken && knobs.holds) await new Promise((resolve) => held.push(resolve));
  await next();
  if (ctx.path === "/token/revocation") seen.revocations += 1;
  if (!isToken) return;
  const type = ctx.oidc?.params?.grant_type ?? "unknown";
  seen.token[type] = (seen.token[type] ?? 0) + 1;
  if (ctx.oidc?.params?.code) secrets.add(ctx.oidc.params.code);
  if (ctx.oidc?.params?.code_verifier) secrets.add(ctx.oidc.params.code_verifier);
  if (ctx.status !== 200) return;
  for (const key of ["access_token", "refresh_token", "id_token"]) if (ctx.body[key]) secrets.add(ctx.body[key]);
  if (knobs.garbage) {
    ctx.type = "text/html";
    ctx.body = "<html>what?</html>";
    return;
  }
  for (const key of knobs.drop) delete ctx.body[key];
  if (knobs.expiresIn !== null) ctx.body.expires_in = knobs.expiresIn;
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
  response.end(JSON.stringify({ ...seen, held: held.length, secrets: asked.secrets ? [...secrets] : [] }));
}

const callback = provider.callback();
server.on("request", (request, response) => {
  if (request.url === "/__control") control(request, response);
  else callback(request, response);
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
console.log(JSON.stringify({ issuer }));
