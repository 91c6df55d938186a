// The server under test, which internal/server starts (TestCertifiedClients): where it is, and its own API for what a
// client needs beforehand.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';

const said = JSON.parse(process.env.OSTIARY_TEST_HOUSE);

/** The issuer: the public URL. */
export const issuer = said.issuer;

/** A password that every rule lets pass. */
export const password = 'weathered lantern over nine bridges';

/** Where clients of tests get their answers. Nothing listens there: the browser of the tests stops before it. */
export const redirectURI = 'https://rp.example/callback';

/** Calls the server's own API as its operator, or with the token of a person; answers the body of what must succeed. */
export async function api(method, path, body, token) {
  const response = await fetch(`${token ? issuer : said.operator}/api/ostiary/v1${path}`, {
    method,
    headers: { Accept: 'application/json', ...(body && { 'Content-Type': 'application/json' }), ...(token && { Authorization: `Bearer ${token}` }) },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** Makes somebody with a verified address; answers {id, email}. */
export async function person() {
  const email = `ann.${randomBytes(4).toString('hex')}@example.com`;
  return { ...(await api('POST', '/users', { email, password, email_verified: true, name: 'Ann Lee' })), email };
}

/** An access token of a person at the server's own API. */
export async function signedIn({ email }) {
  return (await api('POST', '/sessions', { identifier: email, password })).tokens.access_token;
}

/** Every scope that the house has by itself. */
const scopes = ['openid', 'profile', 'email', 'phone', 'address', 'offline_access', 'roles', 'account', 'permissions'];

/** Registers a client; answers {client_id, client_secret, ...}. */
export async function register(metadata = {}) {
  const made = await api('POST', '/apps/default/clients', {
    name: 'Relying party',
    redirect_uris: [redirectURI],
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code', 'refresh_token'],
    scopes,
    ...metadata,
  });
  return { client_id: made.id, client_secret: made.client_secret };
}

/** Registers a protected resource with two scopes; answers its identifier. */
export async function resource(more = {}) {
  const uri = `https://api-${randomBytes(4).toString('hex')}.example`;
  await api('POST', '/apps/default/resources', { uri, name: 'Notes', scopes: { 'notes.read': 'Read your notes', 'notes.write': 'Write notes' }, ...more });
  return uri;
}

/** Answers requests on this machine until the test ends; answers the base URL. */
export async function listen(t, answer) {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    answer(request, response, body);
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}
